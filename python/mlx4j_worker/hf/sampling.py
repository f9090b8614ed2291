"""Samples the next tokens of the rows of a batch from the model's logits, all at once, as the mlx engine does."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from mlx4j_worker.engine import sampling
from mlx4j_worker.engine.sampling import BLOCK, Drawn, Group, Plan


class BatchSampler:
    """Samples a batch. What it keeps follows from its rows and their tokens, and is rebuilt where they change."""

    def __init__(self) -> None:
        self._rows: list[Any] = []
        self._plan: Any = None
        self._prompts: Any = None  # whether a token is in the prompt [penalizing rows, vocabulary]
        self._counts: Any = None  # how often each token was generated [penalizing rows, vocabulary] in float32
        self._counted: list[int] = []  # tokens of each of these rows in the counts
        self._device: Any = None

    def draw(self, logits: torch.Tensor, rows: Sequence[Any]) -> Drawn:
        """The next tokens of logits [rows, vocabulary]. Asked again for the same position, it gives the same ones."""
        if self._rows != [*rows]:
            self._device = logits.device
            self._rows, self._plan, self._counts = [*rows], sampling.plan(rows, self._array), None
        plan: Plan = self._plan
        if plan.plain:
            return Drawn(rows, *_greedy(logits), None, {})
        logits = model_logits = logits.float()
        if plan.penalties:
            logits = self._penalized(logits)
        if plan.bias:
            *where, values = plan.bias
            logits = logits.index_put(tuple(where), values, accumulate=True)
        masked, masks, failed = sampling.allowed(rows, plan.constrained)
        if masked:
            index = None if len(masked) == len(rows) else torch.tensor(masked, device=logits.device)
            logits = _put(logits, index, _take(logits, index).masked_fill(~self._array(masks), -math.inf))
        tokens, scores = choose(logits, plan, sampling.next_uniforms(rows))
        return Drawn(rows, tokens, scores, _log_probs(model_logits, tokens, plan), failed, plan.asking)

    def _array(self, values: Any) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device)

    def _penalized(self, logits: torch.Tensor) -> torch.Tensor:
        penalties = self._plan.penalties
        self._count([self._rows[i].generation for i in penalties.rows], logits.shape[-1])
        generated = self._counts > 0
        part = _take(logits, penalties.index)
        if penalties.repetition is not None:
            penalized = torch.where(part < 0, part * penalties.repetition, part / penalties.repetition)
            part = torch.where(self._prompts | generated, penalized, part)
        part = part - (generated * penalties.presence + self._counts * penalties.frequency)
        return _put(logits, penalties.index, part)

    def _count(self, generations: list[Any], vocabulary: int) -> None:
        """Adds to the counts the tokens that are new since the last time."""
        if self._counts is None:
            self._counts = self._array(sampling.counts([one.tokens for one in generations], vocabulary))
            if self._plan.penalties.repetition is not None:
                prompts = sampling.counts([one.prompt_tokens for one in generations], vocabulary)
                self._prompts = self._array(prompts > 0)
        elif new := sampling.new_tokens(generations, self._counted):
            where = tuple(torch.tensor(numbers, device=self._counts.device) for numbers in zip(*new, strict=True))
            one = torch.ones((), device=self._counts.device)
            self._counts = self._counts.index_put(where, one, accumulate=True)
        self._counted = [len(one.tokens) for one in generations]


def choose(logits: torch.Tensor, plan: Plan, uniform: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens, Drawn.scores), each [rows], of logits [rows, vocabulary] in float32.

    ``uniform`` are random numbers, a numpy array [rows, 2].
    """
    chosen = []
    for group in plan.groups:
        part = _take(logits, group.index)
        random = torch.from_numpy(uniform[group.rows]).to(logits.device)
        chosen.append(_DRAWS[group.kind](part, group, random))
    if plan.order is None:
        return chosen[0]
    tokens, scores = (torch.cat(parts)[plan.order] for parts in zip(*chosen, strict=True))
    return tokens, scores


def _greedy(logits: torch.Tensor, *_: Any) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = logits.argmax(-1, keepdim=True)
    return tokens.squeeze(-1), logits.gather(-1, tokens).squeeze(-1)


