"""Reranking: which model folders can score documents for a query, their prompts, and the meaning of their logits.

Two kinds of model are rerankers:

- A *decoder* answers "yes" or "no" to the question whether a document fits a query. Its score is the difference of the
  logits of these two tokens after the prompt. Three things mark one: the module LogitScore in modules.json (as
  sentence-transformers saves a CrossEncoder), the name Qwen3-Reranker, or the option ``reranker``.
- A *classifier* (``…ForSequenceClassification``) with one label has that label's logit as its score.

As in sentence-transformers, the logit goes through a sigmoid unless the model's author has switched that off.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx4j_worker.errors import (
    ContextOverflow,
    EngineFailed,
    InvalidRequest,
    ModelLoadFailed,
    NotSupported,
    UnsafeModel,
)
from mlx4j_worker.models import sentence_modules
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.texts import RerankRequest
from mlx4j_worker.text import prompts

QWEN3 = "qwen3"
# The prompt that the model card of Qwen3-Reranker publishes.
_QWEN3_HEAD = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
    "<Instruct>: {instruction}\n<Query>: {query}\n<Document>: "
)
_QWEN3_TAIL = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
_QWEN3_INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"
_QWEN3_NAME = re.compile(r"qwen3[-_]reranker", re.IGNORECASE)
_PROBE = "A baker makes it."  # a document, to see whether a template takes one
_CLASSIFIER = "ForSequenceClassification"
_ACTIVATIONS = {"torch.nn.modules.activation.Sigmoid": True, "torch.nn.modules.linear.Identity": False}
_ACTIVATIONS |= {"torch.nn.Sigmoid": True, "torch.nn.Identity": False}
_NOT_FOR_TEMPLATES = {"padding", "truncation", "max_length", "return_tensors", "restore_suffix"}
_ROLES = "The template must take messages of the roles query, document and, for an instruction, system."
_USE = "Use a reranker, such as Qwen/Qwen3-Reranker-0.6B or a classifier with one label."


def classifier(config: dict) -> str | None:
    """The class of a sequence classifier, which a config.json names, or None if the model is something else."""
    named = config.get("architectures")
    first = named[0] if isinstance(named, list) and named else None
    return first if isinstance(first, str) and first.endswith(_CLASSIFIER) else None


def refuse_classifier(found: Layout, engine: str, hint: str) -> None:
    """Raise ModelLoadFailed for a sequence classifier, which only ranks documents, and only on the hf worker."""
    if kind := classifier(found.config):
        raise ModelLoadFailed(f"{found.weights} is a sequence classifier ({kind}), which {engine}.", hint)


@dataclass(frozen=True)
class Pair:
    """The tokens of a query with one document. ``types`` are token type ids, for models of BERT's kind, or None."""

    tokens: list[int]
    types: list[int] | None = None


