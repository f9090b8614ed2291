"""The limits of one rendering of a chat template: time, and the size of everything it builds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

MAX_SECONDS = 5.0
MAX_SPENT = 256 * 1024 * 1024  # characters of all values that one rendering makes, also of those that it drops again

_local = threading.local()


class TemplateTooExpensive(Exception):
    """The template has used up its budget; the message completes "The model's chat template"."""


class Budget:
    """The budget of one rendering; it ends when the thread leaves ``limited``."""

    def __init__(self) -> None:
        self.exceeded = ""  # why, for the message
        self._spent = 0
        self._until = time.monotonic() + MAX_SECONDS

    def check_time(self) -> None:
        if self.exceeded or time.monotonic() > self._until:
            self.refuse(f"did not come to an end within {MAX_SECONDS:g} s")

    def spend(self, size: int) -> None:
        """Count ``size`` characters."""
        self._spent += size
        if self.exceeded or self._spent > MAX_SPENT:
            self.refuse(f"makes more than {MAX_SPENT:,} characters on its way")

    def refuse(self, why: str) -> None:
        """Raise TemplateTooExpensive, now and at everything that follows, whatever catches it on its way."""
        self.exceeded = self.exceeded or why
        raise TemplateTooExpensive(self.exceeded)


@contextmanager
def limited() -> Iterator[Budget]:
    """Give the rendering in the body a Budget of its own."""
    before = getattr(_local, "budget", None)
    _local.budget = budget = Budget()
    try:
        yield budget
    finally:
        _local.budget = before


def current() -> Budget:
    """The Budget of this thread; outside of ``limited`` a new one, for whatever is done with it."""
    return getattr(_local, "budget", None) or Budget()
