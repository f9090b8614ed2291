"""A seccomp filter: system calls that this process, and all that it starts, can no longer make.

The filter is a program of classic BPF, see https://docs.kernel.org/userspace-api/seccomp_filter.html.
"""

import ctypes
import errno
import os
import platform
import struct

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

# What starts processes and threads, sends signals to other processes, and keeps memory outside of the address space.
_SAME |= {"clone3": 435, "pidfd_send_signal": 424}
_X86_64 |= {"clone": 56, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "kill": 62, "tkill": 200}
_X86_64 |= {"tgkill": 234, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "memfd_create": 319}
_AARCH64 |= {"clone": 220, "execve": 221, "execveat": 281, "kill": 129, "tkill": 130, "tgkill": 131}
_AARCH64 |= {"rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "memfd_create": 279}
_PROCESSES = ("clone", "clone3", "fork", "vfork", "execve", "execveat", "kill", "tkill", "tgkill", "rt_sigqueueinfo")
_PROCESSES += ("rt_tgsigqueueinfo", "pidfd_send_signal", "memfd_create")

# machine: (the filter's name of it, numbers, the first number of the x32 ABI, which names the same calls otherwise)
MACHINES = {
    "x86_64": (0xC000003E, _X86_64 | _SAME, 0x40000000),
    "aarch64": (0xC00000B7, _AARCH64 | _SAME, None),
}

# What reaches into other processes, or does what the filter forbids on its behalf.
_NEVER = ("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "keyctl", "add_key", "request_key")
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
_OWNERS = ("chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat")
_OWNERS += ("removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_setattr")
_REQUESTS = {0x5412: "TIOCSTI", 0x541C: "TIOCLINUX"}  # of ioctl: they type text into a terminal
_FLAGS = {0x40086602: "FS_IOC_SETFLAGS", 0x40046602: "FS_IOC32_SETFLAGS", 0x401C5820: "FS_IOC_FSSETXATTR"}
_STREAM, _SEQPACKET = 1, 5

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_SET_FILTER, _ALL_THREADS = 1, 1


def program(machine: str, files: bool, network: bool, processes: bool = True) -> bytes:
    """The filter for a machine of ``MACHINES``.

    Without ``files`` attributes of files can't be changed. Without ``network`` there are no sockets but pairs of
    connected ones; a pair of datagram sockets is refused too, since those can send elsewhere. Without ``processes`` no
    process or thread can be started, no program run, and no signal sent.
    """
    name, numbers, x32 = MACHINES[machine]
    lines = [_line(_LOAD, 4), _line(_EQUAL, name, 1, 0), _fail(errno.EPERM), _line(_LOAD, 0)]
    if x32 is not None:
        lines += [_line(_AT_LEAST, x32, 0, 1), _fail(errno.EPERM)]
    failing = dict.fromkeys(_NEVER, errno.EPERM)
    if not processes:
        failing |= dict.fromkeys(_PROCESSES, errno.EPERM)
    if not files:
        failing |= dict.fromkeys(_IGNORED, 0) | dict.fromkeys(_OWNERS, errno.EPERM)
    if not network:
        failing |= dict.fromkeys(_SOCKETS, errno.EACCES)
    for call, number in failing.items():
        if call in numbers:
            lines += [_line(_EQUAL, numbers[call], 0, 1), _fail(number)]
    if not network:
        inner = [_line(_LOAD, 24), _line(_AND, 0xF)]  # the type, without its flags
        for kind in (_STREAM, _SEQPACKET):
            inner += [_line(_EQUAL, kind, 0, 1), _line(_RETURN, _ALLOW)]
        inner.append(_fail(errno.EACCES))
        lines += [_line(_EQUAL, numbers["socketpair"], 0, len(inner)), *inner]
    for call, place in _OWN.items():
        inner = [_line(_LOAD, 16 + 8 * place), _line(_EQUAL, 0, 0, 1), _line(_RETURN, _ALLOW), _fail(errno.EPERM)]
        lines += [_line(_EQUAL, numbers[call], 0, len(inner)), *inner]
    inner = [_line(_LOAD, 24)]  # the request
    for request in [*_REQUESTS, *([] if files else _FLAGS)]:
        inner += [_line(_EQUAL, request, 0, 1), _fail(errno.EPERM)]
    inner.append(_line(_RETURN, _ALLOW))
    lines += [_line(_EQUAL, numbers["ioctl"], 0, len(inner)), *inner, _line(_RETURN, _ALLOW)]
    return b"".join(lines)


def install(files: bool, network: bool, processes: bool = True) -> None:
    """Install the filter for good, in all threads; ``PR_SET_NO_NEW_PRIVS`` must be set. Raises OSError."""
    machine = platform.machine()
    if machine not in MACHINES or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, f"there is no filter for {machine}")
    code = program(machine, files, network, processes)
    buffer = ctypes.create_string_buffer(code, len(code))
    described = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    number = ctypes.c_long(MACHINES[machine][1]["seccomp"])
    if libc.syscall(number, ctypes.c_uint(_SET_FILTER), ctypes.c_uint(_ALL_THREADS), described) != 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed) if failed else "a thread has another filter")


def _line(code, value, then=0, otherwise=0):
    return struct.pack("<HBBI", code, then, otherwise, value)


def _fail(number):
    return _line(_RETURN, _FAIL | number)
