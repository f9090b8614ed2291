"""The engine's loop: a queue, admission, chunked prefill in turns, decode, faults, cancellation and a prefix cache."""

import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from mlx4j_worker import failures
from mlx4j_worker.call import Call, Poll
from mlx4j_worker.engine.budget import KvBudget
from mlx4j_worker.engine.prefill_chunks import ChunkSize
from mlx4j_worker.engine.prefix_cache import PrefixCache, common_prefix
from mlx4j_worker.engine.row import Row
from mlx4j_worker.engine.turns import LONG_PROMPT_TOKENS, MAX_LONG_PROMPTS, Turns
from mlx4j_worker.errors import Cancelled, EngineFailed, WorkerError
from mlx4j_worker.failures import DeviceFailed
from mlx4j_worker.requests.generate import GenerateRequest

MAX_ROWS = 32  # that prefill and decode at once; the others wait
MIN_SHARED_TOKENS = 64  # tokens of a common beginning that another request is prefilling right now
MEMORY_HINT = "Send shorter prompts, or fewer requests at once."

_log = logging.getLogger("mlx4j.engine")

# Called with what a step gives: each row, its next token, its log-probabilities as Generation.add takes them
# or the exception that this row alone failed with, and whether a draft model guessed the token.
Deliver = Callable[[Iterable[tuple[Row, int, Any, bool]]], None]


class Decoder(ABC):
    """What a backend does for the scheduler: KV caches, prefill, and steps of all rows. One thread uses it.

    ``capabilities`` are those that a client sees. With ``concurrent`` it decodes any number of rows at once, otherwise
    one. With ``shares`` the cache of a running row can be copied for another request. Without ``chunks`` a prompt is
    prefilled in one pass into an empty cache.
    """

    capabilities: tuple[str, ...] = ()
    concurrent = False
    shares = False
    chunks = True
    rows: list[Row]

    def check(self, request: GenerateRequest) -> None:  # noqa: B027
        """Refuses unsupported options of a request; may be called on any thread."""

    def group(self, row: Row) -> str:
        """The group of a row that is about to start; rows of different groups never run together or share prefixes."""
        return ""

    @abstractmethod
    def new_cache(self) -> Any:
        """An empty cache for a row."""

    @abstractmethod
    def copy_cache(self, cache: Any, tokens: int, surplus: int) -> Any:
        """A copy of a cache that holds its first tokens, all but the surplus."""

    @abstractmethod
    def cache_bytes(self, cache: Any) -> int:
        """The memory that a cache takes."""

    @abstractmethod
    def can_trim(self, cache: Any) -> bool:
        """Whether any number of tokens can be removed from the end of a cache."""

    @abstractmethod
    def prefill(self, row: Row, tokens: list[int]) -> None:
        """Adds tokens to the cache of a row, and waits for it."""

    def prefill_together(self, row: Row, others: list[Row], most: int) -> list[Row]:
        """Those of the other rows, none of which has a token in its cache, that are prefilled with ``row`` in one pass.

        The pass may take ``most`` tokens, with padding.
        """
        return []

    def prefill_all(self, rows: list[Row]) -> None:
        """Prefills the rows that ``prefill_together`` chose, each to its end, and waits for it."""
        raise NotImplementedError

    @abstractmethod
    def step(self, joining: list[Row], deliver: Deliver) -> None:
        """Draws the next token of each row, and takes in ``joining``, whose caches hold all but their last token."""

    @abstractmethod
    def settle(self) -> None:
        """Waits for every pass that was started; raises the error of a failed pass, unless it was raised before."""

    @abstractmethod
    def snapshot(self, row: Row) -> Any:
        """A copy of the cache of a running row."""

    @abstractmethod
    def remove(self, rows: list[Row], keep_caches: bool) -> None:
        """Removes rows; with ``keep_caches``, each gets a cache of its own."""

    @abstractmethod
    def reset(self) -> None:
        """Discards every row, and the memory that they took."""


class Job(Protocol):
    """Other work of a call, such as embedding texts, which takes turns with prompts; so many tokens are ``left``."""

    call: Call
    left: int

    def step(self, chunk_size: ChunkSize) -> bool:
        """Works on a chunk; returns True once the call is answered."""
        ...


