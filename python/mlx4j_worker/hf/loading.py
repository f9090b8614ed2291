"""Loads a model with transformers, or says why not."""

import json
from dataclasses import dataclass
from importlib.metadata import version

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from mlx4j_worker import folder, source, tools
from mlx4j_worker.errors import ModelLoadFailed, OutOfMemory, UnsafeModel
from mlx4j_worker.hf.engine import HfEngine
from mlx4j_worker.prompts import Dialect, has_switch
from mlx4j_worker.requests import Sampling

_THINKING = (  # as mlx-lm knows them
    ("<think>", "</think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<|think:start|>", "<|think:end|>"),
)


@dataclass(frozen=True)
class Parts:
    """What an engine is made of; ``author`` has the model author's sampling."""

    model: object
    tokenizer: object
    config: dict
    eos_ids: set[int]
    dialect: Dialect
    author: Sampling
    packages: dict


def load(params, options, progress):
    """The engine for the model that the params of ``initialize`` name."""
    options.refuse("hf", "mlx", "adapter", "draftModel", "kvBits", "kvTokens")
    model = params["model"]
    path = source.resolve(model["source"], model.get("revision"), params.get("download", False), progress)
    raw_config = folder.check(path)
    if "quantization" in raw_config:
        raise ModelLoadFailed(
            f"{path} is quantized in MLX's format, which transformers can't read.",
            "Set HF_MODEL to the model that it was made from.",
        )
    progress("load", 0, 1, "models")
    local = {"trust_remote_code": False, "local_files_only": True}
    try:
        config = AutoConfig.from_pretrained(path, **local)
        loaded, report = AutoModelForCausalLM.from_pretrained(
            path, config=config, dtype="auto", use_safetensors=True, output_loading_info=True, **local
        )
        tokenizer = AutoTokenizer.from_pretrained(path, **local)
        loaded = loaded.to(_device()).eval()
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise OutOfMemory(f"{path} does not fit into memory: {error}", "Use a smaller model.") from error
    except Exception as error:  # transformers raises what its many model files raise
        if "trust_remote_code" in str(error):
            raise UnsafeModel(
                f"{path} wants to run its own code (auto_map), since transformers has no such architecture.",
                "Use a model whose architecture transformers has.",
            ) from error
        raise ModelLoadFailed(
            f"transformers can't load {path}: {type(error).__name__}: {error}",
            "Check that transformers has this architecture and that the files are whole.",
        ) from error
    if wrong := [f"{what.replace('_', ' ')}: {sorted(map(str, report[what]))[:3]}" for what in report if report[what]]:
        raise ModelLoadFailed(
            f"The weights in {path} are not those of its config.json ({'; '.join(wrong)}).",
            "The result would be a partly random model. Download or convert it again.",
        )
    loaded.generation_config = GenerationConfig()  # the author's values are those of Parts
    parts = Parts(
        loaded,
        tokenizer,
        raw_config,
        _eos_ids(path, raw_config, tokenizer),
        _dialect(tokenizer),
        folder.sampling_of_author(path, loaded.get_input_embeddings().num_embeddings),
        {"transformers": version("transformers"), "torch": torch.__version__},
    )
    return HfEngine(model["source"], parts)


def _device():
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _eos_ids(path, config, tokenizer):
    """generation_config.json's end tokens, else config.json's, and the tokenizer's: the same set that mlx-lm takes."""
    try:
        generation = json.loads((path / "generation_config.json").read_bytes())
    except (OSError, ValueError):
        generation = {}
    stated = generation.get("eos_token_id") or config.get("eos_token_id") or []
    ids = {stated} if isinstance(stated, int) else set(stated)
    if tokenizer.eos_token_id is not None:
        ids.add(tokenizer.eos_token_id)
    return ids


def _dialect(tokenizer):
    vocabulary, template = tokenizer.get_vocab(), tokenizer.chat_template
    thinking = next((pair for pair in _THINKING if vocabulary.keys() >= {*pair}), None)
    return Dialect(thinking, tools.json_format(template), has_switch(template))
