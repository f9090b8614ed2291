"""Builds what the other steps run: the command line, and the programs among the tests."""

from acceptance import processes, product
from acceptance.checks import Status
from acceptance.runner import Context, Step


def run(context: Context) -> None:
    checks = context.checks
    with checks.part("command line"):
        done = processes.run(
            [str(product.ROOT / "scripts/mlx4j"), "--version"],
            900,
            product.environment(),
            product.ROOT,
            context.logs / "cli",
        )
        checks.verdict(
            "command line", done.code == 0, done.out.strip() if done.code == 0 else done.outcome, seconds=done.seconds
        )
    with checks.part("test programs"):
        product.CLASSPATH.unlink(missing_ok=True)
        maven = ["mvn", "-q", "-B", "-ntp", "test-compile", "dependency:build-classpath", "-Dspotless.check.skip"]
        options = ["-Dmdep.includeScope=test", f"-Dmdep.outputFile={product.CLASSPATH}"]
        done = processes.run(maven + options, 900, product.environment(), product.ROOT, context.logs / "test-programs")
        checks.verdict("test programs", done.code == 0, done.outcome, seconds=done.seconds)
    with checks.part("java"):
        done = processes.run(
            [product.java(), "-version"], 30, product.environment(), context.temp, context.logs / "java"
        )
        checks.add("java", Status.PASS, done.err.splitlines()[0] if done.err else "")


STEP = Step("build", "command line and test programs", 1800, run, disk_mb=500)
