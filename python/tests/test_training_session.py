"""A session's bookkeeping and its folders, over a backend that only counts."""

import errno
import json
import math
import os

import pytest

from mlx4j_worker.errors import Cancelled, EngineFailed, Internal, InvalidRequest
from mlx4j_worker.training.batches import Sequence
from mlx4j_worker.training.config import parse_training
from mlx4j_worker.training.data import DataSet
from mlx4j_worker.training.folders import copy_beside_weights, new_folder
from mlx4j_worker.training.session import Session

EMPTY = b"\x02\0\0\0\0\0\0\0{}"  # a safetensors file without tensors


class Backend:
    """Its loss is the sum of the first tokens of a batch; its gradients are what it was told to forget or apply."""

    vocabulary_size = 100
    trained_modules = ("a", "b")
    fault = None

    def __init__(self):
        self.seen, self.seeds, self.applied, self.held = [], [], [], 0

    def identity(self):
        return {"worker": "counting", "model": "m"}

    def describe(self):
        return {"model": "m"}

    def memory(self):
        return {"activeBytes": 1, "peakBytes": 2, "cacheBytes": None}

    def reset_peak(self):
        pass

    def add_gradients(self, batch, seed):
        if isinstance(self.fault, Exception):
            raise self.fault
        firsts = [row[0] for row in batch.inputs]
        self.seen.append(firsts)
        self.seeds.append(seed)
        self.held += 1
        return self.fault or float(sum(firsts))

    def loss(self, batch):
        return float(sum(row[0] for row in batch.inputs))

    def gradient_norm(self):
        return 8.0

    def apply(self, rate, factor):
        self.applied.append((rate, factor))
        self.held = 0

    def drop_gradients(self):
        self.held = 0

    def save_state(self, weights, optimizer):
        weights.write_bytes(EMPTY)
        optimizer.write_bytes(EMPTY)

    def load_state(self, weights, optimizer):
        pass

    def settle(self):
        pass


class Call:
    def __init__(self, method, params):
        self.method, self.params, self.cancelled, self.result = method, params, False, None

    def answer(self, result):
        self.result = json.loads(json.dumps(result, allow_nan=False))

    def fail(self, error):
        self.result = error


def session(backend, **fields):
    sequences = [Sequence([i, 50, 60]) for i in range(6)]
    data = DataSet("text", sequences)
    config = parse_training({"method": "full", "batchSize": 2, "trainData": "x", "learningRate": 0.5, **fields})
    return Session(backend, config.with_data(6), data, data, [])


def run(one, method, poll=lambda call: None, **params):
    call = Call(method, params)
    one.submit(call)
    assert one.busy and one.has(call)
    one.step(lambda: poll(call))
    assert not one.busy
    if isinstance(call.result, Exception):
        raise call.result
    return call.result


def test_a_step_is_the_mean_over_the_tokens_of_its_micro_batches():
    backend = Backend()
    step = run(session(backend, accumulation=3), "trainStep")
    assert sorted(first for batch in backend.seen for first in batch) == [0, 1, 2, 3, 4, 5]
    assert (step["step"], step["epoch"], step["tokens"], step["loss"]) == (1, 1.0, 12, 15 / 12)
    assert step["gradientNorm"] == 8 / 12
    assert backend.applied == [(0.5, 1 / 12)]
    assert len(set(backend.seeds)) == 3


def test_the_norm_is_clipped():
    backend = Backend()
    run(session(backend, maxGradientNorm=1), "trainStep")
    assert backend.applied[0][1] == pytest.approx(0.5 / 4)


def test_accumulated_micro_batches_make_one_step():
    backend = Backend()
    one, other = session(backend), session(Backend(), accumulation=2)
    assert [run(one, "accumulate")["accumulated"] for _ in range(2)] == [1, 2]
    for method in ("trainStep", "saveCheckpoint", "loadCheckpoint", "gradients"):
        params = {"folder": "/f"} if "Checkpoint" in method else {}
        params = {"batch": {"tokens": [[1, 2]]}, "file": "/f"} if method == "gradients" else params
        with pytest.raises(InvalidRequest, match="accumulated gradients"):
            run(one, method, **params)
    applied, step = run(one, "applyGradients"), run(other, "trainStep")
    assert {**applied, "millis": 0} == {**step, "millis": 0}


def test_a_given_batch_does_not_move_the_data():
    backend = Backend()
    one = session(backend)
    step = run(one, "trainStep", batch={"tokens": [[7, 8, 9]], "from": [2]})
    assert (step["loss"], step["tokens"], step["epoch"]) == (7, 1, 0)
    assert run(one, "trainStep")["epoch"] == 2 / 6


@pytest.mark.parametrize("fault", [math.nan, math.inf, RuntimeError("broken"), ValueError("broken")])
def test_a_step_that_fails_leaves_the_data_where_it_was(fault):
    backend, expected = Backend(), Backend()
    run(session(expected), "trainStep")
    one = session(backend)
    backend.fault = fault
    with pytest.raises(Internal if isinstance(fault, ValueError) else EngineFailed):
        run(one, "trainStep")
    backend.fault, seen = None, len(backend.seen)
    assert backend.held == 0
    assert run(one, "trainStep")["step"] == 1
    assert backend.seen[seen:] == expected.seen


def test_a_cancelled_step_ends_between_micro_batches():
    backend = Backend()
    one = session(backend, accumulation=3)

    def poll(call):
        call.cancelled = len(backend.seen) == 2

    with pytest.raises(Cancelled):
        run(one, "trainStep", poll)
    assert (len(backend.seen), backend.held, backend.applied) == (2, 0, [])
    with pytest.raises(Cancelled):
        run(one, "validate", lambda call: setattr(call, "cancelled", True))


