"""The result of a run: a table, ``acceptance.json``, and a zip that can be sent."""

import contextlib
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path

from acceptance.checks import Status
from acceptance.redaction import Redactor
from acceptance.runner import Result

JSON_NAME = "acceptance.json"
ZIP_NAME = "mlx4j-acceptance.zip"
_LOG_BYTES = 2_000_000  # of each log, its end is kept


def table(results: list[Result]) -> str:
    """The results for people: a line for each step, and beneath it one for each check."""
    lines = [f"{'step':68} {'result':14} {'seconds':>8}"]
    for result in results:
        lines.append("")
        lines.append(f"{_clip(f'{result.name}: {result.title}', 68):68} {result.status.value:14} {result.seconds:8.1f}")
        if result.detail:
            lines.append(f"{'':4}{result.detail}")
        for check in result.checks:
            line = f"{'':2}{_clip(check.name, 66):66} {check.status.value:14} {_clip(check.detail, 150)}"
            lines.append(line.rstrip())
    counts = ((status, sum(result.status is status for result in results)) for status in Status)
    left_out = sum(check.status is Status.NOT_APPLICABLE for result in results for check in result.checks)
    summary = ", ".join(f"{count} {status.value}" for status, count in counts if count) or "no step ran"
    lines += ["", summary + (f"; {left_out} checks do not apply here" if left_out else "")]
    return "\n".join(lines)


def write(results: list[Result], about: dict, folder: Path, redactor: Redactor) -> Path:
    """Writes ``acceptance.json`` into ``folder``, whole or not at all. Everything in it is redacted."""
    report = {"about": about, "steps": [result.as_dict() for result in results]}
    return _replace(folder / JSON_NAME, json.dumps(redactor.value(report), indent=2).encode())


def read(folder: Path) -> tuple[list[Result], dict]:
    """What ``write`` wrote, for a report on a run that the machine did not survive."""
    report = json.loads((folder / JSON_NAME).read_text(encoding="utf-8"))
    return [Result.from_dict(step) for step in report["steps"]], report["about"]


def bundle(results: list[Result], about: dict, folder: Path, target: Path, redactor: Redactor) -> Path:
    """Writes the table, the JSON file and the logs beneath ``folder`` into a zip in ``target``, all redacted."""
    report = {"about": about, "steps": [result.as_dict() for result in results]}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.txt", redactor.text(table(results)) + "\n")
        archive.writestr(JSON_NAME, json.dumps(redactor.value(report), indent=2))
        for log in sorted(folder.glob("*/*")):
            if log.is_file() and not log.is_symlink():
                archive.writestr(redactor.text(f"logs/{log.parent.name}/{log.name}"), redactor.text(_end(log)))
    return _replace(target / ZIP_NAME, content.getvalue())


def save(results: list[Result], about: dict, folder: Path, redactor: Redactor, spare: list[Path]) -> Path | None:
    """Writes the zip into ``folder``, or into the first folder of ``spare`` that can be written.

    Returns its path, or that of the JSON file alone where there is no room for the zip, or None.
    """
    for place in (folder, *spare):
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            written = write(results, about, place, redactor)
            with contextlib.suppress(OSError):
                return bundle(results, about, folder, place, redactor)
            return written
    return None


def _replace(target: Path, content: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=".part-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())  # the next step may bring the machine down
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def _end(log: Path) -> str:
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _LOG_BYTES))
        return stream.read().decode("utf-8", "replace")


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
