"""Training on torch: the backend of a training.session.Session."""

from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from mlx4j_worker.call import Progress
from mlx4j_worker.errors import NotSupported
from mlx4j_worker.hf import device_memory, models
from mlx4j_worker.hf.encoder import is_encoder
from mlx4j_worker.models import layout
from mlx4j_worker.models.folder import context_length
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.options import Options
from mlx4j_worker.training import checkpoint
from mlx4j_worker.training.batches import Batch
from mlx4j_worker.training.config import TrainingConfig
from mlx4j_worker.training.folders import copy_beside_weights
from mlx4j_worker.training.load import check_source
from mlx4j_worker.training.target_modules import WITHOUT_EXPERTS

_SEPARATOR = " "  # between a parameter's name and that of its optimizer's value; no parameter has one


def load_backend(params: dict[str, Any], options: Options, config: TrainingConfig, progress: Progress) -> "HfBackend":
    """The backend for a training.config.TrainingConfig. Must run on the thread that trains."""
    if over := options.given("ranks", "hosts", "wiredLimit"):
        raise NotSupported(f"{over[0]} can't be used with the hf worker.", "Leave it out, or use the mlx worker.")
    device, about_device = models.device_of(options, NotSupported)
    if options.memory_limit_bytes and device != "cuda":
        raise NotSupported("memoryLimitBytes can't be used with the hf worker without a CUDA device.", "Leave it out.")
    found = layout.read(params, options, progress, device_memory.available_bytes(device, options.memory_limit_bytes))
    check_source(found, config)
    if is_encoder(found.config):
        raise NotSupported(
            f"{found.weights} is an encoder, which can't be trained here.", "Use a causal language model."
        )
    if config.method == "full" and "quantization_config" in found.config:
        raise NotSupported(f"{found.weights} is quantized, so the method full can't train it.", "Use lora.")
    progress("load", 0, 1, "models")
    try:
        model, tokenizer, warnings = models.load(found, options, device)
        if found.adapter:
            from mlx4j_worker.hf import adapters

            adapters.attach(model, found.adapter)
        return HfBackend(params["model"], found, model, tokenizer, [*about_device, *warnings], config)
    except BaseException:
        models.free_memory()
        raise


