"""Reads what a model folder says about its embeddings, in the files of sentence-transformers. Nothing is guessed.

``modules.json`` lists modules, which run in this order: a Transformer, a Pooling, and then any number of Dense and
Normalize. Each has its settings in a folder of its own; the Transformer's are in ``sentence_bert_config.json``. Prompts
are in ``config_sentence_transformers.json``. The reference is sentence-transformers 6.2.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from reprlib import Repr
from typing import Any

from mlx4j_worker.errors import ModelLoadFailed, NotSupported
from mlx4j_worker.models import folder as folders
from mlx4j_worker.models import sentence_modules
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.models.safetensors import read_header
from mlx4j_worker.models.sentence_modules import Module
from mlx4j_worker.wire import well_formed

MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "Sigmoid", "SiLU")  # of torch.nn
MAX_PROMPTS = 256
MAX_PROMPT_TEXT = 64 * 1024  # characters of all prompts and their names
MAX_DENSE_BYTES = 256 << 20

_OLD_MODES = {  # in the order in which sentence-transformers joins their vectors
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_TRANSFORMER_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
_TEXT = {"method": "forward", "method_output_name": "last_hidden_state"}
_OF_TRANSFORMER = {  # the settings that sentence-transformers has, and those of their values that change nothing here
    "transformer_task": ("feature-extraction",),
    "modality_config": ({"text": _TEXT},),
    "module_output_name": ("token_embeddings",),
    "processing_kwargs": ({},),
    "query_length": (),
    "document_length": (),
    "query_expansion": (),
    "tokenizer_name_or_path": (),
}
_ARGUMENTS = ("model_args", "model_kwargs", "config_args", "config_kwargs", "tokenizer_args", "processor_kwargs")
_WITHOUT_EFFECT = {"attn_implementation", "dtype", "padding_side", "torch_dtype", "trust_remote_code"}  # in _ARGUMENTS
_SHORT = Repr()
_SHORT.maxstring = 100  # the names of classes are long
shown = _SHORT.repr
_BGE = r"\bbge-(small|base|large|m3)\b"
_KINDS = ("Transformer", "Pooling", "Dense", "Normalize")
_IN_ANOTHER_WAY = "Use another copy of the model, or sentence-transformers itself."


@dataclass(frozen=True)
class Normalize:
    """Scales a vector to length 1."""


@dataclass(frozen=True)
class Dense:
    """A linear layer with an activation, in ``file``; sizes are numbers of features.

    With ``residual``, its input is added to its output, through a matrix of its own where the sizes differ.
    """

    file: Path
    inputs: int
    outputs: int
    bias: bool
    activation: str
    residual: bool


@dataclass(frozen=True)
class Description:
    """How a model makes a vector of a text.

    ``pooling`` are MODES whose vectors are joined. With ``include_prompt`` False, the tokens of the prompt are left out
    of it. ``dimensions`` cuts the vector. Texts are cut to ``max_tokens``; None is what tokenizer and model allow.
    ``origin`` is "folder", "family" or "assumed". ``length`` is how many dimensions a vector has, None if nothing says.
    """

    origin: str
    pooling: tuple[str, ...] = ("mean",)
    include_prompt: bool = True
    modules: tuple[Normalize | Dense, ...] = ()
    dimensions: int | None = None
    prompts: dict[str, str] = field(default_factory=lambda: {"query": "", "document": ""})
    default_prompt: str | None = None
    max_tokens: int | None = None
    lowercase: bool = False
    length: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What ``initialize`` reports."""
        return {
            "pooling": list(self.pooling),
            "origin": self.origin,
            "modules": [type(module).__name__.lower() for module in self.modules],
            "prompts": self.prompts,
            "defaultPrompt": self.default_prompt,
            "dimensions": self.length,
        }


def read(layout: Layout, source: str) -> Description:
    """The description of a layout whose model the user calls ``source``, a path or the id of a model of the hub.

    Raises NotSupported, UnsafeModel or ModelLoadFailed where the folder asks for what these workers don't do, or can't
    be read.
    """
    own = [layout.adapter.folder] if layout.adapter else []
    width = folders.hidden_size(layout.config)
    for folder in map(Path, (*own, layout.author)):
        try:
            if (folder / sentence_modules.FILE).is_file():
                return _described(folder, width)
        except OSError as error:
            raise ModelLoadFailed(f"{folder} can't be read: {error.strerror}.", "Check its permissions.") from None
    return _of_family(layout, source, width) or Description("assumed", length=width)


