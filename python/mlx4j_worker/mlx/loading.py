"""Loads a model with mlx-lm."""

import gc
import glob
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from textwrap import shorten
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models.cache import KVCache, RotatingKVCache, make_prompt_cache
from mlx_lm.utils import load_adapters, load_config, load_model, load_tokenizer

from mlx4j_worker import failures, files, memory
from mlx4j_worker.call import Progress
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed, UnsafeModel, WorkerError
from mlx4j_worker.mlx import compat, experts, peft
from mlx4j_worker.mlx.architectures import text_of, without_prefix
from mlx4j_worker.mlx.batch import Batch
from mlx4j_worker.mlx.compat import Amended
from mlx4j_worker.mlx.convert import transform
from mlx4j_worker.mlx.engine import MlxEngine, available_bytes, widest_dtype
from mlx4j_worker.mlx.ranks import hosts, processes, sharding
from mlx4j_worker.mlx.speculative import SpeculativeDecoder
from mlx4j_worker.models import folder, generation_config, layout, name_prefix, rerank, source
from mlx4j_worker.models.layout import Adapter, Layout
from mlx4j_worker.models.safetensors import read_header
from mlx4j_worker.requests.generate import SamplingParams
from mlx4j_worker.requests.options import Options, parse_options
from mlx4j_worker.text import end_tokens, formats, templates
from mlx4j_worker.text.formats import CallFormat, Dialect

_MAX_REASON = 300  # characters: mlx-lm lists all parameters that it can't place


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, with what an engine needs to know about it.

    ``decoder`` is a batch.Batch or a speculative.SpeculativeDecoder, ``author`` the sampling of the model's author.
    ``hidden_states`` is a function of ids [1, tokens] and a cache, or None if mlx-lm's model can't return them.
    ``context`` and ``window``, the maximum size of the KV cache, are in tokens, or None. ``dtype`` is that of the base
    model. ``machines`` is how many machines share the model.
    """

    model: Any
    tokenizer: Any
    config: dict
    context: int | None
    window: int | None
    dtype: Any
    layout: Layout
    decoder: Any
    dialect: Dialect
    author: SamplingParams
    hidden_states: Callable | None
    packages: dict
    warnings: tuple[str, ...]
    machines: int = 1


def load(
    params: dict[str, Any], options: Options, progress: Progress, evaluate: Callable[..., None] = mx.eval
) -> MlxEngine:
    """The engine for the model that the params of ``initialize`` name. Must run on the engine's own thread.

    ``evaluate`` computes arrays.
    """
    try:
        engine = _engine(params, options, progress, evaluate)
        mx.synchronize()  # raises what any part of the load failed with
        return engine
    except BaseException:
        gc.collect()  # the next model needs the memory of this one
        mx.clear_cache()
        raise


def dry_load(params: dict[str, Any], options: Options, progress: Progress) -> MlxEngine:
    """The same without the weights, which MLX reads when it computes arrays. The engine can only describe itself."""
    return load(params, options, progress, evaluate=lambda *arrays: None)


def _engine(params: dict[str, Any], options: Options, progress: Progress, evaluate: Callable[..., None]) -> MlxEngine:
    options.refuse("mlx", "hf", "actionHead", "actionHeadSeed", "trustRemoteCode", "allowPickles", "device")
    found = layout.read(params, options, progress, _room(options))
    if found.dylora:
        experts.check(found.dylora, options)
    _draft_of(params, options, progress)  # may have to be downloaded, which is better known before the model is loaded
    if not options.given("ranks", "hosts"):
        return _engine_of(found, params, options, progress, evaluate)
    where = hosts.of(options)
    sharding.check(found, options, where.ranks)
    with processes.started(where, progress) as others:
        others.broadcast("load", params=params)
        return _engine_of(found, params, options, progress, evaluate, others)


def _engine_of(
    found: Layout,
    params: dict[str, Any],
    options: Options,
    progress: Progress,
    evaluate: Callable[..., None],
    others: Any = None,
) -> MlxEngine:
    """The engine for a Layout. ``others`` is a ranks.Ranks, which are loading their parts, or None."""
    author = generation_config.read(found.author)
    with memory_limit(options.memory_limit_bytes):
        model, config, amended = load_layout(found, options, progress, others and others.group, evaluate)
        dtype = widest_dtype(model.parameters())
        adapt(model, found, options, evaluate)
        hidden_states = _hidden_states(model)
        if others:
            others.settle()
            model = sharding.Sharded(model, others)
            hidden_states = hidden_states and model.hidden(hidden_states)
        with _refusing(found.weights):
            evaluate(model(mx.array([[0]]), cache=make_prompt_cache(model)))  # what can't work is better known now
        tokenizer = tokenizer_of(found.tokenizer, author.values, found.config)
        loaded = LoadedModel(
            model,
            tokenizer,
            config,
            amended.context,
            amended.window,
            dtype,
            found,
            _decoder(model, tokenizer, options, params, progress),
            formats.dialect(tokenizer, _call_format(tokenizer)),
            author.sampling(len(tokenizer)),
            hidden_states,
            {"mlx": version("mlx"), "mlx-lm": version("mlx-lm")},
            (
                *found.warnings,
                *amended.warnings,
                *author.warnings,
                *end_tokens.warnings(tokenizer, author.values, found.config),
            ),
            others.machines if others else 1,
        )
        return MlxEngine(params["model"]["source"], loaded, options)


@dataclass
class SourceModel:
    """A model to work on, with its adapter on it; the config is mlx-lm's, put right."""

    layout: Layout
    model: Any
    config: dict
    context: int | None
    tokenizer: Any
    warnings: tuple[str, ...]


