"""Every workflow is one a ComfyUI server takes."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from prompts.optimizer import Result, starter_data

from .comfyui import SAMPLERS, SCHEDULERS, problems

Run = Callable[..., Result]
DRAWING = next(row for row in starter_data()["platforms"] if row["platform"] == "sdxl")["settings"]
ASPECTS = [*DRAWING["aspects"], "37:20", "4:1", "1:4", "1344:768"]


def workflow(result: Result) -> dict[str, Any]:
    graph: dict[str, Any] = result.platforms["comfyui"]["workflow"]
    return graph


def sampler_of(result: Result) -> dict[str, Any]:
    nodes = workflow(result).values()
    inputs: dict[str, Any] = next(n for n in nodes if n["class_type"] == "KSampler")["inputs"]
    return inputs


def encoded(result: Result, which: str) -> list[str]:
    """Return the texts behind the sampler's positive or negative input, in order."""
    graph = workflow(result)

    def texts(name: str) -> list[str]:
        inputs = graph[name]["inputs"]
        if "text" in inputs:
            return [inputs["text"]]
        return texts(inputs["conditioning_to"][0]) + texts(inputs["conditioning_from"][0])

    return texts(sampler_of(result)[which][0])


@pytest.mark.parametrize("aspect", ASPECTS)
def test_every_aspect_gives_a_good_workflow_of_a_trained_size(run: Run, aspect: str) -> None:
    result = run("a cat on a wall", aspect_ratio=aspect)
    assert problems(workflow(result)) == []
    size = [result.platforms["sdxl"]["width"], result.platforms["sdxl"]["height"]]
    assert size in DRAWING["buckets"]
    if aspect in DRAWING["aspects"]:
        assert size == DRAWING["aspects"][aspect]


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_every_sampler_gives_a_good_workflow(run: Run, sampler: str) -> None:
    result = run("a cat", sampler=sampler)
    assert problems(workflow(result)) == []
    assert sampler_of(result)["sampler_name"] == sampler


@pytest.mark.parametrize("scheduler", sorted(SCHEDULERS))
def test_every_scheduler_gives_a_good_workflow(run: Run, scheduler: str) -> None:
    result = run("a cat", scheduler=scheduler)
    assert problems(workflow(result)) == []
    assert sampler_of(result)["scheduler"] == scheduler


def test_the_lists_of_the_profile_are_those_of_the_node() -> None:
    assert set(DRAWING["samplers"]) == SAMPLERS
    assert set(DRAWING["schedulers"]) == SCHEDULERS
    assert len(DRAWING["buckets"]) == 41
    assert all([h, w] in DRAWING["buckets"] for w, h in DRAWING["buckets"])


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_the_settings_asked_for_are_in_the_sampler(run: Run, seed: int) -> None:
    result = run("a cat", seed=seed, steps=44, cfg=3.5)
    assert problems(workflow(result)) == []
    chosen = sampler_of(result)
    assert (chosen["seed"], chosen["steps"], chosen["cfg"]) == (seed, 44, 3.5)


def test_without_a_seed_the_words_decide_it(run: Run) -> None:
    one, two, three = run("a cat"), run("a cat"), run("a dog")
    assert sampler_of(one)["seed"] == sampler_of(two)["seed"] != sampler_of(three)["seed"]


def test_a_long_prompt_is_encoded_chunk_by_chunk_between_slots(run: Run) -> None:
    tags = [f"little carved figure number {n}" for n in range(20)]
    result = run("a temple garden, oil painting, golden hour", extra_tags=tags)
    assert problems(workflow(result)) == []
    texts = encoded(result, "positive")
    assert len(texts) > 1
    assert ", ".join(texts) == result.prompt
    assert texts[0].endswith(result.slots["color_grade"][-1].text)


def test_parentheses_are_plain_characters(run: Run) -> None:
    result = run("a cat (black)", negative="dogs (all)")
    assert "a cat \\(black\\)" in encoded(result, "positive")[0]
    assert "dogs \\(all\\)" in encoded(result, "negative")[0]
    assert "a cat \\(black\\)" in result.platforms["sdxl"]["prompt"]
    assert "a cat (black)" in result.prompt


def test_the_validator_finds_what_a_server_refuses(run: Run) -> None:
    good = workflow(run("a cat"))
    for name, field, value in (
        ("3", "sampler_name", "DPM++ 2M Karras"),
        ("3", "seed", -1),
        ("3", "steps", 0),
        ("3", "model", ["1", 1]),
        ("3", "positive", ["99", 0]),
        ("2", "width", 8),
        ("5", "filename_prefix", "../x"),
    ):
        broken = deepcopy(good)
        broken[name]["inputs"][field] = value
        assert problems(broken), field
    missing = deepcopy(good)
    del missing["5"]
    assert "prompt_no_outputs" in problems(missing)
