"""Code that a model wrote: what it returns is reported, and it can do nothing else; each job runs in real processes."""

import json
import subprocess
import sys

import pytest

from conftest import PYTHON_DIR
from mlx4j_worker import code
from mlx4j_worker.sandbox import landlock, seatbelt
from mlx4j_worker.sandbox.seccomp import MACHINES

SECONDS = 60  # the longest wait; only a broken runner needs it
# Runs the runner in this process with a changed module, such as one that another system would have.
CHANGED = """
import sys
sys.path.insert(0, {python!r})
from mlx4j_worker import code, sandbox
from mlx4j_worker.sandbox import seatbelt
import resource
{change}
sys.exit(code.main())
"""


def _is_whole():
    try:
        return landlock.abi() >= landlock.FULL_ABI
    except (OSError, AttributeError):
        return False


pytestmark = pytest.mark.skipif(not _is_whole(), reason="needs Landlock of Linux 6.2")


def run(text, calls=((),), change=None, function="f", **limits):
    """Returns the exit code and the lines of a job."""
    script = [str(PYTHON_DIR / "code_runner.py")]
    if change is not None:
        script = ["-c", CHANGED.format(python=str(PYTHON_DIR), change=change)]
    job = {"code": text, "function": function, "calls": calls, "limits": limits}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", *script],
        input=json.dumps(job),
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def tried(statement, **limits):
    """The error that a statement within the function fails with, or None."""
    _, lines = run(f"import ctypes, os, socket, subprocess, sys, threading\ndef f():\n    {statement}", **limits)
    return lines[0].get("error") if lines else None


def test_each_call_has_its_line():
    text = "from math import pi\nprint('noise')\ndef f(a, b=0):\n    return {'sum': a + b, 'all': (a, [b])}"
    assert run(text, [[1, 2], [3], ["x", "é"]]) == (
        0,
        [
            {"value": {"sum": 3, "all": [1, [2]]}},
            {"value": {"sum": 3, "all": [3, [0]]}},
            {"value": {"sum": "xé", "all": ["x", ["é"]]}},
        ],
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("def f(:", "SyntaxError: "),
        ("def g(): pass", "KeyError: 'f'"),
        ("f = 3", "TypeError: 'int' object is not callable"),
        ("raise ValueError('no')", "ValueError: no"),
        ("def f(): return {1}", "TypeError: "),
        ("def f(): return float('nan')", "ValueError: "),
        ("def f(): return f()", "RecursionError: "),
        ("def f(): exit(0)", "NameError: "),
        ("import sys\ndef f(): sys.exit(0)", "SystemExit: 0"),
        ("class E(BaseException):\n    def __str__(self): raise E\ndef f(): raise E", "an error that can't be shown"),
    ],
)
def test_what_goes_wrong_is_in_the_line(text, error):
    ended, lines = run(text)
    assert ended == 0 and len(lines) == 1 and lines[0]["error"].startswith(error)


