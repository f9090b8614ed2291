"""What both engines share to sample the next token of every row of a batch in one computation.

A token is drawn by inverting the cumulative distribution of its row at a number that depends only on the row's seed and
the position. So a row gets the same text alone and in a batch, on every device, and again after a fault.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy

from mlx4j_worker import failures
from mlx4j_worker.engine.generation import Generation
from mlx4j_worker.errors import EngineFailed
from mlx4j_worker.requests.generate import SamplingParams

BLOCK = 256  # tokens; weights are added up block by block, so that many small ones aren't lost in float32
_MIN_TEMPERATURE = 1e-30  # so that float32 can divide by it; differences between logits are then infinite
_MIN_TOP_P = 1e-30  # keeps the most probable token
_GOLDEN = 0x9E3779B97F4A7C15  # the increment of splitmix64
_MASK = 2**64 - 1


class Row(Protocol):
    """One generation in a batch. ``seed`` is that of ``seed_of``, chosen once."""

    @property
    def generation(self) -> Generation: ...
    @property
    def seed(self) -> int: ...


def seed_of(generation: Generation) -> int:
    """The seed of the request, or a random one."""
    seed = generation.sampling.seed
    return int.from_bytes(os.urandom(8), "little") if seed is None else seed


def uniforms(seeds: Any, positions: Any) -> Any:
    """Two numbers in [0, 1) for each row: an array [rows, 2] of float32, multiples of 2**-24 and so always below 1.

    ``seeds`` and ``positions`` are sequences [rows] of integers, taken modulo 2**64.
    """
    seeds, positions = (numpy.array([n & _MASK for n in numbers], numpy.uint64) for numbers in (seeds, positions))
    mixed = _splitmix(_splitmix(seeds) + positions * numpy.uint64(_GOLDEN))
    halves = numpy.stack([mixed >> numpy.uint64(40), (mixed >> numpy.uint64(16)) & numpy.uint64(0xFFFFFF)], axis=1)
    return halves.astype(numpy.float32) / numpy.float32(2**24)


def next_uniforms(rows: Sequence[Row]) -> Any:
    """The random numbers of the rows' next positions, as ``uniforms``."""
    return uniforms([row.seed for row in rows], [len(row.generation.tokens) for row in rows])


def _splitmix(state: Any) -> Any:
    """The output of splitmix64 (Steele, Lea and Flood, 2014) for states of type uint64."""
    mixed = state + numpy.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> numpy.uint64(31))


@dataclass(frozen=True)
class Group:
    """Rows whose tokens are chosen in the same way, by ``kind``:

    - ``greedy``: the most probable token;
    - ``free``: drawn from the vocabulary in the order of ids, for which nothing is sorted;
    - ``sorted``: drawn from the tokens in falling order of probability, for top-p and top-k.

    ``rows`` are their places in the batch, and ``index`` is the same on the device, or None for all rows in order. The
    parameters are arrays [rows, 1] of float32 on the device, or None where no row uses them; ``width`` limits
    the tokens that are sorted, where every row has a small top-k.
    """

    kind: str
    rows: list[int]
    index: Any
    temperature: Any = None
    top_p: Any = None
    log_min_p: Any = None
    top_k: Any = None
    width: int | None = None


def group(
    kind: str, sampling: Sequence[SamplingParams], array: Callable[[Any], Any], rows: Any, all_rows: bool
) -> Group:
    """The group of rows with these parameters; ``array`` puts a numpy array on the device."""
    index = None if all_rows else array(numpy.array(rows, numpy.int32))
    if kind == "greedy":
        return Group(kind, rows, index)

    def column(values: Any) -> Any:
        return array(numpy.array([*values], numpy.float32)[:, None])

    def used(values: Any, is_off: Callable[[Any], bool], off: float) -> Any:
        values = [*values]
        return None if all(map(is_off, values)) else column(off if is_off(v) else v for v in values)

    top_k: Any = [s.top_k for s in sampling]
    narrow = kind == "sorted" and all(0 < k <= BLOCK for k in top_k)
    shared = narrow and min(top_k) == max(top_k)
    return Group(
        kind,
        rows,
        index,
        column(max(s.temperature or 0, _MIN_TEMPERATURE) for s in sampling),
        used((max(s.top_p or 0, _MIN_TOP_P) for s in sampling), lambda p: p >= 1, numpy.inf),
        used((_log(s.min_p or 0) for s in sampling), lambda p: p == -numpy.inf, -numpy.inf),
        None if shared else used(top_k, lambda k: k <= 0, numpy.inf),
        max(top_k) if narrow else None,
    )


