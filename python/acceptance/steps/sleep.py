"""An answer that is interrupted: by a pause of all its processes, and by sleep of the Mac."""

import os
import signal
import subprocess
import time

from acceptance import clocks, macos, processes
from acceptance.answering import answering
from acceptance.checks import Status
from acceptance.runner import Context, Step

PAUSE_S = 10.0
SLEEP_S = 300.0
WARNING = (
    "The Mac goes to sleep in the middle of an answer. Leave it asleep for 5 minutes, then wake it with a key.\n"
    "Over ssh the connection ends; run the kit in tmux or screen there, or leave this step out."
)


def run(context: Context) -> None:
    with context.checks.part("pause of all processes"):
        _interrupt(context, "pause of all processes", "pause", _pause)
    if not macos.IS_MACOS:
        context.checks.needs_macos("sleep of the machine")
        return
    with context.checks.part("sleep of the machine"):
        assertions = subprocess.run(["pmset", "-g", "assertions"], capture_output=True, text=True, check=False).stdout
        blockers = macos.sleep_blockers(assertions)
        context.checks.add("what prevents sleep", Status.PASS, ", ".join(blockers) or "nothing")
        _interrupt(context, "sleep of the machine", "sleep", _sleep)


def _interrupt(context: Context, name: str, log: str, interrupt) -> None:
    """Interrupts an answer; it or, after a failure with a code, the next one must be complete and right."""
    with answering(context, log, "mlx", 7200) as program:
        if program.until("answered") is None:
            raise RuntimeError(f"no answer came; see {log}.err")
        begun = program.until("begun")
        before = clocks.now()
        interrupt(program.program.pid, begun["worker"])
        change = clocks.advanced(before, clocks.now())
        interrupted = program.until("answered", "failed")
        following = program.until("answered")
    slept = clocks.asleep_s(change)
    outcome = "lost" if interrupted is None else "failed" if interrupted["event"] == "failed" else "complete"
    right = [event["same"] for event in (interrupted, following) if event and event["event"] == "answered"]
    detail = f"answer {outcome}{' ' + interrupted['code'] if outcome == 'failed' else ''}"
    detail += f", next one {'complete' if following else 'lost'}; real time {change['CLOCK_REALTIME']:.1f} s"
    detail += f", asleep {slept:.1f} s"
    times = {key: interrupted[key] for key in ("seconds", "wallSeconds")} if interrupted else {}
    passed = interrupted is not None and following is not None and all(right)
    if log == "sleep" and slept < SLEEP_S / 2:
        context.checks.add(
            name, Status.ERROR, f"the Mac did not sleep long enough; {detail}", clocks=change, java=times
        )
        return
    context.checks.verdict(name, passed, detail, clocks=change, java=times)


def _pause(program: int, _worker: int) -> None:
    """Stops the program and its children for a while, as a debugger or a laptop's lid does."""
    family = [program, *(process.pid for process in processes.listing() if process.parent == program)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(PAUSE_S)
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)


def _sleep(_program: int, _worker: int) -> None:
    """Puts the Mac to sleep, and returns once it was woken up."""
    woken = _wake_time()
    subprocess.run(["pmset", "sleepnow"], check=True)
    if not processes.wait_until(lambda: _wake_time() != woken, 3600, 1):
        raise RuntimeError("the Mac did not go to sleep and wake up within an hour")


def _wake_time() -> int | None:
    return macos.wake_time(
        subprocess.run(["sysctl", "kern.waketime"], capture_output=True, text=True, check=False).stdout
    )


STEP = Step("sleep", "an answer across a pause and across sleep", 5400, run, warning=WARNING)
