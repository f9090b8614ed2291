"""Corrects, or rejects, models for which mlx-lm computes something else than transformers.

Each rule was found by comparing logits with those of transformers 5, and is gone through for every model.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from reprlib import repr as shown
from types import ModuleType
from typing import Any

from mlx import nn
from mlx_lm.models import gemma, gpt2, gpt_neox, starcoder2
from mlx_lm.models.cache import ChunkedKVCache, KVCache, RotatingKVCache, make_prompt_cache
from mlx_lm.utils import MODEL_REMAPPING, _get_classes
from transformers import AutoConfig

from mlx4j_worker import files
from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.mlx import ropes
from mlx4j_worker.mlx.architectures import CORRECTED, HEAD, WORDS, Llama4Text, Llama4TextArguments, named
from mlx4j_worker.mlx.caches import ChunkedCache
from mlx4j_worker.models import config_fields
from mlx4j_worker.models.folder import context_length
from mlx4j_worker.models.safetensors import Tensor, read_header, same_bytes

_HF = "Use the hf worker for this model."
_SILU, _TANH, _GELU = ("silu", "swish"), ("gelu_pytorch_tanh", "gelu_new", "gelu_fast"), ("gelu",)
# What mlx-lm's files compute, whatever the config says; "gelu" in a gemma's config always meant the other one.
_ACTIVATIONS = {
    **dict.fromkeys(("gpt2", "gptj", "phi", "gemma2", "gemma3_text"), _TANH),
    **dict.fromkeys(("gemma", "starcoder2", "gpt_neox"), _TANH + _GELU),
    **dict.fromkeys(("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "phi3"), _SILU),
    **dict.fromkeys(("olmo2", "olmo3", "olmoe", "cohere", "cohere2", "granite", "granitemoe", "smollm3"), _SILU),
    **dict.fromkeys(("exaone4", "glm", "glm4", "helium", "seed_oss", "stablelm", "internlm3", "ernie4_5"), _SILU),
    "gpt_bigcode": _GELU,
    "nemotron": ("relu2",),
}
ALWAYS_WRONG = {
    "ernie4_5_moe": "mlx-lm leaves out what corrects its choice of experts",
    "jamba": "mlx-lm weighs its experts in another way",
}
# types that mlx-lm has by another name
ALIASES = {"gemma4_unified_text": "gemma4_text", "qwen3_5_text": "qwen3_5", "qwen3_5_moe_text": "qwen3_5_moe"}
# Vision-language models whose text part is a text model that mlx-lm has; for others mlx-lm has a class, or none.
_VISION_LANGUAGE: tuple[str, ...] = ("idefics3", "internvl", "lfm2_vl", "llava", "mistral3", "smolvlm")
_VISION_LANGUAGE += ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe")
# With text alone, the three parts of their rotary embeddings have the same positions.
_TEXT_TYPES = {
    "qwen2_vl_text": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "qwen3_vl_text": "qwen3",
    "qwen3_vl_moe_text": "qwen3_moe",
}
PARTS = ("text_config", "vision_config")  # empty where the text part has become a model of its own
_OFF = {  # what a config may ask for, and the values that ask for nothing
    "clip_qkv": (None,),
    "attn_logit_softcapping": (None,),
    "final_logit_softcapping": (None,),
    "logit_scale": (None, 1),
    "logits_scaling": (None, 1),
    "embedding_multiplier": (None, 1),
    "residual_multiplier": (None, 1),
    "scale_attn_weights": (None, True),
    "scale_attn_by_inverse_layer_idx": (None, False),
    "add_cross_attention": (None, False),
    "alibi": (None, False),
    "is_causal": (None, True),
    "use_bidirectional_attention": (None, False, "vision"),  # for tokens of images only
    "transformers_weights": (None, "model.safetensors", "model.safetensors.index.json"),
}


@dataclass(frozen=True)
class Amended:
    """What a model can be trusted with: its context in tokens, or None; and what the user should know.

    ``window`` is how many tokens its KV cache holds, where it is fewer.
    """

    context: int | None
    window: int | None = None
    warnings: tuple[str, ...] = ()


def text_part(config: dict[str, Any], path: Path) -> Any:
    """The config of the text part of a vision-language folder as that of a text model; None for other folders."""
    text = config.get("text_config")
    if config["model_type"] not in _VISION_LANGUAGE or not isinstance(text, dict) or "quantization" in config:
        return None
    kind = text.get("model_type", f"{config['model_type']}_text")
    try:
        meant = AutoConfig.for_model(kind, **{name: value for name, value in text.items() if name != "model_type"})
        text = {**meant.to_dict(), **text}
    except Exception:  # transformers does not know it: mlx-lm's defaults remain
        pass
    head = any(
        name.endswith("lm_head.weight")
        for file in files.listed(path, "model*.safetensors")
        for name in read_header(file)
    )
    more = {name: config[name] for name in ("eos_token_id", "quantization_config") if config.get(name) is not None}
    own = {"model_type": _TEXT_TYPES.get(kind, kind), "tie_word_embeddings": not head}
    if kind == "qwen3_vl_moe_text":
        own["norm_topk_prob"] = True  # transformers has no such field here
    return {**text, **more, **own, **{part: {} for part in PARTS}}


def classes(config: dict[str, Any], path: Path) -> tuple[type, type]:
    """mlx-lm's classes for the config.json of a folder: (model, its arguments)."""
    kind = config["model_type"]
    if kind in ALWAYS_WRONG:
        raise ModelLoadFailed(f"{path} is a {kind}, which mlx-lm computes incorrectly: {ALWAYS_WRONG[kind]}.", _HF)
    try:
        model, arguments = _get_classes({**config, "model_type": ALIASES.get(kind, kind)})
    except (ValueError, AttributeError, TypeError, SystemExit):  # SystemExit where a package of its own is missing
        text = f"mlx-lm {version('mlx-lm')} has no architecture {shown(kind)}, which {path} needs."
        raise ModelLoadFailed(text, "Use the hf worker, or a model whose architecture mlx-lm has.") from None
    act = config.get("hidden_act")
    fixed = {**CORRECTED, "gpt2": _Gpt2, "gemma": _Gemma}
    if kind == "llama4_text" and config.get("num_local_experts"):
        return named(Llama4Text, partial(head_is_embeddings, path)), Llama4TextArguments
    fixed["starcoder2"] = model if act == "gelu" else _Starcoder2
    fixed["gpt_neox"] = _GptNeox if act in (None, "gelu") else model
    return named(fixed.get(kind, model), partial(head_is_embeddings, path)), arguments


