"""LoRA and DoRA layers of mlx-lm on a model to train, and saving them as an adapter folder."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_unflatten
from mlx_lm.tuner.dora import DoRALinear
from mlx_lm.tuner.lora import LoRALinear

from mlx4j_worker.errors import InvalidRequest, NotSupported
from mlx4j_worker.mlx import peft, weight_names
from mlx4j_worker.models import layout
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.training import target_modules
from mlx4j_worker.training.config import TrainingConfig


class Adapters:
    """The adapted modules of a model, all else of which is frozen; ``layers`` is {transformers' path: its layer}.

    ``found`` is the layout.Layout of the model.
    """

    def __init__(self, model: Any, config: TrainingConfig, found: Layout) -> None:
        if getattr(model, "folds", False):
            raise NotSupported(
                "An adapter of this model can't be trained on mlx: mlx-lm multiplies the model's multipliers into its "
                "weights, and the adapter would lack them on other engines.",
                "Use the hf worker.",
            )
        self._config = config
        stored = weight_names.stored(found.weights)
        self._linear = weight_names.linear_modules(model, stored)
        self._every = {*self._linear, *(stored if "text_config" in found.config else ())}
        paths = target_modules.chosen([*self._linear], config.layers, config.targets, found.config["model_type"])
        named = dict(model.named_modules())
        kind = LoRALinear if config.method == "lora" else DoRALinear
        model.freeze()
        self.layers = {path: _adapted(kind, named[self._linear[path][0]], path, config) for path in paths}
        model.update_modules(tree_unflatten([(self._linear[path][0], layer) for path, layer in self.layers.items()]))
        self._dropouts = [layer.dropout for layer in self.layers.values()] if config.dropout else []
        if config.adapter:
            self._begin_from(Path(config.adapter))

    def seed_dropout(self, seed: int) -> None:
        """Decides what the next pass drops."""
        if self._dropouts:
            keys = mx.random.split(mx.random.key(seed), len(self._dropouts))
            for dropout, key in zip(self._dropouts, keys, strict=True):
                dropout.seed(key)

    def tensors(self, values: Any = None) -> Any:
        """{PEFT's name: tensor} of the layers' weights, or of ``values`` by mlx-lm's names, such as gradients."""
        out = {}
        for path, layer in self.layers.items():
            for own, end, transposed in _PARTS:
                if own in layer:
                    value = layer[own] if values is None else values[f"{self._linear[path][0]}.{own}"]
                    out[f"base_model.model.{path}.{end}"] = mx.contiguous(value.T) if transposed else value
        return out

    def save(self, folder: Path, source: str, revision: str | None) -> None:
        """Writes the adapter as PEFT does."""
        mx.save_safetensors(str(folder / "adapter_model.safetensors"), self.tensors(), {"format": "pt"})
        transposed = any(transposed for _, transposed in self._linear.values())
        config = target_modules.peft_config(self._config, source, revision, [*self.layers], [*self._every], transposed)
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")

    def save_as_mlx(self, folder: Path, source: str, weights: Any, blocks: Any) -> None:
        """Writes the adapter as mlx-lm does."""
        keys = sorted({target_modules.within_block(self._linear[path][0]) for path in self.layers})
        lora = {"rank": self._config.rank, "scale": self._config.scale, "dropout": self._config.dropout, "keys": keys}
        count = self._config.layers or blocks
        config = {"fine_tune_type": self._config.method, "num_layers": count, "model": source, "lora_parameters": lora}
        mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")

    def _begin_from(self, path: Path) -> None:
        adapter = layout.adapter(path)
        if adapter.format != "peft":
            raise NotSupported(
                f"{path} is an mlx-lm adapter, which training can't start from.", "Save it in PEFT format."
            )
        file = adapter.folder / "adapter_model.safetensors"
        loras, config = peft.read(mx.load(str(file)), adapter.config, file), self._config
        if loras.keys() != self.layers.keys():
            other = sorted(loras.keys() ^ self.layers.keys())[0]
            raise InvalidRequest(
                f"{path} has different modules than this training run: {other}.", "Set layers and targets to match it."
            )
        for name, lora in loras.items():
            layer = self.layers[name]
            shapes = lora.a.T.shape == layer.lora_a.shape and lora.b.T.shape == layer.lora_b.shape
            if not shapes or lora.scale != config.scale or (lora.magnitude is None) != ("m" not in layer):
                raise InvalidRequest(
                    f"{path} has the rank {lora.a.shape[0]} and the scale {lora.scale} at {name}, but this training "
                    f"has {config.rank} and {config.scale}, by {config.method}.",
                    "Set method, rank and alpha to its values, and name the model that it was made for.",
                )
            layer.lora_a, layer.lora_b = lora.a.T, lora.b.T
            if lora.magnitude is not None:
                layer.m = lora.magnitude


_PARTS = (("lora_a", "lora_A.weight", True), ("lora_b", "lora_B.weight", True), ("m", "lora_magnitude_vector", False))


class _Dropout(nn.Module):
    """Dropout whose mask follows from its key alone, in a second pass of gradient checkpointing too."""

    def __init__(self, share: Any) -> None:
        super().__init__()
        self._keep = 1 - share
        self._key = None

    def seed(self, key: Any) -> None:
        self._key = key

    def __call__(self, x: Any) -> Any:
        return x * mx.random.bernoulli(self._keep, x.shape, self._key) / self._keep if self.training else x


def _adapted(kind: Any, module: nn.Module, path: str, config: TrainingConfig) -> nn.Module:
    layer = kind.from_base(module, r=config.rank, scale=config.scale)
    inputs = module.weight.shape[1] * (32 if hasattr(module, "bits") else 1) // getattr(module, "bits", 1)
    layer.lora_a = mx.array(target_modules.initial_a(config.seed, path, config.rank, inputs).T)
    if config.dropout:
        layer.dropout = _Dropout(config.dropout)
    return layer
