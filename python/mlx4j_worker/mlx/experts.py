"""Attaches one expert of a DyLoRA-MoE to a model of mlx-lm. The caller picks it: the router runs on transformers."""

from pathlib import Path
from typing import Any

import mlx.core as mx

from mlx4j_worker import files
from mlx4j_worker.errors import ModelLoadFailed, UnsafeModel
from mlx4j_worker.mlx import compat, peft
from mlx4j_worker.models import dylora, layout
from mlx4j_worker.models.dylora import DyLora
from mlx4j_worker.requests.options import Options

_HF = "Use the hf worker."


def check(found: DyLora, options: Options) -> None:
    """Refuses a dylora.DyLora that mlx doesn't support."""
    if not found.experts:
        return
    if options.expert is None:
        raise ModelLoadFailed(
            f"{found.folder} is a DyLoRA-MoE, whose router runs on transformers only.",
            f"Name one of its experts in options.expert ({', '.join(found.experts)}), or use the hf worker.",
        )
    if found.experts[options.expert].storage == "pickle":
        raise UnsafeModel(
            f"{options.expert} of {found.folder} is a pickle, which can run code when read, and which mlx can't read.",
            "Save it again as an adapter of PEFT, or use the hf worker.",
        )


def attach(model: Any, part: Any, metadata: Any) -> None:
    """Attaches the expert in a dylora.Part to the model."""
    if part.storage == "peft":
        adapter = layout.adapter(part.path)
        if adapter.format != "peft":
            raise ModelLoadFailed(f"{part.path} has no PEFT adapter.", "Copy it again.")
        peft.load(model, adapter)
        return
    own = _weights(part.path, part.name)
    ranks = {tensor.shape[0] for name, tensor in own.items() if name.endswith(".lora_A.weight")}
    config = {"peft_type": "LORA", "r": min(ranks, default=0), "lora_alpha": metadata["lora_alpha"]}
    tensors = {f"base_model.model.{name}": tensor for name, tensor in own.items()}
    peft.attach(model, peft.read(tensors, config, part.path), part.path)


def base_weights(model: Any, path: Path) -> tuple[type, dict[str, Any]]:
    """(mlx-lm's class ``model`` for weights with the names of the trainer's wrapper, what its config must say more).

    The trainer may have a head apart from the embeddings, and writes one in any case.
    """
    equal = compat.head_is_embeddings(path, lambda name: dylora.place(name)[0] is None)
    tied = equal or (equal is None and "lm_head.weight" not in _weights(path, None))

    class Unwrapped(model):
        def sanitize(self, weights: dict[str, mx.array]) -> dict[str, mx.array]:
            placed = [(*dylora.place(name), weight) for name, weight in weights.items()]
            kept = {name: weight for owner, name, weight in placed if owner is None}
            if tied:
                kept.pop("lm_head.weight", None)
            return super().sanitize(kept) if hasattr(super(), "sanitize") else kept

    return Unwrapped, {"tie_word_embeddings": tied}


def _weights(path: Path, owner: str | None) -> dict[str, mx.array]:
    """The tensors of one owner, as dylora.place has it, in the wrapper's weights."""
    tensors: dict[str, Any] = {}
    for file in files.listed(path, "model*.safetensors"):
        placed = ((dylora.place(name), tensor) for name, tensor in mx.load(str(file)).items())
        tensors |= {name: tensor for (placed_owner, name), tensor in placed if placed_owner == owner}
    return tensors
