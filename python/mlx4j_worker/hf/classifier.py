"""The engine for a sequence classifier with one label, which reranks documents and does nothing else."""

import torch

from mlx4j_worker import rerank
from mlx4j_worker.errors import NotSupported
from mlx4j_worker.hf.engine import HfEngine
from mlx4j_worker.hf.reranking import MAX_ROWS, padded


class ClassifierEngine(HfEngine):
    """A sequence classifier with one label. Thread-safety as HfEngine's."""

    def __init__(self, source, parts, options):
        super().__init__(source, parts, options)
        self._pad = self._model.config.pad_token_id
        self._takes_types = "token_type_ids" in self._takes
        self._limit = _limit(self._model, self._tokenizer)

    def _find_reranker(self):
        return rerank.of_classifier(self._parts.layout, self._tokenizer, self._options.reranker)

    def describe(self):
        generation = {"logProbs", "penalties", "responseFormat", "embeddings", "thinking", "tools"}
        told = super().describe()
        return {**told, "chat": False, "capabilities": [c for c in told["capabilities"] if c not in generation]}

    def _refuse(self, *_):
        raise NotSupported(
            f"{self._source} is a sequence classifier, which can only rerank documents.",
            "Use rerank, or another model for this.",
        )

    prepare = encode_texts = encode_completion = check_actions = logits = _refuse

    def _end_logits(self, pairs):
        """Each pair's logit, in float32."""
        ids, mask = padded(pairs, self._pad or 0, self._model.device)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if self._takes_types and all(pair.types for pair in pairs):
            types = [pair.types + [0] * (ids.shape[1] - len(pair.types)) for pair in pairs]
            inputs["token_type_ids"] = torch.tensor(types, device=ids.device)
        return self._model(**inputs).logits[:, 0].float()

    @property
    def _batch_rows(self):
        """Where there is no token for padding, transformers can't tell where a text ends in a batch."""
        return MAX_ROWS if self._pad is not None else 1


def _limit(model, tokenizer):
    """How many tokens a classifier takes: the tokenizer's limit, or that of its positions, whichever is smaller."""
    config = model.config
    positions = getattr(config, "max_position_embeddings", None)
    limits = [tokenizer.model_max_length]
    if isinstance(positions, int) and positions > 0:
        limits.append(positions - _reserved_positions(model))
    return min(limits)


def _reserved_positions(model):
    """RoBERTa and its like count positions from one above the padding's."""
    for module in model.modules():
        padding, table = getattr(module, "padding_idx", None), getattr(module, "position_embeddings", None)
        if isinstance(padding, int) and isinstance(table, torch.nn.Embedding) and table.padding_idx is not None:
            return padding + 1
    return 0
