"""Trains a LoRA adapter of every model type on each engine, and loads it on the other one.

Each type of configurations.json gets one optimizer step with the default targets. The other engine must compute the
same logits with that adapter, or refuse to train or load it. Runs in each worker's environment, after ``sweep make``:

    python -m sweep.adapters train WORK ENGINE    for both engines
    python -m sweep.adapters load WORK ENGINE     for both engines
    python -m sweep.adapters report WORK

Without ``--all``, it takes SAMPLE only.
"""

import argparse
import base64
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy

from engine_tests.harness import Call, Lab
from engine_tests.tolerance import tolerance
from engine_tests.training import Training
from mlx4j_worker.errors import WorkerError
from sweep.comparing import ENGINES, loader, relative_difference

SAMPLE = (  # types whose adapters did not train or cross once, each for a reason of its own
    "deepseek_v3",
    "falcon_h1",
    "gemma3",
    "llama4_text",
    "mamba",
    "nemotron_h",
    "qwen2_vl",
    "qwen3_5_moe_text",
)
TOLERANCE = tolerance(1e-4)  # largest difference of logits, relative to their range
RATE = 0.02  # of AdamW, whose first step changes every weight by this
_CHANGE = 1e-2  # the least that the adapter must change the logits, relative to their range, to show anything
_TOKENS = 16


def main() -> None:
    parser = argparse.ArgumentParser(prog="sweep.adapters", description=__doc__)
    parser.add_argument("step", choices=("train", "load", "report"))
    parser.add_argument("work", type=Path)
    parser.add_argument("engine", nargs="?", choices=ENGINES)
    parser.add_argument("--all", action="store_true", help="every type that was made")
    args = parser.parse_args()
    cases = first_of_each_type(args.work, None if args.all else SAMPLE)
    if args.step == "report":
        raise SystemExit(report(args.work, cases) > 0)
    step = train if args.step == "train" else load
    for case in cases:
        verdict = step(args.work / case, args.engine)
        print(f"{args.step} {args.engine:3}  {case}  {verdict}", flush=True)


def first_of_each_type(work: Path, types: tuple[str, ...] | None) -> list[str]:
    """The first case that was made of each of these types, or of every type."""
    made = json.loads((work / "made.json").read_text())
    first = {case.split(".")[0]: case for case in reversed(made["cases"]) if case not in made["failed"]}
    return [case for case in made["cases"] if case in first.values() and (not types or case.split(".")[0] in types)]


def train(case: Path, engine: str) -> str:
    """Trains an adapter of ``case/model`` into ``case/adapter-ENGINE``, with the logits of the trained model beside it.

    Returns why it was refused, or an empty text.
    """
    adapter = case / f"adapter-{engine}"
    tokens = _tokens(case)
    outcome = {"trained": "", "loaded": None, "difference": None}
    try:
        training = Training(backend(engine), case / "model", learningRate=RATE)
        training.call("trainStep", batch={"tokens": [tokens, tokens[::-1]]})
        training.call("saveAdapter", folder=str(adapter), format="peft")
        outcome["modules"] = len(training.session.describe()["trainedModules"])
        plain, adapted = logits(engine, case / "model", tokens), logits(engine, case / "model", tokens, adapter)
        numpy.save(case / f"adapter-{engine}.npy", adapted)
        outcome["change"] = relative_difference(plain, adapted)
    except WorkerError as error:
        outcome["trained"] = f"refused: {error}"
    except Exception as error:
        outcome["trained"] = f"wrong: {type(error).__name__}: {error}"
    (case / f"adapter-{engine}.json").write_text(json.dumps(outcome))
    return outcome["trained"]


def load(case: Path, engine: str) -> str:
    """Loads the other engine's adapter; returns ``correct`` or why not."""
    other = ENGINES[1 - ENGINES.index(engine)]
    file = case / f"adapter-{other}.json"
    outcome = json.loads(file.read_text())
    if outcome["trained"]:
        return f"{other} did not train"
    try:
        logits(engine, case / "model", _tokens(case))
    except WorkerError:
        outcome["loaded"] = "base refused"
    else:
        outcome["loaded"] = _loaded(case, engine, other, outcome)
    file.write_text(json.dumps(outcome))
    return outcome["loaded"]


def _loaded(case, engine, other, outcome):
    try:
        found = logits(engine, case / "model", _tokens(case), case / f"adapter-{other}")
    except WorkerError as error:
        return f"refused: {error}"
    except Exception as error:
        return f"wrong: {type(error).__name__}: {error}"
    difference = relative_difference(numpy.load(case / f"adapter-{other}.npy"), found)
    outcome["difference"] = difference
    if outcome["change"] < _CHANGE:
        return f"wrong: the adapter changes the logits by {outcome['change']:.2g} of their range only"
    return "correct" if difference <= TOLERANCE else f"wrong: differs by {difference:.2g} of the logits' range"


def report(work: Path, cases: list[str]) -> int:
    """Prints what was refused or wrong, and the counts; returns how many are wrong."""
    counts, wrong = {engine: Counter() for engine in ENGINES}, 0
    for case in cases:
        for engine in ENGINES:
            outcome = json.loads((work / case / f"adapter-{engine}.json").read_text())
            for step in ("trained", "loaded"):
                verdict = outcome[step]
                if verdict is None:
                    continue
                counts[engine][f"{step}: {verdict.split(':')[0] or 'yes'}"] += 1
                wrong += verdict.startswith("wrong")
                if verdict not in ("", "correct", "base refused"):
                    print(f"{case} trained on {engine}, {step}: {verdict}")
    for engine, found in counts.items():
        print(f"trained on {engine}: {dict(found)}")
    return wrong


def logits(engine: str, model: Path, tokens: list[int], adapter: Path | None = None) -> numpy.ndarray:
    """The logits [tokens, vocabulary] of a model on an engine, as its worker computes them."""
    options = {} if adapter is None else {"adapter": str(adapter)}
    lab, call = Lab(loader(engine), model, **options), Call()
    lab.engine.logits(call, tokens)
    lab.finish(call)
    if call.error:
        raise call.error
    return numpy.stack([numpy.frombuffer(base64.b64decode(s["values"]), "<f4") for s in call.sent("positionLogits")])


def backend(engine: str) -> Callable:
    """The function that makes a training's backend in this environment."""
    if engine == "mlx":
        from mlx4j_worker.mlx.training import load_backend
    else:
        from mlx4j_worker.hf.training import load_backend
    return load_backend


def _tokens(case):
    return json.loads((case / "prompts.json").read_text())["long"][:_TOKENS]


if __name__ == "__main__":
    main()
