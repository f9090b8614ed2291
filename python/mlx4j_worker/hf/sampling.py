"""Samples the next token of a request from the model's logits."""

import math
import os
from typing import Any

import torch

from mlx4j_worker.engine.generation import Generation


class Sampler:
    """The choice for one generation: in the same order as the mlx engine's, and from the same sets of tokens.

    Random numbers are drawn on the CPU, where a seed gives the same ones whatever the model runs on.
    """

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._sampling: Any = generation.sampling  # with every value filled in
        sampling = self._sampling
        self._log_probs = generation.request.log_probs
        self._prompt_ids = set(generation.prompt_tokens) if sampling.repetition_penalty != 1 else set()
        seed = sampling.seed if sampling.seed is not None else int.from_bytes(os.urandom(7), "little")
        self._random = torch.Generator().manual_seed(seed)

    def next(self, logits: torch.Tensor) -> tuple[int, tuple[float, list[tuple[int, float]]] | None]:
        """(the next token, its log_prob as Generation.add takes it), of logits [vocabulary] in float32."""
        token = self._token(logits.clone())
        return token, None if self._log_probs is None else self._log_prob(logits.log_softmax(0), token)

    def _token(self, logits: torch.Tensor) -> int:
        self._adjust(logits)
        if self._generation.constrained:
            allowed = torch.from_numpy(self._generation.allowed()).to(logits.device)
            logits = logits.masked_fill(~allowed, -math.inf)
        return int(logits.argmax()) if self._sampling.greedy else self._draw(logits.log_softmax(0))

    def _log_prob(self, every: torch.Tensor, token: int) -> tuple[float, list[tuple[int, float]]]:
        values, ids = every.topk(self._log_probs)
        return float(every[token]), list(zip(ids.tolist(), values.tolist(), strict=True))

    def _adjust(self, logits: torch.Tensor) -> None:
        sampling, repeats = self._sampling, self._generation.repeats
        if sampling.repetition_penalty != 1:
            ids = torch.tensor(sorted({*self._prompt_ids, *repeats}), device=logits.device)
            seen, penalty = logits[ids], sampling.repetition_penalty
            logits[ids] = torch.where(seen < 0, seen * penalty, seen / penalty)
        if sampling.presence_penalty or sampling.frequency_penalty:
            _add(logits, {t: -sampling.presence_penalty - sampling.frequency_penalty * n for t, n in repeats.items()})
        _add(logits, sampling.logit_bias)

    def _draw(self, log_probs: torch.Tensor) -> int:
        sampling = self._sampling
        if sampling.top_p < 1:
            log_probs = _top_p(log_probs, sampling.top_p)
        if sampling.min_p > 0:
            log_probs = log_probs.masked_fill(log_probs < log_probs.max() + math.log(sampling.min_p), -math.inf)
        if sampling.top_k > 0:
            values, ids = log_probs.topk(sampling.top_k)
            log_probs = torch.full_like(log_probs, -math.inf).scatter_(0, ids, values)
        wide = log_probs.cpu().double()  # where the smallest temperature is not 0
        probs = ((wide - wide.max()) / sampling.temperature).softmax(0)
        return int(torch.multinomial(probs, 1, generator=self._random))


def _add(logits: torch.Tensor, values: dict[int, float]) -> None:
    """Adds values, a dict from token to number."""
    if values:
        logits[torch.tensor(list(values), device=logits.device)] += torch.tensor([*values.values()]).to(logits)


def _top_p(log_probs: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keeps the most probable tokens, up to the one with which they have this share of the probability."""
    falling = log_probs.sort(descending=True).values
    upto = falling.exp().cumsum(0)
    kept = int((upto[:-1] < top_p * upto[-1]).sum()) + 1
    return log_probs.masked_fill(log_probs < falling[kept - 1], -math.inf)
