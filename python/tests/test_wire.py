"""Lines over real pipes: cut, packed, too long, not JSON."""

import json
import os
import select
import threading

import pytest

from mlx4j_worker.bounds import MAX_DEPTH, MAX_LINE_BYTES
from mlx4j_worker.errors import BadMessage, Internal, InvalidRequest, ParseError
from mlx4j_worker.failures import Exit
from mlx4j_worker.wire import MAX_BATCH_BYTES, Overlong, Wire, call_id, parse, well_formed


class Pipes:
    """A wire and the parent's ends of its pipes."""

    def __init__(self, max_line_bytes):
        self._to_worker_read, self._to_worker = os.pipe()
        self._from_worker, self._from_worker_write = os.pipe()
        self.wire = Wire(self._to_worker_read, self._from_worker_write, max_line_bytes)

    def lines_of(self, *writes):
        """What ``lines`` yields for these writes and the end after them. The next write waits for nothing."""

        def write():
            for data in writes:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self._to_worker, rest) :]
            os.close(self._to_worker)
            self._to_worker = None

        writer = threading.Thread(target=write)
        writer.start()
        lines = list(self.wire.lines())
        writer.join()
        return lines

    def sent(self, *threads):
        """The bytes that ``send`` writes, given a list of messages for each thread that sends."""

        def send(messages):
            for message in messages:
                self.wire.send(message)

        def send_all():
            senders = [threading.Thread(target=send, args=[messages]) for messages in threads]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            os.close(self._from_worker_write)
            self._from_worker_write = None

        sending = threading.Thread(target=send_all)
        sending.start()
        with os.fdopen(os.dup(self._from_worker), "rb") as file:
            data = file.read()
        sending.join()
        return data

    def written(self):
        """The numbers in the messages that were written since the last time."""
        if not select.select([self._from_worker], [], [], 0)[0]:
            return []
        return [json.loads(line)["n"] for line in os.read(self._from_worker, 1_000_000).splitlines()]

    def stop_reading(self):
        os.close(self._from_worker)
        self._from_worker = None

    def close(self):
        for end in (self._to_worker_read, self._to_worker, self._from_worker, self._from_worker_write):
            if end is not None:
                os.close(end)


@pytest.fixture
def make_pipes():
    made = []

    def make(max_line_bytes=1000):
        made.append(Pipes(max_line_bytes))
        return made[-1]

    yield make
    for pipes in made:
        pipes.close()


@pytest.fixture
def pipes(make_pipes):
    return make_pipes()


def request(**fields):
    return json.dumps({"jsonrpc": "2.0", "method": "m", **fields}).encode()


class TestLines:
    def test_each_line_comes_without_its_end(self, pipes):
        assert pipes.lines_of(b"one\ntwo\n") == [b"one", b"two"]

    def test_empty_lines_are_lines(self, pipes):
        assert pipes.lines_of(b"\n\na\n") == [b"", b"", b"a"]

    def test_only_lf_ends_a_line(self, pipes):
        line = "a\rb\u2028c\u2029d\u0085e\x0bf\x0cg\x1ch".encode()
        assert pipes.lines_of(line + b"\r\n" + b"next\n") == [line + b"\r", b"next"]

    def test_a_line_in_many_writes_is_one_line(self, pipes):
        assert pipes.lines_of(*(bytes([byte]) for byte in "é, 😀\nb\n".encode())) == ["é, 😀".encode(), b"b"]

    def test_many_lines_in_one_write_are_many_lines(self, make_pipes):
        lines = [b"line %d" % i for i in range(20_000)]
        assert make_pipes().lines_of(b"\n".join(lines) + b"\n") == lines

    def test_a_long_line_is_put_together(self, make_pipes):
        long = b"x" * 1_000_000
        assert make_pipes(2_000_000).lines_of(b"a\n" + long + b"\nb\n") == [b"a", long, b"b"]

    def test_what_has_no_end_is_no_line(self, pipes):
        assert pipes.lines_of(b"whole\nhalf") == [b"whole"]

    def test_a_line_of_the_greatest_length_is_taken(self, pipes):
        assert pipes.lines_of(b"x" * 1000 + b"\n") == [b"x" * 1000]

    @pytest.mark.parametrize("length", [1001, 5000, 65_536, 300_000])
    def test_a_longer_line_is_dropped_and_the_next_one_works(self, pipes, length):
        assert pipes.lines_of(b"a\n" + b"x" * length + b"\nb\n") == [b"a", Overlong(b"x" * 256), b"b"]

    def test_a_longer_line_in_many_writes_is_dropped_once(self, pipes):
        assert pipes.lines_of(*[b"x" * 100] * 50, b"\nb\n") == [Overlong(b"x" * 256), b"b"]


