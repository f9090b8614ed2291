"""One generate call on its way through an engine: from token ids to chunks and one answer."""

import time

from mlx4j_worker.text import Detokenizer, StopMatcher


class Generation:
    """The state of one call. Only the engine thread touches it, but for ``call.cancelled``."""

    def __init__(self, call, request, prompt_tokens, max_tokens, eos_ids, decode):
        self.call = call
        self.request = request
        self.prompt_tokens = prompt_tokens
        self.max_tokens = max_tokens
        self._eos_ids = eos_ids
        self._detokenizer = Detokenizer(decode)
        self._stops = StopMatcher(request.stop)
        self._completion_tokens = 0
        self._pending = []  # ids whose text is not out yet
        self._chunks = 0
        self._started = self._first = self._last = None

    @property
    def cancelled(self):
        return self.call.cancelled

    def started(self):
        """The engine takes the request up: its time in the queue ends here."""
        self._started = time.monotonic()

    def progress(self, done, total):
        self.call.progress("prefill", done, total, "tokens")

    def add(self, token):
        """Takes the next token; returns True once the generation has ended and the call is answered."""
        self._last = time.monotonic()
        self._first = self._first or self._last
        self._completion_tokens += 1
        if token in self._eos_ids:
            self._finish("stop", None)
            return True
        self._pending.append(token)
        text, stop = self._stops.add(self._detokenizer.add(token))
        if stop is not None:
            self._chunk(text)
            self._answer("stop", stop)
            return True
        if self._completion_tokens >= self.max_tokens:
            self._finish("length", None, text)
            return True
        if text:
            self._chunk(text)
        return False

    def _finish(self, reason, stop, text=""):
        rest, matched = self._stops.add(self._detokenizer.finish())
        text += rest
        if matched is None:
            text += self._stops.finish()
        else:
            reason, stop = "stop", matched
        self._chunk(text)
        self._answer(reason, stop)

    def _chunk(self, text):
        if not text and not self._pending:
            return
        self.call.notify("chunk", {"seq": self._chunks, "text": text, "tokens": self._pending})
        self._chunks += 1
        self._pending = []

    def _answer(self, reason, stop):
        call, ms = self.call, 1000
        self.call.answer(
            {
                "finishReason": reason,
                "stop": stop,
                "chunks": self._chunks,
                "usage": {"promptTokens": len(self.prompt_tokens), "completionTokens": self._completion_tokens},
                "timings": {
                    "queueMs": (self._started - call.received) * ms,
                    "prefillMs": (self._first - self._started) * ms,
                    "firstTokenMs": (self._first - call.received) * ms,
                    "decodeMs": (self._last - self._first) * ms,
                },
            }
        )
