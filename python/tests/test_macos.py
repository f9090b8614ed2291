"""Memory figures of macOS, with a model of libSystem that fills the structures as Apple's headers lay them out."""

import struct
import sys

import pytest

from mlx4j_worker import macos, memory

PAGE = 16384
IDLE = {"free": 137_402, "speculative": 7_622, "file_backed": 218_388, "purgeable": 21_173, "anonymous": 344_240}


class System:
    """libSystem of a Mac. ``pages`` are those of ``vm_statistics64``, where free ones include the speculative."""

    def __init__(self, pages=(), footprint=0, failing=()):
        self._pages = {"free": 0, "speculative": 0, "file_backed": 0, "purgeable": 0, "anonymous": 0, **dict(pages)}
        self._footprint = footprint
        self._failing = failing
        self.ports = 0

    def mach_host_self(self):
        self.ports += 1
        return 0xB03

    def host_statistics64(self, host, flavor, out, count):
        assert (host, flavor) == (0xB03, 4)
        assert count._obj.value == 38, "HOST_VM_INFO64_REV1_COUNT"
        got = self._pages
        image = struct.pack("<4I", got["free"], 281_638, 273_368, 136_267)
        image += struct.pack("<9Q", *range(9 * 10**9, 9 * 10**9 + 9))
        image += struct.pack("<2I", got["purgeable"], got["speculative"])
        image += struct.pack("<4Q", *range(8 * 10**9, 8 * 10**9 + 4))
        image += struct.pack("<4I", 184_956, 0, got["file_backed"], got["anonymous"])
        image += struct.pack("<Q", 451_881)
        return self._fill("host_statistics64", out, image)

    def host_page_size(self, host, out):
        assert host == 0xB03
        return self._fill("host_page_size", out, struct.pack("<Q", PAGE))

    def proc_pid_rusage(self, _pid, flavor, out):
        assert flavor == 0
        image = bytes(range(16)) + struct.pack("<10Q", 1, 2, 3, 4, 5, 6, 7 * 10**9, self._footprint, 9, 10)
        return self._fill("proc_pid_rusage", out, image)

    def _fill(self, name, out, image):
        if name in self._failing:
            return 5
        memoryview(out._obj).cast("B")[:] = image
        return 0


@pytest.fixture
def on_a_mac(monkeypatch):
    def use(system):
        macos._host.cache_clear()
        monkeypatch.setattr(macos, "_system", lambda: system)
        monkeypatch.setattr(sys, "platform", "darwin")
        return system

    yield use
    macos._host.cache_clear()


@pytest.mark.parametrize(
    ("pages", "footprint", "expected"),
    [
        (IDLE, 0, 129_780 + 218_388 + 21_173 + (344_240 - 21_173) / 2),
        (IDLE, 100_000 * PAGE, 129_780 + 218_388 + 21_173 + (344_240 - 21_173 - 100_000) / 2),
        (IDLE, 400_000 * PAGE, 129_780 + 218_388 + 21_173),  # most of the footprint is wired by the GPU
        (
            {"free": 3_000, "speculative": 1_000, "file_backed": 60_000, "anonymous": 200_000},
            0,
            2_000 + 60_000 + 100_000,
        ),
        ({"purgeable": 10, "anonymous": 4}, 0, 10),
        ({}, 0, 0),
    ],
)
def test_free_droppable_and_compressible_pages_are_available(on_a_mac, pages, footprint, expected):
    on_a_mac(System(pages, footprint))
    assert memory.available_bytes() == expected * PAGE


def test_other_processes_reduce_what_is_available(on_a_mac):
    on_a_mac(System(IDLE))
    before = memory.available_bytes()
    taken = 50_000
    on_a_mac(System({**IDLE, "free": IDLE["free"] - taken, "anonymous": IDLE["anonymous"] + taken}))
    assert before - memory.available_bytes() == taken * PAGE // 2  # they would be compressed
    on_a_mac(System({**IDLE, "free": IDLE["free"] - taken}))  # wired by another process
    assert before - memory.available_bytes() == taken * PAGE


def test_the_footprint_of_this_process_is_its_resident_memory(on_a_mac):
    on_a_mac(System(footprint=2_345_678_912))
    assert memory.resident_bytes() == 2_345_678_912


@pytest.mark.parametrize("failing", ["host_statistics64", "host_page_size"])
def test_what_the_kernel_does_not_report_is_unknown(on_a_mac, failing):
    on_a_mac(System(IDLE, failing=(failing,)))
    assert memory.available_bytes() is None


def test_an_unknown_footprint_does_not_hide_the_rest(on_a_mac):
    on_a_mac(System(IDLE, failing=("proc_pid_rusage",)))
    assert memory.resident_bytes() is None
    assert memory.available_bytes() == (129_780 + 218_388 + 21_173) * PAGE + (344_240 - 21_173) * PAGE // 2


def test_a_system_without_these_functions_is_unknown(on_a_mac):
    on_a_mac(object())
    assert memory.available_bytes() is None
    assert memory.resident_bytes() is None


def test_the_hosts_port_is_taken_once(on_a_mac):
    system = on_a_mac(System(IDLE))
    memory.available_bytes()
    memory.available_bytes()
    assert system.ports == 1


@pytest.mark.skipif(sys.platform != "darwin", reason="reads the kernel of macOS")
def test_this_mac_reports_its_memory():
    assert 0 < memory.available_bytes() < 2**50
    assert 2**20 < memory.resident_bytes() < 2**50
