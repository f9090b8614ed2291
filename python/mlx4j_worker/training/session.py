"""One training in a worker: its calls, one after another, over the backend of an engine.

Nothing random has a state: the order of the data comes from the seed and the epoch, dropout from the seed, the step and
the micro-batch. So a step that fails or is cancelled leaves no trace, and a training resumes from a
checkpoint bit for bit, where the device adds in a fixed order (MLX on Metal does not for the gradients of embeddings).
"""

import math
import os
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import Any

from mlx4j_worker import failures
from mlx4j_worker.call import Call, Poll
from mlx4j_worker.errors import Cancelled, EngineFailed, Internal, InvalidRequest, WorkerError
from mlx4j_worker.requests.fields import MAX_INT, Bounds, refuse_unknown, typed
from mlx4j_worker.training import checkpoint
from mlx4j_worker.training.batches import Batch, Order, Sequence
from mlx4j_worker.training.config import TrainingConfig
from mlx4j_worker.training.data import DataSet
from mlx4j_worker.training.folders import new_folder, report_write_errors, size
from mlx4j_worker.training.schedule import learning_rate

_BATCHES = Bounds(1, MAX_INT, whole=True)
MAX_MODULES = 200  # that the answer of openTraining names
_MAX_EXPONENT = 700


class Session:
    """A training session; every method except ``memory`` runs on the main thread.

    ``backend`` is an engine's (mlx/training.py, hf/training.py), ``train`` and ``valid`` are a data.DataSet or None.
    """

    def __init__(
        self,
        backend: Any,
        config: TrainingConfig,
        train: DataSet | None,
        valid: DataSet | None,
        warnings: list[Any],
    ) -> None:
        self._backend = backend
        self._config = config
        self._train = train
        self._valid = valid
        self._warnings = warnings
        self._order = Order(len(train.sequences), config.seed) if train else None
        self._fields = {**backend.identity(), **_shape(config, train)}
        self._step = 0
        self._position = 0  # sequences of the train data that steps have used
        self._ahead = 0  # and those that were accumulated since
        self._accumulated = _Accumulated()
        self._torn = False  # whether a step was applied in part, so that only a checkpoint helps
        self._queue: deque[Call] = deque()
        self._calls = {
            "trainStep": self._train_step,
            "accumulate": self._accumulate,
            "applyGradients": self._apply_gradients,
            "validate": self._validate,
            "gradients": self._gradients,
            "saveCheckpoint": self._save_checkpoint,
            "loadCheckpoint": self._load_checkpoint,
            "saveAdapter": self._save_adapter,
            "saveModel": self._save_model,
        }

    # --- what dispatch asks of an engine

    @property
    def busy(self) -> bool:
        return bool(self._queue)

    def memory(self) -> dict[str, Any]:
        """Memory that the training uses, in bytes; may be called on any thread."""
        return self._backend.memory()

    def has(self, call: Call) -> bool:
        return any(one is call for one in self._queue)

    def submit(self, call: Call) -> None:
        """Queues a call of this session."""
        self._queue.append(call)

    def step(self, poll: Poll) -> None:
        """Runs one call to its end. ``poll`` is called between micro-batches."""
        call = self._queue[0]
        try:
            self._check_cancelled(call, poll)
            result = self._calls[call.method](call, poll)
            self._backend.settle()  # nothing is reported as done before it is known to have worked
        except Exception as error:
            self._queue.popleft()
            failures.fail(call, error, _MEMORY_HINT, partial(_failed, call.method))
            return
        self._queue.popleft()
        call.answer(result)

    def describe(self) -> dict[str, Any]:
        """The result of ``openTraining``."""
        config, modules = self._config, self._backend.trained_modules
        per_step = config.batch_size * config.accumulation
        return {
            **self._backend.describe(),
            "method": config.method,
            "trainedModules": modules[:MAX_MODULES],
            "train": self._train.to_json() if self._train else None,
            "valid": self._valid.to_json() if self._valid else None,
            "stepsPerEpoch": len(self._train.sequences) / per_step if self._train else None,
            "totalSteps": config.total_steps,
            "maxLength": config.max_length,
            "memory": _memory_json(self.memory()),
            "warnings": self._warnings,
            "fingerprint": checkpoint.fingerprint_of(self._fields),
        }

    # --- steps

    def _train_step(self, call: Call, poll: Poll) -> dict[str, Any]:
        batch = self._batch_param(call.params, {"batch"})
        self._check_trains()
        if self._accumulated.micro_batches:
            raise InvalidRequest("There are accumulated gradients.", "Call applyGradients first.")
        began = time.monotonic()
        self._backend.reset_peak()
        try:
            for _ in range(1 if batch else self._config.accumulation):
                self._check_cancelled(call, poll)
                self._add(batch)
            self._check_cancelled(call, poll)
            return self._applied(began)
        except BaseException:
            self._drop()
            raise

    def _accumulate(self, call: Call, _poll: Poll) -> dict[str, Any]:
        batch = self._batch_param(call.params, {"batch"})
        self._check_trains()
        if not self._accumulated.micro_batches:
            self._accumulated.began = time.monotonic()
            self._backend.reset_peak()
        try:
            loss, tokens = self._add(batch)
        except BaseException as error:
            if not isinstance(error, InvalidRequest):
                self._drop()  # an engine that failed in the middle may have added some of the gradients
            raise
        return {"loss": loss / tokens, "tokens": tokens, "accumulated": self._accumulated.micro_batches}

    def _apply_gradients(self, call: Call, _poll: Poll) -> dict[str, Any]:
        refuse_unknown(call.params, set(), "")
        if not self._accumulated.micro_batches:
            raise InvalidRequest("There are no accumulated gradients.", "Call accumulate first.")
        try:
            return self._applied(self._accumulated.began)
        except BaseException:
            self._drop()
            raise

    def _add(self, batch: Batch | None) -> tuple[float, int]:
        """(the summed loss, its tokens) of one micro-batch, whose gradients are added to those that are held."""
        own = batch is None
        batch = self._next() if batch is None else batch
        loss = self._backend.add_gradients(batch, self._random_seed())
        if not math.isfinite(loss):
            raise EngineFailed(f"The loss of step {self._step + 1} is {loss}, so nothing was applied.", _LOWER)
        self._accumulated.add(loss, batch.tokens)
        self._ahead += self._config.batch_size if own else 0
        return loss, batch.tokens

    def _applied(self, began: float) -> dict[str, Any]:
        held, rate = self._accumulated, learning_rate(self._config, self._step + 1)
        # A gradient is a sum over tokens until here, and over ranks from here on.
        norm = self._backend.gradient_norm() / held.tokens
        if not math.isfinite(norm):
            raise EngineFailed(f"The gradient of step {self._step + 1} is {norm}, so nothing was applied.", _LOWER)
        most = self._config.max_gradient_norm
        clip = 1.0 if most is None else min(1.0, most / (norm + 1e-6))
        self._torn = True
        self._backend.apply(rate, clip / held.tokens)
        self._torn = False
        self._step += 1
        self._position += self._ahead
        self._ahead, self._accumulated = 0, _Accumulated()
        return {
            "step": self._step,
            "epoch": self._epoch(),
            "loss": held.loss / held.tokens,
            "tokens": held.tokens,
            "learningRate": rate,
            "gradientNorm": norm,
            "memory": _memory_json(self.memory()),
            "millis": (time.monotonic() - began) * 1000,
        }

    def _drop(self) -> None:
        self._backend.drop_gradients()
        self._ahead, self._accumulated = 0, _Accumulated()

    def _next(self) -> Batch:
        if self._train is None or self._order is None:
            raise InvalidRequest("There is no data to train on.", "Set trainData, or give a batch.")
        indices = self._order.indices(self._position + self._ahead, self._config.batch_size)
        return self._batch([self._train.sequences[i] for i in indices])

    def _batch(self, sequences: list[Sequence]) -> Batch:
        return Batch.of(sequences, self._config.max_length)

    def _random_seed(self) -> int:
        """The random seed for the next micro-batch."""
        name = f"{self._config.seed}:{self._step}:{self._accumulated.micro_batches}"
        return int.from_bytes(sha256(name.encode()).digest()[:6], "big")

    def _epoch(self) -> float:
        return self._position / len(self._train.sequences) if self._train else 0.0

    # --- measuring

    def _validate(self, call: Call, poll: Poll) -> dict[str, Any]:
        batch = self._batch_param(call.params, {"batch", "batches"})
        most = call.params.get("batches")
        if most is not None:
            _BATCHES.read("batches", most)
        self._check_consistent()
        if batch is None and self._valid is None:
            raise InvalidRequest("There is no data to validate on.", "Set validData, or give a batch.")
        loss = tokens = sequences = 0
        for each in [batch] if batch else self._valid_batches(most):
            self._check_cancelled(call, poll)
            loss += self._backend.loss(each)
            tokens += each.tokens
            sequences += len(each.inputs)
        if not math.isfinite(loss):
            raise EngineFailed(f"The validation loss is {loss}.", _LOWER)
        mean = loss / tokens
        perplexity = math.exp(min(mean, _MAX_EXPONENT))
        return {"loss": mean, "perplexity": perplexity, "tokens": tokens, "sequences": sequences}

    def _valid_batches(self, most: int | None) -> Iterator[Batch]:
        size, sequences = self._config.batch_size, self._valid.sequences if self._valid else []
        for at in range(0, len(sequences) if most is None else min(len(sequences), most * size), size):
            yield self._batch(sequences[at : at + size])

    def _gradients(self, call: Call, _poll: Poll) -> dict[str, int]:
        batch = self._batch_param(call.params, {"batch", "file"}, required=True)
        file = _path(call.params, "file")
        self._check_trains()
        self._check_nothing_accumulated()
        try:
            loss = self._backend.add_gradients(batch, self._random_seed())
            if not math.isfinite(loss):
                raise EngineFailed(f"The loss is {loss}, so there are no gradients.", _LOWER)
            with report_write_errors(file):
                count = self._backend.write_gradients(file, 1 / batch.tokens)
                self._backend.settle()
            return {"count": count}
        finally:
            self._backend.drop_gradients()

    # --- files

    def _save_checkpoint(self, call: Call, _poll: Poll) -> dict[str, int]:
        folder = _path(call.params, "folder", alone=True)
        self._check_trains()
        self._check_nothing_accumulated()
        with new_folder(folder) as unfinished:
            self._backend.save_state(unfinished / checkpoint.WEIGHTS, unfinished / checkpoint.OPTIMIZER)
            self._backend.settle()
            checkpoint.write(unfinished, self._fields, {"step": self._step, "position": self._position})
        return {"step": self._step, "bytes": size(folder)}

    def _load_checkpoint(self, call: Call, _poll: Poll) -> dict[str, Any]:
        folder = _path(call.params, "folder", alone=True)
        self._check_trains(anew=True)
        self._check_nothing_accumulated()
        state = checkpoint.read(folder, self._fields)
        self._torn = True
        self._backend.load_state(f"{folder}/{checkpoint.WEIGHTS}", f"{folder}/{checkpoint.OPTIMIZER}")
        self._torn = False
        self._step, self._position = state["step"], state["position"]
        return {"step": self._step, "epoch": self._epoch()}

    def _save_adapter(self, call: Call, _poll: Poll) -> dict[str, Any]:
        refuse_unknown(call.params, {"folder", "format"}, "")
        folder = _path(call.params, "folder")
        form = typed(call.params, "format", str, "peft")
        if form not in ("peft", "mlx"):
            raise InvalidRequest(f"format is {form!r}, but must be peft or mlx.")
        if not self._config.adapts:
            raise InvalidRequest(f"There is no adapter: the method is {self._config.method}.", "Call saveModel.")
        self._check_trains()
        self._backend.check_adapter_format(form)
        with new_folder(folder) as unfinished:
            self._backend.save_adapter(unfinished, form)
            self._backend.settle()
        return {"folder": folder, "bytes": size(folder)}

    def _save_model(self, call: Call, _poll: Poll) -> dict[str, Any]:
        folder = _path(call.params, "folder", alone=True)
        if self._config.method != "full":
            raise InvalidRequest(
                f"There is no complete model to save: the method is {self._config.method}.",
                "Call saveAdapter, and fuse it.",
            )
        self._check_trains()
        with new_folder(folder) as unfinished:
            warnings = self._backend.save_model(unfinished)
            self._backend.settle()
        return {"folder": folder, "bytes": size(folder), "warnings": warnings}

    # --- checks

    def _batch_param(self, params: dict[str, Any], known: set[str], required: bool = False) -> Any:
        """The Batch in the params of a call, or None."""
        refuse_unknown(params, known, "")
        given = typed(params, "batch", dict, None)
        if given is None:
            if required:
                raise InvalidRequest("batch must be an object with tokens.", "Give the token ids of each sequence.")
            return None
        refuse_unknown(given, {"tokens", "from"}, "batch.")
        tokens, most = typed(given, "tokens", list, []), self._config.max_length
        starts = typed(given, "from", list, [1] * len(tokens))
        if not tokens or len(starts) != len(tokens):
            raise InvalidRequest(
                "batch.tokens must be a list of sequences, and batch.from must have a number for each.",
                "Leave from out if all tokens count.",
            )
        vocabulary, sequences = self._backend.vocabulary_size, []
        for i, (ids, start) in enumerate(zip(tokens, starts, strict=True)):
            right = isinstance(ids, list) and all(type(t) is int and 0 <= t < vocabulary for t in ids)
            if not right or type(start) is not int or not 1 <= start < len(ids) <= most:
                raise InvalidRequest(
                    f"batch.tokens[{i}] must be 2 to {most} token ids below {vocabulary}, and its from one of them.",
                    "from is the index of the first token that counts in the loss, at least 1.",
                )
            sequences.append(Sequence(ids, start))
        return self._batch(sequences)

    def _check_trains(self, anew: bool = False) -> None:
        if self._config.method == "none":
            raise InvalidRequest("The method is none, which only evaluates.", "Open the training with another method.")
        if not anew:
            self._check_consistent()

    def _check_consistent(self) -> None:
        if self._torn:
            raise EngineFailed(
                "The last step failed while it was applied, so the weights can't be trusted.", _INCONSISTENT
            )

    def _check_nothing_accumulated(self) -> None:
        if self._accumulated.micro_batches:
            raise InvalidRequest("There are accumulated gradients, which would be lost.", "Call applyGradients first.")

    @staticmethod
    def _check_cancelled(call: Call, poll: Poll) -> None:
        poll()
        if call.cancelled:
            raise Cancelled(f"{call.method} was cancelled; nothing was applied.")


