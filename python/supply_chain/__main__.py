"""python -m supply_chain sbom FOLDER | list | refresh [SBOM…]; scripts/supply-chain says what each is for."""

import json
import sys
from datetime import date
from pathlib import Path

from supply_chain import advisories, locks, sbom


def write_bills(folder: Path) -> None:
    """Write ``environment-mlx.cdx.json`` and ``environment-hf.cdx.json`` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in locks.ENVIRONMENTS:
        file = folder / f"environment-{name}.cdx.json"
        file.write_text(json.dumps(sbom.bill(name), indent=2) + "\n", encoding="utf-8")
        print(file)


def components(file: str) -> list[str]:
    """The package URLs in a bill of materials, without qualifiers such as ``?type=jar``."""
    bill = json.loads(Path(file).read_text(encoding="utf-8"))
    return [component["purl"].split("?")[0] for component in bill["components"]]


def refresh(files: list[str]) -> int:
    """Ask OSV about the locked packages and those of other bills; return the exit code."""
    others = sorted({purl for file in files for purl in components(file)})
    known = advisories.covering(advisories.read(), sorted({*advisories.locked(), *others}))
    answers = advisories.ask(list(known))
    known = advisories.refreshed(known, answers, date.today())
    advisories.write(known)
    undecided = advisories.undecided(known)
    print(*undecided, f"{len(known)} packages, {len(undecided)} undecided advisories", sep="\n")
    return 1 if undecided else 0


match sys.argv[1:]:
    case ["sbom", folder]:
        write_bills(Path(folder))
    case ["list"]:
        known = advisories.read() if advisories.FILE.exists() else {}
        others = [purl for purl in known if not purl.startswith("pkg:pypi/")]
        advisories.write(advisories.covering(known, [*advisories.locked(), *others]))
    case ["refresh", *files]:
        sys.exit(refresh(files))
    case _:
        sys.exit(__doc__)
