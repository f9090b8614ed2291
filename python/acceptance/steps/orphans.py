"""No worker outlives its program: after generations that end well, and after ``kill -9`` of the program."""

import os
import signal
import subprocess
import time

from acceptance import processes, product
from acceptance.runner import Context, Step

GENERATIONS = 10
LIMIT_S = 10.0  # for everything to be gone
CASES = (
    ("fake", "idle"),
    ("fake", "busy"),
    ("fake", "gil"),
    ("mlx", "idle"),
    ("mlx", "busy"),
    ("hf", "idle"),
    ("hf", "busy"),
)
_DOING = {"idle": "idle", "busy": "busy", "gil": "holding the GIL in native code"}


def run(context: Context) -> None:
    with context.checks.part("generations"):
        _generations(context)
    for worker, doing in CASES:
        name = f"kill -9 of the program, {worker} worker {_DOING[doing]}"
        with context.checks.part(name):
            _kill(context, name, worker, doing)


def _generations(context: Context) -> None:
    product.python("mlx")
    count = 3 if context.quick else GENERATIONS
    codes = []
    for number in range(count):
        done = product.cli(
            context,
            f"generate-{number}",
            "generate",
            "Who are you?",
            "--json",
            limit_s=120,
            TASK_ORCHESTRATOR_PROVIDER="mlx",
        )
        codes.append(done.code)
    _gone(context, f"{count} generations", time.monotonic(), failed=count - codes.count(0))


def _kill(context: Context, name: str, worker: str, doing: str) -> None:
    arguments = [worker, doing]
    if worker != "fake":
        product.python(worker)
        arguments += [str(product.MODEL), str(product.home())]
    command = product.test_command(context, "adapter.DoomedProgram", *arguments)
    with (context.logs / f"{worker}-{doing}.err").open("wb") as errors:
        program = subprocess.Popen(
            command, cwd=product.ROOT, env=product.environment(), stdout=subprocess.PIPE, stderr=errors, process_group=0
        )
    try:
        said = processes.first_line(program, 120)
        if not said.strip().isdigit():
            raise RuntimeError(f"the program did not start: {said or 'it said nothing'}")
        family = [p for p in processes.listing() if p.pid == int(said) or p.parent == int(said)]
    finally:
        begun = time.monotonic()
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
    pids = {process.pid for process in family}
    if len(pids) < 2:
        raise RuntimeError(f"found {len(pids)} processes of the worker instead of it and its watchdog")
    _gone(context, name, begun, pids=pids)


def _gone(context: Context, name: str, begun: float, pids: set[int] = frozenset(), failed: int = 0) -> None:
    """A check that passes only if no process and no private folder is left."""

    def left() -> tuple[list[processes.Process], list[str]]:
        running, folders = product.left(context)
        running += [p for p in processes.listing() if p.pid in pids and p.pid not in {r.pid for r in running}]
        return running, folders

    processes.wait_until(lambda: left() == ([], []), LIMIT_S)
    seconds = time.monotonic() - begun
    running, folders = left()
    detail = f"0 processes and 0 folders left after {seconds:.1f} s"
    if running or folders:
        detail = f"{len(running)} processes and {len(folders)} folders left: {processes.describe(running)} {folders}"
    if failed:
        detail += f"; {failed} generations failed"
    passed = not running and not folders and not failed
    figures = {"processesLeft": len(running), "foldersLeft": len(folders), "seconds": round(seconds, 2)}
    context.checks.verdict(name, passed, detail, **figures)
    for process in running:
        os.kill(process.pid, signal.SIGKILL)  # or the next case would count it too
    for folder in folders:
        (product.private_temp(context) / folder).rename(context.temp / f"left-{time.monotonic_ns()}")


STEP = Step("watchdog", "no worker outlives its program", 1800, run)
