"""``python -m config.setup.npm``: unpack, and bundle where package.json asks for it."""

from __future__ import annotations

import sys

from config.setup.npm import bundle, current, vendor
from config.setup.npm.lock import Manifest
from config.setup.npm.registry import Registry
from config.setup.paths import ROOT, VENDOR, SetupError, say


def main() -> int:
    """Do it. Returns the exit code; a failure leaves no stamp, so that the next run tries again."""
    say("Set-up: front-end files …")
    try:
        manifest = Manifest.read(ROOT)
        registry = Registry.configured(ROOT)
        vendor.unpack(manifest, registry, VENDOR)
        bundle.build(manifest, registry, VENDOR)
    except SetupError as error:
        say(f"Front-end files: {error}")
        return 1
    current.mark_current()
    return 0


if __name__ == "__main__":
    sys.exit(main())