def test_after_half_a_step_only_a_checkpoint_helps(tmp_path):
    backend = Backend()
    one = session(backend)
    run(one, "saveCheckpoint", folder=str(tmp_path / "one"))
    backend.apply = lambda rate, factor: 1 // 0
    with pytest.raises(Internal):
        run(one, "trainStep")
    for method in ("trainStep", "accumulate", "validate"):
        with pytest.raises(EngineFailed, match="can't be trusted"):
            run(one, method)
    with pytest.raises(EngineFailed, match="can't be trusted"):
        run(one, "saveCheckpoint", folder=str(tmp_path / "two"))
    backend.apply = lambda rate, factor: None
    assert run(one, "loadCheckpoint", folder=str(tmp_path / "one"))["step"] == 0
    assert run(one, "trainStep")["step"] == 1


def test_an_accumulate_that_fails_takes_the_others_with_it():
    backend, expected = Backend(), Backend()
    one = session(backend)
    first = run(session(expected), "accumulate")
    run(one, "accumulate")
    backend.fault = RuntimeError("in the middle of adding")
    with pytest.raises(EngineFailed):
        run(one, "accumulate")
    backend.fault = None
    assert backend.held == 0
    with pytest.raises(InvalidRequest, match="no accumulated"):
        run(one, "applyGradients")
    assert run(one, "accumulate") == first


def test_there_are_no_gradients_of_a_loss_that_is_not_finite(tmp_path):
    backend = Backend()
    backend.fault = math.nan
    with pytest.raises(EngineFailed, match="loss is nan"):
        run(session(backend), "gradients", batch={"tokens": [[1, 2]]}, file=str(tmp_path / "file"))
    assert os.listdir(tmp_path) == []


def test_validation_is_over_all_or_some_batches():
    one = session(Backend())
    assert run(one, "validate") == {"loss": 15 / 12, "perplexity": math.exp(15 / 12), "tokens": 12, "sequences": 6}
    assert run(one, "validate", batches=2)["sequences"] == 4
    huge = run(one, "validate", batch={"tokens": [[99, 1], [99, 2]]})
    assert huge["loss"] == 99


@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("trainStep", {"frobnicate": 1}, "frobnicate"),
        ("trainStep", {"batch": {"tokens": [[1, 2]], "mask": []}}, "batch.mask"),
        ("trainStep", {"batch": {"tokens": []}}, "batch.tokens"),
        ("trainStep", {"batch": {"tokens": [[1, 100]]}}, r"batch.tokens\[0\]"),
        ("trainStep", {"batch": {"tokens": [[1]]}}, r"batch.tokens\[0\]"),
        ("trainStep", {"batch": {"tokens": [[1, 2]], "from": [2]}}, r"batch.tokens\[0\]"),
        ("trainStep", {"batch": {"tokens": [[1, 2]], "from": [1, 1]}}, "batch.from"),
        ("applyGradients", {}, "no accumulated gradients"),
        ("validate", {"batches": 0}, "batches"),
        ("gradients", {}, "batch"),
        ("gradients", {"batch": {"tokens": [[1, 2]]}}, "file"),
        ("saveCheckpoint", {}, "folder"),
        ("saveCheckpoint", {"folder": "x"}, "absolute"),
        ("saveAdapter", {"folder": "/x", "format": "gguf"}, "format"),
        ("saveAdapter", {"folder": "/x"}, "method is full"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(method, params, named):
    with pytest.raises(InvalidRequest, match=named):
        run(session(Backend()), method, **params)


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    with new_folder(tmp_path / "made") as folder:
        (folder / "file").write_text("content")
        assert os.listdir(tmp_path) == [".made.unfinished"]
    assert os.listdir(tmp_path) == ["made"]
    with pytest.raises(InvalidRequest, match="already exists"), new_folder(tmp_path / "made"):
        pass
    (tmp_path / "empty").mkdir()
    (tmp_path / ".empty.unfinished").mkdir()
    (tmp_path / ".empty.unfinished" / "of a killed one").touch()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "file").write_text("content")
    assert os.listdir(tmp_path / "empty") == ["file"]


def test_no_folder_is_made_in_a_model_s(tmp_path):
    (tmp_path / "config.json").touch()
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(InvalidRequest, match="in the model folder"), new_folder(tmp_path / "adapters" / "mine"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["config.json", "model.safetensors"]


def test_beside_weights_there_is_what_a_model_needs_and_no_more(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in ("tokenizer.json", "LICENSE", "tf_model.h5", "old.pkl", "pytorch_model.bin.index.json", "code.py"):
        (source / name).touch()
    for name in ("modules.json", "1_Pooling/config.json", "1_Pooling/more.bin"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).touch()
    config = {"dtype": "bfloat16", "vocab_size": 9, "transformers_weights": "other.safetensors", "auto_map": {}}
    (source / "config.json").write_text(json.dumps(config))
    copy_beside_weights(source, target, "float32")
    assert sorted(os.listdir(target)) == ["1_Pooling", "LICENSE", "config.json", "modules.json", "tokenizer.json"]
    assert os.listdir(target / "1_Pooling") == ["config.json"]
    assert json.loads((target / "config.json").read_text()) == {"dtype": "float32", "vocab_size": 9}


@pytest.mark.parametrize(("number", "text"), [(errno.ENOSPC, "no space left"), (errno.EACCES, "can't be written")])
def test_a_folder_that_cannot_be_written_is_not_there(tmp_path, number, text):
    with pytest.raises(EngineFailed, match=text) as caught, new_folder(tmp_path / "made") as folder:
        (folder / "file").write_text("half")
        raise OSError(number, os.strerror(number))
    assert caught.value.hint
    assert os.listdir(tmp_path) == []
