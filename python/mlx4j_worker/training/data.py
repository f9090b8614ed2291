"""Reads training files: JSON lines of chats, of prompts with completions, or of text, as sequences of tokens."""

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.call import Progress
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.text import prompts
from mlx4j_worker.training.batches import Sequence
from mlx4j_worker.wire import well_formed

KINDS = {"messages": {"messages", "tools"}, "prompt": {"prompt", "completion"}, "text": {"text"}}  # and their fields
_ROLES = ("system", "developer", "user", "assistant", "tool")
_OF_MESSAGES = {"role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content"}


# Limits of a line. Longer ones are refused before they are read whole, and before they are parsed or tokenized.
MAX_LINE_BYTES = 64 << 20
MAX_DEPTH = 128


class _Bad(Exception):
    """The reason why a line can't be used."""


@dataclass
class DataSet:
    """The sequences of one file; ``cut`` were too long, and ``dropped`` had nothing left to learn then."""

    kind: str
    sequences: list[Sequence] = field(default_factory=list)
    cut: int = 0
    dropped: int = 0
    ignored: set[str] = field(default_factory=set)

    @property
    def digest(self) -> str:
        """A digest of the tokens, to detect a changed file."""
        found = sha256()
        for one in self.sequences:
            found.update(f"{one.start}:{','.join(map(str, one.tokens))};".encode())
        return found.hexdigest()[:32]

    def to_json(self) -> dict[str, int]:
        return {
            "sequences": len(self.sequences),
            "tokens": sum(len(one.tokens) for one in self.sequences),
            "trainedTokens": sum(one.counted for one in self.sequences),
            "cut": self.cut,
            "dropped": self.dropped,
        }

    def warnings(self, path: str) -> Iterator[str]:
        if self.cut:
            yield f"{self.cut} of the lines in {path} are longer than maxLength, and were cut."
        if self.dropped:
            yield f"{self.dropped} of the lines in {path} have nothing to learn left after that, and were left out."
        if self.ignored:
            yield f"{path} has fields that are not read: {', '.join(sorted(self.ignored)[:10])}."


def read(
    path: str,
    tokenizer: Any,
    max_length: int,
    mask_prompt: bool,
    progress: Progress = lambda *_: None,
    vocabulary: int | None = None,
) -> DataSet:
    """The DataSet of a file; a line that can't be used is an InvalidRequest with its number.

    ``tokenizer`` is a transformers tokenizer or mlx-lm's wrapper of one; no sequence has more than ``max_length``
    tokens. ``vocabulary`` is how many tokens the model has, None if that isn't to be checked.
    """
    found = None
    max_chars = (max_length + 1) * prompts.longest_token(tokenizer)
    for number, line in _lines(path):
        try:
            if len(line) > MAX_LINE_BYTES:
                raise _Bad(f"it has more than {MAX_LINE_BYTES >> 20} MiB")
            entry = _parsed(line.decode("utf-8"))
            kind = _kind(entry)
            found = found or DataSet(kind)
            if kind != found.kind:
                raise _Bad(f"it has {kind}, but the lines before have {found.kind}")
            found.ignored |= entry.keys() - KINDS[kind]
            sequence = _sequence(kind, entry, _Encoder(tokenizer, max_chars), mask_prompt)
            if vocabulary is not None and max(sequence.tokens) >= vocabulary:
                raise _Bad(f"its token {max(sequence.tokens)} is outside the model's vocabulary of {vocabulary}")
            _add(found, sequence, max_length)
        except UnicodeDecodeError as error:
            raise _refused(path, number, f"it is not UTF-8 ({error.reason})") from None
        except (_Bad, InvalidRequest) as error:
            raise _refused(path, number, error) from None
        progress("data", len(found.sequences), 0, "sequences")
    if found is None or not found.sequences:
        raise InvalidRequest(f"{path} has nothing to train on.", "Give a file with a JSON object on each line.")
    return found


def _refused(path: str, number: int, why: InvalidRequest | str | _Bad) -> InvalidRequest:
    hint = getattr(why, "hint", "") or "Correct or remove the line."
    return InvalidRequest(f"{path}, line {number}: {why}", f"{hint} Nothing was trained.")


@dataclass
class _Encoder:
    """Tokens of a text, of which not more is tokenized than ``max_chars`` characters."""

    tokenizer: Any
    max_chars: int

    def raw(self, text: str, ended: bool = False) -> list[int]:
        """The tokens of raw text; ``ended`` appends the token that ends a text, unless the text was cut."""
        tokens = prompts.encode_text(self.tokenizer, text[: self.max_chars])
        end = self.tokenizer.eos_token_id
        if not ended or len(text) > self.max_chars or end is None or tokens[-1:] == [end]:
            return tokens
        return [*tokens, end]

    def rendered(self, text: str) -> list[int]:
        """The tokens of what a chat template made."""
        return self.tokenizer.encode(text[: self.max_chars], add_special_tokens=False)


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    """(its number, the line) of each line that is not blank; of a line that is too long, one byte too much."""
    if not Path(path).is_file():
        raise InvalidRequest(f"There is no file {path}.", "Check the path.")
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), start=1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield number, text
    except OSError as error:
        raise InvalidRequest(f"{path} can't be read: {error.strerror}.", "Check its permissions.") from None


