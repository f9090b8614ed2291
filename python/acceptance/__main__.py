"""``scripts/acceptance``: runs the steps, prints a table, and writes a zip that can be sent."""

import argparse
import dataclasses
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from acceptance import checks, macos, product, redaction, report, runner
from acceptance.redaction import Redactor
from acceptance.runner import Result, Step
from acceptance.steps import NOT_QUICK, STEPS, soak

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
COUNTDOWN_S = 10


def main(arguments: list[str], steps: tuple[Step, ...] = STEPS) -> int:
    options = _options(arguments, steps)
    if options.list:
        for step in steps:
            print(f"{step.name:12} {step.title}; at most {step.limit_s / 60:.0f} min")
        return EXIT_OK
    redactor = redaction.of_this_machine()
    if options.report:
        return _report(options.report, redactor)
    chosen = _chosen(steps, options)
    if not options.yes and not _agreed(chosen):
        return EXIT_USAGE
    folder = _folder(options.out)
    if not _lock(folder):
        return _refused(f"Another run writes to {folder}. Wait for its end, or name another folder with --out.")
    about = {"kit": 1, "started": time.time(), "arguments": arguments, "quick": options.quick, "commit": _commit()}
    results: list[Result] = []
    if macos.IS_MACOS:
        subprocess.Popen(["caffeinate", "-i", "-w", str(os.getpid())])  # no idle sleep until the kit has ended
    with runner.interruptible():
        try:
            for step in chosen:
                results.append(_run(step, folder, options.quick))
                _progress(results[-1], _keep(results, about, folder, redactor))
                if results[-1].detail == runner.INTERRUPTED:
                    break
        except runner.Interrupted:
            pass  # between two steps
        runner.ignore_signals()
        missing = chosen[len(results) :]
        results += [Result(step.name, step.title, checks.Status.NOT_RUN, 0, runner.INTERRUPTED) for step in missing]
        code = _finish(results, about, folder, redactor)
    return EXIT_INTERRUPTED if any(result.detail == runner.INTERRUPTED for result in results) else code


def _report(folder: Path, redactor: Redactor) -> int:
    try:
        results, about = report.read(folder)
    except (OSError, ValueError, KeyError) as error:
        return _refused(f"There is no report of a run in {folder} ({type(error).__name__}).")
    return _finish(results, about, folder, redactor)


def _options(arguments: list[str], steps: tuple[Step, ...]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/acceptance",
        description="Checks this checkout on this machine and writes a report without personal data to send.",
        epilog="Exit codes: 0 every step passed or does not apply, 1 some did not, 2 invalid usage, 130 interrupted.",
    )
    names = [step.name for step in steps]

    def known(text: str) -> list[str]:
        chosen = [name.strip() for name in text.split(",") if name.strip()]
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"unknown step {name!r}; steps are {', '.join(names)}")
        if not chosen:
            raise argparse.ArgumentTypeError(f"it names no step; steps are {', '.join(names)}")
        return chosen

    def seconds(text: str) -> float:
        value = float(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is no positive number of seconds")
        return value

    parser.add_argument("--steps", type=known, metavar="NAME,…", help="run only these steps")
    parser.add_argument("--skip", type=known, default=[], metavar="NAME,…", help="leave these steps out")
    parser.add_argument("--quick", action="store_true", help=f"short steps, and without {', '.join(NOT_QUICK)}")
    parser.add_argument("--yes", action="store_true", help="ask nothing; leaves sleep out unless --steps names it")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of report and logs (default: a new one in target)"
    )
    parser.add_argument("--limit", type=seconds, metavar="SECONDS", help="upper bound for the time limit of each step")
    parser.add_argument("--list", action="store_true", help="list the steps and exit")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write the zip of a run that did not get to its end")
    options = parser.parse_args(arguments)
    if not (options.list or options.report or _chosen(steps, options)):
        parser.error("no step is left to run: --skip leaves all of them out")
    return options


