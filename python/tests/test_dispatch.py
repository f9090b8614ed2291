"""The life of a worker and its calls, over the fake worker's real process."""

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from conftest import PYTHON_DIR, SECONDS, initialize_params
from mlx4j_worker import PROTOCOL, VERSION
from mlx4j_worker.call import SMALLER_RESULT, Call
from mlx4j_worker.dispatch import Worker
from mlx4j_worker.engine.preparation import LOOK_SECONDS, Preparation
from mlx4j_worker.wire import MAX_LINE_BYTES, Wire

PAUSED = {"say": "abc", "after": 2, "pause": True}  # two chunks, then nothing until it is cancelled
HANGING = {"say": "abc", "after": 1, "hang": True}  # one chunk, then the engine thread stops for good
EXIT_SECONDS = 3  # within this, a worker is gone after its parent


def error_kind(answer):
    return answer["error"]["data"]["kind"]


def text_of(messages):
    return "".join(message["params"]["text"] for message in messages if message["method"] == "chunk")


def ping(worker):
    return worker.answer(worker.call("ping"))["result"]


def ping_until(worker, state):
    """Pings until the engine is in this state."""
    end = time.monotonic() + SECONDS
    while (pong := ping(worker)["engine"])["state"] != state:
        assert time.monotonic() < end, f"still {pong}, not {state}"
    return pong


class TestHello:
    def test_the_first_line_says_who_the_worker_is(self, start_worker):
        worker = start_worker(nonce="0123-é")
        message = worker.receive()
        assert message["method"] == "hello"
        assert "id" not in message
        assert message["params"] == {
            "protocol": PROTOCOL,
            "worker": "fake",
            "version": VERSION,
            "pid": worker.process.pid,
            "python": platform.python_version(),
            "platform": sys.platform,
            "machine": platform.machine(),
            "maxLineBytes": MAX_LINE_BYTES,
            "nonce": "0123-é",
            "sandbox": {"mode": "off", "files": "none", "network": "none", "missing": []},
        }

    @pytest.mark.parametrize("kind", ["mlx", "hf"])
    def test_the_real_workers_greet_before_they_import_anything(self, start_worker, kind):
        worker = start_worker(script=PYTHON_DIR / f"{kind}_worker.py")
        assert worker.hello()["worker"] == kind
        assert ping(worker)["engine"]["state"] == "new"
        worker.close_stdin()
        assert worker.exit_code() == 0


