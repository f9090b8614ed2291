"""What a model's author says about generation, in ``generation_config.json``: sampling, and the end tokens."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.models import folder as folders
from mlx4j_worker.requests import Sampling

FILE = "generation_config.json"


@dataclass(frozen=True)
class GenerationConfig:
    """The content of the file, the sampling in it, and a warning for each value in it that is not used."""

    values: dict[str, Any] = field(default_factory=dict)
    _sampling: Sampling = field(default_factory=Sampling)
    warnings: tuple[str, ...] = ()

    def sampling(self, vocabulary: int) -> Sampling:
        """The sampling for a vocabulary of so many tokens; a larger top_k keeps all of them."""
        top_k = self._sampling.top_k
        return replace(self._sampling, top_k=top_k if top_k is not None and top_k < vocabulary else None)


@dataclass(frozen=True)
class _Field:
    """A number from ``low`` to ``high``. ``above`` excludes ``low``; ``sampled`` numbers count only with do_sample."""

    low: float
    high: float
    above: bool = False
    whole: bool = False
    sampled: bool = True

    def read(self, value: Any) -> float | None:
        """The number, which some authors write as a string, or None for anything else."""
        try:
            found = float(value) if type(value) in (int, float, str) else math.nan
        except (ValueError, OverflowError):
            return None
        right = self.low <= found <= self.high and not (self.above and found == self.low)
        return found if right and (not self.whole or found.is_integer()) else None

    def __str__(self):
        kind = "a whole number" if self.whole else "a number"
        return (
            f"{kind} {'above' if self.above else 'from'} {self.low:g} {'up to' if self.above else 'to'} {self.high:g}"
        )


_FIELDS = {
    "temperature": _Field(0, 100),
    "top_p": _Field(0, 1, above=True),
    "top_k": _Field(0, 2**31 - 1, whole=True),
    "min_p": _Field(0, 1),
    "repetition_penalty": _Field(0, 10, above=True, sampled=False),
}


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
    values = {}
    for name, wanted in _FIELDS.items():
        if (value := given.get(name)) is None:
            continue
        found = wanted.read(value)
        if found is None:
            warnings.append(_ignored(folder, name, value, str(wanted)))
        elif samples is True or not wanted.sampled:
            values[name] = found
    if samples is True:
        values.setdefault("temperature", 1.0)
    if top_k := int(values.pop("top_k", 0)):
        values["top_k"] = top_k
    return GenerationConfig(given, Sampling(**values), tuple(warnings))


def _ignored(folder, name, value, wanted):
    return f"{FILE} in {folder} has {name} {shown(value)}, which is not {wanted}, so it is ignored."
