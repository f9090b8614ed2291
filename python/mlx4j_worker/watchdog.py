"""Ends this process when its parent is gone, whatever this process is doing, be it native code that holds the GIL.

Afterwards it removes the worker's private folder, which the parent can't do any more.
"""

import contextlib
import os
import select
import signal
import sys

GRACE_MS = 1500  # how long the worker gets to end by itself once its parent is gone


def start(wire_read, wire_write, folder=None):
    """Forks a small process that waits for the other end of ``wire_read`` to close, and then kills this one.

    Call it before any thread and any heavy import. It reads nothing from the wire, and ends when this process does;
    ``folder`` is removed then.
    """
    alive_read, alive_write = os.pipe()  # alive_write stays open for as long as this process lives
    worker = os.getpid()
    sys.stderr.flush()
    if os.fork() == 0:
        try:
            _watch(worker, wire_read, alive_read, close=(alive_write, wire_write, 1, 2))
            if folder:
                import shutil

                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os._exit(0)
    os.close(alive_read)


def _watch(worker, wire_read, alive_read, close):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for descriptor in close:
        os.close(descriptor)
    poll = select.poll()
    poll.register(wire_read, 0)  # a hang-up is reported always; data is not asked for
    poll.register(alive_read, 0)
    if any(descriptor == alive_read for descriptor, _ in poll.poll()):
        return
    poll.unregister(wire_read)
    if not poll.poll(GRACE_MS) and os.getppid() == worker:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    poll.poll(GRACE_MS)
