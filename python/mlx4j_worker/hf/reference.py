"""The call ``reference``: writes what transformers computes for the sample prompts of a conversion to a file."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from mlx4j_worker.call import Call
from mlx4j_worker.engine import sample_prompts
from mlx4j_worker.errors import Cancelled, InvalidRequest, OutOfMemory
from mlx4j_worker.hf import loading
from mlx4j_worker.requests.conversion import parse_reference
from mlx4j_worker.requests.options import Options


def reference(call: Call, moved: Any) -> Any:
    """The result of a ``reference``; ``moved`` is called for every sign of progress.

    The model runs on the CPU, in float32 unless it is quantized or too large for that. Compared with a computation in
    16 bits, this is precise enough to find small errors.
    """
    wanted = parse_reference(call.params)

    def step(phase: str, done: int, total: int, unit: str) -> None:
        moved()
        if call.cancelled:
            raise Cancelled("The reference was cancelled.")
        call.progress(phase, done, total, unit)

    engine = _engine(call.params, wanted.options, step)
    given = sample_prompts.sample_prompts(engine.tokenizer, engine.describe()["contextLength"])
    logits = []
    for done, tokens in enumerate(given):
        step("verify", done, len(given), "prompts")
        logits.append(engine.logits_of(tokens))
    dtype = engine.describe()["dtype"]
    sample_prompts.save(wanted.file, given, logits, dtype)
    return {"file": str(wanted.file), "prompts": len(given), "dtype": dtype}


def _engine(params: dict[str, Any], options: Options, step: Callable[..., None]) -> Any:
    try:
        return loading.load(params, replace(options, dtype="float32"), step)
    except (InvalidRequest, OutOfMemory, torch.OutOfMemoryError):  # quantized, or too large
        return loading.load(params, options, step)
