"""How the kit runs mlx4j: its command line, its test programs, and the environment variables they get."""

import os
import shutil
import subprocess
from pathlib import Path

from acceptance import processes
from acceptance.checks import Unavailable
from acceptance.macos import IS_MACOS
from acceptance.processes import Finished
from acceptance.runner import Context

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "src/test/resources/models/tiny-chat"
TRAINING = ROOT / "src/test/resources/training"
CLASSPATH = ROOT / "target/acceptance.classpath"
KINDS = ("mlx", "hf")
DOCK_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"  # what programs started by launchd, the Dock or Finder get

_OURS = ("MLX_", "MLX4J_", "HF_MODEL", "OLLAMA_", "OPENAI_", "ANTHROPIC_", "TASK_ORCHESTRATOR_")
_KEPT = ("MLX4J_HOME", "MLX4J_MLX_PYTHON", "MLX4J_HF_PYTHON")


def home() -> Path:
    return Path(os.environ.get("MLX4J_HOME") or Path.home() / ".mlx4j")


def has_environment(kind: str) -> bool:
    """Whether the environment of a worker was made, and made whole."""
    return (home() / "envs" / kind / "mlx4j-requirements.sha256").is_file()


def python(kind: str) -> Path:
    """The interpreter of a worker's environment. Raises Unavailable if there is none."""
    if not has_environment(kind):
        raise Unavailable(f"needs the {kind} environment, which is not there; see step setup")
    return home() / "envs" / kind / "bin" / "python"


def java() -> str:
    """The ``java`` of JAVA_HOME or of the PATH. Raises Unavailable if there is none that starts."""
    named = os.environ.get("JAVA_HOME")
    found = shutil.which(str(Path(named) / "bin/java")) if named else shutil.which("java")
    if not found or subprocess.run([found, "-version"], capture_output=True, check=False).returncode != 0:
        raise Unavailable("needs a JDK, 17 or newer")
    return found


def cli_jar() -> Path:
    """The command line's jar. Raises Unavailable if it is not built."""
    jars = sorted((ROOT / "target").glob("mlx4j-*-cli.jar"))
    if not jars:
        raise Unavailable("needs the command line, which is not built; see step build")
    return jars[-1]


def environment(**settings: str | None) -> dict[str, str]:
    """This process's environment without settings of mlx4j, with those of the kit, and ``settings``; None removes."""
    env = {name: value for name, value in os.environ.items() if name in _KEPT or not name.startswith(_OURS)}
    env |= {"MLX_MODEL": str(MODEL), "HF_MODEL": str(MODEL)}
    env |= {"MLX4J_DOWNLOAD": "never", "TASK_ORCHESTRATOR_FALLBACK": "none"}
    if not IS_MACOS:
        env["MLX4J_ALLOW_ANY_PLATFORM"] = "true"
    env |= {name: value for name, value in settings.items() if value is not None}
    return {name: value for name, value in env.items() if settings.get(name, "") is not None}


def private_temp(context: Context) -> Path:
    """A folder for the temporary files of a program, which are then found by its name and counted."""
    folder = context.temp / "tmp"
    folder.mkdir(exist_ok=True)
    return folder


def cli_command(context: Context, *arguments: str) -> list[str]:
    return [java(), f"-Djava.io.tmpdir={private_temp(context)}", "-jar", str(cli_jar()), *arguments]


def cli(context: Context, name: str, *arguments: str, limit_s: float, **settings: str | None) -> Finished:
    """Runs ``mlx4j ARGUMENTS`` in the kit's environment. ``name`` is that of its logs."""
    command = cli_command(context, *arguments)
    return processes.run(command, limit_s, environment(**settings), context.temp, context.logs / name)


def test_command(context: Context, main_class: str, *arguments: str) -> list[str]:
    """A command that runs a program in ``src/programs`` of this checkout. It has to run in ROOT."""
    if not CLASSPATH.is_file():
        raise Unavailable("needs the test programs, which are not built; see step build")
    path = f"target/test-classes:target/classes:{CLASSPATH.read_text().strip()}"
    options = ["-Xmx512m", f"-Djava.io.tmpdir={private_temp(context)}"]
    return [java(), *options, "-cp", path, f"io.github.mlx4j.{main_class}", *arguments]


def left(context: Context) -> tuple[list[processes.Process], list[str]]:
    """The processes that mention the kit's private temporary folder, and the private folders in it.

    The process of the step itself, and Java, whose options name the folder too, don't count.
    """
    temp = private_temp(context)
    running = [p for p in processes.mentioning(str(temp)) if "-Djava.io.tmpdir=" not in p.command]
    return running, sorted(path.name for path in temp.iterdir() if path.is_dir())
