"""Calls of tools are read, or reported with the reason why they can't be."""

import json

import pytest

from mlx4j_worker.tools import CallFormat, json_format, read

JSON = CallFormat("<tool_call>", "</tool_call>", lambda text, _tools: json.loads(text))
TEMPLATE = "{{ '<tool_call>' + tool_call.name }}"


def test_a_call_gets_an_id_of_its_own():
    calls, why = read(' {"name": "f", "arguments": {"a": [1, null]}}\n', JSON, [])
    assert why is None
    assert calls == [{"id": calls[0]["id"], "name": "f", "arguments": {"a": [1, None]}}]
    assert calls[0]["id"].startswith("call_")
    assert read('{"name": "f"}', JSON, [])[0][0]["id"] != calls[0]["id"]


def test_the_model_s_own_id_is_kept():
    assert read('{"id": "x1", "name": "f", "arguments": {}}', JSON, [])[0][0]["id"] == "x1"


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


@pytest.mark.parametrize(
    ("template", "known"),
    [
        (TEMPLATE, True),
        (TEMPLATE + "<function=", False),
        (TEMPLATE + "<arg_key>", False),
        ("<tool_call>", False),
        ("no calls", False),
        (None, False),
        ([{"name": "default"}], False),
    ],
)
def test_the_json_format_is_known_by_the_template(template, known):
    assert (json_format(template) is not None) is known
