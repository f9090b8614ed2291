"""A model folder is checked before a library opens it: what may run code or leads outside is refused."""

import json
from pathlib import Path

import pytest

from conftest import safetensors
from mlx4j_worker.errors import ModelLoadFailed, ModelNotFound, UnsafeModel
from mlx4j_worker.models.folder import check, check_links, context_length, weight_bytes

WHOLE = safetensors({"a": [2, 3], "b": [4]})
CONFIG = {"model_type": "llama", "max_position_embeddings": 4096}


@pytest.fixture
def model(tmp_path):
    """A folder that is good."""
    folder = tmp_path / "model"
    folder.mkdir()
    write_config(folder, CONFIG)
    (folder / "model.safetensors").write_bytes(WHOLE)
    return folder


def write_config(folder, config):
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))


def test_a_good_folder_gives_its_config(model):
    assert check(model) == CONFIG
    assert check(str(model)) == CONFIG


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("config.json", 16),
        ("tokenizer_config.json", 16),
        ("model.safetensors.index.json", 16),
        ("generation_config.json", 1),
        ("chat_template.jinja", 1),
        ("additional_chat_templates/tool_use.jinja", 1),
        ("tokenizer.json", 128),
        ("vocab.json", 128),
        ("merges.txt", 128),
        ("tokenizer.model", 128),
    ],
)
def test_files_that_are_read_whole_have_a_limit(model, name, limit):
    (model / name).parent.mkdir(exist_ok=True)
    size = (limit << 20) + 1
    with open(model / name, "ab") as file:
        file.truncate(size)  # a hole, which takes no room on the disk
    with pytest.raises(ModelLoadFailed, match=f"{Path(name).name} in .* has {size} bytes, but the limit is {size - 1}"):
        check(model)
    if name not in ("config.json", "model.safetensors.index.json"):
        with open(model / name, "ab") as file:
            file.truncate(size - 1)
        assert check(model) == CONFIG


def test_an_adapter_s_files_have_limits_too(tmp_path):
    with open(tmp_path / "tokenizer.json", "ab") as file:
        file.truncate((128 << 20) + 1)
    with pytest.raises(ModelLoadFailed, match="the limit is"):
        check_links(tmp_path)


def test_more_tensors_than_any_model_has_are_refused(model, monkeypatch):
    monkeypatch.setattr("mlx4j_worker.models.folder._MAX_TENSORS", 3)
    for number in (1, 2):
        (model / f"model-{number}.safetensors").write_bytes(WHOLE)
    with pytest.raises(ModelLoadFailed, match="more than 3 tensors"):
        check(model)


@pytest.mark.parametrize(
    "more",
    [
        {"_attn_implementation": "evil/kernel"},
        {"attn_implementation": "evil/kernel@main:run"},
        {"_attn_implementation_internal": "paged|evil/kernel"},
        {"_experts_implementation": "evil/kernel"},
        {"_attn_implementation": {"text_config": "evil/kernel"}},
        {"text_config": {"_attn_implementation": "evil/kernel"}},
    ],
)
def test_a_kernel_of_the_hub_is_refused_by_name(model, more):
    write_config(model, {**CONFIG, **more})
    with pytest.raises(UnsafeModel, match=r"attn_implementation|experts_implementation|text_config") as caught:
        check(model)
    assert "evil/kernel" in str(caught.value)


def test_an_implementation_of_transformers_is_no_fault(model):
    config = {**CONFIG, "_attn_implementation": "sdpa"}
    write_config(model, config)
    assert check(model) == config


def test_weights_in_several_files_are_weights(model):
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    assert check(model) == CONFIG


def test_pickles_beside_safetensors_are_no_fault(model):
    (model / "pytorch_model.bin").write_bytes(b"")
    assert check(model) == CONFIG


def test_a_missing_folder_is_not_found(tmp_path):
    with pytest.raises(ModelNotFound, match="no model folder at"):
        check(tmp_path / "nothing")


def test_a_file_is_no_folder(model):
    with pytest.raises(ModelNotFound):
        check(model / "config.json")


def test_a_folder_without_config_is_refused(model):
    (model / "config.json").unlink()
    with pytest.raises(ModelLoadFailed, match=r"has no config\.json"):
        check(model)


@pytest.mark.parametrize("text", ["", "{oops", "\x00", '{"model_type": "llama"'])
def test_a_broken_config_is_refused(model, text):
    write_config(model, text)
    with pytest.raises(ModelLoadFailed, match=r"config\.json in .* can't be read"):
        check(model)


