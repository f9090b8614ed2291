"""Where the ranks of a worker run: all on this machine, or each on a machine of a host file."""

import json
import os
import shlex
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.options import Options

FIRST_PORT = 32323  # of the ring between machines, as mlx.launch has it; a rank's port is this and its number
_WORKER = ("-I", "-X", "utf8", "-u")


@dataclass(frozen=True)
class Hosts:
    """``addresses`` are the ring's, "ip:port" by rank; ``commands`` start the ranks from 1 on, each a list of words.

    ``machines`` is how many machines share the model.
    """

    addresses: list[str]
    commands: list[list[str]]
    machines: int

    @property
    def ranks(self) -> int:
        return len(self.addresses)


def of(options: Options) -> Hosts:
    """The Hosts that the options ask for."""
    if options.ranks is not None and options.hosts is not None:
        raise InvalidRequest("ranks and hosts can't be used together.", "Leave one of them out.")
    return here(options.ranks or 1) if options.hosts is None else from_file(options.hosts)


def here(ranks: int) -> Hosts:
    """Ranks on this machine, which find each other on its loopback interface."""
    script = Path(__file__).resolve().parents[3] / "mlx_worker.py"
    command = [sys.executable, *_WORKER, str(script)]
    return Hosts([f"127.0.0.1:{port}" for port in _free_ports(ranks)], [command] * (ranks - 1), 1)


def from_file(path: str) -> Hosts:
    """The hosts of a file of mlx.launch: a JSON list, of which the first entry is this machine.

    Each has ``ips``, and those from the second on ``ssh``, ``python`` and ``worker``, the paths of the interpreter and
    of mlx_worker.py over there.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"The host file {path} can't be read: {error}", "Name a file of JSON.") from None
    entries = entries.get("hosts") if isinstance(entries, dict) else entries
    if not isinstance(entries, list) or not 2 <= len(entries) <= 16:
        raise InvalidRequest(f"The host file {path} must have a list of 2 to 16 hosts.", "The first is this machine.")
    addresses = []
    for rank, entry in enumerate(entries):
        for name in ("ips",) if rank == 0 else ("ips", "ssh", "python", "worker"):
            value = entry.get(name) if isinstance(entry, dict) else None
            if name == "ips":
                value = value[0] if isinstance(value, list) and value else None
            if not isinstance(value, str) or not value or value.startswith("-"):
                raise InvalidRequest(
                    f"The host file {path} has no {name} for host {rank}.",
                    "Each needs ips; those after the first also need ssh, python and worker "
                    "(the path of mlx_worker.py).",
                )
        addresses.append(f"{entry['ips'][0]}:{FIRST_PORT + rank}")
    return Hosts(addresses, [ssh(entry) for entry in entries[1:]], len(entries))


def ssh(entry: dict[str, Any]) -> list[str]:
    """The command that starts a worker on another machine; it has to let us in without asking anything."""
    tf32 = os.environ.get("MLX_ENABLE_TF32")  # ranks on this machine inherit it
    setting = [] if tf32 is None else ["env", f"MLX_ENABLE_TF32={tf32}"]
    remote = shlex.join([*setting, entry["python"], *_WORKER, entry["worker"]])
    return ["ssh", "-T", "-o", "BatchMode=yes", "--", entry["ssh"], remote]


def local_network_hint(addresses: Iterable[str]) -> str:
    """What to add to the hint of an error about hosts that can't be reached; "" where it doesn't apply.

    From version 15 on, macOS wants a permission for connections to the local network (Apple's TN3179); without it they
    fail with EHOSTUNREACH. It is that of the responsible program; what runs in Terminal or an ssh session is exempt.
    """
    if sys.platform != "darwin" or all(address.startswith("127.") for address in addresses):
        return ""
    return (
        ' macOS reports "No route to host" where the program that started this one, such as an IDE or tmux, lacks the'
        " Local Network permission: grant it in System Settings > Privacy & Security > Local Network, or start from"
        " Terminal or over ssh, which don't need it."
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
