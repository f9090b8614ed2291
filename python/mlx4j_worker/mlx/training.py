"""Training on MLX: the backend of a training.session.Session."""

import gc
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx import nn, optimizers
from mlx.utils import tree_flatten, tree_map, tree_map_with_path, tree_unflatten
from mlx_lm.utils import get_total_parameters, make_shards

from mlx4j_worker.call import Progress
from mlx4j_worker.errors import NotSupported
from mlx4j_worker.mlx import weight_names, wired
from mlx4j_worker.mlx.compat import Amended
from mlx4j_worker.mlx.engine import available_bytes, dtype_name, vocabulary_of, widest_dtype
from mlx4j_worker.mlx.loading import adapt, load_layout, memory_limit, tokenizer_of
from mlx4j_worker.mlx.lora import Adapters
from mlx4j_worker.models import generation_config, layout
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.options import Options
from mlx4j_worker.training import checkpoint
from mlx4j_worker.training.batches import Batch
from mlx4j_worker.training.config import TrainingConfig
from mlx4j_worker.training.folders import copy_beside_weights
from mlx4j_worker.training.load import check_source
from mlx4j_worker.training.target_modules import WITHOUT_EXPERTS


def load_backend(
    params: dict[str, Any], options: Options, config: TrainingConfig, progress: Progress, backend: Any = None
) -> "MlxBackend":
    """The backend for a training.config.TrainingConfig. Must run on the thread that trains.

    ``backend`` makes another one of what an MlxBackend is made of.
    """
    if other := options.given("trustRemoteCode", "device"):
        raise NotSupported(f"The mlx worker does not support {other[0]}.", "Leave it out, or use the hf worker.")
    found = layout.read(params, options, progress, available_bytes(options.memory_limit_bytes))
    check_source(found, config)
    if config.method == "full" and {"quantization", "quantization_config"} & found.config.keys():
        raise NotSupported(
            f"{found.weights} is quantized, so the method full can't train it.",
            "Use lora, or the model it was made from.",
        )
    try:
        with memory_limit(options.memory_limit_bytes):
            model, model_config, amended = load_layout(found, options, progress)
            adapt(model, found, options)
            made = (backend or MlxBackend)(params["model"], found, model, model_config, amended, config)
            if options.wired_limit:
                wired.set_limit(mx.get_active_memory(), 0)
            return made
    except BaseException:
        gc.collect()  # the next one needs the memory of this one
        mx.clear_cache()
        raise


