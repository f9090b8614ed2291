"""``openTraining``: creates a Session from its params."""

from collections.abc import Callable
from typing import Any

from mlx4j_worker.call import Progress
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed
from mlx4j_worker.models import rerank
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.fields import refuse_unknown, typed
from mlx4j_worker.requests.options import Options, parse_options
from mlx4j_worker.training import data
from mlx4j_worker.training.config import TrainingConfig, parse_training
from mlx4j_worker.training.session import Session

_PARAMS = {"protocol", "model", "download", "hubToken", "options", "training"}
_OPTIONS = {"memoryLimitBytes", "trustRemoteCode", "ranks", "hosts", "wiredLimit", "device"}


def open_session(params: dict[str, Any], load_backend: Callable[..., Any], progress: Progress) -> Session:
    """A Session. ``load_backend(params, options, config, progress)`` loads the model and makes an engine's backend."""
    config, options = read_params(params)
    backend = load_backend(params, options, config, progress)
    warnings = [*backend.warnings]
    most = config.max_length if backend.context_length is None else min(config.max_length, backend.context_length)
    if most < config.max_length and "maxLength" in params["training"]:
        warnings.append(f"maxLength is {most}, the model's context, and not {config.max_length}.")
    config = config.with_max_length(most)
    train = _read(config.train_data, backend, config, progress, warnings)
    valid = _read(config.valid_data, backend, config, progress, warnings)
    if train and len(train.sequences) < config.batch_size:
        raise InvalidRequest(
            f"{config.train_data} has {len(train.sequences)} sequences, but batchSize is {config.batch_size}.",
            "Give more of them, or set a smaller batchSize.",
        )
    config = config.with_data(len(train.sequences) if train else 0)
    return Session(backend, config, train, valid, warnings)


def read_params(params: dict[str, Any]) -> tuple[TrainingConfig, Options]:
    """(TrainingConfig, Options) in the params of ``openTraining``."""
    refuse_unknown(params, _PARAMS, "")
    config = parse_training(params.get("training"))
    given = typed(params, "options", dict, {})
    refuse_unknown(given, _OPTIONS, "options.")
    evaluated = config.adapter if config.method == "none" else None
    return config, parse_options({"options": {**given, "dtype": config.dtype, "adapter": evaluated}})


def check_source(found: Layout, config: TrainingConfig) -> None:
    """Refuses a layout.Layout that can't be trained."""
    rerank.refuse_classifier(found, "can't be trained here", "Train the language model that it was made from.")
    if config.method != "none" and found.format != "model":
        raise ModelLoadFailed(
            f"The source is not a complete model ({found.format}), so it can't be trained.",
            "Name the base model as the source; training.adapter can name the adapter to continue from.",
        )


def _read(
    path: str | None, backend: Any, config: TrainingConfig, progress: Progress, warnings: list[str]
) -> data.DataSet | None:
    if path is None:
        return None
    found = data.read(path, backend.tokenizer, config.max_length, config.mask_prompt, progress, backend.vocabulary_size)
    warnings += found.warnings(path)
    return found