class TestInitialize:
    def test_it_reports_progress_and_describes_the_model(self, start_worker):
        worker = start_worker()
        worker.hello()
        seen = []
        answer = worker.answer(worker.call("initialize", initialize_params("a-model"), "i"), seen)
        assert seen[0]["params"] == {"id": "i", "phase": "load", "done": 0, "total": 1, "unit": "models"}
        assert answer["result"]["model"] == "a-model"
        assert answer["result"]["contextLength"] == 4096

    @pytest.mark.parametrize("protocol", [{"major": 2, "minor": 0}, {"major": "1"}, {}, None, "1", [1]])
    def test_another_major_version_is_refused(self, start_worker, protocol):
        worker = start_worker()
        worker.hello()
        answer = worker.answer(worker.call("initialize", {**initialize_params(), "protocol": protocol}))
        assert error_kind(answer) == "protocol_version"

    def test_another_minor_version_is_accepted(self, start_worker):
        worker = start_worker()
        worker.hello()
        params = {**initialize_params(), "protocol": {"major": 1, "minor": 99}, "somethingNew": True}
        assert "result" in worker.answer(worker.call("initialize", params))

    @pytest.mark.parametrize("model", [None, "a-model", {}, {"source": None}, {"source": ["a"]}])
    def test_params_without_a_model_are_refused_by_name(self, start_worker, model):
        worker = start_worker()
        worker.hello()
        answer = worker.answer(worker.call("initialize", {**initialize_params(), "model": model}))
        assert error_kind(answer) == "invalid_request"
        assert answer["error"]["message"].startswith("model ")

    def test_a_second_one_is_refused(self, worker):
        answer = worker.answer(worker.call("initialize", initialize_params()))
        assert error_kind(answer) == "invalid_request"
        assert "already" in answer["error"]["message"]
        assert "result" in worker.answer(worker.generate("still works"))

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            ("ModelLoadFailed", "model_load_failed"),
            ("ModelNotFound", "model_not_found"),
            ("UnsafeModel", "unsafe_model"),
            ("OutOfMemory", "out_of_memory"),
            ("DownloadFailed", "download_failed"),
            ("DependencyMissing", "dependency_missing"),
        ],
    )
    def test_a_failed_load_is_answered_and_may_be_tried_again(self, start_worker, error, kind):
        worker = start_worker()
        worker.hello()
        answer = worker.answer(worker.call("initialize", initialize_params({"error": error})))
        assert error_kind(answer) == kind
        assert answer["error"]["data"]["hint"] == "Ask for something else."
        assert "fake_worker.py" in answer["error"]["data"]["detail"], "the traceback"
        assert ping_until(worker, "new")["open"] == 0
        assert "result" in worker.answer(worker.call("initialize", initialize_params()))

    @pytest.mark.parametrize("method", ["fetchModel", "modelInfo", "removeModel"])
    def test_calls_about_the_hub_are_served_before_there_is_a_model(self, start_worker, method):
        worker = start_worker()
        worker.hello()
        answer = worker.answer(worker.call(method, {"source": "nowhere"}))
        assert error_kind(answer) == "invalid_request"
        assert "source is" in answer["error"]["message"]

    def test_a_fault_of_the_loader_itself_is_an_internal_error_with_its_traceback(self, start_worker):
        worker = start_worker()
        worker.hello()
        answer = worker.answer(worker.call("initialize", initialize_params({"error": "NoSuchError"})))
        assert error_kind(answer) == "internal"
        assert "AttributeError" in answer["error"]["message"]
        assert "Traceback" in answer["error"]["data"]["detail"]

    def test_ping_is_answered_while_a_model_loads(self, start_worker, tmp_path):
        worker = start_worker()
        worker.hello()
        gate = tmp_path / "gate"
        call = worker.call("initialize", initialize_params({"until": str(gate)}))
        worker.notification("progress")
        assert ping(worker)["engine"]["state"] == "loading"
        gate.touch()
        assert "result" in worker.answer(call)
        assert ping(worker)["engine"]["state"] == "idle"


class TestGenerate:
    def test_it_streams_chunks_without_gaps_and_answers_once(self, worker):
        seen = []
        answer = worker.answer(worker.generate("Hé😀"), seen)
        assert [(m["params"]["seq"], m["params"]["text"]) for m in seen] == [(0, "H"), (1, "é"), (2, "😀")]
        result = answer["result"]
        assert (result["finishReason"], result["stop"], result["chunks"]) == ("stop", None, 3)
        assert result["usage"] == {
            "promptTokens": 3,
            "completionTokens": 4,
            "cachedTokens": 0,
            "thinkingTokens": 0,
            "draftedTokens": 0,
        }
        assert all(ms >= 0 for ms in result["timings"].values())

    def test_before_initialize_it_is_refused(self, start_worker):
        worker = start_worker()
        worker.hello()
        answer = worker.answer(worker.generate("too early"))
        assert error_kind(answer) == "not_ready"
        assert answer["error"]["data"]["retryable"] is True

    def test_a_stop_string_ends_it(self, worker):
        seen = []
        answer = worker.answer(worker.generate("abc\n\ndef", stop=["\n\n"]), seen)
        assert text_of(seen) == "abc"
        assert (answer["result"]["finishReason"], answer["result"]["stop"]) == ("stop", "\n\n")

    def test_text_held_for_a_stop_string_comes_at_the_end(self, worker):
        seen = []
        answer = worker.answer(worker.generate("abc\n", stop=["\n\n"]), seen)
        assert text_of(seen) == "abc\n"
        assert answer["result"]["stop"] is None

    def test_max_tokens_end_it_with_all_text_so_far(self, worker):
        seen = []
        answer = worker.answer(worker.generate("abc\ndef", max_tokens=4, stop=["\n\n"]), seen)
        assert text_of(seen) == "abc\n"
        assert answer["result"]["finishReason"] == "length"
        assert answer["result"]["usage"]["completionTokens"] == 4

    def test_a_text_that_ends_at_once_has_no_chunks(self, worker):
        seen = []
        answer = worker.answer(worker.generate({"say": ""}), seen)
        assert seen == []
        assert answer["result"]["chunks"] == 0

    def test_the_chunks_have_every_token_but_the_end(self, worker):
        seen = []
        worker.answer(worker.generate("abc", stop=["cd"]), seen)
        assert [token for message in seen for token in message["params"]["tokens"]] == [97, 98, 99]

    def test_several_run_at_once(self, worker):
        paused = worker.generate(PAUSED)
        worker.notification("chunk")
        worker.notification("chunk")
        assert "result" in worker.answer(worker.generate("meanwhile"))
        worker.cancel(paused)
        assert error_kind(worker.answer(paused)) == "cancelled"

    def test_a_bad_one_harms_nobody(self, worker):
        assert error_kind(worker.answer(worker.generate("Hi", max_tokens=0))) == "invalid_request"
        assert error_kind(worker.answer(worker.generate(""))) == "invalid_request"
        assert error_kind(worker.answer(worker.generate("x" * 4096))) == "context_overflow"
        assert "result" in worker.answer(worker.generate("Hi"))


