"""Measures how far a converted model is from its source: both run the same sample prompts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy
from mlx_lm.models.cache import make_prompt_cache

from mlx4j_worker.engine.sample_prompts import GREEDY_TOKENS
from mlx4j_worker.errors import ConversionFailed

SAME = 1e-4  # largest difference of logits, relative to their range, where the weights are the same
ROUNDED = 0.1  # nats: the most that the mean divergence may be where values were only rounded, or adapters merged


@dataclass(frozen=True)
class SampleOutputs:
    """The logits [positions, vocabulary] of each prompt, and the greedy tokens after it; maybe none of these."""

    logits: list
    greedy: list


def run_samples(
    model: Any, given: list[list[int]], step: Callable[..., Any], greedy_tokens: int = GREEDY_TOKENS
) -> SampleOutputs:
    """A model's Sample of the prompts ``given``."""
    logits, greedy = [], []
    for done, tokens in enumerate(given):
        step("verify", done, len(given), "prompts")
        cache = make_prompt_cache(model)
        out = _plain(model(mx.array([tokens]), cache=cache))
        logits.append(out)
        following = [int(out[-1].argmax())] if greedy_tokens else []
        while len(following) < greedy_tokens:
            following.append(int(_plain(model(mx.array([following[-1:]]), cache=cache))[-1].argmax()))
        greedy.append(following)
    return SampleOutputs(logits, greedy)


def compare(source: SampleOutputs, converted: SampleOutputs) -> dict[str, Any]:
    """The figures of two Samples of the same prompts."""
    pairs = list(zip(source.logits, converted.logits, strict=True))
    apart = [numpy.abs(one - other) for one, other in pairs]
    ranges = [numpy.ptp(one) for one, _ in pairs]
    agreed = sum(int((one.argmax(-1) == other.argmax(-1)).sum()) for one, other in pairs)
    with numpy.errstate(invalid="ignore"):
        divergence = numpy.concatenate([_divergence(one, other) for one, other in pairs])
    return {
        "prompts": len(pairs),
        "positions": sum(len(one) for one, _ in pairs),
        "maxDifference": _finite(max(one.max() for one in apart)),
        "relativeDifference": _finite(max(_ratio(one.max(), range) for one, range in zip(apart, ranges, strict=True))),
        "meanDifference": _finite(sum(one.sum() for one in apart) / sum(one.size for one in apart)),
        "meanDivergence": _finite(divergence.mean()),
        "argmaxAgreed": agreed,
        "greedyTokens": sum(map(len, source.greedy)),
        "greedyAgreed": sum(_common_tokens(*both) for both in zip(source.greedy, converted.greedy, strict=True)),
    }


def check(figures: dict[str, Any], vocabulary: int, kind: str) -> dict[str, Any]:
    """Raises ConversionFailed where a converted model is further from its source than its ``kind`` allows.

    ``kind`` is "same" (the weights are), "rounded" (values were rounded, or an adapter merged) or "quantized". The
    bound of the last one, half of what a model that knows nothing is off at most, is for broken models only: how good
    a quantized one is, the figures say.
    """
    most = {"same": SAME, "rounded": ROUNDED, "quantized": math.log(vocabulary) / 2}[kind]
    name = "relativeDifference" if kind == "same" else "meanDivergence"
    hint = "Choose more bits, smaller groups or another dtype." if kind != "same" else ""
    return check_figures(figures, name, most, "The converted model", "its source", hint)


def check_figures(figures: dict[str, Any], name: str, most: float, what: str, source: str, hint: str) -> dict[str, Any]:
    """The bound as reports have it; raises ConversionFailed where the figure ``name`` is larger than ``most``.

    ``what`` and ``source`` say in the message what was compared.
    """
    if figures["relativeDifference"] is None or figures["meanDivergence"] is None:
        raise ConversionFailed(f"{what} has logits that are not finite.", hint)
    if figures[name] > most:
        raise ConversionFailed(
            f"{what} differs from {source}: {name} is {figures[name]:.3g}, but at most {most:.3g} is allowed; the most "
            f"probable token agrees at {figures['argmaxAgreed']} of {figures['positions']} positions.",
            hint,
        )
    return {"of": name, "most": most}


def _plain(logits: mx.array) -> numpy.ndarray:
    return numpy.array(logits[0].astype(mx.float32))


def _divergence(source: numpy.ndarray, other: numpy.ndarray) -> numpy.ndarray:
    """Kullback-Leibler, in nats, of each position: what the source expects to lose by taking the other's word."""
    p, q = _log_probabilities(source), _log_probabilities(other)
    return (numpy.exp(p) * (p - q)).sum(-1)


def _log_probabilities(logits: numpy.ndarray) -> numpy.ndarray:
    logits = logits.astype(numpy.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(-1, keepdims=True))


def _common_tokens(one: list[int], other: list[int]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))


def _ratio(difference: Any, range: Any) -> Any:
    return difference / range if range else difference  # a model whose logits are all equal


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
