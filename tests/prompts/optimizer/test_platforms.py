"""Midjourney, Pika, Runway and SDXL, each in the form its version takes."""

import re
from collections.abc import Callable

import pytest

from prompts.optimizer import Result
from prompts.optimizer.platforms.pika import check_camera
from prompts.optimizer.text import utf16_length

Run = Callable[..., Result]
CAMERA = {
    "zoom": ["in", "out"],
    "pan": ["up", "down", "left", "right"],
    "rotate": ["cw", "ccw"],
}


def test_sdxl_has_text_size_and_sampling(run: Run) -> None:
    sdxl = run("a cat", aspect_ratio="4:5").platforms["sdxl"]
    assert (sdxl["width"], sdxl["height"]) == (896, 1152)
    assert (sdxl["sampler"], sdxl["scheduler"], sdxl["steps"]) == ("dpmpp_2m", "karras", 30)
    assert 6 <= sdxl["cfg"] <= 7
    assert sdxl["prompt"] and sdxl["negative_prompt"]


def test_midjourney_v6_is_the_default_with_its_flags_last(run: Run) -> None:
    result = run("a cat, oil painting", aspect_ratio="3:2", negative="dogs")
    line = result.platforms["midjourney"]["prompt"]
    text, _, flags = line.partition(" --")
    assert text == result.prompt
    assert flags.startswith("ar 3:2 --s 100 --v 6 --no dogs, ")
    assert result.platforms["midjourney"]["version"] == "6"


def test_midjourney_takes_a_photo_raw_in_the_writing_of_its_version(run: Run) -> None:
    six = run("a cat, photorealistic").platforms["midjourney"]["prompt"]
    seven = run("a cat, photorealistic", midjourney_version="7").platforms["midjourney"]["prompt"]
    assert "--style raw" in six
    assert "--raw" in seven and "--style" not in seven


@pytest.mark.parametrize(
    ("version", "typed", "line", "dropped"),
    [
        ("6", "--cref http://e.x/a.png --cw 50", "--cref http://e.x/a.png --cw 50", None),
        ("7", "--cref http://e.x/a.png", "--oref http://e.x/a.png", "--oref http://e.x/a.png"),
        ("7", "--cw 50", "--ow 50", "--ow 50"),
        ("8.1", "--cref http://e.x/a.png", "--oref http://e.x/a.png", "--oref http://e.x/a.png"),
        ("6", "--oref http://e.x/a.png", "", "Midjourney v6"),
        ("6", "--exp 10", "", "Midjourney v6"),
        ("7", "--exp 10", "--exp 10", None),
        ("6", "--q .5", "--q 0.5", None),
        ("7", "--q .5", "", "Midjourney v7"),
        ("7", "--q 4", "--q 4", None),
        ("8.1", "--q 1", "", "Midjourney v8.1"),
        ("8.1", "--tile", "", "Midjourney v8.1"),
        ("6", "--tile", "--tile", None),
        ("6", "--draft", "", "Midjourney v6"),
        ("7", "--draft", "--draft", None),
        ("6", "--s 1001", "", "Midjourney v6"),
        ("6", "--s 1000", "--s 1000", None),
        ("6", "--c 101", "", "Midjourney v6"),
        ("6", "--c 100", "--c 100", None),
        ("6", "--w 3000", "--w 3000", None),
        ("6", "--sw 1000", "--sw 1000", None),
        ("6", "--stop 9", "", "Midjourney v6"),
        ("6", "--iw 1.5", "--iw 1.5", None),
        ("6", "--seed 99", "--seed 99", None),
        ("6", "--niji 6", "--niji 6", None),
        ("6", "--sv 2", "", "Midjourney v6"),
        ("6", "--style cute", "", "Midjourney v6"),
        ("6", "--hd", "", "Midjourney v6"),
    ],
)
def test_midjourney_flags_are_kept_translated_or_left_out_by_version(
    run: Run, version: str, typed: str, line: str, dropped: str | None
) -> None:
    result = run(f"a red chair {typed}", midjourney_version=version)
    prompt = result.platforms["midjourney"]["prompt"]
    if line:
        assert re.search(rf"{re.escape(line)}(?= |$)", prompt)
    else:
        assert f"{typed.split()[0]} {typed.split()[1] if ' ' in typed else ''}" not in prompt
    rules = [(item.rule, item.winner) for item in result.dropped if item.rule == "C25"]
    assert rules == ([("C25", dropped)] if dropped else [])


def test_a_typed_version_picks_its_profile(run: Run) -> None:
    assert run("a cat --v 7").platforms["midjourney"]["version"] == "7"
    old = run("a cat --v 5.2")
    assert old.platforms["midjourney"]["version"] == "6"
    assert ("--v 5.2", "C25", "Midjourney v6") in old.dropped


def test_midjourney_v8_takes_no_version_and_no_list(run: Run) -> None:
    result = run("a cat", midjourney_version="8.1", negative="dogs")
    line = result.platforms["midjourney"]["prompt"]
    assert "--v " not in line and "--no" not in line
    assert ("--no dogs", "C25", "Midjourney v8.1") in result.dropped