class TestAnswers:
    def test_every_call_has_exactly_one(self, worker):
        script = json.dumps(PAUSED)
        calls = {
            "good": {"prompt": "Hi", "maxTokens": 9},
            "short": {"prompt": "Hello", "maxTokens": 1},
            "bad": {"prompt": "Hi", "maxTokens": -1},
            "both": {"prompt": "Hi", "tokens": [1], "maxTokens": 9},
            "empty": {"tokens": [], "maxTokens": 9},
            "cancelled": {"prompt": script, "maxTokens": 9},
            "cancelled twice": {"prompt": script, "maxTokens": 9},
        }
        worker.send(
            *({"id": call_id, "method": "generate", "params": params} for call_id, params in calls.items()),
            {"id": "unknown", "method": "embed"},
            {"id": "second", "method": "initialize", "params": initialize_params()},
            {"id": "ping", "method": "ping"},
            {"method": "cancel", "params": {"id": "cancelled"}},
            {"method": "cancel", "params": {"id": "cancelled twice"}},
            {"method": "cancel", "params": {"id": "cancelled twice"}},
        )
        wanted = Counter([*calls, "unknown", "second", "ping"])
        answers = Counter()
        while answers != wanted:
            message = worker.receive()
            if "method" not in message:
                answers[message["id"]] += 1
                assert answers <= wanted, message
        last = worker.call("shutdown")
        assert [message["id"] for message in worker.rest() if "method" not in message] == [last]
        assert worker.exit_code() == 0

    def test_an_unknown_method_is_answered(self, worker):
        answer = worker.answer(worker.call("job/start"))
        assert (answer["error"]["code"], error_kind(answer)) == (-32601, "unknown_method")

    def test_notifications_are_never_answered(self, worker):
        worker.send({"method": "ping"}, {"method": "something/new", "params": {"a": 1}}, {"method": "generate"})
        call = worker.call("ping")
        assert worker.receive()["id"] == call

    def test_an_id_that_is_open_is_refused_and_its_call_goes_on(self, worker):
        paused = worker.generate(PAUSED)
        seen = [worker.receive(), worker.receive()]
        for method in ("generate", "ping", "initialize"):
            worker.call(method, {"prompt": "Hi", "maxTokens": 5}, paused)
            answer = worker.answer(None, seen)
            assert error_kind(answer) == "invalid_request"
            assert repr(paused) in answer["error"]["message"]
        worker.cancel(paused)
        assert error_kind(worker.answer(paused, seen)) == "cancelled"
        assert text_of(seen) == "ab"

    def test_an_id_may_be_used_again_after_its_answer(self, worker):
        for _ in range(3):
            assert "result" in worker.answer(worker.call("generate", {"prompt": "Hi", "maxTokens": 5}, "same"))


