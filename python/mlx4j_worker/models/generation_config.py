"""Reads ``generation_config.json``: the sampling parameters of the model's author, and the end tokens."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.models import folder as folders
from mlx4j_worker.requests.fields import Bounds, rows_of
from mlx4j_worker.requests.generate import SamplingParams

FILE = "generation_config.json"


@dataclass(frozen=True)
class GenerationConfig:
    """The content of the file, the sampling in it, and a warning for each value in it that is not used."""

    values: dict[str, Any] = field(default_factory=dict)
    _sampling: SamplingParams = field(default_factory=SamplingParams)
    warnings: tuple[str, ...] = ()

    def sampling(self, vocabulary: int) -> SamplingParams:
        """The sampling for a vocabulary of so many tokens; a larger top_k keeps all of them."""
        top_k = self._sampling.top_k
        return replace(self._sampling, top_k=top_k if top_k is not None and top_k < vocabulary else None)


_ROWS = rows_of(SamplingParams)
_BOUNDS = {row.name: row.metadata["bounds"] for row in _ROWS.values() if "bounds" in row.metadata}
_NAMES = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
_NOT_SAMPLED = ("repetition_penalty",)  # the others count only with do_sample


def read(folder: Path) -> GenerationConfig:
    """The GenerationConfig of a model folder; an empty one without the file.

    Raises ModelLoadFailed for a damaged file: it may say which tokens end an answer.
    """
    if not Path(folder, FILE).is_file():
        return GenerationConfig()
    given = folders.read_json(folder, FILE)
    if not isinstance(given, dict):
        raise ModelLoadFailed(f"{FILE} in {folder} is not a JSON object.", "Download or copy it again.")
    samples, warnings = given.get("do_sample"), []
    if not isinstance(samples, bool | None):
        warnings.append(_ignored(folder, "do_sample", samples, "true or false"))
    values: dict[str, Any] = {}
    for name in _NAMES:
        if (value := given.get(name)) is None:
            continue
        found = _number(value, _BOUNDS[name])
        if found is None:
            warnings.append(_ignored(folder, name, value, str(_BOUNDS[name])))
        elif samples is True or name in _NOT_SAMPLED:
            values[name] = found
    if samples is True:
        values.setdefault("temperature", 1.0)
    if top_k := int(values.pop("top_k", 0)):
        values["top_k"] = top_k
    return GenerationConfig(given, SamplingParams(**values), tuple(warnings))


def _number(value: Any, bounds: Bounds) -> float | None:
    """The number, which some authors write as a string, or None for anything else."""
    try:
        found = float(value) if type(value) in (int, float, str) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if bounds.contains(found) and (not bounds.whole or found.is_integer()) else None


def _ignored(folder: Path, name: str, value: Any, wanted: str) -> str:
    return f"{FILE} in {folder} has {name} {shown(value)}, which is not {wanted}, so it is ignored."
