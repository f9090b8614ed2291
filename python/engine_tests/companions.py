"""What macOS does on exFAT and SMB, on any system: a companion file beside every file, at any time."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from mlx4j_worker.files import is_companion

APPLE_DOUBLE = bytes.fromhex("0005160700020000") + b"Mac OS X        " + b"\x00\x02\x00\x00\x0e\xb0" + bytes(4066)
_WRITES = ((Path, "write_text"), (Path, "mkdir"), (shutil, "copyfile"), (os, "fsync"), (os, "replace"))


def scatter(folder: Path) -> None:
    """Puts a companion beside every file below a folder, and a .DS_Store into every folder."""
    for below, _, names in os.walk(folder):
        for name in (".DS_Store", *(f"._{name}" for name in names if not is_companion(name))):
            Path(below, name).write_bytes(APPLE_DOUBLE)


@contextmanager
def scattered(folder: Path, *writes: tuple[object, str]) -> Iterator[None]:
    """Scatters companions after every write: (owner, name) pairs name further functions that write."""
    with ExitStack() as patches:
        for owner, name in _WRITES + writes:
            patches.enter_context(mock.patch.object(owner, name, _scattering(getattr(owner, name), folder)))
        yield


def kept(folder: Path) -> list[str]:
    """The files below a folder without companions, by their names in it, sorted."""
    paths = (Path(below, name) for below, _, names in os.walk(folder) for name in names if not is_companion(name))
    return sorted(str(path.relative_to(folder)) for path in paths)


def _scattering(write, folder):
    def wrapped(*args, **kwargs):
        result = write(*args, **kwargs)
        scatter(folder)
        return result

    return wrapped
