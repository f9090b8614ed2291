"""Response formats, kept while a text is decoded, with llguidance."""

import json
import math
import re
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy

from mlx4j_worker.errors import InvalidAnswer, InvalidRequest
from mlx4j_worker.requests.generate import ResponseFormat
from mlx4j_worker.text import finite, schemas, validation
from mlx4j_worker.text.unique_keys import KeyTokens, UniqueKeys

# By default any white space may stand anywhere, and a small model writes newlines to the end of its tokens. A space
# after : and , is what models have learnt: without it they leave their path.
MAX_PROPERTIES = 2000  # of one object in a schema: the time to compile them grows with their square
MAX_MULTIPLE = 100_000  # of the sum of the numbers of multipleOf; each needs as many states
MAX_LEXER_STATES = 50_000  # of 1 to 2 kB each
MAX_FORCED = 16_384  # characters
_SPACES = {"whitespace_flexible": False, "key_separator": ": ?", "item_separator": ", ?"}
_ESCAPES = {"json_allowed_escapes": 'nrbtf\\"'}  # no \\u: a key could be written in two ways, and so come twice
_NEEDS_U = re.compile(r"\\u00(?:[01]|7f)")  # characters of a schema that llguidance would leave out without it


class Grammars:
    """Makes the constraints of one model. llguidance is imported for the first of them.

    ``tokenizer`` is a transformers tokenizer with a tokenizer.json behind it, ``vocabulary`` the width of the model's
    logits, ``setup`` the command that installs llguidance.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, eos_ids: set[int], setup: str) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._eos_ids = sorted(eos_ids)
        self._setup = setup
        self._table: Any = None  # llguidance's view of the tokenizer
        self._key_tokens: KeyTokens | None = None
        self._making_table = threading.Lock()

    def constraint(self, response_format: ResponseFormat) -> "Constraint":
        """A Constraint; raises InvalidRequest that says what of the format can't be enforced."""
        try:
            from llguidance import LLMatcher, LLParserLimits
            from llguidance.hf import from_tokenizer
        except (ImportError, OSError) as error:  # only this request can't be met: everything else goes without it
            raise _missing("llguidance", error, self._setup) from None
        if response_format.is_json:
            _import_validator(self._setup)
        if response_format.type == "jsonSchema":
            _check_cost(response_format)
        with self._making_table:
            if self._table is None:
                try:
                    self._table = from_tokenizer(
                        self._tokenizer, n_vocab=self._vocabulary, eos_token=self._eos_ids or None
                    )
                except Exception as error:
                    raise InvalidRequest(
                        f"responseFormat can't be used with this model's tokenizer: {type(error).__name__}: {error}"
                    ) from None
            if self._key_tokens is None and response_format.is_json:
                self._key_tokens = KeyTokens(self._table.decode_bytes([token]) for token in range(self._vocabulary))
        grammar = _grammar(LLMatcher, response_format)
        if _may_force_much(response_format) or any(one in grammar for one in self._tokenizer.added_tokens_encoder):
            grammar = _without_forcing(grammar)
        limits = LLParserLimits(max_lexer_states=MAX_LEXER_STATES)
        matcher = LLMatcher(self._table, grammar, limits=limits)  # without the GIL, as all that takes long
        if matcher.is_error():
            raise _refused(response_format, matcher.get_error())
        keys = UniqueKeys(self._key_tokens) if response_format.is_json and self._key_tokens else None
        constraint = Constraint(matcher, self._vocabulary, self._eos_ids, response_format, keys)
        if not constraint.allowed().any():  # an error of the grammar may show only here
            raise _refused(response_format, "no text has this format")
        return constraint


class Constraint:
    """Which tokens may come next in one text."""

    def __init__(
        self,
        matcher: Any,
        vocabulary: int,
        eos_ids: list[int],
        response_format: ResponseFormat,
        keys: UniqueKeys | None = None,
    ) -> None:
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        self._matcher = matcher
        self._format = response_format
        self._keys = keys  # a keys.UniqueKeys, for JSON
        self._bits = allocate_token_bitmask(1, vocabulary)
        self._fill = fill_next_token_bitmask
        self._vocabulary = vocabulary
        self._eos_ids = eos_ids
        self._mask = None  # of this position, once it is known

    def all_but_ends(self) -> numpy.ndarray:
        """As ``allowed``, before the text begins."""
        allowed = numpy.ones(self._vocabulary, dtype=bool)
        allowed[self._eos_ids] = False
        return allowed

    def allowed(self) -> numpy.ndarray:
        """A numpy array of bool [vocabulary]."""
        if self._mask is None:
            self._mask = self._compute_mask()
        return self._mask

    def _compute_mask(self) -> numpy.ndarray:
        self._fill(self._matcher, self._bits)
        if self._matcher.is_error():
            raise _refused(self._format, self._matcher.get_error())  # a limit of llguidance, or a dead end
        bits = numpy.unpackbits(self._bits[0].view(numpy.uint8), bitorder="little")
        allowed = bits[: self._vocabulary].view(bool)
        if self._keys is None or not allowed.any():
            return allowed
        allowed = self._keys.forbid(allowed)
        if not allowed.any():
            raise InvalidAnswer(
                "The answer began to repeat a key of an object, and no other key begins that way.",
                "Try again, or name the object's keys in properties instead of patternProperties.",
            )
        return allowed

    def accept(self, token: int) -> bool:
        """Goes on by a token; returns True once the text is whole and can't go on."""
        mask, self._mask = self._mask, None
        if not self._matcher.consume_token(token):
            if mask is not None and mask[token]:  # a limit of llguidance
                raise _refused(self._format, self._matcher.get_error())
            why = _first_line(self._matcher.get_error())
            raise RuntimeError(f"token {token} does not fit the response format: {why}")  # the engine's fault
        if self._keys is not None:
            self._keys.accept(token)
        return self._matcher.is_stopped()


