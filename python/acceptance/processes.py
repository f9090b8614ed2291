"""Commands and processes: commands with a time limit, and ways to find and end what they leave."""

import contextlib
import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finished:
    """A command that ended. ``code`` is its exit code, negative for a signal, or None if it reached its limit."""

    code: int | None
    out: str
    err: str
    seconds: float

    @property
    def last_words(self) -> str:
        """The last line that the command wrote that says something, from standard error if there is any."""
        lines = [line.strip() for line in (self.err.strip() or self.out.strip()).splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    @property
    def outcome(self) -> str:
        """How the command ended, in a few words, with its last words unless it succeeded."""
        if self.code is None:
            return f"stopped at its limit after {self.seconds:.0f} s"
        return "exit 0" if self.code == 0 else f"exit {self.code}: {self.last_words}"


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    state: str
    command: str


def run(command: list[str], limit_s: float, env: dict[str, str], cwd: Path, log: Path) -> Finished:
    """Runs a command in a process group of its own and kills the group at the limit, or if this call is interrupted.

    What a command that ended by itself left running is not touched, so that leaks can be counted; the runner ends it
    with the step. Standard output and error are kept beside ``log`` (``log`` + ``.out`` and ``.err``) and returned.
    """
    out, err = Path(f"{log}.out"), Path(f"{log}.err")
    print("$", shlex.join(word if len(word) < 300 else word[:300] + "…" for word in command), flush=True)
    begun = time.monotonic()
    with out.open("wb") as to, err.open("wb") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=to, stderr=errors, env=env, cwd=cwd, process_group=0
        )
        code = None
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(limit_s)
        finally:
            if code is None:
                end_group(process.pid)
                process.wait()
    seconds = time.monotonic() - begun
    print(f"  {'limit reached' if code is None else f'exit {code}'}, {seconds:.1f} s", flush=True)
    return Finished(code, _read(out), _read(err), seconds)


def listing() -> list[Process]:
    """Every process of this machine that is not a zombie. ``ps`` has these options on macOS and Linux."""
    done = subprocess.run(
        ["ps", "-axww", "-o", "pid=,ppid=,stat=,command="], capture_output=True, text=True, errors="replace", check=True
    )
    return parse_listing(done.stdout)


def parse_listing(text: str) -> list[Process]:
    """The processes in the output of ``ps -o pid=,ppid=,stat=,command=``, without zombies."""
    processes = []
    for line in text.splitlines():
        fields = line.split(None, 3)
        if len(fields) == 4 and not fields[2].startswith("Z"):
            processes.append(Process(int(fields[0]), int(fields[1]), fields[2], fields[3]))
    return processes


def mentioning(text: str) -> list[Process]:
    """The processes whose command line contains this text, but for this process."""
    return [process for process in listing() if text in process.command and process.pid != os.getpid()]


def end_group(group: int) -> None:
    """Kills every process of a process group."""
    _ignoring_gone(os.killpg, group)


def end_session(session: int) -> None:
    """Kills every process of a session, until there is none left.

    A process that forks while the list is read is found in the next round.
    """
    for _ in range(20):
        members = [process.pid for process in listing() if _session(process.pid) == session]
        if not members:
            return
        for pid in members:
            _ignoring_gone(os.kill, pid)
        time.sleep(0.05)


def wait_until(condition: Callable[[], bool], limit_s: float, every_s: float = 0.02) -> bool:
    """Whether the condition became true within the limit."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every_s)
    return True


def first_line(process: subprocess.Popen, limit_s: float) -> str:
    """The first line that a program prints, or what there is of it at the limit."""
    return next(lines(process, limit_s), "")


def lines(process: subprocess.Popen, limit_s: float) -> Iterator[str]:
    """The lines that a program prints, as they come, until it closes its output or the limit is reached."""
    end = time.monotonic() + limit_s
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, end - time.monotonic())):
            read = os.read(process.stdout.fileno(), 65536)
            *whole, rest = (rest + read).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in whole)
            if not read:
                break
    if rest:
        yield rest.decode("utf-8", "replace")


def describe(processes: Iterable[Process]) -> str:
    return "; ".join(f"pid {p.pid} (parent {p.parent}, {p.state}) {p.command[:160]}" for p in processes)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _ignoring_gone(kill: Callable[[int, int], None], target: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # EPERM: on macOS, of a group with only zombies
        kill(target, signal.SIGKILL)


def _read(file: Path, most_bytes: int = 4_000_000) -> str:
    """The end of a file that a command wrote."""
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - most_bytes))
        return stream.read().decode("utf-8", "replace")
