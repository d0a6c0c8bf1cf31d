"""A value kept in memory and loaded again after a while."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Refreshed(Generic[T]):
    """Holds what `load` returned and calls it again once it is older than `seconds`.

    One thread loads while the others go on with the old value. Other processes see a change at most
    `seconds` later, which spares a query or a cache call on every request.
    """

    def __init__(self, load: Callable[[T | None], T], seconds: Callable[[], float]) -> None:
        self._load = load
        self._seconds = seconds
        self._value: T | None = None
        self._until = 0.0
        self._lock = threading.Lock()

    def get(self) -> T:
        """Return the value; `load` gets the old one, so that it may keep it."""
        value = self._value
        if value is not None and time.monotonic() < self._until:
            return value
        if value is not None and not self._lock.acquire(blocking=False):
            return value  # another thread is loading
        if value is None:
            self._lock.acquire()
        try:
            self._value = self._load(self._value)
            self._until = time.monotonic() + self._seconds()
            return self._value
        finally:
            self._lock.release()

    def clear(self) -> None:
        """Forget the value; the next `get` loads."""
        self._value = None
