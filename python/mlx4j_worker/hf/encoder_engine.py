"""The engine for an encoder such as BERT, which only computes embeddings."""

from typing import TYPE_CHECKING, Any

import torch

from mlx4j_worker.errors import NotSupported
from mlx4j_worker.hf.engine import HfEngine
from mlx4j_worker.requests.options import Options

if TYPE_CHECKING:
    from mlx4j_worker.hf.loading import LoadedModel


class EncoderEngine(HfEngine):
    """An encoder. Thread-safety as HfEngine's."""

    chats = False

    def __init__(self, source: str, loaded: "LoadedModel", options: Options) -> None:
        loaded.model.config.use_cache = False
        super().__init__(source, loaded, options)

    def describe(self) -> dict[str, Any]:
        told = super().describe()
        kept = {"embeddings", *self._options.given("adapter", "trustRemoteCode", "memoryLimitBytes", "device")}
        return {**told, "chat": False, "capabilities": [one for one in told["capabilities"] if one in kept]}

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotSupported(
            f"{self._source} is an encoder: it makes embeddings, and can't generate or score text.",
            "Use another model for this.",
        )

    prepare = encode_completion = logits = _refuse

    @property
    def _has_hidden_states(self) -> bool:
        return True

    def _last_hidden_states(self, ids: torch.Tensor) -> torch.Tensor:
        return self._model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
