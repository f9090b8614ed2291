"""From token ids to text that is safe to show: whole characters, and nothing after a stop string."""

from collections.abc import Callable, Sequence
from typing import Any

_REPLACEMENT = "\ufffd"
_MAX_HELD = 16  # tokens; one character may need four, more only come of text that is no UTF-8


class Decoder:
    """Maps token ids to text with a tokenizer of transformers, special tokens included.

    Where the text of several tokens is that of each one in a row, which holds for byte-level tokenizers, ``piece``
    gives the text of one token, and None for a token that isn't whole characters or for another kind of tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", None)
        self._concatenates = type(getattr(backend, "decoder", None)).__name__ == "ByteLevel"
        self._pieces: dict[int, str | None] = {}  # of the tokens seen so far, at most the vocabulary

    def __call__(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def piece(self, token: int) -> str | None:
        if token not in self._pieces:
            text = self([token]) if self._concatenates else _REPLACEMENT
            self._pieces[token] = None if _REPLACEMENT in text else text
        return self._pieces[token]


class Detokenizer:
    """Turns ids into text piece by piece; all pieces together are ``decode(all ids)``.

    Text is held back until its last character is whole, but for no more than 16 tokens: after that many without a
    whole character, what comes of them is replacement characters. ``decode`` is a Decoder, or any other function that
    maps a list of ids to a string.
    """

    def __init__(self, decode: Callable[..., Any]) -> None:
        self._decode = decode
        self._piece: Callable[[int], str | None] = decode.piece if isinstance(decode, Decoder) else lambda _token: None
        self._window: list[int] = []  # ids since the last whole piece, after the ids of that piece as context
        self._context = 0  # how many ids of the window are context
        self._context_text = ""

    def add(self, token: int) -> str:
        """The text that this token completes, often of this token alone, or "" while a character is open."""
        if len(self._window) == self._context and (piece := self._piece(token)) is not None:
            self._window, self._context, self._context_text = [token], 1, piece
            return piece
        self._window.append(token)
        text = self._decode(self._window)
        pending = len(self._window) - self._context
        if text.endswith(_REPLACEMENT) and pending < _MAX_HELD:
            return ""
        return self._take(text)

    def peek(self, token: int) -> str:
        """The text that this token would add, which may depend on the tokens before it; the window stays as it is."""
        before, text = self._decode(self._window), self._decode([*self._window, token])
        return text.removeprefix(before if text.startswith(before) else before.rstrip(_REPLACEMENT))

    def finish(self, cut: bool = False) -> str:
        """What was held back; without its last character where that was ``cut`` in two."""
        if len(self._window) == self._context:
            return ""
        piece = self._take(self._decode(self._window))
        return piece.rstrip(_REPLACEMENT) if cut else piece

    def _take(self, text: str) -> str:
        piece = text[len(self._context_text) :]
        self._window = self._window[self._context :]
        self._context = len(self._window)
        self._context_text = self._decode(self._window)
        return piece


class StopMatcher:
    """Finds the stop string that ends first in a text that comes in pieces, however the pieces are cut.

    Of two that end at the same place, the longer one is found.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""  # the longest tail that may still become a stop string

    def add(self, text: str) -> tuple[str, str | None]:
        """(text that is safe to show, the stop string that was found or None); after a match there is no more."""
        if not self._stops:
            return text, None
        text = self._held + text
        found = min(((at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0), default=None)
        if found:
            self._held = ""
            return text[: found[1]], found[2]
        keep = max(_open_tail(text, stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], None

    def finish(self) -> str:
        """What was held back: no stop string came of it."""
        held, self._held = self._held, ""
        return held


class Splitter:
    """Splits a text that comes in pieces at marks: into the answer, thinking, and tool calls.

    ``thinking`` and ``call`` are pairs of marks, or None for what is not looked for. An empty closing mark means that
    a call runs to the end of the text. A text that begins inside its thinking has the closing mark in ``begun``.

    Thinking comes before the answer: its opening mark counts only as long as the answer is blank. Blank text between a
    mark and the answer, or between two marks, is dropped. ``kind`` is that of the text that comes next.
    """

    def __init__(
        self, thinking: tuple[str, str] | None = None, call: tuple[str, str] | None = None, begun: str | None = None
    ) -> None:
        self._thinking, self._call = thinking, call
        self._closing = {"thinking": begun or (thinking and thinking[1]), "call": call and call[1]}
        self.kind = "thinking" if begun else "text"
        self._thought: list[str] = []
        self.in_begun = bool(begun)  # inside the thinking with which the text began
        self._held = ""  # the longest tail that may still become a mark
        self._blank: list[str] = []  # blank text since the beginning or the last mark
        self._fresh = True  # nothing but blanks since then
        self._marked = bool(begun)  # there was a mark
        self._answered = False  # there was text that is not blank

    @property
    def thought(self) -> str:
        """The thinking that is open, so far."""
        return "".join(self._thought)

    def add(self, text: str) -> list[tuple[str, str]]:
        """A list of (kind, text); the kinds are ``text``, ``thinking``, ``call``, and ``called`` where a call ends."""
        if self.kind == "text" and not self._thinking and not self._call and not self._marked:
            return [("text", text)] if text else []
        text, self._held = self._held + text, ""
        pieces: list[tuple[str, str]] = []
        while True:
            found = self._next_mark(text)
            if found is None:
                break
            at, mark, kind = found
            self._take(pieces, text[:at])
            if self.kind == "call":
                pieces.append(("called", ""))
            self.kind, self._fresh, self._marked, self._blank = kind, True, True, []
            self._thought, self.in_begun = [], False
            text = text[at + len(mark) :]
        keep = self._open_tail(text)
        self._take(pieces, text[: len(text) - keep])
        self._held = text[len(text) - keep :]
        return pieces

    def finish(self) -> list[tuple[str, str]]:
        """What was held back: no mark came of it."""
        pieces: list[tuple[str, str]] = []
        held, self._held = self._held, ""
        self._take(pieces, held)
        if self.kind == "call":
            pieces.append(("called", ""))
        if self.kind == "text" and not self._marked and (blank := "".join(self._blank)):
            pieces.append(("text", blank))
        return pieces

    def _next_mark(self, text: str) -> Any:
        """(where the next mark is, the mark, the kind after it), or None."""
        if self.kind != "text":
            mark = self._closing[self.kind]
            at = text.find(mark) if mark else -1
            return None if at < 0 else (at, mark, "text")
        if self._may_think:
            at = len(text) - len(text.lstrip())
            if self._thinking and text.startswith(self._thinking[0], at):
                return at, self._thinking[0], "thinking"
        at = text.find(self._call[0]) if self._call else -1
        return (at, self._call[0], "call") if self._call and at >= 0 else None

    def _open_tail(self, text: str) -> int:
        if self.kind != "text":
            mark = self._closing[self.kind]
            return _open_tail(text, mark) if mark else 0
        begins = text.lstrip()
        may_think = self._may_think and self._thinking and self._thinking[0].startswith(begins)
        return max(len(begins) if may_think else 0, _open_tail(text, self._call[0]) if self._call else 0)

    @property
    def _may_think(self) -> bool:
        return self._thinking is not None and not self._answered

    def _take(self, pieces: list[Any], text: str) -> None:
        if self._fresh and self.kind != "call":
            self._blank.append(text)
            if not text.strip():
                return
            kept = self.kind == "text" and (self._answered or not self._marked)
            text = "".join(self._blank)
            text = text if kept else text.lstrip()
            self._fresh, self._blank = False, []
        if text:
            self._answered = self._answered or self.kind == "text"
            if self.kind == "thinking":
                self._thought.append(text)
            pieces.append((self.kind, text))


def _open_tail(text: str, mark: str) -> int:
    """The length of the longest tail of the text that begins the mark."""
    return next((n for n in range(min(len(text), len(mark) - 1), 0, -1) if mark.startswith(text[-n:])), 0)
