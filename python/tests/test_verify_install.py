"""verify_install.py over packages of our own making, found where an environment would have the real ones."""

import json
import subprocess
import sys

import pytest

from conftest import PYTHON_DIR, SECONDS

PARTS = ("mlx4j_worker/hf/devices.py", "mlx4j_worker/installed.py", "verify_install.py")
SCRIPT = "\n".join((PYTHON_DIR / part).read_text() for part in PARTS)  # as BundledScripts.check has it
ARRAY = """
import sys
class Matrix(list):
    def __matmul__(self, other): return Matrix([[7.0, 10.0], [15.0, 22.0]])
    def tolist(self): return list(self)
"""
MLX_CORE = ARRAY + "array = Matrix\ngpu = object()\ndef default_device(): return gpu\n"
MLX_LM = {
    "__init__": "print('hello from mlx_lm')\nload = generate = None\n",
    "generate": "def generate_step(prompt, model, max_tokens): return iter([(7, None)])\n",
    "models/llama": "def ModelArgs(**args): return args\ndef Model(args): return args\n",
}
TORCH = (PYTHON_DIR / "tests" / "fake_torch.py").read_text() + "\ndef ones_like(ids): return ids\n"
TRANSFORMERS = """
AutoModelForCausalLM = AutoTokenizer = None
def LlamaConfig(**config): return config
class LlamaForCausalLM:
    def __init__(self, config): self.config = config
    def eval(self): return self
    def to(self, device): self.device = device
    def generate(self, ids, **options): return {(0, -1): 7} if ids.device == self.device else {}
"""
LLGUIDANCE = """
class LLMatcher:
    grammar_from_regex = staticmethod(lambda pattern: pattern)
    validate_grammar = staticmethod(lambda grammar: "")
"""


@pytest.fixture
def site(tmp_path):
    """A folder of packages with all that either worker needs."""
    add(tmp_path, "mlx", "0.40.0", "mlx/core.py", MLX_CORE)
    for module, source in MLX_LM.items():
        add(tmp_path, "mlx-lm", "0.33.0", f"mlx_lm/{module}.py", source)
    add(tmp_path, "torch", "3.0", "torch.py", TORCH)
    add(tmp_path, "transformers", "6.0", "transformers.py", TRANSFORMERS)
    add(tmp_path, "llguidance", "1.0", "llguidance/numpy.py", "")
    add(tmp_path, "llguidance", "1.0", "llguidance/__init__.py", LLGUIDANCE)
    add(tmp_path, "jsonschema", "4.0", "jsonschema.py", "")
    add(tmp_path, "regex", "2026.1", "regex.py", "")
    return tmp_path


def add(site, name, version, path, source):
    (site / path).parent.mkdir(exist_ok=True, parents=True)
    (site / path).write_text(source)
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def verify(site, kind, *oldest, platform=sys.platform, machine="arm64"):
    """(the names of the steps, their outcomes by name, the exit code, every line)"""
    # nothing of the environment that runs the tests, but for the standard library
    found = f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(site)!r}]"
    mac = f"import platform; platform.machine = lambda: {machine!r}; sys.platform = {platform!r}"
    program = f"{found}; {mac}\n{SCRIPT}"
    command = [sys.executable, "-I", "-X", "utf8", "-c", program, kind, *oldest]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[0]["steps"], {line["name"]: line for line in lines if "name" in line}, done.returncode, lines


def statuses(outcomes):
    return {name: outcome["status"] for name, outcome in outcomes.items()}


@pytest.mark.parametrize("kind", ["mlx", "hf"])
def test_every_step_passes_in_order_where_all_is_there(site, kind):
    steps, outcomes, exit_code, _ = verify(site, kind, "mlx-lm=0.32.2")
    assert list(outcomes) == steps
    assert set(statuses(outcomes).values()) == {"passed"}
    assert exit_code == 0
    assert all(outcome["ms"] >= 0 and outcome["fix"] == "" for outcome in outcomes.values())


def test_versions_come_from_metadata_since_mlx_has_none_of_its_own(site):
    _, outcomes, *_ = verify(site, "mlx")
    assert outcomes["packages"]["versions"] == {
        "mlx": "0.40.0",
        "mlx-lm": "0.33.0",
        "llguidance": "1.0",
        "jsonschema": "4.0",
    }


def test_a_package_that_is_not_there_leaves_out_what_needs_it(site):
    (site / "mlx_lm-0.33.0.dist-info" / "METADATA").unlink()
    (site / "mlx_lm-0.33.0.dist-info").rmdir()
    steps, outcomes, exit_code, _ = verify(site, "mlx")
    assert statuses(outcomes) == {
        "python": "passed",
        "packages": "failed",
        "files": "passed",
        "no CUDA packages": "passed",
    }
    assert outcomes["packages"]["detail"] == "mlx-lm is not installed."
    assert "mlx4j setup mlx" in outcomes["packages"]["fix"]
    assert len(steps) > 3
    assert exit_code == 0


@pytest.mark.parametrize(("oldest", "status"), [("0.32.2", "passed"), ("0.33.0", "passed"), ("0.33.1", "failed")])
def test_a_package_may_be_too_old(site, oldest, status):
    _, outcomes, *_ = verify(site, "mlx", f"mlx-lm={oldest}", "llguidance=1.0.0", "jsonschema=4.0")
    assert outcomes["packages"]["status"] == status


