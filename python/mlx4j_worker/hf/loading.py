"""Loads a model with transformers and creates its engine."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from mlx4j_worker.call import Progress
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.hf import actions, device_memory, models
from mlx4j_worker.hf.classifier import ClassifierEngine
from mlx4j_worker.hf.encoder import is_encoder
from mlx4j_worker.hf.encoder_engine import EncoderEngine
from mlx4j_worker.hf.engine import HfEngine
from mlx4j_worker.hf.meta_device import META
from mlx4j_worker.models import generation_config, layout, rerank
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.generate import SamplingParams
from mlx4j_worker.requests.options import Options
from mlx4j_worker.text import end_tokens, formats
from mlx4j_worker.text.formats import Dialect


@dataclass(frozen=True)
class LoadedModel:
    """What an engine is made of.

    ``experts`` is an adapters.Experts and ``head`` an action head, or None; ``author`` has the model author's sampling.
    """

    model: Any
    tokenizer: Any
    layout: Layout
    experts: Any | None  # adapters.Experts
    head: Any  # a torch.nn.Module or None
    eos_ids: set[int]
    dialect: Dialect
    author: SamplingParams
    packages: dict
    warnings: list[str]


def load(params: dict[str, Any], options: Options, progress: Progress, dry: bool = False) -> HfEngine:
    """The engine for the model that the params of ``initialize`` name."""
    options.refuse("hf", "mlx", "draftModel", "kvBits", "kvTokens", "ranks", "hosts", "wiredLimit")
    name = params["model"]["source"]
    try:
        device, warnings = (META, []) if dry else models.device_of(options, InvalidRequest)
        found = layout.read(
            params, options, progress, device_memory.available_bytes(device, options.memory_limit_bytes)
        )
        engine = HfEngine
        if rerank.classifier(found.config):
            engine = ClassifierEngine
        elif is_encoder(found.config):
            engine = EncoderEngine
        return engine(name, _load_model(found, options, device, warnings, progress), options)
    except BaseException:
        models.free_memory()
        raise


def dry_load(params: dict[str, Any], options: Options, progress: Progress) -> HfEngine:
    """The same without the weights and without a GPU, on torch's meta device. The engine can only describe itself."""
    return load(params, options, progress, dry=True)


def _load_model(
    found: Layout, options: Options, device: str, about_device: list[Any], progress: Progress
) -> LoadedModel:
    if found.dylora or found.adapter:
        from mlx4j_worker.hf import adapters  # PEFT's import takes more than a second
    if found.dylora:
        adapters.check_can_choose(found.dylora, options)
    author = generation_config.read(found.author)
    progress("load", 0, 1, "models")
    model, tokenizer, warnings = models.load(found, options, device)
    experts = None
    if found.dylora:
        experts = adapters.attach_experts(model, found.dylora, options)
    elif found.adapter:
        adapters.attach(model, found.adapter)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    configs = (author.values, found.config)
    generates = not (rerank.classifier(found.config) or is_encoder(found.config))
    about_answers = [*author.warnings, *end_tokens.warnings(tokenizer, *configs)] if generates else []
    vocabulary, hidden_size = model.get_input_embeddings().weight.shape
    return LoadedModel(
        model,
        tokenizer,
        found,
        experts,
        actions.head(options, hidden_size),
        end_tokens.end_ids(tokenizer, *configs),
        formats.dialect(tokenizer),
        author.sampling(vocabulary),
        {"transformers": version("transformers"), "torch": torch.__version__, "peft": version("peft")},
        [*found.warnings, *about_device, *warnings, *about_answers],
    )
