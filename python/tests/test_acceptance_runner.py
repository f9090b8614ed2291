"""Steps of the acceptance kit: each ends, whatever it does, and leaves nothing behind."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from acceptance import __main__ as kit
from acceptance import processes, runner
from acceptance.checks import Checks, Status, Unavailable, read, worst
from acceptance.runner import Step

PYTHON_DIR = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def temporary_files(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


def step(run, limit_s=30, name="fake", **more):
    return Step(name, "a fake step", limit_s, run, **more)


def report_pass(context):
    context.checks.verdict("one", True, "fine", count=3)


def test_a_step_reports_its_checks(tmp_path):
    result = runner.run(step(report_pass), tmp_path / "logs")
    assert result.status is Status.PASS
    assert [(check.name, check.detail, check.figures) for check in result.checks] == [("one", "fine", {"count": 3})]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], Status.NOT_APPLICABLE),
        ([Status.NOT_APPLICABLE], Status.NOT_APPLICABLE),
        ([Status.NOT_APPLICABLE, Status.PASS], Status.PASS),
        ([Status.PASS, Status.NOT_RUN], Status.NOT_RUN),
        ([Status.FAIL, Status.ERROR, Status.PASS], Status.FAIL),
    ],
)
def test_a_step_is_as_good_as_its_worst_check(statuses, expected):
    assert worst(statuses) is expected


def test_what_needs_a_mac_is_never_a_pass(tmp_path):
    result = runner.run(step(lambda context: context.checks.needs_macos("panics")), tmp_path)
    assert result.status is Status.NOT_APPLICABLE
    assert result.checks[0].detail == "needs macOS"


def test_a_part_that_fails_does_not_stop_the_next(tmp_path):
    def parts(context):
        with context.checks.part("missing"):
            raise Unavailable("needs the mlx environment")
        with context.checks.part("broken"):
            raise KeyError("versions")
        context.checks.verdict("last", True)

    result = runner.run(step(parts), tmp_path)
    assert [(check.name, check.status) for check in result.checks] == [
        ("missing", Status.NOT_RUN),
        ("broken", Status.ERROR),
        ("last", Status.PASS),
    ]
    assert "KeyError" in (tmp_path / "step.log").read_text()


def test_a_hanging_step_is_stopped_with_all_its_processes_and_keeps_its_checks(tmp_path):
    pids = tmp_path / "pids"

    def hang(context):
        context.checks.verdict("before", True)
        hanging = [sys.executable, "-c", "import time; time.sleep(1000)"]
        children = [subprocess.Popen(hanging), subprocess.Popen(hanging, process_group=0)]
        write_whole(pids, f"{context.temp}\n" + " ".join(str(child.pid) for child in children))
        children[0].wait()

    cleaned = []
    result = runner.run(step(hang, limit_s=2, clean=cleaned.append), tmp_path / "logs")
    temp, children = pids.read_text().splitlines()
    assert (result.status, result.detail) == (Status.STOPPED, "stopped at its limit of 2 s")
    assert [check.name for check in result.checks] == ["before"]
    assert not alive(map(int, children.split()))
    assert cleaned == [Path(temp)]
    assert not Path(temp).exists()


def test_a_stopped_step_cleans_up_first(tmp_path):
    def hang(context):
        try:
            time.sleep(1000)
        finally:
            context.checks.verdict("detached", True)

    assert [check.name for check in runner.run(step(hang, limit_s=1), tmp_path).checks] == ["detached"]


def test_a_step_that_ignores_the_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "GRACE_S", 0.2)

    def stubborn(_context):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1000)

    assert runner.run(step(stubborn, limit_s=1), tmp_path).status is Status.STOPPED


def test_a_step_that_ends_leaves_no_process_behind(tmp_path):
    def leave(context):
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], process_group=0)
        context.checks.verdict("started", True, pid=left.pid)

    result = runner.run(step(leave), tmp_path)
    assert result.status is Status.PASS
    assert not alive([result.checks[0].figures["pid"]])


@pytest.mark.parametrize(
    ("run", "detail"),
    [
        (lambda _: os.kill(os.getpid(), signal.SIGKILL), "the step ended with signal 9"),
        (lambda _: os._exit(3), "the step ended with exit code 3"),
        (lambda _: sys.exit(4), "the step ended with exit code 4"),
    ],
)
def test_a_step_that_crashes_is_an_error(tmp_path, run, detail):
    result = runner.run(step(run), tmp_path)
    assert (result.status, result.detail) == (Status.ERROR, detail)


def test_a_step_without_room_does_not_run(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(runner.shutil, "disk_usage", lambda _: usage(0, 0, 100 * 2**20))
    result = runner.run(step(report_pass, disk_mb=200), tmp_path)
    assert (result.status, result.detail) == (Status.NOT_RUN, "needs 200 MiB of disk space; 100 MiB are free")


def test_checks_that_were_cut_off_are_dropped(tmp_path):
    file = tmp_path / "checks.jsonl"
    Checks(file).verdict("whole", True)
    with file.open("a") as stream:
        stream.write('{"name": "cut')
    assert [check.name for check in read(file)] == ["whole"]


def test_a_command_is_stopped_at_its_limit(tmp_path):
    command = [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(1000)"]
    done = processes.run(command, 2, dict(os.environ), tmp_path, tmp_path / "log")
    assert done.code is None
    assert done.outcome == "stopped at its limit after 2 s"


def test_a_command_that_fails_has_last_words(tmp_path):
    command = [sys.executable, "-c", "import sys; print('one\\ntwo\\n', file=sys.stderr); sys.exit(5)"]
    assert processes.run(command, 30, dict(os.environ), tmp_path, tmp_path / "log").outcome == "exit 5: two"


def test_zombies_are_no_processes():
    text = "    1     0 Ss   /sbin/launchd\n   77     1 Z    (python3.12)\n  501     1 S+   /usr/bin/python3 -I a b\n"
    assert [(p.pid, p.parent, p.command) for p in processes.parse_listing(text)] == [
        (1, 0, "/sbin/launchd"),
        (501, 1, "/usr/bin/python3 -I a b"),
    ]


DRIVER = """
import subprocess, sys, time
from acceptance import __main__ as kit
from acceptance.runner import Step

