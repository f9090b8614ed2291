"""The action head: from the mean of a text's hidden states to a logit for each of six actions."""

import os
from reprlib import repr as shown

import torch
from safetensors.torch import load_file

from mlx4j_worker.errors import ModelLoadFailed, ModelNotFound
from mlx4j_worker.folder import FLOATS
from mlx4j_worker.weights import read_header

ACTIONS = ("ADD", "UPDATE", "DELETE", "RETRIEVE", "SUMMARY", "FILTER")


def load(path, hidden_size):
    """The head in a safetensors file, on the CPU in float32; raises ModelLoadFailed if it is not for this model."""
    half = hidden_size // 2
    wanted = {"0.weight": (half, hidden_size), "0.bias": (half,), "2.weight": (len(ACTIONS), half)}
    wanted["2.bias"] = (len(ACTIONS),)
    _check(path, wanted)
    head = torch.nn.Sequential(torch.nn.Linear(hidden_size, half), torch.nn.ReLU(), torch.nn.Linear(half, len(ACTIONS)))
    head.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return head.eval()


def _check(path, wanted):
    if not os.path.isfile(path):
        raise ModelNotFound(f"There is no action head at {path}.", "Check the path in options.actionHead.")
    found = read_header(path)
    if found.keys() != wanted.keys():
        raise _other(path, f"it has the tensors {shown(sorted(found))}, not {', '.join(wanted)}")
    for name, shape in wanted.items():
        tensor = found[name]
        if tensor.shape != shape or tensor.dtype not in FLOATS:
            raise _other(path, f"its {name} is {tensor.dtype} {list(tensor.shape)}, but must be floats {list(shape)}")


def _other(path, why):
    return ModelLoadFailed(
        f"{path} is no action head for this model: {why}.",
        "Save the state of Sequential(Linear(h, h/2), ReLU, Linear(h/2, 6)), h being the model's hidden size.",
    )
