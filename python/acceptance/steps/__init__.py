"""The steps of the kit, in the order in which they run."""

from acceptance.runner import Step
from acceptance.steps import build, correctness, facts, faults, files, orphans, sandbox, setup, sleep, soak, suites

STEPS: tuple[Step, ...] = (
    build.STEP,
    facts.STEP,
    setup.STEP,
    orphans.STEP,
    correctness.STEP,
    faults.STEP,
    files.STEP,
    sandbox.STEP,
    soak.STEP,
    sleep.STEP,
    *suites.STEPS,
)
NOT_QUICK = ("sleep", "tests", "bench")  # left out by --quick