class TestPreparing:
    """A request that takes long to prepare, such as one with a hostile schema, is prepared beside everything else."""

    def test_a_neighbour_goes_on_and_a_later_call_overtakes(self, worker, tmp_path):
        neighbour = worker.generate({"say": "abc", "stepMs": 1, "after": 3, "pause": True})
        slow = worker.generate({"say": "slow", "prepareUntil": str(tmp_path / "prepared")})
        for _ in range(3):
            assert worker.notification("chunk")["id"] == neighbour
        seen = []
        later = worker.generate("later")
        assert "result" in worker.answer(later, seen)
        assert worker.answer(worker.call("tokenize", {"prompt": "Hi"}), seen)["result"] == {"tokens": [72, 105]}
        assert {message["params"]["id"] for message in seen} == {later}
        (tmp_path / "prepared").touch()
        assert "result" in worker.answer(slow, seen)
        assert text_of(seen) == "laterslow"

    def test_a_cancel_ends_it_at_once(self, worker, tmp_path):
        slow = worker.generate({"prepareUntil": str(tmp_path / "prepared")})
        worker.cancel(slow)
        assert error_kind(worker.answer(slow)) == "cancelled"
        (tmp_path / "prepared").touch()
        assert "result" in worker.answer(worker.generate("still here"))

    def test_an_engine_that_only_waits_for_it_moves(self, worker, tmp_path):
        slow = worker.generate({"prepareUntil": str(tmp_path / "prepared")})
        time.sleep(5 * LOOK_SECONDS)
        end = time.monotonic() + SECONDS
        while (engine := ping(worker)["engine"])["lastMovedMs"] > 2000 * LOOK_SECONDS:
            assert time.monotonic() < end
        assert (engine["state"], engine["open"]) == ("idle", 1)
        (tmp_path / "prepared").touch()
        assert "result" in worker.answer(slow)

    def test_the_end_of_stdin_does_not_wait_for_it(self, worker, tmp_path):
        worker.generate({"prepareUntil": str(tmp_path / "never")})
        worker.close_stdin()
        assert worker.exit_code(EXIT_SECONDS) == 0

    def test_one_prepared_call_joins_at_a_time(self):
        joined = []
        worker = Worker("fake", None, "", {}, None)
        for i in range(3):
            prepared = Preparation(SimpleNamespace(ended=False, cancelled=False), lambda i=i: lambda: joined.append(i))
            prepared.run()
            worker._inbox.put(prepared)
        for i in range(3):
            worker._poll()
            assert joined == list(range(i + 1))


class TestBadLines:
    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            (b"{oops", "parse_error"),
            (b"", "parse_error"),
            (b"\xff\xfe{}", "parse_error"),
            (b"[]", "invalid_message"),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', "invalid_message"),
        ],
    )
    def test_a_bad_line_is_answered_without_id_and_survived(self, worker, line, kind):
        worker.write(line + b"\n")
        answer = worker.receive()
        assert answer["id"] is None
        assert error_kind(answer) == kind
        assert "result" in worker.answer(worker.generate("still here"))

    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            (b'{"jsonrpc":"2.0","id":"a","method":"ping","params":{"n":NaN}}', "parse_error"),
            (b'{"jsonrpc":"2.0","id":"a","method":"ping","params":[]}', "invalid_message"),
            (b'{"jsonrpc":"2.0","id":"a","method":"generate","params":{"n":' + b"9" * 5000 + b"}}", "parse_error"),
            *(
                (
                    b'{"jsonrpc":"2.0","id":"a","method":"generate","params":' + b"[" * n + b"]" * n + b"}",
                    "invalid_request",
                )
                for n in (128, 990, 998, 100_000)
            ),
            (b'{"jsonrpc":"2.0","id":"a","method":"generate","params":"' + b"x" * MAX_LINE_BYTES, "invalid_request"),
        ],
    )
    def test_a_call_that_can_not_be_parsed_is_answered_by_its_id(self, worker, line, kind):
        worker.write(line + b"\n")
        answer = worker.receive()
        assert answer["id"] == "a"
        assert error_kind(answer) == kind
        assert "result" in worker.answer(worker.generate("still here"))

    def test_the_id_of_an_open_call_is_not_taken_for_a_bad_line(self, worker):
        call_id = worker.generate(PAUSED)
        worker.receive()  # a chunk
        worker.write(b'{"jsonrpc":"2.0","id":"%s","method":{oops\n' % call_id.encode())
        while "error" not in (message := worker.receive()):
            pass
        assert message["id"] is None
        worker.cancel(call_id)
        assert error_kind(worker.answer(call_id)) == "cancelled"

    def test_a_result_longer_than_a_line_fails_the_call_by_its_id(self, worker):
        text = "\U0010ffff" * 1_200_000  # four bytes each, and ids of seven digits
        worker.write(b'{"jsonrpc":"2.0","id":"a","method":"tokenize","params":{"prompt":"%s"}}\n' % text.encode())
        answer = worker.answer("a")
        assert error_kind(answer) == "invalid_request"
        assert "a line has at most" in answer["error"]["message"]
        assert "shorter text" in answer["error"]["data"]["hint"]
        assert "result" in worker.answer(worker.generate("still here"))

    @pytest.mark.parametrize("method", sorted(Worker("mlx", None, "", {}, None)._handlers))
    def test_a_result_that_is_too_long_is_an_error_that_says_what_to_do(self, method):
        ended = []
        with tempfile.TemporaryFile() as sent:
            call = Call(Wire(-1, sent.fileno()), {"id": "7", "method": method, "params": {}}, ended.append)
            call.answer({"any": "x" * MAX_LINE_BYTES})
            sent.seek(0)
            (answer,) = map(json.loads, sent)
        assert answer["id"] == "7"
        assert error_kind(answer) == "invalid_request"
        assert f"a line has at most {MAX_LINE_BYTES}" in answer["error"]["message"]
        assert answer["error"]["data"]["hint"] == SMALLER_RESULT.get(method, "Ask for less at once.")
        assert ended == [call]

    def test_each_hint_is_of_a_method(self):
        assert SMALLER_RESULT.keys() <= Worker("mlx", None, "", {}, None)._handlers.keys()

    def test_a_line_over_the_limit_is_answered_and_survived(self, worker):
        worker.write(b"x" * (MAX_LINE_BYTES + 1) + b"\n")
        answer = worker.receive()
        assert answer["id"] is None
        assert str(MAX_LINE_BYTES) in answer["error"]["message"]
        assert "result" in worker.answer(worker.generate("still here"))


