"""The report of the acceptance kit: whole, redacted, and written somewhere."""

import errno
import json
import tempfile
import zipfile

import pytest

from acceptance import __main__ as kit
from acceptance import report
from acceptance.checks import Check, Status
from acceptance.redaction import Redactor
from acceptance.runner import Result

REDACTOR = Redactor(homes=("/Users/jdoe",), names=("jdoe",))
RESULTS = [
    Result(
        "facts", "what this is", Status.PASS, 1.24, "", [Check("system", Status.PASS, "in /Users/jdoe/x", {"n": 1})]
    ),
    Result("soak", "load", Status.STOPPED, 60, "stopped at its limit of 60 s"),
]


def test_the_table_has_a_line_for_each_step_and_check():
    lines = report.table(RESULTS).splitlines()
    assert lines[2].split() == ["facts:", "what", "this", "is", "pass", "1.2"]
    assert lines[3].split() == ["system", "pass", "in", "/Users/jdoe/x"]
    assert lines[5].split() == ["soak:", "load", "stopped", "60.0"]
    assert lines[6].strip() == "stopped at its limit of 60 s"
    assert lines[-1] == "1 pass, 1 stopped"
    part = Check("wired memory", Status.NOT_APPLICABLE, "needs macOS")
    last = report.table([Result("soak", "load", Status.PASS, 60, "", [part])]).splitlines()[-1]
    assert last == "1 pass; 1 checks do not apply here"


def test_everything_in_the_zip_is_redacted(tmp_path):
    logs = tmp_path / "soak"
    logs.mkdir()
    (logs / "jdoe-step.log").write_text("begun by jdoe in /Users/jdoe/src\n")
    (logs / "bytes").write_bytes(b"\xff jdoe")
    (logs / "link").symlink_to("/etc/passwd")
    written = report.save(RESULTS, {"arguments": ["--out", "/Users/jdoe/out"]}, tmp_path, REDACTOR, [])
    assert written == tmp_path / "mlx4j-acceptance.zip"
    with zipfile.ZipFile(written) as archive:
        assert sorted(archive.namelist()) == [
            "acceptance.json",
            "logs/soak/USER-step.log",
            "logs/soak/bytes",
            "table.txt",
        ]
        assert archive.read("logs/soak/USER-step.log") == b"begun by USER in ~/src\n"
        assert not [name for name in archive.namelist() if b"jdoe" in archive.read(name)]
        assert json.loads(archive.read("acceptance.json"))["steps"][0]["checks"][0]["figures"] == {"n": 1}


def test_only_the_end_of_a_long_log_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_LOG_BYTES", 10)
    (tmp_path / "soak").mkdir()
    (tmp_path / "soak" / "long.log").write_text("x" * 100 + "the end")
    with zipfile.ZipFile(report.save(RESULTS, {}, tmp_path, REDACTOR, [])) as archive:
        assert archive.read("logs/soak/long.log") == b"xxxthe end"


def test_a_full_disk_moves_the_report_elsewhere(tmp_path, monkeypatch):
    full, spare = tmp_path / "full", tmp_path / "spare"
    full_disk(monkeypatch, lambda target: target.parent == full)
    assert report.save(RESULTS, {}, full, REDACTOR, [spare]) == spare / "mlx4j-acceptance.zip"
    assert json.loads((spare / "acceptance.json").read_text())["steps"][1]["status"] == "stopped"


def test_without_room_for_the_zip_there_is_the_json(tmp_path, monkeypatch):
    full_disk(monkeypatch, lambda target: target.suffix == ".zip")
    assert report.save(RESULTS, {}, tmp_path, REDACTOR, []) == tmp_path / "acceptance.json"


def test_without_any_room_there_is_the_table(tmp_path, monkeypatch, capsys):
    full_disk(monkeypatch, lambda target: True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kit._finish(RESULTS, {}, tmp_path, REDACTOR) == 1
    said = capsys.readouterr()
    assert "soak: load" in said.out
    assert "copy the table above" in said.err


def test_a_write_that_fails_leaves_nothing_and_keeps_what_was_there(tmp_path, monkeypatch):
    report.write(RESULTS, {}, tmp_path, REDACTOR)
    before = (tmp_path / "acceptance.json").read_bytes()

    def no_space(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(report.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        report.write([], {}, tmp_path, REDACTOR)
    assert [file.name for file in tmp_path.iterdir()] == ["acceptance.json"]
    assert (tmp_path / "acceptance.json").read_bytes() == before


def test_a_run_that_the_machine_did_not_survive_can_still_be_reported(tmp_path, capsys):
    report.write(RESULTS, {"started": 0.0}, tmp_path, REDACTOR)
    assert kit.main(["--report", str(tmp_path)], ()) == 1
    assert "1 pass, 1 stopped" in capsys.readouterr().out
    assert (tmp_path / "mlx4j-acceptance.zip").is_file()


def full_disk(monkeypatch, is_full):
    replace = report._replace

    def write(target, content):
        if is_full(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(target, content)

    monkeypatch.setattr(report, "_replace", write)
