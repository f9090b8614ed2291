"""From a layout to a transformers model on its device, with no weight missing, unexpected or made up."""

import gc
import math
import re
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from reprlib import repr as shown
from typing import Any

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from mlx4j_worker import files, memory
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed, UnsafeModel, WorkerError
from mlx4j_worker.hf import device_memory, encoder
from mlx4j_worker.hf.devices import DeviceUnusable, choose_device
from mlx4j_worker.hf.meta_device import META, weights_unread
from mlx4j_worker.models import config_fields, dylora, folder, name_prefix, rerank
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.options import Options
from mlx4j_worker.text import templates

_INCONSISTENT = "its generation computes something else than its pass over all tokens"
_ROBERTA = ("camembert", "data2vec-text", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl")
ALWAYS_WRONG = dict.fromkeys((*_ROBERTA, "deepseek_v32", "doge", "glm_moe_dsa", "minimax"), _INCONSISTENT)
_WITH_IMAGES = ("llama4",)  # types whose causal language model can't take the vision tower in the folder
_WRAPPER = {dylora.PREFIX: "", r"\.base_layer\.": "."}  # from a DyLoRA-MoE's names to those of its base model


def device_of(options: Options, refusal: type[WorkerError]) -> tuple[str, list[str]]:
    """(the device to run on, warnings); raises ``refusal`` where the one that the options name does not compute."""
    try:
        return choose_device(options.device)
    except DeviceUnusable as error:
        raise refusal(
            f"The hf worker can't run on the device {options.device}. {error}",
            "Set the device (MLX4J_HF_DEVICE) to auto.",
        ) from error


def load(found: Layout, options: Options, device: str) -> tuple[torch.nn.Module, Any, list[str]]:
    """(the model, its tokenizer, warnings) of a Layout on a device. What adapters add is not on it yet.

    On META no weights are read.
    """
    check(found, options, device)
    warnings = [*config_fields.warnings(found.config, found.weights)]
    dtype = _dtype(found, options, device, warnings)
    _check_memory(found, dtype, options, device)
    trusted = _trusting(found, options)
    config = trusted(lambda **local: AutoConfig.from_pretrained(found.author, **local))
    _check_labels(found, config)
    _check_size(found, config, trusted)
    templates.install()
    with files.without_companions(found.tokenizer) as plain:
        tokenizer = trusted(lambda **local: AutoTokenizer.from_pretrained(plain, config=config, **local))
    model = _model(found, config, dtype, trusted, device)
    model.generation_config = GenerationConfig()  # the author's values are those of LoadedModel
    if set(getattr(model, "hf_device_map", {}).values()) & {"cpu", "disk"} and device == "cuda":
        warnings.append("The model does not fit into the GPU's memory, so a part of it is outside, and it is slow.")
    return model.eval(), tokenizer, warnings


def free_memory() -> None:
    """Releases the memory of a failed load, which the next model needs."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def check(found: Layout, options: Options, device: str) -> None:
    """Refuses unsupported options by name."""
    kind = found.config.get("model_type")
    generates = not rerank.classifier(found.config) and not encoder.is_encoder(found.config)
    if generates and kind in ALWAYS_WRONG and (kind != "doge" or found.config.get("is_moe")):
        raise ModelLoadFailed(
            f"{found.weights} is a {kind}, which transformers computes incorrectly: {ALWAYS_WRONG[kind]}.",
            "Use the mlx worker for this model.",
        )
    if found.adapter is not None and found.adapter.format == "mlx":
        raise ModelLoadFailed(
            f"The adapter in {found.adapter.folder} is in the format of mlx-lm, which PEFT can't read.",
            "Use the mlx worker, or train the adapter with PEFT.",
        )
    if "quantization" in found.config:
        raise ModelLoadFailed(
            f"{found.weights} is quantized in MLX's format, which transformers can't read.",
            "Set HF_MODEL to the model that it was made from.",
        )
    if options.dtype and "quantization_config" in found.config:
        raise InvalidRequest(f"dtype can't be used: {found.weights} is quantized.", "Leave it out.")
    if options.memory_limit_bytes and device != "cuda":
        raise InvalidRequest(
            "memoryLimitBytes can't be used with the hf worker without a CUDA device.",
            "Leave it out, or use the mlx worker.",
        )


def can_cache(config: PretrainedConfig) -> bool:
    """Whether generation with a KV cache computes what a pass over all tokens does in transformers."""
    if config.model_type == "mamba2":
        return tuple(config.time_step_limit) == (0.0, math.inf)
    return config.model_type != "recurrent_gemma"


def context_of(model: PreTrainedModel, config: dict) -> int | None:
    """The context in tokens. RoBERTa and its like count positions from one above the padding's."""
    context = folder.context_length(config)
    for module in model.modules():
        padding, table = getattr(module, "padding_idx", None), getattr(module, "position_embeddings", None)
        if context and isinstance(padding, int) and getattr(table, "padding_idx", None) is not None:
            return context - padding - 1
    return context


def _attention(config: Any) -> Any:
    """The implementation of attention, None for the default: Falcon's ALiBi differs with the default one."""
    return "eager" if config.model_type == "falcon" and config.alibi else None


def _dtype(found: Layout, options: Options, device: str, warnings: list[str]) -> Any:
    """The torch.dtype to load, or "auto" where the weights are of a kind of its own."""
    stored = None if "quantization_config" in found.config else folder.stored_dtype(found.weights)
    name = options.dtype or stored
    if name == "bfloat16" and not has_bfloat16(device):
        if options.dtype:
            raise InvalidRequest(
                f"dtype can't be bfloat16: this {device} device does not support it.", "Use float16 or float32."
            )
        warnings.append(
            f"{found.weights} is stored in bfloat16, which this {device} device does not support; it runs in float16."
        )
        name = "float16"
    return getattr(torch, name) if name else "auto"


def has_bfloat16(device: str) -> bool:
    """Whether a device computes with bfloat16 itself; META is for any device."""
    if device == META:
        return True
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        return bool((torch.ones(1, dtype=torch.bfloat16, device=device) + 1).isfinite())
    except (TypeError, RuntimeError):  # MPS before macOS 14
        return False


def _check_memory(found: Layout, dtype: Any, options: Options, device: str) -> None:
    limit = options.memory_limit_bytes
    if limit and device == "cuda":
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / torch.cuda.mem_get_info(0)[1]))
    available = device_memory.available_bytes(device, limit)
    value_bytes = None if dtype == "auto" else dtype.itemsize
    memory.check_weights(found.weights, folder.weight_bytes(found.weights, value_bytes), available)