def _of_family(layout: Layout, source: str, width: int | None) -> Description | None:
    """The description of a model whose folder lacks the files, where its name or config says what it is."""
    kind, real = layout.config.get("model_type"), layout.weights.resolve()
    cached = real.parent.parent if real.parent.name == "snapshots" else real  # its name in the hub's cache has the id
    names = [Path(str(name)).name for name in (source, layout.base, layout.config.get("_name_or_path"), real, cached)]
    if kind == "qwen3" and any(re.search(r"qwen3-embedding", name, re.IGNORECASE) for name in names):
        return Description("family", ("lasttoken",), modules=(Normalize(),), length=width)
    if kind in ("bert", "xlm-roberta") and any(re.search(_BGE, name, re.IGNORECASE) for name in names):
        return Description("family", ("cls",), modules=(Normalize(),), length=width)
    if kind == "gemma3_text" and layout.config.get("use_bidirectional_attention") is True:
        raise NotSupported(
            f"{layout.weights} is an EmbeddingGemma without its two dense layers (modules.json, 2_Dense, 3_Dense), so "
            "it can't embed texts.",
            "Use a copy of the model with all of its files.",
        )
    return None


def _described(folder: Path, width: int | None) -> Description:
    prompts = _prompts(folder)
    listed = sentence_modules.read(folder)
    kinds = [_kind(folder, module) for module in listed]
    if kinds[:2] != ["Transformer", "Pooling"] or {*kinds[2:]} & {"Transformer", "Pooling"}:
        raise _unsupported(folder, f"modules.json has the modules {', '.join(kinds)}, not a Transformer and a Pooling")
    pooling, include_prompt, size = _pooling(folder, listed[1].path, width)
    steps = []
    for kind, module in zip(kinds[2:], listed[2:], strict=True):
        step = _dense(folder, module.path) if kind == "Dense" else _normalize(folder, module.path)
        if isinstance(step, Dense):
            if size not in (None, step.inputs):
                raise _unsupported(folder, f"{module.path} takes {step.inputs} features, but is given {size}")
            size = step.outputs
        steps.append(step)
    cut = prompts["dimensions"]
    if cut and size and cut > size:
        raise _unsupported(folder, f"truncate_dim is {cut}, but a vector has only {size} dimensions")
    transformer = _transformer(folder, listed[0].path)
    return Description(
        "folder", pooling, include_prompt, tuple(steps), length=cut or size, **prompts, **transformer
    )  # fmt: skip


def _kind(folder: Path, module: Module) -> str:
    if not module.type.startswith("sentence_transformers.") or module.name not in _KINDS:
        raise _unsupported(folder, f"modules.json has a module of the type {shown(module.type)}")
    if module.name == "Transformer" and PurePosixPath(module.path).parts:
        raise _unsupported(folder, f"modules.json has the Transformer in the folder {shown(module.path)}")
    return module.name


def _prompts(folder: Path) -> dict[str, Any]:
    """The fields ``prompts``, ``default_prompt`` and ``dimensions`` of the description."""
    given = sentence_modules.settings(folder, "config_sentence_transformers.json")
    kind = given.get("model_type", "SentenceTransformer")
    if kind != "SentenceTransformer":
        raise _unsupported(folder, f"config_sentence_transformers.json has the model_type {shown(kind)}")
    prompts = {"query": "", "document": ""}
    stated = given.get("prompts") or {}
    if not isinstance(stated, dict) or len(stated) > MAX_PROMPTS:
        raise _unsupported(folder, f"prompts must be an object of at most {MAX_PROMPTS} prompts")
    for name, text in stated.items():
        if not isinstance(text, str | None):
            raise _unsupported(folder, f"the prompt {shown(name)} is no text")
        prompts[well_formed(name)] = well_formed(text or "")
    if (size := sum(map(len, (*prompts, *prompts.values())))) > MAX_PROMPT_TEXT:
        raise _unsupported(folder, f"the prompts have {size} characters, but the limit is {MAX_PROMPT_TEXT}")
    default = given.get("default_prompt_name")
    if default is not None and (not isinstance(default, str) or default not in prompts):
        raise _unsupported(folder, f"default_prompt_name is {shown(default)}, but there are {', '.join(prompts)}")
    dimensions = given.get("truncate_dim")
    if dimensions is not None and not _is_count(dimensions):
        raise _unsupported(folder, f"truncate_dim is {shown(dimensions)}")
    return {"prompts": prompts, "default_prompt": default, "dimensions": dimensions}


def _transformer(folder: Path, path: str) -> dict[str, Any]:
    """The fields ``max_tokens`` and ``lowercase`` of the description."""
    name = next((name for name in _TRANSFORMER_CONFIGS if (folder / path / name).is_file()), _TRANSFORMER_CONFIGS[0])
    given = sentence_modules.settings(folder, name)
    tokens, lowercase = given.pop("max_seq_length", None), given.pop("do_lower_case", None)
    given.pop("unpad_inputs", None)  # is about speed
    if tokens is not None and not _is_count(tokens):
        raise _unsupported(folder, f"max_seq_length is {shown(tokens)}")
    if not isinstance(lowercase, bool | None):
        raise _unsupported(folder, f"do_lower_case is {shown(lowercase)}")
    for setting in _ARGUMENTS:
        values = given.pop(setting, None) or {}
        if not isinstance(values, dict) or (others := values.keys() - _WITHOUT_EFFECT):
            told = ", ".join(sorted(others)) if isinstance(values, dict) else shown(values)
            raise _unsupported(folder, f"{name} has {told} in {setting}")
    for setting, value in given.items():
        if value is not None and value not in _OF_TRANSFORMER.get(setting, ()):
            raise _unsupported(folder, f"{name} has {setting} {shown(value)}")
    return {"max_tokens": tokens, "lowercase": bool(lowercase)}


