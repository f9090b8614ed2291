"""The files of an environment: a real one with a small package, sealed as `mlx4j setup` seals it."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PYTHON_DIR, SECONDS

SEALER = "\n".join((PYTHON_DIR / part).read_text() for part in ("mlx4j_worker/installed.py", "environment_files.py"))
WORKER = f"import sys; sys.path.insert(0, {str(PYTHON_DIR)!r}); from mlx4j_worker import installed; installed.guard()"
PACKAGE = {
    "six.py": "x = 1\n",
    "lib_a/__init__.py": "",
    "lib_a/models.py": "y = 2\n",
    "lib_a/libnative.so": "no code, but a library by its name",
}


class Environment:
    def __init__(self, folder: Path):
        subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", folder], check=True, timeout=SECONDS)
        self.folder = folder
        (folder / "mlx4j-requirements.sha256").write_text("0\n")
        self.site = next(folder.glob("lib/python3*/site-packages"))
        self.add("some_package-1.0", PACKAGE)

    def add(self, name, files):
        """Install a distribution as pip does: its files, its RECORD, its bytecode."""
        record = ""
        for path, text in files.items():
            (self.site / path).parent.mkdir(exist_ok=True)
            (self.site / path).write_text(text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text)}\n"
        info = self.site / f"{name}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "RECORD").write_text(f"{record}{info.name}/RECORD,,\n")
        self.python("import compileall, sys; compileall.compile_dir(sys.argv[1], quiet=2)", str(self.site))

    def python(self, program, *arguments):
        command = [self.folder / "bin" / "python", "-I", "-X", "utf8", "-c", program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)

    def files(self, *arguments):
        done = self.python(SEALER, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def imports(self, statement):
        """What goes wrong when a worker runs this; empty if nothing does."""
        return self.python(f"{WORKER}; {statement}").stderr

    def overwrite(self, path, text):
        """Write into an existing file of the packages, as a bug in a program would."""
        with open(self.site / path, "r+") as file:
            file.write(text)


@pytest.fixture
def environment(tmp_path):
    made = Environment(tmp_path / "env")
    assert made.files("seal", "some-package") == []
    return made


def test_a_sealed_environment_is_as_listed_and_can_be_imported(environment):
    assert environment.files("check") == []
    assert environment.imports("import six, lib_a.models, json") == ""


def test_only_the_locked_distributions_stay(tmp_path):
    environment = Environment(tmp_path / "env")
    environment.add("pip-1.0", {"pip/__init__.py": "", "pip/main.py": "", "../../../bin/pip": "#!/bin/sh"})
    environment.add("setuptools-1.0", {"setuptools.py": "", "distutils-precedence.pth": "import os"})

    assert environment.files("seal", "some-package", "setuptools") == []

    assert not (environment.site / "pip").exists()
    assert not (environment.folder / "bin" / "pip").exists()
    assert (environment.site / "setuptools.py").exists(), "it is locked, as a requirement of torch"
    assert not list(environment.site.glob("*.pth")), "nothing runs whenever Python starts"
    assert environment.files("check") == []


def test_the_workers_scripts_in_an_environment_are_compiled_and_listed(tmp_path):
    environment = Environment(tmp_path / "env")
    script = environment.folder / "mlx4j" / "mlx4j_worker" / "wire.py"
    script.parent.mkdir(parents=True)
    script.write_text("x = 1\n")

    assert environment.files("seal", "some-package") == []

    (compiled,) = script.parent.glob("__pycache__/wire.*.pyc")
    start = (environment.folder / "mlx4j-files.txt").read_text().split("\n\n")[0]
    for path in (script, compiled):
        assert f"\n{path.relative_to(environment.folder)}\t{path.stat().st_size} " in start
    age(script)
    assert environment.files("check") == [f"{script} was changed"]
    imported = environment.imports(f"sys.path[:0] = [{str(script.parent)!r}]; import wire")
    assert f"ChangedFile: {script} was added or changed" in imported


def test_others_can_not_write_to_a_sealed_environment(tmp_path):
    environment = Environment(tmp_path / "env")
    for path in (environment.folder, environment.site, environment.site / "six.py"):
        path.chmod(0o777)
    environment.files("seal", "some-package")
    open_to_others = [path for path in environment.folder.rglob("*") if path.lstat().st_mode & 0o022]
    assert [path for path in open_to_others if not path.is_symlink()] == []


@pytest.mark.parametrize("path", ["extra.py", "usercustomize.py", "lib_a/extra.py", "__pycache__/none.cpython-311.pyc"])
def test_a_file_of_no_package_is_reported_and_nothing_is_listed(tmp_path, path):
    environment = Environment(tmp_path / "env")
    (environment.site / path).write_text("")
    assert environment.files("seal", "some-package") == [f"{environment.site / path} belongs to no package"]
    assert environment.files("check") is None


def test_another_content_is_reported_by_hash_though_size_and_time_are_the_same(environment):
    before = (environment.site / "six.py").stat()
    environment.overwrite("six.py", "x = 3")
    os.utime(environment.site / "six.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert environment.files("check") == [], "size and time only"
    assert environment.files("seal", "some-package") == [f"{environment.site / 'six.py'} was changed"]


def test_a_missing_file_is_reported(environment):
    (environment.site / "six.py").unlink()
    assert environment.files("seal", "some-package") == [f"{environment.site / 'six.py'} is missing"]
    assert f"{environment.site / 'six.py'} was changed" in environment.files("check")


def age(path):
    """Make a file look as if it was written a minute ago or a minute earlier."""
    found = path.stat()
    os.utime(path, (found.st_atime, found.st_mtime - 60))


@pytest.mark.parametrize("path", ["six.py", "lib_a/models.py"])
def test_a_changed_module_is_not_run(environment, path):
    environment.overwrite(path, "print('evil')")
    age(environment.site / path)
    module = path[:-3].replace("/", ".")
    assert f"ChangedFile: {environment.site / path} was added or changed" in environment.imports(f"import {module}")


@pytest.mark.parametrize("path", ["lib_a/evil.py", "lib_a/models/__init__.py", "lib_a/legacy.pyc"])
def test_an_added_module_is_not_run(environment, path):
    (environment.site / path).parent.mkdir(exist_ok=True)
    (environment.site / path).write_text("print('evil')")
    module = path.split(".")[0].removesuffix("/__init__").replace("/", ".")
    assert f"ChangedFile: {environment.site / path} was" in environment.imports(f"import {module}")


def test_a_module_that_others_can_write_to_is_not_run(environment):
    (environment.site / "six.py").chmod(0o666)
    assert "six.py was added or changed" in environment.imports("import six")
    (environment.site / "lib_a").chmod(0o777)  # whoever adds a file here is refused as above
    assert environment.imports("import lib_a.models") == ""


@pytest.mark.parametrize("mode", ["find", "import"])
def test_the_look_at_an_environment_runs_no_changed_package(tmp_path, mode):
    environment = Environment(tmp_path / "env")
    about = "Metadata-Version: 2.1\nName: mlx\nVersion: 1.0\n"
    environment.add("mlx-1.0", {"mlx/core.py": "", "mlx-1.0.dist-info/METADATA": about})
    assert environment.files("seal", "some-package", "mlx") == []
    evil = environment.site / "mlx" / "core" / "__init__.py"
    evil.parent.mkdir()
    evil.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    guard = (PYTHON_DIR / "mlx4j_worker/installed.py").read_text()
    probe = f"INSTALLED = {json.dumps(guard)}\n" + (PYTHON_DIR / "probe.py").read_text()
    done = environment.python(probe, mode, "mlx.core")
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["broken"] == {"mlx.core": f"ChangedFile: {evil} was added or changed after `mlx4j setup`"}
    assert not (tmp_path / "ran").exists()


def test_changed_bytecode_is_ignored(environment):
    cached = next(environment.site.glob("__pycache__/six.*.pyc"))
    evil = environment.site.parent / "six.py"
    evil.write_text("print('evil')")
    program = "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2])"
    source = (environment.site / "six.py").stat()
    assert environment.python(program, str(evil), str(cached)).stderr == ""
    content = bytearray(cached.read_bytes())
    content[8:16] = int(source.st_mtime).to_bytes(4, "little") + source.st_size.to_bytes(4, "little")
    cached.write_bytes(content)
    age(cached)

    assert "evil" in environment.python("import six").stdout, "Python itself would run it"
    done = environment.python(f"{WORKER}; import six; print(six.x)")
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_changed_library_keeps_all_native_code_out(environment):
    age(environment.site / "lib_a" / "libnative.so")
    program = "installed._guards[0].check_natives()"
    assert "ChangedFile" in environment.imports(program)


def test_a_refusal_is_reported_though_a_package_goes_on_without_the_module(environment):
    age(environment.site / "six.py")
    program = f"""{WORKER}