def nested(depth):
    """A message of so many levels."""
    inner = depth - 2
    return b'{"jsonrpc":"2.0","id":"7","method":"m","params":{"v":' + b"[" * inner + b"]" * inner + b"}}"


class TestCallId:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (b'{"jsonrpc":"2.0","id":"7","method":"m","params":{oops', "7"),
            (b'{"id":"7"', "7"),
            (b' { "method" : "generate" , "id" : "a-1" ,', "a-1"),
            (b'{"jsonrpc":"2.0","method":"cancel","params":{"id":"7"', None),  # not its own
            (b'{"jsonrpc":"2.0","id":7', None),
            (b'{"jsonrpc":"2.0","id":"7', None),
            (b'["id":"7"]', None),
            (b"", None),
        ],
    )
    def test_it_is_found_where_java_writes_it(self, line, expected):
        assert call_id(line) == expected


class TestParse:
    def test_a_call_has_its_id_method_and_params(self):
        message = parse(request(id="7", params={"a": 1}))
        assert (message["id"], message["method"], message["params"]) == ("7", "m", {"a": 1})

    def test_params_may_be_absent(self):
        assert parse(request())["params"] == {}

    def test_unknown_fields_are_no_fault(self):
        assert parse(request(trace="x"))["method"] == "m"

    def test_any_unicode_is_taken_raw_and_escaped(self):
        text = "é漢😀\u2028\u2029"
        for ascii_only in (False, True):
            line = json.dumps({"jsonrpc": "2.0", "method": "m", "params": {"t": text}}, ensure_ascii=ascii_only)
            assert parse(line.encode())["params"]["t"] == text

    def test_a_carriage_return_before_the_end_is_white_space(self):
        assert parse(request() + b"\r")["method"] == "m"

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"{oops",
            b'{"jsonrpc": "2.0"} x',
            b"{'jsonrpc': '2.0'}",
            b'{"jsonrpc":"2.0","method":"\xff"}',
            b'{"jsonrpc":"2.0","method":"m","params":{"n":' + b"9" * 10_000 + b"}}",
        ],
    )
    def test_what_is_no_json_is_a_parse_error(self, line):
        with pytest.raises(ParseError):
            parse(line)

    @pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 990, 1000, 100_000])
    def test_what_is_nested_too_deeply_is_an_invalid_request(self, depth):
        with pytest.raises(InvalidRequest, match="nested more than 128 levels"):
            parse(nested(depth))

    def test_what_is_nested_as_deeply_as_allowed_is_taken(self):
        assert parse(nested(MAX_DEPTH))["method"] == "m"

    def test_brackets_in_text_are_no_levels(self):
        assert parse(request(params={"text": "[{" * 1000, "list": [[]] * 1000}))["method"] == "m"

    @pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
    def test_numbers_that_json_does_not_have_are_refused(self, constant):
        with pytest.raises(ParseError, match=constant):
            parse(f'{{"jsonrpc":"2.0","method":"m","params":{{"n":{constant}}}}}'.encode())

    @pytest.mark.parametrize(
        ("line", "what"),
        [
            (b"[]", "object"),
            (b"null", "object"),
            (b'"text"', "object"),
            (b'{"method":"m"}', "jsonrpc"),
            (b'{"jsonrpc":"1.0","method":"m"}', "jsonrpc"),
            (b'{"jsonrpc":"2.0","id":"1","result":{}}', "method"),
            (request(method=1), "method"),
            (request(id=1), "id"),
            (request(id=None), "id"),
            (request(params=[]), "params"),
            (request(params=None), "params"),
        ],
    )
    def test_json_that_is_no_message_is_refused_with_the_reason(self, line, what):
        with pytest.raises(BadMessage, match=what):
            parse(line)

    def test_lone_surrogates_are_parsed(self):
        assert parse(b'{"jsonrpc":"2.0","method":"m","params":{"t":"a\\ud800"}}')["params"]["t"] == "a\ud800"


