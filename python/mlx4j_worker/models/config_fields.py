"""Finds fields of config.json that no class reads, so that a misspelled one is reported."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from reprlib import repr as shown
from types import ModuleType
from typing import Any

from transformers import CONFIG_MAPPING, GenerationConfig, PretrainedConfig, configuration_utils, modeling_rope_utils

from mlx4j_worker.models import dylora
from mlx4j_worker.models import folder as folder_module

_WORD = re.compile(r"[A-Za-z]\w*")
_MAX_NAMED = 5
# About the file, its tools or its weights; what older versions of transformers wrote into every config; and what
# authors of common models publish for the code with which they trained.
_METADATA = {
    *("auto_map", "model_file", "quantization", "quantization_config", "transformers_weights", "tokenizer_class"),
    *("vision_config", "audio_config", "torchscript", "use_bfloat16", "pruned_heads", "tie_encoder_decoder"),
    *("tf_legacy_loss", "finetuning_task", "task_specific_params", "prefix", "cross_attention_hidden_size"),
    *("add_cross_attention", "is_decoder", "is_encoder_decoder", "decoder_start_token_id", "sep_token_id"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings", "unsloth_fixed", "unsloth_version"),
    *("pretraining_tp", "aux_loss_alpha", "ep_size", "max_window_layers", "moe_layer_freq"),
    *("num_nextn_predict_layers", "scoring_func", "seq_aux", "topk_method"),
}
_ROPE = ("rope_parameters", "rope_scaling")


def warnings(config: dict, folder: Path, *more: ModuleType) -> tuple[str, ...]:
    """At most one warning, which names the fields of a folder's config.json that are read nowhere.

    Looked for are whole words in the source of transformers' config and model classes for the type, and in that of the
    modules ``more``. Nothing is said of a type that transformers does not have: such a config is made for other code.
    """
    unread = [*_unread(config, "", _words(folder_module, dylora, *more))]
    if not unread:
        return ()
    names = ", ".join(map(shown, unread[:_MAX_NAMED])) + (" …" if len(unread) > _MAX_NAMED else "")
    return (f"config.json in {folder} has {names}, which no class of this model type reads: it has no effect here.",)


def _unread(config: dict, prefix: str, known: set[str]) -> Iterator[str]:
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        return
    known = known | _words_of_type(CONFIG_MAPPING[kind])
    for name, value in config.items():
        if name == "text_config" and isinstance(value, dict):
            yield from _unread(value, f"{prefix}{name}.", known)
        elif name in _ROPE and isinstance(value, dict):
            yield from (f"{prefix}{name}.{inner}" for inner in _unread_rope(value, known))
        elif not name.startswith("_") and name not in known and _asks_for_something(value):
            yield prefix + name


def _unread_rope(rope: dict, known: set[str]) -> Iterator[str]:
    for name, value in rope.items():
        if isinstance(value, dict):  # of a type of layer
            yield from (f"{name}.{inner}" for inner in _unread_rope(value, known))
        elif name not in known and _asks_for_something(value):
            yield name


def _asks_for_something(value: object) -> bool:
    return value is not None and value is not False and value not in ("", [], {})


def _words_of_type(config_class: Any) -> set[str]:
    """The words in the source files of a config class, of those that it extends, and of the models beside them."""
    files = {Path(inspect.getfile(kind)) for kind in config_class.__mro__ if issubclass(kind, PretrainedConfig)}
    models = {
        file for own in files for file in own.parent.glob("modeling_*.py") if own.name.startswith("configuration_")
    }
    found = {word for file in files | models for word in _WORD.findall(file.read_text(encoding="utf-8"))}
    return found | {*config_class.attribute_map}


def _words(*modules: ModuleType) -> set[str]:
    every = (configuration_utils, modeling_rope_utils, *modules)
    found = {word for module in every for word in _WORD.findall(inspect.getsource(module))}
    return found | _METADATA | {*vars(GenerationConfig())}
