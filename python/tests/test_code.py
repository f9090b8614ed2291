"""Code that a model wrote: what it returns is reported, and it can do nothing else; each job runs in real processes."""

import contextlib
import errno
import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PYTHON_DIR, eventually
from mlx4j_worker.sandbox import code, compute_filter, landlock, seatbelt, seccomp
from mlx4j_worker.sandbox.seccomp import MACHINES
from test_sandbox import decided

SECONDS = 60  # the longest wait; only a broken runner needs it
# Runs the runner in this process with a changed module, such as one that another system would have.
CHANGED = """
import sys
sys.path.insert(0, {python!r})
from mlx4j_worker import sandbox
from mlx4j_worker.sandbox import code, seatbelt
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


# Calls that reach the kernel, other processes, or memory that no limit counts, with their numbers on x86_64.
REFUSED = {"shmget": 29, "vmsplice": 278, "sendmsg": 46, "ptrace": 101, "syslog": 103, "setuid": 105, "setgid": 106}
REFUSED |= {"setreuid": 113, "setgroups": 116, "setresuid": 117, "capset": 126, "modify_ldt": 154, "prctl": 157}
REFUSED |= {"pivot_root": 155, "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165}
REFUSED |= {"umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "iopl": 172, "init_module": 175}
REFUSED |= {"delete_module": 176, "quotactl": 179, "nfsservctl": 180, "add_key": 248, "request_key": 249}
REFUSED |= {"keyctl": 250, "timer_create": 222, "clock_settime": 227, "kexec_load": 246, "unshare": 272}
REFUSED |= {"perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304}
REFUSED |= {"setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "finit_module": 313, "seccomp": 317}
REFUSED |= {"memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "clone": 56, "fork": 57}
REFUSED |= {"vfork": 58, "execve": 59, "kill": 62, "tgkill": 234, "execveat": 322, "mlock": 149, "setpriority": 141}
NEWER = {"io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432, "pidfd_open": 434}
NEWER |= {"clone3": 435, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447}
NEWER |= {"a call of a kernel to come": 600}


@pytest.mark.parametrize("machine", MACHINES)
def test_what_only_computes_makes_the_listed_calls_only(machine):
    name, numbers, _ = MACHINES[machine]
    filtered = compute_filter.program(machine)
    allowed = {number for number in range(1000) if decided(filtered, name, number) is None}
    mmap, fcntl = (
        compute_filter._MMAP[compute_filter._PLACES[machine]],
        compute_filter._FCNTL[compute_filter._PLACES[machine]],
    )
    listed = {
        one for both in compute_filter._CALLS.values() if (one := both[compute_filter._PLACES[machine]]) is not None
    }
    assert allowed == listed | {numbers["prlimit64"], fcntl}  # with zeros: its own limits, F_DUPFD
    assert machine != "x86_64" or not allowed & {*REFUSED.values(), *NEWER.values()}
    assert not allowed & {numbers[call] for call in seccomp._NEVER}
    assert decided(filtered, name, numbers["prlimit64"], (4711,)) == errno.EPERM
    for flags, failure in ((0x22, None), (0x2, None), (0x21, errno.EPERM), (0x1, errno.EPERM), (0x3, errno.EPERM)):
        assert decided(filtered, name, mmap, (0, 4096, 3, flags)) == failure
    assert decided(filtered, name, fcntl, (3, 1030)) is None
    for request in (8, 10, 15, 1031):  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETPIPE_SZ
        assert decided(filtered, name, fcntl, (3, request)) == errno.EPERM
    assert decided(filtered, name, numbers["ioctl"], (3, 0x5421)) is None
    assert decided(filtered, name, numbers["ioctl"], (3, 0x8901)) == errno.EPERM  # FIOSETOWN
    assert decided(filtered, name, numbers["socketpair"], (1, 0x80001)) is None
    assert decided(filtered, name, numbers["socketpair"], (1, 2)) == errno.EACCES
    other = next(name for one, (name, _, _) in MACHINES.items() if one != machine)
    assert decided(filtered, other, 0) == errno.EPERM
    assert machine != "x86_64" or decided(filtered, name, 0x40000000) == errno.EPERM  # x32


@pytest.mark.skipif(platform.machine() != "x86_64", reason="has the numbers of x86_64")
def test_the_kernel_refuses_them():
    text = """
import ctypes
def f(numbers):
    libc = ctypes.CDLL(None, use_errno=True)
    return [libc.syscall(number, *[ctypes.c_long(-1)] * 6) and ctypes.get_errno() for number in numbers]
"""
    numbers = [*REFUSED.values(), *NEWER.values()]
    _, lines = run(text, [[numbers]])
    assert lines[0]["value"] == [errno.EPERM] * len(REFUSED) + [errno.ENOSYS] * len(NEWER)


def test_an_event_loop_and_other_modules_work():
    text = """
