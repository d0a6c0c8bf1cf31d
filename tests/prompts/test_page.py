"""The page for people: works without script and without a key."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.flows import starter

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]


def test_the_empty_page_invites_with_examples(client: Client) -> None:
    starter.seed()
    page = client.get("/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "What do you want to see?" in text
    assert text.count('class="start__idea"') == 3
    assert "Chaos Venice Productions" in text


def test_an_example_fills_the_form(client: Client) -> None:
    assert "a fox &amp; an owl" in client.get("/", {"idea": "a fox & an owl"}).content.decode()


def test_a_visitor_without_key_gets_prompts_for_all_five_tools(client: Client) -> None:
    page = client.post("/", {"idea": "a red fox in snow", "aspect_ratio": "16:9"}).content.decode()
    for tool in ("SDXL", "ComfyUI", "Midjourney", "Pika", "Runway"):
        assert tool in page
    assert "--ar 16:9" in page
    assert "a red fox in snow" in page


def test_the_page_says_why_each_word_is_there(client: Client) -> None:
    page = client.post("/", {"idea": "a red fox in snow", "mood": "serene"}).content.decode()
    assert "Why these words" in page
    assert "serene" in page


def test_an_empty_idea_says_what_to_do_beside_the_field(client: Client) -> None:
    page = client.post("/", {"idea": " "})
    assert page.status_code == 422
    assert "Write a few words about what you want to see." in page.content.decode()


def test_markup_in_an_idea_is_shown_as_text(client: Client) -> None:
    page = client.post("/", {"idea": "<script>alert(1)</script> fox"}).content.decode()
    assert "<script>alert(1)" not in page


def test_visitors_are_limited_per_address(client: Client, settings: Settings) -> None:
    settings.VISITOR_OPTIMIZE_LIMIT = 2
    for _ in range(2):
        assert client.post("/", {"idea": "fox"}).status_code == 200
    limited = client.post("/", {"idea": "fox"})
    assert limited.status_code == 429
    assert "That was a lot at once" in limited.content.decode()


def test_a_forged_form_is_refused_with_a_plain_page() -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/", {"idea": "fox"})
    assert response.status_code == 403
    assert b"<html" in response.content


@pytest.mark.parametrize("idea", ["日本の庭 🦊", "كلب صغير", "e\u0301\u0327" * 50, "👨‍👩‍👧‍👦" * 40])
def test_any_writing_system_works(client: Client, idea: str) -> None:
    assert client.post("/", {"idea": idea}).status_code == 200
