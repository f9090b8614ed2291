"""What a call asks for: its fields, their defaults, and their validation before any engine sees them."""

import json
from dataclasses import dataclass, field, fields, replace
from reprlib import repr as shown  # shortens what is long
from typing import Any

from mlx4j_worker.bounds import MAX_SCHEMA_NUMBER, unsafe_number
from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.wire import well_formed

MAX_SEED = 2**63 - 1
MAX_STOPS = 16
MAX_BIASES = 1024
MAX_TOOLS = 128
MAX_TEXTS = 4096
MAX_DOCUMENTS = 1024
RERANKERS = ("qwen3",)
MAX_LOGITS_TOKENS = 4096
MAX_RANKS = 16
DTYPES = ("bfloat16", "float16", "float32")
DEVICES = ("auto", "cuda", "mps", "cpu")
MAX_SCHEMA = 256 * 1024  # characters, as for the others
MAX_PATTERN = 64 * 1024
MAX_CHOICES = 1024
MAX_SALT = 256  # characters

OPTIONAL = object()  # the default of a number that may be left out, and is None then


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen. None is the model author's value, else the one in ``filled``."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[int, float] = field(default_factory=dict)
    seed: int | None = None

    def filled(self, author):
        """With the values of ``author``, a Sampling, where there are none, and then with those that switch off."""
        off = Sampling(0.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0)
        values = {f.name: next((v for s in (self, author, off) if (v := getattr(s, f.name)) is not None), None)
                  for f in fields(self)}  # fmt: skip
        return replace(self, **values)

    def to_json(self):
        """The values that there are, by their names on the wire."""
        values = {f.name.title().replace("_", ""): getattr(self, f.name) for f in fields(self)}
        return {name[0].lower() + name[1:]: value for name, value in values.items() if value not in (None, {})}

    @property
    def greedy(self):
        return self.temperature == 0

    @property
    def penalizes(self):
        return self.repetition_penalty != 1 or self.presence_penalty != 0 or self.frequency_penalty != 0


@dataclass(frozen=True)
class ResponseFormat:
    """``type`` is json, jsonSchema, regex or choice; ``value`` its schema, pattern or choices."""

    type: str
    value: dict | str | list[str] | None = None

    @property
    def is_json(self) -> bool:
        return self.type in ("json", "jsonSchema")

    @property
    def schema(self) -> dict[str, Any]:
        """The schema, where the text is JSON."""
        return {"type": "object"} if self.type == "json" else self.value


@dataclass(frozen=True)
class PromptRequest:
    """Exactly one of ``messages`` (chat), ``prompt`` (raw text) and ``tokens`` (ids) is set."""

    messages: list[dict] | None = None
    prompt: str | None = None
    tokens: list[int] | None = None
    tools: list[dict] = field(default_factory=list)  # as chat templates take them
    thinking: bool | None = None


@dataclass(frozen=True)
class GenerateRequest(PromptRequest):
    """A prompt, and what is wanted of the answer."""

    max_tokens: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    stop: list[str] = field(default_factory=list)
    response_format: ResponseFormat | None = None
    cache_salt: str | None = None  # prefixes in the cache are shared with requests of the same salt only
    log_probs: int | None = None  # how many of the most probable tokens are reported; None is no report at all


@dataclass(frozen=True)
class RerankRequest:
    """Documents to be scored for a query. ``truncate`` drops the end of what is too long for the model."""

    query: str
    documents: list[str]
    instruction: str | None = None
    truncate: bool = False


@dataclass(frozen=True)
class EmbedRequest:
    """Texts to embed, each after the prompt of this name; None is the model's default prompt, if it has one."""

    texts: list[str]
    prompt_name: str | None = None


