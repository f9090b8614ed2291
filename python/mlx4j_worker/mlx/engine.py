"""The engine for one model of mlx-lm: continuous batching, chunked prefill, a prefix cache."""

import copy
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import mlx.core as mx
from mlx.utils import tree_flatten

from mlx4j_worker import failures, memory
from mlx4j_worker.call import Call, Poll
from mlx4j_worker.engine.generation import Generation, Prepared
from mlx4j_worker.engine.prefill_chunks import ChunkSize
from mlx4j_worker.engine.turns import LONG_PROMPT_TOKENS, MAX_LONG_PROMPTS, Turns
from mlx4j_worker.errors import Cancelled, ContextOverflow, EngineFailed, InvalidRequest, WorkerError
from mlx4j_worker.failures import DeviceFailed
from mlx4j_worker.mlx import wired
from mlx4j_worker.mlx.batch import Row
from mlx4j_worker.mlx.prefix_cache import PrefixCache, common_prefix
from mlx4j_worker.mlx.reranking import Rerank
from mlx4j_worker.mlx.scoring import Embedding, ForwardJob, Logits, Score
from mlx4j_worker.models import rerank
from mlx4j_worker.models.embeddings.embedder import Embedder
from mlx4j_worker.models.embeddings.texts import EncodedText
from mlx4j_worker.models.rerank import Pair
from mlx4j_worker.requests.generate import GenerateRequest, check_fits
from mlx4j_worker.requests.options import Options
from mlx4j_worker.requests.prompt import PromptRequest, check_prompt
from mlx4j_worker.requests.texts import EmbedRequest, RerankRequest
from mlx4j_worker.text import prompts
from mlx4j_worker.text.grammar import Grammars
from mlx4j_worker.text.prompts import Prompt

if TYPE_CHECKING:
    from mlx4j_worker.mlx.loading import LoadedModel

MAX_ROWS = 32  # that prefill and decode at once; the others wait
MIN_SHARED_TOKENS = 64  # tokens of a common beginning that another request is prefilling right now

_log = logging.getLogger("mlx4j.mlx")


