"""The engine for an encoder such as BERT, which gives embeddings and nothing else."""

import torch

from mlx4j_worker.errors import NotSupported
from mlx4j_worker.hf.engine import HfEngine


class EncoderEngine(HfEngine):
    """An encoder. Thread-safety as HfEngine's."""

    chats = False

    def __init__(self, source, loaded, options):
        loaded.model.config.use_cache = False
        super().__init__(source, loaded, options)

    def describe(self):
        told = super().describe()
        kept = {"embeddings", *self._options.given("adapter", "trustRemoteCode", "memoryLimitBytes", "device")}
        return {**told, "chat": False, "capabilities": [one for one in told["capabilities"] if one in kept]}

    def _refuse(self, *_):
        raise NotSupported(
            f"{self._source} is an encoder: it makes embeddings, and can't generate or score text.",
            "Use another model for this.",
        )

    prepare = encode_completion = logits = _refuse

    @property
    def _has_hidden_states(self):
        return True

    def _last_hidden_states(self, ids):
        return self._model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
