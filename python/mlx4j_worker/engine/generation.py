"""One generate call on its way through an engine: from token ids to chunks and the answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mlx4j_worker.call import Call
from mlx4j_worker.errors import InvalidAnswer
from mlx4j_worker.requests.generate import GenerateRequest, SamplingParams
from mlx4j_worker.text import tools
from mlx4j_worker.text.detokenizer import Detokenizer, Splitter, StopMatcher
from mlx4j_worker.text.formats import Dialect
from mlx4j_worker.text.prompts import Prompt
from mlx4j_worker.text.validation import Invalid, validate

MAX_CHUNK_TEXT = 100_000  # characters, for the same reason
MAX_CHUNK_TOKENS = 1000  # so that a chunk fits into a line, with 20 log-probabilities of each token too


@dataclass(frozen=True)
class Prepared:
    """The result of preparing a generate request on a preparing thread.

    ``max_tokens`` is limited by the context; ``constraint`` is a grammar.Constraint, or None for free text.
    """

    prompt: Prompt
    max_tokens: int
    constraint: Any


class Generation:
    """The state of one call. Only the engine thread touches it, but for ``call.cancelled``.

    ``prompt`` is a prompts.Prompt, ``sampling`` the request's with every value filled in, ``dialect`` the model's
    formats.Dialect, ``decode`` a function from token ids to text, ``constraint`` what keeps the response format.
    """

    def __init__(
        self,
        call: Call,
        request: GenerateRequest,
        prompt: Prompt,
        max_tokens: int,
        eos_ids: set[int],
        decode: Callable[..., Any],
        sampling: SamplingParams | None = None,
        dialect: Dialect | None = None,
        constraint: Any = None,
    ) -> None:
        self.call = call
        self.request = request
        self.prompt_tokens = prompt.tokens
        self.max_tokens = max_tokens
        self.sampling = sampling or request.sampling
        self.tokens: list[int] = []  # all that were generated
        self.cached_tokens = 0  # of the prompt, for the usage
        self.expert: str | None = None  # that answers, of a DyLoRA-MoE
        self._eos_ids = eos_ids
        self._decode = decode
        self._constraint = constraint
        wanted = request.response_format if constraint else None
        self._schema = wanted.schema if wanted and wanted.is_json else None
        self._json: list[str] = []  # the answer's text, to validate
        self._format: Any = dialect.calls if dialect and request.tools else None
        self._detokenizer = Detokenizer(decode)
        self._splitter = Splitter(
            dialect.thinking if dialect and request.messages is not None and constraint is None else None,
            (self._format.start, self._format.end) if self._format else None,
            dialect.thinking[1] if prompt.opens_thinking and dialect and dialect.thinking else None,
        )
        self._stops = StopMatcher(request.stop)
        self._thinking_tokens = self._drafted_tokens = 0
        self._pending: list[int] = []  # ids whose text is not out yet
        self._log_probs: list[dict[str, Any]] = []  # of those ids, where they are wanted
        self._called: list[str] = []  # the text of a call that is not whole yet
        self._trailing: list[str] = []  # blank text that a call may follow
        self._after_call = False  # the last that is not blank was a call
        self._thought_aloud = False  # what came as thinking was the answer
        self._calls: list[dict[str, Any]] = []
        self._unread: list[dict[str, Any]] = []
        self._chunks = 0
        self._end: Any = None  # (the reason, the stop string or None), once it has ended
        self._started: Any = None  # time.monotonic(), as the others
        self._first: Any = None
        self._last: Any = None

    @property
    def cancelled(self) -> bool:
        return self.call.cancelled

    @property
    def constrained(self) -> bool:
        """Whether not every token may come next."""
        return self._constraint is not None

    def allowed(self) -> Any:
        """The tokens that may come next, a numpy array of bool [vocabulary]; only where ``constrained``.

        Thinking that the chat template opened precedes the response format, and must end eventually.
        """
        return self._constraint.allowed() if self._answering else self._constraint.all_but_ends()

    @property
    def _answering(self) -> bool:
        return self._splitter.kind == "text"

    def started(self) -> None:
        """The engine accepts the request: its time in the queue ends here. Later calls change nothing."""
        self._started = self._started or time.monotonic()

    @property
    def delivered(self) -> bool:
        """Whether the caller has received a part of the answer."""
        return self._chunks > 0

    def progress(self, done: int, total: int) -> None:
        self.call.progress("prefill", done, total, "tokens")

    def add(self, token: int, log_prob: Any = None, drafted: bool = False) -> bool:
        """Takes the next token; returns True once the generation has ended, and only ``answer`` is left to do.

        ``log_prob`` is (the token's, [(token, log-probability) of the most probable ones]), where the request wants it.
        """
        self._last = time.monotonic()
        self._first = self._first or self._last
        whole = self.constrained and self._answering and self._constraint.accept(token)
        self.tokens.append(token)
        self._drafted_tokens += drafted
        if token in self._eos_ids:
            return self._finish("stop")
        self._pending.append(token)
        if log_prob is not None:
            self._log_probs.append(self._log_prob_json(log_prob))
        thought = self._splitter.kind == "thinking"
        if self._show(self._splitter.add(self._detokenizer.add(token))):
            return True
        self._thinking_tokens += thought or self._splitter.kind == "thinking"
        if whole or len(self.tokens) >= self.max_tokens:
            return self._finish("stop" if whole else "length")
        return False

    def _show(self, pieces: list[tuple[str, str]]) -> bool:
        """Sends pieces of text; returns True if they contained a stop string, which ends the generation."""
        for kind, text in pieces:
            if kind == "text":
                shown, stop = self._stops.add(text)
                self._show_text(shown, last=stop is not None)
                if stop is not None:
                    self._end = ("stop", stop)
                    return True
                continue
            self._show_text(self._stops.finish())
            if kind == "thinking":
                self._chunk("thinking", text)
            elif kind == "call":
                self._called.append(text)
            else:
                self._read_call()
        return False

    def _show_text(self, text: str, last: bool = False) -> None:
        """Sends text of the answer. Where calls are possible, blanks at its end wait for what follows them."""
        if not text and not last:
            return
        if self._format and not last and not text.strip():
            self._trailing.append(text)
            return
        text = "".join([*self._trailing, text])
        shown = text if last or not self._format else text.rstrip()
        self._trailing = [text[len(shown) :]]
        self._after_call = self._after_call and not shown
        self._chunk("text", shown, last)

    def _read_call(self) -> None:
        text, self._called = "".join(self._called), []
        calls, why = tools.read(text, self._format, self.request.tools)
        if calls is None:
            self._unread.append({"text": text, "reason": why})
        else:
            self._calls += calls
        self._after_call = True

    def _finish(self, reason: str) -> bool:
        rest = self._detokenizer.finish(cut=reason == "length")
        pieces = self._splitter.add(rest) + self._splitter.finish()
        if self._show(pieces) or (reason == "stop" and self._show(self._in_open_thinking())):
            return True
        self._show_text(self._stops.finish())
        if self._after_call:
            self._trailing = []
        self._show_text("", last=True)
        self._end = (reason, None)
        return True

    def _in_open_thinking(self) -> list[tuple[str, str]]:
        """The pieces of a text whose thinking the model never closed: the calls in it count.

        Where it was the chat template that had opened it, the model did not think: all of it is the answer.
        """
        if self._splitter.kind != "thinking":
            return []
        splitter = Splitter(call=(self._format.start, self._format.end) if self._format else None)
        pieces = splitter.add(self._splitter.thought) + splitter.finish()
        if not self._splitter.in_begun:
            return [piece for piece in pieces if piece[0] != "text"]
        self._thought_aloud, self._thinking_tokens = True, 0
        return pieces

    def _chunk(self, kind: str, text: str, last: bool = False) -> None:
        if not text and not (last and self._pending):
            return
        while len(text) > MAX_CHUNK_TEXT:
            self._send_chunk(kind, text[:MAX_CHUNK_TEXT], 0)
            text = text[MAX_CHUNK_TEXT:]
        while len(self._pending) > MAX_CHUNK_TOKENS:  # their text came late, such as that of a long tool call
            self._send_chunk(kind, "", MAX_CHUNK_TOKENS)
        self._send_chunk(kind, text, MAX_CHUNK_TOKENS)

    def _send_chunk(self, kind: str, text: str, count: int) -> None:
        if self._schema is not None and kind == "text":
            self._json.append(text)
        chunk = {"seq": self._chunks, "kind": kind, "text": text, "tokens": self._pending[:count]}
        if self.request.log_probs is not None:
            chunk["logProbs"] = self._log_probs[:count]
            self._log_probs = self._log_probs[count:]
        self.call.notify("chunk", chunk)
        self._chunks += 1
        self._pending = self._pending[count:]

    def _log_prob_json(self, log_prob: tuple[float, list[tuple[int, float]]]) -> dict[str, Any]:
        own, top = log_prob
        named = [{"token": t, "text": self._detokenizer.peek(t), "logProb": _finite(value)} for t, value in top]
        return {"logProb": _finite(own), "top": named}

    def answer(self) -> None:
        """Answers the call. The caller ensures that all of its tokens were actually computed.

        JSON is validated first, off the engine's thread, unless it was cut.
        """
        if self._schema is not None and self._end[0] == "stop":
            self.call.later(partial(self._validated, self._result()))
        else:
            self.call.answer(self._result())

    def _validated(self, result: dict[str, Any]) -> None:
        try:
            validate("".join(self._json), self._schema or {})
        except Invalid as invalid:
            self.call.fail(
                InvalidAnswer(
                    f"The answer is not JSON of its schema: {invalid}.",
                    "Ask again, or use a simpler schema.",
                )
            )
        else:
            self.call.answer(result)

    def _result(self) -> dict[str, Any]:
        call, ms, (reason, stop) = self.call, 1000, self._end
        return {
            "finishReason": "toolCalls" if reason == "stop" and self._calls else reason,
            "stop": stop,
            "chunks": self._chunks,
            "usage": {
                "promptTokens": len(self.prompt_tokens),
                "completionTokens": len(self.tokens),
                "cachedTokens": self.cached_tokens,
                "thinkingTokens": self._thinking_tokens,
                "draftedTokens": self._drafted_tokens,
            },
            "toolCalls": self._calls,
            "expert": self.expert,
            "unreadToolCalls": self._unread,
            "thinkingIsAnswer": self._thought_aloud,
            "timings": {
                "queueMs": (self._started - call.received) * ms,
                "prefillMs": (self._first - self._started) * ms,
                "firstTokenMs": (self._first - call.received) * ms,
                "decodeMs": (self._last - self._first) * ms,
            },
        }


def _finite(value: float) -> float:
    """JSON has no infinities: a token that can't come at all is very improbable."""
    return max(float(value), -1e9)
