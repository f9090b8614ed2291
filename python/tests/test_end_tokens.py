"""Which tokens end an answer."""

from types import SimpleNamespace

import pytest

from mlx4j_worker.text.end_tokens import NONE_STATED, end_ids, warnings

VOCABULARY = {"<eos>": 1, "<|im_end|>": 5, "7": 9}


def tokenizer(own=None):
    return SimpleNamespace(eos_token_id=own, get_vocab=lambda: VOCABULARY)


def ends(*configs, own=None):
    return end_ids(tokenizer(own), *configs)


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


def test_an_id_may_be_one_that_only_the_model_has():
    assert ends({"eos_token_id": 30}, {"vocab_size": 31}) == {30}
    assert ends({"eos_token_id": 30}, {"text_config": {"vocab_size": 31}}) == {30}
    assert ends({"eos_token_id": 30}, {"vocab_size": 30}) == set()


@pytest.mark.parametrize("bad", ["no such token", 10, "10", -1, 2.0, True, {}, [["<eos>"]]])
def test_what_is_no_token_is_named(bad):
    entries = bad if isinstance(bad, list) else [bad]
    (warning,) = warnings(tokenizer(), {"eos_token_id": ["<eos>", *entries]})
    assert warning.startswith(f"eos_token_id has {entries[0]!r}, which is not a token")
    assert warnings(tokenizer(own=1), {"eos_token_id": entries}) == [warning]
    assert warnings(tokenizer(), {"eos_token_id": entries}) == [warning, NONE_STATED]
    assert ends({"eos_token_id": entries}, {"eos_token_id": 3}) == {3}
    assert warnings(tokenizer(), {"eos_token_id": 3}, {"eos_token_id": entries}) == []