@dataclass(frozen=True)
class Options:
    """The options of ``initialize``."""

    adapter: str | None = None
    base: str | None = None
    expert: str | None = None
    dtype: str | None = None
    action_head: str | None = None
    action_head_seed: int | None = None  # of a freshly initialized action head
    trust_remote_code: bool = False
    allow_pickles: bool = False
    memory_limit_bytes: int | None = None
    draft_model: str | None = None
    draft_tokens: int = 3
    kv_bits: int | None = None
    kv_tokens: int | None = None
    prefix_cache_bytes: int = 1 << 30
    ranks: int | None = None
    hosts: str | None = None
    wired_limit: bool = False
    device: str = "auto"
    reranker: str | None = None  # one of RERANKERS

    def given(self, *names):
        """Those of the names, as on the wire, whose options are on."""
        values = {
            "adapter": self.adapter,
            "draftModel": self.draft_model,
            "kvBits": self.kv_bits,
            "kvTokens": self.kv_tokens,
            "actionHead": self.action_head,
            "actionHeadSeed": self.action_head_seed,
            "trustRemoteCode": self.trust_remote_code or None,
            "allowPickles": self.allow_pickles or None,
            "memoryLimitBytes": self.memory_limit_bytes,
            "ranks": self.ranks,
            "hosts": self.hosts,
            "wiredLimit": self.wired_limit or None,
            "device": None if self.device == "auto" else self.device,
        }
        return [name for name in names if values[name] is not None]

    def refuse(self, worker, other, *names):
        """Raises InvalidRequest if one of these is on, which ``worker`` can't honour."""
        if given := self.given(*names):
            raise InvalidRequest(
                f"{', '.join(given)} can't be honoured by the {worker} worker.",
                f"Leave it out, or use the {other} worker.",
            )


def parse_generate(params):
    """The request in the params of ``generate``; raises InvalidRequest that names the field."""
    known = {"messages", "prompt", "tokens", "tools", "thinking"}
    refuse_unknown(params, known | {"sampling", "stop", "maxTokens", "responseFormat", "logProbs", "cacheSalt"}, "")
    request = GenerateRequest(
        **_prompt_fields(params, ("messages", "prompt", "tokens")),
        max_tokens=number(params, "maxTokens", int, 1, 2**31 - 1),
        sampling=_sampling(typed(params, "sampling", dict, {})),
        stop=_stops(params),
        response_format=_response_format(typed(params, "responseFormat", dict, None)),
        log_probs=number(params, "logProbs", int, 0, 20, OPTIONAL),
        cache_salt=_salt(params),
    )
    if request.response_format and (request.stop or request.tools):
        raise InvalidRequest(
            f"{'stop' if request.stop else 'tools'} can't be used beside responseFormat.",
            "Leave one of them out: a stop string or a call would leave an answer that has not the format.",
        )
    return request


def parse_prompt(params, sources):
    """The prompt in the params of ``tokenize`` and its like; ``sources`` are the kinds of prompt that it takes."""
    refuse_unknown(params, {*sources, "tools", "thinking"}, "")
    return PromptRequest(**_prompt_fields(params, sources))


def parse_score(params):
    """The prompt and the completion in the params of ``score``."""
    sources = ("messages", "prompt", "tokens")
    refuse_unknown(params, {*sources, "tools", "thinking", "completion"}, "")
    completion = typed(params, "completion", str, None)
    if not completion:
        raise InvalidRequest("completion must be a string that is not empty.")
    return PromptRequest(**_prompt_fields(params, sources)), well_formed(completion)


def parse_logits(params):
    """The token ids in the params of ``logits``."""
    refuse_unknown(params, {"tokens"}, "")
    tokens = _tokens(params)
    if tokens is None or not 0 < len(tokens) <= MAX_LOGITS_TOKENS:
        raise InvalidRequest(f"tokens must be a list of 1 to {MAX_LOGITS_TOKENS} token ids.")
    return tokens


def parse_embed(params):
    """The request in the params of ``embed``."""
    refuse_unknown(params, {"texts", "promptName"}, "")
    return EmbedRequest(_texts(params), typed(params, "promptName", str, None))


def parse_texts(params):
    """The texts in the params of ``classifyActions``."""
    refuse_unknown(params, {"texts"}, "")
    return _texts(params)


