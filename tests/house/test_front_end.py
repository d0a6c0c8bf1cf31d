"""The clothes: readable in both schemes, colours from the tokens only, fit for a strict CSP."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
CSS = list((ROOT / "static/css").rglob("*.css"))
PAGES = [path for path in (ROOT / "templates").rglob("*.html") if "/email/" not in path.as_posix()]
TOKENS = (ROOT / "static/css/variables.css").read_text()

TEXT = 4.5  # WCAG AA for text of ordinary size
CONTROL = 3.0  # WCAG AA for outlines, icons and marks
GROUNDS = ("ground", "surface", "raised", "sunken")
PAIRS = [
    *(("ink", ground, TEXT) for ground in (*GROUNDS, "hover", "accent-soft")),
    *(("ink-body", ground, TEXT) for ground in (*GROUNDS, "hover", "accent-soft")),
    *(("ink-quiet", ground, TEXT) for ground in (*GROUNDS, "accent-soft")),
    *(("accent-ink", ground, TEXT) for ground in (*GROUNDS, "accent-soft")),
    *(("line-control", ground, CONTROL) for ground in ("ground", "surface")),
    *(
        (f"slot-{slot}", "surface", CONTROL)
        for slot in (
            "quality", "subject", "style", "lighting", "composition", "mood", "color_grade", "extra"
        )
    ),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-hover", TEXT),
    ("on-bad", "bad-fill", TEXT),
    ("bad", "ground", TEXT),
    ("bad", "surface", TEXT),
    *((state, f"{state}-soft", TEXT) for state in ("good", "bad", "warn")),
    *(("ink", f"{state}-soft", TEXT) for state in ("good", "bad", "warn")),
]  # fmt: skip


def colour(token: str, scheme: str) -> str:
    found = re.search(rf"--{token}: (?:light-dark\((#\w+), (#\w+)\)|(#\w+));", TOKENS)
    assert found, f"--{token} is no colour in variables.css"
    light, dark, both = found.groups()
    return both or (light if scheme == "light" else dark)


def luminance(hex_colour: str) -> float:
    channels = [int(hex_colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_every_pair_of_colours_can_be_read(
    front: str, back: str, least: float, scheme: str
) -> None:
    darker, lighter = sorted(luminance(colour(token, scheme)) for token in (front, back))
    assert (lighter + 0.05) / (darker + 0.05) >= least


@pytest.mark.parametrize("path", CSS, ids=lambda path: path.name)
def test_colours_stand_in_the_tokens_only(path: Path) -> None:
    if path.name != "variables.css":
        assert not re.findall(
            r"#[0-9a-fA-F]{3,8}\b(?=[^{]*;)|\brgba?\(|\bhsla?\(", path.read_text()
        )


@pytest.mark.parametrize("path", CSS, ids=lambda path: path.name)
def test_stylesheets_use_only_tokens_that_exist(path: Path) -> None:
    sheet = path.read_text()
    known = set(re.findall(r"(--[\w-]+):", TOKENS + sheet)) | {"--slot"}
    assert set(re.findall(r"var\((--[\w-]+)", sheet)) <= known


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_needs_what_a_strict_policy_refuses(path: Path) -> None:
    page = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)


def test_every_icon_a_page_names_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/img/icons.svg").read_text()))
    named = {
        name
        for path in PAGES
        for name in re.findall(r'"_icon.html" with name="([\w-]+)"', path.read_text())
    }
    assert named <= drawn


def test_the_fonts_that_the_stylesheet_names_are_unpacked_at_set_up() -> None:
    vendor = json.loads((ROOT / "package.json").read_text())["atelier"]["vendor"]
    unpacked = {target for files in vendor.values() for target in files.values()}
    wanted = re.findall(r"vendor/(fonts/[\w.-]+)", (ROOT / "static/css/fonts.css").read_text())
    assert wanted and set(wanted) <= unpacked
