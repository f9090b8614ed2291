"""Whether a finished answer is JSON of its schema, by a validator that shares nothing with the grammar.

It is ``jsonschema``, imported for the first answer, with numbers that are compared exactly, patterns and formats of our
own, and a limit of time.
"""

import json
import time
import warnings
from decimal import Decimal, InvalidOperation
from typing import Any

from mlx4j_worker import patterns, string_formats
from mlx4j_worker.bounds import MAX_DEPTH, is_too_deep

MAX_SECONDS = 5.0  # for one answer
MAX_EXPONENT = 10**17  # of a number whose own one is larger than Decimal's, which ends at 10**18


class Invalid(Exception):
    """Says what is wrong with an answer, or why it could not be validated."""


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
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise Invalid(f"an object in it has the key {repeated[:100]!r} twice")
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
    import attrs
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import extend, validator_for
    from jsonschema_specifications import REGISTRY  # unlike jsonschema's default, this retrieves nothing

    formats = FormatChecker(formats=())
    for name in string_formats.CHECKS:
        formats.checks(name)(
            lambda value, name=name: not isinstance(value, str) or string_formats.conforms(value, name)
        )
    draft = validator_for(schema, default=Draft202012Validator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about drafts that jsonschema does not know
        exact = extend(draft, _Keywords(until).extended(draft.VALIDATORS), type_checker=_types(draft.TYPE_CHECKER))
        exact.evolve = attrs.evolve  # jsonschema's takes its own class for a subschema with $schema
        return exact(_exact(schema), registry=REGISTRY, format_checker=formats)


def _types(checker: Any) -> Any:
    return checker.redefine("integer", lambda _, value: _is_integer(value)).redefine(
        "number", lambda _, value: isinstance(value, Decimal)
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, Decimal) and value == value.to_integral_value()


class _Keywords:
    """Keywords with a limit of time. Those of jsonschema search with re, and divide with limited precision."""

    def __init__(self, until: float):
        self._until = until  # time.monotonic()

    def extended(self, given: Any) -> dict[str, Any]:
        own = {
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional_properties,
            "multipleOf": self._multiple_of,
        }
        return {keyword: self._limited(check) for keyword, check in {**given, **own}.items()}

    def _limited(self, check: Any) -> Any:
        def in_time(*arguments):
            if time.monotonic() > self._until:
                raise TimeoutError
            return check(*arguments)

        return in_time

    def _found(self, pattern: str, text: str) -> bool:
        return patterns.search(pattern, text, self._until - time.monotonic())

    def _pattern(self, validator, pattern, value, _schema):
        if validator.is_type(value, "string") and not self._found(pattern, value):
            yield _error()

    def _pattern_properties(self, validator, by_pattern, value, _schema):
        if validator.is_type(value, "object"):
            for pattern, schema in by_pattern.items():
                for name, one in value.items():
                    if self._found(pattern, name):
                        yield from validator.descend(one, schema, path=name, schema_path=pattern)

    def _additional_properties(self, validator, additional, value, schema):
        if validator.is_type(value, "object"):
            for name, one in value.items():
                known = name in schema.get("properties", ())
                if not known and not any(self._found(pattern, name) for pattern in schema.get("patternProperties", ())):
                    yield from validator.descend(one, additional, path=name)

    def _multiple_of(self, validator, divisor, value, _schema):
        if validator.is_type(value, "number") and not is_multiple(value, divisor):
            yield _error()


def _error() -> Exception:
    from jsonschema import ValidationError

    return ValidationError("")  # the keyword and the path say enough


def is_multiple(value: Decimal, divisor: Decimal) -> bool:
    """Whether a number is a multiple of another one, whatever their digits and exponents."""
    if not value:
        return True
    number, factor = _digits(value), _digits(divisor)
    shift = value.as_tuple().exponent - divisor.as_tuple().exponent
    if shift >= 0:
        return number * pow(10, shift, factor) % factor == 0
    return -shift <= len(value.as_tuple().digits) and number % (factor * 10**-shift) == 0


def _digits(value: Decimal) -> int:
    return int(Decimal((0, value.as_tuple().digits, 0)))
