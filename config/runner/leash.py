"""Become another program that ends when the one who started it ends. A script, not a module.

``python -I -S leash.py <parent's pid> [--user NAME] program arguments…``

Even SIGKILL to the parent then leaves no orphan: the kernel sends SIGTERM to the program. Done
here, between fork and exec, because code run in a forked child of a threaded process is not safe
(see the warning on `preexec_fn` in Python's documentation of subprocess). Linux only: elsewhere the
program is simply started, and `config.runner.lock` finds what was left behind.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def become(arguments: list[str]) -> None:
    """Replace this process by the program. Returns only by raising OSError."""
    parent, *program = arguments
    if program[0] == "--user":
        _change_user(program[1])
        program = program[2:]
    # After the change of user, which clears the setting.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("The process that started this one is gone.")
    os.execvp(program[0], program)  # noqa: S606


def _change_user(name: str) -> None:
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ.update(HOME=user.pw_dir, USER=name, LOGNAME=name)


if __name__ == "__main__":
    become(sys.argv[1:])
