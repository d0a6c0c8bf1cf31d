"""The shell door."""

import io
import json
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from prompts.flows import optimize

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]


def test_one_idea_as_json_is_the_same_answer_as_the_api_gives() -> None:
    out = StringIO()
    call_command(
        "optimize", "a red fox", "--json", "--aspect-ratio", "16:9", "--seed", "7", stdout=out
    )
    expected = optimize.run(
        optimize.parse({"idea": "a red fox", "aspect_ratio": "16:9", "seed": 7})
    )
    assert json.loads(out.getvalue()) == json.loads(json.dumps(expected))


def test_one_idea_for_reading() -> None:
    out = StringIO()
    call_command("optimize", "a red fox", stdout=out)
    assert "a red fox" in out.getvalue()
    assert "Negative:" in out.getvalue()


def test_many_ideas_from_standard_input_give_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a red fox\n\na barn owl\n"))
    out = StringIO()
    call_command("optimize", "--json", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["slots"]["subject"][0]["text"] for line in lines] == ["a red fox", "a barn owl"]


def test_a_bad_idea_has_its_error_in_its_line_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("x" * 5000 + "\na barn owl\n"))
    out = StringIO()
    with pytest.raises(CommandError, match="1 ideas"):
        call_command("optimize", stdout=out)
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["error"]["code"] == "too_long"
    assert second["prompt"]


def test_a_bad_option_says_so() -> None:
    with pytest.raises(CommandError, match="aspect_ratio|Aspect ratio"):
        call_command("optimize", "fox", "--aspect-ratio", "wide")
