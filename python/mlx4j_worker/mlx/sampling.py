"""Samples the next tokens of the rows of a batch from the model's logits, in one computation that nobody waits for."""

from collections.abc import Sequence
from typing import Any

import mlx.core as mx

from mlx4j_worker.engine import sampling
from mlx4j_worker.engine.sampling import BLOCK, Drawn, Group, Plan, Row


class BatchSampler:
    """Samples a batch. What it keeps follows from its rows and their tokens, and is rebuilt where they change."""

    def __init__(self) -> None:
        self._rows: list[Any] = []
        self._plan: Any = None
        self._prompts: Any = None  # whether a token is in the prompt [penalizing rows, vocabulary]
        self._counts: Any = None  # how often each token was generated [penalizing rows, vocabulary] in float32
        self._counted: list[int] = []  # tokens of each of these rows in the counts

    def draw(self, logits: mx.array, rows: Sequence[Any]) -> Drawn:
        """The next tokens of logits [rows, vocabulary]. Asked again for the same position, it gives the same ones."""
        if self._rows != [*rows]:
            self._rows, self._plan, self._counts = [*rows], sampling.plan(rows, mx.array), None
        plan: Plan = self._plan
        if plan.plain:
            return Drawn(rows, *_greedy(logits), None, {})
        logits = model_logits = logits.astype(mx.float32)
        if plan.penalties:
            logits = self._penalized(logits)
        if plan.bias:
            *where, values = plan.bias
            logits = logits.at[tuple(where)].add(values)
        masked, masks, failed = sampling.allowed(rows, plan.constrained)
        if masked:
            index = None if len(masked) == len(rows) else mx.array(masked)
            logits = _put(logits, index, mx.where(mx.array(masks), _take(logits, index), -mx.inf))
        tokens, scores = choose(logits, plan, sampling.next_uniforms(rows))
        return Drawn(rows, tokens, scores, log_probs_of(model_logits, tokens, plan), failed, plan.asking)

    def _penalized(self, logits: mx.array) -> mx.array:
        penalties = self._plan.penalties
        self._count([self._rows[i].generation for i in penalties.rows], logits.shape[-1])
        generated = self._counts > 0
        part = _take(logits, penalties.index)
        if penalties.repetition is not None:
            penalized = mx.where(part < 0, part * penalties.repetition, part / penalties.repetition)
            part = mx.where(self._prompts | generated, penalized, part)
        part = part - (generated * penalties.presence + self._counts * penalties.frequency)
        return _put(logits, penalties.index, part)

    def _count(self, generations: list[Any], vocabulary: int) -> None:
        """Adds to the counts the tokens that are new since the last time."""
        if self._counts is None:
            self._counts = mx.array(sampling.counts([one.tokens for one in generations], vocabulary))
            if self._plan.penalties.repetition is not None:
                self._prompts = mx.array(sampling.counts([one.prompt_tokens for one in generations], vocabulary) > 0)
        elif new := sampling.new_tokens(generations, self._counted):
            where = tuple(mx.array(numbers) for numbers in zip(*new, strict=True))
            self._counts = self._counts.at[where].add(1)
        self._counted = [len(one.tokens) for one in generations]


def choose(logits: mx.array, plan: Plan, uniform: Any) -> tuple[mx.array, mx.array]:
    """(tokens, Drawn.scores), each [rows], of logits [rows, vocabulary] in float32.

    ``uniform`` are random numbers, a numpy array [rows, 2].
    """
    chosen = []
    for group in plan.groups:
        part = _take(logits, group.index)
        chosen.append(_DRAWS[group.kind](part, group, mx.array(uniform[group.rows])))
    if plan.order is None:
        return chosen[0]
    tokens, scores = (mx.concatenate(parts)[plan.order] for parts in zip(*chosen, strict=True))
    return tokens, scores


def _greedy(logits: mx.array, *_: Any) -> tuple[mx.array, mx.array]:
    """On Metal, argmax ignores a NaN beside numbers, and the largest number is the token's."""
    tokens = mx.argmax(logits, axis=-1, keepdims=True)
    return tokens.squeeze(-1), mx.take_along_axis(logits, tokens, axis=-1).squeeze(-1)


def _draw_free(logits: mx.array, group: Group, uniform: mx.array) -> tuple[mx.array, mx.array]:
    below = logits - mx.max(logits, axis=-1, keepdims=True)
    weights = mx.exp(below / group.temperature)
    if group.log_min_p is not None:
        weights = mx.where(below >= group.log_min_p, weights, 0)
    return _pick(weights, uniform)


def _draw_sorted(logits: mx.array, group: Group, uniform: mx.array) -> tuple[mx.array, mx.array]:
    """Draws from the tokens that top-p leaves of the model's distribution, then min-p, then top-k, as in mlx-lm.

    Each leaves the first ones in falling order, so that they are conditions on the place.
    """
    ids = most_probable(logits, group.width)
    falling = mx.take_along_axis(logits, ids, axis=-1)
    below = falling - falling[:, :1]
    weights = mx.exp(below / group.temperature)
    kept = []
    if group.top_p is not None:
        probs = mx.exp(falling - mx.logsumexp(logits, axis=-1, keepdims=True))
        kept.append(mx.cumsum(probs, axis=-1, inclusive=False) < group.top_p)
    if group.log_min_p is not None:
        kept.append(below >= group.log_min_p)
    if group.top_k is not None:
        kept.append(mx.arange(ids.shape[-1]) < group.top_k)
    for condition in kept:
        weights = mx.where(condition, weights, 0)
    places, scores = _pick(weights, uniform)
    return mx.take_along_axis(ids, places[:, None], axis=-1)[:, 0].astype(mx.uint32), scores