def _texts(params):
    texts = typed(params, "texts", list, [])
    if not 0 < len(texts) <= MAX_TEXTS or not all(isinstance(text, str) for text in texts):
        raise InvalidRequest(f"texts must be a list of 1 to {MAX_TEXTS} strings.")
    return [well_formed(text) for text in texts]


def parse_rerank(params):
    """The request in the params of ``rerank``."""
    refuse_unknown(params, {"query", "documents", "instruction", "truncate"}, "")
    query = typed(params, "query", str, "")
    instruction = typed(params, "instruction", str, None)
    documents = typed(params, "documents", list, [])
    if not query.strip():
        raise InvalidRequest("query must be a string that is not blank.")
    if instruction is not None and not instruction.strip():
        raise InvalidRequest("instruction is blank.", "Leave it out for the model's own.")
    if not 0 < len(documents) <= MAX_DOCUMENTS or not all(isinstance(text, str) for text in documents):
        raise InvalidRequest(f"documents must be a list of 1 to {MAX_DOCUMENTS} strings.")
    if (blank := next((i for i, text in enumerate(documents) if not text.strip()), None)) is not None:
        raise InvalidRequest(f"documents[{blank}] is blank.", "Leave it out.")
    return RerankRequest(
        well_formed(query),
        [well_formed(text) for text in documents],
        None if instruction is None else well_formed(instruction),
        typed(params, "truncate", bool, False),
    )


def parse_options(params):
    """The options in the params of ``initialize``."""
    given = typed(params, "options", dict, {})
    known = {"adapter", "base", "expert", "dtype", "actionHead", "trustRemoteCode", "allowPickles", "memoryLimitBytes"}
    known |= {
        "actionHeadSeed",
        "draftModel",
        "draftTokens",
        "kvBits",
        "kvTokens",
        "prefixCacheBytes",
        "ranks",
        "hosts",
        "wiredLimit",
        "device",
        "reranker",
    }
    refuse_unknown(given, known, "options.")
    if empty := [name for name, value in given.items() if value == ""]:
        raise InvalidRequest(f"options.{empty[0]} is empty.", "Leave it out, or give it a value.")
    dtype = typed(given, "dtype", str, None)
    if dtype is not None and dtype not in DTYPES:
        raise InvalidRequest(f"dtype is {shown(dtype)}, but must be one of {', '.join(DTYPES)}.")
    device = typed(given, "device", str, "auto")
    if device not in DEVICES:
        raise InvalidRequest(f"device is {shown(device)}, but must be one of {', '.join(DEVICES)}.")
    reranker = typed(given, "reranker", str, None)
    if reranker is not None and reranker not in RERANKERS:
        raise InvalidRequest(f"reranker is {shown(reranker)}, but must be one of {', '.join(RERANKERS)}.")
    bits = number(given, "kvBits", int, 4, 8, OPTIONAL)
    if bits not in (None, 4, 8):
        raise InvalidRequest(f"kvBits is {bits}, but must be 4 or 8.")
    seed = number(given, "actionHeadSeed", int, 0, MAX_SEED, OPTIONAL)
    if seed is not None and given.get("actionHead") is not None:
        raise InvalidRequest(
            "actionHead and actionHeadSeed can't be used together.",
            "Name the file of a trained head, or the seed of a fresh one.",
        )
    draft_tokens = number(given, "draftTokens", int, 1, 16, OPTIONAL)
    cache_bytes = number(given, "prefixCacheBytes", int, 0, 2**62, OPTIONAL)
    return Options(
        adapter=typed(given, "adapter", str, None),
        base=typed(given, "base", str, None),
        expert=typed(given, "expert", str, None),
        dtype=dtype,
        action_head=typed(given, "actionHead", str, None),
        action_head_seed=seed,
        trust_remote_code=typed(given, "trustRemoteCode", bool, False),
        allow_pickles=typed(given, "allowPickles", bool, False),
        memory_limit_bytes=number(given, "memoryLimitBytes", int, 1, 2**62, OPTIONAL),
        draft_model=typed(given, "draftModel", str, None),
        draft_tokens=Options.draft_tokens if draft_tokens is None else draft_tokens,
        kv_bits=bits,
        kv_tokens=number(given, "kvTokens", int, 64, 2**31 - 1, OPTIONAL),
        prefix_cache_bytes=Options.prefix_cache_bytes if cache_bytes is None else cache_bytes,
        ranks=number(given, "ranks", int, 2, MAX_RANKS, OPTIONAL),
        hosts=typed(given, "hosts", str, None),
        wired_limit=typed(given, "wiredLimit", bool, False),
        device=device,
        reranker=reranker,
    )


