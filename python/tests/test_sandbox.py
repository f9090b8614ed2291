"""A worker has no network and writes only to its private folder and its outputs, and neither do its child processes.

Each attempt runs in a process of its own, which enters the sandbox for real.
"""

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PYTHON_DIR, eventually
from mlx4j_worker import sandbox
from mlx4j_worker.sandbox import landlock, rename_helper, seatbelt, seccomp


def _is_whole():
    try:
        return landlock.abi() >= 6  # with signals
    except (OSError, AttributeError):
        return False


needs_linux = pytest.mark.skipif(not _is_whole(), reason="needs Landlock of Linux 6.12")
REAL = PYTHON_DIR / "hf_worker.py"  # greets without its packages
HELD = {"files": "landlock", "network": "seccomp", "missing": []}

# A statement, and the errno that it fails with; 0 is none. FOLDER is writable, HOME is not.
ATTEMPTS = {
    "socket.socket(socket.AF_INET)": errno.EACCES,
    "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)": errno.EACCES,
    "socket.socket(socket.AF_UNIX)": errno.EACCES,
    "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)": errno.EACCES,
    "socket.socketpair(type=socket.SOCK_DGRAM)": errno.EACCES,
    "socket.socketpair(type=socket.SOCK_RAW)": errno.EACCES,
    "socket.socketpair()": 0,
    "open(HOME + '/new', 'w')": errno.EACCES,
    "open(HOME + '/file', 'a')": errno.EACCES,
    "os.truncate(HOME + '/file', 0)": errno.EACCES,
    "os.unlink(HOME + '/file')": errno.EACCES,
    "os.mkdir(HOME + '/folder')": errno.EACCES,
    "os.symlink('/', HOME + '/link')": errno.EACCES,
    "os.rename(HOME + '/file', HOME + '/other')": errno.EACCES,
    "os.rename(HOME + '/file', FOLDER + '/file')": errno.EACCES,
    "os.link(HOME + '/file', FOLDER + '/file')": errno.EXDEV,
    "os.symlink(HOME + '/file', FOLDER + '/link') or open(FOLDER + '/link', 'w')": errno.EACCES,
    "os.chmod(HOME + '/file', 0o777)": 0,  # succeeds, without effect
    "os.utime(HOME + '/file', (0, 0))": 0,
    "os.setxattr(HOME + '/file', 'user.a', b'a')": errno.EPERM,
    "os.chown(HOME + '/file', os.getuid(), os.getgid())": errno.EPERM,
    "open(HOME + '/file').read()": 0,
    "open(FOLDER + '/new', 'w').write('text')": 0,
    "os.mkdir(FOLDER + '/a') or os.mkdir(FOLDER + '/b') or os.rename(FOLDER + '/a', FOLDER + '/b/a')": 0,
    "open('/dev/null', 'w').write('text')": 0,
    "os.kill(os.getpid(), 0)": 0,
    "os.kill(OUTSIDE, 0)": errno.EPERM,
    "fcntl.ioctl(0, termios.TIOCSTI, b'x')": errno.EPERM,
    "fcntl.ioctl(os.open(HOME + '/file', os.O_RDONLY), 0x40086602, bytes(8))": errno.EPERM,  # FS_IOC_SETFLAGS
    "resource.prlimit(OUTSIDE, resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))": errno.EPERM,
    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))": 0,
    "os.setpriority(os.PRIO_PROCESS, OUTSIDE, 19)": errno.EPERM,
    "os.nice(0)": 0,
    "os.sched_setaffinity(OUTSIDE, os.sched_getaffinity(0))": errno.EPERM,
    "os.sched_setaffinity(0, os.sched_getaffinity(0))": 0,
    "os.pidfd_open(OUTSIDE)": errno.EPERM,
    "call(seccomp.MACHINES[platform.machine()][1]['shmget'], 0, 4096, 0o1600)": errno.EPERM,
    "call(seccomp.MACHINES[platform.machine()][1]['unshare'], 0x10000000)": errno.EPERM,  # CLONE_NEWUSER
    "call(seccomp.MACHINES[platform.machine()][1]['io_uring_setup'], 8, 0)": errno.EPERM,
    "call(seccomp.MACHINES[platform.machine()][1]['ptrace'], 16, OUTSIDE, 0, 0)": errno.EPERM,
}