class TestCancel:
    def test_before_the_call_begins(self, start_worker, tmp_path):
        worker = start_worker()
        worker.hello()
        gate = tmp_path / "gate"
        loading = worker.call("initialize", initialize_params({"until": str(gate)}))
        worker.notification("progress")
        waiting = worker.generate("never begun")
        worker.cancel(waiting)
        assert ping(worker)["engine"]["open"] == 2  # so the cancel is read, while the model still loads
        gate.touch()
        assert "result" in worker.answer(loading)
        seen = []
        answer = worker.answer(waiting, seen)
        assert seen == []
        assert (answer["error"]["code"], error_kind(answer)) == (-32800, "cancelled")
        assert "before it began" in answer["error"]["message"]

    def test_in_the_middle(self, worker):
        call = worker.generate(PAUSED)
        assert [worker.notification("chunk")["text"] for _ in range(2)] == ["a", "b"]
        worker.cancel(call)
        assert worker.receive() == {
            "jsonrpc": "2.0",
            "id": call,
            "error": {
                "code": -32800,
                "message": "The request was cancelled.",
                "data": {"kind": "cancelled", "retryable": False, "hint": "", "detail": ""},
            },
        }

    def test_only_the_named_call_ends(self, worker):
        first, second = worker.generate(PAUSED), worker.generate(PAUSED)
        for _ in range(4):
            worker.notification("chunk")
        worker.cancel(first)
        assert error_kind(worker.answer(first)) == "cancelled"
        assert ping(worker)["engine"]["open"] == 1
        worker.cancel(second)
        assert error_kind(worker.answer(second)) == "cancelled"

    @pytest.mark.parametrize("params", [{"id": "unknown"}, {"id": None}, {"id": 7}, {"id": ["a"]}, {"id": {}}, {}])
    def test_of_no_open_call_is_ignored(self, worker, params):
        worker.send({"method": "cancel", "params": params})
        assert "result" in worker.answer(worker.generate("unharmed"))

    def test_after_the_answer_is_ignored(self, worker):
        call = worker.generate("done")
        worker.answer(call)
        worker.cancel(call)
        assert "result" in worker.answer(worker.call("generate", {"prompt": "Hi", "maxTokens": 5}, call))