def load_source(params: dict[str, Any], options: Options, progress: Progress) -> SourceModel:
    """The SourceModel that the params name as those of ``initialize`` do."""
    found = layout.read(params, options, progress, available_bytes(options.memory_limit_bytes))
    if found.dylora:
        experts.check(found.dylora, options)
    author = generation_config.read(found.author)
    model, config, amended = load_layout(found, options, progress)
    adapt(model, found, options)
    tokenizer = tokenizer_of(found.tokenizer, author.values, found.config)
    return SourceModel(found, model, config, amended.context, tokenizer, (*found.warnings, *amended.warnings))


def _room(options: Options) -> int | None:
    """Bytes for all weights of a model, or None where ranks share them: those look at their own parts."""
    return None if options.given("ranks", "hosts") else available_bytes(options.memory_limit_bytes)


def load_part(params: dict[str, Any], group: Any, progress: Progress) -> Any:
    """(the model with the weights of this rank of the group, its part that gives hidden states or None)."""
    options = parse_options(params)
    found = layout.read(params, options, progress, _room(options))
    with memory_limit(options.memory_limit_bytes):
        model, _, _ = load_layout(found, options, progress, group)
    return model, _hidden_states(model)


@contextmanager
def memory_limit(limit: int | None) -> Iterator[None]:
    """Sets MLX's limits, and takes them back where the load fails: another one may follow."""
    if limit is None:
        yield
        return
    before = mx.set_memory_limit(limit), mx.set_cache_limit(limit)
    try:
        yield
    except BaseException:
        mx.set_memory_limit(before[0])
        mx.set_cache_limit(before[1])
        raise


