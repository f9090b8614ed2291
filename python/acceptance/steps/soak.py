"""``scripts/soak``: load and faults for twenty minutes, with the wired memory of each second."""

import subprocess
import threading
import time
from pathlib import Path

from acceptance import macos, processes, product
from acceptance.checks import Status
from acceptance.runner import Context, Step

MINUTES = 20.0
QUICK_MINUTES = 0.5
WARNING = (
    "The soak loads the GPU for 20 minutes while workers are killed. On a Mac this has never been run;\n"
    "such loads have brought whole machines down. Save your work and close your documents first."
)


def run(context: Context) -> None:
    minutes = QUICK_MINUTES if context.quick else MINUTES
    product.python("mlx")
    started = time.time()
    ended = threading.Event()
    log = context.logs / "wired.csv"
    sampler = threading.Thread(target=_sample, args=(log, ended))
    if macos.IS_MACOS:
        sampler.start()
    try:
        done = processes.run(
            [str(product.ROOT / "scripts/soak"), f"{minutes:g}"],
            minutes * 60 + 900,
            product.environment(),
            product.ROOT,
            context.logs / "soak",
        )
    finally:
        ended.set()
        if sampler.is_alive():
            sampler.join()
    last = done.out.strip().splitlines()[-1:]
    detail = last[0] if last and last[0].startswith("soak: seed") else done.outcome
    context.checks.verdict(f"soak of {minutes:g} min", done.code == 0, detail, seconds=done.seconds)
    _wired(context, log)
    _reports(context, started)


def _sample(log: Path, ended: threading.Event) -> None:
    """Writes a line for each second: the time, and the wired, free and compressed memory in MiB."""
    with log.open("w") as lines:
        lines.write("second,wiredMiB,freeMiB,compressedMiB\n")
        while not ended.wait(1):
            now = macos.vm_stat(subprocess.run(["vm_stat"], capture_output=True, text=True, check=False).stdout)
            values = [now.get(key, 0) // 2**20 for key in ("wired down", "free", "occupied by compressor")]
            lines.write(f"{time.time():.0f},{','.join(map(str, values))}\n")
            lines.flush()


def _wired(context: Context, log: Path) -> None:
    if not macos.IS_MACOS:
        context.checks.needs_macos("wired memory")
        return
    figures = wired(log.read_text())
    detail = "; ".join(f"{name} {value} MiB" for name, value in figures.items())
    context.checks.add("wired memory", Status.PASS, detail, **figures)


def wired(csv: str) -> dict[str, int]:
    """First, largest and last wired memory in MiB, of the samples of a soak."""
    samples = [int(line.split(",")[1]) for line in csv.splitlines()[1:] if line.count(",") == 3]
    return {"first": samples[0], "largest": max(samples), "last": samples[-1]} if samples else {}


def _reports(context: Context, started: float) -> None:
    """Lists new reports of macOS. Of panics the first line is kept; of crashes only those of our own processes."""
    if not macos.IS_MACOS:
        context.checks.needs_macos("panic and crash reports")
        return
    found = macos.new_reports(started)
    for file in found:
        copy_ours(file, context.logs)
    panics = [file.name for file in found if macos.is_panic(file)]
    detail = f"{len(panics)} panics, {len(found) - len(panics)} other reports"
    names = [f"{file.name} at {time.strftime('%H:%M:%S', time.localtime(file.stat().st_mtime))}" for file in found]
    context.checks.verdict("panic and crash reports", not panics, detail, reports=names)


def copy_ours(file: Path, folder: Path) -> None:
    """Keeps a crash report of a worker or Java, or the message of a panic, among the logs."""
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return  # reports of the system may be readable for administrators only
    if macos.is_panic(file):
        (folder / f"{file.name}.txt").write_text(macos.panic_string(text))
    elif macos.is_ours(text):
        (folder / file.name).write_text(text)


STEP = Step("soak", "load and faults, with wired memory", MINUTES * 60 + 1200, run, warning=WARNING)