class TestPing:
    def test_it_tells_of_the_engine_through_its_life(self, start_worker):
        worker = start_worker()
        worker.hello()
        assert ping(worker)["engine"]["state"] == "new"
        assert "result" in worker.answer(worker.call("initialize", initialize_params()))
        assert ping(worker)["engine"]["state"] == "idle"
        call = worker.generate(PAUSED)
        worker.notification("chunk")
        seen = []
        pong = worker.answer(worker.call("ping"), seen)["result"]
        assert (pong["engine"]["state"], pong["engine"]["open"]) == ("generating", 1)
        worker.cancel(call)
        worker.answer(call)
        assert ping_until(worker, "idle")["open"] == 0

    def test_the_engine_is_idle_again_after_an_answer(self, worker):
        worker.answer(worker.generate("Hi"))
        assert ping_until(worker, "idle")["open"] == 0

    def test_it_counts_a_call_as_open_exactly_until_its_answer_is_sent(self, worker):
        """So that a parent can tell an answer that was lost from one that is on its way."""
        count = 300
        script = json.dumps({"say": "x" * 20})
        worker.send(
            *(
                message
                for i in range(count)
                for message in (
                    {"id": f"call {i}", "method": "generate", "params": {"prompt": script, "maxTokens": 100}},
                    {"id": f"ping {i}", "method": "ping"},
                )
            )
        )
        answered = pongs = 0
        while answered < count or pongs < count:
            message = worker.receive()
            if "result" in message and message["id"].startswith("ping"):
                pongs += 1
                assert message["result"]["engine"]["open"] == pongs - answered
            elif "result" in message:
                answered += 1

    def test_an_answer_in_a_batch_is_sent_before_the_pong_that_no_longer_counts_its_call(self):
        read, write = os.pipe()
        os.set_blocking(read, False)
        wire, open_calls = Wire(-1, write), {"7"}
        call = Call(wire, {"id": "7", "method": "generate", "params": {}}, lambda call: open_calls.discard(call.id))
        with call.batch():
            call.notify("chunk", {"seq": 0})
            call.answer({})
            with ThreadPoolExecutor(1) as reader:
                reader.submit(wire.send, {"id": "ping", "result": {"open": len(open_calls)}}).result()
            sent = [json.loads(line) for line in os.read(read, 65536).splitlines()]
        os.close(read)
        os.close(write)
        assert [message.get("id") for message in sent] == [None, "7", "ping"]
        assert sent[2]["result"]["open"] == 0

    def test_nothing_is_sent_between_the_end_of_a_call_and_its_answer(self):
        def others_may_send():
            with ThreadPoolExecutor(1) as other:
                taken = other.submit(wire.turn.acquire, blocking=False).result()
                if taken:
                    other.submit(wire.turn.release).result()
                return taken

        wire, seen = Wire(-1, -1), []
        wire.send = lambda message: seen.append(others_may_send())
        call = Call(wire, {"id": "7", "method": "generate", "params": {}}, lambda call: seen.append(others_may_send()))
        call.answer({})
        assert seen == [False, False]
        assert others_may_send()

    def test_it_is_answered_while_the_engine_hangs(self, worker):
        worker.generate(HANGING)
        worker.notification("chunk")
        end = time.monotonic() + SECONDS
        while (pong := ping(worker)["engine"])["lastMovedMs"] < 200:
            assert time.monotonic() < end, f"the engine still moves: {pong}"
        assert (pong["state"], pong["open"]) == ("generating", 1)

    def test_the_time_at_rest_is_not_counted_as_a_hang(self, worker):
        while ping(worker)["engine"]["lastMovedMs"] < 50:
            pass
        sent = time.monotonic()
        worker.generate({"say": "x", "hang": True})
        moved_ago = ping_until(worker, "generating")["lastMovedMs"]
        assert moved_ago <= (time.monotonic() - sent) * 1000

    def test_the_uptime_grows(self, worker):
        first, second = ping(worker), ping(worker)
        assert 0 < first["uptimeMs"] < second["uptimeMs"]


