"""Prevents repeated keys in JSON objects, which no grammar can do where an object may have any keys."""

import re
from collections.abc import Iterable

import numpy

_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_HEAD = re.compile(rb'((?:[^"\\]|\\.)*)"', re.DOTALL)


class KeyTokens:
    """The texts of a vocabulary's tokens, as bytes, and which of them can end a key: those with a quote."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        self.texts = list(texts)
        self._with_quotes = {  # by how many quotes there are at least
            least: numpy.array([token for token, text in enumerate(self.texts) if text.count(b'"') >= least], dtype=int)
            for least in (1, 2, 3)
        }
        self._by_head: dict[bytes, list[int]] = {}  # by what is before the quote that ends a string
        for token in self._with_quotes[1]:
            if head := _HEAD.match(self.texts[token]):
                self._by_head.setdefault(head[1], []).append(token)

    def ending(self, rest: bytes) -> list[int]:
        """The tokens that end a string with this rest."""
        return self._by_head.get(rest, [])

    def allowed_with_quotes(self, least: int, allowed: numpy.ndarray) -> numpy.ndarray:
        able = self._with_quotes[least]
        return able[allowed[able]]


class UniqueKeys:
    """Follows one JSON text, token by token, and finds the tokens that would repeat a key of an object in it.

    The text is on its way to valid JSON, without escapes for characters that can stand for themselves, so that equal
    keys are equal bytes.
    """

    def __init__(self, tokens: KeyTokens) -> None:
        self._tokens = tokens
        self._state = _State()

    def accept(self, token: int) -> None:
        self._state.repeats(self._tokens.texts[token])

    def forbid(self, allowed: numpy.ndarray) -> numpy.ndarray:
        """The tokens among the allowed ones, bool [vocabulary], that repeat no key."""
        state, tokens = self._state, self._tokens
        if not any(state.keys_of_objects):
            return allowed
        wrong = [token for rest in state.rests_of_keys() for token in tokens.ending(rest)]
        able = tokens.allowed_with_quotes(state.quotes_of_whole_key, allowed)
        wrong += [token for token in able if state.copy().repeats(tokens.texts[token])]
        if wrong:
            allowed = allowed.copy()
            allowed[wrong] = False
        return allowed


class _State:
    def __init__(self) -> None:
        self.keys_of_objects: list[set[bytes] | None] = []  # of each open object; None is an open array
        self._string: bytearray | None = None  # what there is of a string that is open
        self._is_key = False  # the string that is open, or else comes next
        self._escaped = False

    def copy(self) -> "_State":
        one = _State()
        one.keys_of_objects = [keys if keys is None else set(keys) for keys in self.keys_of_objects]
        one._string = None if self._string is None else bytearray(self._string)
        one._is_key, one._escaped = self._is_key, self._escaped
        return one

    def rests_of_keys(self) -> list[bytes]:
        """What would make the key that is open one of those that are there, unless a backslash came last."""
        if self._string is None or not self._is_key or self._escaped:
            return []
        begin = bytes(self._string)
        return [key[len(begin) :] for key in self.keys_of_objects[-1] or () if key.startswith(begin)]

    @property
    def quotes_of_whole_key(self) -> int:
        """How many quotes a token needs at least to end a key that rests_of_keys doesn't tell."""
        if self._string is None:
            return 2
        return 1 if self._is_key and self._escaped else 3

    def repeats(self, text: bytes) -> bool:
        """Processes the next piece of the text. Returns True if a key in it was there before in the same object."""
        repeated = [self._repeats(byte) for byte in text]
        return any(repeated)

    def _repeats(self, byte: int) -> bool:
        if self._string is not None:
            return self._in_string(self._string, byte)
        keys = self.keys_of_objects
        if byte == _QUOTE:
            self._string = bytearray()
        elif byte == ord("{"):
            keys.append(set())
            self._is_key = True
        elif byte == ord("["):
            keys.append(None)
            self._is_key = False
        elif byte in b"}]" and keys:
            keys.pop()
            self._is_key = False
        elif byte == ord(":"):
            self._is_key = False
        elif byte == ord(","):
            self._is_key = bool(keys) and keys[-1] is not None
        return False

    def _in_string(self, string: bytearray, byte: int) -> bool:
        if byte == _QUOTE and not self._escaped:
            key, self._string = bytes(string), None
            keys = self.keys_of_objects[-1] if self._is_key else None
            if keys is None:
                return False
            if key in keys:
                return True
            keys.add(key)
            return False
        self._escaped = byte == _BACKSLASH and not self._escaped
        string.append(byte)
        return False
