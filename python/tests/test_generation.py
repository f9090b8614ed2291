"""One call on its way through an engine, as far as no engine is needed."""

import random
import re
import time

import pytest

from engine_tests.sayings import JSON_CALL, OSLO, SAYINGS, THINK, WEATHER, Saying, outcome
from mlx4j_worker.engine.generation import MAX_CHUNK_TEXT, MAX_CHUNK_TOKENS, Generation
from mlx4j_worker.requests.generate import GenerateRequest
from mlx4j_worker.text.formats import Dialect, call_format
from mlx4j_worker.text.prompts import Prompt

END = 0x110000  # the end token; every other token is a character


class Call:
    """Records what is sent."""

    def __init__(self):
        self.received, self.cancelled = 0.0, False
        self.chunks, self.result = [], None

    def notify(self, method, params):
        assert method == "chunk"
        self.chunks.append(params)

    def answer(self, result):
        self.result = result

    def text_of(self, kind):
        return "".join(chunk["text"] for chunk in self.chunks if chunk["kind"] == kind)

    @property
    def text(self):
        return self.text_of("text")

    @property
    def thinking(self):
        return self.text_of("thinking")


def say(saying, max_tokens=None):
    """The call of a request whose model says this, a character a token."""
    call, tokens = Call(), [*map(ord, saying.said), END]
    tools = [WEATHER] if saying.tools else []
    limit = max_tokens or len(tokens)
    request = GenerateRequest(messages=saying.messages, max_tokens=limit, stop=list(saying.stops), tools=tools)
    dialect = Dialect(saying.marks, call_format(saying.template))
    prompt = Prompt([1], opens_thinking=bool(saying.opens))
    generation = Generation(call, request, prompt, limit, {END}, lambda ids: "".join(map(chr, ids)), dialect=dialect)
    generation.started()
    for token in tokens:
        if generation.add(token):
            break
    generation.answer()
    assert [chunk["seq"] for chunk in call.chunks] == list(range(call.result["chunks"]))
    sent = [token for chunk in call.chunks for token in chunk["tokens"]]
    assert sent == [token for token in generation.tokens if token != END]
    return call


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        ("", "word "),
        ("", " " * 50),
        ("a", " " * 50),
        ("<think>", "a thought " * 5),
        ("<tool_call>", "an argument " * 5),
    ],
)
def test_a_late_token_takes_as_long_as_an_early_one(begin, piece):
    texts = [begin, piece]
    request = GenerateRequest(messages=[], max_tokens=10**6, stop=["\n\nHuman:"], tools=[WEATHER])
    dialect = Dialect(("<think>", "</think>"), call_format("<tool_call>"))
    generation = Generation(
        Call(), request, Prompt([1]), 10**6, {END}, lambda ids: "".join(texts[i] for i in ids), dialect=dialect
    )
    generation.started()
    generation.add(0)

    def seconds():
        begun = time.thread_time()
        for _ in range(200):
            generation.add(1)
        return time.thread_time() - begun

    times = [seconds() for _ in range(100)]
    assert min(times[-10:]) < 3 * min(times[:10])


def read(said, saying, whole):
    """The outcome of a text, read at once and by regular expressions, for comparison.

    ``whole`` is whether the model ended it; else it was cut.
    """
    (start, end), rest, thinking, marked = saying.marks, said, "", bool(saying.opens)
    closed = not saying.opens
    if saying.opens:
        thinking, found, rest = said.partition(end)
        closed = bool(found)
        thinking = thinking.lstrip()
        if whole and not closed:
            rest, thinking, closed, marked = thinking, "", True, False
    while closed and rest.lstrip().startswith(start) and (marked or not saying.opens):
        thought, found, rest = rest.lstrip()[len(start) :].partition(end)
        thinking, closed, marked = thinking + thought.lstrip(), bool(found), True
    calls = re.compile(r"<tool_call>(.*?)(?:</tool_call>|$)", re.DOTALL)
    bodies = []
    if not closed:
        if whole and saying.tools:
            bodies = calls.findall(thought.lstrip())
        rest = ""
    text, before = "", 0
    for found in [*calls.finditer(rest)] if saying.tools else []:
        text += _answer(rest[before : found.start()], text, marked, more=True)
        bodies, before, marked = [*bodies, found[1]], found.end(), True
    after = rest[before:]
    if before and not after.strip():
        text = text.rstrip()
    text += _answer(after, text, marked, more=False)
    read_calls = [OSLO for body in bodies if body == JSON_CALL[11:-12]]
    reason = ("toolCalls" if read_calls else "stop") if whole else "length"
    return text, thinking, read_calls, len(bodies) - len(read_calls), reason, None


