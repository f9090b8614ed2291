"""What is in the hub's cache may be less than a model."""

import json

from mlx4j_worker.models.source import _is_whole


def test_a_snapshot_is_whole_with_all_weights_that_its_index_names(tmp_path):
    assert not _is_whole(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert not _is_whole(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    (tmp_path / "one.safetensors").touch()
    assert not _is_whole(tmp_path)
    (tmp_path / "two.safetensors").touch()
    assert _is_whole(tmp_path)
    index.write_text("[]")
    assert not _is_whole(tmp_path)
    index.unlink()
    assert _is_whole(tmp_path)
