"""The project's own tests and benchmarks, whole."""

from acceptance import processes, product
from acceptance.checks import Status
from acceptance.macos import IS_MACOS
from acceptance.runner import Context, Step
from acceptance.steps import facts

DISK_MB = 6000


def tests(context: Context) -> None:
    script = product.ROOT / "scripts/test"
    options = ["--continue"] if "--continue" in script.read_text() else []
    done = processes.run([str(script), *options], 4 * 3600, product.environment(), product.ROOT, context.logs / "tests")
    context.checks.verdict("scripts/test", done.code == 0, done.outcome, seconds=done.seconds)


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
    Step("tests", "scripts/test", 4 * 3600 + 60, tests, disk_mb=DISK_MB),
    Step("bench", "scripts/bench and power", 5400, bench, disk_mb=1000),
)
