"""What both entry points do once the wire is safe."""

import logging
import sys

from mlx4j_worker import watchdog
from mlx4j_worker.dispatch import Worker
from mlx4j_worker.wire import Wire


class _WireHandler(logging.Handler):
    """Sends this package's log records to the parent, which has the user's logging."""

    def __init__(self, wire):
        super().__init__()
        self._wire = wire

    def emit(self, record):
        level, logger = record.levelname.lower(), record.name
        self._wire.notify("log", {"level": level, "logger": logger, "message": self.format(record)})


def serve(kind, descriptors, load):
    """Runs a worker of this kind over these descriptors; ``load`` makes its engine. Returns the exit code."""
    watchdog.start(*descriptors)
    wire = Wire(*descriptors)
    log = logging.getLogger("mlx4j")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(_WireHandler(wire))
    nonce = sys.argv[1] if len(sys.argv) > 1 else ""
    return Worker(kind, wire, nonce, load).run()
