"""What a folder says of its embeddings is followed, or refused by name; without it, nothing is guessed silently."""

import errno
import json
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest

from conftest import safetensors
from mlx4j_worker.errors import ModelLoadFailed, NotSupported, UnsafeModel, WorkerError
from mlx4j_worker.models.embeddings import description
from mlx4j_worker.models.embeddings.description import Dense, Description, Normalize
from mlx4j_worker.models.layout import Adapter, Layout

OLD = "sentence_transformers.models."
NEW = "sentence_transformers.sentence_transformer.modules."


@pytest.fixture
def folder(tmp_path):
    """A folder with mean pooling."""
    modules(tmp_path, "Transformer", "Pooling")
    write(tmp_path, "1_Pooling/config.json", {"word_embedding_dimension": 4, "pooling_mode_mean_tokens": True})
    return tmp_path


def write(folder, name, value):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(value))


def modules(folder, *kinds, prefix=OLD):
    listed = [{"type": prefix + kind, "path": f"{i}_{kind}" if i else ""} for i, kind in enumerate(kinds)]
    write(folder, "modules.json", listed)


def dense(folder, path, inputs=4, outputs=2, tensors=None, **settings):
    write(folder, f"{path}/config.json", {"in_features": inputs, "out_features": outputs, **settings})
    tensors = tensors or {"linear.weight": [outputs, inputs], "linear.bias": [outputs]}
    (folder / path / "model.safetensors").write_bytes(safetensors(tensors))


def read(folder, config=None, source="/models/some", **parts):
    return description.read(Layout("model", folder, {"model_type": "llama", **(config or {})}, folder, **parts), source)


def refusal(folder):
    with pytest.raises(NotSupported) as found:
        read(folder)
    assert str(folder) in str(found.value)
    return str(found.value)


@pytest.mark.parametrize("prefix", [OLD, NEW, "sentence_transformers.base.modules.transformer."])
def test_modules_are_read_in_their_order(folder, prefix):
    modules(folder, "Transformer", "Pooling", "Dense", "Normalize", "Dense", prefix=prefix)
    dense(folder, "2_Dense", bias=True, activation_function="torch.nn.modules.activation.GELU")
    dense(folder, "4_Dense", 2, 3, {"linear.weight": [3, 2]}, bias=False)
    assert read(folder) == Description(
        "folder",
        modules=(
            Dense(folder / "2_Dense/model.safetensors", 4, 2, True, "GELU", False),
            Normalize(),
            Dense(folder / "4_Dense/model.safetensors", 2, 3, False, "Tanh", False),
        ),
        length=3,
    )


@pytest.mark.parametrize(
    ("settings", "modes"),
    [
        ({"pooling_mode": "lasttoken"}, ("lasttoken",)),
        ({"pooling_mode": ["mean", "cls"]}, ("mean", "cls")),
        ({"pooling_mode_lasttoken": True, "pooling_mode_cls_token": True}, ("cls", "lasttoken")),
        ({"pooling_mode_weightedmean_tokens": True, "pooling_mode_mean_tokens": False}, ("weightedmean",)),
        ({"pooling_mode": "max", "pooling_mode_cls_token": True}, ("max",)),
        ({}, ("mean",)),
    ],
)
def test_pooling_modes_have_new_and_old_keys(folder, settings, modes):
    write(folder, "1_Pooling/config.json", {"embedding_dimension": 4, "include_prompt": False, **settings})
    assert read(folder) == Description("folder", modes, include_prompt=False, length=4 * len(modes))


def test_prompts_and_limits_are_read(folder):
    given = {"prompts": {"query": "Q: ", "other": None}, "default_prompt_name": "query", "truncate_dim": 3}
    write(folder, "config_sentence_transformers.json", {**given, "similarity_fn_name": "cosine"})
    write(folder, "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": True, "unpad_inputs": False})
    found = read(folder)
    assert found.prompts == {"query": "Q: ", "document": "", "other": ""}
    assert (found.default_prompt, found.dimensions, found.max_tokens, found.lowercase) == ("query", 3, 128, True)


