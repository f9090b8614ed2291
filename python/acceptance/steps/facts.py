"""What this machine is: system, memory, Pythons, and what ``mlx4j doctor`` finds."""

import json
import os
import shutil
import subprocess

from acceptance import macos, processes, product
from acceptance.checks import Status
from acceptance.runner import Context, Step

SYSCTL = (
    "hw.model",
    "hw.memsize",
    "hw.ncpu",
    "hw.perflevel0.physicalcpu",
    "hw.perflevel1.physicalcpu",
    "hw.optional.arm64",
    "machdep.cpu.brand_string",
    "sysctl.proc_translated",
    "iogpu.wired_limit_mb",
    "vm.swapusage",
    "kern.osversion",
)
# A program started from the Dock has none of these on its PATH.
_FOLDERS = ("/opt/homebrew/bin", "/usr/local/bin", "~/.local/bin", "~/.pyenv/shims", "/usr/bin")
_PYTHON = "import json, platform, sys; print(json.dumps([platform.machine(), platform.python_version(), sys.prefix]))"


def run(context: Context) -> None:
    checks = context.checks
    _system(context)
    with checks.part("Python"):
        for path in pythons(os.environ.get("PATH", "")):
            done = processes.run(
                [path, "-I", "-c", _PYTHON], 20, dict(os.environ), context.temp, context.logs / "python"
            )
            detail = " ".join(json.loads(done.out)[:2]) if done.code == 0 else done.outcome
            checks.add(f"Python {path}", Status.PASS if done.code == 0 else Status.NOT_APPLICABLE, detail)
    with checks.part("doctor"):
        done = product.cli(context, "doctor", "doctor", "--json", limit_s=300)
        report = json.loads(done.out)
        chosen = report["selection"]["provider"] if report["selection"] else "no provider"
        checks.verdict("doctor", done.code in (0, 3), f"chooses {chosen}", hardware=report["hardware"])


def pythons(path: str, folders: tuple[str, ...] = _FOLDERS) -> list[str]:
    """Every ``python3`` and ``python3.N`` in the folders of a PATH and in the usual ones, but for the stub of macOS."""
    found = []
    names = ("python3", *(f"python3.{minor}" for minor in range(11, 16)))
    for folder in dict.fromkeys([*filter(None, path.split(os.pathsep)), *map(os.path.expanduser, folders)]):
        for name in names:
            candidate = os.path.join(folder, name)
            if os.access(candidate, os.X_OK) and not os.path.isdir(candidate) and not is_stub(candidate):
                found.append(candidate)
    return found


def is_stub(path: str) -> bool:
    """Whether this may only open a dialog: macOS's own python3, or a shim, without the command line tools."""
    suspect = path.startswith("/usr/bin/") or "/shims/" in path or os.path.realpath(path) == "/usr/bin/python3"
    if not macos.IS_MACOS or not suspect:
        return False
    return subprocess.run(["/usr/bin/xcode-select", "-p"], capture_output=True, check=False).returncode != 0


def _system(context: Context) -> None:
    checks = context.checks
    if not macos.IS_MACOS:
        uname = os.uname()
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        checks.add("system", Status.PASS, f"{uname.sysname} {uname.release} {uname.machine}", memoryBytes=memory)
        for name in ("macOS version", "sysctl", "vm_stat", "power"):
            checks.needs_macos(name)
        return

    def said(name: str, *command: str) -> str:
        return processes.run(list(command), 20, dict(os.environ), context.temp, context.logs / name).out

    with checks.part("macOS version"):
        version = macos.pairs(said("sw_vers", "sw_vers"))
        supported = int(version.get("ProductVersion", "0").split(".")[0]) >= 14
        checks.verdict("macOS version", supported, version.get("ProductVersion", "unknown"), **version)
    with checks.part("sysctl"):
        known = macos.pairs("\n".join(said("sysctl", "sysctl", key) for key in SYSCTL))
        checks.add("sysctl", Status.PASS, known.get("machdep.cpu.brand_string", ""), **known)
    with checks.part("vm_stat"):
        checks.add("vm_stat", Status.PASS, "", **macos.vm_stat(said("vm_stat", "vm_stat")))
    with checks.part("power"):
        source = said("power", "pmset", "-g", "batt").splitlines()
        checks.add("power", Status.PASS, source[0] if source else "", macmon=bool(macmon()))


def macmon() -> str | None:
    """Where macmon is, which measures power."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(os.path.expanduser, _FOLDERS)])
    return shutil.which("macmon", path=path)


STEP = Step("facts", "system, memory, Pythons, doctor", 600, run)