def test_the_calls_after_one_that_fails_are_made():
    assert run("def f(a): return 1 // a", [[0], [1]])[1] == [
        {"error": "ZeroDivisionError: division by zero"} if sys.version_info >= (3, 14) else
        {"error": "ZeroDivisionError: integer division or modulo by zero"},
        {"value": 1},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "subprocess.run(['true'])",
        "os.posix_spawn('/bin/true', ['true'], os.environ)",
        "threading.Thread(target=print).start()",
        "os.kill(os.getppid(), 9)",
        "os.kill(1, 0)",
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "open('/tmp/mlx4j-new', 'w')",
        "open({file!r}, 'a')",
        "os.truncate({file!r}, 0)",
        "os.unlink({file!r})",
        "os.mkdir('/tmp/mlx4j-new')",
        "open({file!r})",
        "os.listdir({home!r})",
        "os.listdir(os.path.expanduser('~'))",
        "open('/etc/passwd')",
        "open(f'/proc/{{os.getppid()}}/environ')",
        "open('/proc/self/environ')",
        "open({runner!r})",
        "os.memfd_create('a')",
    ],
)
def test_code_reaches_nothing_outside(statement, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    names = {"file": str(secret), "home": str(tmp_path), "runner": str(PYTHON_DIR / "code_runner.py")}
    error = tried(statement.format(**names))
    assert error and ("Permission" in error or "not permitted" in error or "can't start new thread" in error), error
    assert secret.read_text() == "secret"


def test_code_has_the_standard_library_and_time():
    text = "import datetime, decimal, hashlib, random, re, statistics, zlib\ndef f(): return re.sub('a', 'b', 'aa')"
    assert run(text) == (0, [{"value": "bb"}])


@pytest.mark.parametrize("text", ["def f():\n    while True: pass", "while True: print('x' * 10**6)"])
def test_an_endless_loop_ends_with_its_cpu_time(text):
    assert run(text, cpu=1) == (code.OUT_OF_TIME, [])


def test_code_that_ignores_the_signal_ends_too():
    text = "import signal\ndef f():\n    signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n    while True: pass"
    assert run(text, cpu=1) == (code.KILLED, [])


def test_waiting_ends_with_the_clock():
    assert run("import time\ndef f(): time.sleep(3600)", wall=0.5) == (code.OUT_OF_TIME, [])


def test_closing_the_pipe_does_not_outlive_the_clock():
    text = "import os, time\ndef f():\n    os.closerange(3, 64)\n    time.sleep(3600)"
    assert run(text, wall=0.5) == (code.OUT_OF_TIME, [])


def test_ten_gigabytes_are_refused():
    assert run("def f(): return len(bytearray(10**10))") == (0, [{"error": "MemoryError: "}])


def test_memory_is_held_where_the_kernel_has_no_limit_of_it():
    """As on macOS, whose kernel refuses a limit of the address space."""
    change = """
real = resource.setrlimit
def setrlimit(kind, values):
    if kind == resource.RLIMIT_AS:
        raise ValueError("current limit exceeds maximum limit")
    real(kind, values)
code.resource.setrlimit = setrlimit
"""
    text = "def f():\n    held = []\n    while True: held.append(bytearray(b'x' * 10**6))"
    assert run(text, change=change, memory=200 << 20) == (code.OUT_OF_MEMORY, [])


def test_results_are_bounded():
    """The code may find the pipe of the results and write to it."""
    text = """
import os
def f():
    for descriptor in range(3, 32):
        try:
            while True:
                os.write(descriptor, b"1" * 4096)
        except OSError:
            pass
"""
    ended, lines = run(text, output=4000)
    assert ended == code.TOO_MUCH_OUTPUT and lines == [int("1" * 4000)]


@pytest.mark.parametrize(
    "text",
    [
        "print('{\"value\": 4}')\nimport os\nos._exit(0)",
        "import sys\nsys.__stdout__.write('{\"value\": 4}\\n')\nsys.__stdout__.flush()\nsys.exit(0)",
        "import os\nos.write(1, b'{\"value\": 4}\\n')\nos._exit(0)",
    ],
)
def test_what_is_printed_is_no_result(text):
    assert {"value": 4} not in run(text)[1]


def test_nothing_runs_where_the_system_has_no_sandbox():
    change = "sandbox._PLATFORMS.clear()"
    ended, lines = run("raise ValueError('ran')", change=change)
    assert ended == code.NOT_HELD and lines == [{"missing": ["There is no sandbox for linux."]}]


def test_on_macos_seatbelt_holds_it():
    """The profile that macOS would get; here it is written down instead of entered."""
    change = """
import types
code.sys = sandbox.sys = types.SimpleNamespace(**{**vars(sys), "platform": "darwin"})
code.resident_bytes = lambda process: None
entered = []
seatbelt.enter = lambda *rules: entered.append(rules)
code._compiled = lambda text: compile(f"def f(): return {seatbelt.profile(*entered[0])!r}", "a", "exec")
"""
    _, lines = run("", change=change)
    lines = lines[0]["value"].splitlines()
    assert {"(deny file-write*)", "(deny file-read-data)", "(deny network*)", "(deny process-fork)"} <= set(lines)
    assert {"(deny process-exec*)", "(deny mach-lookup)", "(deny signal)"} <= set(lines)
    assert '(allow file-read-data (subpath "/System/Library"))' in lines
    allowed = [line for line in lines if line.startswith("(allow file-write*")]
    assert allowed and all("/dev/" in line or "com" in line for line in allowed)


def test_seatbelt_reads_and_starts_what_it_may_without_rules():
    assert "file-read" not in seatbelt.profile([], False) and "process" not in seatbelt.profile([], False)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_knows_what_starts_processes(machine):
    known = set(MACHINES[machine][1])
    assert {"clone", "clone3", "execve", "execveat", "kill", "tgkill", "memfd_create"} <= known
    assert machine != "x86_64" or {"fork", "vfork"} <= known


STARTER = """
import os, subprocess, sys
runner = subprocess.Popen([sys.executable, "-I", "-S", {runner!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
runner.stdin.write({job!r}.encode())
runner.stdin.close()
print(runner.stdout.readline().decode(), flush=True)
os._exit(0)
"""


def test_the_process_is_gone_when_the_program_is():
    text = "import time\ndef f(seconds): return time.sleep(seconds)"
    job = json.dumps({"code": text, "function": "f", "calls": [[0], [3600]], "limits": {"wall": 300}})
    starter = STARTER.format(runner=str(PYTHON_DIR / "code_runner.py"), job=job)
    # stderr, which the runner inherits, ends when the last process that has it has ended
    done = subprocess.run([sys.executable, "-c", starter], check=True, capture_output=True, timeout=SECONDS)
    assert json.loads(done.stdout) == {"value": None}