# Runs the attempts in this process, then in a child that is not started by fork alone.
PROGRAM = """
import ctypes, fcntl, json, os, platform, resource, socket, subprocess, sys, termios
sys.path.insert(0, PYTHON)
from mlx4j_worker import sandbox
from mlx4j_worker.sandbox import seccomp

def call(*arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(*map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), "failed")

def tried(statement):
    try:
        exec(statement)
        return 0
    except OSError as error:
        return error.errno

if ENTERS:
    held = sandbox.enter(sandbox.Rules("auto", False, ()), FOLDER)
    held.pop("mode")
    assert held == HELD, held
print(json.dumps([tried(statement) for statement in STATEMENTS]), flush=True)
"""


def run(statements, home, folder, in_child):
    names = {"PYTHON": str(PYTHON_DIR), "HOME": str(home), "FOLDER": str(folder), "HELD": HELD}
    names |= {"STATEMENTS": statements, "OUTSIDE": os.getpid(), "ENTERS": True}
    program = "\n".join(f"{name} = {value!r}" for name, value in names.items()) + PROGRAM
    if in_child:
        inner = program.replace("ENTERS = True", "ENTERS = False")
        program = program.replace(f"STATEMENTS = {statements!r}", "STATEMENTS = []")
        program += f"\nsys.exit(subprocess.run([sys.executable, '-I', '-c', {inner!r}]).returncode)"
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "file").write_text("text")
    (home / "file").chmod(0o600)
    return home


@needs_linux
@pytest.mark.parametrize("in_child", [False, True], ids=["worker", "child"])
def test_what_a_worker_can_and_what_it_cannot_do(home, tmp_path, in_child):
    folder = tmp_path / "folder"
    folder.mkdir()
    before = os.stat(home / "file")
    assert dict(zip(ATTEMPTS, run(list(ATTEMPTS), home, folder, in_child), strict=True)) == ATTEMPTS
    after = os.stat(home / "file")
    assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (before.st_mode, before.st_mtime_ns, 1)
    assert [path.name for path in home.iterdir()] == ["file"]
    assert (home / "file").read_text() == "text"
    assert (folder / "new").read_text() == "text"


@needs_linux
def test_a_worker_says_what_holds_it(start_worker, tmp_path):
    rules = {"mode": "require", "network": False, "write": [str(tmp_path)]}
    told = start_worker(script=REAL, arguments=["", json.dumps(rules)]).hello()["sandbox"]
    assert told == {"mode": "require", **HELD}


@needs_linux
def test_the_parts_that_a_worker_needs_stay_open(start_worker):
    told = [
        start_worker(script=REAL, arguments=["", json.dumps({"mode": "auto", **rules})]).hello()["sandbox"]
        for rules in ({"network": True, "write": []}, {"network": False, "write": None}, {"network": True})
    ]
    assert [(one["files"], one["network"]) for one in told] == [
        ("landlock", "open"),
        ("open", "seccomp"),
        ("open", "open"),
    ]
    assert all(one["missing"] == [] for one in told)


def test_a_worker_without_rules_is_not_held(start_worker):
    told = start_worker().hello()["sandbox"]
    assert told == {"mode": "off", "files": "none", "network": "none", "missing": []}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_new_files_are_private_and_there_are_no_core_dumps(start_worker):
    pid = start_worker().hello()["pid"]
    assert "\nUmask:\t0077\n" in Path(f"/proc/{pid}/status").read_text()
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    assert next(line for line in limits if line.startswith("Max core file size")).split()[4] == "0"


def test_a_system_that_offers_nothing_is_reported(monkeypatch, tmp_path):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sandbox, "_set_no_new_privileges", lambda: None)
    monkeypatch.setattr(os, "listdir", lambda path: ["1"])
    monkeypatch.setattr(landlock, "enter", refuse)
    monkeypatch.setattr(seccomp, "install", refuse)
    told = sandbox.enter(sandbox.Rules("require", False, ()), str(tmp_path))
    assert (told["files"], told["network"]) == ("none", "none")
    assert [why.split(",")[0] for why in told["missing"]] == ["Landlock", "A seccomp filter"]


