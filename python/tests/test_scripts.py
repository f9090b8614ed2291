"""scripts/test over programs that only say how they were called: which groups run, and what a failure does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
STUB = '#!/bin/sh\necho "$(basename "$0") PYTHON_PATH=${PYTHON_PATH-unset} $*" >> "$CALLS"\n'


@pytest.fixture
def run(tmp_path):
    """A function that runs scripts/test in a project of its own, and gives (exit code, output, calls of programs)."""
    for name in ("bin", "scripts", "src/main", "python", "target"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("test", "lib.sh"):
        shutil.copy(SCRIPTS / name, tmp_path / "scripts" / name)
    (tmp_path / "pom.xml").touch()
    (tmp_path / "target" / "mlx4j-0-cli.jar").touch()

    def run_it(*arguments, fails="none", **environment):
        for name in ("mvn", "java"):
            file = tmp_path / "bin" / name
            file.write_text(f'{STUB}case "$*" in *{fails}*) exit 3;; esac\n')
            file.chmod(0o755)
        calls = tmp_path / "calls"
        calls.write_text("")
        own = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CALLS": str(calls), "HOME": str(tmp_path)}
        done = subprocess.run(
            ["bash", str(tmp_path / "scripts" / "test"), *arguments],
            env=own | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, calls.read_text().splitlines()

    return run_it


def table(output):
    """{title: state} of the results at the end."""
    lines = output.splitlines()
    at = max(i for i, line in enumerate(lines) if line.startswith("== "))
    states = ((line[:8].strip(), line.split("  ", 1)[1].strip().split(" s  ")[-1]) for line in lines[at + 1 :])
    return {title: state for state, title in states}


def test_named_groups_run_alone_with_what_they_need(run):
    code, output, calls = run("langchain4j-lowest")
    assert code == 0
    *groups, end = [line for line in output.splitlines() if line.startswith("== ")]
    assert groups == [
        "== environment of the mlx worker",
        "== environment of the hf worker",
        "== LangChain4j, lowest version",
    ]
    assert end.startswith("== all passed in ")
    assert [call.split()[0] for call in calls] == ["java", "java", "mvn", "mvn"]


def test_the_first_failure_ends_it_with_its_code(run):
    code, output, calls = run("java-unit", "langchain4j-lowest", fails="setup")
    assert code == 3
    assert "== Java unit tests" not in output
    assert len(calls) == 1


def test_after_a_failure_of_a_python_group_no_lane_begins_another_group(run):
    code, output, _ = run("java-unit", "hub", "soak")  # no environment for hub's tests is there
    assert code == 127
    assert table(output)["downloads from a local test hub"] == "FAILED"
    assert "soak" not in table(output)


def test_with_continue_every_group_runs_and_the_failures_are_listed(run):
    code, output, _ = run("--continue", "java-unit", "langchain4j-lowest", "langchain4j-matched", fails="lowest")
    assert code == 1
    assert table(output) == {
        "environment of the mlx worker": "passed",
        "environment of the hf worker": "passed",
        "Java unit tests": "passed",
        "LangChain4j, lowest version": "FAILED",
        "LangChain4j, the newest version of all modules": "passed",
    }
    assert "== failed: langchain4j-lowest" in output


def test_what_needs_a_group_that_failed_is_not_run(run):
    code, output, calls = run("--continue", "java-unit", "langchain4j-lowest", fails="hf")
    assert code == 1
    assert table(output)["LangChain4j, lowest version: needs environment-hf"] == "not run"
    assert table(output)["Java unit tests"] == "passed"
    assert not any("langchain4j" in call for call in calls)


def test_a_command_that_fails_in_the_middle_fails_its_group(run):
    code, _, calls = run("--continue", "langchain4j-lowest", fails="test-compile")
    assert code == 1
    assert not any("surefire" in call for call in calls)


def test_the_python_that_is_named_makes_environments_and_runs_nothing(run):
    _, _, calls = run("langchain4j-lowest", PYTHON_PATH="/some/python")
    assert ["PYTHON_PATH=/some/python" in call for call in calls] == ["setup" in call for call in calls]
    assert any("setup" in call for call in calls)


def test_groups_are_listed_and_others_refused(run):
    code, output, calls = run("--list")
    assert (code, calls) == (0, [])
    assert "java-unit            Java unit tests" in output
    for wrong in ("no-such-group", "--fast"):
        code, output, calls = run(wrong)
        assert (code, calls) == (64, [])
        assert "Usage" in output