def _chosen(steps: tuple[Step, ...], options: argparse.Namespace) -> list[Step]:
    left_out = set(options.skip)
    if options.steps is None:
        left_out |= set(NOT_QUICK) if options.quick else set()
        left_out |= {"sleep"} if options.yes else set()
    chosen = [step for step in steps if step.name in (options.steps or [one.name for one in steps])]
    limit = options.limit or float("inf")
    return [dataclasses.replace(step, limit_s=min(step.limit_s, limit)) for step in chosen if step.name not in left_out]


def _agreed(steps: list[Step]) -> bool:
    """Says what is going to happen, and asks once."""
    print("This runs: " + ", ".join(step.name for step in steps))
    for step in steps:
        if step.warning:
            print(f"\n{step.name}: {step.warning}")
    print("\nCtrl-C ends it at any time; what ran so far is reported. --skip leaves steps out, --yes asks nothing.")
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        return False
    except EOFError:
        print("Nobody can answer here; use --yes.")
        return False


def _run(step: Step, folder: Path, quick: bool) -> Result:
    print(f"== {step.name}: {step.title} (at most {step.limit_s / 60:.0f} min)", flush=True)
    try:
        if step.warning and not quick:
            for left in range(COUNTDOWN_S, 0, -1):
                print(f"\r   begins in {left} s, Ctrl-C to end ", end="", flush=True)
                time.sleep(1)
            print()
        return runner.run(step, folder / step.name, quick)
    except OSError as error:  # no room for its logs, for example
        return Result(step.name, step.title, checks.Status.ERROR, 0, f"{type(error).__name__}: {error}")


def _keep(results: list[Result], about: dict, folder: Path, redactor: Redactor) -> str:
    """Writes the report so far, since the next step may bring the machine down; the problem, if there was one."""
    try:
        report.write(results, about, folder, redactor)
    except OSError as error:
        return f"the report could not be written: {error}"
    return ""


def _progress(result: Result, problem: str) -> None:
    print(
        f"   {result.status.value}, {result.seconds:.1f} s{', ' + result.detail if result.detail else ''}", flush=True
    )
    if problem:
        print(f"   {problem}", file=sys.stderr)


def _finish(results: list[Result], about: dict, folder: Path, redactor: Redactor) -> int:
    if macos.IS_MACOS and "started" in about:
        found = macos.new_reports(about["started"])
        about["reports"] = [file.name for file in found]
        for file in found:
            soak.copy_ours(file, folder / results[-1].name if results else folder)
    print("\n" + redactor.text(report.table(results)))
    spare = [Path(tempfile.gettempdir()) / "mlx4j-acceptance", Path.home() / "mlx4j-acceptance"]
    written = report.save(results, about, folder, redactor, spare)
    if written is None:
        print("\nThe report could not be written anywhere; copy the table above.", file=sys.stderr)
    else:
        print(f"\nReport: {written}\nRead it before you send it; docs/macos.md says where to.")
    good = (checks.Status.PASS, checks.Status.NOT_APPLICABLE)
    return EXIT_OK if all(result.status in good for result in results) and written else EXIT_FAILED


def _folder(given: Path | None) -> Path:
    """The folder for report and logs. One that cannot be written is replaced by a temporary one."""
    folder = given or product.ROOT / "target" / time.strftime("acceptance-%Y%m%d-%H%M%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder.resolve()
    except OSError as error:
        spare = Path(tempfile.mkdtemp(prefix="mlx4j-acceptance-report-")).resolve()
        print(f"{folder} cannot be written ({error.strerror}); the report goes to {spare}.", file=sys.stderr)
        return spare


def _lock(folder: Path) -> bool:
    """Whether this process has the folder for itself; the lock ends with the process and those that it starts."""
    try:
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _refused(message: str) -> int:
    print(message, file=sys.stderr)
    return EXIT_USAGE


def _commit() -> str:
    command = ["git", "-C", str(product.ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    except OSError:
        return "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
