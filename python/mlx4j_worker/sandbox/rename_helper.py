"""Renames a finished folder from outside the sandbox.

To rename a folder takes rights on the folder around it, and those would let a worker rename everything else in there.
So a small process, forked before the sandbox is entered, does it. It knows the one folder that this worker was started
to make, and nothing else can be asked of it.
"""

import contextlib
import fcntl
import os
import shutil
import signal
from pathlib import Path
from typing import Any

_helpers: dict[Path, "RenameHelper"] = {}  # the unfinished folder of each target: its RenameHelper


def unfinished(target: str | os.PathLike) -> Path:
    """Where a folder is written before it gets its name: beside it."""
    target = Path(target)
    return target.parent / f".{target.name}.mlx4j-part"


class RenameHelper:
    """The unfinished folder of ``target``, which is made here, and the process that can rename and remove it."""

    def __init__(self, target: str) -> None:
        import socket  # few workers need it

        self.part = unfinished(target)
        with contextlib.suppress(OSError):  # the conversion reports it
            self.part.mkdir(exist_ok=True)
        self._channel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        if os.fork() == 0:
            try:
                _serve(other, self.part, target)
            finally:
                os._exit(0)
        other.close()
        _helpers[self.part] = self

    def ask(self, order: bytes) -> None:
        """Have it rename (``b"P"``) or remove (``b"R"``) the folder. Raises OSError."""
        self._channel.sendall(order)
        answer = self._channel.recv(4)
        if len(answer) < 4:
            raise OSError(f"the process that finishes {self.part} is gone")
        if number := int.from_bytes(answer, "big"):
            raise OSError(number, os.strerror(number))


def rename(written: str | os.PathLike, path: str | os.PathLike) -> None:
    """``os.replace``, also where this process may not do it but the helper may."""
    place = _helpers.get(Path(written))
    if place is None:
        os.replace(written, path)
    else:
        place.ask(b"P")


def remove(folder: str | os.PathLike) -> None:
    """Remove a folder with all that is in it, as far as possible, also where only the helper may."""
    shutil.rmtree(folder, ignore_errors=True)
    if place := _helpers.get(Path(folder)):
        place.ask(b"R")


def _serve(channel: Any, part: Any, target: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends with the worker
    os.closerange(0, channel.fileno())
    os.closerange(channel.fileno() + 1, 1024)  # the wire and the watchdog's pipe, whose ends others wait for
    while order := channel.recv(1):
        number: int | None = 0
        try:
            if order == b"P":
                os.replace(part, target)
            else:
                shutil.rmtree(part)
        except FileNotFoundError as error:
            number = error.errno if order == b"P" else 0
        except OSError as error:
            number = error.errno
        channel.sendall((number or 0).to_bytes(4, "big"))
    _clear_up(part)


def _clear_up(part: Any) -> None:
    """Removes what a worker that was killed left, unless another one has taken it over."""
    try:
        descriptor = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(part)
    except OSError:
        pass