@pytest.mark.parametrize("content", [b'{"model_type": "\xff\xff"}', '{"model_type": "llama"}'.encode("utf-16")])
def test_a_config_that_is_not_utf8_is_refused(model, content):
    (model / "config.json").write_bytes(content)
    with pytest.raises(ModelLoadFailed, match=r"config\.json in .* can't be read"):
        check(model)


@pytest.mark.parametrize("name", ["chat_template.jinja", "additional_chat_templates/tools.jinja"])
def test_a_template_that_is_not_utf8_is_refused(model, name):
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_bytes(b"{{ messages }}\xff")
    with pytest.raises(ModelLoadFailed, match=rf"{Path(name).name} in .* is not in UTF-8"):
        check(model)


@pytest.mark.parametrize("config", [[], "null", {}, {"model_type": None}, {"model_type": ["llama"]}])
def test_a_config_without_a_model_type_is_refused(model, config):
    write_config(model, config)
    with pytest.raises(ModelLoadFailed, match="names no model_type"):
        check(model)


def test_a_model_with_code_of_its_own_is_refused(model):
    write_config(model, {**CONFIG, "model_file": "evil.py"})
    with pytest.raises(UnsafeModel, match=r"model_file 'evil\.py'"):
        check(model)


def test_a_folder_without_weights_is_refused(model):
    (model / "model.safetensors").unlink()
    with pytest.raises(ModelLoadFailed, match="no weights"):
        check(model)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "x.ckpt", "x.pkl", "x.pickle"])
def test_weights_as_pickles_only_are_refused(model, name):
    (model / "model.safetensors").rename(model / name)
    with pytest.raises(UnsafeModel, match=name) as refused:
        check(model)
    assert "safetensors" in refused.value.hint


class TestLinks:
    def test_links_within_the_folder_are_accepted(self, model):
        (model / "model.safetensors").rename(model / "weights")
        (model / "model.safetensors").symlink_to("weights")
        assert check(model) == CONFIG

    def test_the_folder_itself_may_be_a_link(self, model, tmp_path):
        (model / "tokenizer.json").write_text("{}")
        (model / "alias.json").symlink_to("tokenizer.json")
        (tmp_path / "link").symlink_to(model)
        assert check(tmp_path / "link") == CONFIG

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
    @pytest.mark.parametrize("absolute", [True, False])
    def test_links_outside_are_refused(self, model, tmp_path, name, absolute):
        (tmp_path / "outside").write_text("{}")
        (model / name).unlink(missing_ok=True)
        (model / name).symlink_to(tmp_path / "outside" if absolute else "../outside")
        with pytest.raises(UnsafeModel, match=f"{name} in .* is a link"):
            check(model)

    def test_a_link_to_a_folder_outside_is_refused(self, model, tmp_path):
        (model / "more").symlink_to(tmp_path)
        with pytest.raises(UnsafeModel, match="more in"):
            check(model)

    def test_a_link_outside_that_leads_nowhere_is_refused(self, model):
        (model / "extra.json").symlink_to("/nonexistent/extra.json")
        with pytest.raises(UnsafeModel, match=r"extra\.json"):
            check(model)

    def test_a_link_over_a_link_is_followed_to_its_end(self, model, tmp_path):
        (model / "step").symlink_to(tmp_path / "outside")
        (model / "aaa").symlink_to("step")
        with pytest.raises(UnsafeModel, match="aaa in"):
            check(model)

    def test_a_folder_whose_name_begins_like_the_models_is_outside(self, model, tmp_path):
        (tmp_path / "model-2").mkdir()
        (model / "tokenizer.json").symlink_to("../model-2/tokenizer.json")
        with pytest.raises(UnsafeModel):
            check(model)


