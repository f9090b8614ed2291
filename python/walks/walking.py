"""Seeded random texts of a response format."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy

from mlx4j_worker.errors import InvalidAnswer, InvalidRequest
from mlx4j_worker.requests.generate import parse_generate
from mlx4j_worker.text.grammar import Constraint, Grammars
from mlx4j_worker.text.unique_keys import UniqueKeys
from mlx4j_worker.text.validation import Invalid, validate

LONG = 150  # tokens, after which a walk takes the way to an end where there is one
MAX_TOKENS = 1500  # of a walk that finds no end
CLOSERS = b'"]},'


@dataclass
class Outcome:
    """What the walks through one format showed."""

    refused: str = ""  # why, or empty
    walks: int = 0
    endless: int = 0  # walks that did not end within MAX_TOKENS
    dead_ends: list[str] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)


class Walker:
    """Walks through the grammars of one tokenizer, with Hugging Face's interface."""

    def __init__(self, tokenizer):
        self._grammars = Grammars(tokenizer, len(tokenizer), [tokenizer.eos_token_id], "mlx4j setup mlx")
        self._end = tokenizer.eos_token_id
        self._groups = None  # of tokens, by their first byte
        self._closing = None

    def outcome(self, schema: dict, walks: int, seed: int) -> Outcome:
        """Walks through the grammar of a schema."""
        return self._outcome(
            {"type": "jsonSchema", "schema": schema},
            lambda text: validate(text, schema, seconds=60),
            walks,
            seed,
        )

    def outcome_of_text(self, kind: str, value: Any, walks: int, seed: int) -> Outcome:
        """Walks through the grammar of a regex, or of choices."""
        name = {"regex": "pattern", "choice": "choices"}[kind]

        def check(text: str) -> None:
            if text not in value if kind == "choice" else not re.fullmatch(value, text):
                raise Invalid("it has not the format")

        return self._outcome({"type": kind, name: value}, check, walks, seed)

    def _outcome(self, asked: dict, check: Callable[[str], None], walks: int, seed: int) -> Outcome:
        found = Outcome()
        try:
            response_format = parse_generate({"prompt": "a", "maxTokens": 1, "responseFormat": asked}).response_format
            constraint = self._grammars.constraint(response_format)
        except InvalidRequest as error:
            found.refused = str(error)
            return found
        self._know_tokens()
        for walk in range(walks):
            try:
                text = self._walk(constraint, random.Random(f"{seed} {walk}"))
                found.walks += 1
                if text is None:
                    found.endless += 1
                else:
                    check(text)
            except (InvalidAnswer, InvalidRequest) as error:
                found.dead_ends.append(str(error))
            except Invalid as error:
                found.invalid.append(f"{text[:200]}: {error}")
        return found

    def _know_tokens(self):
        if self._groups is None:
            texts = self._grammars._key_tokens.texts
            self._groups = numpy.array([text[0] if text else 0 for text in texts])
            self._closing = numpy.array([text[:1] in CLOSERS for text in texts])
            self._closing[self._end] = True

    def _walk(self, constraint: Constraint, dice: random.Random) -> str | None:
        """A text, or None if it has no end."""
        keys = UniqueKeys(self._grammars._key_tokens) if constraint._format.is_json else None
        format_, matcher = constraint._format, constraint._matcher.deep_copy()
        walked = Constraint(matcher, len(self._groups), [self._end], format_, keys)
        closing = dice.choice((0.0, 0.2, 0.5))  # how often a token that may end something is preferred
        tokens: list[int] = []
        for at in range(MAX_TOKENS):
            allowed = walked.allowed()
            enders = allowed & self._closing
            if enders.any() and (at > LONG or dice.random() < closing):
                allowed = enders
            token = self._drawn(allowed, dice)
            if token == self._end:
                return self._text(tokens)
            tokens.append(token)
            if walked.accept(token):
                return self._text(tokens)
        return None

    def _drawn(self, allowed: numpy.ndarray, dice: random.Random) -> int:
        """A token: first its first byte is drawn, so that rare characters come as often as letters."""
        able = numpy.flatnonzero(allowed)
        groups = self._groups[able]
        there = numpy.flatnonzero(numpy.bincount(groups))
        of_group = able[groups == there[dice.randrange(len(there))]]
        return int(of_group[dice.randrange(len(of_group))])

    def _text(self, tokens: list[int]) -> str:
        return b"".join(self._grammars._key_tokens.texts[token] for token in tokens).decode()
