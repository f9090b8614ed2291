"""Measures mx.compile of the training step on MLX: the step as it is against the same step compiled, in one process.

    python -m bench.compiled_step [--pairs N] [--sizes small,medium,large] [--methods lora,full]
        [--parts gradients,update]

Runs in the mlx worker's environment. Each pair is a step of either kind on the same batch, in alternating order. Prints
one JSON object a line: medians in milliseconds, the median ratio (compiled / plain) of the pairs with a bootstrap 95%
interval, for wall-clock time and for the process's CPU time, and what the first compiled step of each shape took.
"""

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map
from mlx_lm.models import llama

from mlx4j_worker.mlx import training
from mlx4j_worker.mlx.training import MlxBackend
from mlx4j_worker.requests.options import parse_options
from mlx4j_worker.training.batches import Batch, Sequence
from mlx4j_worker.training.config import parse_training

BASE = Path(__file__).resolve().parents[2] / "src/test/resources/models/tiny-chat"
SIZES = {  # hidden size, layers, size of the feed-forward part
    "small": (64, 2, 128),
    "medium": (192, 4, 512),
    "large": (256, 6, 768),
}
ROWS, LENGTHS = 4, (33, 65, 97, 129)  # tokens of a sequence: inputs of 32, 64, 96 and 128
_RESAMPLES = 2000


class Compiled(MlxBackend):
    """The backend with these of its parts compiled: its ``gradients``, and the ``update`` by its optimizer."""

    def __init__(self, parts, *args):
        super().__init__(*args)
        if "gradients" in parts:
            self._value_and_grad = _gradients(self._value_and_grad, self._model)
        state = [self._model.state, self._optimizer.state]
        update = partial(_update, self)
        self._update = mx.compile(update, inputs=state, outputs=state) if "update" in parts else None

    def apply(self, rate, factor):
        if self._update is None:
            super().apply(rate, factor)
            return
        self._update(self._held, mx.array(rate), mx.array(factor))
        self._held = None
        mx.eval(self._model.trainable_parameters(), self._optimizer.state)


def _gradients(plain, model):
    state = [model.state]  # nn.value_and_grad leaves what it traces in the model, so it is among the outputs too
    compiled = mx.compile(lambda *batch: plain(model, *batch), inputs=state, outputs=state)
    return lambda _model, *batch: compiled(*batch)


def _update(backend, gradients, rate, factor):
    backend._optimizer.learning_rate = rate
    backend._optimizer.update(backend._model, tree_map(lambda gradient: gradient * factor, gradients))


def model(size, folder):
    """A llama with random weights in float32, and the tokenizer of the tests' model."""
    hidden, layers, inner = SIZES[size]
    shutil.copytree(BASE, folder, ignore=shutil.ignore_patterns("*.safetensors", "README*"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_size": hidden, "num_hidden_layers": layers, "intermediate_size": inner}
    config |= {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": hidden // 4}
    (folder / "config.json").write_text(json.dumps(config))
    mx.random.seed(7)
    made = llama.Model(llama.ModelArgs.from_dict(config))
    weights = dict(tree_flatten(made.parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "mlx"})
    return sum(weight.size for weight in weights.values())


def measure(size, method, pairs, parts):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "model")
        parameters = model(size, folder)
        params, options = {"model": {"source": str(folder)}}, parse_options({"options": {}})
        config = parse_training({"method": method, "learningRate": 1e-4})
        kinds = (MlxBackend, partial(Compiled, parts))
        arms = [training.load_backend(params, options, config, lambda *_: None, kind) for kind in kinds]
        batches = [_batch(length) for length in LENGTHS]
        first = [_step(arms[1], batch)[1] for batch in batches]
        [_step(arms[0], batch) for batch in batches]
        taken, losses = [[], []], [[], []]
        for i in range(pairs):
            for arm in (0, 1) if i % 2 else (1, 0):
                loss, wall, cpu = _step(arms[arm], batches[i // 2 % len(batches)])
                taken[arm].append((wall, cpu))
                losses[arm].append(loss)
    told = {"size": size, "parameters": parameters, "method": method, "compiled": parts, "pairs": pairs}
    for at, clock in enumerate(("wall", "cpu")):
        plain, compiled = ([one[at] for one in arm] for arm in taken)
        ratios = [b / a for a, b in zip(plain, compiled, strict=True)]
        told[clock] = {
            "plainMs": round(1000 * statistics.median(plain), 2),
            "compiledMs": round(1000 * statistics.median(compiled), 2),
            "ratio": round(statistics.median(ratios), 3),
            "interval95": interval(ratios),
        }
    told["firstSteps"] = [round(seconds, 2) for seconds in first]
    told["largestLossDifference"] = max(abs(a - b) / a for a, b in zip(*losses, strict=True))
    return told


def _step(backend, batch):
    """(loss, wall-clock seconds, seconds of CPU time) of one step."""
    wall, cpu = time.perf_counter(), time.process_time()
    loss = backend.add_gradients(batch, 1)
    backend.gradient_norm()
    backend.apply(1e-4, 1 / batch.tokens)
    backend.settle()
    return loss, time.perf_counter() - wall, time.process_time() - cpu


def _batch(length):
    chosen = random.Random(length)
    rows = [Sequence([chosen.randrange(3, 1000) for _ in range(length)]) for _ in range(ROWS)]
    return Batch.of(rows, 2048)


def interval(ratios):
    """The bootstrap 95% interval of the median."""
    chosen = random.Random(1)
    medians = sorted(statistics.median(chosen.choices(ratios, k=len(ratios))) for _ in range(_RESAMPLES))
    return [round(medians[int(_RESAMPLES * share)], 3) for share in (0.025, 0.975)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--methods", default="lora,full")
    parser.add_argument("--parts", default="gradients,update")
    given = parser.parse_args()
    for size in given.sizes.split(","):
        for method in given.methods.split(","):
            print(json.dumps(measure(size, method, given.pairs, given.parts.split(","))), flush=True)


if __name__ == "__main__":
    main()
