"""Keeps programs running: starts them, shows their output, restarts what died, stops in order.

One thread, one loop over everything that can happen (output, a death, a signal, the time).
"""

from __future__ import annotations

import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType

from config.runner.output import Output
from config.runner.process import Child, Process

LONGEST_PAUSE = 30.0  # seconds between restarts of a program that keeps dying
STEADY = 60.0  # a run of this many seconds counts as success, the pauses start anew
HURRY = 3.0  # seconds between "drop what you do" and the end
STOPPERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Use as a context manager: leaving it stops every program, whatever happened inside."""

    def __init__(
        self,
        output: Output,
        *,
        patience: float = 60.0,
        changed: Callable[[list[Child]], None] = lambda children: None,
    ) -> None:
        """`patience` is how many seconds a stop waits; `changed` hears which children run."""
        self.children: dict[str, Child] = {}  # running, in the order of their first start
        self.stop_requests = 0
        self._output = output
        self._patience = patience
        self._changed = changed
        self._due: dict[str, tuple[float, Child]] = {}  # died: when to start again
        self._pauses: dict[str, float] = {}
        self._order: list[str] = []
        self._interruptible = False
        self._selector = selectors.DefaultSelector()
        self._bell, self._wake = socket.socketpair()

    # --- Signals ---------------------------------------------------------------------------------

    def __enter__(self) -> Supervisor:
        """Take over the signals."""
        for side in (self._bell, self._wake):
            side.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        stoppers = [n for n in STOPPERS if not (nohup and n is signal.SIGHUP)]
        self._handlers = {number: signal.signal(number, self._asked_to_stop) for number in stoppers}
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        # A signal that comes a moment before the loop sleeps must still wake it.
        self._wakeup = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything and give the signals back."""
        try:
            self._stop()
        finally:
            signal.set_wakeup_fd(self._wakeup)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            for resource in (self._selector, self._bell, self._wake):
                resource.close()

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_requests += 1
        if self._interruptible:
            raise KeyboardInterrupt

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Work in this process (migrations) that a stop breaks off with KeyboardInterrupt."""
        if self.stop_requests:
            raise KeyboardInterrupt
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    # --- Running ---------------------------------------------------------------------------------

    def start(self, process: Process) -> None:
        """Start a program and look after it from now on."""
        if process.name not in self._order:
            self._order.append(process.name)
        child = Child(process)
        self.children[process.name] = child
        self._selector.register(child.output, selectors.EVENT_READ, child)
        self._changed(list(self.children.values()))

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Keep going until `done()`, the time is over, or a stop is asked for. Returns done()."""
        deadline = time.monotonic() + seconds
        while not self.stop_requests and time.monotonic() < deadline:
            if done():
                return True
            self._turn(0.05)
        return not self.stop_requests and done()

    def all_ready(self) -> bool:
        """Whether every program runs and is ready."""
        return not self._due and all(child.is_ready() for child in self.children.values())

    def serve(self) -> None:
        """Keep going until somebody asks to stop."""
        while not self.stop_requests:
            pause = min((at for at, _ in self._due.values()), default=time.monotonic() + 60)
            self._turn(max(0.0, pause - time.monotonic()))

    def _turn(self, timeout: float) -> None:
        """Wait for something to happen, then deal with all of it."""
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                with suppress(BlockingIOError):
                    self._bell.recv(4096)
            else:
                self._read(key.data)
        for child in [c for c in self.children.values() if c.exit_code() is not None]:
            self._bury(child)
        if self._output.closed:  # The terminal is gone, and with it whoever wanted this.
            self.stop_requests = max(1, self.stop_requests)
        if not self.stop_requests:
            self._restart_due()

    def _read(self, child: Child) -> bool:
        lines = child.lines()
        if lines is None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(child.output)
            lines = child.last_words()
            child.output.close()
            for line in lines:
                self._output.line(child.process.name, line)
            return False
        for line in lines:
            self._output.line(child.process.name, line)
        return bool(lines)

    def _bury(self, child: Child) -> None:
        """A leader ended: show its last words, end what it left behind, plan the next run."""
        name = child.process.name
        del self.children[name]
        child.signal_group(signal.SIGTERM)  # Now, before its number can be given to others.
        while not child.output.closed and self._read(child):
            pass
        self._changed(list(self.children.values()))
        if self.stop_requests:
            return
        steady = time.monotonic() - child.started > STEADY
        pause = 1.0 if steady else min(2 * self._pauses.get(name, 0.5), LONGEST_PAUSE)
        self._pauses[name] = pause
        self._due[name] = (time.monotonic() + pause, child)
        self._output.line(name, f"{ending(child)}; starts again in {pause:.0f} s")

    def _restart_due(self) -> None:
        now = time.monotonic()
        for name, (at, died) in list(self._due.items()):
            if at <= now:
                del self._due[name]
                self._clear_away(died)
                self.start(died.process)

    def _clear_away(self, died: Child) -> None:
        """End what a dead leader left and what did not go when asked: it may hold the port."""
        if died.left_something:
            died.signal_group(signal.SIGKILL)

    # --- Stopping --------------------------------------------------------------------------------

    def _stop(self) -> None:
        """Ask the programs to end, last started first; the broker when all others are gone."""
        self.stop_requests = max(1, self.stop_requests)
        for _, died in self._due.values():
            self._clear_away(died)
        self._due.clear()
        running = [self.children[n] for n in reversed(self._order) if n in self.children]
        self._end([c for c in running if not c.process.goes_last])
        self._end([c for c in running if c.process.goes_last])

    def _end(self, group: list[Child]) -> None:
        """End a group: ask; at the next request insist; after that or out of time, kill."""
        for child in group:
            child.signal_leader(signal.SIGTERM)
        begun, asked, told = time.monotonic(), self.stop_requests, False
        deadline, hurried = begun + self._patience, asked
        while left := [child for child in group if child.exit_code() is None]:
            if self.stop_requests > hurried:
                hurried = self.stop_requests
                for child in left:
                    child.signal_leader(child.process.hurry)
                deadline = min(deadline, time.monotonic() + HURRY)
            if time.monotonic() > deadline or self.stop_requests > asked + 1:
                break
            if not told and time.monotonic() - begun > 2:
                told = True
                self._tell_waiting(left)
            self._turn(0.1)
        for child in group:
            if child.exit_code() is None or child.left_something:
                child.signal_group(signal.SIGKILL)
        while any(child.exit_code() is None for child in group):
            self._turn(0.1)
        self._turn(0)

    def _tell_waiting(self, left: list[Child]) -> None:
        names = ", ".join(child.process.name for child in left)
        self._output.block(
            f"Waiting up to {self._patience:.0f} s for {names} to finish running work. "
            "Ctrl-C again cuts it short."
        )


def ending(child: Child) -> str:
    """How a program ended, in words."""
    code = child.exit_code() or 0
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