def _log(p: float) -> float:
    return float(numpy.log(p)) if p > 0 else -numpy.inf


def kind_of(sampling: SamplingParams) -> tuple[str, bool]:
    """(the kind of the group for these parameters, whether its tokens are few); those of a row alone decide it."""
    if sampling.greedy:
        return "greedy", False
    top_k: Any = sampling.top_k
    if top_k > 0:
        return "sorted", top_k <= BLOCK
    top_p: Any = sampling.top_p
    return "sorted" if top_p < 1 else "free", False


@dataclass(frozen=True)
class Penalties:
    """The rows that penalize tokens of the text: ``rows``, and ``index`` on the device, None for all in their order.

    The parameters are arrays [these rows, 1] of float32 on the device; ``repetition`` is None where no row uses it.
    """

    rows: tuple[int, ...]
    index: Any
    repetition: Any
    presence: Any
    frequency: Any


@dataclass(frozen=True)
class Plan:
    """How a batch of rows is sampled, but for what changes with each token. Arrays are on the device.

    ``order`` puts the tokens of the groups, one after another, into the order of the rows; None where they are.
    ``bias`` is (row of each, token of each, value of each). ``asking`` are the rows that want log-probabilities, and
    ``top`` the largest number of tokens that one of them wants beside its own.
    """

    groups: tuple[Group, ...]
    order: Any
    bias: tuple[Any, Any, Any] | None
    penalties: Penalties | None
    constrained: tuple[int, ...]
    asking: tuple[int, ...]
    asking_index: Any
    top: int

    @property
    def plain(self) -> bool:
        """Whether every row gets its most probable token, and nothing else is wanted."""
        only_greedy = len(self.groups) == 1 and self.groups[0].kind == "greedy"
        return only_greedy and not (self.bias or self.penalties or self.constrained or self.asking)


def plan(rows: Sequence[Row], array: Callable[[Any], Any]) -> Plan:
    """The Plan of these rows; ``array`` puts a numpy array on the device."""
    sampling = [row.generation.sampling for row in rows]
    kinds: dict[Any, list[int]] = {}
    for i, params in enumerate(sampling):
        kinds.setdefault(kind_of(params), []).append(i)
    groups = [
        group(kind, [sampling[i] for i in members], array, members, len(kinds) == 1)
        for (kind, _), members in kinds.items()
    ]
    order = numpy.argsort([i for one in groups for i in one.rows]).astype(numpy.int32)
    biases = [(i, token, bias) for i, params in enumerate(sampling) for token, bias in params.logit_bias.items()]
    asking = tuple(i for i, row in enumerate(rows) if row.generation.request.log_probs is not None)
    return Plan(
        groups=tuple(groups),
        order=array(order) if len(groups) > 1 else None,
        bias=_columns(biases, array) if biases else None,
        penalties=_penalties(sampling, array),
        constrained=tuple(i for i, row in enumerate(rows) if row.generation.constrained),
        asking=asking,
        asking_index=_index(asking, len(rows), array),
        top=max((rows[i].generation.request.log_probs or 0 for i in asking), default=0),
    )