@dataclass(frozen=True)
class Reranker:
    """How a model scores a document.

    ``yes`` and ``no`` are the token ids whose logits a decoder is asked for; ``no`` is None where the logit of ``yes``
    alone counts, and both are None for a classifier. ``form`` is QWEN3, "template" (the model's chat template, with
    messages of the roles query and document, and of system for the instruction) or "pair" (the tokenizer's own pairs).
    """

    form: str
    yes: int | None = None
    no: int | None = None
    sigmoid: bool = True
    instruction: str | None = None  # where a request has none
    values: dict[str, Any] = field(default_factory=dict)  # for the chat template
    warnings: tuple[str, ...] = ()

    def pairs(self, tokenizer: Any, request: RerankRequest, limit: int | None) -> list[Pair]:
        """The tokens of the request's documents, each with the query; ``limit`` is how many a Pair may have."""
        if self.form == "pair" and request.instruction is not None:
            raise NotSupported(
                "This reranker doesn't support instructions: it has no prompt to put one in.", "Leave it out."
            )
        longest = _longest_text(tokenizer, request, limit)
        out = []
        for index, document in enumerate(request.documents):
            if not request.truncate and len(request.query) + len(document) > longest:
                raise _too_long(index, "too many characters", limit)
            pair = self._pair(tokenizer, request, document[:longest], index, limit)
            if limit is not None and len(pair.tokens) > limit:
                raise _too_long(index, f"{len(pair.tokens)} tokens", limit)
            out.append(pair)
        return out

    def score(self, logit: float) -> float:
        """The score of a document, from the logit of a classifier or the difference of a decoder's."""
        if not math.isfinite(logit):
            raise EngineFailed("The model returned a logit that is not a number.")
        if not self.sigmoid:
            return logit
        return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))

    def result(self, scores: Iterable[float], pairs: Sequence[Pair]) -> dict:
        """The result of ``rerank``."""
        return {
            "scores": list(scores),
            "probabilities": self.sigmoid,
            "promptTokens": sum(len(pair.tokens) for pair in pairs),
        }

    def check_template(self, tokenizer: Any) -> None:
        """Raise NotSupported if the chat template can't take a query and a document."""
        if self.form == "template":
            try:
                self._around(tokenizer, RerankRequest("Where does bread come from?", [_PROBE]), _PROBE)
            except InvalidRequest as error:
                raise NotSupported(f"{error} So the model can't rerank documents.", _ROLES) from None

    def _pair(self, tokenizer: Any, request: RerankRequest, document: str, index: int, limit: int | None) -> Pair:
        if self.form == "pair":
            return _tokenizer_pair(tokenizer, request, document, limit)
        head, tail = self._around(tokenizer, request, document)
        tokens = tokenizer.encode(head + document + tail, add_special_tokens=False)
        if limit is None or len(tokens) <= limit or not request.truncate:
            return Pair(tokens)
        end = tokenizer.encode(tail, add_special_tokens=False)
        room = limit - len(end)
        before = len(tokenizer.encode(head, add_special_tokens=False))
        if before >= room:  # there would be nothing of the document
            raise ContextOverflow(
                f"The query, the instruction and the prompt have {before + len(end)} tokens, which leaves no room for "
                f"a document: the model's limit is {limit} tokens.",
                "Shorten the query or the instruction.",
            )
        return Pair(tokenizer.encode(head + document, add_special_tokens=False)[:room] + end)

    def _around(self, tokenizer: Any, request: RerankRequest, document: str) -> tuple[str, str]:
        """(the text before the document, the text after it)."""
        instruction = self.instruction if request.instruction is None else request.instruction
        if self.form == QWEN3:
            return _QWEN3_HEAD.format(instruction=instruction, query=request.query), _QWEN3_TAIL
        messages = [{"role": "query", "content": request.query}, {"role": "document", "content": document}]
        if instruction is not None:
            messages.insert(0, {"role": "system", "content": instruction})
        values = dict(self.values)
        try:
            text = prompts.chat(tokenizer, messages, values, values.pop("add_generation_prompt", False))
        except InvalidRequest as error:
            raise InvalidRequest(str(error), _ROLES) from None
        for name, given in (("query", request.query), ("document", document), ("instruction", instruction)):
            if given is not None and given not in text:
                raise NotSupported(f"The model's chat template omits or changes the {name}.", _USE)
        head, _, tail = text.rpartition(document)
        return head, tail


class _NotMarked(NotSupported):
    """Nothing says that a model is a reranker."""


def decoder(found: Layout, tokenizer: Any, source: str, kind: str | None) -> Reranker | NotSupported:
    """The Reranker of a decoder, or why the model is none. ``source`` names the model, ``kind`` is an option's."""
    return _or_refusal(_decoder, found, tokenizer, source, kind)


def of_classifier(found: Layout, tokenizer: Any, kind: str | None) -> Reranker | NotSupported:
    """The Reranker of a classifier with one label, or why the model can't be one."""
    return _or_refusal(_of_classifier, found, tokenizer, kind)


