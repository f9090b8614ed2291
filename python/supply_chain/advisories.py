"""Known vulnerabilities of the locked versions: ``requirements/advisories.json``, refreshed from OSV.

For each package URL the file has the day on which OSV was last asked (null if it never was), and what it answered: an
advisory's id, with the reason why that may stay, or null if nobody has decided.
"""

import json
import urllib.request
from datetime import date
from typing import Any

from supply_chain import locks

FILE = locks.REQUIREMENTS / "advisories.json"
OSV = "https://api.osv.dev/v1/querybatch"
TIMEOUT = 60  # seconds

Known = dict[str, dict[str, Any]]


def read() -> Known:
    """What the file has."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def write(known: Known) -> None:
    """Write the file, sorted."""
    FILE.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def locked() -> list[str]:
    """The package URLs of every environment, sorted, each once."""
    return sorted({package.purl for name in locks.ENVIRONMENTS for package in locks.read(name)})


def covering(known: Known, purls: list[str]) -> Known:
    """The same for exactly these packages: others are dropped, new ones have never been checked."""
    return {purl: known.get(purl, {"checked": None, "advisories": {}}) for purl in purls}


def refreshed(known: Known, answers: dict[str, list[str]], today: date) -> Known:
    """With what OSV answered today, ids by package URL. Reasons for advisories that are still there are kept."""
    return {
        purl: {
            "checked": today.isoformat(),
            "advisories": {one: known[purl]["advisories"].get(one) for one in sorted(answers[purl])},
        }
        for purl in known
    }


def undecided(known: Known) -> list[str]:
    """A line for each advisory without a reason why it may stay."""
    return [
        f"{purl}: {advisory}, see https://osv.dev/vulnerability/{advisory}"
        for purl, entry in sorted(known.items())
        for advisory, reason in entry["advisories"].items()
        if not reason
    ]


def ask(purls: list[str]) -> dict[str, list[str]]:
    """The ids of OSV's advisories for each package URL. Uses the network."""
    queries = {"queries": [{"package": {"purl": purl}} for purl in purls]}
    request = urllib.request.Request(OSV, json.dumps(queries).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        results = json.load(answer)["results"]
    if len(results) != len(purls):
        raise ValueError(f"OSV gave {len(results)} answers to {len(purls)} questions")
    return {purl: [one["id"] for one in result.get("vulns", [])] for purl, result in zip(purls, results, strict=True)}
