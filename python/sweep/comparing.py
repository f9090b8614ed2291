"""Loads the models through a worker's own loader and engine, and compares what they compute with the reference.

Runs in either worker's environment. A case is ``correct``, ``refused`` (by the loader) or ``wrong``, which it also is
where a dry load, the verdict of ``inspect``, ends otherwise than the load.
Where only an option such as kvBits is refused, the case is correct, and a note has the reason.
"""

import base64
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy

from engine_tests.harness import Call, Lab, judged
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import ContextOverflow, WorkerError
from sweep.reference import ANSWER, LENGTHS, Reference

TOLERANCE = tolerance(1e-4)  # largest difference of logits, relative to the range of the reference's logits
TIE = 2 * TOLERANCE  # margin, relative to the same range, below which two tokens are equally good
ROUNDED = 0.1  # the same where the KV cache is quantized to 8 bits
CONTINUED = 6  # tokens of an answer that become part of the next prompt
STAGGER = 3  # steps between two requests
ENGINES = ("mlx", "hf")


@dataclass
class Verdict:
    """The result of one case on one engine.

    ``difference`` is the largest one of the logits, relative to their range; ``reason`` says why a case was refused or
    is wrong; ``notes`` has refused options and bounds; ``seconds`` is the time it took.
    """

    case: str
    engine: str
    verdict: str = "correct"
    difference: float | None = None
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Wrong(Exception):
    """Something differs from the reference."""


class Comparison:
    """One case on one engine. ``load`` is the loader's function, ``draft`` the folder of a draft model."""

    def __init__(self, case: str, engine: str, load: Callable, work: Path, draft: Path | None):
        self._load, self._engine, self._draft = load, engine, draft
        self._model = work / case / "model"
        self._reference = Reference.load(work / case)
        self.verdict = Verdict(case, engine)

    def run(self) -> Verdict:
        begun = time.monotonic()
        try:
            self._run()
        except WorkerError as error:
            self._end("refused" if self._lab is None else "wrong", f"{error}")
        except Wrong as error:
            self._end("wrong", str(error))
        except Exception as error:
            self._end("wrong", f"{type(error).__name__}: {error} ({_where(error)})")
        self.verdict.seconds = round(time.monotonic() - begun, 2)
        return self.verdict

    def _run(self):
        self._lab = None
        self._lab = lab = Lab(self._load, self._model, prefixCacheBytes=0)
        context = lab.engine.describe()["contextLength"]
        self._context = context or 1 << 30
        if bound := next((warning for warning in lab.engine.describe()["warnings"] if "context" in warning), None):
            self.verdict.notes.append(bound.replace(str(self._model), "the model"))
        self._logits(lab)
        for name in self._prompts():
            self._alone(lab, name, "alone")
        self._batched(lab, "in a batch")
        self._staggered(lab, "staggered")
        self._with_prefix_cache()
        if self._engine == "mlx":
            self._with_option("kvBits", 8)
            self._with_option("draftModel", str(self._draft))

    def _end(self, verdict: str, reason: str):
        self.verdict.verdict = verdict
        self.verdict.reason = reason.replace(str(self._model), "the model")

    def _prompts(self) -> list[str]:
        """The prompts that the model's context holds with their answers."""
        return [name for name, tokens in self._reference.prompts.items() if len(tokens) + ANSWER < self._context]

    def _logits(self, lab: Lab):
        worst = 0.0
        for length in LENGTHS:
            if length >= self._context:
                continue
            call = Call()
            try:
                lab.engine.logits(call, self._reference.prompts["long"][:length])
            except ContextOverflow:
                continue
            lab.finish(call)
            if call.error:
                raise Wrong(f"logits of {length} tokens: {call.error}")
            sent = [numpy.frombuffer(base64.b64decode(s["values"]), "<f4") for s in call.sent("positionLogits")]
            worst = max(worst, relative_difference(self._reference.logits[length], numpy.stack(sent)))
            self.verdict.difference = float(f"{worst:.2g}")
            if not worst <= TOLERANCE:
                raise Wrong(f"logits of {length} tokens differ by {worst:.2g} of their range")

    def _alone(self, lab: Lab, name: str, how: str):
        self._check(lab.ask(**self._request(name)), name, how)

    def _batched(self, lab: Lab, how: str):
        calls = {name: lab.start(**self._request(name)) for name in self._prompts()}
        lab.finish(*calls.values())
        for name, call in calls.items():
            self._check(call, name, how)

    def _staggered(self, lab: Lab, how: str):
        calls = {}
        for name in self._prompts():
            calls[name] = lab.start(**self._request(name))
            lab.step(STAGGER)
        lab.finish(*calls.values())
        for name, call in calls.items():
            self._check(call, name, how)

    def _with_prefix_cache(self):
        lab = Lab(self._load, self._model)
        for name in self._prompts():
            self._alone(lab, name, "with a cold prefix cache")
            self._alone(lab, name, "with a warm prefix cache")
            self._continued(lab, name)
        self._batched(lab, "in a batch with a warm prefix cache")

    def _continued(self, lab: Lab, name: str):
        tokens = self._reference.tokens(name)
        call = lab.ask(tokens=self._reference.prompts[name] + tokens[:CONTINUED], maxTokens=ANSWER - CONTINUED)
        self._check(call, name, "continued from part of its answer", done=CONTINUED)

    def _with_option(self, option: str, value: object):
        try:
            lab = Lab(self._load, self._model, **{option: value})
        except WorkerError as error:
            self.verdict.notes.append(f"{option} is refused: {error}".replace(str(self._model), "the model"))
            return
        self._context = lab.engine.describe()["contextLength"] or 1 << 30
        for how in (f"with {option}", f"with {option} and a warm prefix cache"):
            if option == "kvBits":
                self._rounded(lab, how)
            else:
                for name in self._prompts():
                    self._alone(lab, name, how)

    def _rounded(self, lab: Lab, how: str):
        """As ``_alone`` for all prompts. A rounded KV cache may change a token's experts, but not for most prompts."""
        problems = []
        for name in self._prompts():
            call = lab.ask(**self._request(name))
            if call.error:
                raise Wrong(f"the {name} prompt {how} fails: {call.error}")
            if problem := parting(self._reference.answers[name], call.tokens, ROUNDED):
                problems.append(f"the {name} prompt {how}: {problem}")
        if len(problems) > len(self._prompts()) / 2:
            raise Wrong("; ".join(problems))

    def _request(self, name: str) -> dict:
        return {"tokens": self._reference.prompts[name], "maxTokens": ANSWER}

    def _check(self, call: Call, name: str, how: str, done: int = 0):
        if call.error:
            raise Wrong(f"the {name} prompt {how} fails: {call.error}")
        if problem := parting(self._reference.answers[name][done:], call.tokens, TIE):
            raise Wrong(f"the {name} prompt {how}: {problem}")


