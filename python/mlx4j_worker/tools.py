"""Calls of tools: from the text between a model's marks to a name and arguments."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from mlx4j_worker.bounds import is_too_deep
from mlx4j_worker.wire import well_formed


@dataclass(frozen=True)
class CallFormat:
    """How a model writes a call. ``parse(text, tools)`` gives a dict with name and arguments, or a list of such."""

    start: str
    end: str
    parse: Callable


def json_format(chat_template):
    """The commonest format, JSON between <tool_call> marks, if that is what the template shows, else None."""
    plain = isinstance(chat_template, str) and "<tool_call>" in chat_template and "tool_call.name" in chat_template
    if not plain or any(other in chat_template for other in ("<function=", "<arg_key>")):
        return None
    return CallFormat("<tool_call>", "</tool_call>", lambda text, _tools: json.loads(text))


def read(text, call_format, tools):
    """(calls, None) or (None, why not), for the text of one or more calls."""
    try:
        found = call_format.parse(text.strip(), tools)
        return [_call(one) for one in (found if isinstance(found, list) else [found])], None
    except Exception as error:  # the parsers raise what a model's freedom makes them raise
        return None, f"{type(error).__name__}: {error}"[:500]


def _call(found):
    name, arguments = found["name"], found.get("arguments")
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    if not isinstance(name, str) or not isinstance(arguments if arguments is not None else {}, dict):
        raise ValueError("a call has a name and arguments, an object")
    if is_too_deep([[[[arguments]]]]):  # as deep as it is in the answer
        raise ValueError("its arguments are nested too deeply")
    call_id = found.get("id")
    call = {"id": call_id if isinstance(call_id, str) and call_id else f"call_{uuid.uuid4().hex[:12]}"}
    call |= {"name": name, "arguments": arguments or {}}
    return json.loads(well_formed(json.dumps(call, ensure_ascii=False)), parse_constant=_refuse)


def _refuse(constant):
    raise ValueError(f"{constant} is not JSON")
