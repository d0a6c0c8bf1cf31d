"""The result page reads the shape of a platform: a new setting shows without a new template."""

import base64
import json

from django.template import Context, Template

from prompts.templatetags.prompt_result import (
    json_address,
    platform_parts,
    pretty_json,
    spoken,
    token_chunks,
)


def test_a_platform_is_sorted_into_texts_settings_and_data() -> None:
    parts = platform_parts(
        {
            "text": "a fox",
            "negative": "blurry",
            "settings": {"cfg": 6.5, "seed": None, "tiling": False},
            "workflow": {"3": {"class_type": "KSampler", "inputs": {}}},
            "version": "v6",
            "tags": ["a", "b"],
            "empty": {},
        }
    )
    assert [line["text"] for line in parts["lines"]] == ["a fox", "blurry"]
    assert [(pair["name"], pair["value"]) for pair in parts["pairs"]] == [
        ("CFG scale", "6.5"),
        ("Tiling", "no"),
        ("Version", "v6"),
        ("Tags", "a, b"),
    ]
    assert [block["key"] for block in parts["blocks"]] == ["workflow"]


def test_flags_keep_the_name_one_types() -> None:
    parts = platform_parts({"flags": {"ar": "16:9", "--v": "6"}})
    assert [pair["name"] for pair in parts["pairs"]] == ["--ar", "--v"]


def test_a_long_unknown_text_becomes_a_text_to_copy() -> None:
    parts = platform_parts({"whatever": "word " * 20})
    assert [line["name"] for line in parts["lines"]] == ["Whatever"]


def test_something_that_is_no_platform_draws_nothing() -> None:
    assert platform_parts(None) == {"lines": [], "pairs": [], "blocks": []}


def test_the_download_link_holds_the_very_json_even_with_odd_letters() -> None:
    data = {"text": "café \U0001f98a", "n": 1}
    head, _, body = json_address(data).partition(",")
    assert head == "data:application/json;base64"
    assert json.loads(base64.b64decode(body)) == data


def test_a_lone_surrogate_does_not_break_the_page() -> None:
    assert json_address({"text": "\ud800"}).startswith("data:")


def test_json_on_the_page_is_escaped() -> None:
    page = Template("{% load prompt_result %}<pre>{{ data|pretty_json }}</pre>")
    shown = page.render(Context({"data": {"text": "<script>alert(1)</script>"}}))
    assert "<script>" not in shown
    assert "<script>" in pretty_json({"text": "<script>"})


def test_each_slot_starts_where_the_one_before_ends() -> None:
    (chunk,) = token_chunks({"chunks": [{"tokens": 30, "slots": {"quality": 8, "subject": 20}}]})
    assert [(part["slot"], part["start"], part["tokens"]) for part in chunk["parts"]] == [
        ("quality", 0, 8),
        ("subject", 8, 20),
    ]
    assert (chunk["tokens"], chunk["limit"]) == (30, 75)


def test_names_are_spoken_as_people_write_them() -> None:
    assert [spoken(key) for key in ("sdxl", "comfyui", "color_grade", "sampler_name")] == [
        "SDXL",
        "ComfyUI",
        "Color grade",
        "Sampler name",
    ]
