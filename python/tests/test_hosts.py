"""Where ranks run, and how they are started there."""

import json
import sys

import pytest

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.mlx.ranks import hosts

HERE = {"ips": ["10.0.0.1"]}
STUDIO = {
    "ssh": "me@studio",
    "ips": ["10.0.0.2", "10.1.0.2"],
    "python": "/my envs/python",
    "worker": "/w/mlx_worker.py",
}


@pytest.fixture
def host_file(tmp_path):
    def write(content):
        path = tmp_path / "hosts.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_ranks_on_this_machine_have_free_ports_of_the_loopback_interface():
    found = hosts.here(3)
    assert len({*found.addresses}) == found.ranks == 3
    assert all(address.startswith("127.0.0.1:") for address in found.addresses)
    assert (found.machines, len(found.commands)) == (1, 2)
    assert found.commands[0][0] == sys.executable


def test_a_host_file_names_addresses_and_commands(host_file, monkeypatch):
    monkeypatch.delenv("MLX_ENABLE_TF32", raising=False)
    found = hosts.from_file(host_file([HERE, STUDIO]))
    assert found.addresses == ["10.0.0.1:32323", "10.0.0.2:32324"]
    over_there = "'/my envs/python' -I -X utf8 -u /w/mlx_worker.py"
    assert found.commands == [["ssh", "-T", "-o", "BatchMode=yes", "--", "me@studio", over_there]]
    assert (found.machines, found.ranks) == (2, 2)
    assert hosts.from_file(host_file({"backend": "ring", "hosts": [HERE, STUDIO]})) == found


def test_ranks_on_other_machines_round_as_this_one_does(host_file, monkeypatch):
    monkeypatch.setenv("MLX_ENABLE_TF32", "0")
    (command,) = hosts.from_file(host_file([HERE, STUDIO])).commands
    assert command[-1] == "env MLX_ENABLE_TF32=0 '/my envs/python' -I -X utf8 -u /w/mlx_worker.py"


@pytest.mark.parametrize("name", ["ips", "ssh", "python", "worker"])
@pytest.mark.parametrize("value", [None, "", "-oProxyCommand=x", 7, []])
def test_what_a_host_lacks_is_named(host_file, name, value):
    with pytest.raises(InvalidRequest, match=f"has no {name} for host 1") as caught:
        hosts.from_file(host_file([HERE, {**STUDIO, name: value}]))
    assert "worker (the path of mlx_worker.py)" in caught.value.hint


@pytest.mark.parametrize("content", ["no json", "{}", [], [HERE], [HERE, STUDIO] * 9, 7])
def test_what_is_no_host_file_is_refused(host_file, content):
    with pytest.raises(InvalidRequest, match="host file"):
        hosts.from_file(host_file(content))


@pytest.mark.parametrize(
    ("platform", "addresses", "applies"),
    [
        ("darwin", ["10.0.0.1:32323", "10.0.0.2:32324"], True),
        ("darwin", ["127.0.0.1:32323", "10.0.0.2:32324"], True),
        ("darwin", ["127.0.0.1:5001", "127.0.0.1:5002"], False),  # the loopback interface needs no permission
        ("linux", ["10.0.0.1:32323", "10.0.0.2:32324"], False),
    ],
)
def test_the_local_network_permission_is_named_for_other_machines_on_macos(monkeypatch, platform, addresses, applies):
    monkeypatch.setattr(hosts.sys, "platform", platform)
    hint = hosts.local_network_hint(addresses)
    assert ("No route to host" in hint and "Privacy & Security > Local Network" in hint) == applies
    assert bool(hint) == applies
