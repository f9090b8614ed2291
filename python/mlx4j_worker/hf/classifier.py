"""The engine for a sequence classifier with one label, which only reranks documents."""

from typing import TYPE_CHECKING, Any

import torch

from mlx4j_worker.errors import ModelLoadFailed, NotSupported
from mlx4j_worker.hf.engine import HfEngine
from mlx4j_worker.hf.reranking import MAX_ROWS, padded
from mlx4j_worker.models import rerank
from mlx4j_worker.models.rerank import Pair, Reranker
from mlx4j_worker.requests.options import Options

if TYPE_CHECKING:
    from mlx4j_worker.hf.loading import LoadedModel


class ClassifierEngine(HfEngine):
    """A sequence classifier with one label. Thread-safety as HfEngine's."""

    chats = False

    def __init__(self, source: str, loaded: "LoadedModel", options: Options) -> None:
        super().__init__(source, loaded, options)
        self._pad = self._model.config.pad_token_id
        self._takes_types = "token_type_ids" in self._takes
        limits = (self._tokenizer.model_max_length, self._context)
        self._rerank_limit = min(limit for limit in limits if limit is not None)

    def _find_reranker(self) -> Reranker:
        found = rerank.of_classifier(self._loaded.layout, self._tokenizer, self._options.reranker)
        if isinstance(found, NotSupported):  # it could do nothing else
            raise ModelLoadFailed(str(found), found.hint)
        return found

    def describe(self) -> dict[str, Any]:
        generation = {"logProbs", "penalties", "responseFormat", "embeddings", "thinking", "tools"}
        told = super().describe()
        capabilities = [one for one in told["capabilities"] if one not in generation]
        return {**told, "chat": False, "capabilities": capabilities, "embeddings": None}

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotSupported(
            f"{self._source} is a sequence classifier, which can only rerank documents.",
            "Use rerank, or another model for this.",
        )

    prepare = encode_texts = encode_completion = check_actions = logits = _refuse

    def _end_logits(self, pairs: list[Pair]) -> torch.Tensor:
        """Each pair's logit, in float32."""
        ids, mask = padded(pairs, self._pad or 0, self._model.device)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if self._takes_types and all(pair.types for pair in pairs):
            types = [[*(pair.types or ()), *[0] * (ids.shape[1] - len(pair.types or ()))] for pair in pairs]
            inputs["token_type_ids"] = torch.tensor(types, device=ids.device)
        return self._model(**inputs).logits[:, 0].float()

    @property
    def _batch_rows(self) -> int:
        """Where there is no token for padding, transformers can't tell where a text ends in a batch."""
        return MAX_ROWS if self._pad is not None else 1
