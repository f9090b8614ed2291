"""Validates a finished answer against its JSON schema, with code that shares nothing with the grammar.

It is ``jsonschema``, imported for the first answer, with numbers that are compared exactly, patterns and formats of our
own, and a limit of time.
"""

import functools
import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from mlx4j_worker.bounds import MAX_DEPTH, is_too_deep
from mlx4j_worker.text import patterns, string_formats

MAX_SECONDS = 5.0  # for one answer
MAX_EXPONENT = 10**17  # of a number whose own one is larger than Decimal's, which ends at 10**18


class Invalid(Exception):
    """An answer is invalid, or could not be validated; the message says why."""


def validate(text: str, schema: dict[str, Any], seconds: float = MAX_SECONDS) -> None:
    """Raise Invalid if a text is not JSON of the schema, or if finding out takes longer."""
    try:
        value = _read(text)
        if is_too_deep(value):
            raise Invalid(f"it is nested more than {MAX_DEPTH} levels deep")
        for error in _validator(schema, time.monotonic() + seconds).iter_errors(value):
            raise Invalid(f"{error.json_path[:200]} does not conform to {error.validator or 'a schema that is false'}")
    except Invalid:
        raise
    except RecursionError:
        raise Invalid("it is nested too deeply to be validated") from None
    except TimeoutError:
        raise Invalid(f"it could not be validated within {seconds:g} s") from None
    except Exception as error:  # of jsonschema, such as for a reference that leads nowhere
        raise Invalid(f"it could not be validated: {type(error).__name__}: {error}") from None


def check_schema(schema: dict[str, Any]) -> None:
    """Raise ValueError if a schema is not one of its own draft, which is 2020-12 where it names none."""
    from jsonschema import Draft3Validator
    from jsonschema_specifications import REGISTRY

    draft = _draft(schema)
    if draft is Draft3Validator:
        raise ValueError("draft 3 is not supported")
    try:
        for error in draft(draft.META_SCHEMA, registry=REGISTRY).iter_errors(schema):
            raise ValueError(f"it is not a valid schema: {error.json_path[:200]}: {error.message[:200]}")
    except RecursionError:
        return  # deeper than Python goes; what the grammar doesn't refuse is validated in the answer


def _read(text: str) -> Any:
    """The value of a JSON text, with numbers as Decimal. A repeated key is an error."""
    try:
        return json.loads(
            text, parse_int=_number, parse_float=_number, parse_constant=_constant, object_pairs_hook=_object
        )
    except ValueError as error:
        raise Invalid(f"it is not JSON: {error}") from None


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond Decimal's: one at its limits compares in the same way
        mantissa, _, exponent = text.lower().partition("e")
        return Decimal(mantissa + ("e-" if exponent.startswith("-") else "e") + str(MAX_EXPONENT))


def _constant(name: str) -> None:
    raise Invalid(f"it is not JSON: {name}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Invalid(f"an object in it has the key {name[:100]!r} twice")
            seen.add(name)
    return found


def _exact(value: Any) -> Any:
    """A schema with each number as a Decimal of the same shortest form."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_exact(one) for one in value]
    return value


def _validator(schema: dict[str, Any], until: float) -> Any:
    """A validator that raises TimeoutError after ``until``, of time.monotonic()."""
    from jsonschema_specifications import REGISTRY  # unlike jsonschema's default, this retrieves nothing

    return _exact_class(_draft(schema))(_exact(schema), registry=REGISTRY, format_checker=_Formats(until))


def _draft(schema: dict[str, Any]) -> Any:
    """jsonschema's validator class of the draft that a schema names, or of 2020-12."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    return validator_for(schema, default=Draft202012Validator)


@functools.cache
def _exact_class(draft: Any) -> Any:
    import attrs
    from jsonschema.validators import extend

    keywords = {keyword: _in_time(check) for keyword, check in {**draft.VALIDATORS, **_KEYWORDS}.items()}
    types = draft.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    exact = extend(draft, keywords, type_checker=types)
    exact.evolve = attrs.evolve  # jsonschema's takes its own class for a subschema with $schema
    return exact


class _Formats:
    """A jsonschema.FormatChecker, which also carries the end of the time to every keyword."""

    def __init__(self, until: float) -> None:
        self.until = until

    def check(self, value: Any, name: str) -> None:
        from jsonschema.exceptions import FormatError

        if isinstance(value, str) and name in string_formats.CHECKS and not string_formats.conforms(value, name):
            raise FormatError("")


def _in_time(check: Callable[..., Any]) -> Callable[..., Any]:
    def checked(validator: Any, *arguments: Any) -> Iterator[Any]:
        if time.monotonic() > validator.format_checker.until:
            raise TimeoutError
        return check(validator, *arguments)

    return checked


# --- types and keywords; jsonschema's own ones search with re, and divide with limited precision


def _is_number(_checker: Any, value: Any) -> bool:
    return isinstance(value, Decimal)


def _is_integer(_checker: Any, value: Any) -> bool:
    return isinstance(value, Decimal) and value == value.to_integral_value()


def _found(validator: Any, pattern: str, text: str) -> bool:
    return patterns.search(pattern, text, validator.format_checker.until - time.monotonic())


def _pattern(validator: Any, pattern: Any, value: Any, _schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "string") and not _found(validator, pattern, value):
        yield _error()


def _pattern_properties(
    validator: Any, by_pattern: dict[str, Any], value: dict[str, Any], _schema: dict[str, Any]
) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for pattern, schema in by_pattern.items():
            for name, one in value.items():
                if _found(validator, pattern, name):
                    yield from validator.descend(one, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, additional: Any, value: dict[str, Any], schema: dict[str, Any]
) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for name, one in value.items():
            known = name in schema.get("properties", ())
            if not known and not any(
                _found(validator, pattern, name) for pattern in schema.get("patternProperties", ())
            ):
                yield from validator.descend(one, additional, path=name)


def _multiple_of(validator: Any, divisor: Any, value: Any, _schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "number") and not is_multiple(value, divisor):
        yield _error()


def _error() -> Exception:
    from jsonschema import ValidationError

    return ValidationError("")  # the keyword and the path say enough


_KEYWORDS = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "multipleOf": _multiple_of,
}


def is_multiple(value: Decimal, divisor: Decimal) -> bool:
    """Whether a number is a multiple of another one, whatever their digits and exponents."""
    if not value:
        return True
    number, factor = _digits(value), _digits(divisor)
    shift = exponent(value) - exponent(divisor)
    if shift >= 0:
        return number * pow(10, shift, factor) % factor == 0
    return -shift <= len(value.as_tuple().digits) and number % (factor * 10**-shift) == 0


def exponent(value: Decimal) -> int:
    """The exponent of a finite number."""
    found = value.as_tuple().exponent
    return found if isinstance(found, int) else 0


def _digits(value: Decimal) -> int:
    return int(Decimal((0, value.as_tuple().digits, 0)))
