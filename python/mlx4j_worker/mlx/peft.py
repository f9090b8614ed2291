"""Attaches a LoRA adapter of PEFT to a model of mlx-lm in memory. Every tensor is used, or the adapter is rejected."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_unflatten
from mlx_lm.tuner.dora import DoRALinear
from mlx_lm.tuner.lora import LoRAEmbedding, LoRALinear

from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.mlx import weight_names
from mlx4j_worker.models.layout import Adapter

_ELSEWHERE = "Use the hf worker, or merge the adapter into its base model first."
_OTHER_BASE = "Load the adapter onto the base model that it was made for."
_INITS = (True, False, None, "gaussian", "eva", "orthogonal")  # others, such as pissa, change the base model too
_READ = {"r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "init_lora_weights", "peft_type"}
_SAYS_NOTHING = {  # of what an adapter computes, or nothing that its tensors don't say
    *("task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode"),
    *("target_modules", "exclude_modules", "modules_to_save", "trainable_token_indices"),
    *("layers_to_transform", "layers_pattern", "lora_dropout", "fan_in_fan_out", "bias", "lora_bias"),
    *("megatron_config", "megatron_core", "loftq_config", "eva_config", "corda_config", "lora_ga_config"),
    "qalora_group_size",
}
_PARTS = {  # the end of a tensor's name -> what it is
    "lora_A.weight": "a",
    "lora_B.weight": "b",
    "lora_magnitude_vector": "magnitude",
    "lora_magnitude_vector.weight": "magnitude",
    "lora_embedding_A": "embedding_a",
    "lora_embedding_B": "embedding_b",
    "base_layer.weight": "base",  # PEFT keeps a copy where it adapts the embedding or the head
}


@dataclass(frozen=True)
class Lora:
    """What is added to one module: scale * b @ a, with a [rank, inputs] and b [outputs, rank]; DoRA has a magnitude."""

    a: mx.array
    b: mx.array
    scale: float
    magnitude: mx.array | None = None
    embedding: bool = False
    base: mx.array | None = None  # the module's own weight, which the model must have too


class LoraEmbeddingLayer(LoRAEmbedding):
    """PEFT adapts an embedding where tokens are looked up, and not where it is the head too."""

    def as_linear(self, x: mx.array) -> mx.array:
        return self.embedding.as_linear(x)


def load(model: Any, adapter: Adapter) -> None:
    """Puts a layout.Adapter, whose format is "peft", onto the model."""
    file = adapter.folder / "adapter_model.safetensors"
    attach(model, read(mx.load(str(file)), adapter.config, file), file)


def read(tensors: dict[str, mx.array], config: dict[str, Any], file: Path) -> dict[str, Lora]:
    """Each module's Lora, by the module's path, of an adapter's tensors and its adapter_config.json."""
    _check_config(config, file)
    modules: dict[str, Any] = {}
    for name, tensor in tensors.items():
        path, part = _part_of(name, file)
        if modules.setdefault(path, {}).setdefault(part, tensor) is not tensor:
            raise _refused(file, name, "it occurs twice")
    return {path: _lora(path, parts, config, file) for path, parts in modules.items()}


def attach(model: Any, loras: dict[str, Lora], file: Path) -> None:
    """Puts each Lora onto the module that its path, as transformers has it, means; ``file`` is for errors."""
    if not loras:
        raise ModelLoadFailed(f"The adapter {file} has no tensors.", "Train or copy it again.")
    if getattr(model, "folds", False):
        raise ModelLoadFailed(
            f"The adapter {file} can't be applied to this model: mlx-lm multiplies the model's multipliers into its "
            "weights, and the adapter would lack them.",
            "Use the hf worker.",
        )
    modules = dict(model.named_modules())
    changed = {}
    for path, lora in loras.items():
        name = weight_names.in_mlx(model, modules, path, (lora.b.shape[0], lora.a.shape[1]))[0]
        if name is None or name in changed:
            raise _refused(file, path, "mlx-lm has no separate module for it")
        changed[name] = _adapted(modules[name], lora, path, file)
    model.update_modules(tree_unflatten(list(changed.items())))


def _check_config(config: dict[str, Any], file: Path) -> None:
    kind, init = config.get("peft_type"), config.get("init_lora_weights", True)
    if kind != "LORA":
        raise ModelLoadFailed(
            f"{file} is an adapter of the type {shown(kind)}, but mlx supports only LoRA.", _ELSEWHERE
        )
    if init not in _INITS:
        raise ModelLoadFailed(
            f"{file} was initialized with init_lora_weights {shown(init)}, which changes the base model too.",
            _ELSEWHERE,
        )
    if unknown := sorted(name for name, value in config.items() if value and name not in _READ | _SAYS_NOTHING):
        raise ModelLoadFailed(f"{file} needs {', '.join(unknown)}, which mlx doesn't support.", _ELSEWHERE)


