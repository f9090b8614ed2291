"""Runs steps one after another, each in a process of its own that is stopped at its time limit."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from acceptance import checks, processes
from acceptance.checks import Check, Checks, Status, Unavailable

GRACE_S = 20.0  # how long a stopped step may clean up, such as detach a disk image
INTERRUPTED = "interrupted"
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Context:
    """What a step works with: where it reports, its folder for logs, and one that is removed after it."""

    checks: Checks
    logs: Path
    temp: Path
    quick: bool = False


@dataclass(frozen=True)
class Step:
    """One step of the kit.

    ``run`` reports checks. ``clean`` undoes what a killed step may have left outside its processes and folders; it is
    given the temporary folder. ``disk_mb`` is the free space in MiB that the step needs.
    """

    name: str
    title: str
    limit_s: float
    run: Callable[[Context], None]
    disk_mb: int = 50
    clean: Callable[[Path], None] | None = None
    warning: str = ""


@dataclass(frozen=True)
class Result:
    name: str
    title: str
    status: Status
    seconds: float
    detail: str = ""
    checks: list[Check] = field(default_factory=list)

    def as_dict(self) -> dict:
        fields = {"name": self.name, "title": self.title, "status": self.status.value, "detail": self.detail}
        return {**fields, "seconds": round(self.seconds, 1), "checks": [check.as_dict() for check in self.checks]}

    @staticmethod
    def from_dict(record: dict) -> "Result":
        found = [Check.from_dict(check) for check in record["checks"]]
        return Result(
            record["name"], record["title"], Status(record["status"]), record["seconds"], record["detail"], found
        )


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal."""


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turns the first signal to stop into ``Interrupted``; later ones are ignored, so that cleaning up can end."""

    def stop(_number: int, _frame: object) -> None:
        ignore_signals()
        raise Interrupted

    before = {number: signal.signal(number, stop) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """From here on nothing interrupts this process until ``interruptible`` ends."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)


def run(step: Step, folder: Path, quick: bool = False) -> Result:
    """Runs a step; its log and checks go to ``folder``. What it leaves behind is removed.

    On ``Interrupted`` the step is stopped and cleaned up like one that reached its limit; ``Result.detail`` is
    ``INTERRUPTED`` then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "checks.jsonl"
    record.unlink(missing_ok=True)
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < step.disk_mb:
        return Result(
            step.name, step.title, Status.NOT_RUN, 0, f"needs {step.disk_mb} MiB of disk space; {free_mb} MiB are free"
        )
    temp = Path(tempfile.mkdtemp(prefix="mlx4j-acceptance-")).resolve()  # resolved: hdiutil and ps show it so
    begun = time.monotonic()
    child, ended, stopped = 0, False, ""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        child = _start(step, Context(Checks(record), folder, temp, quick), blocked)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        code = _wait(child, step.limit_s)
        ended = code is not None
        if not ended:
            stopped = f"stopped at its limit of {step.limit_s:.0f} s"
    except Interrupted:
        code, stopped = None, INTERRUPTED
    finally:
        if ended:
            processes.end_session(child)  # what the step left behind
        elif child:
            _end(child)
        if step.clean:
            with contextlib.suppress(Exception):
                step.clean(temp)
        shutil.rmtree(temp, ignore_errors=True)
    found = checks.read(record)
    seconds = time.monotonic() - begun
    if stopped:
        return Result(step.name, step.title, Status.STOPPED, seconds, stopped, found)
    if code != 0:
        return Result(step.name, step.title, Status.ERROR, seconds, f"the step ended with {_said(code)}", found)
    return Result(step.name, step.title, checks.worst([check.status for check in found]), seconds, "", found)


def _start(step: Step, context: Context, mask: set[int]) -> int:
    """Forks the process of a step, as the leader of a session of its own, with this signal mask. There are no threads.

    The caller blocks the signals that stop the kit, so that none comes before it knows the child.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        _redirect(context.logs / "step.log")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that the step cleans up
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        code = _perform(step, context)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _perform(step: Step, context: Context) -> int:
    try:
        step.run(context)
    except Unavailable as missing:
        context.checks.add(step.name, Status.NOT_RUN, str(missing))
    except Exception as error:
        traceback.print_exc()
        context.checks.add(step.name, Status.ERROR, f"{type(error).__name__}: {error}")
    return 0


def _redirect(log: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(nothing, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)


def _wait(child: int, limit_s: float) -> int | None:
    """Waits for the child and reaps it: its exit code, negative for a signal, or None at the limit."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    return None


def _end(child: int) -> None:
    """Lets the step clean up, then kills all of its session and reaps it."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):  # it ended by itself
        os.kill(child, signal.SIGTERM)
        _wait(child, GRACE_S)
    processes.end_session(child)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def _said(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
