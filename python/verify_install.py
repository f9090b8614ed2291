# Checks step by step that an interpreter has what a worker needs. Reads on old Pythons too, so that they can say so.
# Arguments: mlx or hf, then the oldest version of each distribution that will do, as name=1.2.3.
# Prints JSON lines: the names of the steps, and an object when a step begins and when it is over. A step is left out if
# one that it needs did not pass. Exits with 0 whatever it finds.
import json
import os
import platform
import re
import sys
import time

OLDEST = (3, 11)
CUDA = ("nvidia-", "cuda-", "triton", "bitsandbytes")
PACKAGES = {
    "mlx": ("mlx", "mlx-lm", "llguidance", "jsonschema"),
    "hf": ("torch", "transformers", "llguidance", "jsonschema"),
}
MODULES = {"mlx": ("mlx.core", "mlx_lm"), "hf": ("torch", "transformers")}
NAMES = {
    "mlx": "from mlx_lm import load, generate",
    "hf": "from transformers import AutoModelForCausalLM, AutoTokenizer",
}

kind = sys.argv[1]
oldest = dict(argument.split("=") for argument in sys.argv[2:])
setup = f"Run `mlx4j setup {kind}`, or name another interpreter."


class Wrong(Exception):
    def __init__(self, why, fix=setup):
        super().__init__(why)
        self.fix = fix


def python():
    if sys.version_info < OLDEST:
        raise Wrong(
            f"This is Python {sys.version_info[0]}.{sys.version_info[1]}, too old for the packages.",
            f"Install Python 3.11 or newer and run `mlx4j setup {kind}`, or name another interpreter.",
        )
    if kind == "mlx" and sys.platform == "darwin" and platform.machine() != "arm64":
        raise Wrong(
            f"This Python runs as {platform.machine()}, but MLX needs an arm64 one.",
            "Install an arm64 Python, such as with `/opt/homebrew/bin/brew install python` or from python.org, and run"
            f" `mlx4j setup {kind} --force`, or name another interpreter.",
        )
    return ".".join(map(str, sys.version_info[:3]))


def packages():  # mlx is a namespace package without __version__: only the metadata knows its version
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in PACKAGES[kind]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            raise Wrong(f"{name} is not installed.") from None
        if name in oldest and numbers(found[name]) < numbers(oldest[name]):
            raise Wrong(f"{name} is {found[name]}, but the worker needs {oldest[name]} or newer.")
    return found


def numbers(version):
    return ([int(part) for part in re.findall(r"\d+", version)] + [0, 0])[:3]


def cuda():
    from importlib.metadata import distributions

    names = {distribution.metadata["Name"] or "" for distribution in distributions()}
    found = sorted(name for name in names if name.lower().startswith(CUDA))
    if not found:
        return "none"
    listed = f"{len(found)}: {', '.join(found)}"
    if kind == "hf" and sys.platform.startswith("linux"):
        return f"{listed}; PyPI's torch brings them on Linux"
    raise Wrong(listed, f"Run `mlx4j setup {kind} --force`, which makes an environment without them.")


def files():  # of mlx4j_worker/installed.py, which Java puts before this
    if not os.path.exists(os.path.join(sys.prefix, MARKER)):  # noqa: F821
        return "not checked: mlx4j did not make this environment"
    begun = time.perf_counter()
    found = differences(site_packages())  # noqa: F821
    if found:
        raise Wrong(summary(found) + ".", f"Run `mlx4j setup {kind} --force`, which recreates it.")  # noqa: F821
    seconds = time.perf_counter() - begun
    if read_list(sys.prefix) is None:  # noqa: F821
        return f"as their packages list them; run `mlx4j setup {kind}` to have them checked at each start too"
    return f"as their packages list them, in {seconds:.0f} s"


def running(statement):
    return lambda: exec(statement, {})


def compute():
    if kind == "mlx":
        import mlx.core as engine

        device, warnings = "gpu" if engine.default_device() == engine.gpu else "cpu", []
        matrix = engine.array([[1.0, 2.0], [3.0, 4.0]])
        product = (matrix @ matrix).tolist()
        if product != [[7.0, 10.0], [15.0, 22.0]]:
            raise Wrong(f"The product of two small matrices on the {device} is {product}, which is wrong.")
    else:
        try:
            device, warnings = choose_device()  # noqa: F821 - of hf/devices.py, which Java puts before this
        except DeviceUnusable as error:  # noqa: F821
            raise Wrong(str(error)) from error
    return "; ".join([f"a product of matrices on the {device}", *warnings])


def grammars():
    import llguidance.numpy

    matcher = llguidance.LLMatcher
    if wrong := matcher.validate_grammar(matcher.grammar_from_regex("[0-9]+")):
        raise Wrong(f"llguidance refuses a plain pattern: {wrong}")


def token():  # of a tiny model, made in memory
    number, device = mlx_token() if kind == "mlx" else hf_token()
    return f"token {number} of a tiny model on the {device}"


def mlx_token():
    import mlx.core as mx
    from mlx_lm.generate import generate_step
    from mlx_lm.models.llama import Model, ModelArgs

    model = Model(
        ModelArgs(
            model_type="llama",
            hidden_size=32,
            num_hidden_layers=1,
            intermediate_size=64,
            num_attention_heads=2,
            rms_norm_eps=1e-5,
            vocab_size=64,
        )
    )
    (number, _), *_ = generate_step(mx.array([1, 2, 3]), model, max_tokens=1)
    return int(number), "gpu" if mx.default_device() == mx.gpu else "cpu"


def hf_token():
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
    ).eval()
    device, _ = choose_device()  # noqa: F821
    model.to(device)
    ids = torch.tensor([[1, 2, 3]], device=device)
    generated = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=1, do_sample=False)
    return int(generated[0, -1]), device


STEPS = [  # name, what it does, what it needs
    ("python", python, ()),
    ("packages", packages, ("python",)),
    ("files", files, ("python",)),
    ("no CUDA packages", cuda, ("python",)),
    *((f"import {module}", running(f"import {module}"), ("packages", "files")) for module in MODULES[kind]),
    (NAMES[kind], running(NAMES[kind]), (f"import {MODULES[kind][1]}",)),
    ("import llguidance", grammars, ("packages", "files")),
    ("import jsonschema", running("import jsonschema, regex"), ("packages", "files")),
    ("compute", compute, (f"import {MODULES[kind][0]}",)),
    ("token", token, (NAMES[kind], "compute")),
]


def run(step):
    begun = time.perf_counter()
    record = {"status": "passed", "detail": "", "fix": "", "versions": {}}
    try:
        found = step() or ""
        record.update({"versions": found} if isinstance(found, dict) else {"detail": found})
    except Exception as error:  # whatever a broken package throws
        why = str(error) if isinstance(error, Wrong) else f"{type(error).__name__}: {error}"
        record.update(status="failed", detail=why, fix=getattr(error, "fix", setup))
    return {**record, "ms": (time.perf_counter() - begun) * 1000}


with os.fdopen(os.dup(1), "w") as lines:
    os.dup2(2, 1)  # a package may print
    print(json.dumps({"steps": [name for name, _, _ in STEPS]}), file=lines, flush=True)
    passed = set()
    for name, step, needs in STEPS:
        if passed.issuperset(needs):
            print(json.dumps({"begun": name}), file=lines, flush=True)  # native code may end the process
            outcome = run(step)
            if outcome["status"] == "passed":
                passed.add(name)
            print(json.dumps({"name": name, **outcome}), file=lines, flush=True)
