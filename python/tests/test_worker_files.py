"""worker-files.txt is what Java takes out of its jar, so it has to be complete."""

from conftest import PYTHON_DIR


def test_the_list_has_exactly_the_workers_files_in_order():
    package = [path.relative_to(PYTHON_DIR).as_posix() for path in (PYTHON_DIR / "mlx4j_worker").rglob("*.py")]
    wanted = sorted(["code_runner.py", "hf_worker.py", "mlx_worker.py", *package])
    assert (PYTHON_DIR / "worker-files.txt").read_text() == "".join(f"{name}\n" for name in wanted)
