"""Seatbelt, the sandbox of macOS: a profile in its language, and ``sandbox_init``, which enters it.

Apple calls the function deprecated, but offers no other to programs without entitlements; Nix, Chromium and Firefox use
it as well.
"""

import ctypes
import os
from collections.abc import Iterable

# Metal keeps compiled shaders here; the system's folder for caches has the user and the program in its path.
_SHADERS = r"^/private/var/folders/[^/]+/[^/]+/C/[^/]+/com\.apple\.metal(fe)?(/|$)"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/dtracehelper")


# What reaches other processes, some of which have no sandbox: to start, signal or ask them.
_PROCESSES = ("process-fork", "process-exec*", "signal", "mach-lookup", "ipc-posix*", "ipc-sysv*", "iokit-open")


def profile(
    writable: Iterable[str] | None, network: bool, readable: Iterable[str] | None = None, processes: bool = True
) -> str:
    """The text of the profile. ``writable``, ``network`` and ``readable`` are as in ``landlock.enter``.

    Without ``processes`` it can start none, send no signal, and ask no service of the system.

    Paths are resolved, since Seatbelt compares real ones (/var is a link to /private/var). Raises ValueError for a path
    that can't be written as a string of the language.
    """
    lines = ["(version 1)", "(allow default)"]
    if writable is not None:
        lines.append("(deny file-write*)")
        lines += [f"(allow file-write* (literal {_quoted(device)}))" for device in _DEVICES]
        lines.append(f'(allow file-write* (regex #"{_SHADERS}"))')
        lines += [f"(allow file-write* (subpath {_quoted(os.path.realpath(path))}))" for path in writable]
    if readable is not None:
        lines.append("(deny file-read-data)")  # names, sizes and times stay visible
        lines += [f"(allow file-read-data (subpath {_quoted(os.path.realpath(path))}))" for path in readable]
    if not processes:
        lines += [f"(deny {operation})" for operation in _PROCESSES]
    if not network:
        lines.append("(deny network*)")
    return "\n".join(lines) + "\n"


def enter(
    writable: Iterable[str] | None, network: bool, readable: Iterable[str] | None = None, processes: bool = True
) -> None:
    """Enter the sandbox for good, in all threads. Raises OSError or ValueError."""
    libc = ctypes.CDLL("/usr/lib/libSystem.B.dylib")
    error = ctypes.c_char_p()
    text = profile(writable, network, readable, processes).encode()
    if libc.sandbox_init(text, ctypes.c_uint64(0), ctypes.byref(error)) != 0:
        why = (error.value or b"sandbox_init failed").decode(errors="replace")
        libc.sandbox_free_error(error)
        raise OSError(why)


def _quoted(path: str) -> str:
    if not path.isprintable():
        raise ValueError(f"the path {path!r} has a character that a profile can't have")
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
