"""The prefix that the tensor names of a file or folder share."""

from pathlib import Path

import pytest

from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.models import name_prefix

FILE = Path("head.safetensors")
WANTED = ("0.weight", "0.bias", "2.weight", "2.bias")


@pytest.mark.parametrize("prefix", ["", "net.", "agent.head.", "module."])
def test_the_prefix_of_known_names_is_found(prefix):
    names = [prefix + name for name in WANTED]
    assert name_prefix.of_known(names, WANTED, FILE) == prefix


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["net.0.weight", "head.0.bias"], ["'net.' (net.0.weight)", "'head.' (head.0.bias)"]),
        (["net.0.weight", "0.bias"], ["'net.' (net.0.weight)", "none (0.bias)"]),
    ],
)
def test_more_than_one_prefix_is_refused_by_the_names(names, said):
    with pytest.raises(ModelLoadFailed, match="don't share one prefix") as refused:
        name_prefix.of_known(names, WANTED, FILE)
    assert all(part in str(refused.value) for part in said)


def test_other_names_have_no_say():
    assert name_prefix.of_known(["net.0.weight", "10.weight", "net.4.bias"], WANTED, FILE) == "net."
    assert name_prefix.of_known([], WANTED, FILE) == ""