def test_what_changes_nothing_is_no_reason_to_refuse(folder):
    settings = {"model_args": {"torch_dtype": "float16"}, "tokenizer_args": {"padding_side": "left"}}
    write(folder, "sentence_bert_config.json", {**settings, "transformer_task": "feature-extraction"})
    assert read(folder) == Description("folder", length=4)


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("modules.json", {}, "must list 1 to 16 modules"),
        ("modules.json", [{"type": OLD + "Transformer"}] * 2, "without type and path"),
        ("modules.json", [{"type": OLD + "Transformer", "path": ""}, {"type": OLD + "WordWeights", "path": ""}],
         "the type 'sentence_transformers.models.WordWeights'"),
        ("modules.json", [{"type": "custom_st.Transformer", "path": ""}] * 2, "the type 'custom_st.Transformer'"),
        ("modules.json", [{"type": OLD + "Transformer", "path": "0_T"}] * 2, "Transformer in the folder '0_T'"),
        ("modules.json", [{"type": OLD + "Transformer", "path": ""}, {"type": OLD + "Normalize", "path": ""}],
         "the modules Transformer, Normalize"),
        ("1_Pooling/config.json", {"pooling_mode": "median"}, "the pooling mode 'median'"),
        ("1_Pooling/config.json", {"pooling_mode": []}, "the pooling_mode"),
        ("1_Pooling/config.json", {"pooling_mode_rainbow_tokens": True}, "pooling_mode_rainbow_tokens"),
        ("1_Pooling/config.json", {"include_prompt": "no"}, "include_prompt 'no'"),
        ("1_Pooling/config.json", [], "is not a JSON object"),
        ("config_sentence_transformers.json", {"model_type": "SparseEncoder"}, "the model_type 'SparseEncoder'"),
        ("config_sentence_transformers.json", {"prompts": {"a": 1}}, "the prompt 'a'"),
        ("config_sentence_transformers.json", {"prompts": {"a": "x" * 70_000}}, "the limit is 65536"),
        ("config_sentence_transformers.json", {"default_prompt_name": "a"}, "there are query, document"),
        ("config_sentence_transformers.json", {"truncate_dim": -1}, "truncate_dim is -1"),
        ("sentence_bert_config.json", {"max_seq_length": "512"}, "max_seq_length is '512'"),
        ("sentence_bert_config.json", {"do_lower_case": 1}, "do_lower_case is 1"),
        ("sentence_bert_config.json", {"modality_config": {"text": {}, "message": {}}}, "has modality_config"),
        ("sentence_bert_config.json", {"tokenizer_args": {"add_eos_token": True}}, "add_eos_token in tokenizer_args"),
        ("sentence_bert_config.json", {"new_setting": 3}, "has new_setting 3"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_by_name(folder, name, value, named):
    write(folder, name, value)
    assert named in refusal(folder)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"activation_function": "torch.nn.modules.activation.Softmax"}, "activation.Softmax"),
        ({"activation_function": "mine.Tanh"}, "'mine.Tanh'"),
        ({"inputs": 5}, "takes 5 features, but is given 4"),
        ({"outputs": 0}, "the sizes of its layer"),
        ({"module_input_name": "token_embeddings"}, "works on 'token_embeddings'"),
        ({"dropout": 0.1}, "has dropout"),
        ({"tensors": {"linear.weight": [2, 4]}}, "are not those that its config.json describes"),
        ({"tensors": {"linear.weight": [2, 4], "linear.bias": [2], "more": [1]}}, "are not those"),
    ],
)
def test_a_dense_layer_is_followed_or_refused(folder, settings, named):
    modules(folder, "Transformer", "Pooling", "Dense")
    dense(folder, "2_Dense", **settings)
    assert named in refusal(folder)