from mlx4j_worker.imports import required
with required("six", "mlx4j setup mlx"):
    try:
        import six
    except ImportError:
        six = None
"""
    said = environment.python(program).stderr
    assert "DependencyMissing" in said
    assert "six.py was added or changed after `mlx4j setup`" in said


def test_a_worker_does_not_load_with_a_changed_package(tmp_path):
    environment = Environment(tmp_path / "env")
    environment.add("mlx-1.0", {"mlx/core.py": "__version__ = '1.0'\n"})
    assert environment.files("seal", "some-package", "mlx") == []
    age(environment.site / "mlx" / "core.py")
    params = {"protocol": {"major": 1, "minor": 0}, "model": {"source": str(tmp_path)}, "download": False}
    command = [environment.folder / "bin" / "python", "-I", "-X", "utf8", "-u", PYTHON_DIR / "mlx_worker.py", "nonce"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with worker:
        request = {"jsonrpc": "2.0", "id": "1", "method": "initialize", "params": params}
        worker.stdin.write(json.dumps(request) + "\n")
        worker.stdin.flush()
        answer = next(line for line in map(json.loads, worker.stdout) if line.get("id") == "1")
    assert answer["error"]["data"]["kind"] == "dependency_missing"
    assert f"{environment.site}/mlx/core.py was added or changed" in answer["error"]["message"]


def test_lib64_is_a_name_of_lib(environment):
    if not (environment.folder / "lib64").exists():
        (environment.folder / "lib64").symlink_to("lib")
    site = environment.folder / "lib64" / environment.site.relative_to(environment.folder / "lib")
    assert environment.imports(f"sys.path[:0] = [{str(site)!r}]; import six; assert 'lib64' in six.__file__") == ""


def test_an_environment_without_a_list_is_not_guarded(environment):
    (environment.folder / "mlx4j-files.txt").unlink()
    age(environment.site / "six.py")
    assert environment.imports("import six; assert not installed._guards") == ""
