"""Named points at which a test kills the process, to see that nothing is lost or done twice.

Outside tests `point` does nothing: it needs ATELIER_ENV=test and FAULT=<name>.
"""

import os
import signal

NAME = os.environ.get("FAULT", "") if os.environ.get("ATELIER_ENV") == "test" else ""


def point(name: str) -> None:
    """Die here, as by a power cut, where the environment says so."""
    if NAME and name == NAME:
        os.kill(os.getpid(), signal.SIGKILL)