class MlxBackend:
    """A model of mlx-lm that is trained. Gradients are kept as sums over tokens until ``apply``.

    The optimizer works in float32: where trained weights have 16 bits, it updates float32 master weights, from which
    the model's weights are rounded after each step. Gradients are summed in float32.
    """

    def __init__(
        self,
        source: dict[str, str],
        found: Layout,
        model: Any,
        model_config: dict[str, Any],
        amended: Amended,
        config: TrainingConfig,
    ) -> None:
        self._source = source
        self._found = found
        self._model = model
        self._config = config
        self._dtype = widest_dtype(model.parameters())
        self._count = get_total_parameters(model)
        self._names = weight_names.parameters(model) if config.method == "full" else {}
        self._adapters: Any = Adapters(model, config, found) if config.adapts else None
        if config.method == "full":
            model.unfreeze()
        elif config.method == "none":
            model.freeze()
        wrapper = tokenizer_of(found.tokenizer, generation_config.read(found.author).values, found.config)
        self.tokenizer = wrapper if wrapper._chat_template else wrapper._tokenizer  # as in MlxEngine
        bounds = [bound for bound in (amended.context, amended.window) if bound]  # a window is in the cache otherwise
        self.context_length = min(bounds, default=None)
        self.vocabulary_size = vocabulary_of(model_config, wrapper)
        self.warnings = [*found.warnings, *amended.warnings, *self._about_modules()]
        if config.gradient_checkpointing:
            for layer in model.layers:
                _checkpoint(layer)
        weights = tree_flatten(model.trainable_parameters())
        rounded = any(weight.dtype != mx.float32 for _, weight in weights)
        self._masters = _in_float32(model.trainable_parameters()) if rounded else None
        self._optimizer = _optimizer(config)
        self._optimizer.init(self._trained)
        self._value_and_grad = nn.value_and_grad(model, _loss)
        self._held: Any = None
        mx.eval(model.parameters(), self._masters, self._optimizer.state)
        self.settle()

    @property
    def _trained(self) -> dict[str, Any]:
        """The tree of float32 arrays that the optimizer updates: the master weights, or else the weights themselves."""
        return self._model.trainable_parameters() if self._masters is None else self._masters

    def _set_trained(self, arrays: dict[str, mx.array]) -> None:
        """Replaces the arrays of that tree, given by name, and rounds the model's weights from them."""
        if self._masters is not None:
            self._masters = tree_map_with_path(lambda name, _: arrays[name], self._masters)
        own = self._model.trainable_parameters()
        self._model.update(tree_map_with_path(lambda name, weight: arrays[name].astype(weight.dtype), own))
        mx.eval(self._model.trainable_parameters(), self._masters, self._optimizer.state)

    def _about_modules(self) -> Iterator[Any]:
        if self._adapters and any("Switch" in type(m).__name__ for _, m in self._model.named_modules()):
            yield WITHOUT_EXPERTS

    @property
    def trained_modules(self) -> Any:
        if self._adapters:
            return [*self._adapters.layers]
        return [name for name, _ in tree_flatten(self._model.trainable_parameters())]

    def identity(self) -> dict[str, str]:
        """The fields that identify the weights of a checkpoint."""
        trained = {name: [*w.shape] for name, w in tree_flatten(self._model.trainable_parameters())}
        model = checkpoint.digest_of_model(self._found.weights)
        shapes = checkpoint.fingerprint_of(trained)
        fields = {"worker": "mlx", "model": model, "dtype": dtype_name(self._dtype), "trainedWeights": shapes}
        return fields if self._masters is None else fields | checkpoint.MASTER_WEIGHTS

    def describe(self) -> Any:
        return {
            "model": self._source["source"],
            "device": "gpu" if mx.default_device() == mx.gpu else "cpu",
            "contextLength": self.context_length,
            "dtype": dtype_name(self._dtype),
            "parameters": self._count,
            "trainableParameters": sum(w.size for _, w in tree_flatten(self._model.trainable_parameters())),
            "packages": {"mlx": version("mlx"), "mlx-lm": version("mlx-lm")},
        }

    # --- steps

    def add_gradients(self, batch: Batch, seed: int) -> float:
        """Adds the gradients of a Batch to those that are held, and returns the summed loss.

        Where that is not finite, nothing is added.
        """
        self._model.train()
        if self._adapters:
            self._adapters.seed_dropout(seed)
        loss, gradients = self._value_and_grad(self._model, *_arrays(batch))
        gradients = _in_float32(gradients)
        held = gradients if self._held is None else tree_map(mx.add, self._held, gradients)
        mx.eval(loss, held)
        loss = self._of_all(loss)
        if mx.isfinite(loss).item():
            self._held = held
        return loss.item()

    def loss(self, batch: Any) -> Any:
        """The summed loss of a Batch."""
        self._model.eval()
        return self._of_all(_loss(self._model, *_arrays(batch))).item()

    def _of_all(self, loss: mx.array) -> mx.array:
        """The sum of the losses of all ranks: here there is one."""
        return loss

    def gradient_norm(self) -> float:
        """The norm of all held gradients together."""
        squares = [mx.square(g).sum() for _, g in tree_flatten(self._held)]
        return mx.sqrt(sum(squares)).item()

    def apply(self, rate: float, factor: float) -> None:
        """One step of the optimizer with the held gradients times ``factor``."""
        decay = self._config.weight_decay if self._config.optimizer == "adam" else 0

        def scaled(gradient: mx.array, weight: mx.array) -> mx.array:
            return gradient * factor + decay * weight if decay else gradient * factor

        gradients, self._held = self._held, None
        self._optimizer.learning_rate = mx.array(rate, dtype=mx.float32)
        scaled_gradients = tree_map(scaled, gradients, self._trained)
        self._set_trained(dict(tree_flatten(self._optimizer.apply_gradients(scaled_gradients, self._trained))))

    def drop_gradients(self) -> None:
        self._held = None

    def settle(self) -> None:
        """Waits for everything that was begun; raises what it failed with, if nothing did before."""
        mx.synchronize()

    # --- files

    def write_gradients(self, file: Path, factor: Any) -> Any:
        """Writes the held gradients times ``factor``, by transformers' names where they exist; returns how many."""
        flat = {name: g * factor for name, g in tree_flatten(self._held)}
        named = self._adapters.tensors(flat) if self._adapters else self._as_transformers(flat)
        with open(file, "wb") as out:  # mlx would add to a name that doesn't end with .safetensors
            mx.save_safetensors(out, named)
        return len(named)

    def save_state(self, weights: Path, optimizer: Path) -> None:
        mx.save_safetensors(str(weights), dict(tree_flatten(self._trained)))
        mx.save_safetensors(str(optimizer), dict(tree_flatten(self._optimizer.state)))

    def load_state(self, weights: str, optimizer: str) -> None:
        own = (self._trained, self._optimizer.state)
        for path, tree in zip((weights, optimizer), own, strict=True):
            checkpoint.check_tensors(path, {name: tuple(w.shape) for name, w in tree_flatten(tree)})
        self._optimizer.state = tree_unflatten([*mx.load(str(optimizer)).items()])
        self._set_trained(mx.load(str(weights)))

    def check_adapter_format(self, form: str) -> None:
        """Both formats can be written."""

    def save_adapter(self, folder: Path, form: Any) -> None:
        source = self._source["source"]
        if form == "peft":
            self._adapters.save(folder, source, self._source.get("revision"))
        else:
            weights = dict(tree_flatten(self._model.trainable_parameters()))
            self._adapters.save_as_mlx(folder, source, weights, len(self._model.layers))

    def save_model(self, folder: Path) -> Any:
        """Writes the whole model in transformers' layout, else in mlx-lm's, of which the warnings tell."""
        weights = dict(tree_flatten(self._model.parameters()))
        as_transformers = weights.keys() == self._names.keys()
        if as_transformers:
            weights = self._as_transformers(weights)
        shards = make_shards(weights)
        files = [f"model-{i:05d}-of-{len(shards):05d}.safetensors" for i in range(1, len(shards) + 1)]
        files = files if len(shards) > 1 else ["model.safetensors"]
        for file, shard in zip(files, shards, strict=True):
            mx.save_safetensors(str(folder / file), shard, {"format": "pt" if as_transformers else "mlx"})
        if len(shards) > 1:
            index = {name: file for file, shard in zip(files, shards, strict=True) for name in shard}
            text = json.dumps({"metadata": {}, "weight_map": index}, indent=1)
            (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
        copy_beside_weights(self._found.weights, folder, dtype_name(self._dtype))
        return [] if as_transformers else ["The weights are named as mlx-lm has them, so transformers can't load them."]

    def _as_transformers(self, values: Any) -> Any:
        out = {}
        for name, value in values.items():
            named, transposed = self._names.get(name, (name, False))
            out[named] = mx.contiguous(value.T) if transposed else value
        return out

    # --- memory

    def memory(self) -> dict[str, int]:
        active, peak, cache = mx.get_active_memory(), mx.get_peak_memory(), mx.get_cache_memory()
        return {"activeBytes": active, "peakBytes": peak, "cacheBytes": cache}

    def reset_peak(self) -> None:
        mx.reset_peak_memory()


def _in_float32(tree: dict[str, Any]) -> dict[str, Any]:
    return tree_map(lambda array: array.astype(mx.float32), tree)


def _arrays(batch: Batch) -> tuple[mx.array, mx.array, mx.array]:
    return mx.array(batch.inputs), mx.array(batch.targets), mx.array(batch.counts)


def _loss(model: Any, inputs: mx.array, targets: mx.array, counts: mx.array) -> mx.array:
    """The sum of the cross-entropy, in float32, over the targets that count."""
    logits = model(inputs).astype(mx.float32)
    return (nn.losses.cross_entropy(logits, targets) * counts).sum()


def _optimizer(config: TrainingConfig) -> Any:
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adamw":
        return optimizers.AdamW(rate, weight_decay=decay, bias_correction=True)
    if config.optimizer == "adam":
        return optimizers.Adam(rate, bias_correction=True)
    if config.optimizer == "sgd":
        return optimizers.SGD(rate, weight_decay=decay)
    return optimizers.Adafactor(rate, weight_decay=decay, relative_step=False)


def _checkpoint(layer: Any) -> None:
    """Lets this layer, and no other of its class, work out its inner values again on the way back: it keeps none."""
    kind = type(layer)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        def inner(weights: Any, *args: Any, **kwargs: Any) -> Any:
            self.update(weights)
            return kind.__call__(self, *args, **kwargs)

        return mx.checkpoint(inner)(self.trainable_parameters(), *args, **kwargs)

    layer.__class__ = type(f"Checkpointed{kind.__name__}", (kind,), {"__call__": call})
