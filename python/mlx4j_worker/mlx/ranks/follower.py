"""The engine of every rank but the first: runs the jobs that rank 0 sends, in the same order as rank 0."""

import traceback
from collections import deque
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache

from mlx4j_worker import failures
from mlx4j_worker.call import Call, Poll
from mlx4j_worker.errors import EngineFailed, InvalidRequest
from mlx4j_worker.mlx import loading
from mlx4j_worker.mlx.caches import copy_cache
from mlx4j_worker.mlx.engine import used_memory
from mlx4j_worker.mlx.ranks import data_parallel, processes, sharding
from mlx4j_worker.training.batches import Batch


class Follower:
    """The engine of such a rank: has calls ``mirror``, whose ``work`` is the name of a method here."""

    WORKS: tuple[str, ...] = ("join", "load", "forward", "hidden", "prefill", "copy")
    WORKS += ("open", "add", "loss", "sum", "apply", "drop", "receive")

    def __init__(self) -> None:
        self._queue: deque[Call] = deque()
        self._group: Any = None
        self._model: Any = None
        self._inner: Any = None
        self._backend: Any = None
        self._progress: Any = None
        self._caches: dict[int, Any] = {}  # by rank 0's numbers

    @property
    def busy(self) -> Any:
        return bool(self._queue)

    def describe(self) -> Any:
        return {}

    def memory(self) -> Any:
        return used_memory()

    def has(self, call: Call) -> bool:
        return call in self._queue

    def submit(self, call: Call) -> None:
        if call.params.get("work") not in self.WORKS:
            raise InvalidRequest(f"A rank can't do {call.params.get('work')!r}.")
        self._queue.append(call)

    def step(self, _poll: Poll) -> None:
        call = self._queue[0]
        params = dict(call.params)
        try:
            self._progress = call.progress
            getattr(self, "_" + params.pop("work"))(**params)
            call.answer({})
        except Exception as error:
            failures.fail(call, error, "Use more ranks, or a smaller model.", _engine_failed)
        self._queue.popleft()

    def _join(self, rank: int, addresses: Any) -> None:
        self._group = processes.join(rank, addresses)

    # --- generation

    def _load(self, params: dict[str, Any]) -> None:
        self._model, self._inner = loading.load_part(params, self._group, self._progress)

    def _forward(self, ids: list[int], cache: Any, dropped: Any) -> None:
        self._pass(self._model, ids, cache, dropped)

    def _hidden(self, ids: list[int], cache: Any, dropped: Any) -> None:
        self._pass(self._inner, ids, cache, dropped)

    def _pass(self, part: Any, ids: list[int], cache: Any, dropped: Any) -> None:
        mx.eval(part(mx.array(ids), cache=self._cache(cache, dropped)))

    def _prefill(self, ids: list[int], cache: Any, dropped: Any) -> None:
        sharding.prefill(self._model, mx.array(ids), self._cache(cache, dropped))

    def _copy(self, cache: Any, of: Any, tokens: int, surplus: Any) -> None:
        self._caches[cache] = copy_cache(self._caches[of], tokens, surplus)

    def _cache(self, number: Any, dropped: Any) -> Any:
        for old in dropped:
            self._caches.pop(old, None)
        if number not in self._caches:
            self._caches[number] = make_prompt_cache(self._model)
        return self._caches[number]

    # --- training

    def _open(self, params: dict[str, Any]) -> None:
        self._backend = data_parallel.load_part(params, self._group, self._progress)

    def _add(self, batch: Any, seed: int) -> None:
        self._backend.add_gradients(Batch(*batch), seed)

    def _loss(self, batch: Any) -> None:
        self._backend.loss(Batch(*batch))

    def _sum(self) -> None:
        self._backend.sum_gradients()

    def _apply(self, rate: int, factor: int) -> None:
        self._backend.apply(rate, factor)

    def _drop(self) -> None:
        self._backend.drop_gradients()

    def _receive(self) -> None:
        self._backend.receive_state()


def _engine_failed(error: BaseException) -> Any:
    return EngineFailed(f"Its work failed: {type(error).__name__}: {error}", detail=traceback.format_exc())
