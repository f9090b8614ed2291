"""Selects the modules of a model that get an adapter, and initializes it. Modules have transformers' names."""

import zlib
from typing import Any

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.training.config import TrainingConfig

WITHOUT_EXPERTS = "The experts of this model get no adapter; its other linear modules do."
_CHOOSE_EXPERTS = ("gate", "router")  # their names: no engine has the same linear module there
_MAMBA1, _MAMBA2 = ("x_proj", "dt_proj", "out_proj"), ("out_proj",)
# Linear modules whose weights transformers reads itself, in kernels for training at least: it would skip an adapter.
_PASSED_OVER = {
    **dict.fromkeys(("falcon_mamba", "mamba"), _MAMBA1),
    **dict.fromkeys(("bamba", "falcon_h1", "granitemoehybrid", "mamba2", "nemotron_h", "zamba2"), _MAMBA2),
    "jamba": ("dt_proj",),
}
_TEXT_PREFIXES = ("language_model.model.", "model.language_model.", "language_model.", "model.", "backbone.", "")


def block_of(path: str) -> int | None:
    """The number of the block that a module is in, or None: the first number in its path."""
    return next((int(part) for part in path.split(".") if part.isdigit()), None)


def equivalent_paths(path: str) -> list[str]:
    """A module's path, and the paths that it has in a model whose text part has another prefix, or none."""
    prefix = next(prefix for prefix in _TEXT_PREFIXES if path.startswith(prefix))
    return [path, *(one + path.removeprefix(prefix) for one in _TEXT_PREFIXES if one != prefix)]


def chosen(paths: list[str], layers: int | None, targets: tuple[str, ...] | None, model_type: str) -> list[str]:
    """Those of the linear modules ``paths`` that get an adapter, in order: all in the last ``layers`` blocks.

    ``targets`` are names within a block, such as q_proj or self_attn.q_proj; None is all. Modules that choose experts
    get none, nor those whose adapter transformers would skip.
    """
    left_out = [path for path in paths if not _can_adapt(path, model_type)]
    if wrong := [target for target in targets or () if any(_is_one(path, (target,)) for path in left_out)]:
        raise InvalidRequest(
            f"targets has {wrong[0]!r}, which can't have an adapter in a model of the type {model_type}.",
            "Leave it out.",
        )
    paths = [path for path in paths if path not in left_out]
    numbers = {path: number for path in paths if (number := block_of(path)) is not None}
    inside = sorted(numbers, key=lambda path: (numbers[path], path))
    blocks = sorted({*numbers.values()})
    if layers is not None and layers > len(blocks):
        raise InvalidRequest(f"layers is {layers}, but the model has {len(blocks)} blocks.", "Leave it out for all.")
    kept = set(blocks[-layers:] if layers else blocks)
    found = [path for path in inside if numbers[path] in kept and (targets is None or _is_one(path, targets))]
    known = sorted({within_block(path) for path in inside if block_of(path) in kept})
    for target in targets or ():
        if not any(_is_one(path, (target,)) for path in found):
            raise InvalidRequest(
                f"targets has {target!r}, which is not the name of a linear module of these blocks.",
                f"Their names are {', '.join(known)}.",
            )
    if not found:
        raise InvalidRequest("The model has no linear modules that could get an adapter.", "Use the method full.")
    return found


def _can_adapt(path: str, model_type: str) -> bool:
    parts = path.split(".")
    return not {*_CHOOSE_EXPERTS} & {*parts} and parts[-1] not in _PASSED_OVER.get(model_type, ())


def _is_one(path: str, targets: tuple[str, ...]) -> bool:
    return block_of(path) is not None and any(f".{within_block(path)}".endswith(f".{target}") for target in targets)


def within_block(path: str) -> str:
    """The path from the block on: self_attn.q_proj."""
    parts = path.split(".")
    return ".".join(parts[next(i for i, part in enumerate(parts) if part.isdigit()) + 1 :])


def initial_a(seed: int, path: str, rank: int, inputs: int) -> Any:
    """LoRA's A [rank, inputs] of a module in float32, uniform as PEFT and mlx-lm begin; the same on every engine."""
    import numpy  # only where there is an engine

    random = numpy.random.Generator(numpy.random.PCG64([seed, zlib.crc32(path.encode())]))
    bound = inputs**-0.5
    return random.uniform(-bound, bound, (rank, inputs)).astype(numpy.float32)


def peft_config(
    config: TrainingConfig, source: str, revision: str | None, paths: list[str], every: list[str], transposed: bool
) -> dict[str, Any]:
    """The adapter_config.json of an adapter on the modules ``paths``; ``every`` has all linear modules of the model.

    It has the names within a block where they mean these modules and no others. ``transposed`` is whether the model's
    weights are stored the other way round, as GPT-2's are.
    """
    short = sorted({within_block(path) for path in paths})
    as_short = [path for path in every if any(path.endswith(f".{name}") for name in short)]
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": source,
        "revision": revision,
        "r": config.rank,
        "lora_alpha": int(config.alpha) if config.alpha.is_integer() else config.alpha,
        "lora_dropout": config.dropout,
        "target_modules": short if sorted(as_short) == sorted(paths) else sorted(paths),
        "use_dora": config.method == "dora",
        "use_rslora": False,
        "bias": "none",
        "fan_in_fan_out": transposed,
        "init_lora_weights": True,
        "inference_mode": True,
    }
