"""The vocabulary: rows for staff, published versions for the optimiser."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from prompts.errors import PromptsError
from prompts.flows import optimize, vocabulary
from prompts.models import ConflictSet, Preset, Term, VocabularyVersion
from prompts.optimizer import Vocabulary, starter_data

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]


def result(idea: str, **options: object) -> dict:
    return optimize.run(optimize.parse({"idea": idea, **options}))


def test_the_rows_say_the_same_as_the_data_files() -> None:
    from_files = Vocabulary.from_data(starter_data())
    from_rows = vocabulary.current()
    assert set(from_files.terms) == set(from_rows.terms)
    assert from_files.presets.keys() == from_rows.presets.keys()
    assert [n.text for n in from_files.negatives] == [n.text for n in from_rows.negatives]


def test_loading_twice_changes_nothing() -> None:
    before = VocabularyVersion.objects.count()
    assert vocabulary.load_starter() == []
    assert VocabularyVersion.objects.count() == before


def test_loading_newer_starter_data_keeps_what_staff_changed() -> None:
    Term.objects.filter(text="golden hour").update(active=False)
    Term.objects.filter(text="blue hour").delete()
    VocabularyVersion.objects.update(starter="older")
    vocabulary.load_starter()
    assert not Term.objects.get(text="golden hour").active
    assert Term.objects.filter(text="blue hour").exists()


def test_an_edit_in_the_admin_is_published_and_used_at_once(staff_client: Client) -> None:
    before = result("a fox, crystalline glow")
    assert not before["slots"]["lighting"] or all(
        f["text"] != "crystalline glow" for f in before["slots"]["lighting"]
    )
    response = staff_client.post(
        "/admin/prompts/term/add/",
        {
            "slot": "lighting",
            "family": "effect",
            "text": "crystalline glow",
            "aliases": "",
            "vague_aliases": "",
            "tags": "",
            "negatives": "",
            "params": "{}",
            "prose": "on",
            "position": "5",
            "active": "on",
        },
    )
    assert response.status_code == 302
    vocabulary.store.clear()
    after = result("a fox, crystalline glow")
    assert "crystalline glow" in [f["text"] for f in after["slots"]["lighting"]]
    assert after["vocabulary_version"] != before["vocabulary_version"]
    newest = VocabularyVersion.objects.first()
    assert newest is not None
    assert newest.note.startswith("Added: crystalline glow")
    assert newest.author is not None


def test_an_edit_that_does_not_fit_is_undone_with_a_reason(
    staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(data: object) -> None:
        raise ValueError("two words with one name")

    monkeypatch.setattr(vocabulary.Vocabulary, "from_data", broken)
    term = Term.objects.get(text="golden hour")
    response = staff_client.post(
        f"/admin/prompts/term/{term.pk}/delete/", {"post": "yes"}, follow=True
    )
    assert "two words with one name" in response.content.decode()
    assert Term.objects.filter(text="golden hour").exists()


def test_switching_a_preset_off_takes_it_from_the_form(
    staff_client: Client, client: Client
) -> None:
    preset = Preset.objects.filter(active=True).first()
    assert preset is not None
    data = {"action": "switch_off", "_selected_action": [preset.pk]}
    staff_client.post("/admin/prompts/preset/", data)
    vocabulary.store.clear()
    page = client.get("/").content.decode()
    assert f'value="{preset.code}">{preset.title}<' not in page
    other = Preset.objects.filter(active=True).first()
    assert other is not None
    assert f'value="{other.code}">{other.title}<' in page


def test_an_unchanged_vocabulary_publishes_no_new_version() -> None:
    before = VocabularyVersion.objects.first()
    assert vocabulary.publish() == before


def test_an_earlier_version_can_be_made_the_current_one() -> None:
    first = VocabularyVersion.objects.first()
    assert first is not None
    Term.objects.filter(slot="mood").delete()
    second = vocabulary.publish()
    assert second != first
    third = vocabulary.restore(first)
    assert third.fingerprint == first.fingerprint
    assert Term.objects.filter(slot="mood").exists()


def test_a_conflict_is_edited_as_lines(staff_client: Client) -> None:
    row = ConflictSet.objects.get(code="C2")
    page = staff_client.get(f"/admin/prompts/conflictset/{row.pk}/change/").content.decode()
    assert "low-key lighting\nhigh-key lighting" in page
    data = {
        "code": "C2",
        "title": row.title,
        "kind": "hard",
        "sides": "one side only",
        "unless": "",
        "position": "1",
        "active": "on",
    }
    refused = staff_client.post(f"/admin/prompts/conflictset/{row.pk}/change/", data)
    assert "at least two sides" in refused.content.decode()


def test_staff_can_try_the_vocabulary_on_an_idea(staff_client: Client) -> None:
    page = staff_client.get(
        "/admin/prompts/vocabularyversion/preview/", {"idea": "a red fox, serene"}
    )
    assert page.status_code == 200
    assert "serene" in page.content.decode()


def test_without_a_vocabulary_the_answer_says_what_to_do() -> None:
    VocabularyVersion.objects.all().delete()
    vocabulary.store.clear()
    with pytest.raises(PromptsError, match="manage.py seed"):
        vocabulary.current()


def test_a_version_that_cannot_be_read_stops_nobody_who_has_one(settings: Settings) -> None:
    settings.VOCABULARY_REFRESH_SECONDS = 0
    before = vocabulary.current()
    VocabularyVersion.objects.create(name="9-broken", fingerprint="x", data={"platforms": []})
    assert vocabulary.current() is before
    assert result("a red fox")["vocabulary_version"] == before.version
