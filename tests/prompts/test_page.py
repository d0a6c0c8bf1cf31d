"""The page for people: works without script and without a key."""

import pytest
from django.http import HttpResponse
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

    def ask(address: str, **headers: str) -> HttpResponse:
        return client.post("/", {"idea": "fox"}, REMOTE_ADDR=address, **headers)  # type: ignore[arg-type,return-value]

    for _ in range(2):
        assert ask("198.51.100.1").status_code == 200
    limited = ask("198.51.100.1")
    assert limited.status_code == 429
    assert "That was a lot at once" in limited.content.decode()
    # What a visitor says about their own address counts for nothing.
    for header in ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED"):
        assert ask("198.51.100.1", **{header: "203.0.113.9"}).status_code == 429
    assert ask("198.51.100.2").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("steps", "1000", "Write a whole number from 1 to 60."),
        ("steps", "many", "Write a whole number from 1 to 60."),
        ("cfg", "0.5", "Write a number from 1 to 15."),
        ("cfg", "nan", "Write a number from 1 to 15."),
        ("seed", "-1", "Write a whole number from 0 to 18446744073709551615."),
        ("preset", "nothing", "Choose one from the list."),
        ("midjourney_version", "5", "Choose one from the list."),
        ("negative", "x" * 1001, "Use at most 1000 characters; these are 1001."),
        ("idea", "x" * 4001, "Use at most 4000 characters; these are 4001."),
    ],
)
def test_what_cannot_be_used_is_said_in_plain_words(
    client: Client, field: str, value: str, text: str
) -> None:
    page = client.post("/", {"idea": "fox", field: value})
    assert page.status_code == 422
    assert text in page.content.decode()


def test_a_forged_form_is_refused_with_a_plain_page() -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/", {"idea": "fox"})
    assert response.status_code == 403
    assert b"<html" in response.content


@pytest.mark.parametrize("idea", ["日本の庭 🦊", "كلب صغير", "e\u0301\u0327" * 50, "👨‍👩‍👧‍👦" * 40])
def test_any_writing_system_works(client: Client, idea: str) -> None:
    assert client.post("/", {"idea": idea}).status_code == 200