class HfBackend:
    """A model of transformers that is trained. Gradients are kept as sums over tokens until ``apply``.

    The optimizer works in float32: a 16-bit weight gets a float32 master weight, which the optimizer updates and from
    which the weight is rounded after each step. Gradients are summed in the master's float32.
    """

    def __init__(
        self,
        source: dict[str, str],
        found: Layout,
        model: Any,
        tokenizer: Any,
        warnings: list[Any],
        config: TrainingConfig,
    ) -> None:
        self._source = source
        self._found = found
        self._model = model
        self._config = config
        self._dtype = str(model.dtype).removeprefix("torch.")
        self._count = sum(p.numel() for p in model.parameters())
        self.tokenizer = tokenizer
        self.context_length = context_length(found.config)
        self.vocabulary_size = model.get_input_embeddings().weight.shape[0]
        self.warnings = [*found.warnings, *warnings]
        if config.adapts and any(p.ndim == 3 for p in model.parameters()):
            self.warnings.append(WITHOUT_EXPERTS)
        _without_dropout(model)
        model.requires_grad_(config.method == "full")
        self._adapters: Any = None
        if config.adapts:
            from mlx4j_worker.hf.lora import Adapters  # PEFT's import takes more than a second

            self._adapters = Adapters(model, config)
        if config.gradient_checkpointing:
            if not model.supports_gradient_checkpointing:
                raise NotSupported(
                    "gradientCheckpointing can't be used: transformers doesn't support it for this model.",
                    "Leave it out.",
                )
            model.activation_checkpointing_enable({"use_reentrant": False})
        self._trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._masters = {name: _master(p) for name, p in self._trained.items()}
        self._optimizer: Any = _optimizer(config, [*self._masters.values()]) if self._trained else None
        self._used: dict[str, Any] = {"peakBytes": 0}
        self._measure()

    @property
    def trained_modules(self) -> list[str]:
        return [*self._adapters.layers] if self._adapters else [*self._trained]

    def identity(self) -> dict[str, str]:
        """The fields that identify the weights of a checkpoint."""
        model = checkpoint.digest_of_model(self._found.weights)
        shapes = checkpoint.fingerprint_of({name: [*p.shape] for name, p in self._trained.items()})
        fields = {"worker": "hf", "model": model, "dtype": self._dtype, "trainedWeights": shapes}
        return fields | checkpoint.MASTER_WEIGHTS if self._with_masters() else fields

    def _with_masters(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The (weight, master) pairs of the weights that have a master of their own."""
        return [(p, self._masters[name]) for name, p in self._trained.items() if self._masters[name] is not p]

    def describe(self) -> dict[str, Any]:
        return {
            "model": self._source["source"],
            "device": self._model.device.type,
            "contextLength": self.context_length,
            "dtype": self._dtype,
            "parameters": self._count,
            "trainableParameters": sum(p.numel() for p in self._trained.values()),
            "packages": {"transformers": version("transformers"), "torch": torch.__version__, "peft": version("peft")},
        }

    # --- steps

    def add_gradients(self, batch: Batch, seed: int) -> float:
        """Adds the gradients of a Batch to those that are held, and returns the summed loss.

        Where that is not finite, nothing is added.
        """
        self._model.train()
        torch.manual_seed(seed)
        loss = self._loss(batch)
        if torch.isfinite(loss):
            loss.backward()
        self._measure()
        return loss.item()

    def loss(self, batch: Batch) -> float:
        """The summed loss of a Batch."""
        self._model.eval()
        with torch.no_grad():
            return self._loss(batch).item()

    def _loss(self, batch: Batch) -> torch.Tensor:
        """The sum of the cross-entropy, in float32, over the targets that count."""
        inputs, targets, counts = (
            torch.tensor(rows, device=self._model.device) for rows in (batch.inputs, batch.targets, batch.counts)
        )
        logits = self._model(input_ids=inputs, use_cache=False).logits.float()
        wanted = targets.masked_fill(counts == 0, -100).to(logits.device)
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), ignore_index=-100, reduction="sum"
        )

    def gradient_norm(self) -> float:
        """The norm of all held gradients together."""
        norms = [p.grad.norm().cpu() for p in self._masters.values() if p.grad is not None]
        return torch.stack(norms).norm().item()

    def apply(self, rate: float, factor: float) -> None:
        """One step of the optimizer with the held gradients times ``factor``."""
        for master in self._masters.values():
            if master.grad is not None:
                master.grad.mul_(factor)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._round_masters()
        self._measure()
        self.drop_gradients()

    def _round_masters(self) -> None:
        with torch.no_grad():
            for parameter, master in self._with_masters():
                parameter.copy_(master)

    def drop_gradients(self) -> None:
        for one in [*self._trained.values(), *self._masters.values()]:
            one.grad = None

    def settle(self) -> None:
        """As MlxBackend.settle."""
        if (device := self._model.device.type) != "cpu":
            torch.accelerator.synchronize(device)

    # --- files

    def write_gradients(self, file: str, factor: float) -> int:
        """Writes the held gradients times ``factor``, by transformers' names; returns how many."""

        def value(parameter: torch.Tensor) -> torch.Tensor:
            grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            return (grad * factor).contiguous().cpu()

        named = {name: value(master) for name, master in self._masters.items()}
        named = self._adapters.tensors(value) if self._adapters else named
        save_file(named, file, {"format": "pt"})
        return len(named)

    def save_state(self, weights: Path, optimizer: Path) -> None:
        save_file(_on_cpu(self._masters), weights)
        save_file(_on_cpu(self._values()), optimizer)

    def load_state(self, weights: str, optimizer: str) -> None:
        checkpoint.check_tensors(weights, {name: tuple(p.shape) for name, p in self._trained.items()})
        with torch.no_grad():
            for name, tensor in load_file(weights).items():
                self._masters[name].copy_(tensor)
        self._round_masters()
        self._optimizer.state.clear()
        for name, tensor in load_file(optimizer).items():
            parameter, _, key = name.partition(_SEPARATOR)
            if parameter in self._masters:
                own = self._masters[parameter]
                self._optimizer.state[own][key] = tensor if key == "step" else tensor.to(own.device)

    def _values(self) -> dict[str, torch.Tensor]:
        """The optimizer's state, by name."""
        return {
            f"{name}{_SEPARATOR}{key}": value
            for name, master in self._masters.items()
            for key, value in self._optimizer.state.get(master, {}).items()
        }

    def check_adapter_format(self, form: str) -> None:
        if form != "peft":
            raise NotSupported(
                "The hf worker can't write an adapter in the format mlx.", "Use peft, which both workers load."
            )

    def save_adapter(self, folder: Path, _form: str) -> None:
        self._adapters.save(folder, self._source["source"], self._source.get("revision"))

    def save_model(self, folder: Path) -> list[Any]:
        """Writes the complete model as transformers does; returns no warnings."""
        self._model.save_pretrained(folder)
        copy_beside_weights(self._found.weights, folder, self._dtype)
        return []

    # --- memory

    def memory(self) -> dict[str, Any]:
        return self._used

    def reset_peak(self) -> None:
        if self._model.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self._used = {**self._used, "peakBytes": 0}

    def _measure(self) -> None:
        """On a CPU: weights, master weights, gradients and optimizer state, without the activations of a step."""
        used = device_memory.used_bytes(self._model.device.type)
        if used is None:
            masters = [master for _, master in self._with_masters()]
            gradients = [p.grad for p in self._masters.values() if p.grad is not None]
            held = [*self._model.parameters(), *masters, *gradients, *self._values().values()]
            active = sum(one.nbytes for one in held)
            used = {"activeBytes": active, "peakBytes": active}
        peak = max(used["peakBytes"], self._used["peakBytes"])
        self._used = {"cacheBytes": None, **used, "peakBytes": peak}


def _master(parameter: torch.Tensor) -> torch.Tensor:
    """The float32 parameter that the optimizer updates: this one, or a copy that receives this one's gradients."""
    if parameter.dtype == torch.float32:
        return parameter
    master = torch.nn.Parameter(parameter.detach().float())
    parameter.register_post_accumulate_grad_hook(partial(_give_gradient, master))
    return master


def _give_gradient(master: torch.Tensor, parameter: torch.Tensor) -> None:
    """Adds a gradient to the master's, and frees it at once: the whole model's 16-bit gradients never coexist."""
    gradient, parameter.grad = parameter.grad.float(), None
    master.grad = gradient if master.grad is None else master.grad.add_(gradient)


def _on_cpu(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}


def _without_dropout(model: Any) -> None:
    """Switches off the dropout and noise in the model's own config, because MLX's models have none."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name, value in list(vars(module).items()):
            if isinstance(value, float) and ("drop" in name or "jitter" in name):
                setattr(module, name, 0.0)


def _optimizer(config: TrainingConfig, parameters: list[torch.Tensor]) -> Any:
    rate, decay = config.learning_rate, config.weight_decay
    kinds = {
        "adamw": torch.optim.AdamW,
        "adam": torch.optim.Adam,
        "sgd": torch.optim.SGD,
        "adafactor": torch.optim.Adafactor,
    }
    return kinds[config.optimizer](parameters, lr=rate, weight_decay=decay)
