"""Whether static/vendor/ is up to date. Read by set-up itself: standard library only."""

from __future__ import annotations

import json
from pathlib import Path

from config.setup import stamp
from config.setup.paths import ROOT, VENDOR, SetupError

STAMP = VENDOR / ".stamp"


def is_current() -> bool:
    """Whether static/vendor/ was made from these lists, by this code, and nothing is gone."""
    if not stamp.matches(STAMP, wanted()):
        return False
    ours = json.loads((ROOT / "package.json").read_text(encoding="utf-8")).get("atelier", {})
    outputs = [to for files in ours.get("vendor", {}).values() for to in files.values()]
    return all((VENDOR / name).is_file() for name in [*outputs, *ours.get("bundle", {})])


def mark_current() -> None:
    """Remember that everything is unpacked."""
    stamp.write(STAMP, wanted())


def wanted() -> str:
    """The digest of the lists, the lock, the code that unpacks, and the bundles' entries."""
    lists = [ROOT / "package.json", ROOT / "package-lock.json"]
    code = sorted(Path(__file__).parent.glob("*.py"))
    try:
        entries = json.loads(lists[0].read_bytes()).get("atelier", {}).get("bundle", {}).values()
        return stamp.digest(*lists, *code, *(ROOT / entry for entry in entries))
    except (OSError, ValueError) as error:
        raise SetupError(f"The lists of front-end files cannot be read: {error}") from error