class TestHubCache:
    @pytest.fixture
    def snapshot(self, tmp_path):
        """A snapshot as the hub's cache has it: links into the blobs of the same model."""
        repository = tmp_path / "hub" / "models--org--name"
        snapshot = repository / "snapshots" / "0123abcd"
        snapshot.mkdir(parents=True)
        blobs = repository / "blobs"
        blobs.mkdir()
        (blobs / "aa").write_text(json.dumps(CONFIG))
        (blobs / "bb").write_bytes(WHOLE)
        (snapshot / "config.json").symlink_to("../../blobs/aa")
        (snapshot / "model.safetensors").symlink_to("../../blobs/bb")
        return snapshot

    def test_links_to_its_own_blobs_are_accepted(self, snapshot):
        assert check(snapshot) == CONFIG

    def test_a_link_to_the_snapshot_is_accepted(self, snapshot, tmp_path):
        (tmp_path / "short").symlink_to(snapshot)
        assert check(tmp_path / "short") == CONFIG

    def test_links_to_the_blobs_of_another_model_are_refused(self, snapshot):
        (snapshot / "tokenizer.json").symlink_to("../../../models--org--other/blobs/cc")
        with pytest.raises(UnsafeModel, match=r"tokenizer\.json"):
            check(snapshot)

    def test_links_beside_the_blobs_are_refused(self, snapshot):
        (snapshot / "tokenizer.json").symlink_to("../../refs/main")
        with pytest.raises(UnsafeModel, match=r"tokenizer\.json"):
            check(snapshot)

    def test_blobs_of_a_folder_that_is_no_hub_cache_are_outside(self, snapshot, tmp_path):
        (tmp_path / "hub" / "models--org--name").rename(tmp_path / "hub" / "something")
        with pytest.raises(UnsafeModel):
            check(tmp_path / "hub" / "something" / "snapshots" / "0123abcd")


class TestContextLength:
    @pytest.mark.parametrize(
        "name",
        ["max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "model_max_length"],
    )
    def test_every_name_in_use_is_read(self, name):
        assert context_length({name: 2048}) == 2048

    def test_a_text_config_is_read_after_the_config(self):
        text = {"text_config": {"max_position_embeddings": 512}}
        assert context_length(text) == 512
        assert context_length({**text, "max_position_embeddings": 128}) == 128

    @pytest.mark.parametrize("value", [None, 0, -1, "4096", 4096.0])
    def test_what_is_no_length_is_passed_over(self, value):
        assert context_length({"max_position_embeddings": value}) is None
        assert context_length({"max_position_embeddings": value, "n_ctx": 7}) == 7

    @pytest.mark.parametrize("config", [{}, {"text_config": None}, {"text_config": {}}])
    def test_a_config_without_a_length_gives_none(self, config):
        assert context_length(config) is None


class TestAgainstWeights:
    """What config.json and an index say of the weights has to be true."""

    def refuse(self, model, match):
        with pytest.raises(ModelLoadFailed, match=match):
            check(model)

    @pytest.mark.parametrize(
        "lie", [{"hidden_size": 10**6}, {"num_hidden_layers": 9}, {"text_config": {"vocab_size": 2**70}}]
    )
    def test_sizes_that_the_weights_are_too_small_for_are_refused(self, model, lie):
        write_config(model, CONFIG | lie)
        self.refuse(model, "the weights are too small")

    def test_sizes_that_fit_are_taken(self, model):
        write_config(model, CONFIG | {"hidden_size": 4, "num_hidden_layers": 2, "vocab_size": None})
        assert check(model)["hidden_size"] == 4

    def test_whole_numbers_are_weights_of_quantized_models_only(self, model):
        whole = safetensors({"a.weight": [2, 3]}).replace(b'"F32"', b'"I32"')
        (model / "model.safetensors").write_bytes(whole)
        self.refuse(model, "whole numbers")
        write_config(model, CONFIG | {"quantization": {"bits": 4, "group_size": 32}})
        check(model)

    def test_an_index_names_files_and_tensors_that_are_there(self, model):
        index = model / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {"a": "model.safetensors", "b": "model.safetensors"}}))
        check(model)
        index.write_text(json.dumps({"weight_map": {"a": "model.safetensors", "c": "model.safetensors"}}))
        self.refuse(model, "lacks 'c'")
        index.write_text(json.dumps({"weight_map": {"a": "other.safetensors"}}))
        self.refuse(model, r"lacks other\.safetensors")

    @pytest.mark.parametrize("kept", [0, 7, 8, 50, -1])
    def test_weights_that_end_early_are_refused(self, model, kept):
        (model / "model.safetensors").write_bytes(WHOLE[:kept])
        self.refuse(model, "is damaged")

    def test_weights_that_go_on_are_refused(self, model):
        (model / "model.safetensors").write_bytes(WHOLE + b"more")
        self.refuse(model, "the file holds")

    def test_the_weights_are_measured(self, model):
        assert weight_bytes(model) == 40
