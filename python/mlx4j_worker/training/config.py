"""The training configuration: the ``training`` object of ``openTraining``."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.fields import (
    MAX_SEED,
    check_type,
    choice,
    flag,
    integer,
    number,
    read,
    row,
)
from mlx4j_worker.requests.options import DTYPES

METHODS = ("lora", "dora", "full", "none")
OPTIMIZERS = ("adamw", "adam", "sgd", "adafactor")
SCHEDULES = ("constant", "linear", "cosine")
_MAX = 1e9
_ONLY_ADAPTERS = ("rank", "alpha", "dropout", "layers", "targets")


def _read_path(name: str, value: Any) -> str:
    if check_type(name, value, str) == "":
        raise InvalidRequest(f"{name} is empty.", "Leave it out, or name a file or folder.")
    return value


def _read_targets(name: str, value: Any) -> tuple[str, ...]:
    targets = check_type(name, value, list)
    if not targets or not all(isinstance(target, str) and target for target in targets):
        raise InvalidRequest(f"{name} must be a list of non-empty names.", "Leave it out for all of them.")
    return tuple(dict.fromkeys(targets))


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained; ``method`` none only evaluates.

    ``layers`` and ``targets`` None are all; ``total_steps`` is in optimizer steps, ``max_length`` in tokens.
    """

    method: str = choice(METHODS, required=True)
    rank: int = integer(1, 1024, default=8)
    alpha: float = number(0, _MAX, above=True, default=16.0)
    dropout: float = number(0, 1, default=0.0)
    layers: int | None = integer(1)
    targets: tuple[str, ...] | None = row(_read_targets)
    adapter: str | None = row(_read_path)
    optimizer: str = choice(OPTIMIZERS, default="adamw")
    learning_rate: float = number(0, _MAX, above=True, default=1e-4)
    end_learning_rate: float = number(0, _MAX, default=0.0)
    weight_decay: float = number(0, _MAX, default=0.0)  # parse_training has another default for adamw
    schedule: str = choice(SCHEDULES, default="constant")
    warmup_steps: int = integer(0, default=0)
    total_steps: int | None = integer(1)
    epochs: int | None = integer(1)
    max_gradient_norm: float | None = number(0, _MAX, above=True)
    batch_size: int = integer(1, 4096, default=4)
    accumulation: int = integer(1, default=1)
    gradient_checkpointing: bool = flag()
    dtype: str | None = choice(DTYPES)
    max_length: int = integer(2, default=2048)
    mask_prompt: bool = flag()
    seed: int = integer(0, MAX_SEED, default=0)
    train_data: str | None = row(_read_path)
    valid_data: str | None = row(_read_path)

    @property
    def adapts(self) -> bool:
        return self.method in ("lora", "dora")

    @property
    def scale(self) -> float:
        """The factor for the adapter's product."""
        return self.alpha / self.rank

    def with_max_length(self, most: int) -> "TrainingConfig":
        return replace(self, max_length=most)

    def with_data(self, sequences: int) -> "TrainingConfig":
        """With ``epochs`` turned into steps over so many sequences, and what must hold for a schedule checked."""
        total = self.total_steps
        if self.epochs is not None:
            total = ceil(self.epochs * sequences / (self.batch_size * self.accumulation))
        if self.schedule != "constant" and total is None:
            raise InvalidRequest(f"The schedule {self.schedule} needs an end.", "Set totalSteps, or epochs.")
        if total is not None and self.warmup_steps >= total:
            raise InvalidRequest(
                f"warmupSteps is {self.warmup_steps}, but there are {total} steps in all.", "Use fewer."
            )
        return replace(self, total_steps=total)


def parse_training(given: Any) -> TrainingConfig:
    """The TrainingConfig in ``training``; raises InvalidRequest that names the field."""
    if not isinstance(given, dict):
        raise InvalidRequest("training must be an object.")
    config = read(TrainingConfig, given, "training.")
    if config.optimizer == "adamw" and given.get("weightDecay") is None:
        config = replace(config, weight_decay=0.01)
    _check(config, given)
    return config


def _check(config: TrainingConfig, given: dict[str, Any]) -> None:
    stated = {name for name, value in given.items() if value is not None}
    if not config.adapts and (useless := [name for name in _ONLY_ADAPTERS if name in stated]):
        raise InvalidRequest(f"{useless[0]} is for the methods lora and dora, but the method is {config.method}.")
    if config.method == "full" and config.adapter:
        raise InvalidRequest("adapter can't be used with the method full.", "Fuse it into the model first.")
    if config.dropout == 1:
        raise InvalidRequest("dropout is 1, but must be below 1.")
    if config.epochs is not None and config.total_steps is not None:
        raise InvalidRequest("epochs and totalSteps can't be used together.", "Leave one of them out.")
    if config.epochs is not None and not config.train_data:
        raise InvalidRequest("epochs can't be used without trainData.", "Set totalSteps.")
    if config.schedule == "constant" and "endLearningRate" in stated:
        raise InvalidRequest("endLearningRate is for the schedules linear and cosine.", "Leave it out.")
    if config.end_learning_rate > config.learning_rate:
        raise InvalidRequest("endLearningRate is above learningRate.")