def load_layout(
    found: Layout, options: Options, progress: Progress, group: Any = None, evaluate: Callable[..., None] = mx.eval
) -> tuple[Any, dict[str, Any], Amended]:
    """(the model of mlx-lm, its config, compat.Amended) of a Layout. What adapters add is not on it yet.

    With a ``group`` it is the part of this rank.
    """
    path, dtype = found.weights, options.dtype
    rerank.refuse_classifier(found, "mlx-lm can't run", "Use the hf worker, which reranks with it if it has one label.")
    text = compat.text_part(found.config, path)
    original = text or found.config
    kind, arguments = compat.classes(original, path)
    if text:
        kind = text_of(kind)
    if not (found.dylora and found.dylora.own_weights) and (prefix := name_prefix.of_model(path)):
        kind = without_prefix(kind, prefix)
    if dtype and ("quantization" in found.config or "quantization_config" in found.config):
        raise InvalidRequest(
            f"dtype is {dtype}, but the weights of {path} are quantized and stay quantized.", "Leave it out."
        )
    _check_once(path)
    needed = folder.weight_bytes(path, getattr(mx, dtype).size if dtype else None)
    if group:
        if options.ranks and group.rank() == 0:  # on one machine the first looks whether there is room for all
            memory.check_weights(path, needed, available_bytes(None))
        needed //= group.size()
    memory.check_weights(path, needed, available_bytes(options.memory_limit_bytes))
    progress("load", 0, 1, "models")
    with _refusing(path), readable(path) as plain:
        told = {**load_config(found.author), **(text or {}), **compat.overrides(original, arguments)}
        if found.dylora and found.dylora.own_weights:
            kind, more = experts.base_weights(kind, path)
            told |= more
        elif told.get("tie_word_embeddings", True):
            told |= compat.head_of_its_own(told, plain)
        model, config = load_model(
            plain, lazy=True, model_config=told, get_model_classes=lambda config: (kind, arguments)
        )
        own_cache = not options.given("draftModel", "kvBits", "kvTokens")
        amended = compat.amend(model, config, original, path, own_cache)
        if dtype:
            transform.cast(model, getattr(mx, dtype))
        if group:
            sharding.shard(model, group, path)
        evaluate(model.parameters())
    return model, config, amended


def adapt(model: Any, found: Layout, options: Options, evaluate: Callable[..., None] = mx.eval) -> None:
    """Puts the adapter, or the expert that the options name, on the model."""
    adapter = found.adapter
    expert = found.dylora.experts.get(options.expert or "") if found.dylora else None
    if not adapter and not expert:
        return
    name = options.expert or (adapter and adapter.folder)
    with _refusing(found.weights, f"{name} on ", "Check that it was made for this model."):
        if adapter is None:
            experts.attach(model, expert, found.dylora and found.dylora.metadata)
        elif adapter.format == "peft":
            peft.load(model, adapter)
        else:
            load_adapters(model, str(adapter.folder))
            _check_whole(model, adapter)
        model.eval()
        evaluate(model.parameters())


def _check_whole(model: Any, adapter: Adapter) -> None:
    """Refuses an adapter of mlx-lm without all of its tensors: mlx-lm would leave the others at their beginning."""
    kind = adapter.config.get("fine_tune_type", "lora")
    if kind not in ("lora", "dora", "full"):
        raise ModelLoadFailed(
            f"{adapter.folder} has the fine_tune_type {kind!r}, which is not known.", "Train it again."
        )
    stored = set(read_header(adapter.folder / "adapters.safetensors"))
    own = {name for name, _ in tree_flatten(model.parameters()) if name.rsplit(".", 1)[-1] in ("lora_a", "lora_b", "m")}
    if not stored or (kind != "full" and own != stored):
        raise ModelLoadFailed(
            f"{adapter.folder} lacks {', '.join(sorted(own - stored)[:3]) or 'all tensors'}.", "Train or copy it again."
        )


def tokenizer_of(path: Path, *configs: dict[str, Any]) -> Any:
    """mlx-lm's tokenizer of a folder, with the end tokens that ``end_tokens.end_ids`` finds in the configs."""
    templates.install()
    with _refusing(path, "the tokenizer of "), files.without_companions(path) as plain:
        safe = {"trust_remote_code": False, "local_files_only": True}
        tokenizer = load_tokenizer(plain, safe, eos_token_ids=[])
    for one in end_tokens.end_ids(tokenizer, *configs):
        tokenizer.add_eos_token(str(one))
    return tokenizer


