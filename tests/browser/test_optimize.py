"""A visitor turns an idea into prompts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from prompts.flows import optimize
from tests.browser.conftest import Watch

IDEA = "an old fisherman's hut in fog, anime, photorealistic, warm tones"
TOOLS = ["SDXL", "ComfyUI", "Midjourney", "Pika", "Runway"]

pytestmark = pytest.mark.usefixtures("words")


def expect_result(page: Page) -> None:
    """The whole answer is on the page: prompt, reasons, what was left out, and five tools."""
    wanted = optimize.run(optimize.parse({"idea": IDEA}))
    expect(page.locator("#prompt-text")).to_have_text(wanted["prompt"])
    expect(page.locator(".tool h2")).to_have_text(TOOLS)
    reasons = page.locator("[data-why]")
    reasons.locator("summary").click()
    rows = reasons.locator("tbody tr")
    expect(rows).to_have_count(sum(len(words) for words in wanted["slots"].values()))
    expect(rows.filter(has_text="warm tones")).to_contain_text("You wrote this")
    left_out = page.locator("details", has_text="Left out")
    left_out.locator("summary").click()
    expect(left_out.locator("tbody tr")).to_have_count(len(wanted["dropped"]))
    expect(left_out.locator("tbody")).to_contain_text("photorealistic")
    workflow = page.locator("#tool-comfyui-workflow")
    expect(workflow).to_be_hidden()
    page.locator("#tool-comfyui").get_by_text("Show JSON").click()
    expect(workflow).to_be_visible()
    assert json.loads(workflow.inner_text()) == wanted["platforms"]["comfyui"]["workflow"]


def test_an_idea_becomes_prompts_without_leaving_the_page(
    page: Page, clipboard: Callable[[], str]
) -> None:
    page.goto("/")
    page.evaluate("window.stillHere = true")
    page.get_by_label("What do you want to see?").fill(IDEA)
    page.keyboard.press("Control+Enter")
    expect_result(page)
    assert page.evaluate("window.stillHere")
    expect(page.get_by_role("status").last).to_have_text("Your prompts are ready")
    prompt = page.locator("#prompt-text").inner_text()
    page.get_by_role("button", name="Copy the prompt").click()
    expect(page.locator("[data-copy=prompt-text]")).to_have_text("Copied")
    assert clipboard() == prompt
    page.get_by_role("button", name="Copy the negative prompt").click()
    expect(page.locator("[data-copy=negative-text]")).to_have_text("Copied")
    assert clipboard() == page.locator("#negative-text").inner_text()


def test_the_workflow_can_be_downloaded_and_copied(
    page: Page, clipboard: Callable[[], str], tmp_path: Path
) -> None:
    page.goto("/?idea=a+fox")
    page.get_by_role("button", name="Make prompts").click()
    card = page.locator("#tool-comfyui")
    with page.expect_download() as download:
        card.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "comfyui-workflow.json"
    download.value.save_as(tmp_path / "workflow.json")
    saved = json.loads((tmp_path / "workflow.json").read_text())
    assert any(node["class_type"] == "KSampler" for node in saved.values())
    card.get_by_role("button", name="Copy workflow").click()
    expect(card.locator("[data-copy-label]").last).to_have_text("Copied")
    assert json.loads(clipboard()) == saved


def test_an_idea_becomes_prompts_without_script(plain: Page) -> None:
    plain.goto("/")
    plain.get_by_label("What do you want to see?").fill(IDEA)
    plain.get_by_role("button", name="Make prompts").click()
    expect_result(plain)
    expect(plain.get_by_label("What do you want to see?")).to_have_value(IDEA)
    assert plain.url.endswith("/#result")
    expect(plain.locator("[data-copy]").first).to_be_hidden()


def test_a_word_of_the_prompt_leads_to_its_reason(page: Page) -> None:
    page.goto("/?idea=a+fox")
    page.get_by_role("button", name="Make prompts").click()
    page.locator("a.fragment", has_text="a fox").click()
    expect(page.locator("#why-subject-1")).to_be_visible()


def test_options_change_the_prompt_and_are_remembered_by_the_browser(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Style").select_option("watercolor")
    page.get_by_label("What do you want to see?").fill("a fox")
    page.get_by_role("button", name="Make prompts").click()
    expect(page.locator("#prompt-text")).to_contain_text("watercolor")
    page.goto("/")
    expect(page.get_by_label("Style")).to_have_value("watercolor")
    expect(page.get_by_label("What do you want to see?")).to_have_value("")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    page: Page, plain: Page, watch: Watch, script: bool
) -> None:
    watch.expect_status(422)
    here = page if script else plain
    here.goto("/")
    here.get_by_label("Style").select_option("watercolor")
    here.get_by_label("Leave out").fill("people")
    idea = here.get_by_label("What do you want to see?")
    idea.fill("   ")
    here.get_by_role("button", name="Make prompts").click()
    error = here.locator(".composer__idea .field__errors")
    expect(error).to_have_text("Write a few words about what you want to see.")
    expect(idea).to_have_attribute("aria-invalid", "true")
    described = (idea.get_attribute("aria-describedby") or "").split()
    assert error.get_attribute("id") in described
    expect(here.get_by_label("Style")).to_have_value("watercolor")
    expect(here.get_by_label("Leave out")).to_have_value("people")
    idea.fill("a fox")
    here.get_by_role("button", name="Make prompts").click()
    expect(here.locator("#prompt-text")).to_contain_text("a fox")
    expect(error).to_have_count(0)


def test_a_wrong_number_opens_the_fold_it_hides_in_and_keeps_the_last_result(
    page: Page, watch: Watch
) -> None:
    watch.expect_status(422)
    page.goto("/?idea=a+fox")
    page.get_by_role("button", name="Make prompts").click()
    expect(page.locator("#prompt-text")).to_contain_text("a fox")
    page.get_by_text("Advanced").click()
    page.get_by_label("Steps").fill("900")
    page.get_by_text("Advanced").click()
    # Another browser might not check numbers itself.
    page.locator("form[data-optimize]").evaluate("form => { form.noValidate = true; }")
    page.get_by_role("button", name="Make prompts").click()
    expect(page.locator(".field", has=page.get_by_label("Steps"))).to_contain_text("60")
    expect(page.get_by_label("Steps")).to_be_focused()
    expect(page.locator("#prompt-text")).to_contain_text("a fox")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_who_asks_too_often_is_told_when_to_come_back(
    page: Page, plain: Page, watch: Watch, settings: Settings, script: bool
) -> None:
    watch.expect_status(429)
    settings.VISITOR_OPTIMIZE_LIMIT = 1
    here = page if script else plain
    here.goto("/?idea=a+fox")
    button = here.get_by_role("button", name="Make prompts")
    button.click()
    expect(here.locator("#prompt-text")).to_be_visible()
    button.click()
    expect(here.get_by_role("alert").first).to_contain_text("Try again in")
    expect(here.get_by_label("What do you want to see?")).to_have_value("a fox")
