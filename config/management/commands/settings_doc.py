"""Writes docs/settings.md from what config/settings.py asks the environment for."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.settings import env

HEAD = """# Settings

Everything is set by environment variables. `NAME_FILE` may name a file with the value of `NAME`.
This page is made by `manage.py settings_doc`; a test keeps it up to date.
"""


def table() -> str:
    """Return the page."""
    lines = [HEAD]
    block = None
    for variable in env.variables:
        if variable.block != block:
            block = variable.block
            lines.append(
                f"\n## {block}\n\n| Name | Default | What it does |\n| --- | --- | --- |\n"
            )
        names = "<br>".join(f"`{name}`" for name in (variable.name, *variable.aliases))
        default = f"`{variable.default}`" if variable.default else "–"
        lines.append(f"| {names} | {default} | {variable.help} |\n")
    return "".join(lines)


class Command(BaseCommand):
    """Writes the page."""

    help = "Writes docs/settings.md."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write docs/settings.md."""
        path = Path(settings.BASE_DIR) / "docs" / "settings.md"
        path.write_text(table(), encoding="utf-8")
        self.stdout.write(f"{path.name} written")
