"""The sample prompts that a conversion is verified with, and the file with transformers' logits for them."""

from pathlib import Path
from typing import Any

import numpy

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.text import prompts

GREEDY_TOKENS = 16
_MAX_TOKENS = 64
_TEXTS = (
    "The sky is blue because the air scatters",
    "Die Sonne scheint, und die Kinder spielen im",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "def add(a, b):\n    return a + b\n\n\ndef multiply(a, b):\n    return",
)


def sample_prompts(tokenizer: Any, context: int | None) -> list[list[int]]:
    """The token ids of each sample prompt, short enough for a model's context in tokens, or None."""
    limit = max(1, min(_MAX_TOKENS, (context or 2**31) - GREEDY_TOKENS))
    encoded = [prompts.encode_text(tokenizer, text)[:limit] for text in _TEXTS]
    return [tokens for tokens in encoded if tokens]


def save(file: Path, given: list[list[int]], logits: list[numpy.ndarray], dtype: str) -> None:
    """Write the prompts and the logits [tokens, vocabulary] of each; ``dtype`` is what they were computed in."""
    arrays = {f"tokens-{i}": numpy.array(tokens) for i, tokens in enumerate(given)}
    arrays |= {f"logits-{i}": values.astype(numpy.float32) for i, values in enumerate(logits)}
    with open(file, "wb") as out:
        numpy.savez(out, dtype=numpy.array(dtype), **arrays)


def load(file: Path) -> tuple[list[list[int]], list[numpy.ndarray], str]:
    """What ``save`` wrote: (the prompts, the logits of each, the dtype)."""
    try:
        with numpy.load(file, allow_pickle=False) as arrays:
            count = sum(name.startswith("tokens-") for name in arrays.files)
            given = [arrays[f"tokens-{i}"].tolist() for i in range(count)]
            return given, [arrays[f"logits-{i}"] for i in range(count)], str(arrays["dtype"])
    except (OSError, ValueError, KeyError) as error:
        raise InvalidRequest(f"The reference {file} can't be read: {error}", "Create it again.") from None
