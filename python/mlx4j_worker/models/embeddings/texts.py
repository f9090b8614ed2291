"""Tokenizes texts to embed, as sentence-transformers does."""

import copy
from dataclasses import dataclass
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.models.embeddings.description import Description
from mlx4j_worker.requests.texts import EmbedRequest
from mlx4j_worker.text import prompts


@dataclass(frozen=True)
class EncodedText:
    """A text as token ids, special tokens too; the first ``prompt`` ids don't count in pooling.

    ``cut`` is whether the text was longer than the model takes.
    """

    ids: list[int]
    prompt: int = 0
    cut: bool = False


class TextEncoder:
    """Tokenizes texts by a description. Thread-safe, but is to be made before other threads use the tokenizer.

    ``tokenizer`` is one of transformers, and ``context`` the model's in tokens, or None. Where the folder describes
    its embeddings, longer texts are cut to the description's limit, or else to the smaller one of tokenizer and model.
    Where it does not, they are refused.
    """

    def __init__(self, description: Description, tokenizer: Any, context: int | None) -> None:
        self._description = description
        self._described = description.origin == "folder"
        self._tokenizer = _lowercasing(tokenizer) if description.lowercase else tokenizer
        self._context = context
        self._check_context = prompts.TextLimit(tokenizer, context).check_context
        self._limit = None
        if self._described:
            own = getattr(tokenizer, "model_max_length", None)
            limits = [limit for limit in (own, context) if limit and limit < 2**31]  # 1e30 stands for none
            self._limit = description.max_tokens or min(limits, default=None)
        self._backend = getattr(self._tokenizer, "backend_tokenizer", None) if self._described else None
        if self._backend is not None:  # tokenizer.json may have settings of its own
            self._backend.no_truncation()
            self._backend.no_padding()

    @property
    def limit(self) -> int | None:
        """How many tokens texts are cut to; None if there is no such limit."""
        return self._limit

    def encode(self, request: EmbedRequest) -> list[EncodedText]:
        """The texts of a request, each with its prompt. Raises InvalidRequest if the model has no such prompt."""
        prompt = self._prompt(request.prompt_name)
        skipped = 0 if self._description.include_prompt or not prompt else self._length(prompt)
        return [self._encode(prompt + text, skipped) for text in request.texts]

    def _prompt(self, name: str | None) -> str:
        known = self._description.prompts
        name = self._description.default_prompt if name is None else name
        if name is not None and name not in known:
            raise InvalidRequest(
                f"The model has no prompt {shown(name)}.", f"It has {', '.join(map(shown, sorted(known)))}."
            )
        return "" if name is None else known[name]

    def _encode(self, text: str, skipped: int) -> EncodedText:
        (self._check_context if self._limit is None else prompts.check_size)(text)
        ids, cut = self._tokens(text)
        if len(ids) <= skipped:
            beside = " beside its prompt, which doesn't count for this model" if ids else ""
            raise InvalidRequest(f"A text has no tokens{beside}.", "Give at least one token of text.")
        if self._context is not None and len(ids) > self._context:
            raise ContextOverflow(
                f"A text has {len(ids)} tokens, but the model's context holds {self._context}.",
                "Shorten the text, or embed it in parts.",
            )
        return EncodedText(ids, skipped, cut)

    def _length(self, prompt: str) -> int:
        """How many tokens a prompt has, as if it were alone, without a special token at its end."""
        ids, _ = self._tokens(prompt)
        return len(ids) - (bool(ids) and ids[-1] in self._tokenizer.all_special_ids)

    def _tokens(self, text: str) -> tuple[list[int], bool]:
        """(the ids of a text, whether it was cut); special tokens at its ends are kept."""
        if not self._described:
            return prompts.encode_text(self._tokenizer, text), False
        if self._backend is None:  # a tokenizer in Python
            ids = self._tokenizer.encode(text)
            if self._limit is None or len(ids) <= self._limit:
                return ids, False
            return self._tokenizer.encode(text, truncation=True, max_length=self._limit), True
        # The tokenizer's own truncation is a setting that all threads share.
        encoded = self._backend.encode(text, add_special_tokens=False)
        room = len(encoded) if self._limit is None else self._limit - self._backend.num_special_tokens_to_add(False)
        cut = len(encoded) > room
        if cut:
            encoded.truncate(max(0, room), direction=self._tokenizer.truncation_side)
        return self._backend.post_process(encoded).ids, cut


def _lowercasing(tokenizer: Any) -> Any:
    """A copy of a tokenizer that turns texts into lower case first."""
    from tokenizers import normalizers

    made = copy.deepcopy(tokenizer)
    own = made.backend_tokenizer.normalizer
    steps = [normalizers.Lowercase(), *([] if own is None else [own])]
    made.backend_tokenizer.normalizer = normalizers.Sequence(steps)
    return made
