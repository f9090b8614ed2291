"""Embeds the texts with a worker's own engine, and compares the vectors with those of sentence-transformers."""

import json
import time
from pathlib import Path

import numpy

from engine_tests.harness import load, run, submit_texts
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import WorkerError
from sentence_parity.cases import CASES, Case

TOLERANCE = tolerance(1e-5)  # of a feature, relative to the largest one of the vector where that is above 1


def main(engine: str, work: Path) -> int:
    """Compares the cases that were made, prints a line for each, and returns how many differ."""
    if engine == "mlx":
        from mlx4j_worker.mlx import loading
    else:
        from mlx4j_worker.hf import loading
    cases = [case for case in CASES if (work / case.name / "expected.json").is_file()]
    wrong, largest = 0, 0.0
    for case in cases:
        begun = time.monotonic()
        try:
            difference = _compare(case, engine, loading.load, work / case.name)
            told = "refused, as it should be" if difference is None else f"{difference:.1e}"
            largest = max(largest, difference or 0)
        except Wrong as fault:
            told = str(fault)
            wrong += 1
        print(f"{engine} {case.name}: {told} ({time.monotonic() - begun:.1f} s)", flush=True)
    print(f"{engine}: {len(cases)} folders, {wrong} wrong; the largest difference is {largest:.1e}")
    return wrong


class Wrong(Exception):
    """A folder whose vectors differ, or which fails or loads where it should not."""


def _compare(case: Case, engine: str, load_engine, folder: Path) -> float | None:
    """The largest difference, or None where the engine refuses the folder as it should. Raises Wrong."""
    refusal = case.refused.get(engine)
    try:
        loaded = load(load_engine, folder / "model")
    except WorkerError as error:
        if refusal is not None and refusal in str(error):
            return None
        raise Wrong(f"refused: {error}") from error
    if refusal is not None:
        raise Wrong("is loaded, but should be refused")
    difference = 0.0
    for expected in json.loads((folder / "expected.json").read_text(encoding="utf-8")):
        name, texts = expected["promptName"], expected["texts"]
        vectors = _vectors(loaded, texts, name)
        for text, vector, meant in zip(texts, vectors, numpy.array(expected["vectors"], numpy.float32), strict=True):
            if vector.shape != meant.shape:
                raise Wrong(f"{vector.shape} features for {text!r}, not {meant.shape}")
            one = float(abs(vector - meant).max() / max(1, abs(meant).max()))
            difference = max(difference, one)
            if not one <= TOLERANCE:
                raise Wrong(f"differs by {one:.1e} for {text!r} with the prompt {name}")
    return difference


def _vectors(engine, texts, prompt_name):
    try:
        call = submit_texts(engine, *texts, promptName=prompt_name)
    except WorkerError as error:
        raise Wrong(f"fails: {error}") from error
    run(engine)
    if call.error:
        raise Wrong(f"fails: {call.error}")
    return call.vectors
