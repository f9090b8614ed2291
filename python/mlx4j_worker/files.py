"""Files on every file system: companion files of macOS, path checks, and writes that survive a crash.

On file systems without extended attributes (exFAT, SMB) macOS keeps those of ``NAME`` in ``._NAME`` beside it, and
Finder leaves a ``.DS_Store`` in each folder that it shows. Such a companion can appear, or vanish with its file, at any
time. It is never part of a model, an adapter or a checkpoint.
"""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# What opening or syncing a folder fails with where a file system doesn't support it.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES, errno.EBADF, errno.EISDIR}


def is_companion(name: str) -> bool:
    """Whether a file with this name is metadata that macOS writes."""
    return name.startswith("._") or name == ".DS_Store"


def listed(folder: str | os.PathLike, pattern: str = "*") -> list[Path]:
    """What is in a folder and matches a pattern of ``Path.glob``, sorted, without companions."""
    return sorted(path for path in Path(folder).glob(pattern) if not is_companion(path.name))


def is_empty(folder: str | os.PathLike) -> bool:
    """Whether a folder contains only companions."""
    return all(is_companion(name) for name in os.listdir(folder))


def clear(folder: str | os.PathLike) -> None:
    """Removes everything in a folder. A companion may be removed by the system together with its file."""
    for path in Path(folder).iterdir():
        with suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                clear(path)
                path.rmdir()
            else:
                path.unlink()


@contextmanager
def without_companions(folder: str | os.PathLike) -> Iterator[Path]:
    """The folder; where it has companions, a temporary folder with links to everything else.

    For libraries that read every file whose name matches: transformers does so with additional_chat_templates.
    """
    folder = Path(folder)
    tree = list(os.walk(folder))
    if not any(is_companion(name) for _, _, names in tree for name in names):
        yield folder
        return
    with tempfile.TemporaryDirectory() as private:
        view = Path(private, folder.name or "model")
        for below, folders, names in tree:
            at = view / os.path.relpath(below, folder)
            at.mkdir()
            linked = [name for name in folders if os.path.islink(os.path.join(below, name))]  # os.walk leaves them out
            for name in names + linked:
                if not is_companion(name):
                    (at / name).symlink_to(os.path.abspath(os.path.join(below, name)))
        yield view


def same(one: str | os.PathLike, other: str | os.PathLike) -> bool:
    """Whether two paths lead to the same file: the case of letters or a link (/var, /private/var) may differ."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def is_within(path: str | os.PathLike, folder: str | os.PathLike) -> bool:
    """Whether a path, which need not exist yet, is a folder or in it. Both are compared as files."""
    path = Path(os.path.realpath(path))
    return path.is_relative_to(os.path.realpath(folder)) or any(same(at, folder) for at in (path, *path.parents))


def flush(descriptor: int) -> None:
    """Writes a file to the disk. On macOS ``fsync`` leaves it in the drive's cache; ``F_FULLFSYNC`` doesn't."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        with suppress(OSError):  # a file system without it (SMB)
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def replace_durably(written: Path, path: Path, rename: Callable = os.replace) -> None:
    """Renames a file or folder to ``path`` once all of it is on the disk. A folder may replace an empty one."""
    if written.is_dir():
        for below, _, names in os.walk(written):
            for name in names:
                if not is_companion(name):
                    _flush_file(os.path.join(below, name))
            _flush_folder(below)
        if path.is_dir() and is_empty(path):
            clear(path)
    else:
        _flush_file(written)
    rename(written, path)
    _flush_folder(path.parent)


def _flush_file(path: Path | str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(path: Path | str) -> None:
    """Writes a folder's list of names to the disk, where the file system can."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            flush(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
