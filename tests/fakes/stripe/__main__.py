"""The fake as a process of its own, for suites that kill and restart what talks to it."""

import argparse
import signal
import threading
from pathlib import Path

from tests.fakes.stripe.world import World


def main() -> None:
    """Listen until told to stop; print READY and the address first."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.stripe")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state-file", type=Path, help="Go on from here, and keep it up to date.")
    options = parser.parse_args()
    world = World(options.port)
    if options.state_file:
        world.load(options.state_file)
    world.start()
    print(f"READY {world.base}", flush=True)  # noqa: T201 - whoever started it waits for this
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
    world.stop()


if __name__ == "__main__":
    main()
