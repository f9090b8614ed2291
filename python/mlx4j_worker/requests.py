"""A generate request: its fields, their defaults, and their validation before any engine sees them."""

from dataclasses import dataclass, field
from reprlib import repr as shown  # shortens what is long

from mlx4j_worker.errors import ContextOverflow, InvalidRequest
from mlx4j_worker.wire import well_formed

MAX_SEED = 2**63 - 1
MAX_STOPS = 16


@dataclass(frozen=True)
class GenerateRequest:
    """Exactly one of ``messages`` (chat), ``prompt`` (raw text) and ``tokens`` (ids) is set."""

    max_tokens: int
    messages: list[dict] | None = None
    prompt: str | None = None
    tokens: list[int] | None = None
    temperature: float = 0.0  # 0 is greedy
    top_p: float = 1.0  # 1 is off
    top_k: int = 0  # 0 is off
    seed: int | None = None
    stop: list[str] = field(default_factory=list)


def parse_generate(params):
    """The request in the params of ``generate``; raises InvalidRequest that names the field."""
    _refuse_unknown(params, {"messages", "prompt", "tokens", "sampling", "stop", "maxTokens"}, "")
    sampling = _typed(params, "sampling", dict, {})
    _refuse_unknown(sampling, {"temperature", "topP", "topK", "seed"}, "sampling.")
    sources = [name for name in ("messages", "prompt", "tokens") if params.get(name) is not None]
    if len(sources) != 1:
        raise InvalidRequest(
            f"A request has exactly one of messages, prompt and tokens, but this has {sources or 'none'}."
        )
    return GenerateRequest(
        messages=_messages(params),
        prompt=_prompt(params),
        tokens=_tokens(params),
        max_tokens=_number(params, "maxTokens", int, 1, 2**31 - 1, None),
        temperature=_number(sampling, "temperature", float, 0, 100, 0.0),
        top_p=_number(sampling, "topP", float, 0, 1, 1.0, above=True),
        top_k=_number(sampling, "topK", int, 0, 2**31 - 1, 0),
        seed=_number(sampling, "seed", int, 0, MAX_SEED, None) if sampling.get("seed") is not None else None,
        stop=_stops(params),
    )


def check_fits(request, prompt_tokens, vocabulary, context):
    """Checks a request against a model and returns how many tokens it may generate.

    That is ``max_tokens``, or what the context leaves. ``vocabulary`` and ``context`` are counts of tokens;
    ``context`` is None where the model states none.
    """
    if not prompt_tokens:
        raise InvalidRequest("The prompt is empty.", "Give at least one token of text.")
    if bad := next((t for t in prompt_tokens if not 0 <= t < vocabulary), None):
        raise InvalidRequest(f"Token id {bad} is outside the vocabulary of {vocabulary}.")
    if request.top_k >= vocabulary:
        raise InvalidRequest(
            f"topK is {request.top_k}, but the model's vocabulary has {vocabulary} tokens.",
            f"Use a topK below {vocabulary}, or 0 for no limit.",
        )
    if context is None:
        return request.max_tokens
    if len(prompt_tokens) >= context:
        raise ContextOverflow(
            f"The prompt has {len(prompt_tokens)} tokens, but the model's context holds {context} with the answer.",
            "Shorten the prompt or use a model with a longer context.",
        )
    return min(request.max_tokens, context - len(prompt_tokens))


def _refuse_unknown(params, known, prefix):
    if unknown := sorted(params.keys() - known):
        raise InvalidRequest(
            f"This worker does not know {', '.join(prefix + name for name in unknown)}.",
            f"It knows {', '.join(prefix + name for name in sorted(known))}.",
        )


def _typed(params, name, kind, default):
    value = params.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise InvalidRequest(f"{name} is {type(value).__name__}, but must be {kind.__name__}.")
    return value


def _number(params, name, kind, low, high, default, above=False):
    value = params.get(name, default)
    right = isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
    if not right or not low <= value <= high or (above and value == low):
        raise InvalidRequest(
            f"{name} is {shown(value)}, but must be {'a number' if kind is float else 'a whole number'} "
            f"{'above' if above else 'from'} {low} {'up to' if above else 'to'} {high}."
        )
    return kind(value)


def _messages(params):
    messages = _typed(params, "messages", list, None)
    if messages is None:
        return None
    if not messages:
        raise InvalidRequest("messages is empty.", "Give at least one message.")
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise InvalidRequest(f"messages[{i}] must be an object with role and content.")
        if message["role"] not in ("system", "user", "assistant"):
            role = shown(message["role"])
            raise InvalidRequest(f"messages[{i}].role is {role}, but must be system, user or assistant.")
        if not isinstance(message["content"], str):
            raise InvalidRequest(f"messages[{i}].content must be a string.")
    return [{"role": m["role"], "content": well_formed(m["content"])} for m in messages]


def _prompt(params):
    prompt = _typed(params, "prompt", str, None)
    return None if prompt is None else well_formed(prompt)


def _tokens(params):
    tokens = _typed(params, "tokens", list, None)
    if tokens is not None and not all(type(t) is int for t in tokens):
        raise InvalidRequest("tokens must be a list of whole numbers.")
    return tokens


def _stops(params):
    stops = _typed(params, "stop", list, [])
    if len(stops) > MAX_STOPS or not all(isinstance(s, str) and s for s in stops):
        raise InvalidRequest(f"stop must be a list of at most {MAX_STOPS} strings that are not empty.")
    return [well_formed(s) for s in stops]
