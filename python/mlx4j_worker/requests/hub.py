"""The params of the calls about a model of the hub."""

from collections.abc import Collection
from dataclasses import dataclass
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.fields import MAX_BYTES, check_type, integer, number, read, row, text, typed


def _read_source(name: str, value: Any) -> str:
    source = None if value is None else check_type(name, value, str)
    if not source or source.startswith(("/", ".", "~")) or source.count("/") != 1:
        raise InvalidRequest(f"{name} is {shown(source)}, but must be the id of a model of the hub: org/name.")
    return source


@dataclass(frozen=True)
class HubRequest:
    """A model of the hub, for the calls that work on the hub's cache; ``token`` is the user's.

    ``stall`` is in seconds, ``room`` how many bytes of weights can be loaded.
    """

    source: str = row(_read_source, required=True)
    revision: str | None = text()
    token: str | None = text(name="hubToken")
    stall: float | None = number(0, 86_400, above=True, name="stallSeconds")
    room: int | None = integer(0, MAX_BYTES, name="roomBytes")


def parse_hub(params: dict[str, Any], known: Collection[str]) -> HubRequest:
    """The params of a call about a model of the hub, of which it takes those in ``known``."""
    return read(HubRequest, params, known=known)


def token_of(params: dict[str, Any]) -> str | None:
    """The user's token of the hub in the params of a call."""
    return typed(params, "hubToken", str, None)
