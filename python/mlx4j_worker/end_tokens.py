"""The tokens that end an answer."""

from typing import Any

NONE_STATED = "The model states no end token, so that an answer ends at maxTokens, a stop string or the context only."


def end_ids(tokenizer: Any, *configs: Any) -> set[int]:
    """The ids that the first of the configs with an ``eos_token_id`` states, and the tokenizer's own.

    ``configs`` are generation_config.json and config.json as read, or None. An id may be written as a string of digits
    or as the token's text, and may be in the part of the config that describes the text model.
    """
    vocabulary = tokenizer.get_vocab()
    ids = {tokenizer.eos_token_id} - {None}
    for config in configs:
        if found := _stated(config, vocabulary) or _stated(_part(config, "text_config"), vocabulary):
            return ids | found
    return ids


def _stated(config, vocabulary):
    value = _part(config, "eos_token_id")
    return {_id(one, vocabulary) for one in (value if isinstance(value, list) else [value])} - {None}


def _id(value, vocabulary):
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else vocabulary.get(value)
    return value if type(value) is int else None


def _part(config, name):
    return config.get(name) if isinstance(config, dict) else None
