"""Environments: made and timed, then verified as a terminal, the Dock and launchd would start the program."""

import json
import os
import plistlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from acceptance import macos, processes, product
from acceptance.checks import Status
from acceptance.processes import Finished
from acceptance.runner import Context, Step

LABEL = "io.github.mlx4j.acceptance"
NEEDED_MB = 3000 if macos.IS_MACOS else 9000  # on Linux, PyPI's torch brings CUDA
_NO_NETWORK = re.compile(
    r"connection broken by|Failed to establish a new connection|NameResolutionError|ConnectTimeout"
)
_DEVICE_INFO = """
import json
import mlx.core as mx
info = getattr(mx, "device_info", None) or mx.metal.device_info
print(json.dumps({"device": str(mx.default_device()), **{k: str(v) for k, v in info().items()}}))
"""


def run(context: Context) -> None:
    checks = context.checks
    for kind in product.KINDS:
        with checks.part(f"setup {kind}"):
            _setup(context, kind)
    for kind in product.KINDS:
        with checks.part(f"verify-install {kind}"):
            product.python(kind)
            done = product.cli(context, f"verify-{kind}", *_verify(kind), limit_s=300)
            _verdict(context, f"verify-install {kind}", done)
        with checks.part(f"verify-install {kind}, PATH of the Dock"):
            product.python(kind)
            done = product.cli(context, f"dock-{kind}", *_verify(kind), limit_s=300, PATH=product.DOCK_PATH)
            _verdict(context, f"verify-install {kind}, PATH of the Dock", done)
        with checks.part(f"verify-install {kind}, launchd job"):
            _launchd(context, kind)
    with checks.part("MLX device"):
        command = [str(product.python("mlx")), "-I", "-c", _DEVICE_INFO]
        done = processes.run(command, 60, product.environment(), context.temp, context.logs / "device-info")
        info = json.loads(done.out) if done.code == 0 else {}
        checks.add(
            "MLX device", Status.PASS if info else Status.NOT_APPLICABLE, info.get("device", done.outcome), **info
        )


def _setup(context: Context, kind: str) -> None:
    there = product.has_environment(kind)
    product.home().mkdir(parents=True, exist_ok=True)
    free_mb = shutil.disk_usage(product.home()).free // 2**20
    if not there and free_mb < NEEDED_MB:
        detail = f"needs {NEEDED_MB} MiB of disk space in {product.home()}; {free_mb} MiB are free"
        context.checks.add(f"setup {kind}", Status.NOT_RUN, detail)
        return
    done = product.cli(context, f"setup-{kind}", "setup", kind, limit_s=2400)
    how = "environment was there" if there else "environment made"
    detail = f"{how} in {done.seconds:.0f} s" if done.code == 0 else why(done)
    context.checks.verdict(f"setup {kind}", done.code == 0, detail, seconds=done.seconds, existed=there)


def why(done: Finished) -> str:
    """Why an environment could not be made; first of all, whether the network was missing."""
    if _NO_NETWORK.search(done.err):
        return f"no network: pip could not reach the package index; {done.outcome}"
    return done.outcome


def _verify(kind: str) -> list[str]:
    return ["verify-install", kind, "--model", str(product.MODEL), "--json"]


def _verdict(context: Context, name: str, done: Finished) -> None:
    """A check with the step of ``verify-install`` that failed, or the versions that it found."""
    try:
        report = json.loads(done.out)
    except ValueError:
        context.checks.verdict(name, False, done.outcome)
        return
    failed = [f"{step['name']}: {step['detail']}" for step in report["steps"] if step["status"] == "failed"]
    context.checks.verdict(name, done.code == 0, "; ".join(failed), seconds=done.seconds, versions=report["versions"])


def _launchd(context: Context, kind: str) -> None:
    """Runs ``verify-install`` as a job of launchd, which starts programs as the Dock does."""
    name = f"verify-install {kind}, launchd job"
    if not macos.IS_MACOS:
        context.checks.needs_macos(name)
        return
    product.python(kind)
    out, code = context.logs / f"launchd-{kind}.out", context.temp / f"{kind}.code"
    command = shlex.join(product.cli_command(context, *_verify(kind)))
    job = context.temp / f"{LABEL}.plist"
    script = f"{command} > {shlex.quote(str(out))} 2>&1 < /dev/null; echo $? > {shlex.quote(str(code))}"
    settings = {k: v for k, v in product.environment().items() if k.startswith(("MLX", "HF_MODEL", "TASK_"))}
    job.write_bytes(
        plistlib.dumps(
            {
                "Label": LABEL,
                "ProgramArguments": ["/bin/sh", "-c", script],
                "RunAtLoad": True,
                "EnvironmentVariables": settings,
                "WorkingDirectory": str(context.temp),
            }
        )
    )
    try:
        for domain in _domains():
            if subprocess.run(["launchctl", "bootstrap", domain, str(job)], check=False).returncode == 0:
                break
        else:
            context.checks.add(name, Status.ERROR, "launchctl bootstrap failed; see step.log")
            return
        if not processes.wait_until(lambda: code.is_file() and code.read_text().strip() != "", 300, 0.2):
            context.checks.verdict(name, False, "the job did not end within 300 s")
            return
        text = out.read_text(errors="replace")
        done = Finished(int(code.read_text()), text[text.find("{") :], text, 0)
        _verdict(context, name, done)
    finally:
        remove_job(context.temp)


def _domains() -> list[str]:
    return [f"gui/{os.getuid()}", f"user/{os.getuid()}"]  # the second one without a graphical session


def remove_job(_temp: Path) -> None:
    """Stops the job of launchd, which runs outside the step's processes."""
    if macos.IS_MACOS:
        for domain in _domains():
            subprocess.run(["launchctl", "bootout", f"{domain}/{LABEL}"], capture_output=True, check=False)


STEP = Step("setup", "environments, as terminal, Dock and launchd start them", 7200, run, clean=remove_job)