def test_no_flag_hides_in_the_text_for_midjourney(run: Run) -> None:
    line = run("a well--known cat").platforms["midjourney"]["prompt"]
    assert "well—known" in line


def test_the_pika_bot_gets_motion_parameters_after_the_text(run: Run) -> None:
    result = run("a race car, slow push in", aspect_ratio="16:9")
    pika = result.platforms["pika"]
    assert pika["prompt"].startswith(result.prompt + " -ar 16:9 -motion 2 -gs 12 -fps 24")
    assert " -camera zoom in -neg " in pika["prompt"]
    assert "warping" in pika["negative"]
    assert len(pika["prompt"]) <= 1500


def test_pika_flags_out_of_range_are_left_out(run: Run) -> None:
    result = run("a cat -motion 9 -fps 30 -gs 20")
    pika = result.platforms["pika"]
    assert (pika["motion"], pika["fps"], pika["gs"]) == (1, 24, 20)
    assert ("-motion 9", "C25", "-motion 1") in result.dropped


@pytest.mark.parametrize(
    ("typed", "allowed"),
    [
        ("zoom in", "zoom in"),
        ("zoom in out", "zoom in"),
        ("pan up left", "pan up left"),
        ("pan up down", "pan up"),
        ("pan left right", "pan left"),
        ("pan up left down", "pan up left"),
        ("rotate cw", "rotate cw"),
        ("rotate cw ccw", "rotate cw"),
        ("zoom left", ""),
        ("zoom in pan left", "zoom in"),
        ("fly", ""),
        ("", ""),
    ],
)
def test_pikas_camera_does_one_kind_of_thing(typed: str, allowed: str) -> None:
    assert check_camera(typed, CAMERA) == allowed


def test_the_pika_api_gets_fields_and_a_shape_it_takes(run: Run) -> None:
    pika = run("a cat", pika_version="2.2", aspect_ratio="16:9").platforms["pika"]
    assert pika["aspect_ratio"] == round(16 / 9, 4)
    assert (pika["resolution"], pika["duration"]) == ("1080p", 5)
    assert 0 <= pika["seed"] < 2**32
    wide = run("a cat", pika_version="2.2", aspect_ratio="3:1")
    assert wide.platforms["pika"]["aspect_ratio"] == 2.5
    assert ("Pika 3:1", "C25", "2.5") in wide.dropped


def test_runway_leads_with_the_camera_and_has_no_negative(run: Run) -> None:
    result = run("a fox in the snow", motion="pan left", negative="blurry, dogs")
    runway = result.platforms["runway"]
    assert runway["prompt"].startswith("The camera pans left: a fox in the snow, ")
    assert "negative" not in runway
    assert "sharp, steady focus" in runway["prompt"].lower()
    assert "dogs" not in runway["prompt"]
    assert ("Runway: dogs", "no-negative", "") in result.dropped


@pytest.mark.parametrize(
    ("version", "aspect", "model", "ratio", "needs_image"),
    [
        ("gen4.5", "16:9", "gen4.5", "1280:720", False),
        ("gen4.5", "9:16", "gen4.5", "720:1280", False),
        ("gen4", "1:1", "gen4_turbo", "960:960", True),
        ("gen4", "21:9", "gen4_turbo", "1584:672", True),
        ("gen4", "4:3", "gen4_turbo", "1104:832", True),
        ("gen3", "9:16", "gen3a_turbo", "768:1280", True),
    ],
)
def test_runway_gets_a_ratio_its_model_knows(
    run: Run, version: str, aspect: str, model: str, ratio: str, needs_image: bool
) -> None:
    runway = run("a fox", runway_version=version, aspect_ratio=aspect).platforms["runway"]
    assert (runway["model"], runway["ratio"], runway["needs_image"]) == (model, ratio, needs_image)


@pytest.mark.parametrize("version", ["gen4.5", "gen4", "gen3"])
def test_runways_text_stays_within_1000_utf16_units(run: Run, version: str) -> None:
    runway = run("🦊" * 840, runway_version=version).platforms["runway"]
    assert 900 < utf16_length(runway["prompt"]) <= 1000


def test_of_two_camera_moves_the_first_is_used(run: Run) -> None:
    result = run("a fox", motion="orbit, pan left")
    assert result.platforms["runway"]["camera"] == "The camera orbits the subject"
    assert result.platforms["pika"]["camera"] == "rotate cw"
    assert ("pan left", "C20", "orbit") in result.dropped


def test_a_free_camera_wish_goes_to_runway(run: Run) -> None:
    runway = run("a fox", motion="the camera floats after it").platforms["runway"]
    assert runway["prompt"].startswith("The camera floats after it: a fox")


def test_seeds_stay_within_what_each_tool_counts(run: Run) -> None:
    platforms = run("a fox", seed=2**64 - 1).platforms
    assert platforms["comfyui"]["workflow"]["3"]["inputs"]["seed"] == 2**64 - 1
    assert platforms["midjourney"]["flags"]["seed"] < 2**32
    assert platforms["pika"]["seed"] < 2**32
    assert platforms["runway"]["seed"] < 2**32
