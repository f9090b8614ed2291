"""The engine on transformers' generate(): one request at a time; the others wait in a queue."""

import base64
import inspect
import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationConfig

from mlx4j_worker import failures, memory
from mlx4j_worker.call import Call, Poll
from mlx4j_worker.engine.generation import Generation, Prepared
from mlx4j_worker.errors import Cancelled, EngineFailed, InvalidRequest, NotSupported
from mlx4j_worker.hf import device_memory, models
from mlx4j_worker.hf.actions import ACTIONS
from mlx4j_worker.hf.reranking import MAX_ROWS, batches, padded
from mlx4j_worker.hf.sampling import Sampler
from mlx4j_worker.models import rerank
from mlx4j_worker.models.embeddings.embedder import Embedder, result
from mlx4j_worker.models.embeddings.pooling import Pool
from mlx4j_worker.models.embeddings.texts import EncodedText
from mlx4j_worker.models.rerank import Pair, Reranker
from mlx4j_worker.requests.generate import GenerateRequest, check_fits
from mlx4j_worker.requests.options import Options
from mlx4j_worker.requests.prompt import PromptRequest, check_prompt
from mlx4j_worker.requests.texts import EmbedRequest, RerankRequest
from mlx4j_worker.text import prompts
from mlx4j_worker.text.grammar import Grammars
from mlx4j_worker.text.prompts import Prompt

if TYPE_CHECKING:
    from mlx4j_worker.hf.loading import LoadedModel

PREFILL_CHUNK = 512  # tokens between two looks at the cancel flag


