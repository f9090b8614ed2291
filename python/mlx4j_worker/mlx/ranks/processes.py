"""The other ranks of a worker: processes that rank 0 starts, tells what to do, and ends with itself.

Rank 0 is the worker. It alone knows of requests, tokens' choice and data; the others do the passes that it does, with
what it tells them, in its order. So they can't come apart, and a cancel is a pass that nobody begins.
"""

import faulthandler
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import mlx.core as mx

from mlx4j_worker import PROTOCOL
from mlx4j_worker.call import Progress
from mlx4j_worker.dispatch import EXIT_RANK_LOST
from mlx4j_worker.errors import EngineFailed, InvalidRequest, WorkerError
from mlx4j_worker.failures import Exit
from mlx4j_worker.mlx.ranks import hosts
from mlx4j_worker.mlx.ranks.hosts import Hosts

START_SECONDS = 120  # for another rank to start and to import its packages
JOIN_SECONDS = 60  # for all of them to find each other, from when they are all there
_NAME_SECONDS = 3  # how long the end of a rank, which says more, may come after what it caused here

_log = logging.getLogger("mlx4j.mlx")
_started = threading.Event()  # MLX has one group for the life of a process


class Ranks:
    """The ranks from 1 on, and the ``group`` of MLX in which all work together.

    Once they work, nothing that fails can be put right: who is in a collective operation waits there for the others. So
    this process ends then, with the exit code 71, and with it the others, whose stdin it held.
    """

    def __init__(self, where: Hosts, progress: Progress) -> None:
        self._sent = 0
        self._network_hint = hosts.local_network_hint(where.addresses)
        self._changed = threading.Condition()
        self._error: WorkerError | None = None
        self._running = False
        self._closed = False
        self.machines = where.machines
        self.size = where.ranks
        self._others = [
            _RankProcess(rank, command, self._network_hint, self._on_answer, self._on_failure, progress)
            for rank, command in enumerate(where.commands, 1)
        ]
        self.group: Any = None

    def join(self, addresses: Sequence[str]) -> None:
        """Lets the ranks find each other."""
        self._send("follow", [{"protocol": PROTOCOL}] * len(self._others))
        self.wait(START_SECONDS)
        self._send("mirror", [{"work": "join", "rank": o.rank, "addresses": addresses} for o in self._others])
        self.group = join(0, addresses)
        self.wait(JOIN_SECONDS)

    def broadcast(self, work: str, **params: Any) -> None:
        """Sends the same job to every rank, without waiting for it."""
        self._send("mirror", [{"work": work, **params}] * len(self._others))

    def scatter(self, work: Any, parts: Any) -> None:
        """Sends each rank a job with params of its own, those of rank 1 first."""
        self._send("mirror", [{"work": work, **part} for part in parts])

    def wait(self, seconds: float | None = None) -> None:
        """Until every rank has done what it was told; raises the WorkerError of one that could not."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._error or not self._unanswered(), seconds)
            if self._error:
                raise self._error
        if not done:
            late = ", ".join(str(rank) for rank in self._unanswered())
            raise EngineFailed(
                f"Rank {late} was not ready within {seconds} s.",
                "Find out what delays it, then try again." + self._network_hint,
            )

    def settle(self) -> None:
        """Waits until every rank is ready; from then on the loss of one ends this process."""
        self.wait()
        with self._changed:
            if self._error:
                raise self._error
            self._running = True

    @contextmanager
    def collective(self) -> Iterator[None]:
        """Runs a block that all ranks run at the same time; if it fails, this process ends."""
        try:
            yield
        except Exit:
            raise
        except BaseException:
            time.sleep(_NAME_SECONDS)  # if a rank ended, the thread that hears of it says which, and ends this process
            _end(traceback.format_exc())

    def close(self) -> None:
        """Ends the other ranks."""
        self._closed = True
        for other in self._others:
            other.close()

    def _send(self, method: str, each: list[dict[str, Any]]) -> None:
        self._sent += 1
        for other, params in zip(self._others, each, strict=True):
            other.send(self._sent, method, params)

    def _unanswered(self) -> list[int]:
        return [other.rank for other in self._others if other.answered < self._sent]

    # --- on the threads that hear the others

    def _on_answer(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_failure(self, rank: int, error: WorkerError, ended: bool = True) -> None:
        if self._running and not ended:
            time.sleep(_NAME_SECONDS)  # as in collective
        with self._changed:
            if self._closed:
                return
            error = _by_rank(rank, self.size, error)
            if self._running:
                _end(f"{error} {error.hint}\n{error.detail}")
            self._error = self._error or error
            self._changed.notify_all()


class _RankProcess:
    """One other rank: its process, and a thread that hears what it says."""

    def __init__(
        self,
        rank: int,
        command: list[str],
        network_hint: str,
        heard: Callable[..., Any],
        lost: Callable[..., Any],
        progress: Progress,
    ) -> None:
        self.rank = rank
        self._network_hint = network_hint
        self.answered = 0
        self._on_answer, self._on_failure, self._progress = heard, lost, progress
        try:
            process: Any = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise EngineFailed(f"Rank {rank} can't be started: {error}", f"Check that {command[0]} is there.") from None
        self._process = process  # its streams are pipes
        threading.Thread(target=self._read, name=f"mlx4j-rank-{rank}", daemon=True).start()

    def send(self, number: int, method: str, params: dict[str, Any]) -> None:
        line = json.dumps({"jsonrpc": "2.0", "id": str(number), "method": method, "params": params})
        with suppress(OSError):  # it is gone, of which the thread that hears it tells
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """Lets it end, as the end of its stdin does."""
        with suppress(OSError):  # it is gone
            self._process.stdin.close()

    def _read(self) -> None:
        try:
            for line in self._process.stdout:
                self._take(json.loads(line))
            code = self._process.wait()
            hint = "What it wrote last is on the standard error." + self._network_hint
            error = EngineFailed(f"It ended with exit code {code}.", hint)
        except Exception as unreadable:
            error = EngineFailed(f"It can't be understood: {unreadable}")
        self._on_failure(self.rank, error)

    def _take(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "log":
            level = logging.getLevelNamesMapping().get(params["level"].upper(), logging.INFO)
            _log.log(level, "rank %d: %s", self.rank, params["message"])
        elif method == "progress":
            self._progress(params["phase"], params["done"], params["total"], params["unit"])
        elif "error" in message:
            self._on_failure(self.rank, WorkerError.from_json(message["error"]), ended=False)
        elif "result" in message:
            self.answered = int(message["id"])
            self._on_answer()


@contextmanager
def started(where: Any, progress: Progress) -> Iterator[Any]:
    """The Ranks of a hosts.Hosts, joined; where what is done with them fails, they end."""
    if _started.is_set():
        raise InvalidRequest("This worker has already had ranks and can't start new ones.", "Start another worker.")
    _started.set()
    ranks = Ranks(where, progress)
    try:
        ranks.join(where.addresses)
        yield ranks
    except BaseException:
        ranks.close()
        raise


def join(rank: int, addresses: Sequence[str]) -> Any:
    """MLX's group, of which this process becomes a rank. Where the others don't come, this process ends."""
    faulthandler.dump_traceback_later(JOIN_SECONDS, exit=True)  # MLX waits for ever, and holds the GIL meanwhile
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump([[address] for address in addresses], file)
            file.flush()
            os.environ["MLX_RANK"], os.environ["MLX_HOSTFILE"] = str(rank), file.name
            return mx.distributed.init(strict=True, backend="ring")
    except RuntimeError as error:
        raise EngineFailed(
            f"Rank {rank} could not connect to the other ranks at {', '.join(addresses)}: {error}",
            "Check that the addresses are those of the hosts, and that nothing else uses, or blocks, their ports."
            + hosts.local_network_hint(addresses),
        ) from None
    finally:
        faulthandler.cancel_dump_traceback_later()


def _by_rank(rank: int, size: int, error: WorkerError) -> WorkerError:
    found = WorkerError.from_json(error.to_json())
    found.args = (f"Rank {rank} of {size} failed: {error}",)
    return found


def _end(why: str) -> None:
    print(f"The ranks can't go on without each other. {why.strip()}", file=sys.stderr, flush=True)
    os._exit(EXIT_RANK_LOST)
