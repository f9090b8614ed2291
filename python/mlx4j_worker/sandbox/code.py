"""Calls a function that a model wrote, in a process that can do little else, and reports what it returns.

The process that runs the code knows the arguments of the calls and nothing else: what they have to return stays with
the program that asked, which compares. So the code can't announce a verdict, only values, and what it prints, how it
exits and what it changes in here makes no difference.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from mlx4j_worker import macos, sandbox
from mlx4j_worker.sandbox import capabilities

# exit codes
NOT_HELD, OUT_OF_TIME, OUT_OF_MEMORY, TOO_MUCH_OUTPUT, KILLED = 3, 124, 125, 126, 127
_PR_SET_PDEATHSIG, _PR_SET_THP_DISABLE = 1, 41
_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Limits:
    """What the process may use.

    ``cpu`` are seconds of CPU time, ``wall`` seconds of the clock, ``memory`` bytes, ``output`` bytes of results, and
    ``files`` is how many may be open.
    """

    cpu: int = 10
    wall: float = 30.0
    memory: int = 512 << 20
    output: int = 1 << 20
    files: int = 32


def main() -> int:
    """Read ``{"code", "function", "calls"}`` from stdin and write a line for each call; return the exit code.

    A call is a list of arguments. A line is ``{"value": …}`` or ``{"error": …}``. Where this system can't restrict the
    process, nothing of the code runs, the only line is ``{"missing": […]}`` and the exit code NOT_HELD.
    """
    program = os.getppid()
    job = json.load(sys.stdin)
    limits = Limits(**job.get("limits", {}))
    read, results = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            _silence()
            _run(job, results, limits, parent)
        finally:
            os._exit(0)
    os.close(results)
    with _guarded(child, read):
        return watch(child, read, limits, program)


@contextlib.contextmanager
def _guarded(child: Any, read: Any) -> Iterator[None]:
    """Kill the child when this process ends before the block does, be it by SIGKILL or an exception.

    A small process waits for that. On Linux the child asks the kernel for the same, but macOS doesn't offer it.
    """
    ended, alive = os.pipe()
    guard = os.fork()
    if guard == 0:
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a terminal sends them to the whole group
                signal.signal(number, signal.SIG_IGN)
            for descriptor in (alive, read, 0, 1, 2):
                os.close(descriptor)
            if not os.read(ended, 1):
                os.kill(child, signal.SIGKILL)
        finally:
            os._exit(0)
    os.close(ended)
    try:
        yield
        os.write(alive, b"1")  # the child is gone, and its id may be that of another process
    finally:
        os.close(alive)
        os.waitpid(guard, 0)


def watch(child: int, results: int, limits: Limits, program: int) -> int:
    """Pass on the child's results until it ends; return the exit code that says how it ended.

    Kills it at the limits that the kernel doesn't hold, and when this process's parent is no longer ``program``.
    Memory is checked here too, since macOS doesn't hold RLIMIT_AS.
    """
    until = time.monotonic() + limits.wall
    left, is_open = limits.output, True
    while True:
        if is_open and select.select([results], [], [], _POLL_SECONDS)[0]:
            chunk = os.read(results, 1 << 16)
            os.write(1, chunk[:left])
            left -= len(chunk)
            is_open = bool(chunk)
        elif not is_open:  # it has ended, or it has closed the pipe and goes on
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return _exit_code(status)
            time.sleep(_POLL_SECONDS)
        if code := _exceeded(child, limits, until, left, os.getppid() == program):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return code


def _exceeded(child: Any, limits: Any, until: Any, left: Any, is_wanted: Any) -> Any:
    if left < 0:
        return TOO_MUCH_OUTPUT
    if time.monotonic() > until or not is_wanted:
        return OUT_OF_TIME
    return OUT_OF_MEMORY if (resident_bytes(child) or 0) > limits.memory else 0


def _exit_code(status: Any) -> Any:
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    return OUT_OF_TIME if os.WTERMSIG(status) == signal.SIGXCPU else KILLED


def resident_bytes(process: int) -> int | None:
    """Memory that a process of this user takes, in bytes, or None if that is unknown."""
    if sys.platform == "darwin":
        return macos.footprint_bytes(process)
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as line:
            return int(line.read().split()[1]) * resource.getpagesize()
    except OSError:
        return None


def readable() -> tuple[str, ...]:
    """What the code may read: Python's standard library, the system's libraries, and harmless devices."""
    folders = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    if multiarch := sysconfig.get_config_var("MULTIARCH"):
        folders += [f"/lib/{multiarch}", f"/usr/lib/{multiarch}"]
    folders += ["/lib64", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache"]
    if sys.platform == "darwin":
        folders += ["/usr/lib", "/System/Library", "/private/var/db/timezone"]
    if sys.base_prefix not in ("/", "/usr", "/usr/local"):
        folders.append(os.path.join(sys.base_prefix, "lib"))  # libraries that come with it
    return (*dict.fromkeys(folders), "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def _silence() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _run(job: Any, results: Any, limits: Any, parent: Any) -> None:
    held = _confine(limits, parent)
    if held["missing"] or "none" in (held["files"], held["network"]):
        _write(results, {"missing": held["missing"]})
        os._exit(NOT_HELD)
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.dirname(os.path.dirname(__file__)))]
    try:
        namespace: dict[str, Any] = {"__name__": "answer"}
        exec(_compiled(job["code"]), namespace)
        function = namespace[job["function"]]
    except BaseException as error:
        _write(results, {"error": _text(error)})
        return
    for arguments in job["calls"]:
        try:
            line = {"value": function(*arguments)}
            json.dumps(line, allow_nan=False)
        except BaseException as error:
            line = {"error": _text(error)}
        _write(results, line)


def _compiled(code: Any) -> CodeType:
    return compile(code, "<answer>", "exec", dont_inherit=True)


def _confine(limits: Any, parent: Any) -> Any:
    """Set the limits and enter the sandbox; return what ``sandbox.enter`` says."""
    sandbox.harden()
    missing = _give_up() if sys.platform == "linux" else []
    if os.getppid() != parent:
        os._exit(KILLED)
    os.chdir("/")
    rules = sandbox.Rules("require", network=False, write=(), read=readable(), processes=False)
    held = sandbox.enter(rules, None)
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu + 1))  # SIGXCPU, then SIGKILL
    for kind, value in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_NOFILE, limits.files)):
        resource.setrlimit(kind, (value, value))
    with contextlib.suppress(OSError, ValueError):  # macOS: the address space is larger from the start
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    return held | {"missing": [*missing, *held["missing"]]}


def _give_up() -> list[str]:
    """Give up what root has, and huge pages: a part of one that is unmapped stays taken, and no limit counts it.

    Returns what is missing. A change of capabilities may reset the signal at the parent's end, so that comes last.
    """
    missing = []
    try:
        capabilities.drop()
    except OSError as error:
        missing.append(f"The process keeps its rights ({error}).")
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_THP_DISABLE, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return missing


def _write(results: Any, line: dict[str, Any]) -> None:
    rest = json.dumps(line, allow_nan=False).encode() + b"\n"
    while rest:
        rest = rest[os.write(results, rest) :]


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except BaseException:
        return "an error that can't be shown"
