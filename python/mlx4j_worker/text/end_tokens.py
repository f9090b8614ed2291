"""The tokens that end an answer."""

from reprlib import repr as shown
from typing import Any

NONE_STATED = "The model states no end token, so that an answer ends at maxTokens, a stop string or the context only."


def end_ids(tokenizer: Any, *configs: Any) -> set[int]:
    """The ids that the first of the configs with an ``eos_token_id`` states, and the tokenizer's own.

    ``configs`` are generation_config.json and config.json as read, or None. An id may be written as a string of digits
    or as the token's text, and may be in the part of the config that describes the text model.
    """
    return _read(tokenizer, configs)[0]


def warnings(tokenizer: Any, *configs: Any) -> list[str]:
    """What a user should know about the tokens that ``end_ids`` finds, and about what it can't read as one."""
    ids, unknown = _read(tokenizer, configs)
    told = [f"eos_token_id has {shown(one)}, which is not a token of the model, so it is ignored." for one in unknown]
    return told if ids else [*told, NONE_STATED]


def _read(tokenizer: Any, configs: tuple[Any, ...]) -> tuple[set[int], list[Any]]:
    """(the ids, the values that are none)."""
    vocabulary = tokenizer.get_vocab()
    size = max([max(vocabulary.values(), default=-1) + 1, *map(_vocabulary_size, configs)])
    ids: set[Any] = {tokenizer.eos_token_id} - {None}
    unknown: list[Any] = []
    for config in configs:
        for part in (config, _part(config, "text_config")):
            stated = _part(part, "eos_token_id")
            stated = stated if isinstance(stated, list) else [stated]
            found = [(one, _id(one, vocabulary, size)) for one in stated if one is not None]
            unknown += [one for one, token in found if token is None]
            if known := {token for _, token in found if token is not None}:
                return ids | known, unknown
    return ids, unknown


def _id(value: Any, vocabulary: dict[str, int], size: int) -> int | None:
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() else vocabulary.get(value)
    return value if type(value) is int and 0 <= value < size else None


def _vocabulary_size(config: Any) -> int:
    """That of the model, which may have more tokens than its tokenizer; 0 where it isn't stated."""
    sizes = [_part(part, "vocab_size") for part in (config, _part(config, "text_config"))]
    return max([0, *(size for size in sizes if type(size) is int)])


def _part(config: dict[str, Any] | None, name: str) -> Any:
    return config.get(name) if isinstance(config, dict) else None
