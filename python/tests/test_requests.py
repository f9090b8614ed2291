"""A generate request is taken as it is meant, or refused by the name of what is wrong."""

import pytest

from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.requests.fields import MAX_SEED
from mlx4j_worker.requests.generate import (
    MAX_BIASES,
    MAX_CHOICES,
    MAX_PATTERN,
    MAX_SCHEMA,
    MAX_STOPS,
    GenerateRequest,
    ResponseFormat,
    SamplingParams,
    check_fits,
    parse_generate,
)
from mlx4j_worker.requests.hub import parse_hub
from mlx4j_worker.requests.options import Options, parse_options
from mlx4j_worker.requests.prompt import MAX_TOOLS, parse_prompt
from mlx4j_worker.requests.texts import MAX_TEXTS, EmbedRequest, RerankRequest, parse_embed, parse_rerank, parse_texts

USER = {"role": "user", "content": "Hi"}


def params(**changes):
    return {"prompt": "Hi", "maxTokens": 5, **changes}


def sampled(**sampling):
    return params(sampling=sampling)


def test_a_short_request_gets_the_defaults():
    assert parse_generate(params()) == GenerateRequest(max_tokens=5, prompt="Hi")


def test_every_field_is_taken():
    sampling = {"temperature": 0.5, "topP": 0.9, "topK": 40, "minP": 0.1, "seed": MAX_SEED}
    sampling |= {"repetitionPenalty": 1.1, "presencePenalty": -1, "frequencyPenalty": 2, "logitBias": {"7": -100}}
    tool = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    more = {"stop": ["x"], "tools": [tool], "thinking": False, "logProbs": 3}
    request = parse_generate({"messages": [USER], "maxTokens": 7, "sampling": sampling, **more})
    assert request == GenerateRequest(
        max_tokens=7,
        messages=[USER],
        sampling=SamplingParams(0.5, 0.9, 40, 0.1, 1.1, -1.0, 2.0, {7: -100.0}, MAX_SEED),
        stop=["x"],
        tools=[{"type": "function", "function": tool}],
        thinking=False,
        log_probs=3,
    )


def test_null_is_as_good_as_absent_for_the_optional_objects():
    absent = dict.fromkeys(
        ("messages", "tokens", "sampling", "stop", "tools", "thinking", "responseFormat", "logProbs")
    )
    assert parse_generate(params(**absent)) == parse_generate(params())
    names = ("temperature", "topP", "topK", "minP", "seed", "logitBias")
    assert parse_generate(sampled(**dict.fromkeys(names))) == parse_generate(params())


