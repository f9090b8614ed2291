"""Properties that hold for any input. A few examples each by default; with MLX4J_FUZZ=full, for minutes.

MLX4J_FUZZ may also be a number of examples: scripts/fuzz runs them in rounds, with a seed each. The worker process is
fake_worker.py: the real dispatcher on the real wire, with an engine that generates without a model.
"""

import json
import os
from itertools import count, pairwise
from unittest.mock import patch

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from mlx4j_worker.errors import InvalidRequest, WorkerError
from mlx4j_worker.requests.generate import GenerateRequest, parse_generate
from mlx4j_worker.text.detokenizer import Detokenizer, StopMatcher
from mlx4j_worker.wire import MAX_LINE_BYTES, Overlong, Wire, call_id, parse
from test_text import byte_decode, first_to_end, pieces_of, run_stops

EXAMPLES = {"": 100, "full": 5000}.get(fuzz := os.environ.get("MLX4J_FUZZ", "")) or int(fuzz)
PROCESS_EXAMPLES = EXAMPLES // 5  # for what needs a process
LONGEST_MESSAGE = 2100  # characters of an error, however long what it complains of is

settings.register_profile("mlx4j", max_examples=EXAMPLES, deadline=None, database=None)
settings.load_profile("mlx4j")

texts = st.text(st.characters(exclude_categories=()), max_size=30)  # unpaired surrogates too
long_texts = st.builds(lambda text, times: text * times, texts, st.sampled_from([1, 1, 1, 1000, 100_000]))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), long_texts
)
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4))
)


def one_of_names(*names):
    return st.one_of(st.sampled_from(names), texts)


@st.composite
def cut(draw, items):
    """A sequence in parts, some of them empty."""
    edges = sorted(draw(st.lists(st.integers(0, len(items)), max_size=20)))
    return [items[start:end] for start, end in pairwise([0, *edges, len(items)])]


@st.composite
def damaged(draw, lines):
    """A line in which some ranges are replaced by other bytes."""
    line = draw(lines)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(line)))
        line = line[:at] + draw(st.binary(max_size=6)) + line[at + draw(st.integers(0, 20)) :]
    return line


requests = st.dictionaries(
    one_of_names("messages", "prompt", "tokens", "sampling", "stop", "maxTokens"),
    st.one_of(
        values,
        st.integers(1, 100),
        st.lists(texts, max_size=20),
        st.lists(st.integers(), max_size=5),
        st.dictionaries(one_of_names("temperature", "topP", "topK", "seed"), st.one_of(values, st.floats(0, 1))),
        st.lists(st.fixed_dictionaries({"role": one_of_names("user", "system"), "content": values}), max_size=3),
    ),
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.one_of(st.just("2.0"), values),
        "id": st.one_of(texts, values),
        "method": st.one_of(one_of_names("generate", "cancel", "ping"), values),
        "params": st.one_of(requests, values),
    },
)
real_lines = messages.map(lambda message: json.dumps(message).encode())


class TestParse:
    def check(self, line):
        try:
            message = parse(line)
        except WorkerError as refused:
            assert len(json.dumps(refused.to_json())) < 2 * 6 * LONGEST_MESSAGE
            return
        assert isinstance(message["method"], str)
        assert isinstance(message["params"], dict)
        assert isinstance(message.get("id", ""), str)

    @given(st.binary(max_size=200))
    @example(b"[" * 200_000)
    @example(b'{"a":' * 200_000)
    @example(b"9" * 200_000)
    @example(b'"\\ud800')
    @example(b"\xff\xfe[\x00]\x00")
    def test_any_bytes_are_a_message_or_an_error(self, line):
        self.check(line)

    @given(real_lines)
    def test_any_json_object_is_a_message_or_an_error(self, line):
        self.check(line)

    @given(damaged(real_lines))
    def test_a_damaged_line_is_a_message_or_an_error(self, line):
        self.check(line)


class TestLines:
    def test_the_head_of_a_line_that_is_too_long_only_with_its_last_part_is_its_beginning(self):
        with patch("mlx4j_worker.wire.os.read", side_effect=[b"ab", b"cd\n", b""]):
            assert list(Wire(0, 1, 3).lines()) == [Overlong(b"abcd")]

    @given(st.data(), st.binary(max_size=300), st.integers(0, 40))
    def test_lines_are_what_lies_between_the_lfs_however_they_arrive(self, data, stream, most):
        stream = stream.replace(b"\x00", b"\n")
        wanted = [line if len(line) <= most else Overlong(line[:256]) for line in stream.split(b"\n")[:-1]]
        arriving = [part for part in data.draw(cut(stream)) if part]
        with patch("mlx4j_worker.wire.os.read", side_effect=[*arriving, b""]):
            lines = list(Wire(0, 1, most).lines())
            assert [(type(line), line) for line in lines] == [(type(line), line) for line in wanted]


class TestParseGenerate:
    @given(requests)
    @example({"maxTokens": "9" * 1_000_000})
    @example({"x" * 1_000_000: 1})
    @example({"messages": [{"role": "x" * 1_000_000, "content": ""}], "maxTokens": 1})
    @example({"prompt": "", "maxTokens": 1, "sampling": {"temperature": [["x" * 1000] * 1000]}})
    def test_any_params_are_a_request_or_an_error_that_is_short(self, params):
        try:
            request = parse_generate(params)
        except InvalidRequest as refused:
            assert 0 < len(str(refused)) <= LONGEST_MESSAGE
            assert len(refused.hint) <= LONGEST_MESSAGE
            return
        assert isinstance(request, GenerateRequest)
        assert [request.messages, request.prompt, request.tokens].count(None) == 2
        contents = [message["content"] for message in request.messages or []]
        "".join([request.prompt or "", *contents, *request.stop]).encode()  # has a UTF-8 form