class MlxEngine:
    """One loaded model. Every method runs on the thread that loaded it, except those that prepare requests.

    A request waits, then its prompt is prefilled in chunks, between which other requests have their turns, and then it
    is a row of the batch. ``loaded`` is what loading.py found out, a loading.LoadedModel.
    """

    def __init__(self, source: str, loaded: "LoadedModel", options: Options) -> None:
        self._source = source
        self._loaded = loaded
        self._tokenizer = loaded.tokenizer
        # mlx-lm's wrapper switches thinking on where a request says nothing; where it can, the template decides that.
        self._writer = loaded.tokenizer if loaded.tokenizer._chat_template else loaded.tokenizer._tokenizer
        self._context = loaded.context
        self._texts = prompts.TextLimit(loaded.tokenizer, loaded.context)
        self._vocabulary = vocabulary_of(loaded.config, loaded.tokenizer)
        words = loaded.tokenizer._tokenizer
        self._embedder = Embedder(loaded.layout, source, words, self._vocabulary, loaded.context)
        value_bytes = loaded.dtype.size if options.kv_bits is None else options.kv_bits / 8 * 1.125
        self._kv_bytes = memory.kv_bytes_per_token(loaded.config, value_bytes / loaded.machines)
        self._most_kv_tokens = options.kv_tokens or loaded.window
        self._expert = options.expert
        self._memory_limit = options.memory_limit_bytes
        modes = ("adapter", "draftModel", "kvBits", "kvTokens", "memoryLimitBytes", "ranks", "hosts", "wiredLimit")
        self._modes = options.given(*modes)
        self._decoder = loaded.decoder
        self._most_rows = MAX_ROWS if loaded.decoder.concurrent else 1
        self._prefixes = PrefixCache(options.prefix_cache_bytes, loaded.decoder.copy_cache)
        self._grammars = Grammars(
            loaded.tokenizer._tokenizer, self._vocabulary, loaded.tokenizer.eos_token_ids, "mlx4j setup mlx"
        )
        self._reranker: Any = rerank.decoder(loaded.layout, loaded.tokenizer._tokenizer, source, options.reranker)
        chats = not rerank.has_template(self._reranker)
        self._about_template = prompts.template_warnings(self._writer) if chats else []
        self._chunk = ChunkSize()
        self._turns = Turns()
        self._waiting: deque[Row] = deque()
        self._prefilling: deque[Row] = deque()
        self._joining: list[Row] = []
        self._forward_jobs: deque[ForwardJob] = deque()
        if options.wired_limit:
            wired.set_limit(mx.get_active_memory(), self._kv_tokens(self._context or 0) * (self._kv_bytes or 0))

    @property
    def busy(self) -> bool:
        return bool(self._decoder.rows or self._joining or self._prefilling or self._waiting or self._forward_jobs)

    def describe(self) -> dict[str, Any]:
        """The result of ``initialize``."""
        found = self._loaded.layout
        embeds = self._loaded.hidden_states is not None and self._embedder.can_embed
        capabilities = ["embeddings"] if embeds else []
        capabilities += [*self._decoder.capabilities, *self._loaded.dialect.capabilities(), *self._modes]
        capabilities += rerank.capabilities(self._reranker)
        unable = [] if "rerank" in capabilities else self._embedder.warnings
        return {
            "model": self._source,
            "device": "gpu" if mx.default_device() == mx.gpu else "cpu",
            "contextLength": self._context,
            "vocabularySize": self._vocabulary,
            "chat": bool(self._tokenizer.has_chat_template),
            "concurrent": self._decoder.concurrent,
            "capabilities": sorted(capabilities),
            "format": found.format,
            "base": found.base,
            "adapter": str(found.adapter.folder) if found.adapter else None,
            "experts": list(found.dylora.experts) if found.dylora else [],
            "dtype": dtype_name(self._loaded.dtype),
            "embeddings": self._embedder.to_json() if embeds else None,
            "warnings": [*self._loaded.warnings, *self._about_template, *rerank.warnings(self._reranker), *unable],
            "samplingDefaults": self._loaded.author.to_json(),
            "memory": {"activeBytes": mx.get_active_memory(), "peakBytes": mx.get_peak_memory()},
            "packages": self._loaded.packages,
        }

    def memory(self) -> Any:
        """Memory that MLX uses, in bytes; may be called on any thread."""
        return used_memory()

    def has(self, call: Call) -> bool:
        return any(row.generation.call is call for row in self._rows()) or any(
            w.call is call for w in self._forward_jobs
        )

    # --- preparing requests, on any thread: no arrays, and nothing of the engine changes

    def prompt(self, request: GenerateRequest, fits: bool = False) -> Prompt:
        """The Prompt of a request; with ``fits``, ContextOverflow if its text is surely too long for the context."""
        check = self._texts.check_context if fits else prompts.check_size
        return prompts.encode(self._writer, request, self._loaded.dialect, check)

    def render(self, request: PromptRequest) -> str:
        return prompts.render(self._writer, request, self._loaded.dialect)

    def prepare(self, request: GenerateRequest) -> Prepared:
        """The Prepared of a generate request."""
        prompt = self.prompt(request, fits=True)
        limit = check_fits(request, prompt.tokens, self._vocabulary, self._context)
        self._decoder.check(request)
        return Prepared(prompt, limit, request.response_format and self._grammars.constraint(request.response_format))

    def encode_texts(self, request: EmbedRequest) -> list[EncodedText]:
        """The texts of an embed request, as embeddings.Text."""
        if self._loaded.hidden_states is None:
            raise InvalidRequest("mlx-lm returns no hidden states for this model, so it can't embed texts.")
        return self._embedder.encode(request)

    def encode_completion(self, completion: str) -> list[int]:
        self._texts.check_context(completion)
        tokens = self._tokenizer.encode(completion, add_special_tokens=False)
        if not tokens:
            raise InvalidRequest("The completion has no tokens.", "Give at least one token of text.")
        return tokens

    def encode_pairs(self, request: RerankRequest) -> list[Pair]:
        """The Pairs of a request to rerank."""
        pairs = rerank.usable(self._reranker).pairs(self._loaded.tokenizer._tokenizer, request, self._context)
        for pair in pairs:
            check_prompt(pair.tokens, self._vocabulary, None)
        return pairs

    def check_actions(self) -> None:
        raise InvalidRequest(
            "The mlx worker has no action head, so it can't classify actions.",
            "Use the hf worker, with options.actionHead or options.actionHeadSeed.",
        )

    # --- taking requests

    def submit(self, call: Call, request: GenerateRequest, prepared: Prepared) -> None:
        self._check_memory(len(prepared.prompt.tokens) + prepared.max_tokens)
        generation = Generation(
            call,
            request,
            prepared.prompt,
            prepared.max_tokens,
            self._tokenizer.eos_token_ids,
            self._decode,
            sampling=request.sampling.filled(self._loaded.author),
            dialect=self._loaded.dialect,
            constraint=prepared.constraint,
        )
        generation.expert = self._expert
        self._waiting.append(Row(generation))

    def embed(self, call: Call, texts: list[EncodedText]) -> None:
        self._check_memory(max(len(text.ids) for text in texts))
        self._forward_jobs.append(
            Embedding(call, texts, self._loaded.model, self._loaded.hidden_states, self._embedder)
        )

    def logits(self, call: Call, tokens: list[int]) -> None:
        self._check_held(tokens)
        self._forward_jobs.append(Logits(call, tokens, self._loaded.model, self._vocabulary))

    def score(self, call: Call, prompt: list[int], completion: list[int]) -> None:
        check_prompt(prompt, self._vocabulary, None)
        self._check_held(prompt + completion)
        self._forward_jobs.append(Score(call, prompt, completion, self._loaded.model, self._vocabulary))

    def rerank(self, call: Call, pairs: list[Pair]) -> None:
        longest = max(len(pair.tokens) for pair in pairs)
        self._check_memory(2 * longest)  # a copy of what the prompts have in common stays meanwhile
        self._forward_jobs.append(
            Rerank(call, pairs, self._reranker, self._loaded.model, self._decoder.copy_cache)
        )  # fmt: skip

    def parameters(self) -> list[dict[str, Any]]:
        """The answer of ``parameters``."""
        every = tree_flatten(self._loaded.model.parameters())
        return [{"name": name, "shape": list(w.shape), "dtype": dtype_name(w.dtype)} for name, w in every]

    def step(self, _poll: Poll) -> None:
        """A token for every row of the batch and a chunk of prompts or of another work, each if it is its turn."""
        try:
            with failures.checked(_MEMORY_HINT):
                self._drop_cancelled()
                self._start_waiting()
                self._take_turns()
        except DeviceFailed as failure:
            self._prefixes.clear()
            failure.blame(*(row.generation.call for row in self._rows() if row.generation.delivered))
            raise

    def _take_turns(self) -> None:
        decoding, prompts = self._requests()
        if decoding and not self._turns.prefill_next(decoding, len(prompts)):
            begun = time.monotonic()
            self._decode_step()
            self._turns.decoded(time.monotonic() - begun)
        begun = time.monotonic()
        while time.monotonic() - begun < ChunkSize.SECONDS / 2:  # short prompts go together
            decoding, prompts = self._requests()
            if not prompts or not self._turns.prefill_next(decoding, len(prompts)):
                return
            self._prefill_turn(decoding, prompts)

    def _requests(self) -> tuple[int, list[Row | ForwardJob]]:
        """(how many requests decode, the prompts and the other work in the order of their arrival)."""
        prompts: list[Row | ForwardJob] = sorted([*self._prefilling, *list(self._forward_jobs)[:1]], key=_received_at)
        return len(self._decoder.rows) + len(self._joining), prompts

    def _prefill_turn(self, decoding: int, prompts: list[Row | ForwardJob]) -> None:
        if decoding:  # the pass under way is decoding's time
            begun = time.monotonic()
            self._settle()
            self._turns.decoded(time.monotonic() - begun)
        begun = time.monotonic()
        prompt = self._turns.pick(prompts)
        self._forward_step(prompt) if isinstance(prompt, ForwardJob) else self._prefill_step(prompt)
        self._turns.prefilled(time.monotonic() - begun)

    # --- decoding

    def _decode_step(self) -> None:
        joining = self._joining
        whole, ended = [], []  # rows whose generation ended, and these with those that failed

        def deliver(row: Row, token: int, log_prob: Any, drafted: bool) -> None:
            row.suspect, row.strikes = False, 0
            try:
                if isinstance(log_prob, Exception):
                    raise log_prob
                if row.generation.add(token, log_prob, drafted):
                    whole.append(row)
                    ended.append(row)
            except Exception as error:  # this row's own
                _fail(row.generation.call, error)
                ended.append(row)

        try:
            self._decoder.step(joining, deliver)
        except Exception as error:
            self._recover(error, {*self._decoder.rows, *joining} - {*ended})
        self._joining = []
        self._answer(whole)
        self._remove_rows([row for row in ended if row in self._decoder.rows])

    def _answer(self, rows: list[Row]) -> None:
        """Answers rows whose generation ended, once every pass that their tokens came from is known to have worked.

        MLX may report a pass that failed only after it gave out tokens of it.
        """
        if rows and self._settle(rows):
            for row in rows:
                row.generation.answer()

    def _settle(self, ended: list[Row] | tuple[Any, ...] = ()) -> bool:
        """Waits for every pass that was begun and returns whether all worked; if not, the ended rows failed."""
        try:
            self._decoder.settle()
        except Exception as error:
            for row in ended:
                _fail(row.generation.call, error)
            self._recover(error, {*self._decoder.rows} - {*ended})
            return False
        return True

    def _remove_rows(self, rows: list[Any]) -> None:
        """Removes answered rows from the batch and keeps their caches."""
        if not rows:
            return
        try:
            self._decoder.remove(rows, keep_caches=self._prefixes.enabled)
            self._store_caches(rows)
        except Exception as error:
            self._recover(error, {*self._decoder.rows} - {*rows})

    def _store_caches(self, rows: list[Row]) -> None:
        for row in rows:
            if row.cache is not None and row.in_cache:
                self._prefixes.put(row.tokens[: row.in_cache], row.cache, row.salt)
                row.cache = None

    def _drop_cancelled(self) -> None:
        cancelled = [row for row in self._rows() if row.generation.cancelled]
        for row in cancelled:  # answer first: to leave the batch waits for the pass under way
            row.generation.call.fail(Cancelled("The request was cancelled."))
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
        known = failures.traced(_typed(error), error)
        _log.error("a step failed; its %d requests begin again", len(rows), exc_info=error)
        self._decoder.reset()
        mx.clear_cache()
        for row in sorted(rows, key=lambda row: row.generation.call.received, reverse=True):
            row.cache, row.in_cache, row.suspect = None, 0, True
            row.strikes += 1
            if row.strikes > 1:
                row.generation.call.fail(known)
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
            if len(running) >= self._most_rows or (running and alone) or not self._has_memory(row, running):
                return
            if self._waits_for_prefix(row, running):
                continue
            if long >= MAX_LONG_PROMPTS and row.left - self._prefixes.shared(row.tokens, row.salt) > LONG_PROMPT_TOKENS:
                continue
            self._waiting.remove(row)
            row.generation.started()
            row.cache, row.in_cache = self._prefixes.take(row.tokens, row.salt)
            if row.cache is None:
                row.cache = self._decoder.new_cache()
            row.generation.cached_tokens = min(row.in_cache, len(row.generation.prompt_tokens))
            self._prefilling.append(row)
            long += row.left > LONG_PROMPT_TOKENS

    def _waits_for_prefix(self, row: Row, running: list[Row]) -> bool:
        """Whether a running request is about to have much of what this one begins with. Once it has, it is kept."""
        if not running or not self._prefixes.enabled or not self._decoder.shares:
            return False
        usable, other = max(((_shared_tokens(other, row), other) for other in running), key=lambda found: found[0])
        if usable - self._prefixes.shared(row.prompt, row.salt) < MIN_SHARED_TOKENS:
            return False
        if other.in_cache < usable:
            return True
        try:
            snapshot = self._decoder.snapshot(other) if other.cache is None else copy.deepcopy(other.cache)
            self._prefixes.put(other.tokens[: other.in_cache], snapshot, other.salt)
        except Exception as error:  # it would have been of use, but is not needed
            failures.check(error)
            _log.warning("a prefix could not be shared", exc_info=True)
        return False

    def _prefill_step(self, row: Row) -> None:
        """Prefills a chunk of a row, which joins the batch once all but its last token is in its cache."""
        try:
            self._prefill(row)
        except Exception as error:  # this row's own fault, or at least nobody else's loss
            self._prefilling.remove(row)
            _fail(row.generation.call, error)
            return
        if not row.left:
            self._prefilling.remove(row)
            self._joining.append(row)

    def _prefill(self, row: Row) -> None:
        tokens = row.tokens
        chunk = tokens[row.in_cache : min(row.in_cache + self._chunk.tokens(row.in_cache), len(tokens) - 1)]
        if not chunk:
            return
        begun = time.monotonic()
        self._decoder.prefill(row.cache, chunk)
        self._chunk.learn(len(chunk), row.in_cache, time.monotonic() - begun)
        row.in_cache += len(chunk)
        if row.left:
            row.generation.progress(row.in_cache, len(tokens))
        mx.clear_cache()

    # --- other works

    def _forward_step(self, job: ForwardJob) -> None:
        try:
            done = job.step(self._chunk)
        except Exception as error:
            self._forward_jobs.remove(job)
            _fail(job.call, error)
        else:
            if done:
                self._forward_jobs.remove(job)

    def _check_held(self, tokens: list[int]) -> None:
        """Refuses token ids outside the vocabulary, and more tokens than the context or the memory can hold."""
        check_prompt(tokens, self._vocabulary, None)
        if self._context is not None and len(tokens) > self._context:
            raise ContextOverflow(
                f"There are {len(tokens)} tokens, but the model's context holds {self._context}.",
                "Give fewer, or use a model with a longer context.",
            )
        self._check_memory(len(tokens))

    # --- memory

    def _check_memory(self, tokens: int) -> None:
        """Refuses a request that doesn't fit even on its own."""
        wanted = self._kv_tokens(tokens)
        memory.check(wanted, 0, self._kv_bytes, self._available(wanted))

    def _has_memory(self, row: Row, running: list[Row]) -> bool:
        if not running or self._kv_bytes is None:
            return True
        wanted = sum(self._kv_tokens(other.max_tokens) - other.in_cache for other in [row, *running])
        available = self._available(wanted)
        return available is None or wanted * self._kv_bytes <= available

    def _available(self, tokens: int) -> int | None:
        """Bytes available for KV caches, after evicting finished prefixes if necessary."""
        available = available_bytes(self._memory_limit)
        if available is not None and self._kv_bytes and tokens * self._kv_bytes > available and len(self._prefixes):
            self._prefixes.clear()
            mx.clear_cache()
            available = available_bytes(self._memory_limit)
        return available

    def _kv_tokens(self, tokens: int) -> int:
        return tokens if self._most_kv_tokens is None else min(tokens, self._most_kv_tokens)

    def _rows(self) -> list[Row]:
        return [*self._decoder.rows, *self._joining, *self._prefilling, *self._waiting]

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def _shared_tokens(other: Row, row: Row) -> int:
    """How many tokens of a running request's prompt another one could begin with."""
    if other.salt != row.salt:
        return 0
    return min(common_prefix(other.prompt, row.prompt), len(other.prompt) - 1, len(row.prompt) - 1)