def test_whole_numbers_are_good_temperatures():
    temperature = parse_generate(sampled(temperature=1)).sampling.temperature
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
        (sampled(minP=1.1), "minP"),
        (sampled(minP=-0.1), "minP"),
        (sampled(repetitionPenalty=0), "repetitionPenalty"),
        (sampled(repetitionPenalty=11), "repetitionPenalty"),
        (sampled(presencePenalty=10.5), "presencePenalty"),
        (sampled(frequencyPenalty="1"), "frequencyPenalty"),
        (sampled(logitBias=[]), "logitBias"),
        (sampled(logitBias={"x": 1}), "logitBias"),
        (sampled(logitBias={"-1": 1}), "logitBias"),
        (sampled(logitBias={"": 1}), "logitBias"),
        (sampled(logitBias={"\u0661": 1}), "logitBias"),
        (sampled(logitBias={"1": 101}), "1 is 101"),
        (sampled(logitBias={"1": None}), "1 is None"),
        (sampled(logitBias={str(i): 1 for i in range(MAX_BIASES + 1)}), "logitBias has 1025"),
        (params(cacheSalt=7), "cacheSalt"),
        (params(cacheSalt=""), "cacheSalt"),
        (params(cacheSalt="s" * 257), "cacheSalt"),
        (params(logProbs=-1), "logProbs"),
        (params(logProbs=21), "logProbs"),
        (params(logProbs=True), "logProbs"),
        (params(responseFormat="json"), "responseFormat"),
        (params(responseFormat={}), "responseFormat.type"),
        (params(responseFormat={"type": "xml"}), "responseFormat.type"),
        (params(responseFormat={"type": ["json"]}), "responseFormat.type"),
        (params(responseFormat={"type": "jsonSchema"}), "responseFormat.schema"),
        (params(responseFormat={"type": "jsonSchema", "schema": "{}"}), "responseFormat.schema"),
        (params(responseFormat={"type": "jsonSchema", "schema": {"x": "y" * MAX_SCHEMA}}), "responseFormat.schema"),
        *(
            (
                params(responseFormat={"type": "jsonSchema", "schema": {"properties": {"n": schema}}}),
                "responseFormat.schema has",
            )
            for schema in (
                {"const": 2**53},
                {"enum": [1, -(2**63)]},
                {"minimum": -(2**53)},
                {"maximum": 1e300},
                {"multipleOf": float("inf")},
            )
        ),
        (params(responseFormat={"type": "regex", "pattern": ""}), "responseFormat.pattern"),
        (params(responseFormat={"type": "regex", "pattern": "a" * (MAX_PATTERN + 1)}), "responseFormat.pattern"),
        (params(responseFormat={"type": "choice", "choices": []}), "responseFormat.choices"),
        (params(responseFormat={"type": "choice", "choices": ["a", ""]}), "responseFormat.choices"),
        (params(responseFormat={"type": "choice", "choices": "ab"}), "responseFormat.choices"),
        (params(responseFormat={"type": "choice", "choices": ["a"] * (MAX_CHOICES + 1)}), "responseFormat.choices"),
        (params(responseFormat={"type": "json"}, stop=["x"]), "stop can't be combined with responseFormat"),
        ({"messages": [USER], "maxTokens": 5, "tools": [{"name": "f"}], "responseFormat": {"type": "json"}}, "tools"),
        (params(tools=[{"name": "f"}]), "tools can't be used without messages"),
        (params(thinking=True), "thinking can't be used without messages"),
        ({"messages": [USER], "maxTokens": 5, "thinking": 1}, "thinking"),
        ({"messages": [USER], "maxTokens": 5, "tools": {}}, "tools"),
        ({"messages": [USER], "maxTokens": 5, "tools": [{}]}, "tools[0]"),
        ({"messages": [USER], "maxTokens": 5, "tools": [{"name": ""}]}, "tools[0]"),
        ({"messages": [USER], "maxTokens": 5, "tools": [{"name": "f"}, {"name": "f"}]}, "tools[1]"),
        ({"messages": [USER], "maxTokens": 5, "tools": [{"name": "f", "parameters": "{}"}]}, "parameters"),
        ({"messages": [USER], "maxTokens": 5, "tools": [{"name": "f"}] * (MAX_TOOLS + 1)}, "There are 129 tools"),
        ({"messages": [USER, {"role": "assistant", "content": "", "toolCalls": [{}]}], "maxTokens": 5}, "messages[1]."),
        ({"messages": [USER, {"role": "tool", "content": "", "toolCallId": "1"}], "maxTokens": 5}, "messages[1].tool"),
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
        ({"messages": [{**USER, "name": "Jörg"}], "maxTokens": 5}, "This worker does not know messages[0].name"),
        ({"messages": [USER, {"role": "tool", "content": ""}], "maxTokens": 5}, "messages[1].toolCallId"),
        ({"messages": [USER, {"role": "developer", "content": ""}], "maxTokens": 5}, "messages[1].role"),
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
    with pytest.raises(InvalidRequest, match=r"does not know sampling\.typicalP\.") as refused:
        parse_generate(sampled(typicalP=0.1))
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
        return GenerateRequest(max_tokens=max_tokens, tokens=[], sampling=SamplingParams(top_k=top_k))

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

    def test_a_bias_is_for_a_token_of_the_vocabulary(self):
        biased = GenerateRequest(max_tokens=1, tokens=[], sampling=SamplingParams(logit_bias={0: 1.0, 99: 1.0}))
        assert check_fits(biased, [1], vocabulary=100, context=None) == 1
        with pytest.raises(InvalidRequest, match="logitBias has the token id 99"):
            check_fits(biased, [1], vocabulary=99, context=None)


class TestSampling:
    def test_what_is_missing_comes_from_the_author_and_then_is_off(self):
        author = SamplingParams(temperature=0.6, top_k=20)
        assert SamplingParams(top_k=5, seed=1).filled(author) == SamplingParams(0.6, 1.0, 5, 0.0, 1.0, 0.0, 0.0, {}, 1)
        assert SamplingParams(temperature=0.0).filled(author).greedy

    def test_it_is_greedy_and_plain_without_any_values(self):
        off = SamplingParams().filled(SamplingParams())
        assert off.greedy
        assert not off.penalizes

    @pytest.mark.parametrize("name", ["repetition_penalty", "presence_penalty", "frequency_penalty"])
    def test_any_penalty_counts(self, name):
        assert SamplingParams(**{name: 1.5}).filled(SamplingParams()).penalizes

    def test_its_json_has_the_names_of_the_wire(self):
        given = SamplingParams(temperature=0.6, top_p=0.9, repetition_penalty=1.1)
        assert given.to_json() == {"temperature": 0.6, "topP": 0.9, "repetitionPenalty": 1.1}
        assert SamplingParams().to_json() == {}


