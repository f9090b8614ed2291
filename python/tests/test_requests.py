"""A generate request is taken as it is meant, or refused by the name of what is wrong."""

import pytest

from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.requests import MAX_SEED, MAX_STOPS, GenerateRequest, check_fits, parse_generate

USER = {"role": "user", "content": "Hi"}


def params(**changes):
    return {"prompt": "Hi", "maxTokens": 5, **changes}


def sampled(**sampling):
    return params(sampling=sampling)


def test_a_short_request_gets_the_defaults():
    assert parse_generate(params()) == GenerateRequest(
        max_tokens=5, prompt="Hi", temperature=0.0, top_p=1.0, top_k=0, seed=None, stop=[]
    )


def test_every_field_is_taken():
    sampling = {"temperature": 0.5, "topP": 0.9, "topK": 40, "seed": MAX_SEED}
    request = parse_generate({"messages": [USER], "maxTokens": 7, "sampling": sampling, "stop": ["x"]})
    assert request == GenerateRequest(
        max_tokens=7, messages=[USER], temperature=0.5, top_p=0.9, top_k=40, seed=MAX_SEED, stop=["x"]
    )


def test_null_is_as_good_as_absent_for_the_optional_objects():
    absent = {"messages": None, "tokens": None, "sampling": None, "stop": None}
    assert parse_generate(params(**absent)) == parse_generate(params())
    assert parse_generate(sampled(seed=None)).seed is None


def test_whole_numbers_are_good_temperatures():
    temperature = parse_generate(sampled(temperature=1)).temperature
    assert temperature == 1
    assert isinstance(temperature, float)


