"""How models mark thinking and tool calls in their text: one table for both engines."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CallFormat:
    """How a model writes a tool call.

    ``parse(text, tools)`` returns a dict with name and arguments, or a list of such; ``text`` is what is between the
    marks. An empty ``end`` means that the call runs to the end of the answer.
    """

    start: str
    end: str
    parse: Callable[[str, list[dict]], Any]


@dataclass(frozen=True)
class Dialect:
    """How a model's text marks what is not the answer; None where the model has no such thing.

    ``thinking`` is a pair of marks, ``switch`` the template's variable that turns thinking on and off, ``takes_tools``
    whether the template reads the variable ``tools``.
    """

    thinking: tuple[str, str] | None = None
    calls: CallFormat | None = None
    switch: str | None = None
    takes_tools: bool = True

    def capabilities(self) -> list[str]:
        """Their names on the wire."""
        has = {"tools": self.calls and self.takes_tools, "thinking": self.thinking, "thinkingSwitch": self.switch}
        return [name for name, value in has.items() if value]


PLAIN = Dialect()
THINKING = (  # (opening mark, closing mark)
    ("<think>", "</think>"),  # DeepSeek, Qwen, GLM, MiniMax, SmolLM
    ("<longcat_think>", "</longcat_think>"),
    ("<|think:start|>", "<|think:end|>"),
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),  # Kimi K3
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<seed:think>", "</seed:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Cohere
)

_SPECIAL = re.compile(r"<\|[^<>|]+\|?>|<[^<>|]+\|>")  # the parts of a mark that are tokens of their own
_ABSENT = ("defined", "undefined", "default", "d")  # tests and filters for a variable that may be absent
SWITCHES = ("enable_thinking", "thinking")  # Qwen and GLM; DeepSeek and Granite


def dialect(tokenizer: Any, fallback: CallFormat | None = None) -> Dialect:
    """The Dialect of a transformers tokenizer; ``fallback`` is a format for calls that this table does not have."""
    templates = _templates(tokenizer)
    every = "\n".join(templates)
    vocabulary = tokenizer.get_vocab()
    thinking = next((pair for pair in THINKING if all(_writes(mark, vocabulary, every) for mark in pair)), None)
    return Dialect(thinking, call_format(every) or fallback, _switch(templates), _takes_tools(templates))


def _templates(tokenizer: Any) -> list[str]:
    """The texts of the chat templates: transformers keeps named ones (default, tool_use) in a dict."""
    template = tokenizer.chat_template
    return [*template.values()] if isinstance(template, dict) else [template] if template else []


def _writes(mark: str, vocabulary: dict[str, int], templates: str) -> bool:
    return all(part in vocabulary for part in _SPECIAL.findall(mark) or [mark]) or mark in templates


def _switch(templates: list[str]) -> str | None:
    """The variable for thinking that a template reads from its caller, or None."""
    read = set().union(*(_read_from_caller(template) or () for template in templates))
    return next((name for name in SWITCHES if name in read), None)


def _takes_tools(templates: list[str]) -> bool:
    """Whether one of the templates reads the variable ``tools``, or can't be read itself: rendering reports that."""
    read = [*map(_read_from_caller, templates)]
    return not read or any(names is None or "tools" in names for names in read)


def _read_from_caller(template: str) -> set[str] | None:
    """The variables that a template reads from its caller: those that it sets at most where the caller did not.

    None where it has an error.
    """
    from jinja2 import Environment, TemplateError, nodes

    plain = re.sub(r"{%-?\s*(end)?generation\s*-?%}", "", template)  # transformers' own tag
    try:
        tree = Environment(extensions=["jinja2.ext.loopcontrols"]).parse(plain)  # generating code would evaluate parts
        names = [*tree.find_all(nodes.Name)]
        uses = [use.node for use in tree.find_all((nodes.Test, nodes.Filter)) if use.name in _ABSENT]
    except (TemplateError, RecursionError):
        return None  # rendering reports it
    loaded = {name.name for name in names if name.ctx == "load"}
    stored = {name.name for name in names if name.ctx == "store"}
    return loaded - (stored - {use.name for use in uses if isinstance(use, nodes.Name)})


# --- tool calls


def call_format(templates: str) -> CallFormat | None:
    """The format that the templates show, or None."""
    if "[TOOL_CALLS]" in templates:
        return CallFormat("[TOOL_CALLS]", "", _mistral)
    if "<arg_key>" in templates or "<tool_call>" not in templates:
        return None
    if re.search(r"<tool_call>(\\n|\n)<function=", templates):
        return CallFormat("<tool_call>", "</tool_call>", _xml)
    if "tool_call.name" in templates and "<function=" not in templates:
        return CallFormat("<tool_call>", "</tool_call>", lambda text, _tools: json.loads(text))
    return None


_MISTRAL_CALL = re.compile(r"\s*(?:\[TOOL_CALLS\])?\s*([\w.-]+)\s*(?:\[CALL_ID\]\s*(\w+)\s*)?\[ARGS\]\s*")


def _mistral(text: str, _tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A JSON list of calls, or any number of ``name[ARGS]{…}``, which newer models write."""
    if text.startswith("["):
        return json.loads(text)
    calls, at = [], 0
    while at < len(text):
        header = _MISTRAL_CALL.match(text, at)
        if not header:
            raise ValueError(f"a call begins with a name and [ARGS], not with {text[at : at + 40]!r}")
        arguments, at = json.JSONDecoder().raw_decode(text, header.end())
        calls.append({"name": header[1], "arguments": arguments} | ({"id": header[2]} if header[2] else {}))
    return calls


_XML_CALL = re.compile(r"<function=([^<>]+)>(.*)</function>", re.DOTALL)
_XML_PARAMETER = re.compile(r"\s*<parameter=([^<>]+)>(.*?)</parameter>\s*", re.DOTALL)


def _xml(text: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    """``<function=NAME>`` with a ``<parameter=NAME>`` for each argument, whose type the tool's schema gives."""
    call = _XML_CALL.fullmatch(text)
    if not call:
        raise ValueError("a call is <function=NAME>…</function>")
    name, inside, arguments, at = call[1].strip(), call[2].strip(), {}, 0
    schema = next((tool.get("parameters") for tool in tools if tool.get("name") == name), None) or {}
    properties = schema.get("properties") or {}
    while at < len(inside):
        found = _XML_PARAMETER.match(inside, at)
        if not found:
            raise ValueError(f"a parameter is <parameter=NAME>…</parameter>, not {inside[at : at + 40]!r}")
        key, at = found[1].strip(), found.end()
        arguments[key] = _typed(found[2].removeprefix("\n").removesuffix("\n"), properties.get(key))
    return {"name": name, "arguments": arguments}


def _typed(value: str, schema: dict[str, Any] | None) -> str:
    """A parameter's text as JSON, unless its schema says that it is a string."""
    types = schema.get("type") if isinstance(schema, dict) else None
    if types == "string":
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
