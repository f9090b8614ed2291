"""What a program sees when memory is short or the worker is killed, and how soon."""

import json
import os
import signal
import time

from acceptance import models, product
from acceptance.answering import answering
from acceptance.runner import Context, Step

LIMITS_MB = (16, 64, 256)
HANG_S = 5
SIGNALS = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGSTOP)
SOON_S = 10.0


def run(context: Context) -> None:
    for number in SIGNALS:
        name = f"{number.name} to the worker"
        with context.checks.part(name):
            _signal(context, name, number)
    for limit_mb in LIMITS_MB:
        name = f"huge prompt, memory limit {limit_mb} MiB"
        with context.checks.part(name):
            _huge_prompt(context, name, limit_mb)
    for kind in product.KINDS:
        name = f"over-large model, {kind}"
        with context.checks.part(name):
            _too_large(context, name, kind)


def _signal(context: Context, name: str, number: signal.Signals) -> None:
    """Kills or stops the worker in the middle of an answer, and waits for the failure and for the next answer."""
    with answering(context, number.name, "mlx", 180, MLX4J_HANG_SECONDS=str(HANG_S)) as program:
        begun = program.until("begun")
        if begun is None:
            raise RuntimeError(f"no answer began; see {number.name}.err")
        at = time.monotonic()
        os.kill(begun["worker"], number)
        failed = program.until("failed", "answered")
        seconds = time.monotonic() - at
        again = program.until("answered")
    if failed is None or failed["event"] != "failed":
        context.checks.verdict(name, False, f"the answer did not fail: {failed}")
        return
    stopped = number == signal.SIGSTOP
    as_expected = stopped or failed.get("exitCode") == 128 + number
    in_time = seconds < SOON_S + (HANG_S if stopped else 0)
    words = (failed.get("standardError") or failed["message"]).strip().splitlines()
    detail = f"{failed['code']} after {seconds:.1f} s, exit code {failed.get('exitCode', 'none')}"
    detail += ", next answer complete" if again else ", no answer after it"
    figures = {"exitCode": failed.get("exitCode"), "seconds": round(seconds, 2), "lastWords": words[-3:]}
    context.checks.verdict(name, as_expected and in_time and again is not None, detail, **figures)


def _huge_prompt(context: Context, name: str, limit_mb: int) -> None:
    """A prompt that may not fit must be answered, or refused by name; the worker must not die or hang."""
    product.python("mlx")
    folder = context.temp / f"long-{limit_mb}"
    models.with_long_context(folder)
    prompt = "Tell me about the sea and the sky. " * (300 if context.quick else 1500)
    done = product.cli(
        context,
        f"huge-{limit_mb}",
        "generate",
        prompt,
        "--json",
        "--max-tokens",
        "8",
        limit_s=600,
        MLX_MODEL=str(folder),
        MLX4J_MEMORY_LIMIT_MB=str(limit_mb),
        TASK_ORCHESTRATOR_PROVIDER="mlx",
    )
    answered = done.code == 0
    tokens = json.loads(done.out)["usage"]["promptTokens"] if answered else None
    detail = f"answered {tokens} prompt tokens" if answered else done.outcome
    passed = answered or "OUT_OF_MEMORY" in done.err
    context.checks.verdict(name, passed, f"{detail}, {done.seconds:.1f} s", exitCode=done.code, seconds=done.seconds)


def _too_large(context: Context, name: str, kind: str) -> None:
    product.python(kind)
    folder = models.too_large(context.temp / f"large-{kind}", 4 * models.memory_bytes())
    done = product.cli(
        context,
        f"large-{kind}",
        "generate",
        "Who are you?",
        limit_s=300,
        MLX_MODEL=str(folder),
        HF_MODEL=str(folder),
        TASK_ORCHESTRATOR_PROVIDER=kind,
    )
    passed = done.code == 1 and "OUT_OF_MEMORY" in done.err
    detail = f"{done.outcome}, {done.seconds:.1f} s"
    context.checks.verdict(name, passed, detail, exitCode=done.code, seconds=done.seconds)


STEP = Step("faults", "short memory, and signals to the worker", 3600, run, disk_mb=500)
