"""Which tokens end an answer."""

from types import SimpleNamespace

import pytest

from mlx4j_worker.end_tokens import end_ids

VOCABULARY = {"<eos>": 1, "<|im_end|>": 5, "7": 9}


def ends(*configs, own=None):
    return end_ids(SimpleNamespace(eos_token_id=own, get_vocab=lambda: VOCABULARY), *configs)


@pytest.mark.parametrize(
    ("stated", "ids"),
    [
        (3, {3}),
        ([3, 4], {3, 4}),
        ("3", {3}),
        ("<|im_end|>", {5}),
        ("7", {7}),  # and not the token with this text
        (["<eos>", 4, "x", None, True], {1, 4}),
        ("no such token", set()),
        ({}, set()),
        (2.0, set()),
        (None, set()),
    ],
)
def test_an_id_may_be_written_in_several_ways(stated, ids):
    assert ends({"eos_token_id": stated}) == ids
    assert ends({"text_config": {"eos_token_id": stated}}) == ids


def test_the_first_config_that_states_one_counts_and_the_tokenizer_s_own_always():
    assert ends({"eos_token_id": [5]}, {"eos_token_id": 3}, own=1) == {1, 5}
    assert ends(None, {"eos_token_id": 3}, own=1) == {1, 3}
    assert ends({"eos_token_id": None}, {"text_config": []}, own=1) == {1}
    assert ends([], None) == set()
