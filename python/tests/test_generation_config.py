"""What generation_config.json says is read as authors write it, and what is not used is named."""

import json

import pytest

from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.models import generation_config
from mlx4j_worker.requests.generate import SamplingParams

VOCABULARY = 100


def read(folder, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "generation_config.json").write_text(text, encoding="utf-8")
    return generation_config.read(folder)


@pytest.mark.parametrize(
    ("stated", "sampling"),
    [
        ({"do_sample": True}, {"temperature": 1.0}),
        ({"do_sample": True, "temperature": 0.0}, {"temperature": 0.0}),  # greedy
        ({"do_sample": True, "temperature": "0.5", "top_k": "3"}, {"temperature": 0.5, "topK": 3}),
        ({"do_sample": True, "top_p": 1.0, "min_p": 0, "top_k": 0}, {"temperature": 1.0, "topP": 1.0, "minP": 0.0}),
        ({"do_sample": True, "top_k": VOCABULARY, "top_p": None}, {"temperature": 1.0}),
        ({"do_sample": None, "temperature": 0.5, "repetition_penalty": "1.2"}, {"repetitionPenalty": 1.2}),
    ],
)
def test_sampling_is_read_as_it_may_be_written(tmp_path, stated, sampling):
    found = read(tmp_path, stated)
    assert found.sampling(VOCABULARY).to_json() == sampling
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("temperature", "hot", "a number from 0 to 100"),
        ("temperature", -0.5, "a number from 0 to 100"),
        ("temperature", "nan", "a number from 0 to 100"),
        ("temperature", "1e999", "a number from 0 to 100"),
        ("temperature", True, "a number from 0 to 100"),
        ("top_p", 7, "a number above 0 up to 1"),
        ("top_p", "0", "a number above 0 up to 1"),
        ("top_k", -1, "a whole number from 0 to"),
        ("top_k", 2.5, "a whole number from 0 to"),
        ("top_k", 10**400, "a whole number from 0 to"),
        ("min_p", [0.1], "a number from 0 to 1"),
        ("repetition_penalty", 0, "a number above 0 up to 10"),
    ],
)
def test_a_bad_value_is_named_and_ignored(tmp_path, name, value, wanted):
    found = read(tmp_path, {"do_sample": True, name: value})
    assert found.sampling(VOCABULARY) == SamplingParams(temperature=1.0)
    (warning,) = found.warnings
    assert f"{name} {generation_config.shown(value)}, which is not {wanted}" in warning


def test_what_is_no_switch_does_not_switch_sampling_on(tmp_path):
    found = read(tmp_path, {"do_sample": "true", "temperature": 0.5})
    assert found.sampling(VOCABULARY) == SamplingParams()
    assert "do_sample 'true', which is not true or false" in found.warnings[0]


@pytest.mark.parametrize("content", ["{", "[]", "{}" + " " * (1 << 20)])
def test_a_damaged_file_is_refused(tmp_path, content):
    with pytest.raises(ModelLoadFailed, match=r"generation_config\.json"):
        read(tmp_path, content)


def test_without_the_file_there_is_nothing_to_say(tmp_path):
    assert generation_config.read(tmp_path) == generation_config.GenerationConfig()
