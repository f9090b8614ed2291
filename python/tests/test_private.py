"""Every worker process has a private folder, and its temporary files are in it."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from conftest import eventually
from mlx4j_worker import private


@pytest.fixture(autouse=True)
def shared_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def _mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_temporary_files_are_in_the_folder_that_the_parent_made(tmp_path):
    folder = tmp_path / "made-by-the-parent"
    folder.mkdir(mode=0o700)
    assert private.claim(str(folder), "mlx") == str(folder)
    assert Path(tempfile.gettempdir()) == Path(os.environ["TMPDIR"]) == folder / "tmp"
    assert _mode(folder / "tmp") == 0o700


def test_a_process_without_a_folder_makes_one(tmp_path):
    folder = Path(private.claim("", "mlx"))
    assert folder.parent == tmp_path
    assert folder.name.startswith("mlx4j-mlx-")
    assert _mode(folder) == 0o700
    assert os.environ["TMPDIR"] == str(folder / "tmp")


def test_the_folder_of_a_process_that_made_it_goes_with_it(start_worker, tmp_path):
    worker = start_worker()
    worker.hello()
    [folder] = tmp_path.glob("mlx4j-fake-*")
    worker.kill()
    eventually(lambda: not folder.exists())