def test_a_pickled_dense_layer_is_refused(folder):
    modules(folder, "Transformer", "Pooling", "Dense")
    dense(folder, "2_Dense")
    (folder / "2_Dense/model.safetensors").rename(folder / "2_Dense/pytorch_model.bin")
    with pytest.raises(UnsafeModel, match=r"pytorch_model\.bin"):
        read(folder)


def test_sizes_are_bounded(folder):
    modules(folder, "Transformer", "Pooling", "Dense")
    dense(folder, "2_Dense", 8192, 8192, {"linear.weight": [1], "linear.bias": [1]})
    with open(folder / "2_Dense/model.safetensors", "wb") as file:
        header = {"linear.weight": {"dtype": "F32", "shape": [2**14, 2**13], "data_offsets": [0, 2**29]}}
        file.write(len(text := json.dumps(header).encode()).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + 2**29)  # a hole, which takes no room on the disk
    assert "the limit is 268435456" in refusal(folder)
    with open(folder / "1_Pooling/config.json", "ab") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(ModelLoadFailed, match="the limit is"):
        read(folder)


WEIRD = (None, True, 0, -1, 1.5, "", "x", "\ud800", [], [[]], [{}], {}, {"a": []}, {"": None}, ["mean", ["cls"]])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("modules.json", ()),
        ("1_Pooling/config.json", ("pooling_mode", "include_prompt", "pooling_mode_cls_token", "embedding_dimension")),
        ("2_Dense/config.json", ("in_features", "bias", "activation_function", "use_residual", "module_input_name")),
        ("3_Normalize/config.json", ("module_input_name", "module_output_name")),
        ("config_sentence_transformers.json", ("prompts", "default_prompt_name", "truncate_dim", "model_type")),
        ("sentence_bert_config.json", ("max_seq_length", "do_lower_case", "modality_config", "model_args", "x")),
    ],
)
def test_whatever_a_file_has_the_error_is_ours(folder, name, settings):
    modules(folder, "Transformer", "Pooling", "Dense", "Normalize")
    dense(folder, "2_Dense")
    before = json.loads((folder / name).read_text()) if (folder / name).is_file() else {}
    for value in WEIRD:
        for changed in (value, [value, value], *({**before, setting: value} for setting in settings)):
            write(folder, name, changed)
            with suppress(WorkerError):
                json.dumps(read(folder).to_json())


def test_a_description_that_cannot_be_read_is_an_error_of_ours(folder):
    listed = [{"type": OLD + "Transformer", "path": ""}, {"type": OLD + "Pooling", "path": "x" * 300}]
    write(folder, "modules.json", listed)
    with pytest.raises(UnsafeModel):
        read(folder)
    with pytest.raises(ModelLoadFailed, match="can't be read"), mock.patch.object(Path, "is_file", denied):
        read(folder)


def denied(*_):
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("path", ["../other", "/etc", "1_Pooling/../..", "a\\b"])
def test_a_module_outside_the_folder_is_refused(folder, path):
    listed = [{"type": OLD + "Transformer", "path": ""}, {"type": OLD + "Pooling", "path": path}]
    write(folder, "modules.json", listed)
    with pytest.raises(UnsafeModel, match="outside"):
        read(folder)