_DRAWS = {"greedy": _greedy, "free": _draw_free, "sorted": _draw_sorted}


def most_probable(logits: mx.array, width: int | None = None) -> mx.array:
    """Ids [rows, width or vocabulary] of the largest logits in falling order, equal ones in the order of their ids.

    The keys, int64, hold the float32 in the upper half, in a form that is ordered as the numbers are, and the id in the
    lower one.
    """
    vocabulary = logits.shape[-1]
    bits = logits.view(mx.int32)
    rising = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    keys = (mx.bitwise_invert(rising).astype(mx.int64) << 32) | mx.arange(vocabulary, dtype=mx.int64)
    if width is not None and width < vocabulary:
        keys = mx.partition(keys, width - 1, axis=-1)[:, :width]
    return mx.sort(keys, axis=-1) & 0xFFFFFFFF


def _pick(weights: mx.array, uniform: mx.array) -> tuple[mx.array, mx.array]:
    """Places [rows] that are drawn in proportion to weights [rows, places], by random numbers [rows, 2]; and scores.

    The first number chooses a block and the second a place in it. A place of weight 0 is never drawn.
    """
    rows, places = weights.shape
    if places <= BLOCK:
        return _first_above(weights, uniform[:, 1:])
    blocks = mx.pad(weights, [(0, 0), (0, -places % BLOCK)]).reshape(rows, -1, BLOCK)
    block, scores = _first_above(blocks.sum(axis=-1), uniform[:, :1])
    weights = mx.take_along_axis(blocks, block[:, None, None], axis=1)[:, 0]
    return block * BLOCK + _first_above(weights, uniform[:, 1:])[0], scores


def _first_above(weights: mx.array, uniform: mx.array) -> tuple[mx.array, mx.array]:
    """The first place where the sum of weights [rows, places] exceeds a share, ``uniform`` [rows, 1], of the total.

    Also the logarithm of the total [rows]. Weights that are NaN count for nothing.
    """
    sums = mx.where(weights > 0, mx.cumsum(weights, axis=-1), 0)
    total = mx.max(sums, axis=-1, keepdims=True)
    return mx.argmax(sums > uniform * total, axis=-1), mx.log(total.squeeze(-1))


def log_probs_of(logits: mx.array, tokens: mx.array, plan: Plan) -> tuple[mx.array, mx.array, mx.array] | None:
    """The arrays of ``Drawn.log_probs``, of the model's own logits."""
    if not plan.asking:
        return None
    logits, tokens = _take(logits, plan.asking_index), _take(tokens, plan.asking_index)
    every = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    top = most_probable(logits, plan.top) if plan.top else mx.zeros((len(plan.asking), 0), mx.int64)
    own = mx.take_along_axis(every, tokens[:, None], axis=-1)[:, 0]
    return own, top, mx.take_along_axis(every, top, axis=-1)


def _take(values: mx.array, index: mx.array | None) -> mx.array:
    return values if index is None else values[index]


def _put(values: mx.array, index: mx.array | None, part: mx.array) -> mx.array:
    """``values`` with ``part`` in the rows ``index``."""
    if index is None:
        return part
    values = mx.array(values)
    values[index] = part
    return values


NO_TOKEN = -1  # of a position whose logits are not finite


class DraftSampler:
    """The sampler of one row for mlx-lm's speculative decoding, whose tokens are those that ``draw`` would give.

    mlx-lm first asks for one drafted token after another, then for all of these positions at once. A position has the
    same random numbers both times, which makes it probable that the models agree. A token is NO_TOKEN where the large
    model's logits are not finite; where the draft model's are not, it is any.
    """

    def __init__(self, row: Row) -> None:
        self._row = row
        self._plan = sampling.plan([row], mx.array)
        self._drafted_at = self._drafted = 0  # the position of the next token, and those that were drafted after it

    def __call__(self, log_probs: mx.array) -> mx.array:
        """Tokens [n] of log-probabilities [n, vocabulary]."""
        tokens, scores = self._choose(log_probs)
        if log_probs.shape[0] == 1:  # drafted, and read by both models
            return tokens
        return mx.where(mx.abs(scores) < mx.inf, tokens.astype(mx.int32), NO_TOKEN)

    def _choose(self, log_probs: mx.array) -> tuple[mx.array, mx.array]:
        group = self._plan.groups[0]
        if group.kind == "greedy":
            return _greedy(log_probs)
        at, count = len(self._row.generation.tokens), log_probs.shape[0]
        first = at + self._drafted if count == 1 and at == self._drafted_at else at
        self._drafted_at, self._drafted = at, first - at + 1
        uniform = sampling.uniforms([self._row.seed] * count, range(first, first + count))
        return _DRAWS[group.kind](log_probs.astype(mx.float32), group, mx.array(uniform))
