"""A program that generates one answer after another, watched from outside while things happen to it."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from acceptance import processes, product
from acceptance.runner import Context


@dataclass
class Answering:
    """The running program. ``events`` yields its lines: answers that began, were answered, or failed."""

    program: subprocess.Popen
    events: Iterator[dict]

    def until(self, *kinds: str) -> dict | None:
        """The next event of one of these kinds, or None if the program ended or its limit is reached first."""
        return next((event for event in self.events if event["event"] in kinds), None)


@contextlib.contextmanager
def answering(context: Context, name: str, kind: str, limit_s: float, tokens: int = 3000, **settings: str | None):
    """Starts the program with a worker of this kind. It is ended, with SIGTERM first, when the block ends."""
    product.python(kind)
    command = product.test_command(
        context, "programs.acceptance.AcceptanceProgram", "answers", str(int(limit_s)), str(tokens)
    )
    env = product.environment(TASK_ORCHESTRATOR_PROVIDER=kind, **settings)
    with (context.logs / f"{name}.err").open("wb") as errors:
        program = subprocess.Popen(
            command, cwd=product.ROOT, env=env, stdout=subprocess.PIPE, stderr=errors, process_group=0
        )
    try:
        with (context.logs / f"{name}.out").open("w", encoding="utf-8") as log:
            yield Answering(program, _events(program, limit_s, log))
    finally:
        program.send_signal(signal.SIGTERM)
        try:
            program.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()


def _events(program: subprocess.Popen, limit_s: float, log) -> Iterator[dict]:
    for line in processes.lines(program, limit_s):
        log.write(line + "\n")
        if line.startswith("{"):
            yield json.loads(line)