def test_an_adapter_may_have_a_description_of_its_own(folder, tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    assert read(base, adapter=Adapter(folder, "peft", {})).origin == "folder"
    assert read(base, adapter=Adapter(base, "peft", {})).origin == "assumed"


LAST = Description("family", ("lasttoken",), modules=(Normalize(),))
CLS = Description("family", ("cls",), modules=(Normalize(),))


@pytest.mark.parametrize(
    ("source", "kind", "found"),
    [
        ("mlx-community/Qwen3-Embedding-0.6B-4bit-DWQ", "qwen3", LAST),
        ("/models/qwen3-embedding-8b", "qwen3", LAST),
        ("Qwen/Qwen3-0.6B", "qwen3", Description("assumed")),
        ("/home/me/qwen3-embedding-tests/Qwen3-0.6B", "qwen3", Description("assumed")),
        ("org/Qwen3-Embedding-copy", "llama", Description("assumed")),
        ("BAAI/bge-small-en-v1.5", "bert", CLS),
        ("BAAI/bge-m3", "xlm-roberta", CLS),
        ("BAAI/bge-reranker-base", "xlm-roberta", Description("assumed")),
        ("TaylorAI/bge-micro-v2", "bert", Description("assumed")),
    ],
)
def test_without_a_description_a_family_is_known_by_type_and_name(tmp_path, source, kind, found):
    assert read(tmp_path, {"model_type": kind}, source) == found


def test_a_family_is_known_by_its_place_in_the_cache_of_the_hub(tmp_path):
    folder = tmp_path / "models--Qwen--Qwen3-Embedding-0.6B" / "snapshots" / "0123"
    folder.mkdir(parents=True)
    assert read(folder, {"model_type": "qwen3"}, str(folder)) == LAST


def test_the_description_of_a_folder_comes_before_its_name(folder):
    assert read(folder, {"model_type": "qwen3"}, "Qwen/Qwen3-Embedding-0.6B") == Description("folder", length=4)


def test_an_embedding_gemma_without_its_dense_layers_is_refused(tmp_path):
    with pytest.raises(NotSupported, match="two dense layers"):
        read(tmp_path, {"model_type": "gemma3_text", "use_bidirectional_attention": True})


def test_the_report_has_all_that_is_applied(folder):
    modules(folder, "Transformer", "Pooling", "Dense", "Normalize")
    dense(folder, "2_Dense")
    assert read(folder).to_json() == {
        "pooling": ["mean"],
        "origin": "folder",
        "modules": ["dense", "normalize"],
        "prompts": {"query": "", "document": ""},
        "defaultPrompt": None,
        "dimensions": 2,
    }


@pytest.mark.parametrize(
    ("settings", "config", "named"),
    [
        ({"truncate_dim": 3}, {}, "truncate_dim is 3, but a vector has only 2 dimensions"),
        ({}, {"hidden_size": 8}, "is for 4 features, but the model's hidden states have 8"),
        ({}, {"text_config": {"n_embd": 8}}, "is for 4 features, but the model's hidden states have 8"),
    ],
)
def test_sizes_that_contradict_each_other_are_refused_with_both(folder, settings, config, named):
    modules(folder, "Transformer", "Pooling", "Dense")
    dense(folder, "2_Dense")
    write(folder, "config_sentence_transformers.json", settings)
    with pytest.raises(NotSupported, match=named):
        read(folder, config)


def test_a_dense_layer_must_fit_hidden_states_whose_size_only_the_config_says(folder):
    modules(folder, "Transformer", "Pooling", "Dense")
    write(folder, "1_Pooling/config.json", {"pooling_mode": ["mean", "cls"]})
    dense(folder, "2_Dense", 4)
    with pytest.raises(NotSupported, match="takes 4 features, but is given 8"):
        read(folder, {"hidden_size": 4})


def test_the_length_of_a_vector_is_known_before_one_is_made(folder):
    write(folder, "1_Pooling/config.json", {"pooling_mode": ["mean", "cls"]})
    assert read(folder).length is None
    assert read(folder, {"hidden_size": 4}).length == 8
    write(folder, "config_sentence_transformers.json", {"truncate_dim": 3})
    assert read(folder, {"hidden_size": 4}).length == 3
    assert read(folder / "1_Pooling", {"hidden_size": 4}).length == 4


def test_paths_are_those_of_the_folder(folder):
    modules(folder, "Transformer", "Pooling", "Dense")
    dense(folder, "2_Dense")
    assert read(folder).modules[0].file == Path(folder, "2_Dense", "model.safetensors")
