"""The params of ``embed``, ``classifyActions`` and ``rerank``."""

from dataclasses import dataclass
from typing import Any

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.fields import check_type, flag, read, row, strings, text
from mlx4j_worker.wire import well_formed

MAX_TEXTS = 4096
MAX_DOCUMENTS = 1024


def _read_query(name: str, value: Any) -> str:
    if value is None or not check_type(name, value, str).strip():
        raise InvalidRequest(f"{name} must be a non-blank string.")
    return well_formed(value)


def _read_instruction(name: str, value: Any) -> str:
    if not check_type(name, value, str).strip():
        raise InvalidRequest(f"{name} is blank.", "Leave it out for the model's own.")
    return well_formed(value)


def _read_documents(name: str, value: Any) -> list[str]:
    documents = strings(name, value, 1, MAX_DOCUMENTS)
    if (blank := next((i for i, text in enumerate(documents) if not text.strip()), None)) is not None:
        raise InvalidRequest(f"{name}[{blank}] is blank.", "Leave it out.")
    return documents


@dataclass(frozen=True)
class EmbedRequest:
    """Texts to embed, each after the prompt of this name; None is the model's default prompt, if it has one."""

    texts: list[str] = row(lambda name, value: strings(name, value, 1, MAX_TEXTS), required=True)
    prompt_name: str | None = text()


@dataclass(frozen=True)
class RerankRequest:
    """Documents to be scored for a query. ``truncate`` drops the end of what is too long for the model."""

    query: str = row(_read_query, required=True)
    documents: list[str] = row(_read_documents, required=True)
    instruction: str | None = row(_read_instruction)
    truncate: bool = flag()


def parse_embed(params: dict[str, Any]) -> EmbedRequest:
    """The request in the params of ``embed``."""
    return read(EmbedRequest, params)


def parse_texts(params: dict[str, Any]) -> list[str]:
    """The texts in the params of ``classifyActions``."""
    return read(EmbedRequest, params, known={"texts"}).texts


def parse_rerank(params: dict[str, Any]) -> RerankRequest:
    """The request in the params of ``rerank``."""
    return read(RerankRequest, params)
