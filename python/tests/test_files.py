"""Companion files of macOS, paths as files, and writes that reach the disk."""

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest

from engine_tests.companions import APPLE_DOUBLE, kept, scatter, scattered
from mlx4j_worker import files
from mlx4j_worker.errors import EngineFailed, InvalidRequest, ModelLoadFailed
from mlx4j_worker.models import dylora, folder, layout, source
from mlx4j_worker.training import checkpoint
from mlx4j_worker.training.folders import check_outside, copy_beside_weights, new_folder, size

TENSOR = {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]}
CONFIG = {"model_type": "llama", "hidden_size": 4}


def safetensors(path, **tensors):
    header = json.dumps(tensors or {"a.weight": TENSOR}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(32))


@pytest.fixture
def model(tmp_path):
    made = tmp_path / "model"
    (made / "additional_chat_templates").mkdir(parents=True)
    safetensors(made / "model.safetensors")
    (made / "config.json").write_text(json.dumps(CONFIG))
    for name in ("tokenizer.json", "tokenizer.model", "vocab.tiktoken", "additional_chat_templates/rag.jinja"):
        (made / name).write_text("{}")
    return made


def test_companions_are_not_listed(model):
    before = files.listed(model), files.listed(model, "*.safetensors"), size(model)
    scatter(model)
    assert (files.listed(model), files.listed(model, "*.safetensors"), size(model)) == before
    assert [path.name for path in before[1]] == ["model.safetensors"]


def test_a_model_folder_with_companions_is_as_one_without(model):
    def found():
        return (
            folder.check(model),
            folder.weight_bytes(model),
            folder.stored_dtype(model),
            checkpoint.digest_of_model(model),
            layout.is_adapter(model),
            dylora.is_dylora(model),
            source._is_whole(model),
        )

    before = found()
    scatter(model)
    assert found() == before


def test_weights_by_another_name_may_have_companions(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    safetensors(tmp_path / "pytorch.safetensors")
    scatter(tmp_path)
    folder.check(tmp_path)
    (tmp_path / "pytorch.safetensors").unlink()
    with pytest.raises(ModelLoadFailed, match="no weights"):
        folder.check(tmp_path)


def test_an_index_in_the_cache_may_have_a_companion(tmp_path):
    safetensors(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"a.weight": "model.safetensors"}}')
    scatter(tmp_path)
    assert source._is_whole(tmp_path)


def test_companions_are_not_copied(model, tmp_path):
    scatter(model)
    target = tmp_path / "target"
    target.mkdir()
    copy_beside_weights(model, target, "float32")
    names = ["additional_chat_templates/rag.jinja", "config.json", "tokenizer.json", "tokenizer.model"]
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()) == [
        *names,
        "vocab.tiktoken",
    ]


def test_a_library_sees_a_folder_without_companions(model, tmp_path):
    with files.without_companions(model) as seen:
        assert seen == model
    scatter(model)
    (model / "linked").symlink_to(model / "additional_chat_templates", target_is_directory=True)
    with files.without_companions(model) as seen:
        assert [path.name for path in sorted((seen / "additional_chat_templates").glob("*.jinja"))] == ["rag.jinja"]
        assert (seen / "linked" / "rag.jinja").is_file()
        assert (seen / "config.json").read_bytes() == (model / "config.json").read_bytes()
        assert not any(files.is_companion(name) for name in os.listdir(seen))
    assert not seen.exists()


def test_a_folder_is_written_while_companions_appear(tmp_path):
    with scattered(tmp_path), new_folder(tmp_path / "made") as unfinished:
        safetensors(unfinished / "weights.safetensors")
        (unfinished / "trainer.json").write_text("{}")
    assert kept(tmp_path) == ["made/trainer.json", "made/weights.safetensors"]


@pytest.mark.parametrize("names", [[".DS_Store"], ["._.", ".DS_Store", "._gone.safetensors"]])
def test_a_folder_with_companions_alone_is_empty(tmp_path, names):
    target = tmp_path / "made"
    target.mkdir()
    for name in names:
        (target / name).write_bytes(APPLE_DOUBLE)
    with new_folder(target) as unfinished:
        (unfinished / "file").write_text("content")
    assert os.listdir(target) == ["file"]
    (target / ".DS_Store").touch()
    with pytest.raises(InvalidRequest, match="already exists"), new_folder(target):
        pass