def overrides(config: dict[str, Any], arguments: type) -> dict[str, Any]:
    """What mlx-lm must be told in place of values in config.json; ``arguments`` is its class for them."""
    new = _defaults(config, arguments) | _renamed_fields(config)
    text = config.get("text_config")
    if isinstance(text, dict):
        new["text_config"] = text | _renamed_fields(text)
        if "vocab_size" in text and "vocab_size" not in config:
            new["vocab_size"] = text["vocab_size"]
    return new


def head_of_its_own(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """What mlx-lm must be told where the weights have an output head that is not the embeddings.

    transformers believes the weights then, mlx-lm the config, and drops the head.
    """
    if "quantization" in config or head_is_embeddings(path) is not False:
        return {}
    text = config.get("text_config")
    untied = {"tie_word_embeddings": False}
    return untied | ({"text_config": text | untied} if isinstance(text, dict) else {})


def head_is_embeddings(path: Path, own: Callable[[str], bool] = lambda name: True) -> bool | None:
    """Whether the output head of a model folder equals its word embeddings; None where the folder lacks one of them.

    ``own`` is whether a tensor of this name belongs to the model. No other weights are read.
    """
    heads, words = (_one_of(path, ends, own) for ends in (HEAD, WORDS))
    return same_bytes(heads, words) if heads and words else None


def _one_of(path: Path, ends: tuple[str, str, str] | str, own: Callable[..., Any]) -> tuple[Path, Tensor] | None:
    """(the file, the tensor) in a model folder whose name has one of these ends, or None."""
    for file in files.listed(path, "model*.safetensors"):
        for name, tensor in read_header(file).items():
            if name.endswith(ends) and own(name):
                return file, tensor
    return None


def amend(model: Any, config: dict[str, Any], original: dict[str, Any], path: Path, own_cache: bool) -> Amended:
    """Corrects an mlx-lm model before its weights are read, or refuses it.

    ``config`` is what the model was made of, ``original`` the config.json; ``own_cache`` is whether the model may have
    a KV cache of its own kind.
    """
    unread = config_fields.warnings(original, path, *_modules(model))
    config, original = _flat(config), _flat(original)
    _check_activation(original, path)
    _check_arguments(model, original, path)
    _amend_norms(model, original)
    _amend_chunks(model)
    context = context_length(config)
    window, all_layers = _window(model, original)
    rotates = all_layers and own_cache and not (context and window and context <= window)
    if rotates:  # mlx-lm's masks go by what the cache holds
        layers = len(model.layers)  # and not the model, which would stay in memory with a reference to itself
        model.make_cache = lambda: [RotatingKVCache(window) for _ in range(layers)]
    bounds = [ropes.amend(model, config, path), _ignored_window(model, window), _chosen_tokens(original)]
    most, why = min((bound for bound in bounds if bound), default=(None, ""))
    if most is None or (context is not None and context <= most):
        return Amended(context, window if rotates else None, unread)
    stated = "" if context is None else f", not {context}"
    warning = f"The context of {path} is {most} tokens here{stated}: {why}. The hf worker has no such bound."
    return Amended(most, window if rotates else None, (*unread, warning))


def _modules(model: Any) -> list[ModuleType]:
    """The modules that may read the config of a model: those of its class, of its arguments, and this package's."""
    kinds = {*type(model).__mro__, *type(getattr(model, "args", None)).__mro__}
    names = {kind.__module__ for kind in kinds if kind.__module__.startswith("mlx")} - {"mlx.nn.layers.base"}
    return [sys.modules[name] for name in sorted(names | {__name__, ropes.__name__})]


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """The config of the part that reads and writes text."""
    text = config.get("text_config")
    return {**config, **text} if isinstance(text, dict) else config


def _defaults(config: dict[str, Any], arguments: type) -> dict[Any, Any]:
    """Fields missing in config.json get transformers' defaults; mlx-lm's are those of one particular model."""
    try:
        given = {name: value for name, value in config.items() if name != "model_type"}
        meant = AutoConfig.for_model(config["model_type"], **given).to_dict()
    except Exception:  # transformers does not know it, or refuses it in its own way: mlx-lm has the say
        return {}
    rope = meant.get("rope_parameters")
    if isinstance(rope, dict) and "rope_parameters" not in config:
        meant.setdefault("rope_theta", rope.get("rope_theta"))
    new = {}
    for field in fields(arguments) if is_dataclass(arguments) else ():
        value = meant.get(field.name)
        comparable = all(type(one) in (int, float, bool, str) for one in (value, field.default))
        if comparable and value != field.default and field.name not in {*config, "tie_word_embeddings"}:
            new[field.name] = value  # but for the tie, which the weights decide: head_of_its_own
    return new


def _renamed_fields(config: dict[str, Any]) -> dict[str, Any]:
    new = {}
    if config.get("model_type") == "gpt2" and "n_positions" in config:
        new["n_ctx"] = config["n_positions"]  # transformers 5 leaves it out
    if "num_local_experts" in config and "num_experts" not in config:
        new["num_experts"] = config["num_local_experts"]  # as transformers 5 calls it
    if config.get("model_type") == "lfm2" and "block_dim" not in config:
        new["block_dim"] = config.get("hidden_size")
    if config.get("model_type") == "mamba2" and "intermediate_size" not in config:
        new["intermediate_size"] = config.get("expand", 2) * config.get("hidden_size", 0)
    if config.get("model_type") == "granitemoehybrid":
        new["position_embedding_type"] = config.get("position_embedding_type") or "nope"
        if config.get("num_local_experts") == 0:
            new["intermediate_size"] = config.get("shared_intermediate_size")
    if config.get("model_type") == "apertus":  # mlx-lm has no defaults
        new |= {name: config.get(name, name == "qk_norm") for name in ("mlp_bias", "post_norm", "qk_norm")}
    if config.get("model_type") == "nemotron_h" and "time_step_min" in config:
        new["time_step_limit"] = [config["time_step_min"], math.inf]  # transformers does not read time_step_limit
    if config.get("model_type") == "exaone_moe" and "is_moe_layer" not in config:
        new["is_moe_layer"] = [layer == "sparse" for layer in config.get("mlp_layer_types") or ()]
    if config.get("model_type") in ("gemma4_text", "gemma4_unified_text") and "global_head_dim" not in config:
        new |= _global_layers_of_gemma4(config)
    return new | _rope_of_transformers_5(config) | _pattern_of_layers(config)


def _global_layers_of_gemma4(config: dict[str, Any]) -> Any:
    """transformers 5 has in ``per_layer_config`` what differs in the layers of full attention."""
    layers, own = config.get("layer_types") or (), config.get("per_layer_config") or {}
    sizes = [own.get(str(i), {}) for i, layer in enumerate(layers) if layer == "full_attention"]
    first = sizes[0] if sizes else {}
    new = {"global_head_dim": first.get("head_dim", config.get("head_dim"))}
    if config["model_type"] == "gemma4_unified_text":
        new["hidden_size_per_layer_input"] = config.get("hidden_size_per_layer_input", 0)
    if "num_key_value_heads" in first:
        new["num_global_key_value_heads"] = first["num_key_value_heads"]
    return new


def _rope_of_transformers_5(config: dict[str, Any]) -> dict[str, Any]:
    """transformers 5 has in ``rope_parameters``, maybe for each type of layer, what mlx-lm reads elsewhere."""
    rope = config.get("rope_parameters")
    if not isinstance(rope, dict):
        return {}
    new = {}
    if isinstance(sliding := rope.get("sliding_attention"), dict):
        new["rope_local_base_freq"] = sliding.get("rope_theta")
    rope = rope.get("full_attention", rope)
    if not isinstance(rope, dict) or not isinstance(rope.get("rope_theta"), (int, float)):
        return {}
    new["rope_theta"] = new["rotary_emb_base"] = rope["rope_theta"]
    kind = rope.get("rope_type", "default")
    if kind == "linear" and rope.get("factor") == 1:
        kind = "default"
    new["rope_scaling"] = None if kind == "default" else {**rope, "type": kind}
    if kind == "default" and config.get("model_type") == "deepseek_v2":  # mlx-lm has only yarn here
        new["rope_scaling"] = {"type": "yarn", "factor": 1.0, "original_max_position_embeddings": 4096}
    if kind == "default" and config.get("model_type") == "minicpm3":  # and only longrope here
        ones = [1.0] * (config.get("qk_rope_head_dim", 0) // 2)
        original = config.get("max_position_embeddings")
        longrope = {"type": "longrope", "short_factor": ones, "long_factor": ones}
        new["rope_scaling"] = {**longrope, "original_max_position_embeddings": original}
    if "partial_rotary_factor" in rope:
        new["partial_rotary_factor"] = new["rotary_pct"] = rope["partial_rotary_factor"]
    return new


def _pattern_of_layers(config: dict[str, Any]) -> dict[Any, Any]:
    """transformers 5 lists the types of the layers where mlx-lm goes by the length of a pattern."""
    layers = config.get("layer_types")
    if not isinstance(layers, list) or not all(isinstance(layer, str) for layer in layers):
        return {}
    kind = config.get("model_type")
    sliding = ["sliding" in layer for layer in layers]
    if kind in MODEL_REMAPPING and MODEL_REMAPPING[kind] == "llama" and sliding and all(sliding):
        return {"layer_types": None}  # mlx-lm can't do without a layer of full attention: _window bounds the context
    if kind == "granitemoehybrid":  # transformers 5 has other names
        names = {"full_attention": "attention", "linear_attention": "mamba"}
        return {"layer_types": [names.get(layer, layer) for layer in layers]}
    if kind == "exaone4":
        return {"sliding_window_pattern": "".join("L" if one else "G" for one in sliding) if any(sliding) else None}
    if kind in ("cohere2", "gemma3_text"):
        length = [*sliding, False].index(False) + 1
        if sliding != [(i + 1) % length != 0 for i in range(len(sliding))]:
            raise ModelLoadFailed(f"mlx-lm doesn't support the layers of {kind} in this order: {shown(layers)}.", _HF)
        return {"sliding_window_pattern": length}
    return {}


def _check_activation(config: dict[str, Any], path: Path) -> None:
    known = _ACTIVATIONS.get(config["model_type"])
    for name in ("hidden_act", "hidden_activation", "activation_function"):
        value = config.get(name)
        if known and value is not None and value not in known:
            raise ModelLoadFailed(
                f"{path} has {name} {shown(value)}, but mlx-lm has {known[0]} in this architecture.", _HF
            )


def _check_arguments(model: Any, config: dict[str, Any], path: Path) -> None:
    holders = [getattr(m, name, None) for _, m in model.named_modules() for name in ("args", "config")]
    known = {name for holder in holders if is_dataclass(holder) for name in vars(holder)}
    switches = {**_OFF, "norm_topk_prob": (None, False)} if config["model_type"] == "qwen2_moe" else _OFF
    for name, off in switches.items():
        if name in config and name not in known and config[name] not in off:
            raise ModelLoadFailed(f"{path} has {name} {shown(config[name])}, which mlx-lm ignores.", _HF)


def _amend_chunks(model: Any) -> None:
    cache = make_prompt_cache(model)
    if any(type(layer) is ChunkedKVCache for layer in cache):
        sizes = [layer.chunk_size if type(layer) is ChunkedKVCache else None for layer in cache]
        model.make_cache = lambda: [ChunkedCache(size) if size else KVCache() for size in sizes]


def _amend_norms(model: Any, config: dict[str, Any]) -> None:
    for name, module in model.named_modules():
        if config["model_type"] == "glm4_moe_lite" and name.endswith(("q_a_layernorm", "kv_a_layernorm")):
            module.eps = 1e-6  # mlx-lm takes rms_norm_eps here too
        if config["model_type"] == "mamba2" and name.endswith(".norm") and type(module) is nn.RMSNorm:
            module.eps = config.get("layer_norm_epsilon", module.eps)


def _window(model: Any, config: dict[str, Any]) -> tuple[int | None, bool]:
    """(the tokens that layers look back, whether all layers do that); (None, False) where none does."""
    window, layers, kind = config.get("sliding_window"), config.get("layer_types"), config["model_type"]
    all_layers = kind in ("mistral", "mixtral", "phi3", "phimoe", "starcoder2")
    if isinstance(layers, list):
        sliding = ["sliding" in str(layer) for layer in layers]
        used, all_layers = any(sliding), all_layers and all(sliding)
    else:  # an older config: qwen has a switch, off by default; transformers' llama has no window at all
        used = config.get("use_sliding_window", not kind.startswith(("qwen", "llama")))
    return (window, all_layers) if type(window) is int and window > 0 and used else (None, False)


def _ignored_window(model: Any, window: Any) -> Any:
    """(the window, why it bounds the context), where mlx-lm lets layers with a window see everything."""
    caches = [part for cache in make_prompt_cache(model) for part in getattr(cache, "caches", [cache])]
    if window is None or any(isinstance(cache, RotatingKVCache) for cache in caches):
        return None
    return window, "mlx-lm leaves out the sliding window of its attention, which has a say beyond"


def _chosen_tokens(config: dict[str, Any]) -> Any:
    """(how many tokens sparse attention looks at, why it bounds the context), or None."""
    if config["model_type"] not in ("deepseek_v32", "glm_moe_dsa"):
        return None
    return config["index_topk"], "its sparse attention then chooses other tokens than in transformers"


class _Gpt2(gpt2.Model):
    """transformers saves GPT-2 with a prefix that the files of the hub have not; both may have masks among them."""

    def sanitize(self, weights: dict[str, Any]) -> dict[str, Any]:
        return super().sanitize(
            {name.removeprefix("transformer."): w for name, w in weights.items() if not name.endswith(_MASKS)}
        )


class _GemmaMlp(gemma.MLP):
    def __call__(self, x: Any) -> Any:
        return self.down_proj(nn.gelu_approx(self.gate_proj(x)) * self.up_proj(x))


class _Gemma(gemma.Model):
    """Gemma uses the tanh approximation of GELU; mlx-lm uses the exact one."""

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        for layer in self.layers:
            layer.mlp = _GemmaMlp(args.hidden_size, args.intermediate_size)


class _Starcoder2Mlp(starcoder2.MLP):
    def __call__(self, x: Any) -> Any:
        return self.c_proj(nn.gelu_approx(self.c_fc(x)))


class _Starcoder2(starcoder2.Model):
    """As for Gemma."""

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        for layer in self.layers:
            layer.mlp = _Starcoder2Mlp(args.hidden_size, args.intermediate_size)


class _GptNeoxMlp(gpt_neox.MLP):
    def __call__(self, x: Any) -> Any:
        return self.dense_4h_to_h(nn.gelu(self.dense_h_to_4h(x)))


class _GptNeox(gpt_neox.Model):
    """The reverse of Gemma: here mlx-lm uses the approximation."""

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        for layer in self.layers:
            layer.mlp = _GptNeoxMlp(args)


_MASKS = (".attn.bias", ".attn.masked_bias")