@dataclass(frozen=True)
class HubRequest:
    """A model of the hub, for the calls that work the hub's cache; ``token`` is the user's.

    ``stall`` is in seconds, ``room`` how many bytes of weights can be loaded.
    """

    source: str
    revision: str | None
    token: str | None
    stall: float | None
    room: int | None


def parse_hub(params, known):
    """The params of a call about a model of the hub, of which it takes those in ``known``."""
    refuse_unknown(params, set(known), "")
    source = typed(params, "source", str, None)
    if not source or source.startswith(("/", ".", "~")) or source.count("/") != 1:
        raise InvalidRequest(f"source is {shown(source)}, but must be the id of a model of the hub: org/name.")
    stall = number(params, "stallSeconds", float, 0, 86_400, OPTIONAL, above=True)
    room = number(params, "roomBytes", int, 0, 2**62, OPTIONAL)
    return HubRequest(source, typed(params, "revision", str, None), token_of(params), stall, room)


def token_of(params):
    """The user's token of the hub in the params of a call, or None."""
    return typed(params, "hubToken", str, None)


def check_fits(request, prompt_tokens, vocabulary, context):
    """Checks a request against a model and returns how many tokens it may generate.

    That is ``max_tokens``, or what the context leaves. ``vocabulary`` and ``context`` are counts of tokens;
    ``context`` is None where the model states none.
    """
    check_prompt(prompt_tokens, vocabulary, context)
    sampling = request.sampling
    if sampling.top_k is not None and sampling.top_k >= vocabulary:
        raise InvalidRequest(
            f"topK is {sampling.top_k}, but the model's vocabulary has {vocabulary} tokens.",
            f"Use a topK below {vocabulary}, or 0 for no limit.",
        )
    if bad := next((t for t in sampling.logit_bias if t >= vocabulary), None):
        raise InvalidRequest(f"logitBias has the token id {bad}, which is outside the vocabulary of {vocabulary}.")
    return request.max_tokens if context is None else min(request.max_tokens, context - len(prompt_tokens))


def check_prompt(prompt_tokens, vocabulary, context):
    """Checks token ids against a model."""
    if not prompt_tokens:
        raise InvalidRequest("The prompt is empty.", "Give at least one token of text.")
    if bad := next((t for t in prompt_tokens if not 0 <= t < vocabulary), None):
        raise InvalidRequest(f"Token id {bad} is outside the vocabulary of {vocabulary}.")
    if context is not None and len(prompt_tokens) >= context:
        raise ContextOverflow(
            f"The prompt has {len(prompt_tokens)} tokens, but the model's context holds {context} with the answer.",
            "Shorten the prompt or use a model with a longer context.",
        )


def refuse_unknown(params, known, prefix):
    if unknown := sorted(params.keys() - known):
        raise InvalidRequest(
            f"This worker does not know {', '.join(prefix + name for name in unknown)}.",
            f"It knows {', '.join(prefix + name for name in sorted(known))}.",
        )


def typed(params, name, kind, default):
    value = params.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise InvalidRequest(f"{name} is {type(value).__name__}, but must be {kind.__name__}.")
    return value


def number(params, name, kind, low, high, default=None, above=False):
    value = params.get(name)
    if value is None and default is OPTIONAL:
        return None
    right = isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
    if not right or not low <= value <= high or (above and value == low):
        raise InvalidRequest(
            f"{name} is {shown(value)}, but must be {'a number' if kind is float else 'a whole number'} "
            f"{'above' if above else 'from'} {low} {'up to' if above else 'to'} {high}."
        )
    return kind(value)