def _received_at(prompt: Row | ForwardJob) -> float:
    """When the call of a row or of another work arrived."""
    return prompt.call.received


_MEMORY_HINT = "Send shorter prompts, or fewer requests at once."


def _typed(error: Exception) -> WorkerError:
    return failures.typed(error, _MEMORY_HINT) or _engine_failed(error)


def _fail(call: Call, error: Exception) -> None:
    failures.fail(call, error, _MEMORY_HINT, _engine_failed)


def _engine_failed(error: Exception) -> EngineFailed:
    return EngineFailed(f"A step of mlx-lm failed: {type(error).__name__}: {error}")


def widest_dtype(weights: dict[str, Any]) -> Any:
    """The widest floating-point type of weights; float16 where there are none."""
    types = {w.dtype for _, w in tree_flatten(weights) if mx.issubdtype(w.dtype, mx.floating)}
    return max(types, key=lambda dtype: dtype.size, default=mx.float16)


def dtype_name(dtype: Any) -> str:
    return str(dtype).removeprefix("mlx.core.")


def used_memory() -> Any:
    """Memory that MLX uses in this process, in bytes."""
    return {
        "activeBytes": mx.get_active_memory(),
        "peakBytes": mx.get_peak_memory(),
        "cacheBytes": mx.get_cache_memory(),
    }


def available_bytes(limit: int | None) -> int | None:
    """Memory that MLX can use now, in bytes, with what it keeps for later use, or None if that is unknown.

    The smallest of what is left of the user's ``limit`` (or None), what is left of Metal's recommended working set, and
    what the system can provide beside other processes. Cheap, but not meant to be called for each token.
    """
    device = mx.device_info().get("max_recommended_working_set_size")
    rooms = [most - mx.get_active_memory() for most in (limit, device) if most]
    free = memory.available_bytes()
    if free is not None:
        rooms.append(free + mx.get_cache_memory())
    return min(rooms, default=None)


def vocabulary_of(config: dict[str, Any], tokenizer: Any) -> int:
    size = config.get("vocab_size") or (config.get("text_config") or {}).get("vocab_size")
    return size if isinstance(size, int) else len(tokenizer)
