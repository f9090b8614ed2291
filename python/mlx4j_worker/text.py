"""From token ids to text that is safe to show: whole characters, and nothing after a stop string."""

_REPLACEMENT = "\ufffd"
_MOST_HELD = 16  # tokens; one character may need four, more only come of text that is no UTF-8


class Detokenizer:
    """Turns ids into text piece by piece; all pieces together are ``decode(all ids)``.

    Text is held back until its last character is whole, but for no more than 16 tokens: after that many without a
    whole character, what comes of them is replacement characters. ``decode`` maps a list of ids to a string.
    """

    def __init__(self, decode):
        self._decode = decode
        self._window = []  # ids since the last whole piece, after the ids of that piece as context
        self._context = 0  # how many ids of the window are context
        self._context_text = ""

    def add(self, token):
        """The text that this token completes, often of this token alone, or "" while a character is open."""
        self._window.append(token)
        text = self._decode(self._window)
        pending = len(self._window) - self._context
        if text.endswith(_REPLACEMENT) and pending < _MOST_HELD:
            return ""
        return self._take(text)

    def finish(self):
        """What was held back."""
        return self._take(self._decode(self._window)) if len(self._window) > self._context else ""

    def _take(self, text):
        piece = text[len(self._context_text) :]
        self._window = self._window[self._context :]
        self._context = len(self._window)
        self._context_text = self._decode(self._window)
        return piece


class StopMatcher:
    """Finds the stop string that ends first in a text that comes in pieces, however the pieces are cut.

    Of two that end at the same place, the longer one is found.
    """

    def __init__(self, stops):
        self._stops = stops
        self._held = ""  # the longest tail that may still become a stop string

    def add(self, text):
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

    def finish(self):
        """What was held back: no stop string came of it."""
        held, self._held = self._held, ""
        return held


class Splitter:
    """Splits a text that comes in pieces at marks: the answer, thinking, and calls of tools.

    ``thinking`` and ``call`` are pairs of marks, or None for what is not looked for. The mark that ends a call may be
    empty: the call goes on to the end of the text then. A text that begins inside its thinking has the mark for its
    end only in ``begun``. ``kind`` is that of the text that comes next.
    """

    def __init__(self, thinking=None, call=None, begun=None):
        self._opening = {pair[0]: kind for kind, pair in (("thinking", thinking), ("call", call)) if pair}
        self._closing = {"thinking": begun or (thinking and thinking[1]), "call": call and call[1]}
        self.kind = "thinking" if begun else "text"
        self._held = ""  # the longest tail that may still become a mark

    def add(self, text):
        """A list of (kind, text); the kinds are ``text``, ``thinking``, ``call``, and ``called`` where a call ends."""
        if not self._opening and self.kind == "text":
            return [("text", text)] if text else []
        text, self._held = self._held + text, ""
        pieces = []
        while True:
            marks = list(self._opening) if self.kind == "text" else [m for m in [self._closing[self.kind]] if m]
            found = min(((at, mark) for mark in marks if (at := text.find(mark)) >= 0), default=None)
            if found is None:
                break
            at, mark = found
            self._take(pieces, text[:at])
            if self.kind == "call":
                pieces.append(("called", ""))
            self.kind = self._opening[mark] if self.kind == "text" else "text"
            text = text[at + len(mark) :]
        keep = max((_open_tail(text, mark) for mark in marks), default=0)
        self._take(pieces, text[: len(text) - keep])
        self._held = text[len(text) - keep :]
        return pieces

    def finish(self):
        """What was held back: no mark came of it."""
        pieces = []
        held, self._held = self._held, ""
        self._take(pieces, held)
        if self.kind == "call":
            pieces.append(("called", ""))
        return pieces

    def _take(self, pieces, text):
        if text:
            pieces.append((self.kind, text))


def _open_tail(text, mark):
    """The length of the longest tail of the text that begins the mark."""
    return next((n for n in range(min(len(text), len(mark) - 1), 0, -1) if mark.startswith(text[-n:])), 0)