def test_an_old_landlock_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sandbox, "_set_no_new_privileges", lambda: None)
    monkeypatch.setattr(os, "listdir", lambda path: ["1"])
    monkeypatch.setattr(landlock, "enter", lambda *_: None)
    monkeypatch.setattr(landlock, "abi", lambda: 2)
    monkeypatch.setattr(seccomp, "install", lambda *_: None)
    told = sandbox.enter(sandbox.Rules("auto", False, ()), str(tmp_path))
    assert (told["files"], told["network"]) == ("landlock", "seccomp")
    assert len(told["missing"]) == 1 and "truncated" in told["missing"][0]


def test_landlock_is_not_entered_beside_other_threads(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sandbox, "_set_no_new_privileges", lambda: None)
    monkeypatch.setattr(os, "listdir", lambda path: ["1", "2"])
    monkeypatch.setattr(landlock, "enter", lambda *_: pytest.fail("it would cover one thread only"))
    monkeypatch.setattr(seccomp, "install", lambda *_: None)
    told = sandbox.enter(sandbox.Rules("auto", False, ()), str(tmp_path))
    assert told["files"] == "none" and "2 threads" in told["missing"][0]


def decided(code, machine, number, arguments=()):
    """What a filter decides on a system call: an errno, or None if it is allowed. Interprets the filter's program."""
    data = number.to_bytes(4, "little") + machine.to_bytes(4, "little") + bytes(8)
    data += b"".join(value.to_bytes(8, "little") for value in (*arguments, *[0] * (6 - len(arguments))))
    at = value = 0
    while True:
        operation, then, otherwise = int.from_bytes(code[at : at + 2], "little"), code[at + 2], code[at + 3]
        operand = int.from_bytes(code[at + 4 : at + 8], "little")
        at += 8
        if operation == 0x20:
            value = int.from_bytes(data[operand : operand + 4], "little")
        elif operation == 0x54:
            value &= operand
        elif operation in (0x15, 0x35):
            at += 8 * (then if (value == operand if operation == 0x15 else value >= operand) else otherwise)
        else:
            assert operation == 0x06
            return None if operand == 0x7FFF0000 else operand & 0xFFFF


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_other_architectures_and_is_exact(machine):
    name, numbers, _ = seccomp.MACHINES[machine]
    other = next(name for one, (name, _, _) in seccomp.MACHINES.items() if one != machine)
    code = seccomp.program(machine, False, False)
    assert len(code) // 8 < 4096
    assert decided(code, other, numbers["socket"]) == decided(code, other, 999) == errno.EPERM
    denied = {number for number in range(600) if decided(code, name, number) is not None}
    # socketpair is decided by its type (0 here), ioctl by its request, and what takes a process by which (the own here)
    own = {numbers[call] for call in seccomp._OWN}
    assert denied == set(numbers.values()) - {numbers["ioctl"], numbers["seccomp"]} - own
    for call, place in seccomp._OWN.items():
        assert decided(code, name, numbers[call], (0,) * place + (4711,)) == errno.EPERM
    stream = 0x80001  # with SOCK_CLOEXEC
    assert decided(code, name, numbers["socketpair"], (1, stream)) is None
    assert decided(code, name, numbers["ioctl"], (0, 0x5412)) == errno.EPERM
    assert decided(code, name, numbers["ioctl"], (0, 0x5413)) is None
    for request in seccomp._FLAGS:
        assert decided(code, name, numbers["ioctl"], (0, request)) == errno.EPERM
        assert decided(seccomp.program(machine, True, False), name, numbers["ioctl"], (0, request)) is None


def test_the_filter_refuses_x32():
    code = seccomp.program("x86_64", True, False)
    assert decided(code, 0xC000003E, 0x40000000 + 41) == errno.EPERM
    assert decided(code, 0xC000003E, 0) is None


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_what_a_worker_needs_is_not_filtered(machine):
    name, numbers, _ = seccomp.MACHINES[machine]
    code = seccomp.program(machine, True, True)
    for call in ("socket", "connect", "fchmod", "fchown", "socketpair"):
        assert decided(code, name, numbers[call]) is None
    assert decided(code, name, numbers["ptrace"]) == errno.EPERM