def _auto(found: Layout, config: Any) -> Any:
    """The class of transformers that chooses the model's class.

    It is a vision-language model where transformers has no class for its text part alone.
    """
    if rerank.classifier(found.config):
        return AutoModelForSequenceClassification
    if encoder.is_encoder(found.config):
        return AutoModel
    text = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and config.model_type not in _WITH_IMAGES
    if not text and type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return AutoModelForImageTextToText
    return AutoModelForCausalLM


def _check_labels(found: Layout, config: Any) -> None:
    """Refuses a classifier that does not give one score for a text."""
    kind = rerank.classifier(found.config)
    if kind and config.num_labels != 1:
        raise ModelLoadFailed(
            f"{found.weights} is a sequence classifier ({kind}) with {config.num_labels} labels. A reranker has one.",
            "Use a reranker with one label, or another model.",
        )


def _check_size(found: Layout, config: Any, trusted: Callable[..., Any]) -> None:
    """Refuses a config of a far larger model than the weights, for whose missing part transformers would make room."""
    if "quantization_config" in found.config:
        return
    with torch.device("meta"):
        model = trusted(
            lambda trust_remote_code, **_: _auto(found, config).from_config(config, trust_remote_code=trust_remote_code)
        )
    described = sum(parameter.numel() for parameter in model.parameters())
    stored = folder.value_count(found.weights)
    if described > 2 * stored:
        raise ModelLoadFailed(
            f"config.json describes a model of {described:,} parameters, but the weights in {found.weights} "
            f"are {stored:,} numbers.",
            "The config is not that of these weights. Download or copy the model again.",
        )