class TestTheEnd:
    def test_shutdown_is_answered_and_the_worker_ends(self, worker):
        call = worker.call("shutdown")
        assert worker.answer(call)["result"] == {}
        assert worker.rest() == []
        assert worker.exit_code() == 0

    def test_shutdown_needs_no_model(self, start_worker):
        worker = start_worker()
        worker.hello()
        assert worker.answer(worker.call("shutdown"))["result"] == {}
        assert worker.exit_code() == 0

    def test_the_end_of_stdin_ends_an_idle_worker(self, worker):
        worker.close_stdin()
        assert worker.exit_code(EXIT_SECONDS) == 0

    def test_the_end_of_stdin_ends_a_worker_without_a_model(self, start_worker):
        worker = start_worker()
        worker.hello()
        worker.close_stdin()
        assert worker.exit_code(EXIT_SECONDS) == 0

    def test_the_end_of_stdin_ends_a_worker_that_generates(self, worker):
        worker.generate(PAUSED)
        worker.notification("chunk")
        worker.close_stdin()
        assert worker.exit_code(EXIT_SECONDS) == 0

    def test_the_end_of_stdin_ends_a_worker_whose_engine_hangs(self, worker):
        worker.generate(HANGING)
        worker.notification("chunk")
        worker.close_stdin()
        assert worker.exit_code(EXIT_SECONDS) == 0

    def test_the_end_of_stdin_ends_a_worker_that_loads(self, start_worker, tmp_path):
        worker = start_worker()
        worker.hello()
        worker.call("initialize", initialize_params({"until": str(tmp_path / "never")}))
        worker.notification("progress")
        worker.close_stdin()
        assert worker.exit_code(EXIT_SECONDS) == 0

    def test_a_dead_engine_thread_ends_the_worker_with_70(self, worker):
        worker.generate({"say": "abc", "after": 1, "raise": "broken beyond repair"})
        log = worker.notification("log")
        assert (log["level"], log["logger"]) == ("critical", "mlx4j")
        assert "broken beyond repair" in log["message"]
        assert worker.rest() == []
        assert worker.exit_code() == 70

    @pytest.mark.parametrize("text", ["[METAL] Command buffer execution failed: ", "CUDA error: "])
    def test_a_failed_device_ends_the_worker_with_70_and_answers_nobody(self, worker, text):
        worker.generate(PAUSED)
        worker.notification("chunk")
        worker.generate({"device": f"{text}a fault"})
        assert all("method" in message for message in worker.rest())
        assert worker.exit_code() == 70
        assert f"{text}a fault" in worker.stderr()

    def test_where_its_memory_was_short_a_call_that_is_alone_is_told(self, worker):
        call = worker.generate({"device": "[METAL] Command buffer execution failed: Insufficient Memory"})
        assert error_kind(worker.answer(call, [])) == "out_of_memory"
        assert worker.exit_code() == 70

    def test_but_not_one_of_several(self, worker):
        worker.generate(PAUSED)
        worker.notification("chunk")
        worker.generate({"device": "[METAL] Command buffer execution failed: Insufficient Memory"})
        assert all("method" in message for message in worker.rest())

    def test_a_wire_that_nobody_reads_any_more_ends_the_worker_with_74(self):
        read, write = os.pipe()
        os.close(read)
        command = [sys.executable, "-I", "-X", "utf8", "-u", PYTHON_DIR / "tests" / "fake_worker.py", "a-nonce"]
        try:
            done = subprocess.run(command, stdin=subprocess.PIPE, stdout=write, timeout=SECONDS, check=False)
        finally:
            os.close(write)
        assert done.returncode == 74

    def test_a_worker_killed_by_a_signal_says_so(self, worker):
        worker.generate({"signal": int(signal.SIGKILL)})
        assert worker.exit_code() == -signal.SIGKILL