def test_a_companion_that_vanishes_with_its_file_is_no_error(tmp_path, monkeypatch):
    made = tmp_path / "made"
    (made / "below").mkdir(parents=True)
    for name in ("a", "below/b"):
        (made / name).touch()
    scatter(made)
    unlink = Path.unlink

    def with_its_companion(path, missing_ok=False):
        unlink(path, missing_ok)
        unlink(path.with_name(f"._{path.name}"), missing_ok=True)

    monkeypatch.setattr(Path, "unlink", with_its_companion)
    files.clear(made)
    assert os.listdir(made) == []


def test_paths_are_compared_as_files(model, tmp_path):
    (tmp_path / "private").symlink_to(tmp_path, target_is_directory=True)
    other = tmp_path / "private" / "model"
    assert files.same(model, other)
    assert not files.same(model, tmp_path)
    assert not files.same(model, tmp_path / "absent")
    for path in (other, other / "not" / "there", model / "x"):
        assert files.is_within(path, model)
        assert files.is_within(path, other)
    assert not files.is_within(tmp_path / "models", model)


def test_on_a_disk_that_ignores_case_paths_are_compared_as_files(model, tmp_path, monkeypatch):
    samefile = os.path.samefile
    monkeypatch.setattr(os.path, "samefile", lambda one, other: samefile(str(one).lower(), str(other).lower()))
    monkeypatch.setattr(os.path, "realpath", os.path.abspath)
    assert files.is_within(Path(str(tmp_path), "MODEL", "converted"), model)


def test_nothing_is_written_into_a_model_by_way_of_a_link(model, tmp_path):
    (model / "below").mkdir()
    (tmp_path / "link").symlink_to(model / "below", target_is_directory=True)
    with pytest.raises(InvalidRequest, match="in the model folder"):
        check_outside(tmp_path / "link" / "adapter")


def failing(number, kind, call):
    """An os function, of a path or a descriptor, that fails for folders or for files."""

    def fails(what, *args):
        if os.path.isdir(what) == (kind == "folder"):
            raise OSError(number, os.strerror(number))
        return call(what, *args)

    return fails


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF])
def test_a_file_system_that_cannot_sync_folders_is_no_error(tmp_path, monkeypatch, number):
    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", failing(number, "folder", os.fsync))
    with new_folder(tmp_path / "made") as unfinished:
        (unfinished / "file").write_text("content")
    assert os.listdir(tmp_path / "made") == ["file"]


def test_a_folder_that_cannot_be_opened_is_not_synced(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("content")
    monkeypatch.setattr(os, "open", failing(errno.EACCES, "folder", os.open))
    files.replace_durably(tmp_path / "file", tmp_path / "renamed")
    assert os.listdir(tmp_path) == ["renamed"]


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.EINVAL, "file"), (errno.EIO, "file"), (errno.EIO, "folder"), (errno.ENOSPC, "folder")]
)
def test_what_does_not_reach_the_disk_is_an_error(tmp_path, monkeypatch, number, kind):
    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", failing(number, kind, os.fsync))
    with pytest.raises(EngineFailed), new_folder(tmp_path / "made") as unfinished:
        (unfinished / "file").write_text("content")


def test_on_macos_the_drive_s_own_cache_is_flushed(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda descriptor, command: flushed.append(command))
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append("fsync"))
    (tmp_path / "file").write_text("content")
    files.replace_durably(tmp_path / "file", tmp_path / "renamed")
    assert flushed == [51, 51]  # the file and its folder


def test_a_file_system_without_a_full_flush_is_synced(tmp_path, monkeypatch):
    def unsupported(descriptor, command):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    synced = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", unsupported)
    monkeypatch.setattr(os, "fsync", synced.append)
    (tmp_path / "file").write_text("content")
    files.replace_durably(tmp_path / "file", tmp_path / "renamed")
    assert len(synced) == 2
