"""How far a converted model is from its source: both answer the same sample prompts, and the answers are compared."""

import math
from dataclasses import dataclass

import mlx.core as mx
import numpy
from mlx_lm.models.cache import make_prompt_cache

from mlx4j_worker import prompts
from mlx4j_worker.errors import ConversionFailed

SAME = 1e-4  # the largest difference of logits where the weights are the same
ROUNDED = 0.1  # nats: the most that the mean divergence may be where values were only rounded, or adapters merged
GREEDY_TOKENS = 16
_MOST_TOKENS = 64
_TEXTS = (
    "The sky is blue because the air scatters",
    "Die Sonne scheint, und die Kinder spielen im",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "def add(a, b):\n    return a + b\n\n\ndef multiply(a, b):\n    return",
)


@dataclass(frozen=True)
class Sample:
    """What a model makes of the prompts: logits [positions, vocabulary] of each, and the greedy tokens after it."""

    logits: list
    greedy: list


def sample_prompts(tokenizer, context):
    """The token ids of each sample prompt, short enough for the model's context, or None."""
    most = max(1, min(_MOST_TOKENS, (context or 2**31) - GREEDY_TOKENS))
    encoded = [prompts.encode_text(tokenizer, text)[:most] for text in _TEXTS]
    return [tokens for tokens in encoded if tokens]


def sample(model, given, step):
    """A model's Sample of the prompts ``given``."""
    logits, greedy = [], []
    for done, tokens in enumerate(given):
        step("verify", done, len(given), "prompts")
        cache = make_prompt_cache(model)
        out = _plain(model(mx.array([tokens]), cache=cache))
        logits.append(out)
        following = [int(out[-1].argmax())]
        while len(following) < GREEDY_TOKENS:
            following.append(int(_plain(model(mx.array([following[-1:]]), cache=cache))[-1].argmax()))
        greedy.append(following)
    return Sample(logits, greedy)


def compare(source, converted):
    """The figures of two Samples of the same prompts."""
    pairs = list(zip(source.logits, converted.logits, strict=True))
    apart = numpy.concatenate([numpy.abs(one - other).ravel() for one, other in pairs])
    agreed = sum(int((one.argmax(-1) == other.argmax(-1)).sum()) for one, other in pairs)
    with numpy.errstate(invalid="ignore"):
        divergence = numpy.concatenate([_divergence(one, other) for one, other in pairs])
    return {
        "prompts": len(pairs),
        "positions": sum(len(one) for one, _ in pairs),
        "maxDifference": _finite(apart.max()),
        "meanDifference": _finite(apart.mean()),
        "meanDivergence": _finite(divergence.mean()),
        "argmaxAgreed": agreed,
        "greedyTokens": sum(map(len, source.greedy)),
        "greedyAgreed": sum(_common(*both) for both in zip(source.greedy, converted.greedy, strict=True)),
    }


def check(figures, vocabulary, kind):
    """Raises ConversionFailed where a converted model is further from its source than its ``kind`` allows.

    ``kind`` is "same" (the weights are), "rounded" (values were rounded, or an adapter merged) or "quantized". The
    bound of the last one, half of what a model that knows nothing is off at most, is for broken models only: how good
    a quantized one is, the figures say.
    """
    most = {"same": SAME, "rounded": ROUNDED, "quantized": math.log(vocabulary) / 2}[kind]
    name = "maxDifference" if kind == "same" else "meanDivergence"
    if figures["maxDifference"] is None or figures["meanDivergence"] is None:
        raise ConversionFailed(
            "The converted model gives logits that are no finite numbers.", "Choose another dtype, or more bits."
        )
    if figures[name] > most:
        raise ConversionFailed(
            f"The converted model is not like its source: {name} is {figures[name]:.3g}, and may be {most:.3g}; the "
            f"likeliest token agrees at {figures['argmaxAgreed']} of {figures['positions']} places.",
            "Choose more bits, smaller groups or another dtype." if kind != "same" else "",
        )
    return {"of": name, "most": most}


def _plain(logits):
    return numpy.array(logits[0].astype(mx.float32))


def _divergence(source, other):
    """Kullback-Leibler, in nats, of each position: what the source expects to lose by taking the other's word."""
    p, q = _log_probabilities(source), _log_probabilities(other)
    return (numpy.exp(p) * (p - q)).sum(-1)


def _log_probabilities(logits):
    logits = logits.astype(numpy.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(-1, keepdims=True))


def _common(one, other):
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))


def _finite(value):
    return float(value) if math.isfinite(value) else None
