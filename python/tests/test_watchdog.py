"""No worker outlives its program, and none leaves its folder or its watchdog behind, however either of them ends.

Everything runs with poll and with kqueue; where there is no kqueue, a stand-in is used that works on the real pipes
and processes. See platforms.py.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys

import pytest

import platforms
from conftest import PYTHON_DIR, SECONDS, eventually, initialize_params

HERE = PYTHON_DIR / "tests"
PYTHON = [sys.executable, "-I", "-X", "utf8", "-u"]


@pytest.fixture(params=["poll", "kqueue"])
def platform(request):
    if request.param == "poll" and sys.platform == "darwin":
        pytest.skip("poll is not what the watchdog uses on macOS")
    return request.param


@pytest.fixture
def folder(tmp_path):
    """A private folder with something in it."""
    folder = tmp_path / "private"
    (folder / "tmp" / "mlx").mkdir(parents=True)
    (folder / "tmp" / "mlx" / "kernel.so").write_text("")
    return folder


@pytest.fixture
def family(folder):
    """A function that lists the processes with this folder in their command, apart from programs. Ends them after."""

    def running():
        return [pid for pid, command in _processes() if str(folder) in command and "doomed_program" not in command]

    yield running
    for pid in running():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Worker:
    """The fake worker in this folder, with its stdin in our hands."""

    def __init__(self, platform, folder, stdin=subprocess.PIPE, **environment):
        command = [*PYTHON, str(HERE / "watched_worker.py"), "nonce", str(folder), platform]
        env = {**os.environ, **environment}
        self.process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, env=env)
        self.process.stdout.readline()  # hello comes when the watchdog is there

    def send(self, *messages):
        self.process.stdin.write(b"".join(map(_line, messages)))
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.wait(SECONDS)
        self.process.stdout.close()
        if self.process.stdin is not None:
            self.process.stdin.close()


@pytest.fixture
def start(folder):
    """A function that starts a Worker."""
    with contextlib.ExitStack() as started:

        def start(platform, **more):
            worker = Worker(platform, folder, **more)
            started.callback(worker.close)
            return worker

        yield start


def _line(message):
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


def _generate(**script):
    return {"id": "2", "method": "generate", "params": {"prompt": json.dumps(script), "maxTokens": 3000}}


INITIALIZE = {"id": "1", "method": "initialize", "params": initialize_params()}
BUSY = _generate(say="x" * 3000, stepMs=20)
HOLDS_GIL = _generate(say="ab", after=1, gil=600)


def _processes():
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, state, command = [*line.split(None, 2), ""][:3]
        if not state.startswith("Z"):  # it has ended; nobody has waited for it yet
            yield int(pid), command


def assert_nothing_left(family, folder):
    eventually(lambda: not family())
    assert not folder.exists()


def stop(pid):
    """Stop a process; it reads nothing any more when this returns."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: _state(pid) == "T")


def test_a_worker_that_is_shut_down_leaves_nothing(platform, start, folder, family):
    worker = start(platform)
    assert len(family()) == 2
    worker.send({"id": "1", "method": "shutdown"})
    assert worker.process.wait(SECONDS) == 0
    assert_nothing_left(family, folder)


def test_the_end_of_stdin_leaves_nothing(platform, start, folder, family):
    worker = start(platform)
    worker.send(INITIALIZE, BUSY)
    worker.process.stdin.close()
    assert worker.process.wait(SECONDS) == 0
    assert_nothing_left(family, folder)


def test_a_worker_that_is_killed_leaves_nothing_but_its_program(platform, start, folder, family):
    worker = start(platform)
    worker.process.kill()
    worker.process.wait(SECONDS)
    assert_nothing_left(family, folder)


@pytest.mark.parametrize("doing", [(), (INITIALIZE, BUSY), (INITIALIZE, HOLDS_GIL)], ids=["idle", "busy", "gil"])
def test_a_program_that_is_killed_leaves_no_worker(platform, folder, family, doing):
    command = [*PYTHON, str(HERE / "doomed_program.py"), *PYTHON, str(HERE / "watched_worker.py")]
    command += ["nonce", str(folder), platform]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        program.stdin.write(b"".join(map(_line, doing)))
        program.stdin.flush()
        awaited = b'"chunk"' if doing else b'"hello"'
        assert any(awaited in line for line in program.stdout)
        assert len(family()) == 2
        program.kill()
        assert_nothing_left(family, folder)


