"""What the engines of both workers share beside the scheduler: preparing requests, and accepting them."""

from abc import abstractmethod
from typing import Any

from mlx4j_worker.call import Call
from mlx4j_worker.engine.generation import Generation, Prepared
from mlx4j_worker.engine.row import Row
from mlx4j_worker.engine.scheduler import Decoder as Backend
from mlx4j_worker.engine.scheduler import Scheduler
from mlx4j_worker.models import rerank
from mlx4j_worker.models.embeddings.embedder import Embedder
from mlx4j_worker.models.rerank import Pair, Reranker
from mlx4j_worker.requests.generate import GenerateRequest, check_fits
from mlx4j_worker.requests.options import Options
from mlx4j_worker.requests.prompt import PromptRequest, check_prompt
from mlx4j_worker.requests.texts import EmbedRequest, RerankRequest
from mlx4j_worker.text import prompts
from mlx4j_worker.text.detokenizer import Decoder
from mlx4j_worker.text.grammar import Grammars
from mlx4j_worker.text.prompts import Prompt


class Engine(Scheduler):
    """One loaded model. Every method runs on the thread that loaded it, except those that prepare requests.

    ``loaded`` is the LoadedModel of a worker's loading.py. ``tokenizer`` is that of transformers, and ``writer`` what
    renders chats with it. ``context`` is in tokens, or None.
    """

    chats = True  # whether the model generates text

    def __init__(
        self,
        source: str,
        loaded: Any,
        options: Options,
        decoder: Backend,
        *,
        tokenizer: Any,
        writer: Any,
        context: int | None,
        vocabulary: int,
        eos_ids: set[int],
        worker: str,
        library: str,
    ) -> None:
        super().__init__(decoder, options.prefix_cache_bytes, library)
        self._source = source
        self._loaded = loaded
        self._options = options
        self._tokenizer = tokenizer
        self._writer = writer
        self._context = context
        self._vocabulary = vocabulary
        self._eos_ids = eos_ids
        self._decode = Decoder(tokenizer)
        self._texts = prompts.TextLimit(tokenizer, context)
        self._embedder = Embedder(loaded.layout, source, tokenizer, vocabulary, context)
        self._grammars = Grammars(tokenizer, vocabulary, eos_ids, f"mlx4j setup {worker}")
        self._reranker: Any = self._find_reranker()
        chats = self.chats and not rerank.has_template(self._reranker)
        self._about_template = prompts.template_warnings(writer) if chats else []
        self._rerank_limit = context  # of the tokens of a document, with its query

    def _find_reranker(self) -> Any:
        return rerank.decoder(self._loaded.layout, self._tokenizer, self._source, self._options.reranker)

    @property
    def tokenizer(self) -> Any:
        return self._tokenizer

    def describe(self) -> dict[str, Any]:
        """The result of ``initialize``."""
        found, loaded = self._loaded.layout, self._loaded
        embeds = self._has_hidden_states and self._embedder.can_embed
        capabilities = [*self._decoder.capabilities, *loaded.dialect.capabilities(), *self._more_capabilities()]
        capabilities += ["embeddings"] if embeds else []
        capabilities += rerank.capabilities(self._reranker)
        unable = [] if "rerank" in capabilities else self._embedder.warnings
        return {
            "model": self._source,
            "device": self._device,
            "contextLength": self._context,
            "vocabularySize": self._vocabulary,
            "chat": self._has_chat_template,
            "concurrent": self._decoder.concurrent,
            "capabilities": sorted(capabilities),
            "format": found.format,
            "base": found.base,
            "adapter": str(found.adapter.folder) if found.adapter else None,
            "experts": list(found.dylora.experts) if found.dylora else [],
            "dtype": self._dtype,
            "embeddings": self._embedder.to_json() if embeds else None,
            "warnings": [*loaded.warnings, *self._about_template, *rerank.warnings(self._reranker), *unable],
            "samplingDefaults": loaded.author.to_json(),
            "memory": {name: value for name, value in self.memory().items() if name != "cacheBytes"},
            "packages": loaded.packages,
        }

    @abstractmethod
    def memory(self) -> dict[str, Any]:
        """Memory in use, in bytes; may be called on any thread."""

    @property
    def _device(self) -> str:
        raise NotImplementedError

    @property
    def _dtype(self) -> str:
        raise NotImplementedError

    @property
    def _has_chat_template(self) -> bool:
        raise NotImplementedError

    @property
    def _has_hidden_states(self) -> bool:
        raise NotImplementedError

    def _more_capabilities(self) -> list[str]:
        """Names of options in use, and of what else this engine can do."""
        raise NotImplementedError

    # --- preparing requests, on any thread: no arrays, and nothing of the engine changes

    def prompt(self, request: PromptRequest, fits: bool = False) -> Prompt:
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

    def encode_texts(self, request: EmbedRequest) -> list:
        """The EncodedText of each text of an embed request."""
        self._check_hidden_states()
        return self._embedder.encode(request)

    def encode_completion(self, completion: str) -> list[int]:
        self._texts.check_context(completion)
        return self._tokenizer.encode(completion, add_special_tokens=False)

    def encode_pairs(self, request: RerankRequest) -> list[Pair]:
        """The Pairs of a request to rerank."""
        pairs = self._usable_reranker().pairs(self._tokenizer, request, self._rerank_limit)
        for pair in pairs:
            check_prompt(pair.tokens, self._vocabulary, None)
        return pairs

    def _usable_reranker(self) -> Reranker:
        return rerank.usable(self._reranker)

    @abstractmethod
    def _check_hidden_states(self) -> None:
        """Raises InvalidRequest where the library returns no hidden states for this model."""

    # --- accepting requests

    def submit(self, call: Call, request: GenerateRequest, prepared: Prepared) -> None:
        self._budget.check(len(prepared.prompt.tokens) + prepared.max_tokens)
        generation = Generation(
            call,
            request,
            prepared.prompt,
            prepared.max_tokens,
            self._eos_ids,
            self._decode,
            sampling=request.sampling.filled(self._loaded.author),
            dialect=self._loaded.dialect,
            constraint=prepared.constraint,
        )
        self._waiting.append(Row(generation))
