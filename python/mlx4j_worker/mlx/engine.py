"""Continuous batching on mlx-lm's BatchGenerator: requests join and leave between two steps."""

import logging
import os

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.generate import BatchGenerator
from mlx_lm.sample_utils import apply_top_k, apply_top_p

from mlx4j_worker import memory, prompts
from mlx4j_worker.errors import Cancelled, EngineFailed, OutOfMemory
from mlx4j_worker.folder import context_length
from mlx4j_worker.generation import Generation
from mlx4j_worker.requests import check_fits

# A prefill chunk is what a cancel or a neighbour's next token waits for. Measured on two CPU cores, 128 tokens
# are also the fastest; the GPU value is mlx-lm's own quarter, not measured.
PREFILL_CHUNK_CPU = 128
PREFILL_CHUNK_GPU = 512

_log = logging.getLogger("mlx4j.mlx")


class MlxEngine:
    """One loaded model. Every method runs on the thread that loaded it."""

    def __init__(self, source, model, tokenizer, config, packages):
        self._source = source
        self._model = model
        self._tokenizer = tokenizer
        self._packages = packages
        self._context = context_length(config)
        self._vocabulary = _vocabulary(config, tokenizer)
        self._kv_bytes = memory.kv_bytes_per_token(config, _value_bytes(model.parameters()))
        self._generator = self._new_generator()
        self._running = {}  # uid of the generator -> Generation

    @property
    def busy(self):
        return bool(self._running)

    def describe(self):
        """The result of ``initialize``."""
        return {
            "model": self._source,
            "device": "gpu" if mx.default_device() == mx.gpu else "cpu",
            "contextLength": self._context,
            "vocabularySize": self._vocabulary,
            "chat": bool(self._tokenizer.has_chat_template),
            "concurrent": True,
            "memory": {"activeBytes": mx.get_active_memory(), "peakBytes": mx.get_peak_memory()},
            "packages": self._packages,
        }

    def has(self, call):
        return any(generation.call is call for generation in self._running.values())

    def submit(self, call, request):
        tokens = prompts.encode(self._tokenizer, request)
        limit = check_fits(request, tokens, self._vocabulary, self._context)
        running = sum(len(g.prompt_tokens) + g.max_tokens for g in self._running.values())
        memory.check(len(tokens) + limit, running, self._kv_bytes, _available_bytes())
        generation = Generation(call, request, tokens, limit, self._tokenizer.eos_token_ids, self._decode)
        sampler = _sampler(request)
        (uid,) = self._generator.insert([list(tokens)], max_tokens=[limit], samplers=[sampler])
        generation.started()
        self._running[uid] = generation

    def step(self, _poll):
        """One step: every running request prefills a chunk or gets a token."""
        self._drop([uid for uid, generation in self._running.items() if generation.cancelled])
        try:
            prefilled, generated = self._generator.next()
        except Exception as error:  # one request's fault breaks the whole generator: start over
            self._rebuild(error)
            return
        for response in prefilled:
            done, total = response.progress
            if done + 1 < total and response.uid in self._running:
                self._running[response.uid].progress(done, total)
        ended = [r for r in generated if r.uid in self._running and self._running[r.uid].add(r.token)]
        for response in ended:
            del self._running[response.uid]
        if left := [r.uid for r in ended if r.finish_reason is None]:
            self._generator.remove(left)  # ended by a stop string, of which the generator knows nothing

    def _drop(self, uids):
        for uid in uids:  # answer first: remove() waits for the step in flight
            self._running.pop(uid).call.fail(Cancelled("The request was cancelled."))
        if uids:
            self._generator.remove(uids)

    def _rebuild(self, error):
        _log.error("a step failed; every running request fails with it", exc_info=True)
        running, self._running = self._running, {}
        self._generator.close()
        self._generator = self._new_generator()
        for generation in running.values():
            generation.call.fail(_typed(error))

    def _new_generator(self):
        chunk = PREFILL_CHUNK_GPU if mx.default_device() == mx.gpu else PREFILL_CHUNK_CPU
        stops = [[token] for token in self._tokenizer.eos_token_ids]
        return BatchGenerator(self._model, stop_tokens=stops, prefill_step_size=chunk)

    def _decode(self, ids):
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def _typed(error):
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or "allocate" in text or "malloc" in text:
        return OutOfMemory(f"mlx ran out of memory: {text}", "Send shorter prompts, or fewer requests at once.")
    return EngineFailed(f"A step of mlx-lm failed: {text}")


def _value_bytes(weights):
    """Bytes of one value in the KV cache: those of the widest floating-point weights."""
    return max((w.dtype.size for _, w in tree_flatten(weights) if mx.issubdtype(w.dtype, mx.floating)), default=2)


def _available_bytes():
    limit = mx.device_info().get("max_recommended_working_set_size")
    return limit - mx.get_active_memory() if limit else memory.available_bytes()


def _vocabulary(config, tokenizer):
    size = config.get("vocab_size") or (config.get("text_config") or {}).get("vocab_size")
    return size if isinstance(size, int) else len(tokenizer)


def _sampler(request):
    """None for greedy, else a sampler with random numbers of its own, so that batch mates don't change the text.

    Takes log-probabilities [1, vocabulary], returns token ids [1].
    """
    if request.temperature == 0:
        return None
    seed = request.seed if request.seed is not None else int.from_bytes(os.urandom(8), "little")
    key = mx.random.key(seed)

    def sample(logprobs):
        nonlocal key
        key, draw = mx.random.split(key)
        if request.top_p < 1:
            logprobs = apply_top_p(logprobs, request.top_p)
        if request.top_k > 0:
            logprobs = apply_top_k(logprobs, request.top_k)
        return mx.random.categorical(logprobs / request.temperature, key=draw)

    return sample
