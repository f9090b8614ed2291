"""Parts of the acceptance kit's steps that need no worker."""

import json
import os
import signal
import struct
import subprocess
import sys
import time

import pytest

from acceptance import clocks, models, processes, product
from acceptance.checks import Checks, Status, Unavailable, read
from acceptance.runner import Context
from acceptance.steps import NOT_QUICK, STEPS, correctness, files, setup, suites


@pytest.fixture
def context(tmp_path):
    (tmp_path / "temp").mkdir()
    return Context(Checks(tmp_path / "checks.jsonl"), tmp_path, tmp_path / "temp")


def test_steps_have_names_of_their_own():
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)
    assert set(NOT_QUICK) < set(names)


def test_the_page_about_macos_lists_every_step_with_its_limit():
    page = (product.ROOT / "docs/macos.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `") and line.endswith((" min |", " h |"))]
    listed = {row.split("`")[1]: row.split("|")[3].split() for row in rows}
    minutes = {name: float(number) * (60 if unit == "h" else 1) for name, (number, unit) in listed.items()}
    assert minutes == {step.name: step.limit_s // 60 for step in STEPS}


def test_programs_get_no_setting_and_no_secret_of_the_user(monkeypatch):
    monkeypatch.setenv("MLX4J_RANKS", "2")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("MLX4J_HOME", "/somewhere")
    env = product.environment(MLX4J_TF32="false", PATH=product.DOCK_PATH, HOME=None)
    assert "MLX4J_RANKS" not in env
    assert "OPENAI_API_KEY" not in env
    assert "HOME" not in env
    assert (env["MLX4J_HOME"], env["MLX4J_TF32"], env["PATH"]) == ("/somewhere", "false", product.DOCK_PATH)
    assert env["MLX4J_DOWNLOAD"] == "never"


def test_what_needs_an_environment_says_so(monkeypatch, context):
    monkeypatch.setenv("MLX4J_HOME", str(context.temp))
    half_made = context.temp / "envs/mlx/bin/python"
    half_made.parent.mkdir(parents=True)
    half_made.symlink_to(sys.executable)
    with pytest.raises(Unavailable, match="needs the mlx environment, which is not there; see step setup"):
        product.python("mlx")


def test_setup_needs_room(monkeypatch, context):
    monkeypatch.setenv("MLX4J_HOME", str(context.temp))
    monkeypatch.setattr(setup, "NEEDED_MB", 10**9)
    setup._setup(context, "mlx")
    check = read(context.logs / "checks.jsonl")[0]
    assert check.status == "not run"
    assert check.detail.startswith("needs 1000000000 MiB of disk space in")


def test_a_missing_network_is_named():
    refused = (
        "WARNING: Retrying (…) after connection broken by 'NewConnectionError(…: Failed to establish a new connection"
    )
    failed = processes.Finished(1, "", f"{refused}\nmlx4j: DEPENDENCY_MISSING: pip failed\n", 5)
    assert setup.why(failed).startswith("no network: pip could not reach the package index; exit 1: mlx4j: DEPENDENCY")
    assert setup.why(processes.Finished(1, "", "mlx4j: no Python\n", 5)) == "exit 1: mlx4j: no Python"


def test_processes_and_folders_that_are_left_are_counted(context):
    temp = product.private_temp(context)
    assert product.left(context) == ([], [])
    (temp / "mlx4j-1").mkdir()
    (temp / "a-file").write_text("")
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(temp / "mlx4j-1")]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert processes.first_line(worker, 30) == "up"
        running, folders = product.left(context)
        assert [process.pid for process in running] == [worker.pid]
        assert folders == ["mlx4j-1"]
    finally:
        worker.kill()
        worker.communicate()


def test_lines_come_one_by_one_and_end_at_the_limit():
    code = "import sys, time; sys.stdout.write('a\\nb'); sys.stdout.flush(); time.sleep(1000)"
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert list(processes.lines(program, 2)) == ["a", "b"]
    finally:
        program.kill()
        program.communicate()


def test_a_pause_stops_no_clock_of_the_machine():
    code = "import time\nwhile True: print(time.monotonic(), flush=True); time.sleep(0.01)"
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert processes.first_line(program, 30)
        before = clocks.now()
        os.kill(program.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(program.pid, signal.SIGCONT)
        change = clocks.advanced(before, clocks.now())
        assert all(seconds >= 0.3 for seconds in change.values())
        assert abs(clocks.asleep_s(change)) < 0.2
    finally:
        program.kill()
        program.communicate()


def test_sleep_is_what_one_clock_has_and_another_has_not():
    on_macos = {"CLOCK_REALTIME": 310.0, "CLOCK_MONOTONIC": 310.0, "CLOCK_UPTIME_RAW": 9.5, "python": 9.5}
    on_linux = {"CLOCK_REALTIME": 310.0, "CLOCK_MONOTONIC": 9.5, "CLOCK_BOOTTIME": 310.0, "python": 9.5}
    assert clocks.asleep_s(on_macos) == clocks.asleep_s(on_linux) == 300.5


def test_companions_lie_beside_every_file(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "deep" / "b.safetensors").write_text("")
    assert files.companions(tmp_path) == 3
    found = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("._*"))
    assert found == ["._a.json", "deep/._b.safetensors"]
    assert files.companions(tmp_path) == 4  # none beside a companion, but .DS_Store is a file too


def test_another_case_is_a_link_where_the_file_system_tells_them_apart(tmp_path):
    (tmp_path / "Run").mkdir()
    other = files._other_case(tmp_path / "Run")
    assert other.name == "RUN"
    assert other.samefile(tmp_path / "Run")


def test_an_over_large_model_is_whole_but_takes_no_room(tmp_path):
    folder = models.too_large(tmp_path / "model", 10**12)
    weights = folder / "model.safetensors"
    with weights.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
    end = max(tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__")
    assert weights.stat().st_size == 8 + length + end > 10**12
    assert weights.stat().st_blocks * 512 < 10**7
    rows = header["model.embed_tokens.weight"]["shape"][0]
    assert json.loads((folder / "config.json").read_text())["vocab_size"] == rows


def test_what_makes_a_difference_only_on_a_mac(monkeypatch):
    monkeypatch.setattr(correctness.macos, "IS_MACOS", False)
    assert correctness._needs_macos({"MLX4J_HF_DEVICE": "mps", "MLX4J_TF32": "false"})
    assert correctness._needs_macos({"MLX4J_HF_DEVICE": "cpu", "MLX4J_TF32": "true"})
    assert not correctness._needs_macos({"MLX4J_HF_DEVICE": "cpu", "MLX4J_TF32": "false"})
    monkeypatch.setattr(correctness.macos, "IS_MACOS", True)
    assert not correctness._needs_macos({"MLX4J_HF_DEVICE": "mps"})


def test_groups_of_the_tests_are_checks():
    text = "== demo\npassed     9 s  no table yet\n== failed: demo\n"
    text += "passed       3 s  lint (ruff)\nFAILED      12 s  demo\n"
    text += "not run      0 s  soak: needs environment-mlx\n"
    assert suites.groups(text) == [
        ("lint (ruff)", Status.PASS, 3),
        ("demo", Status.FAIL, 12),
        ("soak: needs environment-mlx", Status.NOT_RUN, 0),
    ]
    assert suites.groups("== lint\nnothing ended") == []
