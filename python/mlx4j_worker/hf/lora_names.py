"""Maps the tensors of an adapter to the modules of a transformers model."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils import transformers_weight_conversion as conversion
from transformers.core_model_loading import WeightRenaming, rename_source_key
from transformers.pytorch_utils import Conv1D

from mlx4j_worker.training import target_modules

_TENSOR = re.compile(r"base_model\.model\.(.+?)\.(lora_(?:A|B|embedding_A|embedding_B|magnitude_vector)\b.*)")
_SKIPPED = dict.fromkeys(("falcon_mamba", "jamba", "mamba"), ".dt_proj")  # modules of which only the weight is read
_LINEAR = (torch.nn.Linear, Conv1D)
_ADAPTABLE = (*_LINEAR, torch.nn.Embedding, torch.nn.Conv1d, LoraLayer)


def linear_modules(model: Any) -> tuple[dict[str, torch.nn.Module], list[str]]:
    """{path: module} of all linear modules of a model, and the paths of those in the part that reads text."""
    every = {path: module for path, module in model.named_modules() if isinstance(module, _LINEAR)}
    prefix = _text_prefix(model)
    return every, [path for path in every if path.startswith(prefix)]


def _text_prefix(model: Any) -> str:
    if getattr(model.config, "text_config", None) is None:
        return ""
    decoder = model.get_decoder()
    return next(f"{path}." if path else "" for path, module in model.named_modules() if module is decoder)


def place(
    model: Any, tensors: dict[str, torch.Tensor], config: Any
) -> tuple[dict[str, torch.Tensor], list[Any]] | None:
    """(the tensors named after the model's modules, the modules of the config that have none), or None.

    ``config``, a LoraConfig, then targets exactly the modules of the tensors. None is for an adapter of which a tensor
    has no module here: it may be one of experts, which were modules in transformers 4, and PEFT converts it.
    """
    present = {path: m for path, m in model.named_modules() if ".base_layer" not in path and ".lora_" not in path}
    able = {path for path, module in present.items() if isinstance(module, _ADAPTABLE)}
    paths = {found[1] for name in tensors if (found := _TENSOR.fullmatch(name))}
    placed = {path: _placed(model, path, able) for path in paths}
    if not paths or None in placed.values() or len({*placed.values()}) < len(placed):
        return None
    text = _text_prefix(model)  # an adapter on the text part alone may have names that fit the vision tower too
    lacking = {path for path in _targeted(config, able) if path.startswith(text)} - {*placed.values()}
    config.target_modules = sorted(placed.values())
    config.exclude_modules = config.layers_to_transform = config.layers_pattern = None
    return {_renamed(name, placed): tensor for name, tensor in tensors.items()}, sorted(lacking)


def skipped(model: Any, tensors: dict[str, torch.Tensor]) -> list[Any]:
    """The modules with tensors of an adapter that transformers would leave out of what it computes."""
    end = _SKIPPED.get(model.config.model_type)
    paths = {found[1] for name in tensors if (found := _TENSOR.fullmatch(name))}
    return sorted(path for path in paths if end and path.endswith(end))


def _placed(model: Any, path: str, able: set[str]) -> str | None:
    for one in target_modules.equivalent_paths(path):
        if one in able:
            return one
    return renamed if (renamed := _by_transformers(model, path)) in able else None


def _by_transformers(model: Any, path: str) -> Any:
    """The path after transformers' own renaming of stored weights."""
    renamings = [one for one in conversion.get_model_conversion_mapping(model) if isinstance(one, WeightRenaming)]
    return rename_source_key(f"{path}.weight", renamings, [])[0].removesuffix(".weight")


def _targeted(config: Any, able: set[str]) -> set[str]:
    if not config.target_modules:
        return set()
    return {path for path in able if check_target_module_exists(config, path)}


def _renamed(name: str, placed: Mapping[str, str | None]) -> str:
    found = _TENSOR.fullmatch(name)
    return f"base_model.model.{placed[found[1]]}.{found[2]}" if found else name


@contextmanager
def as_named() -> Iterator[None]:
    """Has PEFT take the modules that a LoraConfig names.

    It would take them for those of transformers 4, in which experts were linear modules, and turn an adapter of
    ``mlp.gate_proj`` into one of all experts, also where that is a dense or a shared MLP.
    """
    known = conversion.get_checkpoint_conversion_mapping
    conversion.get_checkpoint_conversion_mapping = lambda *_: None
    try:
        yield
    finally:
        conversion.get_checkpoint_conversion_mapping = known
