"""Loads a model with mlx-lm, or says why not."""

import glob
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from mlx_lm.models.cache import KVCache, can_trim_prompt_cache, make_prompt_cache
from mlx_lm.utils import load as load_model

from mlx4j_worker import folder, source
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed, OutOfMemory, UnsafeModel
from mlx4j_worker.mlx.batch import Batch
from mlx4j_worker.mlx.drafting import Drafter
from mlx4j_worker.mlx.engine import MlxEngine
from mlx4j_worker.prompts import Dialect, has_switch
from mlx4j_worker.requests import Sampling
from mlx4j_worker.tools import CallFormat


@dataclass(frozen=True)
class Parts:
    """What an engine is made of.

    ``decoder`` decodes rows (batch.Batch or drafting.Drafter), ``author`` has the model author's sampling,
    ``hidden_states`` is a function of ids [1, tokens] and a cache, or None where mlx-lm's model has none.
    """

    model: object
    tokenizer: object
    config: dict
    decoder: object
    dialect: Dialect
    author: Sampling
    hidden_states: Callable | None
    packages: dict


def load(params, options, progress):
    """The engine for the model that the params of ``initialize`` name. Must run on the engine's own thread."""
    model = params["model"]
    path = source.resolve(model["source"], model.get("revision"), params.get("download", False), progress)
    adapter = _adapter(options.adapter) if options.adapter else None
    loaded, tokenizer, config = _load(path, adapter, progress)
    parts = Parts(
        loaded,
        tokenizer,
        config,
        _decoder(loaded, tokenizer, options, params, progress),
        _dialect(tokenizer),
        folder.sampling_of_author(path, len(tokenizer)),
        _hidden_states(loaded),
        {"mlx": version("mlx"), "mlx-lm": version("mlx-lm")},
    )
    return MlxEngine(model["source"], parts, options)


def _load(path, adapter, progress):
    if glob.escape(str(path)) != str(path):  # mlx-lm looks for weights with a pattern that begins with the path
        raise ModelLoadFailed(f"mlx-lm can't load {path}: its path has one of *, ? and [.", "Rename the folder.")
    config = folder.check(path)
    progress("load", 0, 1, "models")
    try:
        return load_model(
            str(path),
            tokenizer_config={"trust_remote_code": False, "local_files_only": True},
            model_config=_rope_of_transformers_5(config),
            adapter_path=adapter,
            return_config=True,
            trust_remote_code=False,
        )
    except MemoryError as error:
        raise OutOfMemory(f"{path} does not fit into memory: {error}", "Use a smaller or quantized model.") from error
    except Exception as error:  # mlx-lm raises what its many model files raise
        if "trust_remote_code" in str(error):
            raise UnsafeModel(
                f"{path} wants to run its own code (auto_map), since transformers has no such tokenizer.",
                "Use a model whose tokenizer transformers has.",
            ) from error
        if adapter is not None:
            raise ModelLoadFailed(
                f"mlx-lm can't load {path} with the adapter {adapter}: {type(error).__name__}: {error}",
                "Check that the adapter was made for this model.",
            ) from error
        raise ModelLoadFailed(
            f"mlx-lm can't load {path}: {type(error).__name__}: {error}",
            "Check that mlx-lm has this architecture and that the files are whole.",
        ) from error


def _adapter(path):
    """The path of an adapter's folder as mlx-lm writes it: a config that mlx-lm can read, and weights."""
    folder.check_links(path)
    config = folder.read_json(path, "adapter_config.json")
    if not isinstance(config, dict) or "peft_type" in config or "num_layers" not in config:
        raise ModelLoadFailed(
            f"{path} is not an adapter as mlx-lm writes it: its adapter_config.json names no num_layers.",
            "Train it with mlx-lm, or convert it.",
        )
    if not os.path.isfile(os.path.join(path, "adapters.safetensors")):
        raise ModelLoadFailed(f"{path} has no adapters.safetensors.", "Train or copy the adapter again.")
    return path


def _decoder(model, tokenizer, options, params, progress):
    plain_cache = all(type(layer) is KVCache for layer in make_prompt_cache(model))
    if options.kv_tokens is not None and (not plain_cache or options.kv_bits or options.draft_model):
        why = (
            "it goes neither with kvBits nor with draftModel" if plain_cache else "the model's cache is of its own kind"
        )
        raise InvalidRequest(f"kvTokens can't bound the KV cache here: {why}.", "Leave it out.")
    if options.kv_bits is not None:
        if options.draft_model:
            raise InvalidRequest("kvBits can't be used with draftModel.", "Leave one of them out.")
        if not all(hasattr(layer, "to_quantized") for layer in make_prompt_cache(model)):
            raise InvalidRequest("kvBits can't be used: mlx-lm can't quantize this model's KV cache.", "Leave it out.")
    if options.draft_model is None:
        return Batch(model, options)
    path = source.resolve(options.draft_model, None, params.get("download", False), progress)
    draft_model, draft_tokenizer, _ = _load(path, None, progress)
    if draft_tokenizer.get_vocab() != tokenizer.get_vocab():
        raise InvalidRequest(
            f"The draft model {options.draft_model} has another vocabulary than the model.",
            "Use a smaller model of the same family.",
        )
    drafter = Drafter(model, draft_model, options.draft_tokens)
    if not can_trim_prompt_cache(drafter.new_cache()):
        raise InvalidRequest("draftModel can't be used: a guess can't be taken out of this model's cache.")
    return drafter


def _dialect(tokenizer):
    thinking = (tokenizer.think_start, tokenizer.think_end) if tokenizer.has_thinking else None
    calls = None
    if tokenizer.has_tool_calling and tokenizer.tool_parser is not None:
        calls = CallFormat(tokenizer.tool_call_start, tokenizer.tool_call_end, tokenizer.tool_parser)
    return Dialect(thinking, calls, has_switch(tokenizer.chat_template))


def _hidden_states(model):
    """The part of mlx-lm's models that goes up to the final norm, which they call ``model``."""
    inner = getattr(getattr(model, "language_model", model), "model", None)
    return inner if callable(inner) else None


def _rope_of_transformers_5(config):
    """What mlx-lm must be told of ``rope_parameters``, where transformers 5 puts values that it reads elsewhere."""
    rope = config.get("rope_parameters")
    if not isinstance(rope, dict) or not isinstance(rope.get("rope_theta"), (int, float)):
        return {}
    override = {"rope_theta": rope["rope_theta"]}
    if rope.get("rope_type", "default") != "default":
        override["rope_scaling"] = rope
    if "partial_rotary_factor" in rope:
        override["partial_rotary_factor"] = rope["partial_rotary_factor"]
    return override
