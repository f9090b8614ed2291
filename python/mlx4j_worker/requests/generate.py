"""The params of ``generate``. A new option is a row of GenerateRequest or SamplingParams."""

import json
from dataclasses import dataclass, fields, replace
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.bounds import MAX_SCHEMA_NUMBER, unsafe_number
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.fields import (
    MAX_SEED,
    Bounds,
    camel_case,
    check_type,
    integer,
    nested,
    number,
    refuse_unknown,
    row,
)
from mlx4j_worker.requests.prompt import PromptRequest, check_prompt, read_prompt
from mlx4j_worker.wire import well_formed

MAX_STOPS = 16
MAX_BIASES = 1024
MAX_SCHEMA = 256 * 1024  # characters, as for the others
MAX_PATTERN = 64 * 1024
MAX_CHOICES = 1024
MAX_SALT = 256  # characters
_BIAS = Bounds(-100, 100)


def _read_biases(name: str, value: Any) -> dict[int, float]:
    given = check_type(name, value, dict)
    if len(given) > MAX_BIASES:
        raise InvalidRequest(f"{name} has {len(given)} entries, but may have {MAX_BIASES}.")
    if bad := [token for token in given if not (token.isascii() and token.isdigit() and len(token) < 10)]:
        raise InvalidRequest(f"{name} has the key {shown(bad[0])}, but its keys must be token ids.")
    return {int(token): _BIAS.read(token, bias) for token, bias in given.items()}


@dataclass(frozen=True)
class SamplingParams:
    """How tokens are sampled. None stands for the value of the model's author, else the one that switches it off."""

    temperature: float | None = number(0, 100, off=0.0)
    top_p: float | None = number(0, 1, above=True, off=1.0)
    top_k: int | None = integer(0, off=0)
    min_p: float | None = number(0, 1, off=0.0)
    repetition_penalty: float | None = number(0, 10, above=True, off=1.0)
    presence_penalty: float | None = number(-10, 10, off=0.0)
    frequency_penalty: float | None = number(-10, 10, off=0.0)
    logit_bias: dict[int, float] = row(_read_biases, default_factory=dict)
    seed: int | None = integer(0, MAX_SEED)

    def filled(self, author: "SamplingParams") -> "SamplingParams":
        """With the author's values where there are none, and then with those that switch off."""
        values: dict[str, Any] = {}
        for field in fields(self):
            given = getattr(self, field.name), getattr(author, field.name), field.metadata.get("off")
            values[field.name] = next((value for value in given if value is not None), None)
        return replace(self, **values)

    def to_json(self) -> dict[str, Any]:
        """The values that are set, by their names on the wire."""
        values = {camel_case(field.name): getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, {})}

    @property
    def greedy(self) -> bool:
        return self.temperature == 0

    @property
    def penalizes(self) -> bool:
        return self.repetition_penalty != 1 or self.presence_penalty != 0 or self.frequency_penalty != 0


@dataclass(frozen=True)
class ResponseFormat:
    """``type`` is json, jsonSchema, regex or choice; ``value`` its schema, pattern or choices."""

    type: str
    value: Any = None

    @property
    def is_json(self) -> bool:
        return self.type in ("json", "jsonSchema")

    @property
    def schema(self) -> dict[str, Any]:
        """The schema, where the text is JSON."""
        return {"type": "object"} if self.type == "json" else self.value


def _read_response_format(field: str, value: Any) -> ResponseFormat:
    given = check_type(field, value, dict)
    values = {"json": None, "jsonSchema": "schema", "regex": "pattern", "choice": "choices"}
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in values:
        raise InvalidRequest(f"{field}.type is {shown(kind)}, but must be one of {', '.join(values)}.")
    name = values[kind]
    refuse_unknown(given, {"type"} if name is None else {"type", name}, f"{field}.")
    value = None if name is None else given.get(name)
    if kind == "jsonSchema" and (not isinstance(value, dict) or len(json.dumps(value)) > MAX_SCHEMA):
        raise InvalidRequest(f"{field}.schema must be an object of at most {MAX_SCHEMA} characters.")
    if kind == "jsonSchema" and (bad := unsafe_number(value)):
        raise InvalidRequest(
            f"{field}.schema has the number {bad}, but the numbers of a schema must be between"
            f" -{MAX_SCHEMA_NUMBER} and {MAX_SCHEMA_NUMBER}.",
            "Use a number in this range, or leave it out.",
        )
    if kind == "regex" and (not isinstance(value, str) or not 0 < len(value) <= MAX_PATTERN):
        raise InvalidRequest(f"{field}.pattern must be a string of 1 to {MAX_PATTERN} characters.")
    if kind == "choice":
        right = isinstance(value, list) and all(isinstance(choice, str) and choice for choice in value)
        if not right or not 0 < len(value) <= MAX_CHOICES:
            raise InvalidRequest(f"{field}.choices must be a list of 1 to {MAX_CHOICES} non-empty strings.")
        value = [well_formed(choice) for choice in value]
    return ResponseFormat(kind, value)


def _read_stops(name: str, value: Any) -> list[str]:
    stops = check_type(name, value, list)
    if len(stops) > MAX_STOPS or not all(isinstance(stop, str) and stop for stop in stops):
        raise InvalidRequest(f"{name} must be a list of at most {MAX_STOPS} non-empty strings.")
    return [well_formed(stop) for stop in stops]


def _read_salt(name: str, value: Any) -> str:
    salt = check_type(name, value, str)
    if not 0 < len(salt) <= MAX_SALT:
        raise InvalidRequest(f"{name} has {len(salt)} characters, but must have 1 to {MAX_SALT}.")
    return salt


@dataclass(frozen=True)
class GenerateRequest(PromptRequest):
    """A prompt, and what is wanted of the answer."""

    max_tokens: int = integer(1, required=True, default=0)
    sampling: SamplingParams = nested(SamplingParams, default_factory=SamplingParams)
    stop: list[str] = row(_read_stops, default_factory=list)
    response_format: ResponseFormat | None = row(_read_response_format)
    cache_salt: str | None = row(_read_salt)  # cached prefixes are shared with requests of the same salt only
    log_probs: int | None = integer(0, 20)  # how many of the most probable tokens to report; None reports nothing


def parse_generate(params: dict[str, Any]) -> GenerateRequest:
    """The request in the params of ``generate``."""
    request = read_prompt(GenerateRequest, params)
    if request.response_format and (request.stop or request.tools):
        raise InvalidRequest(
            f"{'stop' if request.stop else 'tools'} can't be combined with responseFormat.",
            "Leave one of them out: a stop string or a tool call would leave an answer that breaks the format.",
        )
    return request


def check_fits(request: GenerateRequest, prompt_tokens: list[int], vocabulary: int, context: int | None) -> int:
    """Checks a request against a model and returns how many tokens it may generate.

    That is ``max_tokens``, or what the context leaves. ``vocabulary`` and ``context`` are counts of tokens;
    ``context`` is None where the model states none.
    """
    check_prompt(prompt_tokens, vocabulary, context)
    sampling = request.sampling
    if sampling.top_k is not None and sampling.top_k >= vocabulary:
        raise InvalidRequest(
            f"topK is {sampling.top_k}, but the model's vocabulary has {vocabulary} tokens.",
            f"Use a topK below {vocabulary}, or 0 for no limit.",
        )
    if bad := next((t for t in sampling.logit_bias if t >= vocabulary), None):
        raise InvalidRequest(f"logitBias has the token id {bad}, which is outside the vocabulary of {vocabulary}.")
    return request.max_tokens if context is None else min(request.max_tokens, context - len(prompt_tokens))