class TestReleasingMemory:
    @pytest.fixture
    def released(self, tmp_path):
        return tmp_path / "released"

    def worker(self, start_worker, released, **more):
        worker = start_worker()
        worker.initialize(json.dumps({"released": str(released), **more}))
        return worker

    @pytest.mark.parametrize("busy", [False, True])
    @pytest.mark.parametrize(
        ("end", "code"),
        [
            (lambda worker: worker.call("shutdown"), 0),
            (lambda worker: worker.close_stdin(), 0),
            (lambda worker: worker.generate({"raise": "broken"}), 70),
            (lambda worker: worker.process.terminate(), 143),
        ],
        ids=["shutdown", "the end of stdin", "a dead engine", "SIGTERM"],
    )
    def test_every_orderly_end_releases_memory(self, start_worker, released, busy, end, code):
        worker = self.worker(start_worker, released)
        if busy:
            worker.generate(PAUSED)
            worker.notification("chunk")
        end(worker)
        assert worker.exit_code() == code
        assert released.exists()

    def test_so_does_one_after_a_load_that_failed(self, start_worker, released):
        worker = start_worker()
        worker.hello()
        call = worker.call("initialize", initialize_params({"released": str(released), "error": "ModelLoadFailed"}))
        assert error_kind(worker.answer(call, [])) == "model_load_failed"
        worker.close_stdin()
        assert worker.exit_code() == 0
        assert released.exists()

    def test_so_does_one_whose_reader_is_gone(self, tmp_path, released):
        command = [sys.executable, "-I", "-X", "utf8", "-u", PYTHON_DIR / "tests" / "fake_worker.py", "a-nonce"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        prompt = json.dumps({"say": "abc" * 1000, "stepMs": 5})
        for number, (method, params) in enumerate(
            [
                ("initialize", initialize_params({"released": str(released)})),
                ("generate", {"prompt": prompt, "maxTokens": 4000}),
            ]
        ):
            message = {"jsonrpc": "2.0", "id": str(number), "method": method, "params": params}
            process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        while b"chunk" not in process.stdout.readline():
            pass
        process.stdout.close()
        assert process.wait(SECONDS) == 74
        process.stdin.close()
        assert released.exists()

    @pytest.mark.parametrize("end", [lambda worker: worker.call("shutdown"), lambda worker: worker.close_stdin()])
    def test_the_end_waits_for_it_no_longer_than_its_limit(self, start_worker, released, end):
        worker = self.worker(start_worker, released, releaseSeconds=SECONDS)
        end(worker)
        worker.exit_code(EXIT_SECONDS)
        assert not released.exists()


def test_what_the_engine_prints_is_not_on_the_wire(worker):
    call = worker.generate({"say": "ok", "stderr": "a noisy library"})
    seen = []
    assert "result" in worker.answer(call, seen)
    assert text_of(seen) == "ok"
    assert "a noisy library" in worker.stderr()


class TestJobs:
    def convert(self, worker, source="fake", **changes):
        params = {**initialize_params(source), "folder": "/new", **changes}
        return worker.call("convert", params)

    def test_one_needs_no_model_and_a_model_may_follow(self, start_worker):
        worker = start_worker()
        worker.hello()
        answer = worker.answer(self.convert(worker))
        assert answer["result"]["folder"] == "/new"
        assert ping(worker)["engine"]["state"] == "new"
        assert worker.answer(worker.call("initialize", initialize_params()))["result"]["model"] == "fake"

    def test_one_is_refused_beside_a_model(self, worker):
        assert error_kind(worker.answer(self.convert(worker))) == "invalid_request"

    def test_another_major_version_is_refused(self, start_worker):
        worker = start_worker()
        worker.hello()
        answer = worker.answer(self.convert(worker, protocol={"major": 2, "minor": 0}))
        assert error_kind(answer) == "protocol_version"

    def test_a_cancelled_one_leaves_a_worker_that_takes_the_next(self, start_worker):
        worker = start_worker()
        worker.hello()
        paused = self.convert(worker, json.dumps({"pause": True}))
        ping_until(worker, "working")
        worker.cancel(paused)
        assert error_kind(worker.answer(paused)) == "cancelled"
        assert "result" in worker.answer(self.convert(worker))

    def test_the_other_engine_has_none(self, start_worker):
        worker = start_worker(script=PYTHON_DIR / "hf_worker.py")
        worker.hello()
        assert error_kind(worker.answer(self.convert(worker))) == "unknown_method"


def test_a_worker_without_a_training_has_no_steps(worker):
    assert error_kind(worker.answer(worker.call("trainStep"))) == "not_ready"


def test_a_worker_that_cannot_train_says_so(start_worker):
    worker = start_worker()
    worker.hello()
    params = {**initialize_params(), "training": {"method": "lora"}}
    assert error_kind(worker.answer(worker.call("openTraining", params))) == "unknown_method"