class Scheduler:
    """Runs requests on a decoder. Every method runs on the thread that loaded the model.

    A request waits, then its prompt is prefilled in chunks, between which other requests have their turns, and then it
    is a row of the batch. ``library`` names what the decoder runs on, for messages.
    """

    def __init__(self, decoder: Any, prefix_cache_bytes: int, library: str) -> None:
        self._decoder = decoder
        self._library = library
        self._most_rows = MAX_ROWS if decoder.concurrent else 1
        self._prefixes = PrefixCache(prefix_cache_bytes if decoder.chunks else 0, decoder)
        self._chunk = ChunkSize()
        self._turns = Turns()
        self._waiting: deque[Row] = deque()
        self._prefilling: deque[Row] = deque()
        self._joining: list[Row] = []
        self._forward_jobs: deque[Job] = deque()
        self._budget: KvBudget

    @property
    def busy(self) -> bool:
        return bool(self._decoder.rows or self._joining or self._prefilling or self._waiting or self._forward_jobs)

    def has(self, call: Call) -> bool:
        return any(row.call is call for row in self._rows()) or any(job.call is call for job in self._forward_jobs)

    def step(self, _poll: Poll) -> None:
        """A token for every row of the batch and a chunk of prompts or of another work, each if it is its turn."""
        try:
            with failures.checked(MEMORY_HINT):
                self._drop_cancelled()
                self._start_waiting()
                self._take_turns()
        except DeviceFailed as failure:
            self._prefixes.clear()
            failure.blame(*(row.call for row in self._rows() if row.generation.delivered))
            raise

    def _take_turns(self) -> None:
        decoding, prompts = self._requests()
        if decoding and not self._turns.prefill_next(decoding, len(prompts)):
            begun = time.monotonic()
            self._decode_step()
            self._turns.decoded(time.monotonic() - begun)
        begun = time.monotonic()
        while True:
            decoding, prompts = self._requests()
            if not prompts or not self._turns.prefill_next(decoding, len(prompts)):
                return
            self._prefill_turn(decoding, prompts)
            if time.monotonic() - begun >= ChunkSize.SECONDS / 2:  # short prompts go together
                return

    def _requests(self) -> tuple[int, list[Row | Job]]:
        """(how many requests decode, the prompts and the other work in the order of their arrival)."""
        prompts: list[Row | Job] = sorted([*self._prefilling, *list(self._forward_jobs)[:1]], key=_received_at)
        return len(self._decoder.rows) + len(self._joining), prompts

    def _prefill_turn(self, decoding: int, prompts: list[Row | Job]) -> None:
        if decoding:  # the pass under way is decoding's time
            begun = time.monotonic()
            self._settle()
            self._turns.decoded(time.monotonic() - begun)
        begun = time.monotonic()
        prompt = self._turns.pick(prompts)
        self._prefill_step(prompt) if isinstance(prompt, Row) else self._forward_step(prompt)
        self._turns.prefilled(time.monotonic() - begun)

    # --- decoding

    def _decode_step(self) -> None:
        joining = self._joining
        whole, failed = [], []  # rows whose generation ended, and those that failed

        def deliver(results: Iterable[tuple[Row, int, Any, bool]]) -> None:
            results = [*results]  # waits for them
            with results[0][0].call.batch():
                for row, token, log_prob, drafted in results:
                    row.suspect, row.strikes = False, 0
                    try:
                        if isinstance(log_prob, Exception):
                            raise log_prob
                        if row.generation.add(token, log_prob, drafted):
                            whole.append(row)
                    except Exception as error:  # this row's own
                        self._fail(row.call, error)
                        failed.append(row)

        try:
            self._decoder.step(joining, deliver)
        except Exception as error:
            self._recover(error, {*self._decoder.rows, *joining} - {*whole, *failed})
        self._joining = []
        self._answer(whole)
        self._remove_rows([row for row in whole + failed if row in self._decoder.rows], failed)

    def _answer(self, rows: list[Row]) -> None:
        """Answers rows whose generation ended, once every pass that their tokens came from is known to have worked.

        MLX may report a pass that failed only after it gave out tokens of it.
        """
        if rows and self._settle(rows):
            with rows[0].call.batch():
                for row in rows:
                    row.generation.answer()

    def _settle(self, ended: list[Row] | tuple[Any, ...] = ()) -> bool:
        """Waits for every pass that was begun and returns whether all worked; if not, the ended rows failed."""
        try:
            self._decoder.settle()
        except Exception as error:
            for row in ended:
                self._fail(row.call, error)
            self._recover(error, {*self._decoder.rows} - {*ended})
            return False
        return True

    def _remove_rows(self, rows: list[Row], failed: Sequence[Row] = ()) -> None:
        """Removes answered rows from the batch and keeps their caches.

        The cache of a failed row may already hold the token that it didn't take.
        """
        if not rows:
            return
        try:
            self._decoder.remove(rows, keep_caches=self._prefixes.enabled)
            self._store_caches([row for row in rows if row not in failed])
        except Exception as error:
            self._recover(error, {*self._decoder.rows} - {*rows})

    def _store_caches(self, rows: list[Row]) -> None:
        for row in rows:
            if row.cache is not None and row.in_cache:
                self._prefixes.put(row.tokens[: row.in_cache], row.cache, row.prefix_key)
                row.cache = None

    def _drop_cancelled(self) -> None:
        cancelled = [row for row in self._rows() if row.generation.cancelled]
        for row in cancelled:  # answer first: to leave the batch waits for the pass under way
            row.call.fail(Cancelled("The request was cancelled."))
        for waiting in (self._waiting, self._prefilling, self._joining):
            gone = [row for row in waiting if row in cancelled]
            for row in gone:
                waiting.remove(row)
            self._store_caches(gone)
        self._remove_rows([row for row in self._decoder.rows if row in cancelled])
        for job in [job for job in self._forward_jobs if job.call.cancelled]:
            job.call.fail(Cancelled("The request was cancelled."))
            self._forward_jobs.remove(job)

    def _recover(self, error: Exception, rows: set[Row]) -> None:
        """After a step that failed nothing of the batch can be trusted, and any row may be the cause.

        So each begins again from its tokens, alone, until it has a token more; the one that fails so fails for good.
        """
        known = failures.traced(failures.typed(error, MEMORY_HINT) or self._engine_failed(error), error)
        _log.error("a step failed; its %d requests begin again", len(rows), exc_info=error)
        self._decoder.reset()
        for row in sorted(rows, key=lambda row: row.call.received, reverse=True):
            row.cache, row.in_cache, row.suspect = None, 0, True
            row.strikes += 1
            if row.strikes > 1:
                row.call.fail(known)
            else:
                self._waiting.appendleft(row)

    # --- prefill

    def _start_waiting(self) -> None:
        """Takes requests from the queue while there is room."""
        if not self._waiting:
            return
        long = sum(row.left > LONG_PROMPT_TOKENS for row in self._prefilling)
        for row in list(self._waiting):
            running = [*self._decoder.rows, *self._joining, *self._prefilling]
            alone = row.suspect or any(other.suspect for other in running)
            if len(running) >= self._most_rows or (running and (alone or not self._budget.has_room([row, *running]))):
                return
            if not self._find_group(row):
                continue
            if running and row.group != running[0].group:
                return  # its turn comes once those that run have ended
            if self._waits_for_prefix(row, running):
                continue
            left = row.left - self._prefixes.shared(row.tokens, row.prefix_key)
            if long >= MAX_LONG_PROMPTS and left > LONG_PROMPT_TOKENS:
                continue
            self._waiting.remove(row)
            row.generation.started()
            row.cache, row.in_cache = self._prefixes.take(row.tokens, row.prefix_key)
            if row.cache is None:
                row.cache = self._decoder.new_cache()
            row.generation.cached_tokens = min(row.in_cache, len(row.generation.prompt_tokens))
            self._prefilling.append(row)
            long += row.left > LONG_PROMPT_TOKENS

    def _find_group(self, row: Row) -> bool:
        """Sets the group of a row; False if that failed, and with it the row."""
        if row.group is None:
            try:
                row.group = self._decoder.group(row)
            except Exception as error:
                self._waiting.remove(row)
                self._fail(row.call, error)
                return False
        return True

    def _waits_for_prefix(self, row: Row, running: list[Row]) -> bool:
        """Whether a running request is about to have much of what this one begins with. Once it has, it is kept."""
        if not running or not self._prefixes.enabled or not self._decoder.shares:
            return False
        usable, other = max(((_shared_tokens(other, row), other) for other in running), key=lambda found: found[0])
        if usable - self._prefixes.shared(row.prompt, row.prefix_key) < MIN_SHARED_TOKENS:
            return False
        if other.in_cache < usable:
            return True
        try:
            if other.cache is None:
                snapshot = self._decoder.snapshot(other)
            else:
                snapshot = self._decoder.copy_cache(other.cache, other.in_cache, 0)
            self._prefixes.put(other.tokens[: other.in_cache], snapshot, other.prefix_key)
        except Exception as error:  # it would have been of use, but is not needed
            failures.check(error)
            _log.warning("a prefix could not be shared", exc_info=True)
        return False

    def _prefill_step(self, row: Row) -> None:
        """Prefills a chunk of a row, which joins the batch once all but its last token is in its cache.

        Short prompts that are complete within the chunk may be prefilled with it.
        """
        rows = [row, *self._companions(row)]
        try:
            self._prefill(rows)
        except Exception as error:  # a row's own fault, or at least nobody else's loss
            if len(rows) > 1:
                self._part(rows, error)
                return
            self._prefilling.remove(row)
            self._fail(row.call, error)
            return
        for one in rows:
            if not one.left:
                self._prefilling.remove(one)
                self._joining.append(one)

    def _part(self, rows: list[Row], error: Exception) -> None:
        """After a prefill of several rows that failed, each is tried again, alone."""
        try:
            failures.check(error, MEMORY_HINT)
        except DeviceFailed as failure:
            failure.blame(max(rows, key=lambda row: row.left).call)
            raise
        _log.warning("a prefill of %d prompts failed; each is tried alone", len(rows), exc_info=error)
        for row in rows:
            row.cache, row.suspect = self._decoder.new_cache(), True

    def _companions(self, row: Row) -> list[Row]:
        if row.in_cache or row.suspect:
            return []
        others = [one for one in self._prefilling if one is not row and not one.in_cache and not one.suspect]
        return self._decoder.prefill_together(row, others, self._chunk.tokens(0)) if others else []

    def _prefill(self, rows: list[Row]) -> None:
        row = rows[0]
        begun, context = time.monotonic(), row.in_cache
        if len(rows) > 1:
            self._decoder.prefill_all(rows)
            count = len(rows) * max(one.left for one in rows)
            for one in rows:
                one.in_cache += one.left
        else:
            tokens = row.tokens
            most = self._chunk.tokens(context) if self._decoder.chunks else row.left
            chunk = tokens[context : context + min(most, row.left)]
            if not chunk:
                return
            self._decoder.prefill(row, chunk)
            count = len(chunk)
            row.in_cache += count
        self._chunk.learn(count, context, time.monotonic() - begun)
        if row.left:
            row.generation.progress(row.in_cache, row.in_cache + row.left + 1)

    # --- other work

    def _forward_step(self, job: Job) -> None:
        try:
            done = job.step(self._chunk)
        except Exception as error:
            self._forward_jobs.remove(job)
            self._fail(job.call, error)
        else:
            if done:
                self._forward_jobs.remove(job)

    def _rows(self) -> list[Row]:
        return [*self._decoder.rows, *self._joining, *self._prefilling, *self._waiting]

    def _fail(self, call: Call, error: Exception) -> None:
        failures.fail(call, error, MEMORY_HINT, self._engine_failed)

    def _engine_failed(self, error: Exception) -> WorkerError:
        return EngineFailed(f"A step of {self._library} failed: {type(error).__name__}: {error}")


def _shared_tokens(other: Row, row: Row) -> int:
    """How many tokens of a running request's prompt another one could begin with."""
    if other.prefix_key != row.prefix_key:
        return 0
    return min(common_prefix(other.prompt, row.prompt), len(other.prompt) - 1, len(row.prompt) - 1)


def _received_at(prompt: Row | Job) -> float:
    """When the call of a row or of other work arrived."""
    return prompt.call.received
