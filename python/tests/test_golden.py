"""Plays the golden transcripts, which JUnit reads too, against the fake worker."""

import json

import pytest

from conftest import PYTHON_DIR
from mlx4j_worker.wire import parse

FOLDER = PYTHON_DIR.parent / "src" / "test" / "resources" / "protocol"
TRANSCRIPTS = sorted(FOLDER.glob("*.jsonl"))


def entries(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def matches(golden, actual):
    """Whether a message is as the transcript has it; there, "*" stands for anything."""
    if golden == "*":
        return True
    if isinstance(golden, dict) and isinstance(actual, dict):
        return golden.keys() == actual.keys() and all(matches(golden[key], actual[key]) for key in golden)
    if isinstance(golden, list) and isinstance(actual, list):
        return len(golden) == len(actual) and all(map(matches, golden, actual))
    return type(golden) is type(actual) and golden == actual


def test_there_are_transcripts():
    assert {path.stem for path in TRANSCRIPTS} == {
        "hello-initialize-generate-shutdown",
        "cancel",
        "ping",
        "errors",
        "raw-and-tokens",
        "tokens-and-vectors",
        "models",
        "conversion",
    }


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_worker_speaks_as_the_transcript_has_it(path, start_worker):
    worker = start_worker()
    for number, entry in enumerate(entries(path), start=1):
        if entry["from"] == "worker":
            actual = worker.receive()
            assert matches(entry["message"], actual), f"line {number} of {path.name}: {actual}"
        else:
            line = entry["line"] if "line" in entry else json.dumps(entry["message"], ensure_ascii=False)
            worker.write(line.encode() + b"\n")
    assert worker.rest() == []
    assert worker.exit_code() == 0


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_every_message_to_the_worker_is_well_formed(path):
    for entry in entries(path):
        assert entry.keys() in ({"from", "message"}, {"from", "line"})
        if entry["from"] == "java" and "message" in entry:
            parse(json.dumps(entry["message"]).encode())


@pytest.mark.parametrize(
    ("golden", "actual", "same"),
    [
        ({"pid": "*"}, {"pid": 7}, True),
        ({"pid": "*"}, {}, False),
        ({}, {"pid": 7}, False),
        ([1, "*"], [1, None], True),
        ([1], [1, 2], False),
        ({"n": 1}, {"n": True}, False),
        ({"n": None}, {"n": 0}, False),
    ],
)
def test_only_a_star_matches_anything(golden, actual, same):
    assert matches(golden, actual) is same
