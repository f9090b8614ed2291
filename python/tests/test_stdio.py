"""Once the descriptors are claimed, nothing in the process but the wire can reach the wire."""

import subprocess
import sys
import textwrap

import pytest

from conftest import PYTHON_DIR, SECONDS

CLAIM = f"""
import os, sys
sys.path.insert(0, {str(PYTHON_DIR)!r})
from mlx4j_worker import stdio
read, write = stdio.claim()
"""


def run_claimed(body, stdin=b"for the wire\n"):
    """Runs a program that has claimed its descriptors; returns what came on stdout and on stderr."""
    program = CLAIM + textwrap.dedent(body)
    command = [sys.executable, "-I", "-X", "utf8", "-u", "-c", program]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout, done.stderr


def test_the_private_descriptors_are_the_wire():
    stdout, _ = run_claimed("os.write(write, os.read(read, 100).upper())")
    assert stdout == b"FOR THE WIRE\n"


@pytest.mark.parametrize(
    "printing",
    [
        "print('noise')",
        "os.write(1, b'noise')",
        "os.system('echo noise')",
        "sys.__stdout__.write('noise'); sys.__stdout__.flush()",
        "sys.stdout.buffer.write(b'noise')",
        "import subprocess; subprocess.run(['echo', 'noise'])",
        "import ctypes; libc = ctypes.CDLL(None); libc.puts(b'noise'); libc.fflush(None)",
    ],
)
def test_whatever_prints_goes_to_stderr(printing):
    stdout, stderr = run_claimed(f"{printing}\nos.write(write, b'wire')")
    assert stdout == b"wire"
    assert b"noise" in stderr


def test_input_gets_the_end_of_file():
    stdout, _ = run_claimed(
        """
        try:
            input("a question")
        except EOFError:
            os.write(write, b"EOF, then " + os.read(read, 100))
        """
    )
    assert stdout == b"EOF, then for the wire\n"


def test_a_child_process_can_read_nothing_from_the_wire():
    stdout, stderr = run_claimed("os.system('cat; echo end'); os.write(write, os.read(read, 100))")
    assert stdout == b"for the wire\n"
    assert stderr == b"end\n"


def test_a_child_process_does_not_inherit_the_wire():
    stdout, stderr = run_claimed(
        """
        import subprocess
        for fd in (read, write):
            look = f"import os\\ntry: os.fstat({fd})\\nexcept OSError: print('shut')"
            subprocess.run([sys.executable, "-c", look], close_fds=False)
        """
    )
    assert stdout == b""
    assert stderr.split() == [b"shut", b"shut"]


def test_the_private_descriptors_are_none_of_the_standard_ones():
    stdout, _ = run_claimed("os.write(write, f'{min(read, write) >= 3} {read != write}'.encode())")
    assert stdout == b"True True"


def test_ctrl_c_is_left_to_the_parent():
    stdout, _ = run_claimed("import signal; os.kill(os.getpid(), signal.SIGINT); os.write(write, b'alive')")
    assert stdout == b"alive"