def first(context):
    context.checks.verdict("one", True)

def second(context):
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], process_group=0)
    print("to the log")
    open(sys.argv[2] + ".part", "w").write(f"{left.pid} {context.temp}")
    __import__("os").rename(sys.argv[2] + ".part", sys.argv[2])
    time.sleep(1000)

steps = tuple(Step(name, name, 600, run) for name, run in (("first", first), ("second", second), ("third", first)))
sys.exit(kit.main(["--yes", "--out", sys.argv[1]], steps))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing_behind_and_reports(tmp_path, number):
    out, marker = tmp_path / "out", tmp_path / "marker"
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), str(out), str(marker)]
    kit_process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(PYTHON_DIR)}, stdout=subprocess.PIPE, text=True
    )
    assert processes.wait_until(marker.exists, 60)
    kit_process.send_signal(number)
    said, _ = kit_process.communicate(timeout=60)
    pid, temp = marker.read_text().split()
    assert kit_process.returncode == 130
    assert not alive([int(pid)])
    assert not Path(temp).exists()
    report = json.loads((out / "acceptance.json").read_text())
    assert [(one["name"], one["status"], one["detail"]) for one in report["steps"]] == [
        ("first", "pass", ""),
        ("second", "stopped", "interrupted"),
        ("third", "not run", "interrupted"),
    ]
    assert "1 pass, 1 not run, 1 stopped" in said
    with zipfile.ZipFile(out / "mlx4j-acceptance.zip") as archive:
        assert archive.read("logs/second/step.log") == b"to the log\n"


def test_steps_are_chosen_by_name(capsys):
    steps = tuple(step(report_pass, name=name) for name in ("facts", "soak", "sleep", "tests", "bench"))

    def chosen(*arguments):
        return [one.name for one in kit._chosen(steps, kit._options(list(arguments), steps))]

    assert chosen() == ["facts", "soak", "sleep", "tests", "bench"]
    assert chosen("--yes") == ["facts", "soak", "tests", "bench"]
    assert chosen("--quick") == ["facts", "soak"]
    assert chosen("--skip", "soak,bench") == ["facts", "sleep", "tests"]
    assert chosen("--yes", "--quick", "--steps", "sleep,facts") == ["facts", "sleep"]
    with pytest.raises(SystemExit) as left:
        chosen("--steps", "fact")
    assert left.value.code == 2
    assert "unknown step 'fact'; steps are facts, soak" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("--steps", ","), ("--limit", "0"), ("--limit", "nan"), ("--limit", "-5"), ("--limit", "inf")]
)
def test_what_names_no_step_or_no_time_is_wrong_usage(arguments):
    with pytest.raises(SystemExit) as left:
        kit.main(["--yes", *arguments], (step(report_pass),))
    assert left.value.code == 2


def test_a_run_without_a_step_is_wrong_usage(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        kit.main(["--yes", "--out", str(tmp_path), "--steps", "fake", "--skip", "fake"], (step(report_pass),))
    assert left.value.code == 2
    assert "no step is left to run" in capsys.readouterr().err


def test_a_folder_without_a_report_is_wrong_usage(tmp_path, capsys):
    assert kit.main(["--report", str(tmp_path)], (step(report_pass),)) == 2
    assert f"There is no report of a run in {tmp_path}" in capsys.readouterr().err


def test_two_runs_do_not_write_to_the_same_folder(tmp_path, capsys):
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert kit.main(["--yes", "--out", str(tmp_path)], (step(report_pass),)) == 2
    assert "Another run writes to" in capsys.readouterr().err
    os.close(other)
    assert kit.main(["--yes", "--out", str(tmp_path)], (step(report_pass),)) == 0


def test_a_limit_caps_every_step():
    steps = (step(report_pass, limit_s=600),)
    assert kit._chosen(steps, kit._options(["--limit", "5"], steps))[0].limit_s == 5


def test_nothing_runs_without_consent(monkeypatch, tmp_path):
    def refuse(_prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", refuse)
    assert kit.main(["--out", str(tmp_path)], (step(lambda _: os.abort()),)) == 2
    assert not (tmp_path / "fake").exists()


def test_an_output_folder_that_cannot_be_written_is_replaced(tmp_path, capsys):
    (tmp_path / "file").write_text("no folder")
    assert kit.main(["--yes", "--out", str(tmp_path / "file" / "out")], (step(report_pass),)) == 0
    said = capsys.readouterr()
    assert "cannot be written" in said.err
    written = Path(said.out.split("Report: ")[1].splitlines()[0])
    assert json.loads((written.parent / "acceptance.json").read_text())["steps"][0]["status"] == "pass"


def write_whole(file, text):
    part = file.with_suffix(".part")
    part.write_text(text)
    part.rename(file)


def alive(pids):
    running = {process.pid for process in processes.listing()}
    return [pid for pid in pids if pid in running]
