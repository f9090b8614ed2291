"""The threads that prepare calls: their order, and what a slow preparation costs the others."""

import queue
import threading

import pytest

from conftest import SECONDS, eventually
from mlx4j_worker.engine import preparation
from mlx4j_worker.engine.preparation import Preparer
from mlx4j_worker.errors import InvalidRequest


class Call:
    def __init__(self, name=""):
        self.name = name
        self.cancelled = False
        self.error = None

    @property
    def ended(self):
        return self.error is not None

    def fail(self, error):
        assert not self.ended
        self.error = error


@pytest.fixture
def delivered():
    return queue.SimpleQueue()


@pytest.fixture
def preparer(delivered):
    return Preparer(delivered.put)


@pytest.fixture
def gate():
    """An Event that is set in the end, so that no thread waits for ever."""
    event = threading.Event()
    yield event
    event.set()


def look_until(preparer, condition):
    def looked():
        preparer.look()
        return condition()

    eventually(looked)


def test_calls_are_prepared_in_order_on_one_other_thread(preparer, delivered):
    threads = set()
    for i in range(100):
        preparer.add(Call(i), lambda: threads.add(threading.get_ident()))
    assert [delivered.get(timeout=SECONDS).call.name for _ in range(100)] == list(range(100))
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_the_result_or_the_error_is_delivered(preparer, delivered):
    join, error = lambda: None, InvalidRequest("no")

    def fail():
        raise error

    preparer.add(Call(), lambda: join)
    preparer.add(Call(), fail)
    first, second = delivered.get(timeout=SECONDS), delivered.get(timeout=SECONDS)
    assert (first.join, first.error) == (join, None)
    assert (second.join, second.error) == (None, error)


def test_a_slow_preparation_is_overtaken(preparer, delivered, gate):
    preparer.add(Call("slow"), gate.wait)
    preparer.add(Call("quick"), lambda: None)
    look_until(preparer, lambda: not delivered.empty())
    assert delivered.get().call.name == "quick"
    gate.set()
    assert delivered.get(timeout=SECONDS).call.name == "slow"


def test_only_a_few_threads_are_busy_with_slow_preparations(preparer, delivered, gate, monkeypatch):
    monkeypatch.setattr(preparation, "QUICK_SECONDS", 0)
    running = []
    for i in range(10):
        preparer.add(Call(i), lambda: (running.append(1), gate.wait()))
    look_until(preparer, lambda: len(running) == preparation.MAX_THREADS)
    for _ in range(100):
        preparer.look()
    assert len(running) == preparation.MAX_THREADS
    gate.set()
    look_until(preparer, lambda: delivered.qsize() == 10)


def test_a_call_whose_preparation_takes_too_long_fails(preparer, delivered, gate, monkeypatch):
    monkeypatch.setattr(preparation, "MAX_SECONDS", 0.01)
    call = Call()
    preparer.add(call, gate.wait)
    look_until(preparer, lambda: call.ended)
    assert isinstance(call.error, InvalidRequest)
    assert "within 0.01 s" in str(call.error)
    preparer.look()
    assert preparer.busy, "the work goes on"
    gate.set()
    preparer.done(delivered.get(timeout=SECONDS))
    assert not preparer.busy


def test_a_cancelled_call_is_not_prepared(preparer, delivered):
    call = Call()
    call.cancelled = True
    preparer.add(call, lambda: pytest.fail("prepared"))
    assert delivered.get(timeout=SECONDS).error is None