class TestResponseFormat:
    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            ({"type": "json"}, ResponseFormat("json")),
            ({"type": "jsonSchema", "schema": {}}, ResponseFormat("jsonSchema", {})),
            ({"type": "regex", "pattern": "a+"}, ResponseFormat("regex", "a+")),
            ({"type": "choice", "choices": ["a", "b\ud800"]}, ResponseFormat("choice", ["a", "b\ufffd"])),
        ],
    )
    def test_each_kind_is_taken(self, given, taken):
        assert parse_generate(params(responseFormat=given)).response_format == taken

    def test_a_field_of_another_kind_is_refused_by_name(self):
        with pytest.raises(InvalidRequest, match=r"does not know responseFormat\.schema\."):
            parse_generate(params(responseFormat={"type": "regex", "pattern": "a", "schema": {}}))


class TestToolMessages:
    def test_calls_and_their_results_become_what_templates_take(self):
        call = {"id": "call_1", "name": "getWeather", "arguments": {"city": "M\ud800"}}
        messages = [
            USER,
            {"role": "assistant", "content": "", "toolCalls": [call]},
            {"role": "tool", "content": "sunny", "toolCallId": "call_1"},
        ]
        assert parse_generate({"messages": messages, "maxTokens": 5}).messages[1:] == [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "type": "function",
                        "id": "call_1",
                        "function": {"name": "getWeather", "arguments": {"city": "M\ufffd"}},
                    }
                ],
            },
            {"role": "tool", "content": "sunny", "tool_call_id": "call_1", "name": "getWeather"},
        ]

    def test_a_tool_has_an_empty_description_and_no_parameters_by_default(self):
        request = parse_generate({"messages": [USER], "maxTokens": 5, "tools": [{"name": "now"}]})
        assert request.tools[0]["function"] == {
            "name": "now",
            "description": "",
            "parameters": {"type": "object", "properties": {}},
        }