def usable(found: Reranker | NotSupported) -> Reranker:
    """The Reranker; raises NotSupported where there is none."""
    if isinstance(found, NotSupported):
        raise NotSupported(str(found), found.hint)  # each time a new one, since it takes on the traceback of its raise
    return found


def capabilities(found: Reranker | NotSupported) -> list[str]:
    """What a model can do, by the name of the protocol."""
    return ["rerank"] if isinstance(found, Reranker) else []


def has_template(found: Reranker | NotSupported) -> bool:
    """Whether the model's chat template is one of queries and documents."""
    return isinstance(found, Reranker) and found.form == "template"


def warnings(found: Reranker | NotSupported) -> tuple[str, ...]:
    """What a user should know about a reranker, or about a model that is meant to be one but can't be used as such."""
    if isinstance(found, Reranker):
        return found.warnings
    return () if isinstance(found, _NotMarked) else (str(found),)


def _or_refusal(find: Callable[..., Any], *arguments: Any) -> Reranker | NotSupported:
    """The Reranker that a function finds, or why it found none."""
    try:
        return find(*arguments)
    except NotSupported as refusal:
        return refusal
    except (ModelLoadFailed, UnsafeModel) as unreadable:  # of files that generation doesn't need
        return NotSupported(str(unreadable), unreadable.hint)


def _of_classifier(found: Layout, tokenizer: Any, kind: str) -> Reranker:
    if kind is not None:
        raise NotSupported(
            f"options.reranker is {kind}, but {found.weights} is a sequence classifier.", "Leave the option out."
        )
    if others := sentence_modules.read(found.author)[1:]:
        raise NotSupported(f"{found.weights} needs the module {others[0].name}, which is not supported.", _USE)
    form = "pair" if tokenizer.chat_template is None else "template"
    return _cross_encoder(found.author, tokenizer, form)


def _decoder(found: Layout, tokenizer: Any, source: str, kind: str) -> Reranker:
    listed = sentence_modules.read(found.author)
    scoring = [module for module in listed if module.name == "LogitScore"]
    if kind is None and scoring:
        if others := [module.name for module in listed if module.name not in ("Transformer", "LogitScore")]:
            raise NotSupported(f"{found.weights} needs the module {others[0]}, which is not supported.", _USE)
        config = sentence_modules.settings(Path(found.author, scoring[0].path), "config.json")
        yes, no = (_token_id(found, tokenizer, config, name) for name in ("true_token_id", "false_token_id"))
        if yes is None:
            raise NotSupported(f"The module LogitScore of {found.weights} has no true_token_id.", _USE)
        return _cross_encoder(found.author, tokenizer, "template", yes, no)
    by_name = found.config.get("model_type") == "qwen3" and _is_named_qwen3(source, found.weights)
    if kind is None and not by_name:
        raise _NotMarked(
            f"{found.weights} is not recognized as a reranker: the scores of a language model that was not trained to "
            "rerank would be meaningless.",
            f"{_USE} If this is a Qwen3-Reranker under another name, set options.reranker (MLX4J_RERANKER) to qwen3.",
        )
    vocabulary = tokenizer.get_vocab()
    if absent := [word for word in ("yes", "no") if word not in vocabulary]:
        raise NotSupported(f"The vocabulary of {found.weights} has no token {absent[0]!r}.", _USE)
    warnings = () if kind else (f"{found.weights} is used as a reranker of the kind qwen3, because of its name.",)
    return Reranker(
        QWEN3, vocabulary["yes"], vocabulary["no"], instruction=_QWEN3_INSTRUCTION, warnings=warnings
    )  # fmt: skip


def _is_named_qwen3(source: str, path: Path) -> bool:
    """Whether the name of a model has Qwen3-Reranker in it: a hub id, a folder, or a folder of the hub's cache."""
    parts = Path(path).parts
    cached = parts[-3] if len(parts) > 2 and parts[-2] == "snapshots" else ""
    return any(_QWEN3_NAME.search(name) for name in (Path(source).name, Path(path).name, cached))


