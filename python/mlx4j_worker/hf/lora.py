"""LoRA and DoRA layers of PEFT on a model to train, and saving them as an adapter folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed, NotSupported
from mlx4j_worker.hf import lora_names
from mlx4j_worker.models import layout
from mlx4j_worker.models.safetensors import read_header
from mlx4j_worker.training import target_modules
from mlx4j_worker.training.config import TrainingConfig


class Adapters:
    """The adapted modules of a model, all else of which is frozen; ``layers`` is {transformers' path: its layer}."""

    def __init__(self, model: Any, config: TrainingConfig) -> None:
        self._config = config
        linear, text = lora_names.linear_modules(model)
        self._every, self._turned = [*linear], any(isinstance(module, Conv1D) for module in linear.values())
        paths = target_modules.chosen(text, config.layers, config.targets, model.config.model_type)
        given = LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=paths,
            use_dora=config.method == "dora",
            fan_in_fan_out=self._turned,
            task_type="CAUSAL_LM",
        )
        with lora_names.as_named():
            self.model = PeftModel(model, given)
        found = {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}
        self.layers = {path: found[path] for path in paths}
        for path, layer in self.layers.items():
            a = layer.lora_A["default"].weight
            initial = target_modules.initial_a(config.seed, path, config.rank, a.shape[1])
            a.data = torch.from_numpy(initial).to(a)
        if config.adapter:
            self._begin_from(config.adapter)

    def tensors(self, value: Callable[..., Any] = lambda parameter: parameter.detach()) -> dict[str, torch.Tensor]:
        """{PEFT's name: tensor} of the layers' weights, or of what else ``value`` has of them."""
        out = {}
        for path, layer in self.layers.items():
            for end, parameter in _parts(layer).items():
                out[f"base_model.model.{path}.{end}"] = value(parameter)
        return out

    def save(self, folder: Path, source: str, revision: str | None) -> None:
        """Writes the adapter as PEFT does."""
        tensors = {name: tensor.contiguous().cpu() for name, tensor in self.tensors().items()}
        save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
        config = target_modules.peft_config(self._config, source, revision, [*self.layers], self._every, self._turned)
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")

    def _begin_from(self, path: str) -> None:
        adapter = layout.adapter(Path(path))
        if adapter.format != "peft":
            raise NotSupported(
                f"{path} is an mlx-lm adapter, which training can't start from.", "Save it in PEFT format."
            )
        config, given = self._config, adapter.config
        shape: dict[str, Any] = {"r": config.rank, "lora_alpha": config.alpha, "use_dora": config.method == "dora"}
        shape |= {"use_rslora": False, "rank_pattern": {}, "alpha_pattern": {}}
        for name, own in shape.items():
            if (given.get(name) or type(own)()) != own:
                raise InvalidRequest(
                    f"{path} has {name} {given.get(name)!r}, but this training has {own!r}.",
                    "Set method, rank and alpha to its values.",
                )
        file = adapter.folder / "adapter_model.safetensors"
        own = self.tensors()
        if other := sorted(own.keys() ^ read_header(file).keys()):
            raise InvalidRequest(
                f"{path} has different modules than this training run: {other[0]}.",
                "Set layers and targets to match it.",
            )
        for name, tensor in load_file(file).items():
            if tensor.shape != own[name].shape:
                raise ModelLoadFailed(
                    f"{path} was trained for another model: {name} is {list(tensor.shape)}.", "Name that one."
                )
            own[name].copy_(tensor)


def _parts(layer: torch.nn.Module) -> dict[str, torch.Tensor]:
    """{the end of PEFT's name: the parameter} of a layer."""
    parts = {"lora_A.weight": layer.lora_A["default"].weight, "lora_B.weight": layer.lora_B["default"].weight}
    if "default" in layer.lora_magnitude_vector:
        parts["lora_magnitude_vector"] = layer.lora_magnitude_vector["default"].weight
    return parts