def _columns(biases: list[tuple[int, int, float]], array: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
    rows, tokens, values = zip(*biases, strict=True)
    return array(numpy.array(rows)), array(numpy.array(tokens)), array(numpy.array(values, numpy.float32))


def _index(some: Sequence[int], count: int, array: Callable[[Any], Any]) -> Any:
    """The rows ``some`` on the device; None if they are all rows."""
    return None if len(some) == count else array(numpy.array(some, numpy.int32))


def _penalties(sampling: list[SamplingParams], array: Callable[[Any], Any]) -> Penalties | None:
    rows = tuple(i for i, params in enumerate(sampling) if params.penalizes)
    if not rows:
        return None

    def column(name: str) -> Any:
        return array(numpy.array([getattr(sampling[i], name) for i in rows], numpy.float32)[:, None])

    repeats = any(sampling[i].repetition_penalty != 1 for i in rows)
    return Penalties(
        rows=rows,
        index=_index(rows, len(sampling), array),
        repetition=column("repetition_penalty") if repeats else None,
        presence=column("presence_penalty"),
        frequency=column("frequency_penalty"),
    )


def counts(token_lists: Sequence[Sequence[int]], vocabulary: int) -> Any:
    """How often each token occurs in each list: a numpy array [lists, vocabulary] of float32."""
    return numpy.stack(
        [numpy.bincount(tokens, minlength=vocabulary)[:vocabulary] for tokens in map(_ids, token_lists)]
    ).astype(numpy.float32)


def new_tokens(generations: Sequence[Generation], counted: Sequence[int]) -> list[tuple[int, int]]:
    """(place of the generation, token) of each token after the first ``counted`` ones."""
    pairs = enumerate(zip(generations, counted, strict=True))
    return [(i, token) for i, (one, known) in pairs for token in one.tokens[known:]]


def _ids(tokens: Sequence[int]) -> Any:
    return numpy.array(tokens, numpy.int64)


def allowed(rows: Sequence[Row], constrained: Sequence[int]) -> tuple[list[int], Any, dict[Any, Exception]]:
    """The masks of response formats: (rows, their masks as a numpy array [rows, vocabulary] of bool, errors of rows).

    A row whose grammar fails is in the errors and not in the masks.
    """
    masked, masks, failed = [], [], {}
    for i in constrained:
        try:
            masks.append(rows[i].generation.allowed())
            masked.append(i)
        except Exception as error:  # this row's own, such as a grammar that comes to a dead end
            failures.check(error)
            failed[rows[i]] = error
    return masked, numpy.stack(masks) if masks else None, failed


def not_finite() -> EngineFailed:
    """The failure of a row from whose logits no token can be chosen."""
    return EngineFailed(
        "The model computed NaN or infinity as logits, so no token can be chosen.",
        "Its weights may be damaged or badly quantized: check them or download them again. If they are float16, values "
        "may have overflowed: set MLX4J_DTYPE to bfloat16 or float32.",
    )


@dataclass(frozen=True)
class Drawn:
    """The next tokens of ``rows``: an array [rows] that may be still on its way.

    ``scores`` is an array [rows], whose number is finite where the token was chosen from numbers: the logit of the most
    probable token, or the logarithm of the sum of all weights. ``log_probs`` is None, or arrays of the rows
    ``plan.asking``: the token's own log-probability [rows], and the most probable tokens and their log-probabilities
    [rows, plan.top].
    """

    rows: Sequence[Any]
    tokens: Any
    scores: Any
    log_probs: tuple[Any, Any, Any] | None
    failed: dict[Any, Exception]
    asking: tuple[int, ...] = ()

    @property
    def arrays(self) -> tuple[Any, ...]:
        return (self.tokens, self.scores, *(self.log_probs or ()))

    def results(self) -> Iterator[tuple[Any, int, Any, bool]]:
        """What scheduler.Deliver takes; waits for it."""
        log_probs = self.read_log_probs()
        read = zip(self.rows, self.tokens.tolist(), self.scores.tolist(), strict=True)
        for i, (row, token, score) in enumerate(read):
            failure = self.failed.get(row) or (None if math.isfinite(score) else not_finite())
            yield row, token, failure or log_probs.get(i), False

    def read_log_probs(self) -> dict[int, Any]:
        if self.log_probs is None:
            return {}
        read = {}
        for i, own, ids, values in zip(self.asking, *(array.tolist() for array in self.log_probs), strict=True):
            wanted = self.rows[i].generation.request.log_probs
            read[i] = own, list(zip(ids[:wanted], values[:wanted], strict=True))
        return read
