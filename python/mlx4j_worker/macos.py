"""What macOS's kernel reports about memory, read through libSystem: a few microseconds, and no process is started."""

import ctypes
import functools
import os
from typing import Any

_SUCCESS = 0
_HOST_VM_INFO64 = 4
_RUSAGE_INFO_V0 = 0


class VmStatistics64(ctypes.Structure):
    """``struct vm_statistics64`` of <mach/vm_statistics.h>, the figures that vm_stat prints, in pages."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("free", "active", "inactive", "wired")),
        *(
            (name, ctypes.c_uint64)
            for name in (
                "zero_filled",
                "reactivations",
                "pageins",
                "pageouts",
                "faults",
                "cow_faults",
                "lookups",
                "hits",
                "purges",
            )
        ),
        ("purgeable", ctypes.c_uint32),
        ("speculative", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("decompressions", "compressions", "swapins", "swapouts")),
        *((name, ctypes.c_uint32) for name in ("compressor", "throttled", "file_backed", "anonymous")),
        ("uncompressed_in_compressor", ctypes.c_uint64),
    ]


class RusageInfoV0(ctypes.Structure):
    """``struct rusage_info_v0`` of <sys/resource.h>, in bytes where it is about memory."""

    _fields_ = [
        ("uuid", ctypes.c_uint8 * 16),
        *(
            (name, ctypes.c_uint64)
            for name in (
                "user_time",
                "system_time",
                "idle_wakeups",
                "interrupt_wakeups",
                "pageins",
                "wired_size",
                "resident_size",
                "phys_footprint",
                "start_time",
                "exit_time",
            )
        ),
    ]


def available_bytes() -> int | None:
    """Memory that macOS can provide without swapping, in bytes, or None if the kernel doesn't report it.

    Free pages, pages that it can drop (file-backed and purgeable), and half of the anonymous pages of other processes,
    which it compresses before it swaps (to half their size or less). Wired and compressed pages don't count. The
    statistics don't say whose pages are anonymous, so this process's footprint is left out of them: weights don't
    compress. What of it the GPU has wired at the moment is not among the anonymous pages, so the result may be too low
    by half of that.
    """
    try:
        found, count = VmStatistics64(), ctypes.c_uint32(ctypes.sizeof(VmStatistics64) // 4)
        page = ctypes.c_size_t()
        system, host = _system(), _host()
        if (
            system.host_statistics64(host, _HOST_VM_INFO64, ctypes.byref(found), ctypes.byref(count)) != _SUCCESS
            or system.host_page_size(host, ctypes.byref(page)) != _SUCCESS
        ):
            return None
    except (AttributeError, OSError):  # no such function
        return None
    free = found.free - found.speculative  # the kernel counts speculative pages as free, and as file-backed too
    compressible = (found.anonymous - found.purgeable) * page.value - (footprint_bytes() or 0)
    return (free + found.file_backed + found.purgeable) * page.value + max(0, compressible) // 2


def footprint_bytes(process: int | None = None) -> int | None:
    """Memory of this process, or of another one of this user, in bytes; None if unknown.

    That of the GPU is included, as in Activity Monitor.
    """
    try:
        found = RusageInfoV0()
        failed = _system().proc_pid_rusage(process or os.getpid(), _RUSAGE_INFO_V0, ctypes.byref(found))
    except (AttributeError, OSError):
        return None
    return None if failed else found.phys_footprint


@functools.cache
def _system() -> Any:
    system = ctypes.CDLL(None)
    system.mach_host_self.restype = ctypes.c_uint32
    system.host_statistics64.argtypes = (ctypes.c_uint32, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    system.host_page_size.argtypes = (ctypes.c_uint32, ctypes.c_void_p)
    system.proc_pid_rusage.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
    return system


@functools.cache
def _host() -> int:
    return _system().mach_host_self()  # each call takes another reference to the port
