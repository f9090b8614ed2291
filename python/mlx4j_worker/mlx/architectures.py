"""Corrected versions of mlx-lm's model classes that leave out something that transformers computes."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten
from mlx_lm.models import falcon_h1, gemma2, gpt_oss, granitemoehybrid, llama4, mamba2, minicpm3, recurrent_gemma
from mlx_lm.models.activations import swiglu

from mlx4j_worker.errors import ModelLoadFailed

HEAD = "lm_head.weight"  # end of the name of the output head
WORDS = ("embed_tokens.weight", "wte.weight", "embeddings.weight")  # ends of the names of word embeddings
_EXPERT = re.compile(r"(.*)\.experts\.(\d+)\.(.*)")


def named(kind: Any, head_is_embeddings: Callable[[], bool | None]) -> type:
    """A class of mlx-lm that also takes weights with other names, which transformers takes too.

    These are the weights of a base model, without ``model.``, and those of a tied model with an output head that equals
    the embeddings, which ``head_is_embeddings`` decides.
    """

    class Named(kind):
        def sanitize(self, weights: dict[str, mx.array]) -> dict[str, mx.array]:
            own = {name for name, _ in tree_flatten(self.parameters())}
            if "embed_tokens.weight" in weights and "model.embed_tokens.weight" in own:
                weights = {f"model.{name}": weight for name, weight in weights.items()}
            if hasattr(kind, "sanitize"):
                weights = super().sanitize(weights)
            weights = _stacked(weights, own)
            repeated = {name for name in weights.keys() - own if name.endswith(HEAD)}
            if repeated and head_is_embeddings():
                weights = {name: weight for name, weight in weights.items() if name not in repeated}
            return weights

    Named.__name__, Named.__module__ = kind.__name__, kind.__module__
    return Named


def without_prefix(kind: type, prefix: str) -> type:
    """A class of mlx-lm that takes weights whose names all have a prefix, as prefixes.of_model finds it."""

    class Unprefixed(kind):
        def sanitize(self, weights: dict[str, mx.array]) -> dict[str, mx.array]:
            return super().sanitize({name.removeprefix(prefix): weight for name, weight in weights.items()})

    Unprefixed.__name__, Unprefixed.__module__ = kind.__name__, kind.__module__
    return Unprefixed


def _stacked(weights: dict, own: set[str]) -> dict:
    """The weights with one tensor for all experts of a layer, where the model has that and the file one for each."""
    experts: dict[str, dict[int, Any]] = {}
    new: dict[str, Any] = {}
    for name, weight in weights.items():
        if (found := _EXPERT.fullmatch(name)) and (whole := f"{found[1]}.switch_mlp.{found[3]}") in own:
            experts.setdefault(whole, {})[int(found[2])] = weight
        else:
            new[name] = weight
    for name, parts in experts.items():
        new[name] = mx.stack([parts[i] for i in sorted(parts)])
    return new


_TEXT_WEIGHTS = {  # beginnings of names of the weights of a vision-language model's text part: those of a text model
    "language_model.lm_head.": "lm_head.",
    "language_model.model.": "model.",
    "model.language_model.": "model.",
    "model.text_model.": "model.",
    "model.embed_tokens.": "model.embed_tokens.",
    "model.layers.": "model.layers.",
    "model.norm.": "model.norm.",
    "lm_head.": "lm_head.",
}


def text_of(kind: type) -> type:
    """A class of mlx-lm for text models that takes the weights of a vision-language model and leaves out its tower."""

    class Text(kind):
        def sanitize(self, weights: Any) -> Any:
            text = {}
            for name, weight in weights.items():
                begin = next((begin for begin in _TEXT_WEIGHTS if name.startswith(begin)), None)
                if begin:
                    text[_TEXT_WEIGHTS[begin] + name.removeprefix(begin)] = weight
            _split_experts(text, dict(tree_flatten(self.parameters())))
            return super().sanitize(text) if hasattr(kind, "sanitize") else text

    Text.__name__, Text.__module__ = kind.__name__, kind.__module__
    return Text


def _split_experts(weights: dict, own: dict) -> None:
    """Splits Qwen3-VL's stacked experts into those of mlx-lm, whose parameters are ``own``, in place.

    They are [experts, outputs, inputs], gate above up, or transposed; as transformers does, the shape decides.
    """
    for name in [name for name in weights if name.endswith(".experts.gate_up_proj")]:
        block = name.removesuffix(".experts.gate_up_proj")
        both, down = weights.pop(name), weights.pop(f"{block}.experts.down_proj")
        if down.shape != own[f"{block}.switch_mlp.down_proj.weight"].shape:
            both, down = (mx.swapaxes(weight, -1, -2) for weight in (both, down))
        gate, up = mx.split(both, 2, axis=-2)
        for part, weight in (("gate", gate), ("up", up), ("down", down)):
            weights[f"{block}.switch_mlp.{part}_proj.weight"] = weight


class GroupedNorm(nn.Module):
    """A gated RMS norm of x [batch, tokens, width] over each of ``groups`` equal parts of the width.

    mlx-lm's norms of Mamba 2, Falcon H1 and Granite's hybrids are over the whole width.
    """

    def __init__(self, width: int, groups: int, eps: float, norm_before_gate: bool = False) -> None:
        super().__init__()
        self.weight = mx.ones((width,))
        self._groups, self._eps, self._norm_before_gate = groups, eps, norm_before_gate

    def __call__(self, x: mx.array, gate: mx.array) -> mx.array:
        if not self._norm_before_gate:
            x = swiglu(gate, x)
        parts = mx.fast.rms_norm(mx.unflatten(x, -1, (self._groups, -1)), None, self._eps)
        x = mx.flatten(parts, -2) * self.weight
        return swiglu(gate, x) if self._norm_before_gate else x


class _Gemma2Attention(gemma2.Attention):
    def __call__(self, x: Any, mask: Any = None, cache: Any = None) -> Any:
        if mask is not None and mask.ndim == 4 and self.repeats > 1:
            mask = mx.expand_dims(mask, 2)
        return super().__call__(x, mask, cache)


class Gemma2(gemma2.Model):
    """Gemma 2 with masks that differ between the rows of a batch, which mlx-lm applies to the key heads instead."""

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        for layer in self.layers:
            layer.self_attn.__class__ = _Gemma2Attention


class MiniCpm3(minicpm3.Model):
    """MiniCPM3 that scales its logits also where the output head is the embeddings."""

    def __call__(self, inputs: Any, mask: Any = None, cache: Any = None) -> Any:
        logits = super().__call__(inputs, mask, cache)
        scale = self.args.hidden_size / self.args.dim_model_base
        return logits / scale if self.args.tie_word_embeddings else logits


class Mamba2(mamba2.Model):
    """Mamba 2 with a norm for each group."""

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        for layer in self.layers:
            width = layer.mixer.intermediate_size
            layer.mixer.norm = GroupedNorm(width, args.n_groups, args.layer_norm_epsilon)


class GraniteHybrid(granitemoehybrid.Model):
    """Granite's hybrid of Mamba 2 and attention with a norm for each group."""

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        for layer in self.layers:
            if layer.layer_type == "mamba":
                width = layer.mamba.intermediate_size
                layer.mamba.norm = GroupedNorm(width, args.mamba_n_groups, args.rms_norm_eps)