def _cross_encoder(author: Path, tokenizer: Any, form: str, yes: int | None = None, no: int | None = None) -> Reranker:
    """The Reranker with the settings that sentence-transformers saves with a CrossEncoder."""
    saved = sentence_modules.settings(author, "config_sentence_transformers.json")
    config = sentence_modules.settings(author, "config.json")
    processing = _dict(sentence_modules.settings(author, "sentence_bert_config.json"), "processing_kwargs")
    values = _dict(processing, "chat_template")
    made = Reranker(
        form,
        yes,
        no,
        sigmoid=_sigmoid(author, saved, config),
        instruction=_default_prompt(saved) if form == "template" else None,
        values={name: value for name, value in values.items() if name not in _NOT_FOR_TEMPLATES},
    )
    made.check_template(tokenizer)
    return made


def _sigmoid(author: Path, saved: dict[str, Any], config: dict[str, Any]) -> bool:
    for name in (
        saved.get("activation_fn"),
        _dict(config, "sentence_transformers").get("activation_fn"),
        config.get("sbert_ce_default_activation_function"),
    ):
        if name is not None:
            if name not in _ACTIVATIONS:
                raise NotSupported(f"{author} has the activation_fn {name!r}, which is not supported.", _USE)
            return _ACTIVATIONS[name]
    return True


def _default_prompt(saved: dict[str, Any]) -> str | None:
    name = saved.get("default_prompt_name")
    prompt = _dict(saved, "prompts").get(name) if isinstance(name, str) else None
    return prompt if isinstance(prompt, str) and prompt else None


def _token_id(found: Layout, tokenizer: Any, config: dict[str, Any], name: str) -> int | None:
    value = config.get(name)
    if value is not None and (type(value) is not int or not 0 <= value < len(tokenizer)):
        raise NotSupported(f"The module LogitScore of {found.weights} has the {name} {value!r}.", _USE)
    return value


def _dict(content: dict[str, Any], name: str) -> dict[Any, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _tokenizer_pair(tokenizer: Any, request: RerankRequest, document: str, limit: int | None) -> Pair:
    made = tokenizer(request.query, document, truncation=False, return_attention_mask=False)
    if limit is None or len(made["input_ids"]) <= limit or not request.truncate:
        return Pair(made["input_ids"], made.get("token_type_ids"))
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        made = tokenizer(request.query, document, truncation="longest_first", max_length=limit)
        return Pair(made["input_ids"], made.get("token_type_ids"))
    # Not by that argument here: it changes the tokenizer, which other threads use at the same time.
    query, document = (backend.encode(text, add_special_tokens=False) for text in (request.query, document))
    room = limit - tokenizer.num_special_tokens_to_add(pair=True)
    for encoding, kept in zip((query, document), _longest_first(len(query), len(document), room), strict=True):
        encoding.truncate(kept)
    cut = backend.post_process(query, document, True)
    return Pair(cut.ids, cut.type_ids if "token_type_ids" in made else None)


def _longest_first(query: int, document: int, room: int) -> tuple[int, int]:
    """How many tokens of each are kept, as the strategy longest_first of tokenizers does it."""
    short = min(query, document)
    if short + short >= room:
        short, long = room // 2, room - room // 2
    else:
        long = room - short
    return (short, long) if query <= document else (long, short)


def _longest_text(tokenizer: Any, request: RerankRequest, limit: int | None) -> int:
    """How many characters a query and a document may have, so that they can be within the limit of tokens."""
    if limit is None:
        return prompts.MAX_TEMPLATE_TEXT
    most = len(request.query) + max(map(len, request.documents))
    return most if most <= 8 * limit else limit * prompts.longest_token(tokenizer)  # which takes a while


def _too_long(index: int, size: str, limit: int | None) -> ContextOverflow:
    model = "at once" if limit is None else f"by the model, which takes {limit} tokens"
    return ContextOverflow(
        f"documents[{index}] has {size} with the query and the prompt, too many to be scored {model}.",
        "Split the document, shorten the query, or set truncate, which drops the end of a document.",
    )
