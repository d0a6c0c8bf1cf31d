"""``python -m config.setup.lock``: pin what the lists ask for, with a hash for every file.

The pins hold on every system (`--universal`) and name no registry.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from config.setup.paths import ROOT, say

OPTIONS = (
    *("--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock"),
)


def main(arguments: list[str]) -> int:
    """Compile all lists; `--upgrade` in `arguments` takes the newest versions."""
    compile_ = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", *OPTIONS, *arguments]
    # Production gets the versions that development tested.
    same = ["--constraints", "requirements/dev.txt", "--no-annotate"]
    commands = [
        [*compile_, "requirements/dev.in", "--output-file", "requirements/dev.txt"],
        [*compile_, *same, "requirements/prod.in", "--output-file", "requirements/prod.txt"],
    ]
    if shutil.which("npm"):
        commands.append(["npm", "install", "--package-lock-only"])
    else:
        say("Notice: package-lock.json stays as it is, because npm is not installed.")
    quiet = {**os.environ, "NPM_CONFIG_LOGLEVEL": "error"}
    return max(subprocess.run(command, cwd=ROOT, env=quiet).returncode for command in commands)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
