"""Attaches LoRA adapters: one of PEFT, or the experts of a DyLoRA-MoE with the router that picks one for a prompt."""

import pickle
import re
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel, set_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file

from mlx4j_worker import files
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed, UnsafeModel
from mlx4j_worker.hf import lora_names
from mlx4j_worker.models import dylora, layout
from mlx4j_worker.models.layout import Adapter
from mlx4j_worker.models.safetensors import read_header
from mlx4j_worker.requests.options import Options

_RESIZABLE = ("embed_tokens.base_layer.weight", "embed_tokens.weight", "lm_head.base_layer.weight", "lm_head.weight")


class Experts:
    """The experts of a DyLoRA-MoE, of which one at a time is on the model. Without a router it is always the same."""

    def __init__(self, adapted: Any, name: str, names: Any = (), router: Any = None, top_k: Any = 1) -> None:
        self._adapted = adapted
        self._name = name
        self._names = names
        self._router = router
        self._top_k = top_k

    def use_for(self, ids: torch.Tensor) -> str:
        """Puts the expert for a prompt, ids [1, tokens], on the model; returns its name."""
        name = self.choose(ids)
        self.use(name)
        return name

    def choose(self, ids: torch.Tensor) -> str:
        """The name of the expert for a prompt, ids [1, tokens]."""
        if self._router is None:
            return self._name
        with self._adapted.disable_adapter():
            hidden = self._adapted.get_base_model().base_model(ids, use_cache=False).last_hidden_state[0]
        return self._names[self._pick(hidden.float())]

    def use(self, name: str) -> None:
        """Puts an expert on the model."""
        if name != self._name:
            self._name = name
            self._adapted.set_adapter(name, inference_mode=True)

    def _pick(self, hidden: Any) -> Any:
        """As in its trainer: each token votes for its best expert (or shares its vote among the top k)."""
        logits = torch.nn.functional.linear(hidden, *(tensor.to(hidden) for tensor in self._router))
        values, ids = logits.topk(self._top_k)
        return int(torch.zeros_like(logits).scatter(-1, ids, values.softmax(-1)).mean(0).argmax())


def attach(model: Any, adapter: Adapter) -> None:
    """Attaches a PEFT adapter, a layout.Adapter, to a model."""
    _add(model, "default", _config_of(adapter), load_file(adapter.folder / "adapter_model.safetensors"), adapter.folder)


def attach_experts(model: Any, found: Any, options: Options) -> Any:
    """Puts the experts of a dylora.DyLora, or the one that the options name, on a model.

    Returns Experts, or None where it has none. ``check_can_choose`` comes before.
    """
    if not found.experts:
        return None
    names = [options.expert] if options.expert else list(found.experts)
    adapted = model
    for name in names:
        config, tensors = _expert(found.experts[name], found.metadata)
        adapted = _add(adapted, name, config, tensors, found.experts[name].path)
    adapted.set_adapter(names[0], inference_mode=True)
    if len(names) == 1:
        return Experts(adapted, names[0])
    return Experts(adapted, names[0], names, *_router(found.router, len(names), _hidden_size(model)))


def check_can_choose(found: Any, options: Options) -> None:
    """Before the base model is loaded, refuses what could fail later: unread pickles, and a missing router."""
    names = [options.expert] if options.expert else list(found.experts)
    parts = [found.experts[name] for name in names]
    if len(names) > 1 and found.router is None:
        raise InvalidRequest(
            f"{found.folder} has no router, so it can't choose among its experts.",
            f"Name one of {', '.join(names)} in options.expert.",
        )
    parts += [found.router] if len(names) > 1 else []
    if not options.allow_pickles and (pickles := [part.path for part in parts if part.storage == "pickle"]):
        raise UnsafeModel(
            f"{', '.join(map(str, pickles[:3]))}: pickles, which can run code when they are read.",
            "Set options.allowPickles, which reads only their tensors"
            + (", or name one of the experts in options.expert." if parts[0].storage != "pickle" else "."),
        )


def _add(model: Any, name: str, config: Any, tensors: dict[str, torch.Tensor], where: Path) -> torch.nn.Module:
    """Adds an adapter to the PeftModel; its tensors must be exactly those that the model needs."""
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    if skipped := lora_names.skipped(base, tensors):
        raise ModelLoadFailed(
            f"The adapter in {where} changes {skipped[0]}, but transformers would compute without that change.",
            "Use the mlx worker, or train the adapter without this module.",
        )
    _check_rows(base, tensors, where)
    try:
        placed = lora_names.place(base, tensors, config)
        with lora_names.as_named() if placed else nullcontext():
            if isinstance(model, PeftModel):
                model.add_adapter(name, config)
            else:
                model = PeftModel(model, config, name)
            report = set_peft_model_state_dict(model, placed[0] if placed else tensors, name)
    except Exception as error:  # PEFT raises what its many parts raise
        why = f"{type(error).__name__}: {' '.join(str(error).split(maxsplit=60)[:60])}"
        raise _misfit(where, why) from error
    missing = [key for key in _without_shared(report.missing_keys, model) if name in key.split(".")]
    missing += placed[1] if placed else []
    for what, keys in (("lacks", missing), ("has in excess", report.unexpected_keys)):
        if keys:
            raise _misfit(where, f"it {what} {', '.join(sorted(keys)[:3])}")
    model.eval()
    return model


