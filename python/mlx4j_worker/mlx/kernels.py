"""Caches the kernels that MLX compiles for the CPU, each of which takes g++ about half a second.

MLX compiles a kernel into $TMPDIR/mlx/<version>/cpu, and loads whatever lies there under the kernel's name. TMPDIR is
private to each process, so kernels are copied into it from a folder beside the packages before MLX works, and new ones
are copied back at an orderly end. That folder is used only if nobody but this user can write to it.
"""

import contextlib
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlx4j_worker.files import is_companion

MAX_KERNELS = 256  # of about 15 kB each; names depend on a model's shapes and constants, so they could grow for ever

_log = logging.getLogger("mlx4j.mlx")


def restore() -> None:
    """Copy the cached kernels to where MLX looks for them."""
    target = _compiled()
    with contextlib.suppress(OSError), _kept() as kept:
        if kept is None:
            return
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _names(kept):
            with contextlib.suppress(OSError):  # MLX compiles what is missing
                (target / name).write_bytes(_read(name, kept))


def save() -> None:
    """Cache the kernels that were compiled in the meantime. Call it only when none is being compiled."""
    names = set(_names(_compiled()))
    if not names:
        return
    with contextlib.suppress(OSError), _kept(make=True) as kept:
        if kept is None:
            return
        known = _names(kept)
        for name in sorted(names.difference(known))[: MAX_KERNELS - len(known)]:
            unfinished = f"{os.getpid()}.part"
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=kept)
            with os.fdopen(descriptor, "wb") as file:
                file.write((_compiled() / name).read_bytes())
            os.rename(unfinished, name, src_dir_fd=kept, dst_dir_fd=kept)  # whole, or not at all


def folder() -> Path | None:
    """The folder of the kept kernels; none if Python runs outside a virtual environment, which may not be ours."""
    from importlib.metadata import version

    if sys.prefix == sys.base_prefix:
        return None
    return Path(sys.prefix, f"mlx-kernels-{version('mlx')}")


def made() -> list[str]:
    """The same as a list, after the folder was created: a sandbox lets a process write only to what is there already.

    Doesn't import MLX.
    """
    try:
        path = folder()
    except ModuleNotFoundError:
        return []  # MLX is not installed, which loading a model will say
    if path is None:
        return []
    with contextlib.suppress(OSError):
        path.mkdir(mode=0o700)
    return [str(path)]


def _compiled() -> Any:
    import mlx.core as mx

    return Path(tempfile.gettempdir(), "mlx", mx.__version__, "cpu")


def _names(where: Any) -> Any:
    try:
        return [name for name in os.listdir(where) if name.endswith(".so") and not is_companion(name)]
    except FileNotFoundError:
        return []


def _read(name: str, kept: Any) -> Any:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=kept)
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


@contextlib.contextmanager
def _kept(make: Any = False) -> Iterator[int | None]:
    """A descriptor of the folder of the kept kernels; None if there is none that can be trusted."""
    path = folder()
    if path is None:
        yield None
        return
    if make:
        with contextlib.suppress(OSError):
            path.mkdir(mode=0o700)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            _log.warning("The compiled kernels in %s are not used: %s. Remove it.", path, error.strerror)
        yield None
        return
    try:
        found = os.fstat(descriptor)
        trusted = found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
        if not trusted:
            _log.warning("The compiled kernels in %s are not used: it is open to other users. Remove it.", path)
        yield descriptor if trusted else None
    finally:
        os.close(descriptor)