@contextmanager
def _refusing(
    path: Path, what: str = "", hint: str = "Check that its files are whole and belong together, or use the hf worker."
) -> Iterator[None]:
    """Turns what mlx-lm raises, which is what its many model files raise, into errors that say what to do."""
    try:
        yield
    except WorkerError:
        raise
    except Exception as error:
        if known := failures.typed(error, "Use a smaller or quantized model."):
            raise known from error
        if "trust_remote_code" in str(error):
            raise UnsafeModel(
                f"{path} requires its own code (auto_map), since transformers has no such tokenizer.",
                "Use a model whose tokenizer transformers has.",
            ) from error
        why = shorten(str(error), _MAX_REASON, placeholder=" …")
        raise ModelLoadFailed(f"mlx-lm can't load {what}{path}: {type(error).__name__}: {why}", hint) from error


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """The folder by a path without *, ? and [: mlx-lm looks for weights with a pattern that begins with the path."""
    if glob.escape(str(path)) == str(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as private:
        link = Path(private, "model")
        link.symlink_to(path.resolve(), target_is_directory=True)
        yield link


def _check_once(path: Path) -> None:
    """Refuses a folder with a tensor in two files: mlx-lm reads all of them, and takes the one or the other."""
    found: dict[str, str] = {}
    for file in files.listed(path, "model*.safetensors"):
        for name in read_header(file):
            if name in found:
                raise ModelLoadFailed(
                    f"{path} has the tensor {name!r} twice, in {found[name]} and {file.name}.",
                    "Keep the files of one set of weights in the folder.",
                )
            found[name] = file.name


def _decoder(
    model: Any, tokenizer: Any, options: Options, params: dict[str, Any], progress: Progress
) -> SpeculativeDecoder | Batch:
    if isinstance(model, sharding.Sharded):
        return sharding.ShardedBatch(model, options)
    plain_cache = all(type(layer) is KVCache for layer in make_prompt_cache(model))
    if options.kv_tokens is not None and (not plain_cache or options.kv_bits or options.draft_model):
        why = (
            "it goes neither with kvBits nor with draftModel" if plain_cache else "the model's cache is of its own kind"
        )
        raise InvalidRequest(f"kvTokens can't bound the KV cache here: {why}.", "Leave it out.")
    if options.kv_bits is not None:
        if options.draft_model:
            raise InvalidRequest("kvBits can't be used with draftModel.", "Leave one of them out.")
        caches = make_prompt_cache(model)
        if not all(hasattr(layer, "to_quantized") and type(layer) is not RotatingKVCache for layer in caches):
            raise InvalidRequest("kvBits can't be used: mlx-lm can't quantize this model's KV cache.", "Leave it out.")
    if options.draft_model is None:
        batch = Batch(model, options)
        if options.kv_bits is not None:
            _check_quantized_cache(batch)
        return batch
    path: Any = _draft_of(params, options, progress)
    folder.check_links(path)
    draft_model, _, _ = load_layout(Layout("model", path, folder.check(path), path), options, progress)
    draft_tokenizer = tokenizer_of(path)
    if draft_tokenizer.get_vocab() != tokenizer.get_vocab():
        raise InvalidRequest(
            f"The draft model {options.draft_model} has another vocabulary than the model.",
            "Use a smaller model of the same family.",
        )
    return SpeculativeDecoder(model, draft_model, options.draft_tokens)


def _check_quantized_cache(batch: Batch) -> None:
    """Refuses kvBits where a pass with a quantized cache fails, rather than every request."""
    try:
        batch.fill(batch.new_cache(), [0, 0])
    except (TypeError, AttributeError, NotImplementedError) as error:
        raise InvalidRequest(
            "kvBits can't be used: mlx-lm's code for this model can't read a quantized KV cache.", "Leave it out."
        ) from error
    except ValueError as error:
        raise InvalidRequest(
            f"kvBits can't be used: mlx-lm can't quantize this model's KV cache: {error}",
            "Leave it out. The size of the attention heads must be a multiple of 32.",
        ) from error


def _call_format(tokenizer: Any) -> CallFormat | None:
    """The format for tool calls that mlx-lm knows for a model, or None."""
    if not tokenizer.has_tool_calling or tokenizer.tool_parser is None:
        return None
    return formats.CallFormat(tokenizer.tool_call_start, tokenizer.tool_call_end, tokenizer.tool_parser)


def _draft_of(params: dict[str, Any], options: Options, progress: Progress) -> Path | None:
    """The folder of the draft model, or None."""
    if options.draft_model is None:
        return None
    download = source.Download.of(params, available_bytes(options.memory_limit_bytes))
    return source.resolve(options.draft_model, None, download, progress)


def _hidden_states(model: Any) -> Any:
    """The part of mlx-lm's models that goes up to the final norm, which they call ``model``."""
    inner = getattr(getattr(model, "language_model", model), "model", None)
    return inner if callable(inner) else None
