"""Ends a worker whose parent is gone, even while native code holds the GIL, and removes its private folder.

A small process, forked before any thread starts, waits for two ends: that of the worker, and that of its parent, which
holds the other end of the wire. Only how it waits depends on the platform.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from typing import Any

_kqueue: Any = select  # has kqueue on macOS and BSD only
GRACE_SECONDS = 1.5  # how long the worker has to end by itself once its parent is gone
REMOVAL_SECONDS = 5.0  # how long other ranks, which end too, may still write into the folder


def start(wire_read: int, wire_write: int, folder: str) -> None:
    """Fork the watchdog of this process. Call it before any thread and any heavy import.

    The watchdog reads nothing from the wire. ``folder`` is removed once this process has ended.
    """
    alive_read, alive_write = os.pipe()  # alive_write stays open for as long as this process lives
    worker = os.getpid()
    sys.stderr.flush()
    if os.fork() == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for descriptor in (alive_write, wire_write, 1, 2):
                os.close(descriptor)
            _watch(worker, Ends(worker, wire_read, alive_read))
            os.close(wire_read)  # a parent that writes to the full pipe gets EPIPE now, not after the removal
            _remove(folder)
        finally:
            os._exit(0)
    os.close(alive_read)


def _watch(worker: Any, ends: Any) -> None:
    """Return once the worker has ended; kill it if it outlives its parent for too long."""
    ends.wait()
    if not ends.wait_for_worker(GRACE_SECONDS) and os.getppid() == worker:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    ends.wait_for_worker(GRACE_SECONDS)


def _remove(folder: str) -> None:
    until = time.monotonic() + REMOVAL_SECONDS
    while os.path.exists(folder) and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)


class PollEnds:
    """The two ends, by ``poll``, which on Linux reports a hang-up of a pipe whatever is asked for."""

    def __init__(self, worker: int, wire_read: int, alive_read: int) -> None:
        self._wire: int | None = wire_read
        self._poll = select.poll()
        self._poll.register(wire_read, getattr(select, "POLLRDHUP", 0))  # the end of a socket, which ssh may use
        self._poll.register(alive_read, 0)

    def wait(self) -> None:
        """Wait until the worker or its parent is gone."""
        self._poll.poll()

    def wait_for_worker(self, seconds: float) -> bool:
        """Wait at most so long for the worker's end; return whether it is gone."""
        if self._wire is not None:
            self._poll.unregister(self._wire)
            self._wire = None
        return bool(self._poll.poll(seconds * 1000))


class KqueueEnds:
    """The two ends, by ``kqueue``: on macOS ``poll`` never reports a descriptor of which it is asked no event.

    Create it in the forked process, since a kqueue is not inherited.
    """

    def __init__(self, worker: int, wire_read: int, alive_read: int) -> None:
        os.close(alive_read)  # the kernel reports the end of the process itself
        self._queue = _kqueue.kqueue()
        self._parent_gone = False
        self._worker_gone = False
        wire = _kqueue.kevent(wire_read, _kqueue.KQ_FILTER_READ, _kqueue.KQ_EV_ADD | _kqueue.KQ_EV_CLEAR)
        with contextlib.suppress(OSError):  # neither pipe nor socket: the worker reads its end by itself
            self._queue.control([wire], 0)
        try:
            exit_of_worker = _kqueue.kevent(worker, _kqueue.KQ_FILTER_PROC, _kqueue.KQ_EV_ADD, _kqueue.KQ_NOTE_EXIT)
            self._queue.control([exit_of_worker], 0)
        except ProcessLookupError:
            self._worker_gone = True
        if os.getppid() != worker:  # it ended before the registration, which may be for a new process with its id
            self._worker_gone = True

    def wait(self) -> None:
        """Wait until the worker or its parent is gone."""
        while not (self._parent_gone or self._worker_gone):
            self._take(None)

    def wait_for_worker(self, seconds: float) -> bool:
        """Wait at most so long for the worker's end; return whether it is gone."""
        until = time.monotonic() + seconds
        while not self._worker_gone and (left := until - time.monotonic()) > 0:
            self._take(left)
        return self._worker_gone

    def _take(self, seconds: float | None) -> None:
        for event in self._queue.control(None, 2, seconds):
            if event.filter == _kqueue.KQ_FILTER_PROC:
                self._worker_gone = True
            elif event.flags & _kqueue.KQ_EV_EOF:  # also with unread data in the pipe; data alone has no such flag
                self._parent_gone = True


Ends = KqueueEnds if hasattr(select, "kqueue") else PollEnds