def _salt(params):
    salt = typed(params, "cacheSalt", str, None)
    if salt is not None and not 0 < len(salt) <= MAX_SALT:
        raise InvalidRequest(f"cacheSalt has {len(salt)} characters, but must have 1 to {MAX_SALT}.")
    return salt


def _sampling(given):
    names = {"temperature", "topP", "topK", "minP", "seed", "logitBias"}
    refuse_unknown(given, names | {"repetitionPenalty", "presencePenalty", "frequencyPenalty"}, "sampling.")
    return Sampling(
        temperature=number(given, "temperature", float, 0, 100, OPTIONAL),
        top_p=number(given, "topP", float, 0, 1, OPTIONAL, above=True),
        top_k=number(given, "topK", int, 0, 2**31 - 1, OPTIONAL),
        min_p=number(given, "minP", float, 0, 1, OPTIONAL),
        repetition_penalty=number(given, "repetitionPenalty", float, 0, 10, OPTIONAL, above=True),
        presence_penalty=number(given, "presencePenalty", float, -10, 10, OPTIONAL),
        frequency_penalty=number(given, "frequencyPenalty", float, -10, 10, OPTIONAL),
        logit_bias=_biases(typed(given, "logitBias", dict, {})),
        seed=number(given, "seed", int, 0, MAX_SEED, OPTIONAL),
    )


def _biases(given):
    if len(given) > MAX_BIASES:
        raise InvalidRequest(f"logitBias has {len(given)} entries, but may have {MAX_BIASES}.")
    if bad := [token for token in given if not (token.isascii() and token.isdigit() and len(token) < 10)]:
        raise InvalidRequest(f"logitBias has the key {shown(bad[0])}, but its keys must be token ids.")
    return {int(token): number(given, token, float, -100, 100) for token in given}


def _response_format(given):
    if given is None:
        return None
    values = {"json": None, "jsonSchema": "schema", "regex": "pattern", "choice": "choices"}
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in values:
        raise InvalidRequest(f"responseFormat.type is {shown(kind)}, but must be one of {', '.join(values)}.")
    name = values[kind]
    refuse_unknown(given, {"type", name} - {None}, "responseFormat.")
    value = None if name is None else given.get(name)
    if kind == "jsonSchema" and (not isinstance(value, dict) or len(json.dumps(value)) > MAX_SCHEMA):
        raise InvalidRequest(f"responseFormat.schema must be an object of at most {MAX_SCHEMA} characters.")
    if kind == "jsonSchema" and (bad := unsafe_number(value)):
        raise InvalidRequest(
            f"responseFormat.schema has the number {bad}, but the numbers of a schema must be between"
            f" -{MAX_SCHEMA_NUMBER} and {MAX_SCHEMA_NUMBER}.",
            "Use a number in this range, or leave it out.",
        )
    if kind == "regex" and (not isinstance(value, str) or not 0 < len(value) <= MAX_PATTERN):
        raise InvalidRequest(f"responseFormat.pattern must be a string of 1 to {MAX_PATTERN} characters.")
    if kind == "choice":
        right = isinstance(value, list) and all(isinstance(choice, str) and choice for choice in value)
        if not right or not 0 < len(value) <= MAX_CHOICES:
            raise InvalidRequest(
                f"responseFormat.choices must be a list of 1 to {MAX_CHOICES} strings that are not empty."
            )
        value = [well_formed(choice) for choice in value]
    return ResponseFormat(kind, value)


def _prompt_fields(params, sources):
    given = [name for name in sources if params.get(name) is not None]
    if len(given) != 1:
        known = " and ".join(", ".join(sources).rsplit(", ", 1))
        raise InvalidRequest(f"A request has exactly one of {known}, but this has {given or 'none'}.")
    messages, tools = _messages(params), _tools(params)
    thinking = typed(params, "thinking", bool, None)
    if messages is None and (tools or thinking is not None):
        name = "tools" if tools else "thinking"
        raise InvalidRequest(f"{name} can't be used without messages: it goes through the chat template.")
    return {
        "messages": messages,
        "prompt": _prompt(params),
        "tokens": _tokens(params),
        "tools": tools,
        "thinking": thinking,
    }


