"""The golden list of methods, which JUnit compares with the methods that Java calls."""

import json

from conftest import PYTHON_DIR
from mlx4j_worker.dispatch import Worker

METHODS = json.loads((PYTHON_DIR.parent / "src/test/resources/protocol/methods.json").read_text(encoding="utf-8"))
WORKERS = ("mlx_worker.py", "hf_worker.py")


def kinds(worker, names):
    """The kind of error with which a worker without a model answers a call of each method."""
    return {name: worker.answer(worker.call(name)).get("error", {}).get("data", {}).get("kind") for name in names}


def test_methods_of_the_engine_need_a_model(start_worker):
    for script in WORKERS:
        worker = start_worker(script=PYTHON_DIR / script)
        assert set(kinds(worker, METHODS["engine"]).values()) == {"not_ready"}


def test_every_other_method_has_a_worker_that_serves_it_without_a_model(start_worker):
    answers = [kinds(start_worker(script=PYTHON_DIR / script), METHODS["noEngine"]) for script in WORKERS]
    for name in METHODS["noEngine"]:
        found = {answer[name] for answer in answers}
        assert found != {"unknown_method"}, name
        assert "not_ready" not in found, name


def test_no_method_is_missing_in_the_list():
    served = Worker("any", None, "nonce", {}, None)._handlers
    listed = [name for names in METHODS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert served.keys() <= set(listed)
