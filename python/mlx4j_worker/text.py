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
        keep = next(
            (n for n in range(min(len(text), max(map(len, self._stops)) - 1), 0, -1) if self._may_begin(text[-n:])), 0
        )
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], None

    def finish(self):
        """What was held back: no stop string came of it."""
        held, self._held = self._held, ""
        return held

    def _may_begin(self, tail):
        return any(stop.startswith(tail) for stop in self._stops)