def test_messages_keep_their_order_and_roles():
    messages = [{"role": role, "content": role} for role in ("system", "user", "assistant", "user")]
    assert parse_generate({"messages": messages, "maxTokens": 1}).messages == messages


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"prompt": "Hi"}, "maxTokens"),
        (params(maxTokens=None), "maxTokens"),
        (params(maxTokens=0), "maxTokens"),
        (params(maxTokens=-1), "maxTokens"),
        (params(maxTokens=2**31), "maxTokens"),
        (params(maxTokens=10**400), "maxTokens"),
        (params(maxTokens=5.0), "maxTokens"),
        (params(maxTokens="5"), "maxTokens"),
        (params(maxTokens=True), "maxTokens"),
        (params(maxTokens=[]), "maxTokens"),
        (sampled(temperature=-0.1), "temperature"),
        (sampled(temperature=100.1), "temperature"),
        (sampled(temperature=float("inf")), "temperature"),
        (sampled(temperature=float("nan")), "temperature"),
        (sampled(temperature=10**400), "temperature"),
        (sampled(temperature="hot"), "temperature"),
        (sampled(temperature=False), "temperature"),
        (sampled(temperature=None), "temperature"),
        (sampled(topP=0), "topP"),
        (sampled(topP=1.01), "topP"),
        (sampled(topP="1"), "topP"),
        (sampled(topK=-1), "topK"),
        (sampled(topK=1.5), "topK"),
        (sampled(topK=2**31), "topK"),
        (sampled(seed=-1), "seed"),
        (sampled(seed=MAX_SEED + 1), "seed"),
        (sampled(seed=1.0), "seed"),
        (params(sampling=[]), "sampling"),
        (params(sampling="greedy"), "sampling"),
        (params(stop="END"), "stop"),
        (params(stop=[""]), "stop"),
        (params(stop=["x", 1]), "stop"),
        (params(stop=["x"] * (MAX_STOPS + 1)), "stop"),
        (params(prompt=5), "prompt"),
        (params(prompt=["Hi"]), "prompt"),
        ({"messages": "Hi", "maxTokens": 5}, "messages"),
        ({"messages": [], "maxTokens": 5}, "messages"),
        ({"messages": [USER, "Hi"], "maxTokens": 5}, "messages[1]"),
        ({"messages": [USER, {"role": "user"}], "maxTokens": 5}, "messages[1]"),
        ({"messages": [{**USER, "name": "Jörg"}], "maxTokens": 5}, "messages[0]"),
        ({"messages": [USER, {"role": "tool", "content": ""}], "maxTokens": 5}, "messages[1].role"),
        ({"messages": [{"role": ["user"], "content": ""}], "maxTokens": 5}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": None}], "maxTokens": 5}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [USER]}], "maxTokens": 5}, "messages[0].content"),
        ({"tokens": "12", "maxTokens": 5}, "tokens"),
        ({"tokens": [1, 2.0], "maxTokens": 5}, "tokens"),
        ({"tokens": [1, True], "maxTokens": 5}, "tokens"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(bad, field):
    with pytest.raises(InvalidRequest) as refused:
        parse_generate(bad)
    assert str(refused.value).startswith(field)


@pytest.mark.parametrize("sources", [(), ("prompt", "tokens"), ("messages", "prompt", "tokens")])
def test_a_request_has_exactly_one_prompt(sources):
    values = {"messages": [USER], "prompt": "Hi", "tokens": [1]}
    with pytest.raises(InvalidRequest, match="exactly one of messages, prompt and tokens") as refused:
        parse_generate({"maxTokens": 5, **{name: values[name] for name in sources}})
    assert str(list(sources) or "none") in str(refused.value)


def test_unknown_options_are_refused_by_name_with_the_known_ones_as_hint():
    with pytest.raises(InvalidRequest, match=r"does not know beams, schema\.") as refused:
        parse_generate(params(schema={}, beams=4))
    assert "maxTokens" in refused.value.hint


def test_unknown_sampling_options_are_refused_by_their_full_name():
    with pytest.raises(InvalidRequest, match=r"does not know sampling\.minP\.") as refused:
        parse_generate(sampled(minP=0.1))
    assert "sampling.topP" in refused.value.hint


@pytest.mark.parametrize("lone", ["\ud800", "a\udc00b", "\ud800a", "\udc00\ud800"])
def test_lone_surrogates_become_replacement_characters(lone):
    clean = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in lone)
    assert parse_generate(params(prompt=lone)).prompt == clean
    assert parse_generate(params(stop=[lone])).stop == [clean]
    messages = [{"role": "user", "content": lone}]
    assert parse_generate({"messages": messages, "maxTokens": 1}).messages[0]["content"] == clean


def test_surrogate_pairs_become_their_character():
    assert parse_generate(params(prompt="\ud83d\ude00 \ufeffé")).prompt == "😀 \ufeffé"


class TestCheckFits:
    def request(self, max_tokens=10, top_k=0):
        return GenerateRequest(max_tokens=max_tokens, tokens=[], top_k=top_k)

    def test_max_tokens_are_granted_where_they_fit(self):
        assert check_fits(self.request(), [1, 2, 3], vocabulary=100, context=13) == 10

    def test_the_context_limits_the_answer(self):
        assert check_fits(self.request(), [1, 2, 3, 4], vocabulary=100, context=13) == 9
        assert check_fits(self.request(), [1] * 12, vocabulary=100, context=13) == 1

    def test_a_prompt_that_fills_the_context_is_refused(self):
        with pytest.raises(ContextOverflow, match=r"has 13 tokens.* holds 13 "):
            check_fits(self.request(), [1] * 13, vocabulary=100, context=13)

    def test_an_unknown_context_limits_nothing(self):
        assert check_fits(self.request(10**6), [1] * 10**5, vocabulary=100, context=None) == 10**6

    def test_an_empty_prompt_is_refused(self):
        with pytest.raises(InvalidRequest, match="prompt is empty"):
            check_fits(self.request(), [], vocabulary=100, context=13)

    @pytest.mark.parametrize("bad", [-1, 100, 2**40])
    def test_a_token_outside_the_vocabulary_is_refused(self, bad):
        with pytest.raises(InvalidRequest, match=f"Token id {bad} is outside the vocabulary of 100"):
            check_fits(self.request(), [0, 99, bad], vocabulary=100, context=13)

    def test_the_first_and_last_token_of_the_vocabulary_are_good(self):
        assert check_fits(self.request(), [0, 99], vocabulary=100, context=None) == 10

    def test_top_k_is_below_the_vocabulary(self):
        assert check_fits(self.request(top_k=99), [1], vocabulary=100, context=None) == 10
        with pytest.raises(InvalidRequest, match="topK is 100"):
            check_fits(self.request(top_k=100), [1], vocabulary=100, context=None)
