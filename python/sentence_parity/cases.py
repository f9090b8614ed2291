"""The folders that are compared: what their files of sentence-transformers say."""

from dataclasses import dataclass, field
from typing import Any

LENGTH = 40  # tokens, of a limit that some texts exceed
TEXTS = (
    "Why is the sky blue?",
    "a",
    "  \n",
    "GRÜSSE, 日本 und ÉTÉ 😀",
    "Some text with a special token <|im_end|> in its middle",
    "The quick brown fox jumps over the lazy dog, again and again. " * 5,
    "Hello World",
)
EMPTY = ""  # has tokens only where the tokenizer adds some
PROMPTS = {"query": "Instruct: find what answers the query\nQuery:", "document": "", "passage": "passage: "}
_OLD_MODES = {
    "cls": "cls_token",
    "max": "max_tokens",
    "mean": "mean_tokens",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean": "weightedmean_tokens",
    "lasttoken": "lasttoken",
}


@dataclass(frozen=True)
class Dense:
    """A Dense module: its settings, but for the sizes of its layer."""

    outputs: int = 24
    settings: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"


NORMALIZE = "Normalize"


@dataclass(frozen=True)
class Case:
    """A folder. ``model`` is one of making.MODELS, ``words`` one of making.TOKENIZERS; engines that refuse it are in
    ``refused``, with a part of their error. Old ``keys`` are booleans, one for each mode of pooling.
    """

    name: str
    model: str = "qwen3"
    words: str = "plain"
    modes: tuple[str, ...] = ("mean",)
    old_keys: bool = True
    pooling: dict[str, Any] = field(default_factory=dict)
    modules: tuple[Dense | str, ...] = ()
    transformer: dict[str, Any] | None = None
    sentence_transformers: dict[str, Any] | None = None
    prompt_names: tuple[str | None, ...] = (None,)
    texts: tuple[str, ...] = TEXTS
    refused: dict[str, str] = field(default_factory=dict)


_LINEAR, _ACT = "torch.nn.modules.linear.Identity", "torch.nn.modules.activation."
_ENCODER = {"mlx": "no architecture"}
_GEMMA = {"mlx": "use_bidirectional_attention"}

CASES = (
    *(Case(f"{mode}-old", modes=(mode,), words="ended") for mode in _OLD_MODES),
    *(Case(f"{mode}-new", modes=(mode,), old_keys=False, words="both") for mode in _OLD_MODES),
    Case("joined", modes=("mean", "lasttoken", "max", "cls"), modules=(NORMALIZE,)),
    Case("joined-new", modes=("lasttoken", "mean"), old_keys=False, modules=(Dense(), NORMALIZE)),
    Case("no-pooling-config", modes=()),
    Case("normalize", modes=("lasttoken",), words="ended", modules=(NORMALIZE,)),
    Case(
        "dense-chain",
        modules=(
            Dense(96, {"bias": False, "activation_function": _LINEAR}),
            Dense(48, {"bias": False, "activation_function": _LINEAR}),
            NORMALIZE,
        ),
    ),
    Case("normalize-first", modules=(NORMALIZE, Dense(), Dense(8))),
    *(
        Case(f"dense-{kind.lower()}", modules=(Dense(settings={"activation_function": _ACT + kind}),))
        for kind in ("Tanh", "ReLU", "GELU", "Sigmoid", "SiLU")
    ),
    Case("dense-default", modules=(Dense(),)),
    Case("dense-residual", modules=(Dense(settings={"use_residual": True}), Dense(24, {"use_residual": True}))),
    Case("dense-bf16", modules=(Dense(dtype="bfloat16"),)),
    Case(
        "prompts",
        modes=("lasttoken",),
        words="ended",
        modules=(NORMALIZE,),
        sentence_transformers={"prompts": PROMPTS},
        prompt_names=(None, "query", "document", "passage"),
    ),
    Case(
        "default-prompt",
        sentence_transformers={"prompts": PROMPTS, "default_prompt_name": "passage"},
        prompt_names=(None, "query", "document"),
    ),
    Case("no-prompts", sentence_transformers={}, prompt_names=(None, "query", "document")),
    *(
        Case(
            f"prompt-left-out-{mode}",
            modes=(mode,),
            words="both",
            pooling={"include_prompt": False},
            sentence_transformers={"prompts": PROMPTS},
            prompt_names=(None, "query", "passage"),
        )
        for mode in _OLD_MODES
    ),
    Case(
        "prompt-left-out-unended",
        pooling={"include_prompt": False},
        sentence_transformers={"prompts": PROMPTS},
        prompt_names=(None, "query", "passage"),
        texts=TEXTS[3:],  # of the others, no token is left beside the prompt
    ),
    Case("cut", transformer={"max_seq_length": LENGTH, "do_lower_case": False}),
    Case("cut-ended", words="ended", modes=("lasttoken",), transformer={"max_seq_length": LENGTH}),
    Case("cut-both", words="both", modes=("mean",), transformer={"max_seq_length": LENGTH}),
    Case("cut-left", words="left", transformer={"max_seq_length": LENGTH}),
    Case("cut-by-tokenizer", words="short", modes=("lasttoken",)),
    Case("cut-by-model", model="short", words="ended"),
    Case("tokenizer-with-settings", words="cutting"),
    Case("lowercase", transformer={"max_seq_length": 512, "do_lower_case": True}),
    Case("dimensions", modules=(Dense(),), sentence_transformers={"truncate_dim": 16}),
    Case(
        "saved-by-6",
        words="ended",
        transformer={
            "transformer_task": "feature-extraction",
            "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
            "module_output_name": "token_embeddings",
        },
        old_keys=False,
    ),
    *(Case(kind, model=kind, words="ended", modes=("lasttoken",)) for kind in ("llama", "mistral", "gemma3", "gpt2")),
    Case("qwen3-without-prefix", model="qwen3-body", modes=("lasttoken",), words="ended", modules=(NORMALIZE,)),
    Case(
        "embedding-gemma",
        model="embedding-gemma",
        words="both",
        modules=(Dense(96, {"bias": False, "activation_function": _LINEAR}), Dense(64), NORMALIZE),
        sentence_transformers={"prompts": PROMPTS},
        prompt_names=(None, "query"),
        refused=_GEMMA,
    ),
    Case("not-causal", model="not-causal", words="ended", refused={"mlx": "is_causal"}),
    *(
        Case(kind, model=kind, words="both", modes=("cls",), modules=(NORMALIZE,), refused=_ENCODER)
        for kind in ("bert", "roberta", "xlm-roberta", "modernbert", "distilbert", "mpnet", "electra", "deberta-v2")
    ),
    Case("bert-with-head", model="bert-with-head", words="both", refused=_ENCODER),
    Case("bert-cut", model="bert", words="both", transformer={"max_seq_length": LENGTH}, refused=_ENCODER),
)


def pooling_config(case: Case, size: int) -> dict[str, Any]:
    """What ``1_Pooling/config.json`` has, for hidden states of so many features."""
    if not case.modes:
        return {"word_embedding_dimension": size}
    if not case.old_keys:
        modes = case.modes[0] if len(case.modes) == 1 else list(case.modes)
        return {"embedding_dimension": size, "pooling_mode": modes, "include_prompt": True, **case.pooling}
    keys = {f"pooling_mode_{key}": mode in case.modes for mode, key in _OLD_MODES.items()}
    return {"word_embedding_dimension": size, **keys, **case.pooling}
