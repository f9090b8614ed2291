"""Makes the JSON schemas of response formats stricter where a grammar alone would allow invalid texts."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mlx4j_worker.text import patterns
from mlx4j_worker.text.validation import exponent

_SCHEMAS = ("items", "additionalItems", "additionalProperties")  # keywords whose value is a schema
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")  # … a list of schemas
_MAPS = ("properties", "patternProperties", "$defs", "definitions")  # … an object of schemas
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")

_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DATE = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_LABELS = "[a-zA-Z0-9](?:-?[a-zA-Z0-9]){0,%d}(?:[.][a-zA-Z0-9](?:-?[a-zA-Z0-9]){0,%d}){0,%d}"
_STRICTER_FORMATS = {
    "date": f"^{_DATE}$",  # no 29 February in other years, no year 0
    "time": f"^{_TIME}$",  # no second 60, nanoseconds at the finest
    "date-time": f"^{_DATE}T{_TIME}$",
    "hostname": f"^(?:{_LABELS % (30, 30, 3)}|{_LABELS % (14, 14, 7)})$",  # of at most 253 characters, 63 a label
}


def tighten(schema: Any) -> Any:
    """A schema for llguidance: each text that it allows is valid by the given one.

    Raises ValueError that names what can't be enforced.
    """
    return _each_schema(schema, _stricter)


def _stricter(schema: dict[str, Any]) -> dict[str, Any]:
    for keyword in ("const", "enum"):
        if keyword in schema and (number := _inexact_in(schema[keyword])) is not None:
            raise ValueError(f"{keyword} has the number {number}, which has too many digits")
    schema = _without_open_end(_with_exact_bounds(schema))
    for keyword in _COUNTS:
        if isinstance(schema.get(keyword), float) and schema[keyword].is_integer():
            schema[keyword] = int(schema[keyword])  # 2.0 is an integer for JSON Schema, but not for llguidance
    if isinstance(schema.get("pattern"), str):
        schema["pattern"] = _pattern("pattern", schema["pattern"])
    if isinstance(schema.get("patternProperties"), dict):
        by_pattern = schema["patternProperties"].items()
        schema["patternProperties"] = {_pattern("patternProperties", name): value for name, value in by_pattern}
    name = schema.get("format")
    if isinstance(name, str) and name in _STRICTER_FORMATS:
        del schema["format"]
        wanted = {"pattern": _STRICTER_FORMATS[name]}
        if "pattern" in schema:
            schema["allOf"] = [*schema.get("allOf", []), wanted]
        else:
            schema |= wanted
    return schema


def _with_exact_bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """A copy in which a bound that llguidance may read wrongly, in the last digit, is a little stricter."""
    slack = {"minimum": 1e-14, "exclusiveMinimum": 1e-14, "maximum": -1e-14, "exclusiveMaximum": -1e-14}
    moved = {name: schema[name] + abs(schema[name]) * by for name, by in slack.items() if _is_inexact(schema.get(name))}
    return schema | moved


def _inexact_in(value: Any) -> float | None:
    """A number in JSON that llguidance may read wrongly, or None."""
    if isinstance(value, (dict, list)):
        children = value.values() if isinstance(value, dict) else value
        return next((found for child in children if (found := _inexact_in(child)) is not None), None)
    return value if _is_inexact(value) else None


def _is_inexact(value: Any) -> bool:
    """Whether llguidance may read a number as one of its neighbours: it multiplies the digits by a power of ten."""
    if not isinstance(value, float):
        return False
    number = Decimal(repr(value))
    return int("".join(map(str, number.as_tuple().digits))) > 2**53 or abs(exponent(number)) > 22


def _without_open_end(schema: dict[str, Any]) -> dict[str, Any]:
    """Without an exclusive bound that is whole where no other whole number is in the range, as in 0 < x <= 0.5.

    llguidance would allow the bound itself. An inclusive one, nearer to the other by a millionth, takes its place.
    """
    low, low_open = _bound(schema, "minimum", "exclusiveMinimum", max)
    high, high_open = _bound(schema, "maximum", "exclusiveMaximum", min)
    if low is None or high is None or not low < high:
        return schema
    if low_open and low >= 0 and low == math.trunc(high):
        schema["minimum"] = _moved(low, high)
        del schema["exclusiveMinimum"]
    if high_open and high <= 0 and high == math.trunc(low):
        schema["maximum"] = _moved(high, low)
        del schema["exclusiveMaximum"]
    return schema


def _bound(schema: dict[str, Any], inclusive: str, exclusive: str, stricter: Callable) -> tuple[float | None, bool]:
    """(the bound, whether it is exclusive)."""
    bounds = [schema[name] for name in (inclusive, exclusive) if _is_number(schema.get(name))]
    bound = stricter(bounds, default=None)
    return bound, bound is not None and _is_number(schema.get(exclusive)) and schema[exclusive] == bound


def _moved(bound: float, to: float) -> float:
    exact = Decimal(repr(bound))
    moved = float(exact + (Decimal(repr(to)) - exact) / 1_000_000)
    if moved == bound:
        raise ValueError(f"there are too few numbers between {bound} and {to}")
    return moved


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _pattern(keyword: str, pattern: str) -> str:
    try:
        return patterns.for_grammar(pattern)
    except ValueError as error:
        raise ValueError(f"{keyword} {pattern[:100]!r} has unsupported syntax: {error}") from None


def _each_schema(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A copy of a schema in which ``change`` was applied to each schema in it, the inner ones first."""
    if not isinstance(schema, dict):
        return schema
    copy = dict(schema)
    for keyword, value in schema.items():
        if keyword in _SCHEMAS and isinstance(value, dict):
            copy[keyword] = _each_schema(value, change)
        elif keyword in _LISTS and isinstance(value, list):
            copy[keyword] = [_each_schema(one, change) for one in value]
        elif keyword in _MAPS and isinstance(value, dict):
            copy[keyword] = {name: _each_schema(one, change) for name, one in value.items()}
    return change(copy)
