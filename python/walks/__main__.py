"""python -m walks: walks through the grammars of response formats, in the environment of the mlx worker.

Exits with 1 if a text is invalid.
"""

import argparse
import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from walks import own
from walks.walking import Outcome, Walker

MODEL = Path(__file__).resolve().parents[2] / "src/test/resources/models/tiny-chat"


def schemas(archive: Path, seed: int, numbers: int) -> Iterator[tuple[str, str, dict]]:
    """(origin, name, schema) of all that are walked through."""
    for name, schema in suite(archive):
        yield "suite", name, schema
    for name, schema in own.SCHEMAS.items():
        yield "own", name, schema
    for name, schema in own.numbers(seed, numbers):
        yield "numbers", name, schema


def suite(archive: Path) -> Iterator[tuple[str, dict]]:
    """(name, schema) of JSON-Schema-Test-Suite, from the source distribution of jsonschema, which contains it."""
    found = 0
    with tarfile.open(archive) as files:
        for member in files:
            where = member.name.partition("/json/tests/draft2020-12/")[2]
            if where.endswith(".json"):
                for case in json.load(files.extractfile(member)):
                    if isinstance(case["schema"], dict):  # true and false can't be response formats
                        found += 1
                        yield f"{where}: {case['description']}", case["schema"]
    if not found:
        raise SystemExit(f"{archive} has no JSON-Schema-Test-Suite in it.")


def keyword_of(refusal: str) -> str:
    """What of a schema was refused, for the table."""
    why = refusal.removeprefix("responseFormat.schema can't be enforced: ")
    if keys := re.match(r"Unimplemented keys: \[(.*)\]", why):
        return keys[1].replace('"', "")
    for begin, name in (
        ("Unknown format: ", "format"), ("Resource ", "$ref to another document"), ("oneOf", "oneOf"),
        ("patternProperty", "patternProperties that overlap"), ("Unsatisfiable", "nothing is valid"),
        ("no text", "nothing is valid"), ("its multipleOf", "multipleOf"), ("Value for 'multipleOf'", "multipleOf"),
        ("responseFormat.schema has the number", "numbers beyond 2^53"),
        ("there are too few numbers", "numbers too near to each other"), ("pattern", "pattern"),
    ):  # fmt: skip
        if why.startswith(begin):
            return name
    return why[:80]


def report(outcomes: list[tuple[str, str, Outcome]]) -> int:
    """Print the counts; returns how many texts were invalid."""
    for origin in dict.fromkeys(origin for origin, _, _ in outcomes):
        some = [one for where, _, one in outcomes if where == origin]
        print(
            f"{origin}: {len(some)} schemas, {sum(bool(one.refused) for one in some)} refused, "
            f"{sum(one.walks for one in some)} walks, {sum(len(one.invalid) for one in some)} invalid, "
            f"{sum(one.endless for one in some)} cut, {sum(len(one.dead_ends) for one in some)} dead ends"
        )
        refused = Counter(keyword_of(one.refused) for one in some if one.refused)
        print("  refused: " + ", ".join(f"{name} {count}" for name, count in refused.most_common()))
    for origin, name, one in outcomes:
        for text in one.invalid[:1]:
            print(f"INVALID {len(one.invalid)} of {one.walks}: {origin}, {name}: {text}")
    return sum(len(one.invalid) for _, _, one in outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="walks", description=__doc__)
    parser.add_argument("--walks", type=int, default=1000, help="through each schema (default: 1000)")
    parser.add_argument("--numbers", type=int, default=1000, help="schemas of numbers, with 40 walks each at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--suite", type=Path, required=True, help="the source distribution of jsonschema, a .tar.gz")
    args = parser.parse_args()
    from transformers import AutoTokenizer

    walker = Walker(AutoTokenizer.from_pretrained(MODEL))
    outcomes = []
    for origin, name, schema in schemas(args.suite, args.seed, args.numbers):
        walks = min(args.walks, 40) if origin == "numbers" else args.walks
        outcomes.append((origin, name, walker.outcome(schema, walks, args.seed)))
    for name, (kind, value) in own.TEXTS.items():
        outcomes.append(("texts", name, walker.outcome_of_text(kind, value, args.walks, args.seed)))
    raise SystemExit(1 if report(outcomes) else 0)


if __name__ == "__main__":
    main()
