"""transformers' generate(), one request at a time; the others wait in a queue."""

import os
from collections import deque

import torch
from transformers import GenerationConfig

from mlx4j_worker import memory, prompts
from mlx4j_worker.errors import Cancelled, EngineFailed, OutOfMemory
from mlx4j_worker.folder import context_length
from mlx4j_worker.generation import Generation
from mlx4j_worker.requests import check_fits

PREFILL_CHUNK = 512  # tokens between two looks at the cancel flag


class HfEngine:
    """One loaded model. Every method runs on the main thread."""

    def __init__(self, source, model, tokenizer, config, eos_ids, packages):
        self._source = source
        self._model = model
        self._tokenizer = tokenizer
        self._eos_ids = eos_ids
        self._packages = packages
        self._context = context_length(config)
        self._vocabulary = model.get_input_embeddings().num_embeddings
        self._kv_bytes = memory.kv_bytes_per_token(config, model.dtype.itemsize)
        self._queue = deque()  # the first is the one that runs

    @property
    def busy(self):
        return bool(self._queue)

    def describe(self):
        """The result of ``initialize``."""
        device = self._model.device.type
        allocated = torch.cuda.memory_allocated() if device == "cuda" else self._model.get_memory_footprint()
        return {
            "model": self._source,
            "device": device,
            "contextLength": self._context,
            "vocabularySize": self._vocabulary,
            "chat": self._tokenizer.chat_template is not None,
            "concurrent": False,
            "memory": {"activeBytes": allocated, "peakBytes": allocated},
            "packages": self._packages,
        }

    def has(self, call):
        return any(generation.call is call for generation in self._queue)

    def submit(self, call, request):
        tokens = prompts.encode(self._tokenizer, request)
        limit = check_fits(request, tokens, self._vocabulary, self._context)
        memory.check(len(tokens) + limit, 0, self._kv_bytes, self._available_bytes())
        self._queue.append(Generation(call, request, tokens, limit, self._eos_ids, self._decode))

    def step(self, poll):
        """One whole request; ``poll`` takes in new calls between its tokens."""
        self._drop_cancelled()
        if not self._queue:
            return
        generation = self._queue[0]
        try:
            self._generate(generation, poll)
        except _EndedError:
            pass
        except (MemoryError, torch.OutOfMemoryError) as error:
            generation.call.fail(
                OutOfMemory(f"Out of memory: {error}", "Send a shorter prompt or a smaller maxTokens.")
            )
        except Exception as error:  # this request failed; the next one may do
            generation.call.fail(EngineFailed(f"transformers failed: {type(error).__name__}: {error}"))
        finally:
            self._queue.popleft()

    def _generate(self, generation, poll):
        request = generation.request
        generation.started()
        if request.temperature > 0:
            torch.manual_seed(request.seed if request.seed is not None else int.from_bytes(os.urandom(7), "little"))
        watch = self._model.register_forward_pre_hook(lambda *_: self._between(generation, poll))
        try:
            with torch.inference_mode():
                ids = torch.tensor([generation.prompt_tokens], device=self._model.device)
                self._model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    generation_config=self._config(generation),
                    streamer=_Streamer(generation),
                )
        finally:
            watch.remove()

    def _config(self, generation):
        request, sample = generation.request, generation.request.temperature > 0
        sampling = (
            {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k} if sample else {}
        )
        ends = sorted(self._eos_ids)
        return GenerationConfig(
            max_new_tokens=generation.max_tokens,
            do_sample=sample,
            eos_token_id=ends or None,
            pad_token_id=ends[0] if ends else 0,  # never generated: there is one row
            prefill_chunk_size=PREFILL_CHUNK,
            **sampling,
        )

    def _between(self, generation, poll):
        """Runs before each forward pass: takes in calls, ends what was cancelled."""
        poll()
        self._drop_cancelled(after=1)
        if generation.cancelled:
            generation.call.fail(Cancelled("The request was cancelled."))
            raise _EndedError

    def _drop_cancelled(self, after=0):
        for generation in list(self._queue)[after:]:
            if generation.cancelled:
                generation.call.fail(Cancelled("The request was cancelled before it began."))
                self._queue.remove(generation)

    def _available_bytes(self):
        if self._model.device.type == "cuda":
            return torch.cuda.mem_get_info()[0]
        return memory.available_bytes()

    def _decode(self, ids):
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


class _EndedError(Exception):
    """Leaves generate(): the call is answered."""


class _Streamer:
    """Hands each new token to the generation. generate() first puts the prompt's ids, then one id at a time."""

    def __init__(self, generation):
        self._generation = generation
        self._prompt_seen = False

    def put(self, ids):
        if not self._prompt_seen:
            self._prompt_seen = True
        elif self._generation.add(int(ids.flatten()[0])):
            raise _EndedError

    def end(self):
        pass