def test_unread_data_in_the_pipe_does_not_hide_the_end_of_the_program(platform, start, folder, family):
    worker = start(platform)
    stop(worker.process.pid)
    worker.send(INITIALIZE)
    worker.process.stdin.close()
    assert worker.process.wait(SECONDS) == -signal.SIGKILL
    assert_nothing_left(family, folder)


def test_data_alone_is_no_end(platform, start, folder, family):
    worker = start(platform)
    pings = [{"id": f"ping-{i}", "method": "ping"} for i in range(100)]
    worker.send(INITIALIZE, *pings, _generate(say="x" * 100, stepMs=20))  # two seconds, more than the watchdog's grace
    assert any(b'"id":"2","result"' in line for line in worker.process.stdout)
    assert len(family()) == 2
    worker.process.stdin.close()
    assert_nothing_left(family, folder)


def test_who_writes_to_the_full_pipe_of_a_dead_worker_is_told(platform, start, folder, family):
    worker = start(platform)
    stop(worker.process.pid)
    os.set_blocking(worker.process.stdin.fileno(), False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(worker.process.stdin.fileno(), b" " * 65536)
    os.set_blocking(worker.process.stdin.fileno(), True)
    worker.process.kill()
    with pytest.raises(BrokenPipeError):
        os.write(worker.process.stdin.fileno(), b" " * 65536)
    assert_nothing_left(family, folder)


def test_the_end_of_a_socket_is_the_end_of_the_program(platform, start, folder, family):
    ours, theirs = socket.socketpair()  # what sshd gives to a rank of another machine
    with ours:
        with theirs:
            worker = start(platform, stdin=theirs)
        stop(worker.process.pid)
        ours.shutdown(socket.SHUT_WR)
        assert worker.process.wait(SECONDS) == -signal.SIGKILL
        assert_nothing_left(family, folder)


def test_a_watchdog_that_is_interrupted_goes_on(platform, start, folder, family):
    worker = start(platform)
    [watchdog] = set(family()) - {worker.process.pid}
    stop(watchdog)
    os.kill(watchdog, signal.SIGCONT)
    eventually(lambda: _state(watchdog) == "S")
    stop(worker.process.pid)
    worker.process.stdin.close()
    assert worker.process.wait(SECONDS) == -signal.SIGKILL
    assert_nothing_left(family, folder)


def _state(pid):
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout[:1]


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS needs no model of its poll")
def test_poll_would_leave_processes_and_folders_behind_on_macos(start, folder, family, tmp_path):
    """What kqueue is for. It also shows that the tests above would notice."""
    waits = tmp_path / "waits-for-ever"
    worker = start("xnu_poll", WAITS_FOR_EVER=str(waits))
    eventually(waits.exists)
    [watchdog] = set(family()) - {worker.process.pid}
    worker.process.stdin.close()
    assert worker.process.wait(SECONDS) == 0
    assert family() == [watchdog]
    assert folder.exists()


@pytest.fixture
def kqueue_ends(monkeypatch):
    """A function that makes the KqueueEnds of a process for the write end of a pipe, which it returns too."""
    from mlx4j_worker import watchdog

    for name in ("kqueue", "kevent", *(name for name in vars(platforms) if name.startswith("KQ_"))):
        if not hasattr(select, name):
            monkeypatch.setattr(select, name, getattr(platforms, name), raising=False)
    with contextlib.ExitStack() as open_files:

        def make(worker):
            read, write = os.pipe()
            open_files.enter_context(os.fdopen(read))
            return watchdog.KqueueEnds(worker, read, os.dup(read)), open_files.enter_context(os.fdopen(write, "wb", 0))

        yield make


def test_a_worker_that_ended_before_the_registration_is_gone(kqueue_ends):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(SECONDS)
    ends, _ = kqueue_ends(process.pid)
    assert ends.wait_for_worker(0)


def test_another_process_with_the_id_of_the_worker_is_not_the_worker(kqueue_ends):
    ends, _ = kqueue_ends(os.getpid())  # alive, but it did not fork us
    assert ends.wait_for_worker(0)


def test_a_parent_that_is_gone_is_noticed_once_and_the_worker_waited_for(kqueue_ends):
    ends, write = kqueue_ends(os.getppid())
    write.write(b"unread")
    write.close()
    ends.wait()
    assert not ends.wait_for_worker(0.05)
