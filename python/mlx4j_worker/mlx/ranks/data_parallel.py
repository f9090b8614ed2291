"""Training over ranks (data parallel): each works out the gradients of its rows of a batch, and all take one step.

Rank 0 has the session and the data; it tells the others their rows. All have the same weights at any time.
"""

from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten, tree_map, tree_unflatten

from mlx4j_worker.call import Progress
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.mlx import training
from mlx4j_worker.mlx.ranks import hosts, processes
from mlx4j_worker.mlx.training import MlxBackend
from mlx4j_worker.requests.options import Options
from mlx4j_worker.training.batches import Batch
from mlx4j_worker.training.config import TrainingConfig
from mlx4j_worker.training.load import read_params


def load_backend(params: dict[str, Any], options: Options, config: TrainingConfig, progress: Progress) -> Any:
    """As training.load_backend, over the ranks that the options ask for."""
    if not options.given("ranks", "hosts"):
        return training.load_backend(params, options, config, progress)
    if options.wired_limit:
        raise InvalidRequest("wiredLimit can't be used with ranks.", "Leave it out.")
    where = hosts.of(options)
    if config.batch_size < where.ranks:
        raise InvalidRequest(
            f"batchSize is {config.batch_size}, but there are {where.ranks} ranks.",
            "The rows of a batch are shared by the ranks, so there must be one for each.",
        )
    with processes.started(where, progress) as others:
        others.broadcast("open", params=params)
        return training.load_backend(params, options, config, progress, partial(LeaderBackend, others))


def load_part(params: dict[str, Any], group: Any, progress: Progress) -> Any:
    """The backend of another rank, for the params of ``openTraining``."""
    config, options = read_params(params)
    return training.load_backend(params, options, config, progress, partial(FollowerBackend, group))


class FollowerBackend(MlxBackend):
    """A rank's backend: losses are of all ranks, gradients are its own until they are summed."""

    def __init__(self, group: Any, *args: Any) -> None:
        self._group = group
        super().__init__(*args)

    def sum_gradients(self) -> None:
        """Adds up the held gradients of all ranks."""
        size = self._group.size()
        self._held = tree_map(lambda mean: mean * size, nn.average_gradients(self._held, self._group))
        mx.eval(self._held)

    def receive_state(self) -> None:
        """Takes over rank 0's weights and the state of its optimizer."""
        first = self._group.rank() == 0

        def received(tree: Any) -> Any:
            taken = {}
            for name, own in sorted(
                tree_flatten(tree), key=itemgetter(0)
            ):  # in one order on all ranks, and one after another
                taken[name] = mx.distributed.all_sum(own if first else mx.zeros_like(own), group=self._group)
                mx.eval(taken[name])
            return taken

        trained = received(self._trained)
        self._optimizer.state = tree_unflatten([*received(self._optimizer.state).items()])
        self._set_trained(trained)

    def _of_all(self, loss: Any) -> Any:
        return mx.distributed.all_sum(loss, group=self._group)


class LeaderBackend(FollowerBackend):
    """Rank 0's backend, which tells the others."""

    def __init__(self, others: Any, *args: Any) -> None:
        self._others = others
        super().__init__(others.group, *args)
        others.settle()
        with others.collective():
            others.broadcast("receive")
            self.receive_state()

    def add_gradients(self, batch: Any, seed: int) -> Any:
        with self._others.collective():
            return super().add_gradients(self._share_out("add", batch, seed), seed)

    def loss(self, batch: Any) -> Any:
        with self._others.collective():
            return super().loss(self._share_out("loss", batch))

    def gradient_norm(self) -> Any:
        self.sum_gradients()
        return super().gradient_norm()

    def write_gradients(self, file: Path, factor: Any) -> Any:
        self.sum_gradients()
        return super().write_gradients(file, factor)

    def sum_gradients(self) -> None:
        with self._others.collective():
            self._others.broadcast("sum")
            super().sum_gradients()

    def apply(self, rate: Any, factor: Any) -> None:
        with self._others.collective():
            self._others.broadcast("apply", rate=rate, factor=factor)
            super().apply(rate, factor)

    def drop_gradients(self) -> None:
        self._others.broadcast("drop")
        super().drop_gradients()

    def load_state(self, weights: Any, optimizer: Any) -> None:
        super().load_state(weights, optimizer)
        with self._others.collective():
            self._others.broadcast("receive")
            self.receive_state()

    def _share_out(self, work: Any, batch: Any, seed: int | None = None) -> Any:
        """Tells the other ranks their rows, and returns those of rank 0."""
        own, *parts = share(batch, self._others.size)
        seeds = {} if seed is None else {"seed": seed}
        told = [[part.inputs, part.targets, part.counts, part.tokens] for part in parts]
        self._others.scatter(work, [{"batch": part, **seeds} for part in told])
        return own


def share(batch: Batch, ranks: int) -> list[Batch]:
    """The rows of a Batch in turns, a Batch for each rank; one that gets none has a row of which nothing counts."""
    rows = list(zip(batch.inputs, batch.targets, batch.counts, strict=True))
    nothing = [(batch.inputs[0], batch.targets[0], [0] * len(batch.counts[0]))]
    parts = [rows[rank::ranks] or nothing for rank in range(ranks)]
    return [_batch(part) for part in parts]


def _batch(rows: list[tuple[list[int], list[int], list[int]]]) -> Batch:
    inputs, targets, counts = (list(column) for column in zip(*rows, strict=True))
    return Batch(inputs, targets, counts, sum(map(sum, counts)))
