"""Landlock (Linux 5.13 or newer): this process, and all that it starts, may write, and read, only beneath some folders.

See https://docs.kernel.org/userspace-api/landlock.html. A domain covers the calling thread and what that thread starts,
so it has to be entered before there are other threads.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from typing import Any

FULL_ABI = 3  # Linux 6.2: truncating a file is restricted from here on

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # system calls, the same on every architecture
_VERSION = 1  # a flag of landlock_create_ruleset
_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_WRITE_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 13, 1 << 14
_OF_FILES = _READ_FILE | _WRITE_FILE | _TRUNCATE
_IN_FOLDERS = 0b1_1111_1111 << 4  # removing and making files, folders, links and devices
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPES = 0b11  # abstract Unix sockets and signals

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The version of Landlock that this kernel offers; raises OSError if it offers none."""
    return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))


def enter(writable: Iterable[str] | None, network: bool, readable: Iterable[str] | None = None) -> None:
    """Enter a domain for good; ``PR_SET_NO_NEW_PRIVS`` must be set.

    With ``readable``, only what is beneath these folders, and these files, can be read, and no program can be started.
    Whether a file exists, its size and its times stay visible.

    ``writable`` are the folders, and single files such as devices, that may be written to; those that don't exist are
    left out, and None allows every file. Without ``network`` there are no TCP connections. Outside the domain no signal
    is sent, no process is traced, and no abstract Unix socket is used, where the kernel offers that. Raises OSError.
    """
    version = abi()
    rights = _WRITE_FILE | _IN_FOLDERS | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    handled = (
        (0 if writable is None else rights) | (0 if readable is None else _EXECUTE | _READ_FILE | _READ_DIR),
        0 if network or version < 4 else _BIND_TCP | _CONNECT_TCP,
        _SCOPES if version >= 6 else 0,
    )
    if not any(handled):
        return
    ruleset = struct.pack("=QQQ", *handled)
    size = 8 if version < 4 else 16 if version < 6 else 24  # older kernels know the first fields only
    descriptor = _call(_CREATE_RULESET, ruleset, ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in writable or ():
            _allow(descriptor, path, rights)
        for path in readable or ():
            _allow(descriptor, path, _READ_FILE | _READ_DIR)
        _call(_RESTRICT_SELF, ctypes.c_int(descriptor), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)


def _allow(ruleset: Any, path: str, rights: Any) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(target).st_mode)
        beneath = struct.pack("=Qi", rights if is_folder else rights & _OF_FILES, target)
        _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), beneath, ctypes.c_uint32(0))
    finally:
        os.close(target)


def _call(number: int, *arguments: Any) -> int:
    result = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
