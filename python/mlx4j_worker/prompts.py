"""From a request's prompt to token ids, the same way for every engine."""

import signal
from contextlib import contextmanager

from mlx4j_worker.errors import InvalidRequest

# What a chat template may take: it is a program of the model's author, and an endless one is soon written.
TEMPLATE_SECONDS = 5
MOST_TEMPLATE_TEXT = 8 * 1024 * 1024  # characters


def encode(tokenizer, request):
    """The ids of a request's messages, raw prompt or tokens.

    ``tokenizer`` is a transformers tokenizer or mlx-lm's wrapper of one. A raw prompt gets the special tokens that
    the tokenizer adds by itself (a BOS, say), unless it begins with the BOS already. Chat goes through the chat
    template alone.
    """
    if request.tokens is not None:
        return request.tokens
    if request.prompt is not None:
        bos = tokenizer.bos_token
        return tokenizer.encode(request.prompt, add_special_tokens=bos is None or not request.prompt.startswith(bos))
    if tokenizer.chat_template is None and not getattr(tokenizer, "has_chat_template", False):
        raise InvalidRequest(
            "The model's tokenizer has no chat template, so it can't take messages.",
            "Send a raw prompt, or use an instruct model.",
        )
    return tokenizer.encode(_chat(tokenizer, request.messages), add_special_tokens=False)


def _chat(tokenizer, messages):
    try:
        with _time_limit(TEMPLATE_SECONDS):
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except _TooSlowError:
        raise InvalidRequest(
            f"The model's chat template did not come to an end within {TEMPLATE_SECONDS} s.",
            "Use another model, or another copy of it; a raw prompt goes without the template.",
        ) from None
    except Exception as error:  # a template may raise anything
        raise InvalidRequest(
            f"The model's chat template refused these messages: {str(error) or type(error).__name__}",
            "Many templates want user and assistant to take turns, with at most one system message, first.",
        ) from None
    if len(text) > MOST_TEMPLATE_TEXT:
        raise InvalidRequest(
            f"The model's chat template made {len(text)} characters of these messages, more than {MOST_TEMPLATE_TEXT}.",
            "Send less, or use another copy of the model; a raw prompt goes without the template.",
        )
    return text


class _TooSlowError(BaseException):
    """Leaves the template; none of the ``except Exception`` on its way holds it up."""


@contextmanager
def _time_limit(seconds):
    """Raises _TooSlowError in the body after so many seconds. For the main thread alone, as signals are."""

    def expired(_signal, _frame):
        raise _TooSlowError

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
