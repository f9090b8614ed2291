"""Workers under ``MLX4J_SANDBOX=require``: they can't reach the network or the home folder, and work as without it."""

import json
import shutil

from acceptance import processes, product
from acceptance.runner import Context, Step

# Enters the sandbox as a worker does, then tries what must fail and what must work. Prints what went wrong.
ESCAPE = """
import json, os, pathlib, socket, sys
sys.path.insert(0, sys.argv[1])
from mlx4j_worker import sandbox

held = sandbox.enter(sandbox.Rules("require", False, ()), sys.argv[2])
target = pathlib.Path.home() / f"mlx4j-escaped-{os.getpid()}"

def works(action):
    try:
        action()
        return True
    except OSError:
        return False

wrong = list(held["missing"])
connects = works(lambda: socket.create_connection(("127.0.0.1", 1), 1))
if connects or works(lambda: socket.socket().bind(("127.0.0.1", 0))):
    wrong.append("the network can be used")
if works(lambda: target.write_text("")):
    target.unlink()
    wrong.append("the home folder can be written to")
if not works(lambda: pathlib.Path(sys.argv[2], "file").write_text("")):
    wrong.append("the private folder can't be written to")
print(json.dumps({**held, "wrong": wrong}))
"""


def run(context: Context) -> None:
    _escape(context)
    for kind in product.KINDS:
        _command(context, f"generate, {kind}", kind, "generate", "Who are you?")
    training = ["--data", str(product.TRAINING), "--steps", "2", "--batch-size", "2", "--backend", "mlx"]
    output = str(context.temp / "run")
    _command(context, "train", "mlx", "train", "--model", str(product.MODEL), "--output", output, *training)
    converted = str(context.temp / "converted")
    _command(context, "convert", "mlx", "convert", str(product.MODEL), "--output", converted)


def _escape(context: Context) -> None:
    name = "a worker can't reach the network or the home folder"
    with context.checks.part(name):
        folder = context.temp / "private"
        folder.mkdir()
        command = [str(product.python("mlx")), "-I", "-c", ESCAPE, str(product.ROOT / "python"), str(folder)]
        done = processes.run(command, 60, product.environment(), context.temp, context.logs / "escape")
        told = json.loads(done.out) if done.code == 0 else {"wrong": [done.outcome]}
        figures = {part: told.get(part, "") for part in ("files", "network")}
        context.checks.verdict(name, not told["wrong"], "; ".join(told["wrong"]), **figures)
        shutil.rmtree(folder)


def _command(context: Context, name: str, kind: str, *arguments: str) -> None:
    with context.checks.part(name):
        product.python(kind)
        log = "sandbox-" + name.replace(", ", "-")
        settings = {"MLX4J_SANDBOX": "require", "TASK_ORCHESTRATOR_PROVIDER": kind}
        done = product.cli(context, log, *arguments, limit_s=600, **settings)
        context.checks.verdict(name, done.code == 0, done.outcome, seconds=done.seconds)


STEP = Step("sandbox", "workers restricted by the system", 2400, run)
