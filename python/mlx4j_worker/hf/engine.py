"""The engine for one model of transformers."""

import base64
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from mlx4j_worker import memory
from mlx4j_worker.call import Call, Poll
from mlx4j_worker.engine.budget import KvBudget
from mlx4j_worker.engine.engine import Engine
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.hf import batch, device_memory, models
from mlx4j_worker.hf.actions import ACTIONS
from mlx4j_worker.hf.jobs import Job
from mlx4j_worker.hf.reranking import MAX_ROWS, batches, padded
from mlx4j_worker.models.embeddings.embedder import result
from mlx4j_worker.models.embeddings.pooling import Pool
from mlx4j_worker.models.embeddings.texts import EncodedText
from mlx4j_worker.models.rerank import Pair
from mlx4j_worker.requests.options import Options
from mlx4j_worker.requests.prompt import check_prompt
from mlx4j_worker.text import prompts

if TYPE_CHECKING:
    from mlx4j_worker.hf.loading import LoadedModel

_MODES = ("adapter", "trustRemoteCode", "allowPickles", "memoryLimitBytes", "device")


class HfEngine(Engine):
    """One loaded model, a loading.LoadedModel."""

    def __init__(self, source: str, loaded: "LoadedModel", options: Options) -> None:
        self._model = model = loaded.model
        config, tokenizer = loaded.layout.config, loaded.tokenizer
        self._takes = inspect.signature(model.forward).parameters
        self._keeps_few = "logits_to_keep" in self._takes
        self._footprint = model.get_memory_footprint()
        self._peak = 0
        super().__init__(
            source,
            loaded,
            options,
            batch.decoder(model, loaded.experts) if self.chats else batch.Uncached(model, loaded.experts),
            tokenizer=tokenizer,
            writer=tokenizer,
            context=models.context_of(model, config),
            vocabulary=model.get_input_embeddings().weight.shape[0],
            eos_ids=loaded.eos_ids,
            worker="hf",
            library="transformers",
        )
        kv_bytes = memory.kv_bytes_per_token(config, model.dtype.itemsize)
        self._budget = KvBudget(kv_bytes, self._available_bytes, self._evict_prefixes)

    @property
    def _device(self) -> str:
        return self._model.device.type

    @property
    def _dtype(self) -> str:
        return _name(self._model.dtype)

    @property
    def _has_chat_template(self) -> bool:
        return self._tokenizer.chat_template is not None

    @property
    def _has_hidden_states(self) -> bool:
        return self._model.base_model is not self._model

    def _more_capabilities(self) -> list[str]:
        return [*self._options.given(*_MODES), *(["actions"] if self._loaded.head else [])]

    def memory(self) -> dict[str, Any]:
        """Memory in use, in bytes; on the CPU that of the weights alone. May be called on any thread."""
        used = device_memory.used_bytes(self._model.device.type)
        if used is None:
            return {"activeBytes": self._footprint, "peakBytes": self._footprint, "cacheBytes": None}
        self._peak = max(self._peak, used["peakBytes"])
        return {**used, "peakBytes": self._peak}

    # --- preparing requests, on any thread

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

    def check_actions(self) -> None:
        if self._loaded.head is None:
            raise InvalidRequest(
                "The model has no action head.", "Name its file in options.actionHead, or set options.actionHeadSeed."
            )

    # --- accepting requests

    def embed(self, call: Call, texts: list[EncodedText]) -> None:
        self._add_job(call, sum(len(text.ids) for text in texts), self._embed(call, texts))

    def classify_actions(self, call: Call, texts: list[list[int]]) -> None:
        self._add_job(call, sum(map(len, texts)), self._classify(call, texts))

    def logits(self, call: Call, tokens: list[int]) -> None:
        self._check_logits(tokens, len(tokens))
        self._add_job(call, len(tokens), self._logits(call, tokens))

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
        self._add_job(call, len(prompt + tokens), self._score(call, prompt, tokens))

    def rerank(self, call: Call, pairs: list[Pair]) -> None:
        if not self._keeps_few:
            memory.check_logits(max(len(pair.tokens) for pair in pairs), self._vocabulary, self._available_bytes())
        self._add_job(call, sum(len(pair.tokens) for pair in pairs), self._rerank(call, pairs))

    def _add_job(self, call: Call, tokens: int, work: Iterator[int]) -> None:
        self._forward_jobs.append(Job(call, tokens, work))

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
        with torch.inference_mode():
            super().step(poll)

    # --- other work than generating; each part yields how many tokens it took

    def _embed(self, call: Call, texts: list[EncodedText]) -> Iterator[int]:
        for index, text in enumerate(texts):
            hidden = self._hidden_states(text.ids)
            vector = self._embedder.vector([_pooled(pool, hidden) for pool in self._embedder.pools(text)])
            call.notify("embedding", {"index": index, "vector": _base64(torch.from_numpy(vector))})
            if index < len(texts) - 1:
                yield len(text.ids)
        call.answer(result(texts, len(vector)))

    def _classify(self, call: Call, texts: list[list[int]]) -> Iterator[int]:
        logits = []
        for tokens in texts:
            logits.append(self._loaded.head(self._hidden_states(tokens).mean(0).cpu()).tolist())
            if len(logits) < len(texts):
                yield len(tokens)
        call.answer({"actions": list(ACTIONS), "logits": logits})

    def _hidden_states(self, tokens: list[int]) -> torch.Tensor:
        """The last hidden states, [tokens, features] in float32."""
        ids = self._ids(tokens)
        self._choose_expert(ids)
        return self._last_hidden_states(ids)[0].float()

    def _last_hidden_states(self, ids: torch.Tensor) -> torch.Tensor:
        return self._model.base_model(ids, use_cache=False).last_hidden_state

    def _logits(self, call: Call, tokens: list[int]) -> Iterator[int]:
        ids = self._ids(tokens)
        self._choose_expert(ids)
        logits = self._model(ids, use_cache=False).logits[0]
        yield len(tokens)
        for index, values in enumerate(logits):
            call.notify("positionLogits", {"index": index, "values": _base64(values)})
            if index < len(tokens) - 1:
                yield 0
        call.answer({"count": len(tokens), "vocabularySize": len(values)})

    def _score(self, call: Call, prompt: list[int], tokens: list[int]) -> Iterator[int]:
        """The expert is that of the prompt, as if the completion were being generated."""
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
        yield from ()

    def _rerank(self, call: Call, pairs: list[Pair]) -> Iterator[int]:
        scores, done = [0.0] * len(pairs), 0
        for rows in batches(pairs, self._batch_rows):
            for index, logit in zip(rows, self._end_logits([pairs[i] for i in rows]).tolist(), strict=True):
                scores[index] = self._reranker.score(logit)
            done += len(rows)
            if done < len(pairs):
                yield sum(len(pairs[i].tokens) for i in rows)
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

    def _available_bytes(self) -> int | None:
        return device_memory.available_bytes(self._model.device.type, self._options.memory_limit_bytes)

    def _evict_prefixes(self) -> bool:
        if not len(self._prefixes):
            return False
        self._prefixes.clear()
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()
        return True


def _pooled(pool: Pool, hidden: torch.Tensor) -> Any:
    """What an embeddings Pool makes of hidden states, on the CPU."""
    weights = torch.from_numpy(pool.weights).to(hidden.device)[:, None]
    return ((hidden + weights).amax(0) if pool.largest else (hidden * weights).sum(0)).cpu().numpy()


def _base64(values: torch.Tensor) -> str:
    return base64.b64encode(values.float().cpu().numpy().astype("<f4").tobytes()).decode()


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")
