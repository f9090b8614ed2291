"""Prepares calls off the engine's thread: a request decides how much work its template, text and grammar are."""

import queue
import threading
import time
from collections.abc import Callable

from mlx4j_worker.call import Call
from mlx4j_worker.errors import InvalidRequest

QUICK_SECONDS = 0.1  # a preparation that takes longer lets the next ones overtake it
MAX_SECONDS = 20.0  # for one preparation
MAX_THREADS = 4  # of which all but one are busy with slow preparations
LOOK_SECONDS = 0.05  # between two looks at the preparations while the engine is idle


class Preparation:
    """The work that a call needs before the engine can take it.

    ``prepare()`` runs on a preparing thread and returns ``join()``, to be called on the engine's thread, or None where
    the call is answered already. Afterwards ``join`` or ``error`` is set.
    """

    def __init__(self, call: Call, prepare: Callable[[], Callable[[], None] | None]) -> None:
        self.call = call
        self.join: Callable[[], None] | None = None
        self.error: BaseException | None = None
        self.started: float | None = None  # time.monotonic()
        self._prepare = prepare

    def run(self) -> None:
        self.started = time.monotonic()
        if self.call.ended or self.call.cancelled:
            return
        try:
            self.join = self._prepare()
        except BaseException as error:  # also the Exit of a lost wire, which ends the engine's thread
            self.error = error

    def check_time(self) -> None:
        """Fail the call if its preparation has taken too long; the result is not used then."""
        if self.started is not None and time.monotonic() - self.started > MAX_SECONDS and not self.call.ended:
            self.call.cancelled = True
            self.call.fail(
                InvalidRequest(
                    f"The request could not be prepared within {MAX_SECONDS:g} s.",
                    "Send a shorter prompt, or a simpler schema or pattern.",
                )
            )


class Preparer:
    """Runs preparations one after another, in order; one that is slow goes on beside the next ones.

    Use it from one thread. ``deliver`` is called on a preparing thread with each Preparation that has run. Call
    ``look()`` often while there are any: it starts the thread that passes a slow one, and enforces the time limit.
    """

    def __init__(self, deliver: Callable[[Preparation], None]) -> None:
        self._deliver = deliver
        self._queue: queue.SimpleQueue[Preparation] = queue.SimpleQueue()
        self._threads: list[_Thread] = []
        self._open: dict[int, Preparation] = {}

    @property
    def busy(self) -> bool:
        return bool(self._open)

    def add(self, call: Call, prepare: Callable[[], Callable[[], None] | None]) -> None:
        preparation = Preparation(call, prepare)
        self._open[id(preparation)] = preparation
        if not self._threads:
            self._start()
        self._queue.put(preparation)

    def done(self, preparation: Preparation) -> None:
        """Forget a preparation that was delivered."""
        self._open.pop(id(preparation), None)

    def look(self) -> None:
        for preparation in list(self._open.values()):
            preparation.check_time()
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if all(thread.is_slow() for thread in self._threads) and len(self._threads) < MAX_THREADS:
            for thread in self._threads:
                thread.last = True
            self._start()

    def _start(self) -> None:
        thread = _Thread(self._queue, self._deliver)
        self._threads.append(thread)
        thread.start()


class _Thread(threading.Thread):
    """Takes preparations from the queue until it is marked as ``last``: another thread has taken over."""

    def __init__(self, waiting: "queue.SimpleQueue[Preparation]", deliver: Callable[[Preparation], None]) -> None:
        super().__init__(name="mlx4j-preparing", daemon=True)
        self.last = False
        self._waiting = waiting
        self._deliver = deliver
        self._running: Preparation | None = None

    def run(self) -> None:
        while not self.last:
            self._running = preparation = self._waiting.get()
            preparation.run()
            self._running = None
            self._deliver(preparation)

    def is_slow(self) -> bool:
        running = self._running
        started = running.started if running else None
        return started is not None and time.monotonic() - started > QUICK_SECONDS
