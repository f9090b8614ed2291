"""What a training is to be: the ``training`` of ``openTraining``, read and checked."""

from dataclasses import dataclass, replace
from math import ceil
from reprlib import repr as shown

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests import DTYPES, MAX_SEED, OPTIONAL, number, refuse_unknown, typed

METHODS = ("lora", "dora", "full", "none")
OPTIMIZERS = ("adamw", "adam", "sgd", "adafactor")
SCHEDULES = ("constant", "linear", "cosine")
_MOST = 2**31 - 1


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained; ``method`` none only evaluates. Fields are those on the wire, in snake case.

    ``layers``, ``targets`` None are all; ``total_steps`` is in optimizer steps, ``max_length`` in tokens.
    """

    method: str
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    layers: int | None = None
    targets: tuple[str, ...] | None = None
    adapter: str | None = None
    optimizer: str = "adamw"
    learning_rate: float = 1e-4
    end_learning_rate: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup_steps: int = 0
    total_steps: int | None = None
    epochs: int | None = None
    max_gradient_norm: float | None = None
    batch_size: int = 4
    accumulation: int = 1
    gradient_checkpointing: bool = False
    dtype: str | None = None
    max_length: int = 2048
    mask_prompt: bool = False
    seed: int = 0
    train_data: str | None = None
    valid_data: str | None = None

    @property
    def adapts(self):
        return self.method in ("lora", "dora")

    @property
    def scale(self):
        """What the adapter's product is multiplied with."""
        return self.alpha / self.rank

    def with_max_length(self, most):
        return replace(self, max_length=most)

    def with_data(self, sequences):
        """With ``epochs`` turned into steps over so many sequences, and what must hold for a schedule checked."""
        total = self.total_steps
        if self.epochs is not None:
            total = ceil(self.epochs * sequences / (self.batch_size * self.accumulation))
        if self.schedule != "constant" and total is None:
            raise InvalidRequest(
                f"The schedule {self.schedule} needs to know where it ends.", "Set totalSteps, or epochs."
            )
        if total is not None and self.warmup_steps >= total:
            raise InvalidRequest(
                f"warmupSteps is {self.warmup_steps}, but there are {total} steps in all.", "Use fewer."
            )
        return replace(self, total_steps=total)


_ONLY_ADAPTERS = ("rank", "alpha", "dropout", "layers", "targets")
_WIRE_NAMES = {
    "".join(part if i == 0 else part.title() for i, part in enumerate(name.split("_"))): name
    for name in TrainingConfig.__dataclass_fields__
}


def parse_training(given):
    """The TrainingConfig in ``training``; raises InvalidRequest that names the field."""
    if not isinstance(given, dict):
        raise InvalidRequest("training must be an object.")
    refuse_unknown(given, set(_WIRE_NAMES), "training.")
    method = _choice(given, "method", METHODS, None)
    optimizer = _choice(given, "optimizer", OPTIMIZERS, TrainingConfig.optimizer)
    config = TrainingConfig(
        method=method,
        rank=_whole(given, "rank", 1, 1024),
        alpha=_real(given, "alpha", above=True),
        dropout=_real(given, "dropout", most=1),
        layers=number(given, "layers", int, 1, _MOST, OPTIONAL),
        targets=_targets(given),
        adapter=_path(given, "adapter"),
        optimizer=optimizer,
        learning_rate=_real(given, "learningRate", above=True),
        end_learning_rate=_real(given, "endLearningRate"),
        weight_decay=_real(given, "weightDecay", 0.01 if optimizer == "adamw" else 0.0),
        schedule=_choice(given, "schedule", SCHEDULES, TrainingConfig.schedule),
        warmup_steps=_whole(given, "warmupSteps", 0),
        total_steps=number(given, "totalSteps", int, 1, _MOST, OPTIONAL),
        epochs=number(given, "epochs", int, 1, _MOST, OPTIONAL),
        max_gradient_norm=number(given, "maxGradientNorm", float, 0, 1e9, OPTIONAL, above=True),
        batch_size=_whole(given, "batchSize", 1, 4096),
        accumulation=_whole(given, "accumulation", 1),
        gradient_checkpointing=typed(given, "gradientCheckpointing", bool, False),
        dtype=_choice(given, "dtype", DTYPES, None, optional=True),
        max_length=_whole(given, "maxLength", 2),
        mask_prompt=typed(given, "maskPrompt", bool, False),
        seed=_whole(given, "seed", 0, MAX_SEED),
        train_data=_path(given, "trainData"),
        valid_data=_path(given, "validData"),
    )
    _check(config, given)
    return config


def _check(config, given):
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


def _choice(given, name, known, default, optional=False):
    value = given.get(name)
    if value is None and (default is not None or optional):
        return default
    if value not in known:
        raise InvalidRequest(f"{name} is {shown(value)}, but must be one of {', '.join(known)}.")
    return value


def _whole(given, name, low, high=_MOST):
    if given.get(name) is None:
        return getattr(TrainingConfig, _WIRE_NAMES[name])
    return number(given, name, int, low, high)


def _real(given, name, default=None, most=1e9, above=False):
    if given.get(name) is None:
        return getattr(TrainingConfig, _WIRE_NAMES[name]) if default is None else default
    return number(given, name, float, 0, most, above=above)


def _path(given, name):
    path = typed(given, name, str, None)
    if path == "":
        raise InvalidRequest(f"{name} is empty.", "Leave it out, or name a file or folder.")
    return path


def _targets(given):
    targets = typed(given, "targets", list, None)
    if targets is None:
        return None
    if not targets or not all(isinstance(name, str) and name for name in targets):
        raise InvalidRequest("targets must be a list of names that are not empty.", "Leave it out for all of them.")
    return tuple(dict.fromkeys(targets))