def _part_of(name: str, file: Path) -> tuple[str, str]:
    """(the path of a module, what the tensor is to it)"""
    for end, part in _PARTS.items():
        if name.startswith("base_model.model.") and name.endswith(f".{end}"):
            return name.removeprefix("base_model.model.").removesuffix(f".{end}"), part
    raise _refused(file, name, "it is not part of a LoRA")


def _lora(path: str, parts: dict[str, mx.array], config: dict[str, Any], file: Path) -> Lora:
    embedding = "embedding_a" in parts
    wanted = {"embedding_a", "embedding_b"} if embedding else {"a", "b"}
    if config.get("use_dora") and not embedding:
        wanted = wanted | {"magnitude"}
    if wrong := wanted ^ (parts.keys() - {"base"}):
        lacks = ", ".join(sorted(wrong))
        raise _refused(file, path, f"of its tensors, some are missing or too many ({lacks})")
    values = {part: tensor.astype(mx.float32) for part, tensor in parts.items()}  # as PEFT does
    a, b = (values["embedding_a"], values["embedding_b"]) if embedding else (values["a"], values["b"])
    try:
        rank = int(_of_pattern(config.get("rank_pattern"), path, config.get("r", 8)))
        alpha = float(_of_pattern(config.get("alpha_pattern"), path, config.get("lora_alpha", 8)))
    except (TypeError, ValueError, re.error, AttributeError) as error:
        raise ModelLoadFailed(
            f"The adapter_config.json beside {file} has no valid rank or alpha: {error}.", "Save it again with PEFT."
        ) from None
    if a.ndim != 2 or b.ndim != 2 or not a.shape[0] == b.shape[1] == rank > 0:
        shapes = f"A {a.shape} and B {b.shape}"
        raise _refused(file, path, f"its tensors are {shapes}, but adapter_config.json gives it rank {rank}")
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return Lora(a, b, scale, values.get("magnitude"), embedding, parts.get("base"))


def _of_pattern(patterns: Any, path: str, default: int) -> int:
    """PEFT's way: the first pattern that the end of the path matches."""
    return next((value for key, value in (patterns or {}).items() if re.match(rf"(.*\.)?({key})$", path)), default)


def _adapted(module: nn.Module, lora: Lora, path: str, file: Path) -> nn.Module:
    kinds = (nn.Embedding, nn.QuantizedEmbedding) if lora.embedding else (nn.Linear, nn.QuantizedLinear)
    if not isinstance(module, kinds):
        raise _refused(file, path, f"mlx-lm's module is a {type(module).__name__}, which can't be adapted")
    outputs, inputs = module.weight.shape
    if hasattr(module, "bits"):
        inputs = inputs * 32 // module.bits
    if lora.base is not None and lora.base.shape[0] != outputs:
        rows = f"it has weights for {lora.base.shape[0]} tokens, but the model has {outputs}"
        raise _refused(file, path, rows, "Resize the base model's embeddings as before the training, and save it.")
    if lora.base is not None and not mx.array_equal(lora.base.astype(module.weight.dtype), module.weight).item():
        raise _refused(file, path, "the adapter has weights of its own for it", _ELSEWHERE)
    a, b = lora.a.T, lora.b.T
    wanted = (outputs, inputs) if lora.embedding else (inputs, outputs)
    if (a.shape[0], b.shape[1]) != wanted:
        made = f"{a.shape[0]} to {b.shape[1]}"
        raise _refused(file, path, f"it goes from {made}, but the model's from {wanted[0]} to {wanted[1]}", _OTHER_BASE)
    if lora.embedding:
        adapted = LoraEmbeddingLayer(outputs, inputs, r=a.shape[1], scale=lora.scale)
        adapted.embedding = module
    else:
        linear = LoRALinear if lora.magnitude is None else DoRALinear
        adapted = linear.from_base(module, r=a.shape[1], scale=lora.scale)
    adapted.lora_a, adapted.lora_b = a, b
    if lora.magnitude is not None:
        if lora.magnitude.shape != (outputs,):
            raise _refused(file, path, f"its magnitude has the shape {lora.magnitude.shape}", _OTHER_BASE)
        adapted.m = lora.magnitude
    return adapted


def _refused(file: Path, name: str, why: str, hint: str = _ELSEWHERE) -> ModelLoadFailed:
    return ModelLoadFailed(f"The adapter {file} can't be applied to this model: {name!r}: {why}.", hint)