def _parsed(text: str) -> dict[str, Any]:
    entry = _json(text, "it")
    if not isinstance(entry, dict):
        raise _Bad("it is not a JSON object")
    return entry


def _json(text: str, what: str) -> Any:
    """The value of JSON, which is called ``what`` in errors."""
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise _Bad(f"{what} is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise _Bad(f"{what} is not JSON ({error})") from None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for one in level
            if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return value
    if any(isinstance(one, dict | list) for one in level):
        raise _Bad(f"{what} is nested more than {MAX_DEPTH} levels deep")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Bad(f"it has {shown(next(name for name in names if names.count(name) > 1))} twice in one object")
    return found


def _kind(entry: dict[str, Any]) -> str:
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        raise _Bad(
            f"it has {' and '.join(kinds) or shown(sorted(entry))}, but must have exactly one of messages, prompt "
            "(with completion) and text"
        )
    return kinds[0]


def _add(found: DataSet, sequence: Sequence, max_length: int) -> None:
    if len(sequence.tokens) > max_length:
        found.cut += 1
    sequence = Sequence(array("i", sequence.tokens[:max_length]), sequence.start)  # a list takes ten times as much
    if sequence.counted:
        found.sequences.append(sequence)
    else:
        found.dropped += 1


def _sequence(kind: str, entry: dict[str, Any], encoder: _Encoder, mask_prompt: bool) -> Sequence:
    if kind == "text":
        if mask_prompt:
            raise _Bad("maskPrompt can't be used: text has no prompt")
        return _whole(encoder.raw(_text(entry, "text"), ended=True))
    if kind == "prompt":
        prompt, completion = _text(entry, "prompt"), _text(entry, "completion")
        whole = encoder.raw(prompt + completion, ended=True)
        return _masked(whole, encoder.raw(prompt)) if mask_prompt else _whole(whole)
    messages, tools = _messages(entry), _tools(entry)
    if (size := sum(len(message["content"]) for message in messages)) > prompts.MAX_TEMPLATE_TEXT:
        raise _Bad(f"its messages have {size} characters, more than {prompts.MAX_TEMPLATE_TEXT}")
    text = prompts.render_conversation(encoder.tokenizer, messages, tools)
    whole = encoder.rendered(text)
    if not mask_prompt:
        return _whole(whole)
    if messages[-1]["role"] != "assistant" or len(messages) == 1:
        raise _Bad("maskPrompt needs an assistant's message at the end, after others")
    prompt = prompts.render_conversation(encoder.tokenizer, messages[:-1], tools, for_answer=True)
    if not text.startswith(prompt):
        raise _Bad("maskPrompt can't be used: the chat template renders the prompt differently before an answer")
    return _masked(whole, encoder.rendered(prompt))


def _whole(tokens: list[int]) -> Sequence:
    if len(tokens) < 2:
        raise _Bad("it has fewer than two tokens")
    return Sequence(tokens)


def _masked(tokens: list[int], prompt: list[int]) -> Sequence:
    """Without the tokens of the prompt in the loss; one that holds its end and a beginning of the answer counts."""
    start = next((i for i, (one, other) in enumerate(zip(tokens, prompt, strict=False)) if one != other), len(prompt))
    sequence = Sequence(tokens, max(1, start))
    if not sequence.counted:
        raise _Bad("it has nothing after its prompt")
    return sequence


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise _Bad(f"{name} must be a non-empty string")
    return well_formed(value)


def _messages(entry: dict[str, Any]) -> list[dict[str, Any]]:
    messages = entry["messages"]
    if not isinstance(messages, list) or not messages:
        raise _Bad("messages must be a non-empty list")
    return [_message(f"messages[{i}]", message) for i, message in enumerate(messages)]


def _message(where: str, message: dict[str, Any]) -> dict[str, Any]:
    """A message as it is: files have the form that chat templates take, and OpenAI's."""
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise _Bad(f"{where} must be an object with a role, one of {', '.join(_ROLES)}")
    if unknown := sorted(message.keys() - _OF_MESSAGES):
        raise _Bad(f"{where} has {', '.join(unknown)}, which chat templates don't receive")
    calls = message.get("tool_calls")
    content = "" if calls and message.get("content") is None else message.get("content")
    if not isinstance(content, str):
        raise _Bad(f"{where}.content must be a string")
    out = {**message, "content": well_formed(content)}
    if calls is not None:
        out["tool_calls"] = _calls(where, calls)
    return out


def _calls(where: str, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With arguments as objects, which templates want; OpenAI has them as text."""
    try:
        parsed = []
        for call in calls:
            function = call["function"]
            arguments = function["arguments"]
            if isinstance(arguments, str):
                arguments = _json(arguments, f"{where}.tool_calls's arguments")
            parsed.append({**call, "function": {**function, "arguments": arguments}})
        return parsed
    except (TypeError, KeyError, ValueError, AttributeError):
        raise _Bad(f"{where}.tool_calls must be a list of objects with function.name and function.arguments") from None


def _tools(entry: dict[str, Any]) -> list[dict[str, Any]]:
    tools = entry.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        raise _Bad("tools must be a list of objects")
    return tools or []
