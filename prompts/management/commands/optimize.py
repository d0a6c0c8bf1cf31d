"""The shell door: one idea as an argument, or many from standard input."""

import sys
from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from common.errors import UserError
from prompts.flows import optimize

OPTIONS = {
    "aspect_ratio": str,
    "preset": str,
    "style": str,
    "lighting": str,
    "composition": str,
    "mood": str,
    "color_grade": str,
    "motion": str,
    "negative": str,
    "extra_tags": str,
    "midjourney_version": str,
    "pika_version": str,
    "runway_version": str,
    "steps": int,
    "cfg": float,
    "sampler": str,
    "scheduler": str,
    "seed": int,
}


class Command(BaseCommand):
    """Turns ideas into prompts."""

    help = (
        "Turns an idea into prompts. Without an idea, reads one per line from standard input and "
        "writes one line of JSON for each, an error in its place."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Every option of the API is a flag."""
        parser.add_argument("idea", nargs="?", help="what you want to see")
        parser.add_argument("--json", action="store_true", help="write the whole result as JSON")
        for name, kind in OPTIONS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", dest=name, type=kind)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the result of one idea, or a line per idea of standard input."""
        chosen = {name: options[name] for name in OPTIONS if options.get(name) is not None}
        idea = options["idea"]
        if idea is not None:
            self._one(idea, chosen, as_json=options["json"])
            return
        failed = sum(
            not self._line(line.rstrip("\n"), chosen) for line in sys.stdin if line.strip()
        )
        if failed:
            raise CommandError(f"{failed} ideas could not be used; their lines say why.")

    def _one(self, idea: str, chosen: dict[str, Any], *, as_json: bool) -> None:
        try:
            result = optimize.run(optimize.parse({"idea": idea, **chosen}))
        except UserError as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        if as_json:
            self.stdout.write(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())
            return
        self.stdout.write(result["prompt"])
        if result["negative"]:
            self.stdout.write(f"\nNegative: {result['negative']}")
        for hint in result["hints"]:
            self.stdout.write(f"Hint: {hint['text']}")

    def _line(self, idea: str, chosen: dict[str, Any]) -> bool:
        try:
            answer = optimize.run(optimize.parse({"idea": idea, **chosen}))
        except UserError as error:
            self.stdout.write(orjson.dumps({"idea": idea, **error.as_dict()}).decode())
            return False
        self.stdout.write(orjson.dumps(answer).decode())
        return True
