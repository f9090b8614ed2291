"""Samples the next token of a request from the model's logits."""

import os
from typing import Any

import mlx.core as mx
from mlx_lm.sample_utils import apply_min_p, apply_top_k, apply_top_p

from mlx4j_worker.engine.generation import Generation

_MIN_TEMPERATURE = 1e-6  # far below, everything would be infinite in float32; it is greedy long before
_GOLDEN = 0x9E3779B97F4A7C15  # an odd number with which consecutive positions get keys far apart


class Sampler:
    """The choice for one generation. What it goes by are the tokens so far, and no state.

    So it can be asked again for the same position, and batch mates don't change what it gives.
    """

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._sampling: Any = generation.sampling  # with every value filled in
        sampling = self._sampling
        self._seed = sampling.seed if sampling.seed is not None else int.from_bytes(os.urandom(8), "little")
        self._draws = 0  # of draw_each
        self._bias_ids = mx.array(list(sampling.logit_bias)) if sampling.logit_bias else None
        self._bias = mx.array(list(sampling.logit_bias.values())) if sampling.logit_bias else None
        self._log_probs = generation.request.log_probs
        self._free = sampling.greedy and not sampling.penalizes and not sampling.logit_bias and self._log_probs is None
        self._prompt_ids = sorted(set(generation.prompt_tokens)) if sampling.repetition_penalty != 1 else []

    @property
    def plain(self) -> bool:
        """Whether it is the most probable token, and nothing else is asked for."""
        return self._free and not self._generation.constrained

    def sample(self, logits: mx.array) -> mx.array:
        """The next token, [1], of logits [1, vocabulary]."""
        logits = self._adjusted(logits.astype(mx.float32))
        if self._generation.constrained:
            logits = mx.where(mx.array(self._generation.allowed()), logits, -mx.inf)
        return mx.argmax(logits, axis=-1) if self._sampling.greedy else self._drawn(logits)

    def log_probs(self, logits: mx.array, token: mx.array) -> tuple[mx.array, mx.array, mx.array] | None:
        """Arrays for ``read_log_probs``, or None where the request doesn't ask for them: the model's own, [1, …]."""
        if self._log_probs is None:
            return None
        logits = logits.astype(mx.float32)
        every = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        top = mx.argsort(-every, axis=-1)[:, : self._log_probs]
        return mx.take_along_axis(every, token[:, None], axis=-1), top, mx.take_along_axis(every, top, axis=-1)

    def _adjusted(self, logits: mx.array) -> mx.array:
        sampling, repeats = self._sampling, self._generation.repeats
        if sampling.repetition_penalty != 1:
            ids = mx.array(sorted({*self._prompt_ids, *repeats}))
            seen = logits[:, ids]
            penalty = sampling.repetition_penalty
            logits[:, ids] = mx.where(seen < 0, seen * penalty, seen / penalty)
        if repeats and (sampling.presence_penalty or sampling.frequency_penalty):
            minus = [sampling.presence_penalty + sampling.frequency_penalty * n for n in repeats.values()]
            logits = logits.at[:, mx.array(list(repeats))].subtract(mx.array(minus))
        return logits if self._bias is None else logits.at[:, self._bias_ids].add(self._bias)

    def _drawn(self, logits: mx.array) -> mx.array:
        return self._draw(logits - mx.logsumexp(logits, axis=-1, keepdims=True), len(self._generation.tokens))

    def draw_each(self, log_probs: mx.array) -> mx.array:
        """Tokens [n] of log-probabilities [n, vocabulary], for mlx-lm's speculative decoding."""
        self._draws += 1
        return self._draw(log_probs, self._draws)

    def _draw(self, log_probs: mx.array, position: int) -> mx.array:
        sampling = self._sampling
        if sampling.top_p < 1:
            log_probs = apply_top_p(log_probs, sampling.top_p)
        if sampling.min_p > 0:
            log_probs = apply_min_p(log_probs, sampling.min_p)
        if sampling.top_k > 0:
            log_probs = apply_top_k(log_probs, sampling.top_k)
        key = mx.random.key((self._seed + position * _GOLDEN) % 2**64)
        return mx.random.categorical(log_probs / max(sampling.temperature, _MIN_TEMPERATURE), key=key)


def read_log_probs(arrays: Any) -> Any:
    """What Generation.add takes, of the arrays of ``Sampler.log_probs``; waits for them."""
    if arrays is None:
        return None
    own, top, values = (array[0].tolist() for array in arrays)
    return own[0], list(zip(top, values, strict=True))
