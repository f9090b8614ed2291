"""What a folder is: a model, an adapter or a DyLoRA-MoE, with which base model; without any package."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import safetensors
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed, ModelNotFound, UnsafeModel, WorkerError
from mlx4j_worker.models import dylora, folder, layout
from mlx4j_worker.requests.options import parse_options

CONFIG = {"model_type": "llama", "num_hidden_layers": 1}
PEFT = {"peft_type": "LORA", "base_model_name_or_path": "../base"}
DYLORA = {"model_type": "dylora-moe", "base_model_name_or_path": "../base", "num_experts": 2, "lora_alpha": 8}
PREFIX = "foundation_model.base_model.model."
MODULE = f"{PREFIX}model.layers.0.self_attn.q_proj"
WRAPPER = {f"{PREFIX}model.norm.weight": [4], f"{MODULE}.base_layer.weight": [4, 4], "router.gate.weight": [2, 4]}
WRAPPER |= {f"{MODULE}.lora_A.expert_{i}.weight": [1, 4] for i in range(2)}


def write(path, files):
    """Makes a folder: dicts are JSON in ``*.json``, and the shapes of tensors in ``*.safetensors``."""
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        elif name.endswith(".safetensors"):
            file.write_bytes(safetensors(content))
        else:
            file.write_text(json.dumps(content))
    return path


@pytest.fixture
def base(tmp_path):
    return write(
        tmp_path / "base", {"config.json": CONFIG, "model.safetensors": {"norm.weight": [4]}, "tokenizer.json": {}}
    )


@pytest.fixture
def adapter(tmp_path, base):
    return write(tmp_path / "adapter", {"adapter_config.json": PEFT, "adapter_model.safetensors": {"a": [1]}})


def read(path, **options):
    return layout.read({"model": {"source": str(path)}}, parse_options({"options": options}), lambda *_: None)


class TestModel:
    def test_a_model(self, base):
        found = read(base)
        assert (found.format, found.weights, found.config, found.tokenizer) == ("model", base, CONFIG, base)
        assert (found.base, found.adapter, found.dylora, found.warnings, found.author) == (None, None, None, (), base)

    def test_with_an_adapter(self, base, adapter):
        found = read(base, adapter=str(adapter))
        assert (found.format, found.adapter.folder, found.adapter.format) == ("model", adapter, "peft")
        assert found.warnings == ()

    def test_an_adapter_that_names_another_model_is_a_warning(self, base, adapter):
        write(adapter, {"adapter_config.json": {**PEFT, "base_model_name_or_path": "org/other"}})
        assert "was made for org/other" in read(base, adapter=str(adapter)).warnings[0]

    def test_options_that_can_not_be_honoured(self, base, adapter):
        for options, name in (({"base": str(base)}, r"options\.base"), ({"expert": "expert_0"}, "no expert")):
            with pytest.raises(InvalidRequest, match=name):
                read(base, **options)
        with pytest.raises(InvalidRequest, match=r"options\.adapter"):
            read(adapter, adapter=str(adapter))

    def test_a_folder_around_an_adapter(self, tmp_path, base, adapter):
        with pytest.raises(ModelLoadFailed, match=r"has no adapter_config\.json") as refused:
            read(base, adapter=str(tmp_path))
        assert str(adapter) in refused.value.hint
        with pytest.raises(ModelLoadFailed, match=r"has no adapter_config\.json") as refused:
            read(base, adapter=str(base))
        assert refused.value.hint == "Name an adapter's folder."

    def test_an_adapter_that_is_not_there(self, base):
        with pytest.raises(ModelNotFound):
            read(base, adapter="/nowhere")


class TestAdapter:
    def test_its_base_is_beside_it(self, base, adapter):
        found = read(adapter)
        assert (found.format, found.base, found.adapter.folder) == ("peftAdapter", "../base", adapter)
        assert (found.weights.resolve(), found.config) == (base, CONFIG)
        assert found.tokenizer.resolve() == base

    def test_its_base_is_named_by_an_absolute_path_or_an_option(self, base, adapter):
        write(adapter, {"adapter_config.json": {**PEFT, "base_model_name_or_path": str(base)}})
        assert read(adapter).weights == base
        write(adapter, {"adapter_config.json": {**PEFT, "base_model_name_or_path": "/nowhere"}})
        assert (read(adapter, base=str(base)).weights, read(adapter, base=str(base)).base) == (base, str(base))

    def test_its_own_tokenizer_comes_first(self, base, adapter):
        write(adapter, {"tokenizer.json": {}})
        assert read(adapter).tokenizer == adapter

    def test_of_mlx_lm(self, adapter):
        config = {"num_layers": 2, "model": "../base"}
        write(adapter, {"adapter_config.json": config, "adapters.safetensors": {"a": [1]}})
        found = read(adapter)
        assert (found.format, found.adapter.format, found.base) == ("mlxAdapter", "mlx", "../base")

    @pytest.mark.parametrize(
        ("name", "kind", "why"),
        [
            (None, ModelLoadFailed, "names no base model"),
            (7, ModelLoadFailed, "names no base model"),
            (".", ModelLoadFailed, "is an adapter itself"),
            ("../adapter", ModelLoadFailed, "is an adapter itself"),
            ("/nowhere", ModelNotFound, "The base model of .* no model folder at /nowhere"),
            ("../nowhere", ModelNotFound, "The base model of"),
            ("\0", ModelNotFound, "The base model of"),
            ("../" * 2000, ModelNotFound, "The base model of"),
        ],
    )
    def test_bases_that_are_none(self, adapter, name, kind, why):
        write(adapter, {"adapter_config.json": {**PEFT, "base_model_name_or_path": name}})
        with pytest.raises(kind, match=why) as refused:
            read(adapter)
        assert "options.base" in refused.value.hint

    def test_a_damaged_base(self, base, adapter):
        write(base, {"model.safetensors": b""})
        with pytest.raises(ModelLoadFailed, match="is damaged"):
            read(adapter)

    def test_what_is_no_adapter(self, adapter):
        for config in ({}, [], 7, {"r": 4}):
            write(adapter, {"adapter_config.json": config})
            with pytest.raises(ModelLoadFailed, match=r"neither a PEFT nor an mlx-lm adapter"):
                read(adapter)

    def test_pickles_damage_and_links(self, tmp_path, adapter):
        path = adapter / "adapter_model.safetensors"
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(ModelLoadFailed, match="is damaged"):
            read(adapter)
        path.rename(adapter / "adapter_model.bin")
        with pytest.raises(UnsafeModel, match="only pickled weights"):
            read(adapter)
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UnsafeModel, match="a link to a location outside"):
            read(adapter)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.binary(max_size=30) | st.dictionaries(st.sampled_from([*PEFT, "num_layers", "model"]), st.text()))
    def test_any_config_is_read_or_refused(self, adapter, config):
        write(adapter, {"adapter_config.json": config})
        try:
            read(adapter, base="/nowhere")
        except WorkerError as error:
            assert str(error)


class TestDyLora:
    @pytest.fixture
    def wrapped(self, tmp_path, base):
        return write(tmp_path / "wrapped", {"config.json": DYLORA, "model.safetensors": WRAPPER})

    @pytest.fixture
    def separated(self, tmp_path, base):
        files = {f"peft_adapters/expert_{i}.pt": b"" for i in (10, 2, 1)}
        files |= {"dylo_moe_state/router.pt": b"", "config.json": {**DYLORA, "num_experts": 3}}
        return write(tmp_path / "separated", files)

    @pytest.fixture
    def checkpoint(self, tmp_path, base):
        files = {"config.json": {**DYLORA, "lora_alpha": None}, "router.safetensors": {"gate.weight": [2, 4]}}
        for name in ("expert_0/expert_0", "expert_1"):
            files |= {f"peft_adapters/{name}/adapter_config.json": PEFT}
            files |= {f"peft_adapters/{name}/adapter_model.safetensors": {"a": [1]}}
        return write(tmp_path / "checkpoint", files)

    def test_the_wrappers_weights(self, base, wrapped):
        found = read(wrapped)
        assert (found.format, found.weights, found.config, found.base) == ("dylora", wrapped, CONFIG, "../base")
        assert (found.author.resolve(), found.tokenizer.resolve()) == (base, base)
        one = found.dylora
        assert one.own_weights and one.own_config is None
        assert [(part.name, part.storage, part.path) for part in one.experts.values()] == [
            ("expert_0", "weights", wrapped),
            ("expert_1", "weights", wrapped),
        ]
        assert (one.router.storage, one.router.path) == ("weights", wrapped)
        assert one.metadata == {"num_experts": 2, "lora_r": 16, "lora_alpha": 8, "lora_dropout": 0.05}
        assert found.warnings == ()

    def test_the_wrappers_weights_with_the_bases_config(self, wrapped):
        config = {**CONFIG, "num_experts": 64, "_dylora_num_experts": 2, "_dylora_lora_alpha": 8}
        write(wrapped, {"config.json": config, "tokenizer.json": {}})
        found = read(wrapped)
        assert (found.weights, found.author, found.config, found.base) == (wrapped, wrapped, config, None)
        assert (found.tokenizer, found.dylora.metadata["num_experts"]) == (wrapped, 2)

    def test_pickles(self, base, separated):
        found = read(separated)
        assert (found.weights.resolve(), found.author.resolve(), found.dylora.own_weights) == (base, base, False)
        assert [(part.name, part.storage) for part in found.dylora.experts.values()] == [
            ("expert_1", "pickle"),
            ("expert_2", "pickle"),
            ("expert_10", "pickle"),
        ]
        assert found.dylora.router.path == separated / "dylo_moe_state" / "router.pt"

    def test_a_checkpoint(self, checkpoint):
        found = read(checkpoint)
        assert {name: part.path for name, part in found.dylora.experts.items()} == {
            "expert_0": checkpoint / "peft_adapters/expert_0/expert_0",
            "expert_1": checkpoint / "peft_adapters/expert_1",
        }
        assert {part.storage for part in found.dylora.experts.values()} == {"peft"}
        assert (found.dylora.router.storage, found.dylora.metadata) == (
            "safetensors",
            {**dylora.DEFAULTS, "num_experts": 2},
        )
        assert found.warnings == ()

    def test_the_defaults(self, wrapped):
        write(wrapped, {"config.json": {"model_type": "dylora-moe", "base_model_name_or_path": "../base"}})
        found = read(wrapped)
        assert found.dylora.metadata == {"num_experts": 4, "lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.05}
        assert found.warnings == (f"{wrapped} states no lora_alpha; 32 is taken.",)

    def test_metadata_in_the_state(self, wrapped):
        write(wrapped, {"dylo_moe_state/config.json": {"lora_alpha": 5}})
        config = {"model_type": "dylora-moe", "base_model_name_or_path": "../base"}
        write(wrapped, {"config.json": config})
        assert read(wrapped).dylora.metadata["lora_alpha"] == 5

    def test_no_base_is_taken_for_granted(self, base, wrapped):
        config = {name: value for name, value in DYLORA.items() if name != "base_model_name_or_path"}
        write(wrapped, {"config.json": config})
        with pytest.raises(ModelLoadFailed, match="names no base model") as refused:
            read(wrapped)
        assert "options.base" in refused.value.hint
        assert read(wrapped, base=str(base)).config == CONFIG

    def test_bases_that_are_none(self, wrapped, adapter):
        for name in (".", "../adapter"):
            write(wrapped, {"config.json": {**DYLORA, "base_model_name_or_path": name}})
            with pytest.raises(ModelLoadFailed, match="is an adapter itself"):
                read(wrapped)

    def test_experts(self, wrapped, base, adapter):
        assert read(wrapped, expert="expert_1").dylora
        with pytest.raises(InvalidRequest, match="no expert 'expert_2'") as refused:
            read(wrapped, expert="expert_2")
        assert "expert_0, expert_1" in refused.value.hint
        with pytest.raises(InvalidRequest, match="which has adapters of its own"):
            read(wrapped, adapter=str(adapter))
        write(wrapped, {"config.json": {**DYLORA, "num_experts": 3}})
        with pytest.raises(ModelLoadFailed, match="should have 3 experts, but 2 are there: expert_0, expert_1"):
            read(wrapped)

    def test_without_any_experts(self, tmp_path, base):
        config = {"model_type": "dylora-moe", "base_model_name_or_path": "../base"}
        path = write(tmp_path / "empty", {"config.json": config})
        with pytest.raises(ModelLoadFailed, match="should have some experts, but 0 are there"):
            read(path)

    def test_merged_weights_need_none(self, wrapped):
        write(wrapped, {"model.safetensors": {"model.norm.weight": [4]}})
        assert read(wrapped).dylora.experts == {}

    @pytest.mark.parametrize("value", ["x", True, -1, [4]])
    def test_strange_metadata(self, wrapped, value):
        write(wrapped, {"config.json": {**DYLORA, "lora_alpha": value}})
        with pytest.raises(ModelLoadFailed, match=r"lora_alpha in .* must be a number"):
            read(wrapped)

    def test_the_state_is_a_mark_where_the_config_says_nothing(self, tmp_path, base, wrapped):
        write(wrapped, {"config.json": CONFIG, "tokenizer.json": {}})
        assert read(wrapped).format == "model"
        for state in (tmp_path / "dylo_moe_state", wrapped / "dylo_moe_state"):
            state.mkdir()
            assert read(wrapped).format == "dylora"
            assert read(base).format == "model"  # it merely sits beside one
            state.rmdir()
        (tmp_path / "dylo_moe_state").mkdir()
        write(wrapped, {"config.json": {}})
        assert read(wrapped, base=str(base)).format == "dylora"

    def test_links_out_are_refused_before_anything_is_read(self, tmp_path, separated):
        outside = write(tmp_path, {"outside.pt": b""})
        (separated / "peft_adapters" / "expert_1.pt").unlink()
        (separated / "peft_adapters" / "expert_1.pt").symlink_to(outside / "outside.pt")
        with pytest.raises(UnsafeModel, match="a link to a location outside"):
            read(separated)

    def test_damaged_weights(self, wrapped):
        path = wrapped / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(ModelLoadFailed, match="is damaged"):
            read(wrapped)

    @pytest.mark.parametrize(
        ("name", "placed"),
        [
            (f"{MODULE}.base_layer.weight", (None, "model.layers.0.self_attn.q_proj.weight")),
            (f"{MODULE}.base_layer.bias", (None, "model.layers.0.self_attn.q_proj.bias")),
            (f"{MODULE}.lora_A.expert_3.weight", ("expert_3", "model.layers.0.self_attn.q_proj.lora_A.weight")),
            ("base_model.model.h.0.c_attn.lora_B.expert_10.weight", ("expert_10", "h.0.c_attn.lora_B.weight")),
            ("model.norm.weight", (None, "model.norm.weight")),
            (f"{PREFIX}lm_head.weight", (None, "lm_head.weight")),
            ("router.gate.bias", ("router", "bias")),
        ],
    )
    def test_where_a_tensor_of_the_wrapper_belongs(self, name, placed):
        assert dylora.place(name) == placed


class TestSizes:
    def test_bytes_and_dtype(self, tmp_path):
        write(tmp_path, {"model.safetensors": {"a": [2, 3], "b": [4]}, "optimizer.safetensors": {"c": [99]}})
        assert folder.weight_bytes(tmp_path) == 40
        assert folder.weight_bytes(tmp_path, 2) == 20
        assert folder.stored_dtype(tmp_path) == "float32"
        assert folder.stored_dtype(Path("/nowhere")) is None
