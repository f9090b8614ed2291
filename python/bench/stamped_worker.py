"""The mlx worker, which also notes when it hands over each chunk, for scripts/bench.

Java puts this file beside mlx_worker.py. For each chunk, a line "id seq nanoseconds" goes to the file ``stamps`` beside
it before the call's answer is sent; the clock is the one of Java's System.nanoTime() on Linux.
"""

import os
import runpy
import sys
import time

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, here)

from mlx4j_worker.wire import Wire  # noqa: E402

_send = Wire.send
_stamps = []


def send(self, message):
    at = time.monotonic_ns()
    if message.get("method") == "chunk":
        _stamps.append((message["params"]["id"], message["params"]["seq"], at))
    elif "result" in message and _stamps:
        with open(os.path.join(here, "stamps"), "a", encoding="ascii") as file:
            file.writelines(f"{call} {seq} {ns}\n" for call, seq, ns in _stamps)
        _stamps.clear()
    _send(self, message)


Wire.send = send
runpy.run_path(os.path.join(here, "mlx_worker.py"), run_name="__main__")
