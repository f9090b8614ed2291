"""Architectures of mlx-lm whose own class leaves something out that transformers computes."""

import mlx.core as mx
from mlx import nn
from mlx_lm.models import falcon_h1, llama4, mamba2
from mlx_lm.models.activations import swiglu

from mlx4j_worker.errors import ModelLoadFailed


class GroupedNorm(nn.Module):
    """A gated RMS norm of x [batch, tokens, width] over each of ``groups`` equal parts of the width.

    mlx-lm's norms of Mamba 2 and Falcon H1 are over the whole width.
    """

    def __init__(self, width: int, groups: int, eps: float, norm_before_gate: bool = False):
        super().__init__()
        self.weight = mx.ones((width,))
        self._groups, self._eps, self._norm_before_gate = groups, eps, norm_before_gate

    def __call__(self, x: mx.array, gate: mx.array) -> mx.array:
        if not self._norm_before_gate:
            x = swiglu(gate, x)
        parts = mx.fast.rms_norm(mx.unflatten(x, -1, (self._groups, -1)), None, self._eps)
        x = mx.flatten(parts, -2) * self.weight
        return swiglu(gate, x) if self._norm_before_gate else x


class Mamba2(mamba2.Model):
    """Mamba 2 with a norm for each group."""

    def __init__(self, args):
        super().__init__(args)
        for layer in self.layers:
            width = layer.mixer.intermediate_size
            layer.mixer.norm = GroupedNorm(width, args.n_groups, args.layer_norm_epsilon)


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

    def __init__(self, args):
        super().__init__(args)
        for layer in self.layers if args.mamba_rms_norm else ():
            layer.mamba.norm = GroupedNorm(
                args.mamba_d_ssm, args.mamba_n_groups, args.rms_norm_eps, args.mamba_norm_before_gate
            )

    def sanitize(self, weights):
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

    @classmethod
    def without_folded(cls, config: dict) -> dict:
        """The config of a folder into whose weights the multipliers are folded."""
        ones = {name: [1.0] * len(value) if isinstance(value := config[name], list) else 1.0
                for name in cls.FOLDED if name in config}  # fmt: skip
        return {**config, **ones}


class Llama4Text(llama4.Model):
    """The text part of Llama 4 as a model of its own, which transformers saves as ``llama4_text``."""

    def sanitize(self, weights):
        prefix = "language_model."
        return super().sanitize({prefix + name.removeprefix(prefix): weight for name, weight in weights.items()})


class Llama4TextArguments:
    """Makes the arguments of Llama4Text from the config of the text part."""

    @staticmethod
    def from_dict(config: dict) -> llama4.ModelArgs:
        """Raises TypeError where a field is missing."""
        return llama4.ModelArgs(model_type="llama4", text_config=config)
