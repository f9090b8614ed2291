"""Which device the hf worker takes, with a torch whose devices fail as real ones do."""

import sys

import pytest

import fake_torch
from mlx4j_worker.hf.devices import DeviceUnusable, choose_device


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", fake_torch)
    monkeypatch.setattr(fake_torch, "listed", [])
    monkeypatch.setattr(fake_torch, "faults", {})
    return fake_torch


@pytest.mark.parametrize(
    ("listed", "device"), [(["cuda", "mps"], "cuda"), (["cuda"], "cuda"), (["mps"], "mps"), ([], "cpu")]
)
def test_auto_takes_the_first_device_that_computes(torch, listed, device):
    torch.listed += listed
    assert choose_device() == (device, [])


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("no allocation", "RuntimeError: MPS backend out of memory"),
        ("no large allocation", "RuntimeError: invalid buffer size"),
        ("wrong product", "a product of matrices on it is wrong"),
    ],
)
class TestAGpuThatDoesNotCompute:
    def test_is_passed_over_with_a_warning(self, torch, fault, why):
        torch.listed.append("mps")
        torch.faults["mps"] = fault
        device, (warning,) = choose_device()
        assert device == "cpu"
        assert warning.startswith("torch lists mps, but ")
        assert why in warning

    def test_leaves_the_next_one(self, torch, fault, why):
        torch.listed += ["cuda", "mps"]
        torch.faults["cuda"] = fault
        device, (warning,) = choose_device()
        assert (device, warning.split(",")[0]) == ("mps", "torch lists cuda")
        assert why in warning

    @pytest.mark.parametrize("wanted", ["cuda", "mps"])
    def test_is_an_error_when_it_is_named(self, torch, fault, why, wanted):
        torch.listed.append(wanted)
        torch.faults[wanted] = fault
        with pytest.raises(DeviceUnusable, match=why):
            choose_device(wanted)

    def test_can_be_avoided_by_naming_another(self, torch, fault, why):
        torch.listed.append("mps")
        torch.faults["mps"] = fault
        assert choose_device("cpu") == ("cpu", [])


@pytest.mark.parametrize("wanted", ["cuda", "mps"])
def test_a_named_device_that_is_not_there_is_an_error(wanted):
    with pytest.raises(DeviceUnusable, match=f"no device of the kind {wanted} here"):
        choose_device(wanted)


def test_a_cpu_that_does_not_compute_is_an_error(torch):
    torch.faults["cpu"] = "wrong product"
    with pytest.raises(DeviceUnusable, match="torch lists cpu, but a product"):
        choose_device()