class FalconH1(falcon_h1.Model):
    """Falcon H1 with a norm for each group and all multipliers.

    As mlx-lm does, this class multiplies them into the weights, so that a converted folder has no more use for FOLDED.
    """

    FOLDED = (
        "attention_in_multiplier",
        "attention_out_multiplier",
        "key_multiplier",
        "mlp_multipliers",
        "ssm_in_multiplier",
        "ssm_multipliers",
        "ssm_out_multiplier",
    )

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        for layer in self.layers if args.mamba_rms_norm else ():
            layer.mamba.norm = GroupedNorm(
                args.mamba_d_ssm, args.mamba_n_groups, args.rms_norm_eps, args.mamba_norm_before_gate
            )

    def sanitize(self, weights: Any) -> Any:
        args = self.args
        convolution = weights["model.layers.0.mamba.conv1d.weight"]
        if convolution.shape[-1] <= convolution.shape[1]:
            if self.without_folded(vars(args)) != vars(args):
                raise ModelLoadFailed(
                    "The model was converted by mlx-lm, which leaves out multipliers of Falcon H1.",
                    "Convert the original model with mlx4j.",
                )
            return weights
        left_out = {
            "k_proj.weight": args.key_multiplier,
            "k_proj.bias": args.key_multiplier,
            "v_proj.weight": args.attention_in_multiplier,
            "o_proj.bias": args.attention_out_multiplier,
            "out_proj.bias": args.ssm_out_multiplier,
            "gate_proj.bias": args.mlp_multipliers[0],
            "down_proj.bias": args.mlp_multipliers[1],
            "in_proj.bias": self.model._mup_vector,
        }
        for name, weight in weights.items():
            for end, factor in left_out.items():
                if name.endswith(f".{end}"):
                    weights[name] = weight * factor
        return super().sanitize(weights)

    @property
    def folds(self) -> bool:
        """Whether multipliers are in the weights, so that an adapter would lack them."""
        return self.without_folded(vars(self.args)) != vars(self.args)

    @classmethod
    def without_folded(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a folder into whose weights the multipliers are folded."""
        ones = {name: [1.0] * len(value) if isinstance(value := config[name], list) else 1.0
                for name in cls.FOLDED if name in config}  # fmt: skip
        return {**config, **ones}


class GptOss(gpt_oss.Model):
    """GPT-OSS that also takes experts that are not in MXFP4, which lie the other way round."""

    def sanitize(self, weights: Any) -> Any:
        plain = (".experts.gate_up_proj", ".experts.down_proj")
        turned = {f"{name}.weight": mx.swapaxes(w, -1, -2) for name, w in weights.items() if name.endswith(plain)}
        return super().sanitize({name: w for name, w in weights.items() if not name.endswith(plain)} | turned)


class RecurrentGemma(recurrent_gemma.Model):
    """Recurrent Gemma that can be trained: mlx-lm's class does not initialize its base class."""

    def __init__(self, args: Any) -> None:
        nn.Module.__init__(self)
        super().__init__(args)


class Llama4Text(llama4.Model):
    """The text part of Llama 4 as a model of its own, which transformers saves as ``llama4_text``."""

    def sanitize(self, weights: Any) -> Any:
        prefix = "language_model."
        return super().sanitize({prefix + name.removeprefix(prefix): weight for name, weight in weights.items()})


class Llama4TextArguments:
    """Makes the arguments of Llama4Text from the config of the text part."""

    @staticmethod
    def from_dict(config: dict) -> llama4.ModelArgs:
        """Raises TypeError where a field is missing."""
        return llama4.ModelArgs(model_type="llama4", text_config=config)


CORRECTED = {
    "falcon_h1": FalconH1,
    "gemma2": Gemma2,
    "gpt_oss": GptOss,
    "granitemoehybrid": GraniteHybrid,
    "mamba2": Mamba2,
    "minicpm3": MiniCpm3,
    "recurrent_gemma": RecurrentGemma,
}
