"""From a request's prompt to token ids, the same way for every engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.requests.prompt import PromptRequest
from mlx4j_worker.text import render_budget
from mlx4j_worker.text.formats import PLAIN, SWITCHES, Dialect

MAX_TEMPLATE_TEXT = 8 * 1024 * 1024  # characters
MAX_TOKEN_CHARS = 128  # where the tokenizer doesn't tell; runs of spaces are the longest in common vocabularies
_WITHOUT_TOOLS = "Use a model that was trained to call tools, or describe them in a message and use responseFormat."
_PLAIN = "What is the capital of Norway?"  # a message that any chat template should render
MAX_TEXT = 2 * 1024 * 1024  # characters that are tokenized at once where no context limits their tokens


@dataclass(frozen=True)
class Prompt:
    """Token ids, and whether the chat template left the model inside its thinking."""

    tokens: list[int]
    opens_thinking: bool = False


class TextLimit:
    """Finds texts that are too long before they are tokenized as a whole, which takes 200 bytes for each character.

    ``context`` is in tokens, or None where the model states none.
    """

    def __init__(self, tokenizer: Any, context: int | None) -> None:
        self._tokenizer = tokenizer
        self._context = context

    def check_context(self, text: str) -> None:
        """Raise ContextOverflow if the text surely has more tokens than the context."""
        context = self._context
        if context is None:
            if len(text) > MAX_TEXT:
                raise ContextOverflow(
                    f"The text has {len(text)} characters, but may have {MAX_TEXT}, since the model states no context.",
                    "Shorten the prompt.",
                )
        elif len(text) > 8 * context and (
            len(text) > context * longest_token(self._tokenizer) or self._has_more_than(context * 5 // 4, text)
        ):
            raise ContextOverflow(
                f"The text has {len(text)} characters, which are more tokens than the {context} that the model's "
                "context holds with the answer.",
                "Shorten the prompt or use a model with a longer context.",
            )

    def _has_more_than(self, count: int, text: str) -> bool:
        """Whether the pieces of a text have so many tokens. The whole text may have a few less than they."""
        size = 8 * count
        for start in range(0, len(text), size):
            count -= len(self._tokenizer.encode(text[start : start + size], add_special_tokens=False))
            if count < 0:
                return True
        return False


def check_size(text: str) -> None:
    """Raise InvalidRequest if a text is too long to be tokenized for its tokens' sake."""
    if len(text) > MAX_TEXT:
        raise InvalidRequest(
            f"The text has {len(text)} characters, but at most {MAX_TEXT} are tokenized at once.", "Send it in parts."
        )


def longest_token(tokenizer: Any) -> int:
    """The length of the longest token, in characters."""
    vocabulary = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else ()
    return max(map(len, vocabulary), default=MAX_TOKEN_CHARS)


def encode(
    tokenizer: Any, request: PromptRequest, dialect: Dialect = PLAIN, check: Callable[[str], None] = check_size
) -> Prompt:
    """The Prompt of a request's messages, raw text or tokens. ``check`` is called with the text before.

    ``tokenizer`` is a transformers tokenizer or mlx-lm's wrapper of one. Raw text gets the special tokens that
    the tokenizer adds by itself (a BOS, say), unless it begins with the BOS already. Chat goes through the chat
    template alone.
    """
    if request.tokens is not None:
        return Prompt(request.tokens)
    if request.prompt is not None:
        check(request.prompt)
        return Prompt(encode_text(tokenizer, request.prompt))
    text = render(tokenizer, request, dialect)
    check(text)
    opens = dialect.thinking is not None and text.rstrip().endswith(dialect.thinking[0])
    return Prompt(tokenizer.encode(text, add_special_tokens=False), opens)


def encode_text(tokenizer: Any, text: str) -> list[int]:
    """The ids of raw text."""
    bos = tokenizer.bos_token
    return tokenizer.encode(text, add_special_tokens=bos is None or not text.startswith(bos))


def render(tokenizer: Any, request: PromptRequest, dialect: Dialect) -> str:
    """What the chat template makes of a request's messages."""
    _check_template(tokenizer)
    values: dict[str, Any] = {}
    if request.tools:
        if dialect.calls is None:
            raise InvalidRequest(
                "tools can't be used: this worker can't parse this model's tool calls.",
                _WITHOUT_TOOLS,
            )
        if not dialect.takes_tools:
            raise InvalidRequest(
                "tools can't be used: the model's chat template does not read the variable tools, so the model would "
                "not see them.",
                _WITHOUT_TOOLS,
            )
        values["tools"] = request.tools
    if request.thinking is not None:
        if not dialect.switch and not (request.thinking and dialect.thinking):
            raise InvalidRequest(
                f"thinking can't be switched {'on' if request.thinking else 'off'}: the model's chat template reads "
                f"no variable for it ({' or '.join(SWITCHES)}).",
                "Leave it out.",
            )
        values[dialect.switch or "enable_thinking"] = request.thinking
    return chat(tokenizer, request.messages or [], values)


def render_conversation(
    tokenizer: Any, messages: list[dict[str, Any]], tools: Sequence[dict[str, Any]] = (), for_answer: bool = False
) -> str:
    """What the chat template makes of a whole conversation to learn from, or, ``for_answer``, of one to be answered.

    ``messages`` and ``tools`` are in the template's own form.
    """
    _check_template(tokenizer)
    if tools and "tools" not in str(tokenizer.chat_template):
        raise InvalidRequest("tools can't be used: the model's chat template doesn't support them.", "Leave them out.")
    return chat(tokenizer, messages, {"tools": [*tools]} if tools else {}, for_answer)


def _check_template(tokenizer: Any) -> None:
    if tokenizer.chat_template is None and not getattr(tokenizer, "has_chat_template", False):
        raise InvalidRequest(
            "The model's tokenizer has no chat template, so it can't take messages.",
            "Send a raw prompt, or use an instruct model.",
        )


def template_warnings(tokenizer: Any) -> list[str]:
    """Why the chat template can't render a plain user message; empty where it can, or where there is no template."""
    if tokenizer.chat_template is None:
        return []
    try:
        text = chat(tokenizer, [{"role": "user", "content": _PLAIN}], {})
    except InvalidRequest as error:
        return [f"Chat does not work with this model. {error}"]
    return [] if _PLAIN in text else ["The model's chat template leaves out the user's message, or changes it."]


def chat(
    tokenizer: Any, messages: list[dict[str, Any]], values: dict[str, list[dict[str, str]]], for_answer: bool = True
) -> str:
    """What the chat template makes of messages in its own form; ``values`` are its other variables."""
    with render_budget.limited() as found:
        try:
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=for_answer, **values)
        except Exception as error:  # a template may raise anything
            if type(error).__name__ == "TemplateSyntaxError":
                raise InvalidRequest(
                    f"The model's chat template is damaged: {error}",
                    "Download or copy the model again; a raw prompt doesn't use the template.",
                ) from None
            if not found.exceeded:
                raise InvalidRequest(
                    f"The model's chat template refused these messages: {str(error) or type(error).__name__}",
                    "Many templates require user and assistant to alternate, with at most one system message, first.",
                ) from None
    if found.exceeded:
        raise InvalidRequest(
            f"The model's chat template {found.exceeded}.",
            "Use another model, or another copy of it; a raw prompt doesn't use the template.",
        )
    if len(text) > MAX_TEMPLATE_TEXT:
        raise InvalidRequest(
            f"The model's chat template rendered these messages to {len(text)} characters, more than "
            f"{MAX_TEMPLATE_TEXT}.",
            "Send less, or use another copy of the model; a raw prompt doesn't use the template.",
        )
    return text
