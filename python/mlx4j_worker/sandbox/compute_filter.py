"""A seccomp filter for code that only computes: the system calls that Python needs for that, and no others.

This is an allow list, unlike the filter of workers, whose libraries and drivers make calls that can't be listed in
advance. Such code needs few calls, and a list of forbidden ones would miss those that later kernels add. A later libc
could break an allow list, so calls that came with Linux 5.1 or later fail with ENOSYS, as on an older kernel, and the
libc uses an older call, which is allowed. All others fail with EPERM.
"""

import errno

from mlx4j_worker.sandbox import seccomp

# The number of each call on x86_64 and aarch64; None where a machine doesn't have it.
# fmt: off
_CALLS = {
    # files that are open, and opening, which Landlock restricts
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "pwrite64": (18, 68),
    "lseek": (8, 62), "open": (2, None), "openat": (257, 56), "close": (3, 57), "close_range": (436, 436),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59), "stat": (4, None),
    "fstat": (5, 80), "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43),
    "fstatfs": (138, 44), "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents": (78, None), "getdents64": (217, 61),
    "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50), "umask": (95, 166),
    # waiting, and pairs of sockets, which event loops have
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441),
    "eventfd2": (290, 19), "sendto": (44, 206), "recvfrom": (45, 207), "shutdown": (48, 210), "getsockname": (51, 204),
    "getpeername": (52, 205), "getsockopt": (55, 209),
    # memory
    "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226), "brk": (12, 214), "madvise": (28, 233),
    "mincore": (27, 232),
    # signals to itself, timers and clocks
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigsuspend": (130, 133), "rt_sigtimedwait": (128, 137), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128), "pause": (34, None), "alarm": (37, None), "getitimer": (36, 102),
    "setitimer": (38, 103), "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153),
    # what it is, and what it has used
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150),
    "getgroups": (115, 158), "getpgid": (121, 155), "getpgrp": (111, None), "getsid": (124, 156),
    "getrusage": (98, 165), "getrlimit": (97, 163), "uname": (63, 160), "sysinfo": (99, 179), "getcpu": (309, 168),
    "getpriority": (140, 141), "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    # Python's locks, and its end
    "futex": (202, 98), "set_robust_list": (273, 99), "set_tid_address": (218, 96), "rseq": (334, 293),
    "arch_prctl": (158, None), "getrandom": (318, 278), "exit": (60, 93), "exit_group": (231, 94),
}
# fmt: on
_PLACES = {"x86_64": 0, "aarch64": 1}
_MMAP, _FCNTL = (9, 222), (72, 25)
_MAP_TYPE, _MAP_PRIVATE = 0xF, 0x2
_PROCESS_OF_LIMITS = 0  # the argument of prlimit64
# Requests, the same on both machines. Others would send signals to a process that they name (F_SETOWN, FIOSETOWN),
# or enlarge the buffers of a pipe, which no limit of memory counts.
_FCNTL_REQUESTS = {0: "F_DUPFD", 1: "F_GETFD", 2: "F_SETFD", 3: "F_GETFL", 4: "F_SETFL", 1030: "F_DUPFD_CLOEXEC"}
_IOCTL_REQUESTS = {0x5401: "TCGETS", 0x5413: "TIOCGWINSZ", 0x5421: "FIONBIO", 0x5450: "FIONCLEX", 0x5451: "FIOCLEX"}
_FIRST_NEW = 424  # the numbers from here on are the same on every machine; they came with Linux 5.1 or later


def program(machine: str) -> bytes:
    """The filter for a machine of ``seccomp.MACHINES``.

    Mappings are private: memory that is shared stays taken after it is unmapped in part, and no limit counts it then.
    """
    numbers, place = seccomp.MACHINES[machine][1], _PLACES[machine]
    refused = seccomp.fail(errno.EPERM)
    lines = seccomp.start(machine)
    for number, argument, mask, values in (
        (_MMAP[place], 3, _MAP_TYPE, (_MAP_PRIVATE,)),
        (_FCNTL[place], 1, None, _FCNTL_REQUESTS),
        (numbers["ioctl"], 1, None, _IOCTL_REQUESTS),
    ):
        allowed = seccomp.one_of(values, seccomp.allow())
        lines += seccomp.when(number, [seccomp.argument(argument, mask), *allowed, refused])
    lines += seccomp.connected_pairs(machine)
    lines += seccomp.own_only(numbers["prlimit64"], _PROCESS_OF_LIMITS)
    calls = [call for both in _CALLS.values() if (call := both[place]) is not None]
    lines += seccomp.one_of(calls, seccomp.allow())
    return b"".join([*lines, *seccomp.from_number(_FIRST_NEW, errno.ENOSYS), refused])
