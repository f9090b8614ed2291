"""Texts that are too long are found before they are tokenized as a whole."""

import pytest

from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.requests.generate import parse_generate
from mlx4j_worker.text import prompts
from mlx4j_worker.text.prompts import TextLimit


class Tokenizer:
    """A token for each run of up to ``run`` equal characters."""

    bos_token = None
    chat_template = "chat"
    run = 20

    def __init__(self):
        self.encoded = 0  # characters

    def get_vocab(self):
        return {"a" * n: n for n in range(1, self.run + 1)}

    def encode(self, text, add_special_tokens):
        self.encoded += len(text)
        tokens, at = [], 0
        while at < len(text):
            run = text[at : at + self.run]
            size = len(run) - len(run.lstrip(run[0]))
            tokens.append(size)
            at += size
        return tokens

    def apply_chat_template(self, messages, tokenize, add_generation_prompt):
        return messages[0]["content"]


@pytest.fixture
def tokenizer():
    return Tokenizer()


def test_what_no_token_is_long_enough_for_is_not_tokenized_at_all(tokenizer):
    with pytest.raises(ContextOverflow, match=r"2001 characters.* 100 "):
        TextLimit(tokenizer, 100).check_context("a" * 2001)
    assert tokenizer.encoded == 0


def test_of_a_text_with_too_many_tokens_only_a_part_is_tokenized(tokenizer):
    tokenizer.run = 100_000
    with pytest.raises(ContextOverflow):
        TextLimit(tokenizer, 100).check_context("ab" * 1_000_000)
    assert tokenizer.encoded == 1000


def test_many_tokens_are_found_behind_few(tokenizer):
    tokenizer.run = 100_000
    with pytest.raises(ContextOverflow):
        TextLimit(tokenizer, 100).check_context("a" * 1_000_000 + "ab" * 1_000_000)
    assert tokenizer.encoded <= 1_002_000


@pytest.mark.parametrize("text", ["", "ab" * 400, "a" * 2000, "ab" * 40 + "a" * 400])
def test_a_text_that_may_fit_is_left_to_the_tokenizer(tokenizer, text):
    TextLimit(tokenizer, 100).check_context(text)


def test_without_a_context_the_characters_are_limited(tokenizer):
    limit = TextLimit(tokenizer, None)
    limit.check_context("ab" * (prompts.MAX_TEXT // 2))
    with pytest.raises(ContextOverflow, match="states no context"):
        limit.check_context("ab" * (prompts.MAX_TEXT // 2) + "a")
    assert tokenizer.encoded == 0


@pytest.mark.parametrize("kind", ["prompt", "messages"])
def test_a_prompt_is_checked_before_it_is_tokenized(tokenizer, kind):
    text = "ab" * prompts.MAX_TEXT
    prompt = text if kind == "prompt" else [{"role": "user", "content": text}]
    request = parse_generate({kind: prompt, "maxTokens": 1})
    with pytest.raises(ContextOverflow):
        prompts.encode(tokenizer, request, check=TextLimit(tokenizer, 100).check_context)
    with pytest.raises(InvalidRequest, match="tokenized at once"):
        prompts.encode(tokenizer, request)
    assert tokenizer.encoded <= 1000


def test_a_damaged_template_is_told_from_one_that_refuses_the_messages(tokenizer):
    class TemplateSyntaxError(Exception):  # of jinja2, which is not needed here
        pass

    def failing(error):
        def apply(*_, **__):
            raise error

        tokenizer.apply_chat_template = apply
        with pytest.raises(InvalidRequest) as refused:
            prompts.chat(tokenizer, [], {})
        return f"{refused.value} {refused.value.hint}"

    assert "is damaged: oops Download" in failing(TemplateSyntaxError("oops"))
    assert "refused these messages: oops Many templates" in failing(ValueError("oops"))