def _pooling(folder: Path, path: str, width: int | None) -> tuple[tuple[str, ...], bool, int | None]:
    """(the modes, whether prompts count, the features of the pooled vector or None).

    ``width`` is how many features a hidden state has, or None.
    """
    name = f"{path}/config.json"
    given = sentence_modules.settings(folder, name)
    size = given.pop("embedding_dimension", given.pop("word_embedding_dimension", None))
    include = given.pop("include_prompt", True)
    old = [mode for key, mode in _OLD_MODES.items() if given.pop(key, False)]
    modes = given.pop("pooling_mode", old or ["mean"])
    modes = [modes] if isinstance(modes, str) else modes
    if given:
        raise _unsupported(folder, f"{name} has {', '.join(sorted(given))}")
    if not isinstance(modes, list) or not 0 < len(modes) <= len(MODES):
        raise _unsupported(folder, f"{name} has the pooling_mode {shown(modes)}")
    if unknown := [mode for mode in modes if mode not in MODES]:
        raise _unsupported(folder, f"{name} has the pooling mode {shown(unknown[0])}")
    if type(include) is not bool or not (size is None or _is_count(size)):
        raise _unsupported(folder, f"{name} has include_prompt {shown(include)} and the size {shown(size)}")
    if size and width and size != width:
        raise _unsupported(folder, f"{name} is for {size} features, but the model's hidden states have {width}")
    size = size or width
    return tuple(modes), include, size and size * len(modes)


def _normalize(folder: Path, path: str) -> Normalize:
    _check_place(folder, path, sentence_modules.settings(folder, f"{path}/config.json"))
    return Normalize()


def _dense(folder: Path, path: str) -> Dense:
    name = f"{path}/config.json"
    given = sentence_modules.settings(folder, name)
    _check_place(folder, path, given)
    inputs, outputs = given.pop("in_features", None), given.pop("out_features", None)
    bias, residual = given.pop("bias", True), given.pop("use_residual", False)
    activation = given.pop("activation_function", "torch.nn.modules.activation.Tanh")
    if given:
        raise _unsupported(folder, f"{name} has {', '.join(sorted(given))}")
    if not _is_count(inputs) or not _is_count(outputs) or type(bias) is not bool or type(residual) is not bool:
        raise _unsupported(folder, f"{name} does not say the sizes of its layer")
    known = isinstance(activation, str) and activation.startswith("torch.nn.")
    if not known or activation.rpartition(".")[2] not in ACTIVATIONS:
        raise _unsupported(folder, f"{name} has the activation function {shown(activation)}")
    file = folder / path / "model.safetensors"
    dense = Dense(file, inputs, outputs, bias, activation.rpartition(".")[2], residual)
    _check_weights(folder, path, dense)
    return dense


def _check_place(folder: Path, path: str, given: dict[str, Any]) -> None:
    """Refuses a module that works on something else than the text's vector."""
    given.pop("module_output_name", None) if given.get("module_output_name") in (None, "sentence_embedding") else None
    given.pop("module_input_name", None) if given.get("module_input_name") == "sentence_embedding" else None
    if others := [given[name] for name in ("module_input_name", "module_output_name") if name in given]:
        raise _unsupported(folder, f"{path} works on {shown(others[0])}")


def _check_weights(folder: Path, path: str, dense: Dense) -> None:
    folders.check_weights_file(folder / path, dense.file.name)
    if (size := dense.file.stat().st_size) > MAX_DENSE_BYTES:
        raise _unsupported(folder, f"the weights in {path} have {size} bytes, but the limit is {MAX_DENSE_BYTES}")
    wanted: dict[str, tuple[int, ...]] = {"linear.weight": (dense.outputs, dense.inputs)}
    if dense.bias:
        wanted["linear.bias"] = (dense.outputs,)
    if dense.residual and dense.inputs != dense.outputs:
        wanted["residual.weight"] = (dense.outputs, dense.inputs)
    header = read_header(dense.file)
    if {name: tensor.shape for name, tensor in header.items()} != wanted:
        raise _unsupported(folder, f"the weights in {path} are not those that its config.json describes")
    if others := {tensor.dtype for tensor in header.values()} - {*folders.FLOATS}:
        raise _unsupported(folder, f"the weights in {path} are of the type {others.pop()}")


def _is_count(value: int | str) -> bool:
    return type(value) is int and 0 < value < 2**31


def _unsupported(folder: Path, why: str) -> NotSupported:
    return NotSupported(f"The worker can't embed texts as {folder} describes it: {why}.", _IN_ANOTHER_WAY)
