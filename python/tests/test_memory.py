"""The estimate of a KV cache and the check before an engine is asked for it."""

import pytest

from mlx4j_worker import memory
from mlx4j_worker.errors import OutOfMemory

LLAMA = {"num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 3, "hidden_size": 192}


def test_a_token_takes_keys_and_values_of_every_layer():
    assert memory.kv_bytes_per_token(LLAMA, 4) == 2 * 4 * 3 * 32 * 4


def test_the_head_size_may_be_stated_and_kv_heads_left_out():
    config = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64, "head_dim": 128}
    assert memory.kv_bytes_per_token(config, 2) == 2 * 2 * 4 * 128 * 2


def test_layers_that_are_all_of_full_attention_are_plain():
    layers = {"layer_types": ["full_attention"] * 4}
    assert memory.kv_bytes_per_token(LLAMA | layers, 4) == memory.kv_bytes_per_token(LLAMA, 4)


def test_a_nested_text_config_counts():
    assert memory.kv_bytes_per_token({"text_config": LLAMA}, 4) == memory.kv_bytes_per_token(LLAMA, 4)


@pytest.mark.parametrize("change", [{"kv_lora_rank": 512}, {"layer_types": ["sliding_attention"]}])
def test_other_caches_are_not_guessed(change):
    assert memory.kv_bytes_per_token(LLAMA | change, 4) is None
    assert memory.kv_bytes_per_token({}, 4) is None


def test_a_request_that_fits_passes():
    memory.check(1000, 1000, 1000, available=2_000_000)


def test_a_request_that_does_not_fit_is_refused_with_the_arithmetic():
    with pytest.raises(
        OutOfMemory, match=r"4\.0 GB \(3000 tokens of this request and 1000 of others, 1000000 bytes"
    ) as e:
        memory.check(3000, 1000, 1_000_000, available=3_999_999_999)
    assert "maxTokens" in e.value.hint


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (900, "900 bytes"),
        (1000, "1.0 KB"),
        (40_500, "40.5 KB"),
        (7_281_408, "7.3 MB"),
        (999_960_000, "1.0 GB"),
        (26e9, "26.0 GB"),
    ],
)
def test_small_amounts_are_no_zeros(count, text):
    assert memory.format_bytes(count) == text


def test_a_small_limit_is_shown_in_its_unit():
    with pytest.raises(OutOfMemory, match=r"take 7\.3 MB, but 1\.0 KB are available"):
        memory.check_weights("/model", 7_281_408, 1000)


def test_unknown_figures_let_a_request_pass():
    memory.check(10**9, 0, None, available=1)
    memory.check(10**9, 0, 10**9, available=None)


def test_this_machine_has_memory_or_does_not_say():
    available = memory.available_bytes()
    assert available is None or available > 0


def test_a_control_groups_limit_counts_and_its_file_cache_is_left(tmp_path):
    own = tmp_path / "cgroup"
    own.write_text("0::/outer/inner\n")
    for at, limit in (("", None), ("outer", "1000"), ("outer/inner", "max")):
        (tmp_path / "root" / at).mkdir(parents=True, exist_ok=True)
        if limit:
            (tmp_path / "root" / at / "memory.max").write_text(limit)
            (tmp_path / "root" / at / "memory.current").write_text("700")
            (tmp_path / "root" / at / "memory.stat").write_text("anon 400\nactive_file 100\ninactive_file 150\n")
    assert [*memory._left_in_cgroups(tmp_path / "root", own)] == [1000 - 700 + 250]
    assert [*memory._left_in_cgroups(tmp_path / "root", tmp_path / "none")] == []
