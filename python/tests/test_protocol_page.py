"""docs/protocol.md says what the code does."""

import json
import re

import pytest

from conftest import PYTHON_DIR
from mlx4j_worker import PROTOCOL, dispatch, errors, wire
from mlx4j_worker.requests.fields import rows_of
from mlx4j_worker.training.config import TrainingConfig

PAGE = (PYTHON_DIR.parent / "docs" / "protocol.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
TO_THE_WORKER = {"initialize", "generate", "countTokens", "embed", "logits", "score", "parameters", "classifyActions"}
TO_THE_WORKER |= {"inspect", "convert", "fuse", "reference", "rerank"}
TO_THE_WORKER |= {"fetchModel", "modelInfo", "removeModel", "cancel", "ping", "shutdown"}
TO_THE_WORKER |= {"openTraining", "trainStep", "accumulate", "applyGradients", "validate", "gradients"}
TO_THE_WORKER |= {"saveCheckpoint", "loadCheckpoint", "saveAdapter", "saveModel"}
TO_THE_WORKER |= {"follow", "mirror"}
FROM_THE_WORKER = {"hello", "progress", "chunk", "embedding", "positionLogits", "log"}


def rows(heading):
    """The cells of each row of the tables in a section, without header rows."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| (-?\d+) \|(.*)\|$", section, re.MULTILINE)


def test_the_errors_are_those_of_the_code():
    kinds = [kind for kind in errors.WorkerError.__subclasses__() if kind.__module__ == errors.__name__]
    wanted = {(kind.code, kind.kind, "yes" if kind.retryable else "no") for kind in kinds}
    cells = [(int(code), *rest.split("|")[:2]) for code, rest in rows("Errors")]
    assert {(code, kind.strip(" `"), retryable.strip()) for code, kind, retryable in cells} == wanted
    assert len(cells) == len(wanted)


def test_the_exit_codes_are_those_of_the_code():
    assert [int(code) for code, _ in rows("Exit codes")] == [
        0,
        dispatch.EXIT_ENGINE_DEAD,
        dispatch.EXIT_RANK_LOST,
        wire.EXIT_WIRE_LOST,
    ]


def test_the_version_is_that_of_the_code():
    assert f"describes protocol {PROTOCOL['major']}.{PROTOCOL['minor']}," in PAGE


def test_every_message_has_an_example():
    messages = [json.loads(example) for example in EXAMPLES]
    assert {message["method"] for message in messages if "method" in message} == TO_THE_WORKER | FROM_THE_WORKER


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_one_line_of_json(example):
    assert "\n" not in example
    message = json.loads(example)
    assert message["jsonrpc"] == "2.0"
    if message.get("method") in TO_THE_WORKER:
        wire.parse(example.encode())


def test_every_field_of_a_training_is_on_the_page():
    for name in rows_of(TrainingConfig):
        assert f"`training.{name}`" in PAGE


def test_every_field_that_a_worker_sends_is_on_the_page():
    folder = PYTHON_DIR.parent / "src" / "test" / "resources" / "protocol"
    names = set()

    def collect(value):
        if isinstance(value, dict):
            names.update(value)
            for inner in value.values():
                collect(inner)

    for path in folder.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["from"] == "worker":
                collect(entry["message"])
    assert {name for name in names if name not in PAGE} == set()
