"""A program that has a worker and waits to be killed: doomed_program.py COMMAND….

Sends the worker what it reads from its own stdin until the end, and writes what the worker says to its stdout.
"""

import subprocess
import sys

worker = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
print(worker.pid, file=sys.stderr, flush=True)
while data := sys.stdin.buffer.read1():
    worker.stdin.write(data)
    worker.stdin.flush()
worker.wait()
