"""The job ``inspect``: what it takes, what it answers, and how much memory it may take."""

import threading
from types import SimpleNamespace

import pytest

from mlx4j_worker import memory
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed
from mlx4j_worker.models import inspection

DESCRIBED = {
    "contextLength": 512,
    "capabilities": ["tools"],
    "embeddings": {"pooling": ["mean"]},
    "warnings": ["hm"],
    "packages": {"mlx": "1"},
    "dtype": "",
}


class Call:
    def __init__(self, **params):
        self.params = {"protocol": {"major": 1, "minor": 3}, "model": {"source": "/models/m"}, **params}
        self.error = None

    def progress(self, *told):
        """Nobody listens."""

    def fail(self, error):
        self.error = error


def load(params, options, progress):
    return SimpleNamespace(describe=lambda: {**DESCRIBED, "warnings": [str(options.allow_pickles)]})


def test_the_answer_is_the_part_of_the_description_that_needs_no_weights():
    found = inspection.inspect(Call(options={"allowPickles": True}), load)
    assert found == {
        "contextLength": 512,
        "capabilities": ["tools"],
        "embeddings": {"pooling": ["mean"]},
        "warnings": ["True"],
        "packages": {"mlx": "1"},
    }


@pytest.mark.parametrize(
    "params",
    [
        {"folder": "/x"},
        {"options": {"trustRemoteCode": True}},
        {"options": {"kvBits": 4}},
        {"model": {}},
        {"options": 7},
    ],
)
def test_other_params_are_refused(params):
    with pytest.raises(InvalidRequest):
        inspection.inspect(Call(**params), load)


def test_the_error_is_the_loader_s():
    def refuse(*_):
        raise ModelLoadFailed("no")

    with pytest.raises(ModelLoadFailed, match="no"):
        inspection.inspect(Call(), refuse)
    assert all(thread.name != "mlx4j-bounds" or not thread.is_alive() for thread in threading.enumerate())


def test_a_load_that_takes_too_much_memory_is_answered_and_ended(monkeypatch):
    call, ended = Call(), threading.Event()
    taken = iter([0])
    monkeypatch.setattr(memory, "resident_bytes", lambda: next(taken, inspection.MAX_BYTES + 1))
    monkeypatch.setattr(inspection.os, "_exit", lambda code: ended.set())

    def grow(*of_load):
        assert ended.wait(30)
        return load(*of_load)

    inspection.inspect(call, grow)
    assert call.error.kind == "out_of_memory"