def relative_difference(reference: numpy.ndarray, values: numpy.ndarray) -> float:
    """The largest difference of logits [tokens, vocabulary], relative to the reference's range.

    It is infinite where the shapes differ or a value is not finite.
    """
    if reference.shape != values.shape or not numpy.isfinite(values).all():
        return float("inf")
    return float(numpy.abs(reference - values).max() / numpy.ptp(reference))


def parting(reference: numpy.ndarray, tokens: list[int], bound: float) -> str | None:
    """Where greedy tokens leave the reference's, whose logits are [tokens, vocabulary], by more than ``bound``.

    After a tie the answers may differ in everything, so that nothing is compared from there on.
    """
    for at, (logits, token) in enumerate(zip(reference, tokens, strict=False)):
        best = int(logits.argmax())
        if token == best:
            continue
        margin = float((logits[best] - logits[token]) / numpy.ptp(logits))
        return None if margin <= bound else f"token {at} is {token}, not {best}, which leads by {margin:.2g}"
    return None if len(tokens) == len(reference) else f"{len(tokens)} tokens, not {len(reference)}"


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def loader(engine: str) -> Callable:
    """The function that loads a model here; raises AssertionError where its dry load ends in another way."""
    if engine == "mlx":
        from mlx4j_worker.mlx import loading
    else:
        import torch

        from mlx4j_worker.hf import loading

        torch.set_num_threads(1)  # more only slow down models of this size
    return judged(loading)


def main(engine: str, work: Path) -> None:
    """Compares every case that was made, and appends a line of JSON for each to ``verdicts-ENGINE.jsonl``."""
    made = json.loads((work / "made.json").read_text())
    load, draft = loader(engine), work / "draft" / "model"
    with open(work / f"verdicts-{engine}.jsonl", "w", encoding="utf-8") as out:
        for case in made["cases"]:
            if case in made["failed"]:
                continue
            verdict = Comparison(case, engine, load, work, draft).run()
            out.write(json.dumps(asdict(verdict)) + "\n")
            out.flush()
            print(f"{verdict.verdict:8} {verdict.seconds:6.1f} s  {engine:3}  {case}  {verdict.reason}", flush=True)
