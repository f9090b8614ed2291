"""The engine for one model of mlx-lm."""

from typing import TYPE_CHECKING, Any

import mlx.core as mx
from mlx.utils import tree_flatten

from mlx4j_worker import memory
from mlx4j_worker.call import Call
from mlx4j_worker.engine.budget import KvBudget
from mlx4j_worker.engine.engine import Engine
from mlx4j_worker.engine.generation import Prepared
from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.mlx import wired
from mlx4j_worker.mlx.reranking import Rerank
from mlx4j_worker.mlx.scoring import Embedding, Logits, Score
from mlx4j_worker.models.embeddings.texts import EncodedText
from mlx4j_worker.models.rerank import Pair
from mlx4j_worker.requests.generate import GenerateRequest
from mlx4j_worker.requests.options import Options
from mlx4j_worker.requests.prompt import check_prompt

if TYPE_CHECKING:
    from mlx4j_worker.mlx.loading import LoadedModel

_MODES = ("adapter", "draftModel", "kvBits", "kvTokens", "memoryLimitBytes", "ranks", "hosts", "wiredLimit")


class MlxEngine(Engine):
    """One loaded model, a loading.LoadedModel."""

    def __init__(self, source: str, loaded: "LoadedModel", options: Options) -> None:
        wrapper = loaded.tokenizer
        tokenizer = wrapper._tokenizer
        super().__init__(
            source,
            loaded,
            options,
            loaded.decoder,
            tokenizer=tokenizer,
            # mlx-lm's wrapper turns thinking on where a request says nothing; where it can, the template decides that.
            writer=wrapper if wrapper._chat_template else tokenizer,
            context=loaded.context,
            vocabulary=vocabulary_of(loaded.config, wrapper),
            eos_ids=wrapper.eos_token_ids,
            worker="mlx",
            library="mlx-lm",
        )
        value_bytes = loaded.dtype.size if options.kv_bits is None else options.kv_bits / 8 * 1.125
        self._budget = KvBudget(
            memory.kv_bytes_per_token(loaded.config, value_bytes / loaded.machines),
            lambda: available_bytes(options.memory_limit_bytes),
            self._evict_prefixes,
            options.kv_tokens or loaded.window,
        )
        if options.wired_limit:
            kv_bytes = self._budget.tokens(self._context or 0) * (self._budget.bytes_per_token or 0)
            wired.set_limit(mx.get_active_memory(), kv_bytes)

    @property
    def _device(self) -> str:
        return "gpu" if mx.default_device() == mx.gpu else "cpu"

    @property
    def _dtype(self) -> str:
        return dtype_name(self._loaded.dtype)

    @property
    def _has_chat_template(self) -> bool:
        return bool(self._loaded.tokenizer.has_chat_template)

    @property
    def _has_hidden_states(self) -> bool:
        return self._loaded.hidden_states is not None

    def _more_capabilities(self) -> list[str]:
        return self._options.given(*_MODES)

    def memory(self) -> dict[str, Any]:
        """Memory that MLX uses, in bytes; may be called on any thread."""
        return used_memory()

    def encode_completion(self, completion: str) -> list[int]:
        tokens = super().encode_completion(completion)
        if not tokens:
            raise InvalidRequest("The completion has no tokens.", "Give at least one token of text.")
        return tokens

    def _check_hidden_states(self) -> None:
        if not self._has_hidden_states:
            raise InvalidRequest("mlx-lm returns no hidden states for this model, so it can't embed texts.")

    def check_actions(self) -> None:
        raise InvalidRequest(
            "The mlx worker has no action head, so it can't classify actions.",
            "Use the hf worker, with options.actionHead or options.actionHeadSeed.",
        )

    # --- accepting requests

    def submit(self, call: Call, request: GenerateRequest, prepared: Prepared) -> None:
        super().submit(call, request, prepared)
        self._waiting[-1].generation.expert = self._options.expert

    def embed(self, call: Call, texts: list[EncodedText]) -> None:
        self._budget.check(max(len(text.ids) for text in texts))
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
        self._budget.check(2 * longest)  # a copy of what the prompts have in common stays meanwhile
        self._forward_jobs.append(
            Rerank(call, pairs, self._reranker, self._loaded.model, self._decoder.copy_cache)
        )  # fmt: skip

    def parameters(self) -> list[dict[str, Any]]:
        """The answer of ``parameters``."""
        every = tree_flatten(self._loaded.model.parameters())
        return [{"name": name, "shape": list(w.shape), "dtype": dtype_name(w.dtype)} for name, w in every]

    def _check_held(self, tokens: list[int]) -> None:
        """Refuses token ids outside the vocabulary, and more tokens than the context or the memory can hold."""
        check_prompt(tokens, self._vocabulary, None)
        if self._context is not None and len(tokens) > self._context:
            raise ContextOverflow(
                f"There are {len(tokens)} tokens, but the model's context holds {self._context}.",
                "Give fewer, or use a model with a longer context.",
            )
        self._budget.check(len(tokens))

    def _evict_prefixes(self) -> bool:
        if not len(self._prefixes):
            return False
        self._prefixes.clear()
        mx.clear_cache()
        return True


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