class HfEngine:
    """One loaded model. Every method runs on the main thread, except those that prepare requests.

    ``loaded`` is what loading.py found out, a loading.LoadedModel.
    """

    chats = True  # whether the model generates text

    def __init__(self, source: str, loaded: "LoadedModel", options: Options) -> None:
        self._source = source
        self._loaded = loaded
        self._options = options
        self._model = model = loaded.model
        self._tokenizer = loaded.tokenizer
        self._context = models.context_of(model, loaded.layout.config)
        self._texts = prompts.TextLimit(loaded.tokenizer, self._context)
        self._vocabulary = model.get_input_embeddings().weight.shape[0]
        self._embedder = Embedder(loaded.layout, source, loaded.tokenizer, self._vocabulary, self._context)
        self._footprint = model.get_memory_footprint()
        self._peak = 0
        self._kv_bytes = memory.kv_bytes_per_token(loaded.layout.config, model.dtype.itemsize)
        self._grammars = Grammars(loaded.tokenizer, self._vocabulary, loaded.eos_ids, "mlx4j setup hf")
        self._takes = takes = inspect.signature(model.forward).parameters
        self._caches = models.can_cache(model.config)
        chunks = self._caches and "past_key_values" in takes
        self._chunk = PREFILL_CHUNK if chunks else None  # generate() makes no chunks of Mamba's
        self._keeps_few = "logits_to_keep" in takes
        self._reranker: Any = self._find_reranker()
        chats = self.chats and not rerank.has_template(self._reranker)
        self._about_template = prompts.template_warnings(self._tokenizer) if chats else []
        self._limit = self._context  # of the tokens of a document to rerank, with its query
        # Each call with the function of ``poll`` that serves it; the first is the one that runs.
        self._queue: deque[tuple[Call, Callable[[Poll], None]]] = deque()

    def _find_reranker(self) -> Reranker | NotSupported:
        return rerank.decoder(self._loaded.layout, self._tokenizer, self._source, self._options.reranker)

    @property
    def tokenizer(self) -> Any:
        return self._tokenizer

    @property
    def busy(self) -> bool:
        return bool(self._queue)

    def describe(self) -> dict[str, Any]:
        """The result of ``initialize``."""
        found, given = self._loaded.layout, ("adapter", "trustRemoteCode", "allowPickles", "memoryLimitBytes", "device")
        capabilities = ["logProbs", "penalties", "responseFormat", *self._loaded.dialect.capabilities()]
        embeds = self._has_hidden_states and self._embedder.can_embed
        capabilities += ["embeddings"] if embeds else []
        capabilities += ["actions"] if self._loaded.head else []
        capabilities += rerank.capabilities(self._reranker)
        unable = [] if "rerank" in capabilities else self._embedder.warnings
        return {
            "model": self._source,
            "device": self._model.device.type,
            "contextLength": self._context,
            "vocabularySize": self._vocabulary,
            "chat": self._tokenizer.chat_template is not None,
            "concurrent": False,
            "capabilities": sorted(capabilities + self._options.given(*given)),
            "format": found.format,
            "base": found.base,
            "adapter": str(found.adapter.folder) if found.adapter else None,
            "experts": list(found.dylora.experts) if found.dylora else [],
            "dtype": _name(self._model.dtype),
            "embeddings": self._embedder.to_json() if embeds else None,
            "warnings": [*self._loaded.warnings, *self._about_template, *rerank.warnings(self._reranker), *unable],
            "samplingDefaults": self._loaded.author.to_json(),
            "memory": {name: value for name, value in self.memory().items() if name != "cacheBytes"},
            "packages": self._loaded.packages,
        }

    def memory(self) -> dict[str, Any]:
        """Memory in use, in bytes; on the CPU that of the weights alone. May be called on any thread."""
        used = device_memory.used_bytes(self._model.device.type)
        if used is None:
            return {"activeBytes": self._footprint, "peakBytes": self._footprint, "cacheBytes": None}
        self._peak = max(self._peak, used["peakBytes"])
        return {**used, "peakBytes": self._peak}

    def has(self, call: Call) -> bool:
        return any(one is call for one, _ in self._queue)

    # --- preparing requests, on any thread: no tensors, and nothing of the engine changes

    def prompt(self, request: PromptRequest, fits: bool = False) -> Prompt:
        """The Prompt of a request; with ``fits``, ContextOverflow if its text is surely too long for the context."""
        check = self._texts.check_context if fits else prompts.check_size
        return prompts.encode(self._tokenizer, request, self._loaded.dialect, check)

    def render(self, request: PromptRequest) -> str:
        return prompts.render(self._tokenizer, request, self._loaded.dialect)

    def prepare(self, request: GenerateRequest) -> Prepared:
        """The Prepared of a generate request."""
        prompt = self.prompt(request, fits=True)
        limit = check_fits(request, prompt.tokens, self._vocabulary, self._context)
        return Prepared(prompt, limit, request.response_format and self._grammars.constraint(request.response_format))

    def encode_texts(self, request: EmbedRequest) -> list[EncodedText]:
        """The texts of an embed request, as embeddings.Text."""
        self._check_hidden_states()
        return self._embedder.encode(request)

    def encode_actions(self, texts: Any) -> Any:
        """The token ids of texts to classify."""
        self._check_hidden_states()
        for text in texts:
            self._texts.check_context(text)
        tokens = [prompts.encode_text(self._tokenizer, text) for text in texts]
        for ids in tokens:
            check_prompt(ids, self._vocabulary, self._context)
        return tokens

    def _check_hidden_states(self) -> None:
        if not self._has_hidden_states:
            raise InvalidRequest("transformers returns no hidden states for this model, so it can't embed texts.")

    def encode_completion(self, completion: Any) -> Any:
        self._texts.check_context(completion)
        return self._tokenizer.encode(completion, add_special_tokens=False)

    def encode_pairs(self, request: RerankRequest) -> list[Pair]:
        """The Pairs of a request to rerank."""
        pairs = rerank.usable(self._reranker).pairs(self._tokenizer, request, self._limit)
        for pair in pairs:
            check_prompt(pair.tokens, self._vocabulary, None)
        return pairs

    def check_actions(self) -> None:
        if self._loaded.head is None:
            raise InvalidRequest(
                "The model has no action head.", "Name its file in options.actionHead, or set options.actionHeadSeed."
            )

    # --- taking requests

    def submit(self, call: Call, request: GenerateRequest, prepared: Prepared) -> None:
        prompt, limit = prepared.prompt, prepared.max_tokens
        memory.check(len(prompt.tokens) + limit, 0, self._kv_bytes, self._available_bytes())
        generation = Generation(
            call,
            request,
            prompt,
            limit,
            self._loaded.eos_ids,
            self._decode,
            sampling=request.sampling.filled(self._loaded.author),
            dialect=self._loaded.dialect,
            constraint=prepared.constraint,
        )
        self._queue.append((call, partial(self._generate, generation)))

    def embed(self, call: Call, texts: list[EncodedText]) -> None:
        self._queue.append((call, partial(self._embed, call, texts)))

    def classify_actions(self, call: Call, tokens: list[int]) -> None:
        self._queue.append((call, partial(self._classify, call, tokens)))

    def logits(self, call: Call, tokens: list[int]) -> None:
        self._check_logits(tokens, len(tokens))
        self._queue.append((call, partial(self._logits, call, tokens)))

    def logits_of(self, tokens: list[int]) -> Any:
        """The logits [tokens, vocabulary] of one pass, as a float32 array of numpy, at once and outside the queue."""
        ids = self._ids(tokens)
        with torch.inference_mode():
            self._choose_expert(ids)
            return self._model(ids, use_cache=False).logits[0].float().cpu().numpy()

    def score(self, call: Call, prompt: list[int], tokens: list[int]) -> None:
        if not prompt or not tokens:
            raise InvalidRequest(f"The {'completion' if prompt else 'prompt'} is empty: it has no tokens.")
        self._check_logits(prompt + tokens, len(tokens) if self._keeps_few else len(prompt + tokens))
        self._queue.append((call, partial(self._score, call, prompt, tokens)))

    def rerank(self, call: Call, pairs: list[Pair]) -> None:
        if not self._keeps_few:
            memory.check_logits(max(len(pair.tokens) for pair in pairs), self._vocabulary, self._available_bytes())
        self._queue.append((call, partial(self._rerank, call, pairs)))

    def parameters(self) -> Any:
        """All parameters, those of adapters and of the action head too."""
        named = list(self._model.named_parameters())
        if self._loaded.head:
            named += [(f"actionHead.{name}", parameter) for name, parameter in self._loaded.head.named_parameters()]
        return [{"name": name, "shape": list(p.shape), "dtype": _name(p.dtype)} for name, p in named]

    def _check_logits(self, tokens: list[int], count: int) -> None:
        """Nothing is generated after these tokens, so that they may fill the context."""
        check_prompt(tokens, self._vocabulary, self._context and self._context + 1)
        memory.check_logits(count, self._vocabulary, self._available_bytes())

    def step(self, poll: Poll) -> None:
        """One whole call; ``poll`` takes in new ones between its tokens or texts."""
        self._drop_cancelled()
        if not self._queue:
            return
        call, serve = self._queue[0]
        try:
            with torch.inference_mode():
                serve(poll)
        except _EndedError:
            pass
        except Exception as error:  # this call failed; the next one may do
            failures.fail(call, error, "Send a shorter prompt or a smaller maxTokens.", _engine_failed)
        finally:
            self._queue.popleft()

    def _generate(self, generation: Generation, poll: Poll) -> None:
        generation.started()
        sampler, prompt = Sampler(generation), generation.prompt_tokens
        passes = 0

        def before_pass(*_: tuple[Any, ...] | torch.nn.Module) -> None:
            nonlocal passes
            self._check_cancelled(generation.call, poll)
            if self._chunk and 0 < passes * self._chunk < len(prompt):
                generation.progress(passes * self._chunk, len(prompt))
            passes += 1

        def choose(_ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
            """A logits processor that leaves one token."""
            token, log_prob = sampler.next(logits[0])
            if generation.add(token, log_prob):
                generation.answer()  # to read a token, torch waits for the device and raises what failed there
                raise _EndedError
            return torch.full_like(logits, -math.inf).index_fill_(1, torch.tensor([token], device=logits.device), 0)

        ids = self._ids(prompt)
        generation.expert = self._choose_expert(ids)
        watch = self._model.register_forward_pre_hook(before_pass)
        try:
            config = GenerationConfig(
                max_new_tokens=generation.max_tokens,
                pad_token_id=0,  # never generated: there is one row
                prefill_chunk_size=self._chunk,
                use_cache=self._caches,
            )
            self._model.generate(
                ids, attention_mask=torch.ones_like(ids), generation_config=config, logits_processor=[choose]
            )
        finally:
            watch.remove()

    def _embed(self, call: Call, texts: list[EncodedText], poll: Poll) -> None:
        for index, text in enumerate(texts):
            self._check_cancelled(call, poll)
            hidden = self._hidden_states(text.ids)
            vector = self._embedder.vector([_pooled(pool, hidden) for pool in self._embedder.pools(text)])
            call.notify("embedding", {"index": index, "vector": _base64(torch.from_numpy(vector))})
        call.answer(result(texts, len(vector)))

    def _classify(self, call: Call, texts: Any, poll: Poll) -> None:
        logits = []
        for tokens in texts:
            self._check_cancelled(call, poll)
            logits.append(self._loaded.head(self._hidden_states(tokens).mean(0).cpu()).tolist())
        call.answer({"actions": list(ACTIONS), "logits": logits})

    def _hidden_states(self, tokens: list[int]) -> torch.Tensor:
        """The last hidden states, [tokens, features] in float32."""
        ids = self._ids(tokens)
        self._choose_expert(ids)
        return self._last_hidden_states(ids)[0].float()

    def _last_hidden_states(self, ids: torch.Tensor) -> torch.Tensor:
        return self._model.base_model(ids, use_cache=False).last_hidden_state

    def _logits(self, call: Call, tokens: list[int], poll: Poll) -> None:
        self._check_cancelled(call, poll)
        ids = self._ids(tokens)
        self._choose_expert(ids)
        for index, values in enumerate(self._model(ids, use_cache=False).logits[0]):
            self._check_cancelled(call, poll)
            call.notify("positionLogits", {"index": index, "values": _base64(values)})
        call.answer({"count": len(tokens), "vocabularySize": len(values)})

    def _score(self, call: Call, prompt: list[int], tokens: list[int], poll: Poll) -> None:
        """The expert is that of the prompt, as if the completion were being generated."""
        self._check_cancelled(call, poll)
        self._choose_expert(self._ids(prompt))
        few = {"logits_to_keep": len(tokens)} if self._keeps_few else {}
        logits = self._model(self._ids(prompt + tokens[:-1]), use_cache=False, **few).logits[0, -len(tokens) :].float()
        wanted = torch.tensor(tokens, device=logits.device)
        log_probs = logits.log_softmax(-1).gather(1, wanted[:, None])[:, 0]
        call.answer(
            {
                "promptTokens": len(prompt),
                "tokens": tokens,
                "logProbs": [max(value, -1e9) for value in log_probs.tolist()],  # JSON has no infinities
                "greedy": bool((logits.argmax(-1) == wanted).all()),
            }
        )

    def _rerank(self, call: Call, pairs: list[Pair], poll: Poll) -> None:
        scores = [0.0] * len(pairs)
        for batch in batches(pairs, self._batch_rows):
            self._check_cancelled(call, poll)
            logits = self._end_logits([pairs[index] for index in batch])
            for index, logit in zip(batch, logits.tolist(), strict=True):
                scores[index] = self._reranker.score(logit)
        call.answer(self._reranker.result(scores, pairs))

    def _end_logits(self, pairs: list[Pair]) -> torch.Tensor:
        """The logits of the Reranker's tokens after each pair, in float32."""
        ids, mask = padded(pairs, 0, self._model.device)
        self._choose_expert(ids)
        ends = mask.sum(1) - 1
        kept, places = ends.unique(return_inverse=True)
        few = {"logits_to_keep": kept} if self._keeps_few else {}
        logits = self._model(ids, use_cache=False, **few).logits
        logits = logits[torch.arange(len(pairs), device=ids.device), places if self._keeps_few else ends].float()
        logit = logits[:, self._reranker.yes]
        return logit if self._reranker.no is None else logit - logits[:, self._reranker.no]

    @property
    def _batch_rows(self) -> int:
        """How many documents go through the model at once; each may need an expert of its own, or all its logits."""
        return MAX_ROWS if self._keeps_few and not self._loaded.experts else 1

    def _ids(self, tokens: list[int]) -> torch.Tensor:
        return torch.tensor([tokens], device=self._model.device)

    def _choose_expert(self, ids: torch.Tensor) -> Any:
        """Puts the expert for a prompt on a DyLoRA-MoE and returns its name; None for any other model."""
        return self._loaded.experts and self._loaded.experts.use_for(ids)

    def _check_cancelled(self, call: Call, poll: Poll) -> None:
        """Takes in calls, ends what was cancelled: the one that runs by leaving it."""
        poll()
        self._drop_cancelled(after=1)
        if call.cancelled:
            raise Cancelled("The request was cancelled.")

    def _drop_cancelled(self, after: int = 0) -> None:
        for one in list(self._queue)[after:]:
            if one[0].cancelled:
                one[0].fail(Cancelled("The request was cancelled before it began."))
                self._queue.remove(one)

    @property
    def _has_hidden_states(self) -> bool:
        return self._model.base_model is not self._model

    def _available_bytes(self) -> int | None:
        return device_memory.available_bytes(self._model.device.type, self._options.memory_limit_bytes)

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


class _EndedError(Exception):
    """Ends generate(), because the call is answered."""


def _pooled(pool: Pool, hidden: torch.Tensor) -> Any:
    """What an embeddings Pool makes of hidden states, on the CPU."""
    weights = torch.from_numpy(pool.weights).to(hidden.device)[:, None]
    return ((hidden + weights).amax(0) if pool.largest else (hidden * weights).sum(0)).cpu().numpy()


def _base64(values: torch.Tensor) -> str:
    return base64.b64encode(values.float().cpu().numpy().astype("<f4").tobytes()).decode()


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def _engine_failed(error: Exception) -> EngineFailed:
    return EngineFailed(f"transformers failed: {type(error).__name__}: {error}")
