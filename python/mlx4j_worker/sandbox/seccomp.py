"""A seccomp filter: system calls that this process, and all that it starts, can no longer make.

The filter is a program of classic BPF, see https://docs.kernel.org/userspace-api/seccomp_filter.html.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Callable
from typing import Any

# Linux's numbers of system calls by name; those from 424 on are the same on every architecture.
_SAME = {
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
}
_SAME |= {"fchmodat2": 452, "setxattrat": 463, "removexattrat": 466, "file_setattr": 469}
_X86_64 = {"ioctl": 16, "socket": 41, "connect": 42, "bind": 49, "listen": 50, "socketpair": 53, "chmod": 90}
_X86_64 |= {"fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "ptrace": 101, "utime": 132, "setxattr": 188}
_X86_64 |= {"lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199}
_X86_64 |= {"utimes": 235, "add_key": 248, "request_key": 249, "keyctl": 250, "fchownat": 260, "futimesat": 261}
_X86_64 |= {"fchmodat": 268, "utimensat": 280, "process_vm_readv": 310, "process_vm_writev": 311, "seccomp": 317}
_X86_64 |= {"shmget": 29, "shmat": 30, "semget": 64, "msgget": 68, "setpriority": 141, "sched_setparam": 142}
_X86_64 |= {"sched_setscheduler": 144, "chroot": 161, "sethostname": 170, "sched_setaffinity": 203, "mq_open": 240}
_X86_64 |= {"ioprio_set": 251, "unshare": 272, "prlimit64": 302, "setns": 308, "sched_setattr": 314}
_AARCH64 = {"ioprio_set": 30, "chroot": 51, "unshare": 97, "sched_setparam": 118, "sched_setscheduler": 119}
_AARCH64 |= {"sched_setaffinity": 122, "setpriority": 140, "sethostname": 161, "mq_open": 180, "msgget": 186}
_AARCH64 |= {"semget": 190, "shmget": 194, "shmat": 196, "prlimit64": 261, "setns": 268, "sched_setattr": 274}
_AARCH64 |= {"setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16}
_AARCH64 |= {"ioctl": 29, "fchmod": 52, "fchmodat": 53, "fchownat": 54, "fchown": 55, "utimensat": 88, "ptrace": 117}
_AARCH64 |= {"socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "connect": 203, "add_key": 217}
_AARCH64 |= {"request_key": 218, "keyctl": 219, "process_vm_readv": 270, "process_vm_writev": 271, "seccomp": 277}

# machine: (the filter's name of it, numbers, the first number of the x32 ABI, which names the same calls otherwise)
MACHINES = {
    "x86_64": (0xC000003E, _X86_64 | _SAME, 0x40000000),
    "aarch64": (0xC00000B7, _AARCH64 | _SAME, None),
}

# What reaches into other processes, or does what the filter forbids on its behalf.
_NEVER: tuple[str, ...] = (
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_getfd",
    "keyctl",
    "add_key",
    "request_key",
)
_NEVER += ("io_uring_setup", "io_uring_enter", "io_uring_register", "pidfd_open", "process_madvise")
_NEVER += ("shmget", "shmat", "semget", "msgget", "mq_open", "unshare", "setns", "chroot", "sethostname")
# Calls that change the limits and priorities of a process, here of the caller itself only, which 0 names; and the place
# of the argument that names the process.
_OWN = {"prlimit64": 0, "sched_setparam": 0, "sched_setscheduler": 0, "sched_setattr": 0, "sched_setaffinity": 0}
_OWN |= {"setpriority": 1, "ioprio_set": 1}
_SOCKETS = ("socket", "connect", "bind", "listen")
# Attributes of files, which Landlock does not cover. Libraries set them when they copy a file and give up if that
# fails, so these calls succeed and do nothing.
_IGNORED = ("chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat")
_OWNERS: tuple[str, ...] = ("chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat")
_OWNERS += ("removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_setattr")
_REQUESTS = {0x5412: "TIOCSTI", 0x541C: "TIOCLINUX"}  # of ioctl: they type text into a terminal
_FLAGS = {0x40086602: "FS_IOC_SETFLAGS", 0x40046602: "FS_IOC32_SETFLAGS", 0x401C5820: "FS_IOC_FSSETXATTR"}
_STREAM, _SEQPACKET = 1, 5

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_SET_FILTER, _ALL_THREADS = 1, 1


def program(machine: str, files: bool, network: bool) -> bytes:
    """The filter of a worker, for a machine of ``MACHINES``.

    Without ``files`` attributes of files can't be changed. Without ``network`` there are no sockets but pairs of
    connected ones; a pair of datagram sockets is refused too, since those can send elsewhere.
    """
    numbers = MACHINES[machine][1]
    failing = dict.fromkeys(_NEVER, errno.EPERM)
    if not files:
        failing |= dict.fromkeys(_IGNORED, 0) | dict.fromkeys(_OWNERS, errno.EPERM)
    if not network:
        failing |= dict.fromkeys(_SOCKETS, errno.EACCES)
    lines = start(machine)
    for call, number in failing.items():
        if call in numbers:
            lines += when(numbers[call], [fail(number)])
    if not network:
        lines += connected_pairs(machine)
    for call, place in _OWN.items():
        lines += own_only(numbers[call], place)
    requests = [*_REQUESTS, *([] if files else _FLAGS)]
    lines += when(numbers["ioctl"], [argument(1), *one_of(requests, fail(errno.EPERM)), allow()])
    return b"".join([*lines, allow()])


def start(machine: str) -> list[bytes]:
    """Refuse the calls of another architecture; load the number of the call."""
    name, _, x32 = MACHINES[machine]
    lines = [_line(_LOAD, 4), _line(_EQUAL, name, 1, 0), fail(errno.EPERM), _line(_LOAD, 0)]
    return lines if x32 is None else [*lines, *from_number(x32, errno.EPERM)]


def connected_pairs(machine: str) -> list[bytes]:
    """Allow socketpair for connected sockets only."""
    kinds = [argument(1, 0xF), *one_of((_STREAM, _SEQPACKET), allow()), fail(errno.EACCES)]  # without the type's flags
    return when(MACHINES[machine][1]["socketpair"], kinds)


def own_only(number: int, place: int) -> list[bytes]:
    """Allow a call for the calling process only, which 0 names in the argument at ``place``."""
    return when(number, [argument(place), *one_of((0,), allow()), fail(errno.EPERM)])


def when(number: int, then: list[bytes]) -> list[bytes]:
    """Do this for the call of this number; ``then`` must end with a decision."""
    return [_line(_EQUAL, number, 0, len(b"".join(then)) // 8), *then]


def one_of(values: Any, decision: bytes) -> list[bytes]:
    """Decide so if what is loaded is one of the values."""
    return [line for value in values for line in (_line(_EQUAL, value, 0, 1), decision)]


def from_number(number: int, failure: int) -> list[bytes]:
    """Fail with this errno if what is loaded is ``number`` or greater."""
    return [_line(_AT_LEAST, number, 0, 1), fail(failure)]


def argument(place: int, mask: int | None = None) -> bytes:
    """Load the lower 32 bits of an argument of the call, or those in ``mask``."""
    return _line(_LOAD, 16 + 8 * place) + (b"" if mask is None else _line(_AND, mask))


def allow() -> bytes:
    """Allow the call."""
    return _line(_RETURN, _ALLOW)


def fail(number: int) -> bytes:
    """Let the call fail with this errno; 0 lets it succeed without effect."""
    return _line(_RETURN, _FAIL | number)


def install(build: Callable[[str], bytes]) -> None:
    """Install the filter that ``build`` makes for this machine, for good and in all threads.

    ``PR_SET_NO_NEW_PRIVS`` must be set. Raises OSError.
    """
    machine = platform.machine()
    if machine not in MACHINES or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, f"there is no filter for {machine}")
    code = build(machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    described = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    number = ctypes.c_long(MACHINES[machine][1]["seccomp"])
    if libc.syscall(number, ctypes.c_uint(_SET_FILTER), ctypes.c_uint(_ALL_THREADS), described) != 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed) if failed else "a thread has another filter")


def _line(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value)
