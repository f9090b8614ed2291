"""The fields of a call's params as table rows: a name, a type, bounds and a default.

A request is a dataclass, and each of its fields is one row:

    @dataclass(frozen=True)
    class SamplingParams:
        top_p: float | None = number(0, 1, above=True, off=1.0)

``read(SamplingParams, params)`` makes the request from JSON, where this field is called ``topP``. A null counts as left
out. What doesn't fit raises InvalidRequest with the field's name.
"""

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from reprlib import repr as shown  # shortens long values
from typing import Any, TypeVar

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.wire import well_formed

MAX_INT = 2**31 - 1
MAX_SEED = 2**63 - 1
MAX_BYTES = 2**62

T = TypeVar("T")
Reader = Callable[[str, Any], Any]  # takes the name on the wire and the value in JSON, returns the field's value


@dataclass(frozen=True)
class Bounds:
    """A number from ``low`` to ``high``. ``above`` excludes ``low``."""

    low: float
    high: float
    above: bool = False
    whole: bool = False

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high and not (self.above and value == self.low)

    def read(self, name: str, value: Any) -> float:
        right = isinstance(value, int if self.whole else (int, float)) and not isinstance(value, bool)
        if not right or not self.contains(value):
            raise InvalidRequest(f"{name} is {shown(value)}, but must be {self}.")
        return value if self.whole else float(value)

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} {'above' if self.above else 'from'} {self.low} {'up to' if self.above else 'to'} {self.high}"


def row(read: Reader, *, required: bool = False, name: str | None = None, **more: Any) -> Any:
    """A field that ``read`` converts. ``name`` is its name on the wire, if that is not its own in camel case.

    ``more`` is for ``dataclasses.field``; what a required field has as a default is for Python code only.
    """
    metadata = {"read": read, "required": required, "name": name, **more.pop("metadata", {})}
    if not required and "default_factory" not in more:
        more.setdefault("default", None)
    return dataclasses.field(metadata=metadata, **more)


def number(low: float, high: float, *, above: bool = False, off: float | None = None, **more: Any) -> Any:
    """A number; ``off`` is the value that switches an option off."""
    bounds = Bounds(low, high, above)
    return row(bounds.read, metadata={"bounds": bounds, "off": off}, **more)


def integer(low: int, high: int = MAX_INT, *, off: int | None = None, **more: Any) -> Any:
    """A whole number; ``off`` is the value that switches an option off."""
    bounds = Bounds(low, high, whole=True)
    return row(bounds.read, metadata={"bounds": bounds, "off": off}, **more)


def flag(default: bool | None = False) -> Any:
    """True or false."""
    return row(lambda name, value: check_type(name, value, bool), default=default)


def text(**more: Any) -> Any:
    """A string, as it is."""
    return row(lambda name, value: check_type(name, value, str), **more)


def choice(values: Collection[Any], kind: type = str, **more: Any) -> Any:
    """One of the values."""

    def read(name: str, value: Any) -> Any:
        if value is not None:
            check_type(name, value, kind)
        if value not in values:
            raise InvalidRequest(f"{name} is {shown(value)}, but must be one of {', '.join(map(str, values))}.")
        return value

    return row(read, **more)


def nested(cls: type, **more: Any) -> Any:
    """An object with the fields of another dataclass."""
    return row(lambda name, value: read(cls, check_type(name, value, dict), f"{name}."), **more)


def read(cls: type[T], params: dict[str, Any], prefix: str = "", known: Collection[str] | None = None) -> T:
    """A dataclass from JSON. ``known`` are the only fields that the call takes, by default all of them.

    ``prefix`` comes before the names of unknown fields in the error.
    """
    rows = rows_of(cls)
    refuse_unknown(params, rows if known is None else known, prefix)
    values = {}
    for name, found in rows.items():
        value = params.get(name)
        if value is not None or found.metadata["required"]:
            values[found.name] = found.metadata["read"](name, value)
    return cls(**values)


def rows_of(cls: type) -> dict[str, dataclasses.Field]:
    """The fields of a dataclass by their names on the wire."""
    found = dataclasses.fields(cls)
    return {one.metadata["name"] or camel_case(one.name): one for one in found if "read" in one.metadata}


def camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def refuse_unknown(params: dict[str, Any], known: Collection[str], prefix: str) -> None:
    if unknown := sorted(params.keys() - {*known}):
        raise InvalidRequest(
            f"This worker does not know {', '.join(prefix + name for name in unknown)}.",
            f"It knows {', '.join(prefix + name for name in sorted(known))}.",
        )


def refuse_empty(params: dict[str, Any], prefix: str) -> None:
    """Refuses fields that are an empty string."""
    if empty := [name for name, value in params.items() if value == ""]:
        raise InvalidRequest(f"{prefix}{empty[0]} is empty.", "Leave it out, or give it a value.")


def check_type(name: str, value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise InvalidRequest(f"{name} is {type(value).__name__}, but must be {kind.__name__}.")
    return value


def typed(params: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    """The value of a field that is in no table."""
    value = params.get(name)
    return default if value is None else check_type(name, value, kind)


def strings(name: str, value: Any, low: int, high: int) -> list[str]:
    """A list of ``low`` to ``high`` strings."""
    texts = check_type(name, value, list) if value is not None else []
    if not low <= len(texts) <= high or not all(isinstance(text, str) for text in texts):
        raise InvalidRequest(f"{name} must be a list of {low} to {high} strings.")
    return [well_formed(text) for text in texts]
