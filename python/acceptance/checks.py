"""What a step reports: checks with a status, a detail and figures."""

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

NEEDS_MACOS = "needs macOS"


class Status(StrEnum):
    """The result of a check or a step, from best to worst."""

    NOT_APPLICABLE = "not applicable"
    PASS = "pass"
    NOT_RUN = "not run"
    STOPPED = "stopped"  # reached its time limit, or was interrupted
    ERROR = "error"  # the kit itself could not do the check
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One result within a step. ``figures`` holds numbers and short texts, with units in their names."""

    name: str
    status: Status
    detail: str = ""
    figures: dict = field(default_factory=dict)

    def as_dict(self) -> dict:
        return {**asdict(self), "status": self.status.value}

    @staticmethod
    def from_dict(record: dict) -> "Check":
        return Check(record["name"], Status(record["status"]), record["detail"], record["figures"])


class Unavailable(Exception):
    """Something that a check needs is not there, such as an environment that could not be installed."""


class Checks:
    """Collects the checks of one step in a file, each as soon as it is known, so that a stopped step keeps them."""

    def __init__(self, file: Path):
        self._file = file

    def add(self, name: str, status: Status, detail: str = "", **figures: object) -> None:
        """Appends a check. ``figures`` must be JSON values."""
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(Check(name, status, detail, figures).as_dict()) + "\n")

    def verdict(self, name: str, passed: bool, detail: str = "", **figures: object) -> None:
        self.add(name, Status.PASS if passed else Status.FAIL, detail, **figures)

    def needs_macos(self, name: str) -> None:
        self.add(name, Status.NOT_APPLICABLE, NEEDS_MACOS)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Runs a part of a step; an exception becomes a check of this name, and the next part runs."""
        try:
            yield
        except Unavailable as missing:
            self.add(name, Status.NOT_RUN, str(missing))
        except Exception as error:
            traceback.print_exc()
            self.add(name, Status.ERROR, f"{type(error).__name__}: {error}")


def read(file: Path) -> list[Check]:
    """The checks in a file that ``Checks`` wrote; a last line that was cut off is dropped."""
    checks = []
    if file.is_file():
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                checks.append(Check.from_dict(json.loads(line)))
            except ValueError:
                break
    return checks


def worst(statuses: list[Status]) -> Status:
    """The status of a step with these checks. A step without any has nothing that could apply."""
    order = list(Status)
    return max(statuses, key=order.index, default=Status.NOT_APPLICABLE)
