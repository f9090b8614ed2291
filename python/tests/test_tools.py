"""Calls of tools are read, or reported with the reason why they can't be."""

import json
import re

import pytest

from mlx4j_worker.text.formats import CallFormat
from mlx4j_worker.text.tools import read

JSON = CallFormat("<tool_call>", "</tool_call>", lambda text, _tools: json.loads(text))


def test_a_call_gets_an_id_of_its_own():
    calls, why = read(' {"name": "f", "arguments": {"a": [1, null]}}\n', JSON, [])
    assert why is None
    assert calls == [{"id": calls[0]["id"], "name": "f", "arguments": {"a": [1, None]}}]
    assert re.fullmatch("[A-Za-z0-9]{9}", calls[0]["id"])  # what Mistral's templates take back
    assert read('{"name": "f"}', JSON, [])[0][0]["id"] != calls[0]["id"]


def test_the_model_s_own_id_is_kept():
    assert read('{"id": "x1", "name": "f", "arguments": {}}', JSON, [])[0][0]["id"] == "x1"


def test_parameters_are_arguments():
    calls, _ = read('{"name": "get_weather", "parameters": {"city": "Oslo"}}', JSON, [])
    assert calls[0]["arguments"] == {"city": "Oslo"}


def test_a_call_nested_as_in_openai_s_api():
    calls, _ = read('{"type": "function", "id": "x", "function": {"name": "f", "arguments": {"a": 1}}}', JSON, [])
    assert calls == [{"id": "x", "name": "f", "arguments": {"a": 1}}]


def test_several_calls_in_one_text():
    calls, _ = read('[{"name": "f"}, {"name": "g", "arguments": "{\\"a\\": 1}"}]', JSON, [])
    assert [(call["name"], call["arguments"]) for call in calls] == [("f", {}), ("g", {"a": 1})]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "JSONDecodeError"),
        ('{"name": "f"', "JSONDecodeError"),
        ("7", "TypeError"),
        ("{}", "KeyError"),
        ('{"name": 5}', "ValueError"),
        ('{"name": "f", "arguments": []}', "ValueError"),
        ('{"name": "f", "args": {"a": 1}}', "ValueError: a call has no field 'args'"),
        ('{"name": "f", "arguments": {}, "parameters": {}}', "ValueError: a call has either"),
        ('{"name": "f", "arguments": "no json"}', "JSONDecodeError"),
        ('{"name": "f", "arguments": {"a": NaN}}', "ValueError"),
        ("[" * 100_000, "RecursionError"),
    ],
)
def test_what_is_no_call_is_said_with_the_reason(text, why):
    calls, reason = read(text, JSON, [])
    assert calls is None
    assert reason.startswith(why)


def test_the_parser_sees_the_tools():
    seen = []
    read("x", CallFormat("<", ">", lambda text, tools: seen.append((text, tools)) or {"name": "f"}), ["a tool"])
    assert seen == [("x", ["a tool"])]