class TestSend:
    def test_a_message_is_one_line_of_ascii_json(self, pipes):
        sent = pipes.sent([{"id": "1", "result": {"text": "a\nb\r\u2028 é😀"}}])
        assert sent.isascii()
        assert sent.count(b"\n") == 1
        assert sent.endswith(b"\n")
        assert json.loads(sent) == {"jsonrpc": "2.0", "id": "1", "result": {"text": "a\nb\r\u2028 é😀"}}

    def test_a_message_larger_than_the_pipe_arrives_whole(self, pipes):
        text = "x" * 1_000_000
        assert json.loads(pipes.sent([{"result": text}]))["result"] == text

    def test_lone_surrogates_are_sent_as_escapes(self, pipes):
        assert b'"a\\ud800"' in pipes.sent([{"result": "a\ud800"}])

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_numbers_that_json_does_not_have_are_not_sent(self, pipes, number):
        with pytest.raises(Internal, match="not JSON compliant"):
            pipes.wire.send({"result": {"n": number}})
        assert pipes.sent([{"result": 1}]) == b'{"jsonrpc":"2.0","result":1}\n'

    def test_a_message_longer_than_a_line_is_not_sent(self, pipes):
        with pytest.raises(InvalidRequest, match="a line has at most 8388608"):
            pipes.wire.send({"result": "x" * MAX_LINE_BYTES})
        assert pipes.sent([{"result": 1}]) == b'{"jsonrpc":"2.0","result":1}\n'

    @pytest.mark.parametrize("depth", [MAX_DEPTH, 5000])
    def test_a_message_nested_too_deeply_is_not_sent(self, pipes, depth):
        value = 1
        for _ in range(depth):
            value = [value]
        with pytest.raises((InvalidRequest, Internal)):
            pipes.wire.send({"result": value})

    def test_lines_of_several_threads_are_not_mixed(self, pipes):
        texts = [str(n) * 200_000 for n in range(4)]  # larger than a pipe, so each is written in parts
        sent = pipes.sent(*[[{"result": text}] * 10 for text in texts])
        assert sorted(json.loads(line)["result"] for line in sent.splitlines()) == sorted(texts * 10)


def send_from_another_thread(wire, message):
    thread = threading.Thread(target=wire.send, args=[message])
    thread.start()
    thread.join()


class TestBatch:
    def test_its_messages_are_written_together_at_its_end(self, pipes, monkeypatch):
        writes, write = [], os.write
        monkeypatch.setattr(os, "write", lambda fd, data: writes.append(len(data)) or write(fd, data))
        with pipes.wire.batch():
            for n in range(16):
                pipes.wire.send({"n": n})
            assert pipes.written() == []
        assert pipes.written() == [*range(16)]
        assert len(writes) == 1

    def test_messages_outside_of_it_are_written_at_once(self, pipes):
        with pipes.wire.batch():
            pass
        pipes.wire.send({"n": 1})
        assert pipes.written() == [1]

    @pytest.mark.parametrize("error", [ValueError("a failed step"), Exit(0), KeyboardInterrupt()])
    def test_its_messages_are_written_when_an_exception_ends_it(self, pipes, error):
        with pytest.raises(type(error)), pipes.wire.batch():
            pipes.wire.send({"n": 1})
            raise error
        assert pipes.written() == [1]
        pipes.wire.send({"n": 2})
        assert pipes.written() == [2]

    def test_a_message_of_another_thread_is_written_at_once_after_the_earlier_ones(self, pipes):
        with pipes.wire.batch():
            pipes.wire.send({"n": 1})
            send_from_another_thread(pipes.wire, {"n": 2})
            assert pipes.written() == [1, 2]
            pipes.wire.send({"n": 3})
            assert pipes.written() == []
        assert pipes.written() == [3]

    def test_flush_writes_what_it_holds(self, pipes):
        with pipes.wire.batch():
            pipes.wire.send({"n": 1})
            pipes.wire.flush()
            assert pipes.written() == [1]

    def test_only_the_end_of_the_outer_one_writes(self, pipes):
        with pipes.wire.batch():
            with pipes.wire.batch():
                pipes.wire.send({"n": 1})
            pipes.wire.send({"n": 2})
            assert pipes.written() == []
        assert pipes.written() == [1, 2]

    def test_it_holds_a_limited_number_of_bytes(self, pipes, monkeypatch):
        writes = []
        monkeypatch.setattr(os, "write", lambda fd, data: writes.append(len(data)) or len(data))
        with pipes.wire.batch():
            for n in range(100):
                pipes.wire.send({"n": n, "text": "x" * 5000})
        assert max(writes) < MAX_BATCH_BYTES + 6000
        assert len(writes) == 8

    def test_a_message_with_no_json_form_leaves_the_others_alone(self, pipes):
        with pipes.wire.batch():
            pipes.wire.send({"n": 1})
            with pytest.raises(Internal):
                pipes.wire.send({"n": float("nan")})
            pipes.wire.send({"n": 2})
        assert pipes.written() == [1, 2]

    def test_its_end_raises_exit_where_nobody_reads(self, pipes):
        pipes.stop_reading()
        with pytest.raises(Exit), pipes.wire.batch():
            pipes.wire.send({"n": 1})


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("", ""),
        ("é😀\x00\ufeff", "é😀\x00\ufeff"),
        ("\ufeffa", "\ufeffa"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d!", "\ufffd\ufffd!"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
    ],
)
def test_well_formed_text_has_no_lone_surrogates(text, clean):
    assert well_formed(text) == clean
