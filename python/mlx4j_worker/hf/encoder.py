"""Recognizes encoders such as BERT, and which of their weights are used."""

from typing import Any

from transformers import PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from mlx4j_worker.models import rerank

_GENERATES = ("ForCausalLM", "LMHeadModel")
_UNUSED = ("pooler.", "embeddings.position_ids")  # of the weights: BERT's own pooling, and a table of 0, 1, 2, …


def is_encoder(config: dict[str, Any]) -> bool:
    """Whether a config.json is of a model whose tokens see those after them, so that it can't generate."""
    if rerank.classifier(config):
        return False
    if config.get("is_causal") is False or config.get("use_bidirectional_attention") is True:
        return True
    if config.get("is_encoder_decoder") or config.get("is_decoder"):
        return False
    names = config.get("architectures")
    generates = isinstance(names, list) and any(str(name).endswith(_GENERATES) for name in names)
    return config.get("model_type") in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not generates


def without_heads(report: dict[str, Any], model: PreTrainedModel) -> dict[str, Any]:
    """transformers' report of a load without what hidden states don't need: heads among the weights, and a pooler."""
    own = {name.partition(".")[0] for name, _ in model.named_parameters()}
    prefix = f"{model.base_model_prefix}."
    missing = [name for name in report["missing_keys"] if not name.startswith(_UNUSED)]
    excess = [name.removeprefix(prefix) for name in report["unexpected_keys"]]
    excess = [name for name in excess if name.partition(".")[0] in own and not name.startswith(_UNUSED)]
    return {**report, "missing_keys": missing, "unexpected_keys": excess}