import asyncio, bisect, collections, decimal, fractions, heapq, itertools, select, signal, socket, statistics, time
import mmap, tempfile, threading, zoneinfo
async def later():
    await asyncio.sleep(0.01)
    return threading.get_ident() > 0
def f():
    one, other = socket.socketpair()
    one.sendall(b"a")
    signal.setitimer(signal.ITIMER_REAL, 100)
    private = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return [asyncio.run(later()), other.recv(1).decode(), len(private), bytearray(1 << 24).count(0)]
"""
    assert run(text) == (0, [{"value": [True, "a", 4096, 1 << 24]}])


def test_memory_cannot_be_shared():
    """Of shared memory that is unmapped in part, all pages stay taken."""
    text = """
import ctypes
def f(flags):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    return libc.mmap(None, 1 << 20, 3, flags, -1, 0) == 2**64 - 1 and ctypes.get_errno()
"""
    assert [line["value"] for line in run(text, [[0x21], [0x23], [0x22]])[1]] == [errno.EPERM, errno.EPERM, False]


# Returns its process id and then sleeps; what it does before is HOSTILE.
SLEEPER = """
import ctypes, mmap, os, signal, time
def f(wait):
    if wait:
        time.sleep(3600)
    HOSTILE
    return os.getpid()
"""


@contextlib.contextmanager
def sleeping(hostile="pass", change="", group=False):
    """Yields a runner whose code sleeps, and the process id of that code."""
    script = CHANGED.format(python=str(PYTHON_DIR), change="import contextlib\n" + change)
    text = SLEEPER.replace("HOSTILE", hostile)
    job = {"code": text, "function": "f", "calls": [[False], [True]], "limits": {"wall": 300}}
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", script]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, start_new_session=group) as runner:
        try:
            runner.stdin.write(json.dumps(job).encode())
            runner.stdin.close()
            yield runner, json.loads(runner.stdout.readline())["value"]
        finally:
            runner.kill()


def is_gone(pid):
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


@contextlib.contextmanager
def expecting_the_end_of(pid):
    """The process is killed at the end of a failing test too."""
    try:
        yield
        eventually(lambda: is_gone(pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_code_cannot_outlive_the_runner():
    """It would reset the signal that the kernel sends it at the runner's end."""
    alone = "code._guarded = lambda *_: contextlib.nullcontext()"
    with (
        sleeping("ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)", alone) as (runner, pid),
        expecting_the_end_of(pid),
    ):
        runner.kill()


@pytest.mark.parametrize(
    ("number", "whole_group"),
    [(signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, True)],
)
def test_code_cannot_outlive_the_runner_on_macos(number, whole_group):
    """There the kernel sends no signal at a parent's end. A terminal sends its signals to the whole group."""
    hostile = "[signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)]"
    with (
        sleeping(hostile, "code._give_up = lambda: []", group=True) as (runner, pid),
        expecting_the_end_of(pid),
    ):
        os.killpg(runner.pid, number) if whole_group else os.kill(runner.pid, number)


def _children(pid):
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"\nPPid:\t{pid}\n" in status.read_text():
                yield int(status.parent.name)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_guard_ends_with_the_runner(number):
    with sleeping() as (runner, pid):
        guards = set(_children(runner.pid)) - {pid}
        runner.send_signal(number)
        eventually(lambda: len(guards) == 1 and all(map(is_gone, guards)))


def _capabilities(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line[3:6]: int(line.split()[1], 16) for line in lines if line.startswith("Cap")}


def test_code_of_root_has_no_capabilities():
    ours = _capabilities(os.getpid())
    with sleeping() as (_, pid):
        theirs = _capabilities(pid)
    can_empty = ours["Eff"] & 1 << 8  # CAP_SETPCAP
    assert theirs == {"Inh": 0, "Prm": 0, "Eff": 0, "Bnd": 0 if can_empty else ours["Bnd"], "Amb": 0}


def test_nothing_runs_where_capabilities_stay():
    change = """
def drop():
    raise OSError("not permitted")
code.capabilities.drop = drop
"""
    ended, lines = run("raise ValueError('ran')", change=change)
    assert ended == code.NOT_HELD and lines == [{"missing": ["The process keeps its rights (not permitted)."]}]


def _huge_pages():
    try:
        return "[never]" not in Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not _huge_pages(), reason="needs a kernel with transparent huge pages")
def test_code_has_no_huge_pages():
    """Of one that is unmapped in part, all stays taken."""
    hostile = "global m; m = mmap.mmap(-1, 1 << 26, flags=34); m.madvise(14); m.write(bytes(1 << 26))"
    with sleeping(hostile) as (_, pid):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    assert next(line for line in rollup if line.startswith("AnonHugePages:")).split()[1] == "0"


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