def _import_validator(setup: str) -> None:
    try:
        import jsonschema  # noqa: F401
        import regex  # noqa: F401
    except (ImportError, OSError) as error:
        raise _missing("jsonschema and regex", error, setup) from None


def _missing(packages: str, error: BaseException, setup: str) -> InvalidRequest:
    return InvalidRequest(
        f"responseFormat needs {packages}, which can't be imported: {type(error).__name__}: {error}",
        f"Run `{setup}`, or install {packages} beside the engine's packages.",
    )


def _grammar(matcher: Any, response_format: ResponseFormat) -> str:
    kind, value = response_format.type, response_format.value
    try:
        if kind == "regex":
            return matcher.grammar_from_regex(value)
        if kind == "choice":
            return matcher.grammar_from_lark("start: " + " | ".join(map(_lark_string, value)))
        schema = response_format.schema
        if "x-guidance" in schema:  # llguidance's own options, one of which ignores what it can't enforce
            raise ValueError("x-guidance is not a keyword of JSON Schema")
        validation.check_schema(schema)
        finite.check(schema)
        text = json.dumps(schemas.tighten(schema))
        return matcher.grammar_from_json_schema(text, defaults=_SPACES | ({} if _NEEDS_U.search(text) else _ESCAPES))
    except ValueError as error:
        raise _refused(response_format, error) from None


def _check_cost(response_format: ResponseFormat) -> None:
    """Refuse a schema that llguidance would need too much time or memory for, which none of its own limits is for."""
    multiples = set()
    for schema in _objects(response_format.value):
        properties, multiple = schema.get("properties"), schema.get("multipleOf")
        if isinstance(properties, dict) and len(properties) > MAX_PROPERTIES:
            raise _refused(response_format, f"it has {len(properties)} properties, but may have {MAX_PROPERTIES}")
        if isinstance(multiple, (int, float)) and not isinstance(multiple, bool) and multiple > 0:
            multiples.add(Decimal(repr(multiple)))
    digits = {int("".join(map(str, multiple.normalize().as_tuple().digits))) for multiple in multiples}
    text = json.dumps(response_format.value)
    meet = "allOf" in text or "$ref" in text  # several may apply to one number, which counts as their common multiple
    if (cost := math.lcm(*digits) if meet else sum(digits)) > MAX_MULTIPLE:
        raise _refused(response_format, f"its multipleOf needs {cost:,} states, but may need {MAX_MULTIPLE:,}")
    if meet and len(multiples) > 1:
        unit = min(map(validation.exponent, multiples))
        units = [int(multiple.scaleb(-unit)) for multiple in multiples]
        if math.lcm(*units) * max(units) >= 2**32:  # llguidance multiplies them in 32 bits
            raise _refused(response_format, "its multipleOf are too far apart to be combined")


def _objects(value: Any) -> Iterator[dict]:
    """Every object in JSON."""
    if isinstance(value, dict):
        yield value
        value = [*value.values()]
    if isinstance(value, list):
        for one in value:
            yield from _objects(one)


def _may_force_much(response_format: ResponseFormat) -> bool:
    """Whether long parts of the text may be the only possible ones.

    llguidance looks for the tokens of such a part anew at each step, which takes 1 ms for each 4,000 characters or so.
    """
    value = response_format.value
    if response_format.type == "choice":
        return max(map(len, value)) > MAX_FORCED
    text = value if response_format.type == "regex" else json.dumps(value)
    repeats = math.prod(max(1, int(count)) for count in re.findall(r"{(\d{1,9})", text))
    return len(text) * repeats * (1 + text.count('"$ref"')) > MAX_FORCED


def _without_forcing(grammar: str) -> str:
    """Where the text is clear, llguidance forces the tokens that the tokenizer makes of it.

    If special tokens are among those, it then finds that they are not that text.
    """
    if grammar.startswith("{"):
        (content,) = json.loads(grammar)["grammars"]
        grammar = content.get("lark_grammar") or "start: %json " + json.dumps(content["json_schema"])
    return '%llguidance {"no_forcing": true}\n' + grammar


def _lark_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _first_line(text: str) -> str:
    return str(text).strip().partition("\n")[0]


def _refused(response_format: ResponseFormat, why: object) -> InvalidRequest:
    what = {"regex": "pattern", "choice": "choices"}.get(response_format.type, "schema")
    if "NoExtensionBias" in str(why):  # llguidance: no token may come next
        why = "no text has this format"
    if "coerce_one_of" in str(why):
        why = "the schemas of oneOf may apply to one value at the same time; anyOf allows that"
    return InvalidRequest(
        f"responseFormat.{what} can't be enforced: {_first_line(str(why))}",
        "Leave out what can't be enforced, or check the answer afterwards.",
    )
