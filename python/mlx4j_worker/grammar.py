"""Response formats, kept while a text is decoded, with llguidance."""

import json

import numpy

from mlx4j_worker.errors import InvalidRequest

# By default any white space may stand anywhere, and a small model writes newlines to the end of its tokens. A space
# after : and , is what models have learnt: without it they leave their path.
_SPACES = {"whitespace_flexible": False, "key_separator": ": ?", "item_separator": ", ?"}


class Grammars:
    """Makes the constraints of one model. llguidance is imported for the first of them.

    ``tokenizer`` is a transformers tokenizer with a tokenizer.json behind it, ``vocabulary`` the width of the model's
    logits, ``setup`` the command that installs llguidance.
    """

    def __init__(self, tokenizer, vocabulary, eos_ids, setup):
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._eos_ids = sorted(eos_ids)
        self._setup = setup
        self._table = None  # llguidance's view of the tokenizer

    def constraint(self, response_format):
        """A Constraint; raises InvalidRequest that says what of the format can't be enforced."""
        try:
            from llguidance import LLMatcher
            from llguidance.hf import from_tokenizer
        except (ImportError, OSError) as error:  # only this request can't be met: everything else goes without it
            raise InvalidRequest(
                f"responseFormat needs llguidance, which can't be imported: {type(error).__name__}: {error}",
                f"Run `{self._setup}`, or install llguidance beside the engine's packages.",
            ) from None
        if self._table is None:
            try:
                self._table = from_tokenizer(self._tokenizer, n_vocab=self._vocabulary, eos_token=self._eos_ids or None)
            except Exception as error:
                raise InvalidRequest(
                    f"responseFormat can't be used with this model's tokenizer: {type(error).__name__}: {error}"
                ) from None
        grammar = _grammar(LLMatcher, response_format)
        if any(special in grammar for special in self._tokenizer.added_tokens_encoder):
            grammar = _without_forcing(grammar)
        if wrong := LLMatcher.validate_grammar(grammar, self._table):
            raise _refused(response_format, wrong)
        matcher = LLMatcher(self._table, grammar)
        if matcher.is_error():
            raise _refused(response_format, matcher.get_error())
        constraint = Constraint(matcher, self._vocabulary, self._eos_ids, response_format)
        if not constraint.allowed().any():  # an error of the grammar may show only here
            raise _refused(response_format, "no text has this format")
        return constraint


class Constraint:
    """Which tokens may come next in one text."""

    def __init__(self, matcher, vocabulary, eos_ids, response_format):
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        self._matcher = matcher
        self._format = response_format
        self._bits = allocate_token_bitmask(1, vocabulary)
        self._fill = fill_next_token_bitmask
        self._vocabulary = vocabulary
        self._eos_ids = eos_ids

    def all_but_ends(self):
        """As ``allowed``, before the text begins."""
        allowed = numpy.ones(self._vocabulary, dtype=bool)
        allowed[self._eos_ids] = False
        return allowed

    def allowed(self):
        """A numpy array of bool [vocabulary]."""
        self._fill(self._matcher, self._bits)
        if self._matcher.is_error():
            raise _refused(self._format, self._matcher.get_error())  # a limit of llguidance, or a dead end
        bits = numpy.unpackbits(self._bits[0].view(numpy.uint8), bitorder="little")
        return bits[: self._vocabulary].view(bool)

    def take(self, token):
        """Goes on by a token; returns True once the text is whole and can't go on."""
        if not self._matcher.consume_token(token):
            why = _first_line(self._matcher.get_error())
            raise RuntimeError(f"token {token} does not fit the response format: {why}")  # the engine's fault
        return self._matcher.is_stopped()


def _grammar(matcher, response_format):
    kind, value = response_format.type, response_format.value
    try:
        if kind == "regex":
            return matcher.grammar_from_regex(value)
        if kind == "choice":
            return matcher.grammar_from_lark("start: " + " | ".join(map(_lark_string, value)))
        schema = {"type": "object"} if kind == "json" else value
        return matcher.grammar_from_json_schema(json.dumps(schema), defaults=_SPACES)
    except ValueError as error:
        raise _refused(response_format, error) from None


def _without_forcing(grammar):
    """Where the text is clear, llguidance forces the tokens that the tokenizer makes of it.

    If special tokens are among those, it then finds that they are not that text.
    """
    if grammar.startswith("{"):
        (content,) = json.loads(grammar)["grammars"]
        grammar = content.get("lark_grammar") or "start: %json " + json.dumps(content["json_schema"])
    return '%llguidance {"no_forcing": true}\n' + grammar


def _lark_string(text):
    return json.dumps(text, ensure_ascii=False)


def _first_line(text):
    return str(text).strip().partition("\n")[0]


def _refused(response_format, why):
    what = {"regex": "pattern", "choice": "choices"}.get(response_format.type, "schema")
    if "NoExtensionBias" in str(why):  # llguidance: no token may come next
        why = "no text has this format"
    return InvalidRequest(
        f"responseFormat.{what} can't be enforced: {_first_line(why)}",
        "Leave out what can't be enforced, or check the answer afterwards.",
    )