def _check_rows(model: Any, tensors: dict[str, torch.Tensor], where: Path) -> None:
    """Refuses an adapter whose embeddings or output head have a different number of tokens than the model."""
    rows = model.get_input_embeddings().weight.shape[0]
    for name, tensor in tensors.items():
        if name.endswith(_RESIZABLE) and tensor.ndim == 2 and tensor.shape[0] != rows:
            raise ModelLoadFailed(
                f"The adapter in {where} has {name} for {tensor.shape[0]} tokens, but the model has {rows}: its "
                "embeddings were resized before the adapter was trained.",
                f"Resize the base model with resize_token_embeddings({tensor.shape[0]}), save it, and name that one.",
            )


def _without_shared(names: list[str], model: Any) -> list[str]:
    """Those of the names of parameters that share none with another name, as tied ones do."""
    own = dict(model.named_parameters(remove_duplicate=False))
    loaded = {id(parameter) for name, parameter in own.items() if name not in names}
    return [name for name in names if id(own.get(name)) not in loaded]


def _misfit(where: Any, why: str) -> Any:
    return ModelLoadFailed(
        f"The adapter in {where} does not fit the model: {why}",
        "Name the model that it was trained on: as the model, or as options.base.",
    )


def _config_of(adapter: Adapter) -> Any:
    """The configuration of an adapter, which must be a LoRA."""
    kind = adapter.config["peft_type"]
    known = {field.name for field in fields(LoraConfig)} - {"alora_invocation_tokens", "megatron_config"}
    odd = sorted(name for name, value in adapter.config.items() if value and name not in known)  # PEFT drops these
    if kind != "LORA" or odd:
        what = f"of the kind {shown(kind)}" + (f" with {odd[0]}" if odd else "")
        raise ModelLoadFailed(f"The adapter in {adapter.folder} is {what}, which can't be used.", "Use a plain LoRA.")
    try:
        config = PeftConfig.from_pretrained(str(adapter.folder))
    except Exception as error:  # whatever a hostile file makes of it
        raise ModelLoadFailed(
            f"adapter_config.json in {adapter.folder} can't be read: {type(error).__name__}: {error}",
            "Save it again with PEFT.",
        ) from error
    config.inference_mode = True
    return config


def _expert(part: Any, metadata: Any) -> Any:
    """(the LoraConfig, the tensors as PEFT names them) of a dylora.Part."""
    if part.storage == "peft":
        adapter = layout.adapter(part.path)
        if adapter.format != "peft":
            raise ModelLoadFailed(f"{part.path} has no PEFT adapter.", "Copy it again.")
        return _config_of(adapter), load_file(part.path / "adapter_model.safetensors")
    tensors = _unpickled(part.path) if part.storage == "pickle" else _from_weights(part)
    placed = ((dylora.place(name), tensor) for name, tensor in tensors.items())
    own = {name: value for (owner, name), value in placed if owner == part.name and isinstance(value, torch.Tensor)}
    ranks = {tensor.shape[0] for name, tensor in own.items() if name.endswith(".lora_A.weight") and tensor.ndim == 2}
    if len(ranks) != 1:
        raise ModelLoadFailed(
            f"{part.path} has no tensors of {part.name} of one rank, so the expert is incomplete.",
            "A trainer omits it if another expert was active. Save it again, or name another in options.expert.",
        )
    modules = sorted({re.sub(r"\.lora_[AB]\.weight$", "", name) for name in own})
    config = LoraConfig(r=ranks.pop(), lora_alpha=metadata["lora_alpha"], target_modules=modules, task_type="CAUSAL_LM")
    config.inference_mode = True
    return config, {f"base_model.model.{name}": tensor for name, tensor in own.items()}


def _from_weights(part: Any) -> Any:
    """The tensors of an expert or the router among the wrapper's."""
    tensors: dict[str, Any] = {}
    for path in files.listed(part.path, "*.safetensors"):
        with safe_open(path, framework="pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys() if dylora.place(name)[0] == part.name}  # noqa: SIM118
    return tensors


def _unpickled(path: Path) -> Any:
    """The content of a pickle, a dict; only tensors and plain values are unpickled."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnsafeModel(
            f"{path} is damaged, or contains something other than tensors and plain values: "
            f"{str(error).splitlines()[0]}",
            "Save it again as safetensors.",
        ) from error
    except Exception as error:
        raise ModelLoadFailed(f"{path} can't be read: {type(error).__name__}: {error}", "Copy it again.") from error
    if not isinstance(content, dict):
        raise ModelLoadFailed(f"{path} has no dict of tensors.", "Save it again with its trainer.")
    return {name: value for name, value in content.items() if isinstance(name, str)}


def _router(part: Any, experts: Any, hidden_size: Any) -> Any:
    """((weight, bias) of the gate, how many experts a token votes for)."""
    if part.storage == "pickle":
        content = _unpickled(part.path)
        gate = content.get("gate_state_dict", content)
    elif part.storage == "safetensors":
        read_header(part.path)
        content = gate = load_file(part.path)
    else:
        content = gate = _from_weights(part)
    try:
        tensors = {name.removeprefix("router.").removeprefix("gate."): tensor for name, tensor in gate.items()}
        weight, bias, top_k = tensors["weight"].float(), tensors["bias"].float(), content.get("top_k", 1)
        right = weight.shape == (experts, hidden_size) and bias.shape == (experts,)
        right = right and type(top_k) is int and 0 < top_k <= experts
    except (AttributeError, KeyError, TypeError):
        right = False
    if not right:
        raise ModelLoadFailed(
            f"{part.path} has no router for {experts} experts and a hidden size of {hidden_size}.",
            "Copy it again, or name one of the experts in options.expert.",
        )
    return (weight, bias), top_k


def _hidden_size(model: Any) -> Any:
    return model.get_input_embeddings().weight.shape[1]
