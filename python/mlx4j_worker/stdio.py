"""Keeps the protocol's pipes apart from everything else that reads or prints in this process."""

import faulthandler
import fcntl
import os
import signal
import sys
from typing import Any

from mlx4j_worker.failures import Exit


def claim() -> tuple[int, int]:
    """Moves the protocol from descriptors 0 and 1 to private ones and returns them as (read, write).

    Afterwards descriptor 0 is /dev/null and 1 is stderr, so that print(), native code and child processes
    can't touch the wire. The private descriptors are closed on exec. Ctrl-C is left to the parent. SIGTERM, with
    which the parent ends a worker that hangs, first writes every thread's stack to stderr, also while the GIL is held;
    then it raises Exit in the main thread, as soon as that runs Python code.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    read = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    write = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    faulthandler.enable(all_threads=True)  # native crashes leave a stack too
    signal.signal(signal.SIGTERM, _terminated)
    faulthandler.register(signal.SIGTERM, all_threads=True, chain=True)  # after the handler that it calls
    return read, write


def _terminated(number: Any, _frame: Any) -> None:
    raise Exit(128 + number)
