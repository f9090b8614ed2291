"""The project's own tests and benchmarks, whole."""

import re

from acceptance import processes, product
from acceptance.checks import Status
from acceptance.macos import IS_MACOS
from acceptance.runner import Context, Step
from acceptance.steps import facts

DISK_MB = 6000


_GROUP = re.compile(r"(passed|FAILED|not run) +(\d+) s  (.+)")
_STATUS = {"passed": Status.PASS, "FAILED": Status.FAIL, "not run": Status.NOT_RUN}


def tests(context: Context) -> None:
    command = [str(product.ROOT / "scripts/test"), "--continue"]
    done = processes.run(command, 4 * 3600, product.environment(), product.ROOT, context.logs / "tests")
    for name, status, seconds in groups(done.out):
        context.checks.add(name, status, f"{seconds} s", seconds=seconds)
    context.checks.verdict("scripts/test --continue", done.code == 0, done.outcome, seconds=done.seconds)


def groups(text: str) -> list[tuple[str, Status, int]]:
    """The groups in the table with which ``scripts/test --continue`` ends: title, status, and seconds."""
    table = text.rpartition("\n== ")[2].splitlines()[1:]
    rows = (_GROUP.fullmatch(line) for line in table)
    return [(row.group(3), _STATUS[row.group(1)], int(row.group(2))) for row in rows if row]


def bench(context: Context) -> None:
    checks = context.checks
    with checks.part("scripts/bench"):
        command = [str(product.ROOT / "scripts/bench"), "--quick", "--out", str(context.logs)]
        done = processes.run(command, 3600, product.environment(), product.ROOT, context.logs / "bench")
        checks.verdict("scripts/bench --quick", done.code == 0, done.outcome, seconds=done.seconds)
    name = "mlx4j bench --power"
    with checks.part(name):
        if not IS_MACOS:
            checks.needs_macos(name)
            return
        found = facts.macmon()
        if found is None:
            checks.add(name, Status.NOT_APPLICABLE, "needs macmon (brew install macmon)")
            return
        done = product.cli(context, "power", "bench", "--model", str(product.MODEL), "--power", "--json", limit_s=1200)
        checks.verdict(name, done.code == 0, done.outcome, seconds=done.seconds)


STEPS = (
    Step("tests", "scripts/test", 4 * 3600, tests, disk_mb=DISK_MB),
    Step("bench", "scripts/bench and power", 5400, bench, disk_mb=1000),
)