def test_a_seatbelt_profile(tmp_path):
    folder = tmp_path / 'a "quoted" \\ folder'
    text = seatbelt.profile([str(folder)], False)
    escaped = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    lines = text.splitlines()
    assert lines[:3] == ["(version 1)", "(allow default)", "(deny file-write*)"]
    assert f'(allow file-write* (subpath "{escaped}"))' in lines
    assert lines[-1] == "(deny network*)"
    assert text.count("(") == text.count(")") == text.replace(escaped, "").count("(")


def test_a_seatbelt_profile_has_real_paths(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert f'(subpath "{os.path.realpath(tmp_path)}/real/a")' in seatbelt.profile([str(tmp_path / "link" / "a")], True)


@pytest.mark.parametrize("path", ["/a\nb", "/a\0b", "/a\x1bb", "/\udcff"])
def test_a_path_that_a_profile_cannot_have_is_refused(path, monkeypatch):
    monkeypatch.setattr(os.path, "realpath", lambda path: path)
    with pytest.raises(ValueError, match="can't have"):
        seatbelt.profile([path], False)


def test_seatbelt_is_used_on_demand_only(monkeypatch, tmp_path):
    entered = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(seatbelt, "enter", lambda *rules: entered.append(rules))
    told = sandbox.enter(sandbox.Rules("auto", False, ()), str(tmp_path))
    assert not entered and told["files"] == "none" and "MLX4J_SANDBOX=require" in told["missing"][0]
    told = sandbox.enter(sandbox.Rules("require", False, ()), str(tmp_path))
    assert entered == [([str(tmp_path)], False, None, True)] and told["files"] == told["network"] == "seatbelt"


# A worker that is to make the folder TARGET; it does what is asked and waits for the end of its stdin.
MAKER = """
import os, sys
sys.path.insert(0, PYTHON)
from pathlib import Path
from mlx4j_worker import sandbox
from mlx4j_worker.sandbox import rename_helper
assert sandbox.enter(sandbox.Rules("auto", False, (), TARGET), FOLDER)["missing"] == []
part = rename_helper.unfinished(TARGET)
(part / "model").write_text("weights")
try:
    os.rename(part, TARGET)
    sys.exit("it can rename by itself")
except PermissionError:
    pass
exec(ACTION)
print("done", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def make(tmp_path):
    (tmp_path / "private").mkdir()
    target = tmp_path / "target"
    started = []

    def start(action):
        names = {"PYTHON": str(PYTHON_DIR), "TARGET": str(target), "FOLDER": str(tmp_path / "private")}
        program = "\n".join(f"{name} = {value!r}" for name, value in {**names, "ACTION": action}.items()) + MAKER
        process = subprocess.Popen([sys.executable, "-I", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"done\n"
        return target, process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@needs_linux
def test_a_finished_folder_gets_its_name(make):
    target, _ = make("rename_helper.rename(part, TARGET)")
    assert (target / "model").read_text() == "weights"
    assert not rename_helper.unfinished(target).exists()


@needs_linux
def test_a_failed_folder_is_removed(make):
    target, _ = make("rename_helper.remove(part)")
    assert not target.exists() and not rename_helper.unfinished(target).exists()


@needs_linux
def test_what_exists_is_not_replaced(make, tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "mine").touch()
    refused = "try: rename_helper.rename(part, TARGET)\nexcept OSError: pass\nelse: sys.exit(1)"
    target, _ = make(refused)
    assert [path.name for path in target.iterdir()] == ["mine"]


@needs_linux
def test_a_worker_that_is_killed_leaves_nothing(make):
    target, process = make("pass")
    part = rename_helper.unfinished(target)
    assert part.is_dir()
    process.kill()
    eventually(lambda: not part.exists())


@needs_linux
def test_a_folder_that_another_worker_took_over_stays(make):
    target, process = make("pass")
    part = rename_helper.unfinished(target)
    other = os.open(part, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    process.kill()
    process.wait()
    _, second = make("rename_helper.remove(part)")  # the helper of the first has had as much time as this one
    os.close(other)
    second.kill()
    assert not part.exists()
