"""The action head: from the mean of a text's hidden states to a logit for each of six actions."""

import os
from pathlib import Path
from reprlib import repr as shown

import torch
from safetensors.torch import load_file

from mlx4j_worker.errors import ModelLoadFailed, ModelNotFound
from mlx4j_worker.models import name_prefix
from mlx4j_worker.models.folder import FLOATS
from mlx4j_worker.models.safetensors import read_header
from mlx4j_worker.requests.options import Options

ACTIONS = ("ADD", "UPDATE", "DELETE", "RETRIEVE", "SUMMARY", "FILTER")


def head(options: Options, hidden_size: int) -> torch.nn.Sequential | None:
    """The head that the options name, on the CPU in float32: from its file, or fresh, or None."""
    if options.action_head:
        return load(options.action_head, hidden_size)
    return None if options.action_head_seed is None else fresh(options.action_head_seed, hidden_size)


def fresh(seed: int, hidden_size: int) -> torch.nn.Sequential:
    """A head with torch's initial weights for linear layers: those that follow ``torch.manual_seed(seed)``."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also seed the GPU
        return _new(hidden_size).eval()


def load(path: str, hidden_size: int) -> torch.nn.Sequential:
    """The head in a safetensors file; raises ModelLoadFailed if it is not for this model.

    The names of its tensors may share a prefix, such as ``net.``.
    """
    head = _new(hidden_size)
    prefix = _check(Path(path), {name: tuple(tensor.shape) for name, tensor in head.state_dict().items()})
    head.load_state_dict({name.removeprefix(prefix): tensor.float() for name, tensor in load_file(path).items()})
    return head.eval()


def _new(hidden_size: int) -> torch.nn.Sequential:
    half = hidden_size // 2
    return torch.nn.Sequential(torch.nn.Linear(hidden_size, half), torch.nn.ReLU(), torch.nn.Linear(half, len(ACTIONS)))


def _check(path: Path, wanted: dict[str, tuple[int, ...]]) -> str:
    """The prefix of the file's names. Refuses a file whose tensors differ from the ``wanted`` {name: shape}."""
    if not os.path.isfile(path):
        raise ModelNotFound(f"There is no action head at {path}.", "Check the path in options.actionHead.")
    stored = read_header(path)
    prefix = name_prefix.of_known(stored, wanted, path)
    found = {name.removeprefix(prefix): tensor for name, tensor in stored.items()}
    if found.keys() != wanted.keys():
        raise _other(path, f"it has the tensors {shown(sorted(stored))}, not {', '.join(wanted)}")
    for name, shape in wanted.items():
        tensor = found[name]
        if tensor.shape != shape or tensor.dtype not in FLOATS:
            raise _other(path, f"its {name} is {tensor.dtype} {list(tensor.shape)}, but must be floats {list(shape)}")
    return prefix


def _other(path: Path, why: str) -> ModelLoadFailed:
    return ModelLoadFailed(
        f"{path} is no action head for this model: {why}.",
        "Save the state of Sequential(Linear(h, h/2), ReLU, Linear(h/2, 6)), h being the model's hidden size.",
    )
