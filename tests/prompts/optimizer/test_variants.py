"""Variants that differ in exactly one slot."""

import pytest

from prompts.optimizer import SLOTS, OptimizeInputError, OptimizeRequest, Vocabulary, variants

IDEA = OptimizeRequest.parse({"idea": "a lone lighthouse keeper at night, oil painting"})


@pytest.mark.parametrize("slot", ["quality", "style", "lighting", "composition", "mood"])
def test_variants_differ_in_one_slot_only(vocabulary: Vocabulary, slot: str) -> None:
    results = variants(IDEA, vocabulary, slot=slot, count=4)
    assert len(results) == 4
    assert len({result.prompt for result in results}) == 4
    for result in results[1:]:
        for name in SLOTS:
            same = result.as_dict()["slots"][name] == results[0].as_dict()["slots"][name]
            assert same is (name != slot)


def test_variants_are_the_same_each_time(vocabulary: Vocabulary) -> None:
    one = [result.as_dict() for result in variants(IDEA, vocabulary, slot="mood", count=5)]
    two = [result.as_dict() for result in variants(IDEA, vocabulary, slot="mood", count=5)]
    assert one == two


def test_a_variant_clashes_with_nothing(vocabulary: Vocabulary) -> None:
    request = OptimizeRequest.parse({"idea": "a cat", "color_grade": "black and white"})
    for result in variants(request, vocabulary, slot="style", count=8):
        assert len(result.prompt) <= 850
    colors = OptimizeRequest.parse({"idea": "a cat, golden hour"})
    for result in variants(colors, vocabulary, slot="lighting", count=8)[1:]:
        assert "golden hour" not in result.prompt


@pytest.mark.parametrize(("slot", "count"), [("subject", 2), ("mood", 1), ("mood", 9), ("x", 2)])
def test_other_slots_and_counts_are_refused(vocabulary: Vocabulary, slot: str, count: int) -> None:
    with pytest.raises(OptimizeInputError) as caught:
        variants(IDEA, vocabulary, slot=slot, count=count)
    assert caught.value.code == "invalid_value"
