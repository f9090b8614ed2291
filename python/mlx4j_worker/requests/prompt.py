"""Prompts in the params of a call: messages with tools, a text, or token ids."""

from dataclasses import dataclass
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.requests.fields import check_type, flag, read, refuse_unknown, row, rows_of, typed
from mlx4j_worker.wire import well_formed

MAX_TOOLS = 128
MAX_LOGITS_TOKENS = 4096
SOURCES = ("messages", "prompt", "tokens")


def read_text(name: str, value: Any) -> str:
    return well_formed(check_type(name, value, str))


def _read_tokens(name: str, value: Any) -> list[int]:
    tokens = check_type(name, value, list)
    if not all(type(token) is int for token in tokens):
        raise InvalidRequest(f"{name} must be a list of integers.")
    return tokens


def _read_messages(name: str, value: Any) -> list[dict[str, Any]]:
    messages = check_type(name, value, list)
    if not messages:
        raise InvalidRequest(f"{name} is empty.", "Give at least one message.")
    return [_message(f"{name}[{i}]", message, messages[:i]) for i, message in enumerate(messages)]


def _message(where: str, message: Any, earlier: list[Any]) -> dict[str, Any]:
    """A message in the form that chat templates take."""
    if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
        raise InvalidRequest(f"{where} must be an object with role and content.")
    role, content = message["role"], message["content"]
    more = {"assistant": {"toolCalls"}, "tool": {"toolCallId"}}
    if role not in ("system", "user", "assistant", "tool"):
        raise InvalidRequest(f"{where}.role is {shown(role)}, but must be system, user, assistant or tool.")
    refuse_unknown(message, {"role", "content"} | more.get(role, set()), f"{where}.")
    if not isinstance(content, str):
        raise InvalidRequest(f"{where}.content must be a string.")
    out = {"role": role, "content": well_formed(content)}
    if calls := typed(message, "toolCalls", list, []):
        out["tool_calls"] = [_call(f"{where}.toolCalls[{i}]", call) for i, call in enumerate(calls)]
    if role == "tool":
        call_id = message.get("toolCallId")
        made = {call["id"]: call["name"] for m in earlier for call in m.get("toolCalls") or []}
        if not isinstance(call_id, str) or call_id not in made:
            raise InvalidRequest(
                f"{where}.toolCallId is {shown(call_id)}, but no earlier message made a call with that id."
            )
        out |= {"tool_call_id": call_id, "name": made[call_id]}
    return out


def _call(where: str, call: Any) -> dict[str, Any]:
    right = isinstance(call, dict) and all(isinstance(call.get(name), str) and call[name] for name in ("id", "name"))
    if not right or not isinstance(call.get("arguments"), dict):
        raise InvalidRequest(f"{where} must be an object with id, name (strings) and arguments (an object).")
    return {
        "type": "function",
        "id": well_formed(call["id"]),
        "function": {"name": well_formed(call["name"]), "arguments": _well_formed_json(call["arguments"])},
    }


def _read_tools(name: str, value: Any) -> list[dict[str, Any]]:
    tools = check_type(name, value, list)
    if len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"There are {len(tools)} tools, but there may be {MAX_TOOLS}.")
    out: list[dict[str, Any]] = []
    names: set[str] = set()
    for i, tool in enumerate(tools):
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str) or not tool["name"]:
            raise InvalidRequest(f"{name}[{i}] must be an object with a non-empty name.")
        refuse_unknown(tool, {"name", "description", "parameters"}, f"{name}[{i}].")
        if tool["name"] in names:
            raise InvalidRequest(f"{name}[{i}] has the name {shown(tool['name'])}, which another tool already has.")
        names.add(tool["name"])
        function = {"name": tool["name"], "description": typed(tool, "description", str, "")}
        function["parameters"] = typed(tool, "parameters", dict, {"type": "object", "properties": {}})
        out.append({"type": "function", "function": _well_formed_json(function)})
    return out


def _well_formed_json(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [_well_formed_json(one) for one in value]
    if isinstance(value, dict):
        return {well_formed(key): _well_formed_json(one) for key, one in value.items()}
    return value


@dataclass(frozen=True)
class PromptRequest:
    """Exactly one of ``messages`` (chat), ``prompt`` (raw text) and ``tokens`` (ids) is set."""

    messages: list[dict[str, Any]] | None = row(_read_messages)
    prompt: str | None = row(read_text)
    tokens: list[int] | None = row(_read_tokens)
    tools: list[dict[str, Any]] = row(_read_tools, default_factory=list)  # as chat templates take them
    thinking: bool | None = flag(default=None)


def read_prompt(cls: type, params: dict[str, Any], sources: tuple[str, ...] = SOURCES, known: Any = None) -> Any:
    """A PromptRequest of a class from params, which have exactly one of the ``sources``."""
    refuse_unknown(params, rows_of(cls) if known is None else known, "")
    given = [name for name in sources if params.get(name) is not None]
    if len(given) != 1:
        names = " and ".join(", ".join(sources).rsplit(", ", 1))
        raise InvalidRequest(f"A request has exactly one of {names}, but this has {given or 'none'}.")
    request: Any = read(cls, params, known=known)
    if request.messages is None and (request.tools or request.thinking is not None):
        name = "tools" if request.tools else "thinking"
        raise InvalidRequest(f"{name} can't be used without messages: it goes through the chat template.")
    return request


def parse_prompt(params: dict[str, Any], sources: tuple[str, ...]) -> PromptRequest:
    """The prompt in the params of ``tokenize`` and its like; ``sources`` are the kinds of prompt that it takes."""
    return read_prompt(PromptRequest, params, sources, {*sources, "tools", "thinking"})


def parse_score(params: dict[str, Any]) -> tuple[PromptRequest, str]:
    """The prompt and the completion in the params of ``score``."""
    refuse_unknown(params, {*rows_of(PromptRequest), "completion"}, "")
    completion = typed(params, "completion", str, None)
    if not completion:
        raise InvalidRequest("completion must be a non-empty string.")
    rest = {name: value for name, value in params.items() if name != "completion"}
    return read_prompt(PromptRequest, rest), well_formed(completion)


def parse_logits(params: dict[str, Any]) -> list[int]:
    """The token ids in the params of ``logits``."""
    tokens = read(PromptRequest, params, known={"tokens"}).tokens
    if tokens is None or not 0 < len(tokens) <= MAX_LOGITS_TOKENS:
        raise InvalidRequest(f"tokens must be a list of 1 to {MAX_LOGITS_TOKENS} token ids.")
    return tokens


def check_prompt(prompt_tokens: list[int], vocabulary: int, context: int | None) -> None:
    """Checks token ids against a model; ``vocabulary`` and ``context`` are in tokens."""
    if not prompt_tokens:
        raise InvalidRequest("The prompt is empty.", "Give at least one token of text.")
    if bad := next((t for t in prompt_tokens if not 0 <= t < vocabulary), None):
        raise InvalidRequest(f"Token id {bad} is outside the vocabulary of {vocabulary}.")
    if context is not None and len(prompt_tokens) >= context:
        raise ContextOverflow(
            f"The prompt has {len(prompt_tokens)} tokens, but the model's context holds {context} with the answer.",
            "Shorten the prompt or use a model with a longer context.",
        )