class TestOtherCalls:
    def test_a_prompt_is_messages_or_text_and_no_tokens(self):
        assert parse_prompt({"prompt": "Hi"}, ("messages", "prompt")).prompt == "Hi"
        with pytest.raises(InvalidRequest, match=r"does not know tokens\."):
            parse_prompt({"tokens": [1]}, ("messages", "prompt"))
        with pytest.raises(InvalidRequest, match="exactly one of messages, but"):
            parse_prompt({}, ("messages",))

    @pytest.mark.parametrize("texts", [None, [], "Hi", [1], ["x"] * (MAX_TEXTS + 1)])
    def test_texts_to_embed_are_a_list_of_strings(self, texts):
        with pytest.raises(InvalidRequest, match="texts"):
            parse_embed({"texts": texts})
        with pytest.raises(InvalidRequest, match="texts"):
            parse_texts({"texts": texts})
        assert parse_texts({"texts": ["a", ""]}) == ["a", ""]
        assert parse_embed({"texts": ["a", ""]}) == EmbedRequest(["a", ""])

    def test_texts_to_embed_may_name_a_prompt(self):
        assert parse_embed({"texts": ["a"], "promptName": "query"}) == EmbedRequest(["a"], "query")
        with pytest.raises(InvalidRequest, match="promptName"):
            parse_embed({"texts": ["a"], "promptName": 1})
        with pytest.raises(InvalidRequest, match="promptName"):
            parse_texts({"texts": ["a"], "promptName": "query"})

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"documents": ["b"]}, "query must be"),
            ({"query": " ", "documents": ["b"]}, "query must be"),
            ({"query": "a"}, "documents must be a list of 1 to 1024"),
            ({"query": "a", "documents": []}, "documents must be a list of 1 to 1024"),
            ({"query": "a", "documents": ["b"] * 1025}, "documents must be a list of 1 to 1024"),
            ({"query": "a", "documents": ["b", 1]}, "documents must be a list"),
            ({"query": "a", "documents": ["b", "\n "]}, r"documents\[1\] is blank"),
            ({"query": "a", "documents": ["b"], "instruction": ""}, "instruction is blank"),
            ({"query": "a", "documents": ["b"], "truncate": 1}, "truncate is int"),
            ({"query": "a", "documents": ["b"], "topK": 1}, "does not know topK"),
        ],
    )
    def test_what_can_not_be_reranked_is_named(self, given, told):
        with pytest.raises(InvalidRequest, match=told):
            parse_rerank(given)

    def test_rerank_has_defaults(self):
        request = parse_rerank({"query": "a", "documents": ["b", "c\ud800"]})
        assert request == RerankRequest("a", ["b", "c\ufffd"], None, False)

    def test_the_kind_of_a_reranker_is_one_that_is_known(self):
        assert parse_options({"options": {"reranker": "qwen3"}}).reranker == "qwen3"
        with pytest.raises(InvalidRequest, match="reranker is 'bert', but must be one of qwen3"):
            parse_options({"options": {"reranker": "bert"}})

    def test_options_have_defaults(self):
        assert parse_options({}) == parse_options({"options": {"draftTokens": None}}) == Options()
        assert Options().given("adapter", "allowPickles") == []

    def test_wired_limit_and_device_are_on_only_when_asked_for(self):
        names = ("wiredLimit", "device")
        assert parse_options({"options": {"wiredLimit": False, "device": "auto"}}).given(*names) == []
        assert parse_options({"options": {"wiredLimit": True, "device": "cpu"}}).given(*names) == [*names]

    @pytest.mark.parametrize("name", ["adapter", "base", "expert", "actionHead", "draftModel"])
    def test_an_empty_option_is_refused(self, name):
        with pytest.raises(InvalidRequest, match=f"options.{name} is empty"):
            parse_options({"options": {name: ""}})

    def test_an_action_head_has_a_file_or_a_seed(self):
        assert parse_options({"options": {"actionHeadSeed": 0}}).given("actionHeadSeed") == ["actionHeadSeed"]
        for bad in ({"actionHeadSeed": -1}, {"actionHeadSeed": 0, "actionHead": "h"}):
            with pytest.raises(InvalidRequest, match="actionHeadSeed"):
                parse_options({"options": bad})

    def test_options_are_taken(self):
        given = {"adapter": "a", "base": "b", "expert": "e", "dtype": "float16", "actionHead": "h"}
        given |= {"trustRemoteCode": True, "allowPickles": True, "memoryLimitBytes": 9}
        given |= {"draftModel": "d", "draftTokens": 5, "kvBits": 8, "kvTokens": 64, "prefixCacheBytes": 0}
        given |= {"ranks": 2, "hosts": "f", "wiredLimit": True, "device": "mps"}
        assert parse_options({"options": given}) == Options(
            "a", "b", "e", "float16", "h", None, True, True, 9, "d", 5, 8, 64, 0, 2, "f", True, "mps"
        )

    @pytest.mark.parametrize(
        ("bad", "field"),
        [
            ({"kvBits": 5}, "kvBits"),
            ({"kvBits": 2}, "kvBits"),
            ({"kvTokens": 63}, "kvTokens"),
            ({"draftTokens": 0}, "draftTokens"),
            ({"draftTokens": 17}, "draftTokens"),
            ({"prefixCacheBytes": -1}, "prefixCacheBytes"),
            ({"adapter": 1}, "adapter"),
            ({"wiredLimit": 1}, "wiredLimit"),
            ({"device": "gpu"}, "device is 'gpu', but must be one of auto, cuda, mps, cpu"),
            ({"device": 0}, "device"),
            ({"loraPath": "x"}, r"This worker does not know options\.loraPath"),
        ],
    )
    def test_bad_options_are_refused_by_name(self, bad, field):
        with pytest.raises(InvalidRequest, match=field):
            parse_options({"options": bad})


HUB = ("source", "revision", "hubToken", "stallSeconds")


def test_a_call_about_the_hub_takes_a_hub_id_only():
    asked = parse_hub({"source": "org/name", "revision": "v1", "hubToken": "secret", "stallSeconds": 2.5}, HUB)
    assert (asked.source, asked.revision, asked.token, asked.stall) == ("org/name", "v1", "secret", 2.5)
    assert parse_hub({"source": "org/name"}, HUB).stall is None
    for source in (None, "", "name", "a/b/c", "/a", "./a", "../a", "~/a", 7):
        with pytest.raises(InvalidRequest, match="source is"):
            parse_hub({"source": source}, HUB)


@pytest.mark.parametrize(
    "params", [{"revision": 7}, {"hubToken": 7}, {"stallSeconds": 0}, {"stallSeconds": "7"}, {"force": True}]
)
def test_what_a_call_about_the_hub_can_not_honour_is_refused_by_name(params):
    with pytest.raises(InvalidRequest, match=next(iter(params))):
        parse_hub({"source": "org/name", **params}, HUB)
