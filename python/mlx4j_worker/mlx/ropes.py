"""Corrects rotary embeddings of mlx-lm that differ from those of transformers."""

import math
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import mlx.core as mx
import numpy
from mlx import nn
from mlx_lm.models.rope_utils import DynamicNTKScalingRoPE, Llama3RoPE, ProportionalRoPE, SuScaledRoPE, YarnRoPE

from mlx4j_worker.errors import ModelLoadFailed

_KINDS = {
    "linear": nn.RoPE,
    "dynamic": DynamicNTKScalingRoPE,
    "llama3": Llama3RoPE,
    "yarn": YarnRoPE,
    "longrope": SuScaledRoPE,
    "su": SuScaledRoPE,
    "proportional": ProportionalRoPE,
}
_AS_DEFAULT = ("default", "mrope")  # for text alone
_OWN = ("deepseek_yarn", "telechat3-yarn")  # mlx-lm's names, which transformers has not
_HF = "Use the hf worker for this model."


def amend(model: Any, config: dict[str, Any], path: Path) -> Any:
    """Puts a model's rotary embeddings right, or refuses it; gives (the tokens up to which they are, why), or None."""
    ropes = [module for _, module in model.named_modules() if _is_rope(module)]
    scaling = config.get("rope_scaling") or {}
    kind = scaling.get("type") or scaling.get("rope_type") or "default"
    if kind == "linear" and scaling.get("factor") == 1:
        kind = "default"
    if kind not in _KINDS and kind not in _AS_DEFAULT + _OWN:
        raise ModelLoadFailed(f"mlx-lm has no rotary embeddings of the type {shown(kind)}, which {path} needs.", _HF)
    if kind in _KINDS and not any(_is(rope, kind) for rope in ropes):
        raise ModelLoadFailed(
            f"{path} needs rotary embeddings of the type {kind}, which mlx-lm doesn't apply here.", _HF
        )
    _check_theta(ropes, config, path)
    bound = None
    for rope in ropes:
        if config["model_type"] == "glm":  # mlx-lm turns the whole head
            rope.dims = int(rope.dims * config.get("partial_rotary_factor", 0.5))
        if config.get("rope_interleave") is not None and hasattr(rope, "traditional"):
            rope.traditional = config["rope_interleave"]
        if kind == "yarn" and type(rope) is YarnRoPE:
            _amend_yarn(rope, scaling, config)
        if type(rope) is SuScaledRoPE:
            bound = _amend_long(rope, scaling, config)
    return bound


def _is_rope(module: nn.Module) -> bool:
    name = type(module).__name__.lower()
    return "rope" in name or "rotary" in name  # some of mlx-lm's files have their own


def _is(rope: nn.Module, kind: str) -> bool:
    if kind == "linear":
        return type(rope) is nn.RoPE and rope.scale != 1
    return isinstance(rope, _KINDS[kind]) or kind in type(rope).__name__.lower()


def _check_theta(ropes: list[nn.Module], config: dict[str, Any], path: Path) -> None:
    """Some of mlx-lm's files read only the old place of rope_theta, or one where each type of layer has its own."""
    stated = config.get("rope_parameters") or {}
    layers = config.get("layer_types") or stated
    stated = [each for name, each in stated.items() if isinstance(each, dict) and name in layers] or [stated]
    stated = [each for each in stated if each.get("rope_theta")]
    thetas = {float(each["rope_theta"]) for each in stated}
    plain = {float(each["rope_theta"]) for each in stated if each.get("rope_type", "default") == "default"}
    taken = {float(rope.base) for rope in ropes if type(rope) is nn.RoPE}
    if thetas and taken and (ignored := (taken - thetas) | (plain - taken)):
        raise ModelLoadFailed(
            f"mlx-lm uses the rope_theta {sorted(taken)} for {path}, which differs from its config.json: "
            f"{sorted(ignored)[0]:g} is wrong or ignored.",
            _HF,
        )


def _amend_yarn(rope: nn.Module, scaling: dict[str, Any], config: dict[str, Any]) -> None:
    """mlx-lm doesn't know attention_factor and truncate, and has defaults of its own."""
    base, factor, dims = config["rope_theta"], scaling["factor"], rope.dims
    original = scaling.get("original_max_position_embeddings") or config["max_position_embeddings"]

    def turning(times: int) -> float:  # the dimension that turns so many times in the original context
        return dims * math.log(original / (times * 2 * math.pi)) / (2 * math.log(base))

    low, high = turning(scaling.get("beta_fast") or 32), turning(scaling.get("beta_slow") or 1)
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dims - 1)
    ramp = numpy.clip((numpy.arange(dims // 2) - low) / (high - low or 0.001), 0, 1)
    turns = 1 / base ** (numpy.arange(0, dims, 2) / dims)
    rope._freqs = mx.array(1 / (turns / factor * ramp + turns * (1 - ramp)), dtype=mx.float32)
    one, all_dims = scaling.get("mscale"), scaling.get("mscale_all_dim")
    both = _mscale(factor, one) / _mscale(factor, all_dims) if one and all_dims else _mscale(factor, 1)
    rope.mscale = scaling.get("attention_factor") or both


def _mscale(factor: float, weight: float) -> float:
    return 0.1 * weight * math.log(factor) + 1 if factor > 1 else 1.0


def _amend_long(rope: nn.Module, scaling: dict[str, Any], config: dict[str, Any]) -> tuple[int, str]:
    """mlx-lm always has the factors for long contexts, transformers those for short ones up to the original context."""
    original = rope.original_max_position_embeddings
    base, dims = config.get("rope_theta", 10000.0), rope.dim
    freqs = numpy.array(scaling["short_factor"]) * base ** (numpy.arange(0, dims, 2) / dims)
    rope._freqs = mx.array(freqs, dtype=mx.float32)
    factor = scaling.get("factor") or config["max_position_embeddings"] / original
    usual = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
    rope._scale = scaling.get("short_mscale") or scaling.get("attention_factor") or usual
    return original, "beyond it longrope has other factors, and no text can have both"