def _draw_free(logits: torch.Tensor, group: Group, uniform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    below = logits - logits.amax(-1, keepdim=True)
    weights = (below / group.temperature).exp()
    if group.log_min_p is not None:
        weights = weights.masked_fill(below < group.log_min_p, 0)
    return _pick(weights, uniform)


def _draw_sorted(logits: torch.Tensor, group: Group, uniform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draws from the tokens that top-p leaves of the model's distribution, then min-p, then top-k, as in mlx-lm.

    Each leaves the first ones in falling order, so that they are conditions on the place.
    """
    ids = most_probable(logits, group.width)
    falling = logits.gather(-1, ids)
    below = falling - falling[:, :1]
    weights = (below / group.temperature).exp()
    if group.top_p is not None:
        probs = (falling - logits.logsumexp(-1, keepdim=True)).exp()
        weights = weights.where(probs.cumsum(-1) - probs < group.top_p, 0)
    if group.log_min_p is not None:
        weights = weights.masked_fill(below < group.log_min_p, 0)
    if group.top_k is not None:
        weights = weights.masked_fill(torch.arange(ids.shape[-1], device=ids.device) >= group.top_k, 0)
    places, scores = _pick(weights, uniform)
    return ids.gather(-1, places[:, None])[:, 0], scores


_DRAWS = {"greedy": _greedy, "free": _draw_free, "sorted": _draw_sorted}


def most_probable(logits: torch.Tensor, width: int | None = None) -> torch.Tensor:
    """Ids [rows, width or vocabulary] of the largest logits in falling order, equal ones in the order of their ids.

    For few of them, the keys, int64, hold the float32 in the upper half, in a form that is ordered as the numbers are,
    and in the lower one the id, counted backwards: topk alone says nothing about equal numbers.
    """
    vocabulary = logits.shape[-1]
    if width is None or width >= vocabulary or logits.device.type == "mps":  # whose topk knows no int64
        return logits.sort(dim=-1, descending=True, stable=True).indices[:, :width]
    bits = logits.contiguous().view(torch.int32)
    rising = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    backwards = torch.arange(vocabulary - 1, -1, -1, device=logits.device)
    keys = (rising.long() << 32) | backwards
    return vocabulary - 1 - (keys.topk(width).values & 0xFFFFFFFF)


def _pick(weights: torch.Tensor, uniform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Places [rows] that are drawn in proportion to weights [rows, places], by random numbers [rows, 2]; and scores.

    The first number chooses a block and the second a place in it. A place of weight 0 is never drawn.
    """
    rows, places = weights.shape
    if places <= BLOCK:
        return _first_above(weights, uniform[:, 1:])
    blocks = torch.nn.functional.pad(weights, (0, -places % BLOCK)).view(rows, -1, BLOCK)
    block, scores = _first_above(blocks.sum(-1), uniform[:, :1])
    weights = blocks[torch.arange(rows, device=blocks.device), block]
    return block * BLOCK + _first_above(weights, uniform[:, 1:])[0], scores


def _first_above(weights: torch.Tensor, uniform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The first place where the sum of weights [rows, places] exceeds a share, ``uniform`` [rows, 1], of the total.

    Also the logarithm of the total [rows]. Weights that are NaN count for nothing.
    """
    sums = weights.cumsum(-1).where(weights > 0, 0)
    total = sums.amax(-1, keepdim=True)
    return (sums > uniform * total).int().argmax(-1), total.log().squeeze(-1)


def _log_probs(
    logits: torch.Tensor, tokens: torch.Tensor, plan: Plan
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
    """The arrays of ``Drawn.log_probs``, of the model's own logits."""
    if not plan.asking:
        return None
    every = _take(logits, plan.asking_index).log_softmax(-1)
    top = most_probable(every, plan.top)
    own = every.gather(-1, _take(tokens, plan.asking_index)[:, None])[:, 0]
    return own, top, every.gather(-1, top)


def _take(values: torch.Tensor, index: torch.Tensor | None) -> torch.Tensor:
    return values if index is None else values[index]


def _put(values: torch.Tensor, index: torch.Tensor | None, part: torch.Tensor) -> torch.Tensor:
    """``values`` with ``part`` in the rows ``index``."""
    return part if index is None else values.index_copy(0, index.long(), part)
