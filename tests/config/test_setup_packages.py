"""Set-up of the virtual environment: what is pinned, and when a step is done again."""

import re
import subprocess
import sys
from pathlib import Path

from config.setup import packages, stamp
from config.setup.paths import LOCK_FILE, ROOT


def test_every_pin_has_a_hash_and_no_line_names_a_registry():
    for lock in (LOCK_FILE, ROOT / "requirements" / "prod.txt"):
        text = lock.read_text()
        pins = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
        assert len(pins) > 50
        assert not [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin]
        assert not re.search(r"://|--index|--extra-index|--find-links", text)


def test_production_gets_the_versions_that_development_tested():
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text()
        return set(re.findall(r"^[\w.-]+(?:\[\w+\])?==[^ ]+", text, re.MULTILINE))

    assert pins("prod.txt") <= pins("dev.txt")


def test_the_installer_itself_is_pinned_with_its_hashes():
    lines = packages.locked("uv").splitlines()
    assert re.fullmatch(r"uv==[\d.]+ \\", lines[0])
    assert all(line.strip().startswith(("--hash=sha256:", "#")) for line in lines[1:])
    assert packages.locked("uvx") == ""


def test_a_stamp_fits_only_the_contents_it_was_made_from(tmp_path: Path):
    file = tmp_path / "lock.txt"
    file.write_text("one")
    stamp.write(tmp_path / "stamp", stamp.digest(file, "3.11"))
    assert stamp.matches(tmp_path / "stamp", stamp.digest(file, "3.11"))
    assert not stamp.matches(tmp_path / "stamp", stamp.digest(file, "3.12"))
    file.write_text("two")
    assert not stamp.matches(tmp_path / "stamp", stamp.digest(file, "3.11"))
    assert not stamp.matches(tmp_path / "no stamp", "anything")


def test_the_border_between_two_parts_counts():
    assert stamp.digest("ab", "c") != stamp.digest("a", "bc")


def test_set_up_runs_with_a_bare_python():
    """No package but the standard library is there when it starts: -I -S hides all others."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import config.setup.__main__; "
        "print(sorted({n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)))"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True
    )
    assert told.stdout.strip() == "['__main__', 'config']" or told.stdout.strip() == "['config']"
    assert told.stderr == ""


def test_an_old_python_gets_a_sentence_instead_of_a_traceback():
    code = (
        "import sys; sys.version_info = (3, 9, 2); sys.path.insert(0, sys.argv[1]); "
        "import config.setup"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-c", code, str(ROOT)], capture_output=True, text=True
    )
    assert told.returncode == 1
    assert told.stderr.startswith("Atelier needs Python 3.11 or newer, this is 3.9.")
