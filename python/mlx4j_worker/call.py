"""A call from the parent: its params, its progress and its one answer."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from mlx4j_worker.errors import WorkerError
from mlx4j_worker.wire import TooLong, Wire

Progress = Callable[[str, int, int, str], None]  # called with the phase, what is done, the total, and their unit
Poll = Callable[[], None]  # receives new calls; engines call it during long steps

PROGRESS_SECONDS = 0.1  # at most ten progress messages a second for one call

SMALLER_RESULT = {  # what to do where a result is longer than a line; other methods have small ones, or send pieces
    "generate": "Use a smaller maxTokens.",
    "tokenize": "Send a shorter text, or use countTokens if you only need the number.",
    "applyTemplate": "Send fewer or shorter messages.",
    "score": "Score a shorter completion.",
    "parameters": "Read the names and shapes from the headers of the model's *.safetensors files instead.",
    "classifyActions": "Send fewer texts at once.",
    "modelInfo": "Use another model: this one has too many files or too long a description.",
}

_log = logging.getLogger("mlx4j")


class Call:
    """A call from the parent, answered exactly once.

    ``done(call)`` is called once it is answered; ``later(call, work)`` runs work on a preparing thread.
    """

    def __init__(
        self,
        wire: Wire,
        message: dict[str, Any],
        done: Callable[["Call"], Any],
        later: Callable[["Call", Callable[[], None]], None] | None = None,
    ) -> None:
        self.id = message["id"]
        self.method = message["method"]
        self.params = message["params"]
        self.received = time.monotonic()
        self.cancelled = False  # set by the reader thread, read by the engine
        self._wire = wire
        self._done = done
        self._later = later
        self._ending = threading.Lock()  # a preparing thread may answer while the main thread ends the call
        self._answered = False
        self._phase = ""
        self._progress_at = 0.0

    @property
    def ended(self) -> bool:
        """Whether the call was answered."""
        return self._answered

    def answer(self, result: Any) -> None:
        self._end({"id": self.id, "result": result})

    def fail(self, error: WorkerError) -> None:
        self._end({"id": self.id, "error": error.to_json()})

    def later(self, work: Callable[[], None]) -> None:
        """Runs ``work()``, which ends the call, on a preparing thread; called on the engine's thread."""
        if self._later is None:
            raise RuntimeError("this call has no preparing thread")
        self._later(self, work)

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self._wire.notify(method, {"id": self.id, **params})

    def batch(self) -> AbstractContextManager[None]:
        """Writes the messages of this and other calls that the engine's thread sends in the block together."""
        return self._wire.batch()

    def progress(self, phase: str, done: int, total: int, unit: str) -> None:
        now = time.monotonic()
        if phase != self._phase or now - self._progress_at >= PROGRESS_SECONDS:
            self._phase, self._progress_at = phase, now
            self.notify("progress", {"phase": phase, "done": done, "total": total, "unit": unit})

    def _end(self, message: dict[str, Any]) -> None:
        with self._ending:
            if self._answered:
                if not self.cancelled:
                    _log.error("call %s would have been answered twice", self.id)
                return
            self._answered = True
        with self._wire.turn:  # so that a pong counts a call as open exactly until its answer is sent
            self._done(self)
            try:
                self._wire.send(message)
            except WorkerError as error:
                if isinstance(error, TooLong):
                    error.hint = SMALLER_RESULT.get(self.method, error.hint)
                self._wire.send({"id": self.id, "error": error.to_json()})
