"""Tool calls: from the text between a model's marks to an id, a name and arguments."""

import json
import secrets
import string
from typing import Any

from mlx4j_worker.bounds import is_too_deep
from mlx4j_worker.text.formats import CallFormat
from mlx4j_worker.wire import well_formed

_ID = string.ascii_letters + string.digits
_ID_LENGTH = 9  # what the templates of Mistral demand; the others take anything
_FIELDS = {"name", "arguments", "parameters", "id", "type"}


def read(
    text: str, call_format: CallFormat, tools: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]] | None, str | None]:
    """(calls, None) or (None, why not), for the text of one or more calls."""
    try:
        found = call_format.parse(text.strip(), tools)
        return [_call(one) for one in (found if isinstance(found, list) else [found])], None
    except Exception as error:  # the parsers raise what a model's freedom makes them raise
        return None, f"{type(error).__name__}: {error}"[:500]


def _call(found: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TypeError("a call is an object")
    if found.keys() <= {"type", "function", "id"} and isinstance(found.get("function"), dict):  # as OpenAI nests it
        found = {**found["function"], **({"id": found["id"]} if "id" in found else {})}
    name = found["name"]
    if unknown := found.keys() - _FIELDS:
        raise ValueError(f"a call has no field {min(unknown, key=str)!r}")
    if "arguments" in found and "parameters" in found:
        raise ValueError("a call has either arguments or parameters")
    arguments = found.get("arguments", found.get("parameters"))
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    if not isinstance(name, str) or not isinstance(arguments if arguments is not None else {}, dict):
        raise ValueError("a call has a name and arguments, an object")
    if is_too_deep([[[[arguments]]]]):  # as deep as it is in the answer
        raise ValueError("its arguments are nested too deeply")
    call_id = found.get("id")
    call: dict[str, Any] = {"id": call_id if isinstance(call_id, str) and call_id else _new_id()}
    call |= {"name": name, "arguments": arguments or {}}
    return json.loads(well_formed(json.dumps(call, ensure_ascii=False)), parse_constant=_refuse)


def _new_id() -> str:
    return "".join(secrets.choice(_ID) for _ in range(_ID_LENGTH))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