def _messages(params):
    messages = typed(params, "messages", list, None)
    if messages is None:
        return None
    if not messages:
        raise InvalidRequest("messages is empty.", "Give at least one message.")
    return [_message(f"messages[{i}]", message, messages[:i]) for i, message in enumerate(messages)]


def _message(where, message, earlier):
    """A message in the form that chat templates take."""
    if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
        raise InvalidRequest(f"{where} must be an object with role and content.")
    role, content = message["role"], message["content"]
    more = {"assistant": {"toolCalls"}, "tool": {"toolCallId"}}
    if role not in ("system", "user", "assistant", "tool"):
        raise InvalidRequest(f"{where}.role is {shown(role)}, but must be system, user, assistant or tool.")
    refuse_unknown(message, {"role", "content"} | more.get(role, set()), f"{where}.")
    if not isinstance(content, str):
        raise InvalidRequest(f"{where}.content must be a string.")
    out = {"role": role, "content": well_formed(content)}
    if calls := typed(message, "toolCalls", list, []):
        out["tool_calls"] = [_call(f"{where}.toolCalls[{i}]", call) for i, call in enumerate(calls)]
    if role == "tool":
        call_id = message.get("toolCallId")
        made = {call["id"]: call["name"] for m in earlier for call in m.get("toolCalls") or []}
        if not isinstance(call_id, str) or call_id not in made:
            raise InvalidRequest(
                f"{where}.toolCallId is {shown(call_id)}, but no earlier message made a call with that id."
            )
        out |= {"tool_call_id": call_id, "name": made[call_id]}
    return out


def _call(where, call):
    right = isinstance(call, dict) and all(isinstance(call.get(name), str) and call[name] for name in ("id", "name"))
    if not right or not isinstance(call.get("arguments"), dict):
        raise InvalidRequest(f"{where} must be an object with id, name (strings) and arguments (an object).")
    return {
        "type": "function",
        "id": well_formed(call["id"]),
        "function": {"name": well_formed(call["name"]), "arguments": _well_formed_json(call["arguments"])},
    }


def _tools(params):
    tools = typed(params, "tools", list, [])
    if len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"There are {len(tools)} tools, but there may be {MAX_TOOLS}.")
    out, names = [], set()
    for i, tool in enumerate(tools):
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str) or not tool["name"]:
            raise InvalidRequest(f"tools[{i}] must be an object with a name that is not empty.")
        refuse_unknown(tool, {"name", "description", "parameters"}, f"tools[{i}].")
        if tool["name"] in names:
            raise InvalidRequest(f"tools[{i}] has the name {shown(tool['name'])}, which another tool has already.")
        names.add(tool["name"])
        function = {"name": tool["name"], "description": typed(tool, "description", str, "")}
        function["parameters"] = typed(tool, "parameters", dict, {"type": "object", "properties": {}})
        out.append({"type": "function", "function": _well_formed_json(function)})
    return out


def _well_formed_json(value):
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [_well_formed_json(one) for one in value]
    if isinstance(value, dict):
        return {well_formed(key): _well_formed_json(one) for key, one in value.items()}
    return value


def _prompt(params):
    prompt = typed(params, "prompt", str, None)
    return None if prompt is None else well_formed(prompt)


def _tokens(params):
    tokens = typed(params, "tokens", list, None)
    if tokens is not None and not all(type(t) is int for t in tokens):
        raise InvalidRequest("tokens must be a list of whole numbers.")
    return tokens


def _stops(params):
    stops = typed(params, "stop", list, [])
    if len(stops) > MAX_STOPS or not all(isinstance(s, str) and s for s in stops):
        raise InvalidRequest(f"stop must be a list of at most {MAX_STOPS} strings that are not empty.")
    return [well_formed(s) for s in stops]
