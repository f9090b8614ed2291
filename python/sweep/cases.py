"""The table of model types and configurations to compare: configurations.json, and how to choose from it."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("configurations.json")
SAMPLE = 25  # cases of a quick run: KNOWN, and others at random
SAMPLE_SEED = 20261130
KNOWN = (  # each was wrong or refused once, for a reason of its own
    "deepseek_v2.groups",
    "deepseek_v3.halves",
    "falcon_h1.biases",
    "falcon_h1.key",
    "falcon_h1.normgroups",
    "gemma2.wide",
    "gemma3.plain",
    "gemma3_text.window",
    "gemma4_text.window",
    "granitemoehybrid.groups",
    "llama.head80",
    "llama4_text.chunks",
    "mamba.head",
    "mamba2.groups",
    "minicpm3.tied",
    "nemotron_h.plain",
    "qwen2_vl.plain",
    "qwen3.bare",
    "qwen3_5_moe_text.plain",
)


@dataclass(frozen=True)
class Case:
    """One configuration: a model type of transformers and the config fields that differ from the common ones.

    ``saved`` names a change to the saved folder, see making.SAVED, or is None.
    """

    model_type: str
    name: str
    fields: dict
    saved: str | None = None

    @property
    def id(self) -> str:
        return f"{self.model_type}.{self.name}"


def every() -> list[Case]:
    """All cases of the table, in its order."""
    cases = []
    for model_type, entry in json.loads(TABLE.read_text(encoding="utf-8"))["types"].items():
        for name, variant in entry["configurations"].items():
            fields = {**entry.get("fields", {}), **variant}
            saved = fields.pop("(saved)", None)
            cases.append(Case(model_type, name, fields, saved))
    return cases


def common_fields() -> dict:
    """Config fields that every model gets whose config class has them."""
    return json.loads(TABLE.read_text(encoding="utf-8"))["common"]


def chosen(names: list[str], full: bool) -> list[Case]:
    """The cases of these types or ids; without any, all of them or a fixed sample of SAMPLE."""
    cases = every()
    if names:
        if unknown := {*names} - {name for case in cases for name in (case.id, case.model_type)}:
            raise SystemExit(f"configurations.json has no {', '.join(sorted(unknown))}.")
        return [case for case in cases if case.id in names or case.model_type in names]
    if full:
        return cases
    known = [case for case in cases if case.id in KNOWN]
    others = [case for case in cases if case.id not in KNOWN]
    return known + random.Random(SAMPLE_SEED).sample(others, SAMPLE - len(known))
