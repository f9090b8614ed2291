"""What transformers computes with a model: the same file for the process that writes it and those that compare."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy

LENGTHS = (1, 7, 120)  # tokens of the prompts whose logits are compared
ANSWER = 20  # greedy tokens


def prompts_of(tokens: list[int]) -> dict[str, list[int]]:
    """The prompts of a case. ``branch`` shares most of ``long``, and ends otherwise: a kept cache must be cut back."""
    return {
        "long": tokens[:120],
        "branch": tokens[:90] + tokens[121:126],
        "middle": tokens[60:97],
        "short": tokens[:7],
    }


@dataclass(frozen=True)
class Reference:
    """Prompts and what transformers computes for them.

    ``prompts`` has token ids by name; ``logits``, for each of LENGTHS, the logits [length, vocabulary] of the beginning
    of the long prompt; ``answers``, for each prompt, the logits [ANSWER, vocabulary] of the greedy choices.
    """

    prompts: dict[str, list[int]]
    logits: dict[int, numpy.ndarray]
    answers: dict[str, numpy.ndarray]

    def tokens(self, name: str) -> list[int]:
        """The greedy answer to a prompt."""
        return self.answers[name].argmax(-1).tolist()

    def save(self, folder: Path) -> None:
        arrays = {f"logits-{length}": values for length, values in self.logits.items()}
        arrays |= {f"answer-{name}": values for name, values in self.answers.items()}
        numpy.savez(folder / "reference.npz", **arrays)
        (folder / "prompts.json").write_text(json.dumps(self.prompts))

    @classmethod
    def load(cls, folder: Path) -> "Reference":
        prompts = json.loads((folder / "prompts.json").read_text())
        with numpy.load(folder / "reference.npz") as arrays:
            return cls(
                prompts,
                {length: arrays[f"logits-{length}"] for length in LENGTHS},
                {name: arrays[f"answer-{name}"] for name in prompts},
            )