class TestDetokenizer:
    def pieces(self, parts):
        return pieces_of(lambda ids: byte_decode(b"".join(parts[i] for i in ids)), range(len(parts)))

    @given(st.data(), st.text(st.characters(codec="utf-8", exclude_characters="\ufffd")))
    def test_every_cut_of_a_text_gives_the_text_and_whole_characters(self, data, text):
        parts = [part for part in data.draw(cut(text.encode())) if part]
        pieces = self.pieces(parts)
        assert "".join(pieces) == text
        assert "\ufffd" not in "".join(pieces)

    @given(st.lists(st.binary(min_size=1, max_size=4), max_size=15))
    def test_a_few_tokens_of_any_bytes_give_what_they_decode_to(self, parts):
        assert "".join(self.pieces(parts)) == byte_decode(b"".join(parts))

    @given(st.lists(st.integers(0, 255)))
    def test_any_bytes_are_held_and_decoded_a_few_at_a_time(self, ids):
        decoded = []
        detokenizer = Detokenizer(lambda window: decoded.append(len(window)) or byte_decode(window))
        for i, token in enumerate(ids):
            detokenizer.add(token)
            assert max(decoded[-2:]) <= 32, ids[: i + 1]


class TestStopMatcher:
    @given(
        st.data(),
        st.lists(st.text("ab\n😀", min_size=1, max_size=5), max_size=5),
        st.text("ab\n😀c", max_size=40),
    )
    def test_every_cut_gives_the_same(self, data, stops, text):
        assert run_stops(stops, data.draw(cut(text))) == first_to_end(stops, text)

    @given(st.lists(st.text(min_size=1), max_size=4), st.lists(st.text()))
    def test_no_more_is_held_than_the_longest_stop_and_nothing_is_lost(self, stops, parts):
        matcher, shown, seen = StopMatcher(stops), "", ""
        for part in parts:
            text, stop = matcher.add(part)
            shown, seen = shown + text, seen + part
            if stop is not None:
                assert seen.startswith(shown + stop)
                return
            assert len(seen) - len(shown) < max(map(len, stops), default=1)
            assert seen.startswith(shown)
        assert shown + matcher.finish() == seen


calls = st.one_of(
    st.builds(lambda params: {"method": "generate", "params": params}, requests),
    st.builds(
        lambda prompt, most: {"method": "generate", "params": {"prompt": "say: " + prompt, "maxTokens": most}},
        texts,
        st.integers(1, 20),
    ),
    st.builds(lambda method, params: {"method": method, "params": params}, texts, st.dictionaries(texts, scalars)),
    st.sampled_from([{"method": "ping"}, {"method": "initialize", "params": {}}]),
)
notifications = st.one_of(
    st.builds(lambda number: {"method": "cancel", "params": {"number": number}}, st.integers(0, 10)),
    st.builds(lambda call_id: {"method": "cancel", "params": {"id": call_id}}, scalars),
    st.builds(lambda method: {"method": method}, texts),
)
broken = st.one_of(
    st.binary(max_size=50),
    damaged(st.just(b'{"jsonrpc":"2.0","id":"9","method":"ping"}')),
    values.map(lambda value: json.dumps(value).encode()),
    st.just(b"x" * (MAX_LINE_BYTES + 1)),
).map(lambda line: line.replace(b"\n", b" "))


def outcome(line):
    """What a line has to bring: an answer to its id, an error without an id, or nothing."""
    try:
        return parse(line).get("id", "") if len(line) <= MAX_LINE_BYTES else None
    except WorkerError:
        return call_id(line)


def is_message(line):
    try:
        parse(line)
    except WorkerError:
        return False
    return len(line) <= MAX_LINE_BYTES


class TestAWorker:
    def test_it_answers_every_call_once_whatever_else_it_reads(self, worker):
        rounds = count()

        @settings(max_examples=PROCESS_EXAMPLES, phases=[Phase.generate])  # the worker has a memory: nothing to shrink
        @given(
            st.lists(
                st.one_of(
                    st.tuples(st.just("call"), calls),
                    st.tuples(st.just("notification"), notifications),
                    st.tuples(st.just("broken"), broken.filter(lambda line: not is_message(line))),
                ),
                max_size=10,
            )
        )
        def feed(entries):
            prefix = f"{next(rounds)}-"
            lines = []
            for number, (kind, entry) in enumerate([*entries, ("call", {"method": "ping"})]):
                if kind == "broken":
                    lines.append(entry)
                    continue
                message = {"jsonrpc": "2.0", **entry}
                if kind == "call":
                    message["id"] = f"{prefix}{number}"
                elif "number" in message.get("params", {}):
                    message["params"] = {"id": f"{prefix}{entry['params']['number']}"}
                lines.append(json.dumps(message).encode())
            worker.write(b"\n".join(lines) + b"\n")
            waiting = [awaited for line in lines if (awaited := outcome(line)) != ""]
            while waiting:
                message = worker.receive()
                if "method" not in message:
                    waiting.remove(message["id"])

        feed()
        assert worker.answer(worker.call("ping", call_id="last"))["result"]["engine"]["open"] == 0
        assert worker.process.poll() is None
