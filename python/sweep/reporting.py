"""The table of a sweep: as JSON, and as the part of a Markdown page between two marks."""

import json
from collections import Counter, defaultdict
from pathlib import Path

from sweep import cases

BEGIN, END = "<!-- sweep: begin -->", "<!-- sweep: end -->"
ENGINES = ("mlx", "hf")
_LONGEST = 160  # characters of a reason in the page


def read(work: Path) -> list[dict]:
    """All verdicts of a work folder, as comparing.Verdict has them; a case that was not finished is ``wrong``."""
    made = json.loads((work / "made.json").read_text())
    verdicts = []
    for engine in ENGINES:
        file = work / f"verdicts-{engine}.jsonl"
        if not file.exists():
            continue
        found = {v["case"]: v for v in map(json.loads, file.read_text().splitlines())}
        for case in made["cases"]:
            lost = {"case": case, "engine": engine, "verdict": "wrong", "difference": None, "notes": [], "seconds": 0}
            reason = made["failed"].get(case)
            lost["reason"] = f"transformers can't make it: {reason}" if reason else "the process died"
            verdicts.append(found.get(case, lost))
    return verdicts


def counts(verdicts: list[dict]) -> str:
    """One line for each engine."""
    lines = []
    for engine in ENGINES:
        if own := [v for v in verdicts if v["engine"] == engine]:
            found = Counter(v["verdict"] for v in own)
            types = len({_type(v) for v in own})
            some = len({_type(v) for v in own if v["verdict"] == "correct"})
            lines.append(
                f"{engine}: {len(own)} configurations of {types} types: {found['correct']} correct, "
                f"{found['refused']} refused, {found['wrong']} wrong; {some} types have a correct configuration"
                + _options([v for v in own if v["verdict"] == "correct"] if engine == "mlx" else [])
            )
    return "\n".join(lines)


def _options(verdicts: list[dict]) -> str:
    """In how many configurations each option of mlx was compared, rather than refused."""
    told = []
    for option, name in (("kvBits", "an 8-bit KV cache"), ("draftModel", "a draft model")):
        count = sum(not any(note.startswith(f"{option} is refused") for note in v["notes"]) for v in verdicts)
        told.append(f"{count} with {name}")
    return f"; compared too: {' and '.join(told)}" if verdicts else ""


def markdown(verdicts: list[dict]) -> str:
    """A row for each model type."""
    rows = defaultdict(lambda: defaultdict(list))
    for verdict in verdicts:
        rows[_type(verdict)][verdict["engine"]].append(verdict)
    configurations = defaultdict(list)
    for case in cases.every():
        configurations[case.model_type].append(case.name)
    lines = ["| type | configurations | mlx | hf |", "|---|---|---|---|"]
    for model_type in sorted(rows):
        cells = [cell(rows[model_type][engine]) for engine in ENGINES]
        lines.append(f"| `{model_type}` | {', '.join(configurations[model_type])} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _type(verdict: dict) -> str:
    return verdict["case"].split(".")[0]


def cell(verdicts: list[dict]) -> str:
    """The verdicts of one type on one engine."""
    correct = [v for v in verdicts if v["verdict"] == "correct"]
    others = defaultdict(list)
    for v in verdicts:
        if v not in correct:
            others[f"{v['verdict']}: {_short(v['reason'])}"].append(v["case"].split(".", 1)[1])
    parts = []
    if correct:
        worst = max(v["difference"] or 0 for v in correct)
        parts.append(f"correct ({worst:.0e})")
    for why, names in others.items():
        parts.append(why if not correct and len(others) == 1 else f"{', '.join(names)} {why}")
    return "; ".join(parts) or "not run"


def _short(reason: str) -> str:
    line = " ".join(reason.split()).replace("|", "\\|")
    return line if len(line) <= _LONGEST else line[:_LONGEST].rsplit(" ", 1)[0] + " …"


def main(work: Path, page: Path | None) -> None:
    """Writes ``sweep.json`` and the page's table, and exits with 1 where something is wrong."""
    verdicts = read(work)
    (work / "sweep.json").write_text(json.dumps(verdicts, indent=1) + "\n")
    if page:
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        table = f"{BEGIN}\n{counts(verdicts).replace(chr(10), '  ' + chr(10))}\n\n{markdown(verdicts)}\n{END}"
        page.write_text(before + table + after, encoding="utf-8")
    for verdict in verdicts:
        if verdict["verdict"] == "wrong":
            print(f"wrong: {verdict['engine']} {verdict['case']}: {verdict['reason']}")
    print(counts(verdicts))
    raise SystemExit(any(verdict["verdict"] == "wrong" for verdict in verdicts))