def _failed(method: str, error: Exception) -> WorkerError:
    kind = EngineFailed if isinstance(error, RuntimeError) else Internal  # engines raise RuntimeError
    return kind(f"{method} failed: {type(error).__name__}: {error}")


_MEMORY_HINT = "Use a smaller batchSize, or gradientCheckpointing."
_INCONSISTENT = "Call loadCheckpoint."
_LOWER = "Use a lower learning rate, maxGradientNorm, or another dtype (float32)."


class _Accumulated:
    """The micro-batches whose gradients are held: how many, their summed loss, and the tokens that count."""

    def __init__(self) -> None:
        self.micro_batches = 0
        self.loss = 0.0
        self.tokens = 0
        self.began = 0.0

    def add(self, loss: float, tokens: int) -> None:
        self.micro_batches += 1
        self.loss += loss
        self.tokens += tokens


def _shape(config: TrainingConfig, train: DataSet | None) -> dict[str, Any]:
    """The fields that must match for a checkpoint to be resumed."""
    fields: dict[str, Any] = {"method": config.method, "optimizer": config.optimizer}
    if config.adapts:
        fields |= {"rank": config.rank, "alpha": config.alpha, "dropout": config.dropout}
    if train:
        fields |= {"trainData": train.digest, "seed": config.seed}
    return fields


def _memory_json(used: dict[str, Any]) -> dict[str, int]:
    return {name: used[name] for name in ("activeBytes", "peakBytes")}


def _path(params: dict[str, Any], name: str, alone: bool = False) -> str:
    if alone:
        refuse_unknown(params, {name}, "")
    path = typed(params, name, str, None)
    if not path or not os.path.isabs(path):  # a worker's own folder ends with it
        raise InvalidRequest(f"{name} must be an absolute path.")
    return path