def _answer(piece, text, marked, more):
    if not piece.strip():
        return "" if marked or more else piece
    return piece.lstrip() if marked and not text else piece


@pytest.mark.parametrize("saying", SAYINGS, ids=lambda saying: saying.name)
def test_a_text_is_told_apart_as_expected(saying):
    assert outcome(say(saying)) == saying.expected


def test_a_text_is_told_apart_alike_wherever_it_is_cut():
    """Random texts of words, marks, blanks and calls, each at every length, against a reading of the whole."""
    pick = random.Random(5)
    parts = ["a", "b c", " ", "\n", "\n\n", *THINK, *THINK, JSON_CALL, "<tool_call>", "</tool_call>", "<th", "<"]
    cases = 0
    for _ in range(150):
        said = "".join(pick.choices(parts, k=pick.randint(1, 7)))
        saying = Saying("", said, tools=pick.random() < 0.6, opens=pick.choice(["", "<think>"]))
        assert outcome(say(saying)) == read(said, saying, whole=True), (said, saying.opens, saying.tools)
        for length in range(1, len(said) + 1):
            expected = read(said[:length], saying, whole=False)
            assert outcome(say(saying, length)) == expected, (said[:length], saying.opens, saying.tools)
            cases += 1
    assert cases > 3000


def test_thinking_that_was_the_answer_is_not_counted_and_comes_in_chunks_that_fit_into_a_line():
    said = "x" * (2 * MAX_CHUNK_TEXT + 1)
    call = say(Saying("", said, opens="<think>"))
    assert (call.result["thinkingIsAnswer"], call.result["usage"]["thinkingTokens"]) == (True, 0)
    assert call.text == said
    assert max(len(chunk["text"]) for chunk in call.chunks) == MAX_CHUNK_TEXT


def test_tokens_whose_text_comes_late_are_sent_in_chunks_that_fit_into_a_line():
    call = Call()
    request = GenerateRequest(prompt="x", max_tokens=2500, log_probs=1)
    generation = Generation(call, request, Prompt([1]), 2500, {0}, lambda ids: "")
    generation.started()

    for token in range(1, 2501):
        ended = generation.add(token, (-float(token), [(token, -float(token))]))
    assert ended
    generation.answer()

    assert [chunk["seq"] for chunk in call.chunks] == [0, 1, 2] == list(range(call.result["chunks"]))
    assert all(len(chunk["tokens"]) <= MAX_CHUNK_TOKENS for chunk in call.chunks)
    assert [token for chunk in call.chunks for token in chunk["tokens"]] == list(range(1, 2501))
    assert [one["logProb"] for chunk in call.chunks for one in chunk["logProbs"]] == [-float(t) for t in range(1, 2501)]


def _sentence_piece(ids):
    """Decodes as such tokenizers do: the first space is dropped, and bytes that make no character are replaced."""
    whole = b"".join({1: b" the", 2: b"the", 3: b"\xe2", 4: b"\x82", 5: b"\xac"}[token] for token in ids)
    return whole.decode(errors="replace").removeprefix(" ")


def ended(ids, **params):
    call = Call()
    generation = Generation(
        call, GenerateRequest(prompt="x", **params), Prompt([1]), len(ids), {0}, _sentence_piece
    )  # fmt: skip
    generation.started()
    for token in ids:
        generation.add(token, (-1.0, [(1, -1.0), (2, -2.0)]) if "log_probs" in params else None)
    generation.answer()
    return call


def test_a_token_s_text_is_the_one_that_it_has_in_the_answer():
    call = ended([2, 1, 2], log_probs=2)
    texts = [[top["text"] for top in one["top"]] for chunk in call.chunks for one in chunk["logProbs"]]
    assert texts == [["the", "the"], [" the", "the"], [" the", "the"]]
    assert call.text == "the thethe"


@pytest.mark.parametrize("ids", [[2, 3], [2, 3, 4], [2]])
def test_a_character_that_the_token_limit_cuts_is_left_out(ids):
    call = ended(ids)
    assert (call.text, call.result["finishReason"]) == ("the", "length")


def test_a_character_that_is_whole_at_the_token_limit_is_there():
    assert ended([2, 3, 4, 5]).text == "the€"
