"""The options of ``initialize``. A new one is a row of Options."""

from dataclasses import dataclass
from typing import Any

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.fields import (
    MAX_BYTES,
    MAX_SEED,
    choice,
    flag,
    integer,
    read,
    refuse_empty,
    rows_of,
    text,
    typed,
)

RERANKERS = ("qwen3",)
MAX_RANKS = 16
DTYPES = ("bfloat16", "float16", "float32")
DEVICES = ("auto", "cuda", "mps", "cpu")


@dataclass(frozen=True)
class Options:
    """How a model is loaded and run."""

    adapter: str | None = text()
    base: str | None = text()
    expert: str | None = text()
    dtype: str | None = choice(DTYPES)
    action_head: str | None = text()
    action_head_seed: int | None = integer(0, MAX_SEED)  # of a freshly initialized action head
    trust_remote_code: bool = flag()
    allow_pickles: bool = flag()
    memory_limit_bytes: int | None = integer(1, MAX_BYTES)
    draft_model: str | None = text()
    draft_tokens: int = integer(1, 16, default=3)
    kv_bits: int | None = choice((4, 8), int)
    kv_tokens: int | None = integer(64)
    prefix_cache_bytes: int = integer(0, MAX_BYTES, default=1 << 30)
    ranks: int | None = integer(2, MAX_RANKS)
    hosts: str | None = text()
    wired_limit: bool = flag()
    device: str = choice(DEVICES, default="auto")
    reranker: str | None = choice(RERANKERS)

    def given(self, *names: str) -> list[str]:
        """Those of the names, as on the wire, whose options don't have their default."""
        rows = rows_of(Options)
        return [name for name in names if getattr(self, rows[name].name) != rows[name].default]

    def refuse(self, worker: str, other: str, *names: str) -> None:
        """Raises InvalidRequest if one of the named options, which ``worker`` doesn't support, is set."""
        if given := self.given(*names):
            raise InvalidRequest(
                f"{', '.join(given)} can't be used with the {worker} worker.",
                f"Leave it out, or use the {other} worker.",
            )


def parse_options(params: dict[str, Any]) -> Options:
    """The options in the params of ``initialize``."""
    given = typed(params, "options", dict, {})
    refuse_empty(given, "options.")
    options = read(Options, given, "options.")
    if options.action_head is not None and options.action_head_seed is not None:
        raise InvalidRequest(
            "actionHead and actionHeadSeed can't be used together.",
            "Name the file of a trained head, or the seed of a fresh one.",
        )
    return options
