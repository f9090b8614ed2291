"""The same text and numbers as elsewhere: known greedy answers, and mlx against hf."""

import json

from acceptance import macos, processes, product
from acceptance.processes import Finished
from acceptance.runner import Context, Step

TOLERANCE = 1e-4  # largest difference of logits, as `mlx4j verify` has it
TF32_TOLERANCE = 5e-2  # TF32 keeps 10 bits of the mantissa
PROGRAM = "programs.acceptance.AcceptanceProgram"


def run(context: Context) -> None:
    _known(context, "mlx alone, TF32 off", "mlx", 1, "gpu", MLX4J_TF32="false")
    _known(context, "mlx in a batch of 8, TF32 off", "mlx", 8, "gpu", MLX4J_TF32="false")
    _known(context, "mlx in a batch of 8, TF32 on", "mlx", 8, "gpu", MLX4J_TF32="true")
    _known(context, "hf on the CPU", "hf", 1, "cpu", MLX4J_HF_DEVICE="cpu")
    _known(context, "hf on MPS", "hf", 1, "mps", MLX4J_HF_DEVICE="mps")
    for device in ("cpu", "mps"):
        for tf32 in (False, True):
            _compare(context, device, tf32)


def _needs_macos(settings: dict[str, str]) -> bool:
    """Whether what these settings ask for only makes a difference on a Mac."""
    return not macos.IS_MACOS and (settings.get("MLX4J_HF_DEVICE") == "mps" or settings.get("MLX4J_TF32") == "true")


def _known(context: Context, name: str, kind: str, batch: int, device: str, **settings: str) -> None:
    name = f"known answers, {name}"
    if _needs_macos(settings):
        context.checks.needs_macos(name)
        return
    with context.checks.part(name):
        done = _program(context, name, [kind], ["known", str(batch)], TASK_ORCHESTRATOR_PROVIDER=kind, **settings)
        answers = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
        other = [answer for answer in answers if not answer["same"]]
        devices = sorted({answer["device"] for answer in answers})
        detail = f"{len(answers) - len(other)} of {len(answers)} the same, on {', '.join(devices) or 'no device'}"
        if done.code != 0:
            detail += f"; {done.outcome}"
        elif other:
            first = min(other, key=lambda answer: answer["sameTokens"])
            detail += f"; first difference at token {first['sameTokens'] + 1} of {first['prompt']!r}: {first['text']!r}"
        expected = devices == [device] or not macos.IS_MACOS
        passed = done.code == 0 and bool(answers) and not other and expected
        context.checks.verdict(name, passed, detail, seconds=done.seconds, answers=len(answers), different=len(other))


def _compare(context: Context, device: str, tf32: bool) -> None:
    name = f"mlx against hf on {device}, TF32 {'on' if tf32 else 'off'}"
    settings = {"MLX4J_HF_DEVICE": device, "MLX4J_TF32": str(tf32).lower(), "MLX4J_PREFIX_CACHE_MB": "0"}
    if _needs_macos(settings):
        context.checks.needs_macos(name)
        return
    with context.checks.part(name):
        tolerance = TF32_TOLERANCE if tf32 else TOLERANCE
        done = _program(context, name, ["mlx", "hf"], ["compare", str(tolerance)], **settings)
        if done.code != 0:
            context.checks.verdict(name, False, done.outcome)
            return
        found = json.loads(done.out[done.out.index("{") :])
        detail = (
            f"largest difference {found['maxDifference']:.2g}, mean {found['meanDifference']:.2g},"
            f" tolerance {tolerance:g}; same greedy text for {found['greedyAgreed']} of {len(found['prompts'])} prompts"
        )
        figures = {
            key: found[key] for key in ("maxDifference", "meanDifference", "positions", "argmaxAgreed", "greedyAgreed")
        }
        devices = {"mlxDevice": found["a"]["device"], "hfDevice": found["b"]["device"]}
        right_device = found["b"]["device"] == device
        if not right_device:
            detail += f"; hf ran on {found['b']['device']} instead of {device}"
        context.checks.verdict(name, found["passed"] and right_device, detail, **figures, **devices)


def _program(context: Context, name: str, kinds: list[str], arguments: list[str], **settings: str) -> Finished:
    for kind in kinds:
        product.python(kind)
    command = product.test_command(context, PROGRAM, *arguments)
    log = context.logs / name.replace(" ", "-").replace(",", "")
    return processes.run(command, 900, product.environment(**settings), product.ROOT, log)


STEP = Step("correctness", "known answers, and mlx against hf", 3600, run)
