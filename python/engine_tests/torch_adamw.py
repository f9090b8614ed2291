"""AdamW of torch in float32 over gradients in files: what the optimizer of a training is compared with.

    python torch_adamw.py WEIGHTS GRADIENTS… RESULT LEARNING_RATE WEIGHT_DECAY

Every file is safetensors; RESULT receives the weights after one step for each file of gradients.
"""

import sys

import torch
from safetensors.torch import load_file, save_file


def main(weights, *rest):
    *gradients, result, rate, decay = rest
    parameters = {name: torch.nn.Parameter(tensor) for name, tensor in load_file(weights).items()}
    assert all(parameter.dtype == torch.float32 for parameter in parameters.values())
    optimizer = torch.optim.AdamW(parameters.values(), lr=float(rate), weight_decay=float(decay))
    for file in gradients:
        for name, gradient in load_file(file).items():
            parameters[name].grad = gradient
        optimizer.step()
    save_file({name: parameter.detach() for name, parameter in parameters.items()}, result)


if __name__ == "__main__":
    main(*sys.argv[1:])
