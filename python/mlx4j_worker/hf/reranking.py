"""Batches of documents to rerank, for torch."""

import torch

from mlx4j_worker.models.rerank import Pair

MAX_ROWS = 8  # documents that go through the model at once
MAX_BATCH_TOKENS = 4096  # of a batch, with padding; a longer document is a batch of its own


def batches(pairs: list[Pair], rows: int = MAX_ROWS) -> list[list[int]]:
    """Indexes of pairs in batches, those of about one length together."""
    batch: list[int] = []
    out: list[list[int]] = []
    for index in sorted(range(len(pairs)), key=lambda i: len(pairs[i].tokens)):
        if batch and (len(batch) == rows or len(pairs[index].tokens) * (len(batch) + 1) > MAX_BATCH_TOKENS):
            out.append(batch)
            batch = []
        batch.append(index)
    return [*out, batch]


def padded(pairs: list[Pair], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """(ids, attention mask) of pairs [rows, tokens], padded on the right: causal attention never looks there."""
    longest = max(len(pair.tokens) for pair in pairs)
    ids = torch.tensor([pair.tokens + [pad] * (longest - len(pair.tokens)) for pair in pairs], device=device)
    lengths = torch.tensor([len(pair.tokens) for pair in pairs], device=device)
    return ids, (torch.arange(longest, device=device) < lengths[:, None]).long()
