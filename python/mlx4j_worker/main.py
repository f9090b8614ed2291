"""What both entry points run once the protocol's pipes are safe."""

import logging
import sys
from collections.abc import Callable
from typing import Any

from mlx4j_worker import installed, private, sandbox, watchdog
from mlx4j_worker.dispatch import Worker
from mlx4j_worker.wire import Wire

MAX_LOG_TEXT = 64 * 1024  # characters


class _WireHandler(logging.Handler):
    """Sends this package's log records to the parent, which has the user's logging."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def emit(self, record: logging.LogRecord) -> None:
        level, logger = record.levelname.lower(), record.name
        self._wire.notify("log", {"level": level, "logger": logger, "message": self.format(record)[:MAX_LOG_TEXT]})


def serve(
    kind: str,
    descriptors: tuple[int, int],
    load: Callable[..., Any],
    open_training: Callable[..., Any] | None = None,
    jobs: dict[str, Callable[..., Any]] | None = None,
    follow: Callable[[], Any] | None = None,
    release: Callable[[], None] | None = None,
    writable: Callable[[], list[str]] | None = None,
) -> int:
    """Runs a worker of this kind over these descriptors; returns the exit code.

    ``load`` makes its engine, ``open_training`` its training, and ``jobs`` are the calls that it takes instead of
    one, ``follow`` makes it a rank of another one, and ``release`` gives its memory back, as dispatch.Worker has them.
    ``writable()`` lists folders that it writes to beside its private one.
    """
    nonce, given, rules = [*sys.argv[1:4], "", "", ""][:3]
    sandbox.harden()
    folder = private.claim(given, kind)
    watchdog.start(*descriptors, folder)  # outside of the sandbox, since it removes the folder
    held = sandbox.enter(sandbox.Rules.parse(rules), folder, writable or list)
    installed.guard()
    wire = Wire(*descriptors)
    log = logging.getLogger("mlx4j")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(_WireHandler(wire))
    return Worker(kind, wire, nonce, held, load, open_training, jobs, follow, release).run()
