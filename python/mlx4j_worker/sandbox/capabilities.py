"""Drops the capabilities of this process, which root has in a container too."""

import ctypes
import os
import struct

_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
_VERSION_3 = 0x20080522
_MAX_CAPABILITIES = 64


def drop() -> None:
    """Empty the sets of the calling thread for good, so call it before there are others. Raises OSError.

    Only a process with CAP_SETPCAP can empty the bounding set, which limits what a new program gains. One without it
    gains nothing after ``PR_SET_NO_NEW_PRIVS``.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    for capability in range(_MAX_CAPABILITIES):
        if libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), zero, zero, zero) != 0:
            break
    libc.prctl(_PR_CAP_AMBIENT, ctypes.c_ulong(_PR_CAP_AMBIENT_CLEAR_ALL), zero, zero, zero)
    header, sets = struct.pack("=Ii", _VERSION_3, 0), bytes(24)  # effective, permitted and inheritable, twice
    if libc.capset(ctypes.create_string_buffer(header), ctypes.create_string_buffer(sets)) != 0:
        raise OSError(ctypes.get_errno(), f"capabilities can't be dropped: {os.strerror(ctypes.get_errno())}")
