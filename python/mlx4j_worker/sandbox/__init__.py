"""Restricts a worker: no network, and writing only to its private folder and its outputs.

The parent says what a worker needs; ``enter`` holds it to that by what the system offers, before there are threads and
before a model or the packages that load it are read. Processes that the worker starts are held to it too.
"""

import glob
import json
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass

from mlx4j_worker.sandbox import compute_filter, landlock, rename_helper, seatbelt, seccomp

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/kfd")
_GPUS = ("/dev/nvidia*", "/dev/dri/*")  # a device is opened for writing to be used at all
_SET_NO_NEW_PRIVS = 38  # of prctl
_OPEN, _NONE = "open", "none"


@dataclass(frozen=True)
class Rules:
    """What a worker may do.

    ``mode`` is ``auto``, ``require`` or ``off``. ``write`` are folders that it may write to beside its private one,
    None is everywhere; ``create`` is a folder that it is to make, or None. ``read`` are the folders that it may read,
    None is everywhere. Without ``processes`` it only computes: on Linux it has no network, writes no file and starts no
    process, thread or program, whatever the other rules are.
    """

    mode: str = "off"
    network: bool = True
    write: tuple[str, ...] | None = None
    create: str | None = None
    read: tuple[str, ...] | None = None
    processes: bool = True

    @classmethod
    def parse(cls, text: str) -> "Rules":
        """The Rules in a JSON object, which the parent passes as an argument; an empty text is ``off``."""
        given = json.loads(text) if text else {}
        write = given.get("write")
        return cls(
            given.get("mode", "off"),
            given.get("network", True),
            None if write is None else tuple(write),
            given.get("create"),
        )


def harden() -> None:
    """What holds for every worker: new files are for its user alone, and a crash leaves no copy of its memory."""
    os.umask(0o077)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def enter(rules: Rules, folder: str | None, more: Callable[[], list[str]] = list) -> dict:
    """Hold this process to the rules, for good; it may write to its private ``folder``, if any, and to ``more()``.

    Returns what ``hello`` says of it: ``files`` and ``network`` are what holds them, ``open`` where this worker needs
    them, or ``none``; ``missing`` says what was to hold and doesn't, and why. Raises nothing for what is missing.
    """
    if rules.mode == "off" or (rules.network and rules.write is None):
        nothing = {"files": _NONE, "network": _NONE} if rules.mode == "off" else {"files": _OPEN, "network": _OPEN}
        return {"mode": rules.mode, **nothing, "missing": []}
    writable = None
    if rules.write is not None:
        writable = [*([folder] if folder else []), *more(), *rules.write]
        if rules.create:
            writable.append(str(rename_helper.RenameHelper(rules.create).part))
    held, missing = _PLATFORMS.get(sys.platform, _unknown)(rules, writable)
    return {
        "mode": rules.mode,
        "files": _OPEN if writable is None else held.get("files", _NONE),
        "network": _OPEN if rules.network else held.get("network", _NONE),
        "missing": missing,
    }


def _linux(rules: Rules, writable: list[str] | None) -> tuple[dict[str, str], list[str]]:
    held, missing = {}, []
    try:
        _set_no_new_privileges()
        threads = len(os.listdir("/proc/self/task"))
        if threads > 1:
            raise OSError(f"there are {threads} threads already")
        if writable is not None:
            devices = [*_DEVICES, *(path for pattern in _GPUS for path in glob.glob(pattern))]
            writable = [*writable, *devices]
        landlock.enter(writable, rules.network, rules.read)
        held["files"] = "landlock"
        if landlock.abi() < landlock.FULL_ABI and writable is not None:
            missing.append("Files elsewhere can be truncated: Landlock prevents it from Linux 6.2 on.")
    except OSError as error:
        if writable is not None:
            missing.append(
                f"Landlock, which restricts writing, can't be used ({error}). It needs Linux 6.2 or newer with landlock"
                " among its security modules, and a container that allows it."
            )
    try:
        if rules.processes:
            seccomp.install(lambda machine: seccomp.program(machine, writable is None, rules.network))
        else:
            seccomp.install(compute_filter.program)
        held["network"] = "seccomp"
    except OSError as error:
        missing.append(
            f"A seccomp filter, which takes the network away, can't be installed ({error}). It needs Linux on x86_64 or"
            " aarch64, and a container that allows it."
        )
    return held, missing


def _macos(rules: Rules, writable: list[str] | None) -> tuple[dict[str, str], list[str]]:
    if rules.mode != "require":
        return {}, ["Seatbelt is used only with MLX4J_SANDBOX=require: the profile is not proven on macOS yet."]
    try:
        seatbelt.enter(writable, rules.network, rules.read, rules.processes)
        return {"files": "seatbelt", "network": "seatbelt"}, []
    except (OSError, ValueError, AttributeError) as error:
        return {}, [f"Seatbelt can't be used: {error}."]


def _unknown(_rules: Rules, _writable: list[str] | None) -> tuple[dict[str, str], list[str]]:
    return {}, [f"There is no sandbox for {sys.platform}."]


_PLATFORMS = {"linux": _linux, "darwin": _macos}


def _set_no_new_privileges() -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
    if libc.prctl(ctypes.c_int(_SET_NO_NEW_PRIVS), one, zero, zero, zero) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs can't be set")
