"""From a request's prompt to token ids, the same way for every engine."""

from mlx4j_worker.errors import InvalidRequest


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
    try:
        text = tokenizer.apply_chat_template(request.messages, tokenize=False, add_generation_prompt=True)
    except Exception as error:  # a template is the model author's own program: it may raise anything
        raise InvalidRequest(
            f"The model's chat template refused these messages: {error}",
            "Many templates want user and assistant to take turns, with at most one system message, first.",
        ) from None
    return tokenizer.encode(text, add_special_tokens=False)