def test_a_package_that_can_not_be_imported_says_why(site):
    (site / "mlx_lm" / "__init__.py").write_text("raise OSError('libmlx.so: wrong ELF class')")
    _, outcomes, *_ = verify(site, "mlx")
    assert outcomes["import mlx_lm"]["detail"] == "OSError: libmlx.so: wrong ELF class"
    assert "from mlx_lm import load, generate" not in outcomes
    assert outcomes["compute"]["status"] == "passed", "it does not need mlx_lm"


def test_names_that_are_not_there_fail_though_the_package_is(site):
    (site / "mlx_lm" / "__init__.py").write_text("generate = None")
    _, outcomes, *_ = verify(site, "mlx")
    assert outcomes["import mlx_lm"]["status"] == "passed"
    assert "cannot import name 'load'" in outcomes["from mlx_lm import load, generate"]["detail"]


def test_a_wrong_result_is_told(site):
    (site / "mlx" / "core.py").write_text(MLX_CORE.replace("22.0", "23.0"))
    _, outcomes, *_ = verify(site, "mlx")
    assert outcomes["compute"]["status"] == "failed"
    assert "[[7.0, 10.0], [15.0, 23.0]]" in outcomes["compute"]["detail"]


def test_hf_computes_on_the_device_that_it_reports(site):
    (site / "torch.py").write_text(TORCH + "listed.append('mps')")
    assert verify(site, "hf")[1]["compute"]["detail"] == "a product of matrices on the mps"


@pytest.mark.parametrize(("kind", "device"), [("mlx", "gpu"), ("hf", "cpu")])
def test_a_tiny_model_generates_a_token(site, kind, device):
    assert verify(site, kind)[1]["token"]["detail"] == f"token 7 of a tiny model on the {device}"


def test_a_model_that_does_not_generate_fails(site):
    (site / "mlx_lm" / "generate.py").write_text("def generate_step(*_, **__): raise RuntimeError('no kernel')")
    outcome = verify(site, "mlx")[1]["token"]
    assert (outcome["status"], outcome["detail"]) == ("failed", "RuntimeError: no kernel")


def test_a_refused_pattern_fails(site):
    (site / "llguidance" / "__init__.py").write_text(LLGUIDANCE.replace('""', '"no regex"'))
    outcome = verify(site, "hf")[1]["import llguidance"]
    assert (outcome["status"], outcome["detail"]) == ("failed", "llguidance refuses a plain pattern: no regex")


def test_a_gpu_that_does_not_compute_is_told_of(site):
    (site / "torch.py").write_text(TORCH + "listed.append('mps')\nfaults['mps'] = 'no allocation'")
    outcome = verify(site, "hf")[1]["compute"]
    assert outcome["status"] == "passed"
    assert outcome["detail"].startswith("a product of matrices on the cpu; torch lists mps, but can't compute on it: ")


def test_a_cpu_that_does_not_compute_fails(site):
    (site / "torch.py").write_text(TORCH + "faults['cpu'] = 'wrong product'")
    outcome = verify(site, "hf")[1]["compute"]
    assert (outcome["status"], outcome["detail"]) == (
        "failed",
        "torch lists cpu, but a product of matrices on it is wrong.",
    )


@pytest.mark.parametrize("name", ["bitsandbytes", "nvidia-cudnn-cu13", "cuda-toolkit", "triton"])
@pytest.mark.parametrize(
    ("kind", "platform", "status"),
    [
        ("mlx", "linux", "failed"),
        ("mlx", "darwin", "failed"),
        ("hf", "linux", "passed"),
        ("hf", "darwin", "failed"),
    ],
)
def test_cuda_packages_are_a_finding_but_where_torch_brings_them(site, name, kind, platform, status):
    add(site, name, "1.0", "nothing.py", "")
    _, outcomes, *_ = verify(site, kind, platform=platform)
    assert outcomes["no CUDA packages"]["status"] == status
    assert outcomes["no CUDA packages"]["detail"].startswith(f"1: {name}")
    assert outcomes["compute"]["status"] == "passed", "nothing needs their absence"


def test_the_last_line_names_the_step_at_which_native_code_ended_the_process(site):
    (site / "mlx" / "core.py").write_text("import os; os.abort()")
    _, outcomes, exit_code, lines = verify(site, "mlx")
    assert lines[-1] == {"begun": "import mlx.core"}
    assert "import mlx.core" not in outcomes
    assert exit_code < 0


def test_mlx_needs_an_arm64_python_on_a_mac(site):
    _, outcomes, *_ = verify(site, "mlx", platform="darwin", machine="x86_64")
    assert outcomes["python"]["status"] == "failed"
    assert outcomes["python"]["detail"] == "This Python runs as x86_64, but MLX needs an arm64 one."
    assert "brew install python" in outcomes["python"]["fix"]
    assert list(outcomes) == ["python"]
    assert verify(site, "mlx", platform="linux", machine="x86_64")[1]["python"]["status"] == "passed"
    assert verify(site, "hf", platform="darwin", machine="x86_64")[1]["python"]["status"] == "passed"
