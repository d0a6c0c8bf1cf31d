"""The last screen of a start: where to go, and who to be."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from config.setup.paths import ROOT

STAFF = "owner@atelier.localhost"
DEMO_KEY = "demo123"


def welcome(*, seconds: float, silent: Sequence[str], show_password: bool) -> str:
    """The text. `silent` names programs that do not answer yet."""
    address = settings.PUBLIC_BASE_URL
    rows = [
        ("Address", f"{address}/"),
        ("Staff", f"{address}/admin/"),
        ("", f"{STAFF}, password {_password(show_password)}"),
        ("API key", f"{DEMO_KEY} (header X-API-Key, 50 calls a day)"),
        ("Mail", f"{address}/outbox/"),
        ("Data", _short(settings.VAR_DIR)),
        ("Stop", "Ctrl-C"),
    ]
    lines = [f"  {name:<9}{value}" for name, value in rows]
    state = f"Atelier is up ({seconds:.1f} s)"
    if silent:
        state = f"Atelier is starting; no answer yet from {', '.join(silent)}"
    return "\n".join(["", f"  {state}", "", *lines, ""])


def _password(show: bool) -> str:
    """The password itself on a terminal; in a log, only where it stands."""
    file = settings.VAR_DIR / "staff-password"
    try:
        return file.read_text(encoding="utf-8").strip() if show else f"in {_short(file)}"
    except OSError:
        return "as it was set in this database (manage.py changepassword sets another)"


def _short(path: object) -> str:
    return str(path).removeprefix(f"{ROOT}/")