def _trusting(found: Layout, options: Options) -> Callable[..., Any]:
    """A function that calls ``load`` so that nothing is fetched and no code of the folder runs.

    Where it can't do without that code and the options allow it, it is called again with the code.
    """

    def call(load: Callable[..., Any]) -> Any:
        try:
            return load(trust_remote_code=False, local_files_only=True)
        except Exception as error:
            if "trust_remote_code" not in str(error):
                raise _explained(found, error) from error
            if not options.trust_remote_code:
                raise UnsafeModel(
                    f"{found.weights} requires its own code (auto_map), since transformers has no such "
                    "architecture or tokenizer.",
                    "Use another model, or, where you trust its code, set options.trustRemoteCode.",
                ) from error
        try:
            return load(trust_remote_code=True, local_files_only=True)
        except Exception as error:
            raise _explained(found, error) from error

    return call


def _model(found: Layout, config: Any, dtype: Any, trusted: Callable[..., Any], device: str) -> torch.nn.Module:
    own_weights = found.dylora is not None and found.dylora.own_weights
    if config.model_type == "youtu":
        config.pad_token_id = None  # else transformers zeroes the row of this token after it has read the weights
    place = "auto" if device == "cuda" else {"": device}
    prefix = "" if own_weights else name_prefix.of_model(found.weights)
    renamed = {f"^{re.escape(prefix)}": ""} if prefix else None
    with weights_unread() if device == META else nullcontext():
        model, report = trusted(
            lambda **local: _auto(found, config).from_pretrained(
                found.weights,
                config=config,
                dtype=dtype,
                attn_implementation=_attention(config),
                device_map=place,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are in the report
                key_mapping=_WRAPPER if own_weights else renamed,
                **local,
            )
        )
    if renamed:  # else transformers would put the prefix back when it saves the model
        model._weight_conversions = [one for one in model._weight_conversions if one.source_patterns != [*renamed]]
    if own_weights:
        report["unexpected_keys"] = [key for key in report["unexpected_keys"] if dylora.place(key)[0] is None]
    if encoder.is_encoder(found.config):
        report = encoder.without_heads(report, model)
    if wrong := [f"{what.replace('_', ' ')}: {sorted(map(str, report[what]))[:3]}" for what in report if report[what]]:
        raise ModelLoadFailed(
            f"The weights in {found.weights} are not those of its config.json ({'; '.join(wrong)}).",
            "The result would be a partly random model. Download or convert it again.",
        )
    return model


def _explained(found: Layout, error: Exception) -> ModelLoadFailed:
    """The WorkerError for what transformers raised, which is what its many model files raise."""
    what = f"{type(error).__name__}: {error}"
    quantized = found.config.get("quantization_config")
    if isinstance(quantized, dict):
        return ModelLoadFailed(
            f"{found.weights} is quantized ({quantized.get('quant_method')}), which can't be loaded here: {what}",
            "Use the model that it was made from, or a machine and an environment that have what is named here.",
        )
    if "Unrecognized configuration class" in what:
        kind, release = shown(found.config.get("model_type")), version("transformers")
        wanted = "classifier" if rerank.classifier(found.config) else "causal language model"
        return ModelLoadFailed(
            f"transformers {release} has no {wanted} for the type {kind}, which {found.weights} needs.",
            "Use the mlx worker if it has this architecture, or another model.",
        )
    return ModelLoadFailed(
        f"transformers can't load {found.weights}: {what}",
        "Check that transformers has this architecture and that the files are whole.",
    )
