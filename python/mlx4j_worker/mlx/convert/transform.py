"""Transforms a model of mlx-lm in memory: casts, quantizes, dequantizes, merges adapters into weights."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map_with_path, tree_unflatten
from mlx_lm.convert import mixed_quant_predicate_builder
from mlx_lm.utils import dequantize_model, quantize_model

from mlx4j_worker.errors import ConversionFailed, InvalidRequest
from mlx4j_worker.mlx.peft import LoraEmbeddingLayer
from mlx4j_worker.requests.conversion import Quantization

_QUANTIZED = ("quantization", "quantization_config")


def cast(model: Any, dtype: Any) -> None:
    """Turns the weights into a dtype, but for those that mlx-lm keeps as they are."""
    turned = getattr(model, "cast_predicate", lambda _: True)

    def turn(name: str, weight: mx.array) -> mx.array:
        return weight.astype(dtype) if turned(name) and mx.issubdtype(weight.dtype, mx.floating) else weight

    model.update(tree_map_with_path(turn, model.parameters()))


def quantize(model: Any, config: dict[str, Any], how: Quantization) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """(the config of the model with quantized weights, [(name, why)] of the layers that stay as they are).

    ``how`` is a conversion.Quantization.
    """
    if is_quantized(model):
        raise InvalidRequest(
            "The model is already quantized; quantizing it again would only reduce its quality.",
            "Convert the model that it was made from, or use dequantize first.",
        )
    recipe = None
    if how.recipe:
        try:
            recipe = mixed_quant_predicate_builder(how.recipe, model, how.group_size)
        except ValueError as error:
            raise InvalidRequest(f"The recipe {how.recipe} can't be used: {error}", "Name bits instead.") from None
    able = {name: module.weight.shape[-1] for name, module in _layers(model)}
    _, config = quantize_model(model, config, how.group_size, how.bits, how.mode, quant_predicate=recipe)
    left = [(name, able[name]) for name, _ in _layers(model)]
    if len(left) == len(able):
        raise InvalidRequest(
            f"No layer of this model can be quantized in groups of {how.group_size}: their rows have "
            f"{', '.join(map(str, sorted(set(able.values()))))} values.",
            "Choose a smaller groupSize, or another mode.",
        )
    return config, [(name, _why_not(width, how.group_size)) for name, width in left]


def check_quantized(model: Any) -> None:
    """Refuses a model without quantized layers."""
    if not is_quantized(model):
        raise InvalidRequest("dequantize can't be used: the model is not quantized.", "Leave it out.")


def dequantize(model: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The config of the model with the plain weights that the quantized ones stand for."""
    dequantize_model(model)
    if is_quantized(model):
        raise InvalidRequest("dequantize can't be used: mlx-lm can't for some layers of this model.", "Leave it out.")
    return {name: value for name, value in config.items() if name not in _QUANTIZED}


def fuse(model: Any, config: dict[str, Any], requantize: bool) -> None:
    """Merges every adapter on the model into the weights under it; ``requantize`` is for those that were quantized."""
    fused = []
    for name, module in model.named_modules():
        if not hasattr(module, "fuse"):
            continue
        if isinstance(module, LoraEmbeddingLayer) and _is_head_too(model, config):
            raise ConversionFailed(
                f"{name} can't be fused: the adapter changes how tokens are looked up, but not the output head, "
                "and the model has the same weights for both.",
                "Keep the adapter beside its base model.",
            )
        base = module["linear"] if "linear" in module else module["embedding"]
        merged = module.fuse(dequantize=True)
        merged.weight = merged.weight.astype(_dtype(base))
        if "scales" in base and requantize:
            merged = merged.to_quantized(group_size=base.group_size, bits=base.bits, mode=base.mode)
        fused.append((name, merged))
    model.update_modules(tree_unflatten(fused))
    model.eval()


def is_quantized(model: Any) -> bool:
    """Whether any layer is."""
    return any("scales" in module and hasattr(module, "bits") for _, module in model.named_modules())


def evaluate(model: Any, dtype: Any, step: Callable[..., Any]) -> None:
    """Computes the new weights one by one; refuses values that the new ``dtype`` (if any) can't represent."""
    weights = tree_flatten(model.parameters())
    for done, (name, weight) in enumerate(weights):
        step("convert", done, len(weights), "tensors")
        mx.eval(weight)
        if dtype is not None and mx.issubdtype(weight.dtype, mx.floating) and not mx.isfinite(weight).all().item():
            raise ConversionFailed(
                f"{name} has values that {dtype} can't hold, or that are not numbers.", "Choose bfloat16 or float32."
            )


def _dtype(layer: Any) -> Any:
    """Of the values that a layer's weights stand for; the modes whose scales are no floats stand for bfloat16."""
    types = [layer[name].dtype for name in ("weight", "scales") if name in layer]
    return next((dtype for dtype in types if mx.issubdtype(dtype, mx.floating)), mx.bfloat16)


def _layers(model: Any) -> list[tuple[str, Any]]:
    """Those that could be quantized and aren't."""
    return [(name, module) for name, module in model.named_modules() if hasattr(module, "to_quantized")]


def _why_not(width: int, group_size: int) -> str:
    if width % group_size:
        return f"its rows have {width} values, which groups of {group_size} don't divide"
    return "mlx-lm keeps it as it is in this architecture"


def _is_head_too(model: Any, config: dict[str, Any]) -> bool:
    has_head = any("lm_head" in name for name, _ in model.named_modules())
    return not has_head and config.get("tie_word_embeddings", True)
