"""The model types that an engine knows: what Java's resources list, and the tests compare with them.

Runs in a worker's environment: python -m engine_tests.known_types mlx|hf
"""

import contextlib
import importlib
import pkgutil
import sys
from importlib.metadata import version
from pathlib import Path

_RESOURCES = Path(__file__).resolve().parents[2] / "src/main/resources/io/github/mlx4j/model"


def mlx():
    """Modules of mlx-lm with a model that we load, and the names that it takes for one of them."""
    from mlx_lm import models
    from mlx_lm.utils import MODEL_REMAPPING

    from mlx4j_worker.mlx.compat import ALIASES, ALWAYS_WRONG

    known = {module.name for module in pkgutil.iter_modules(models.__path__) if _has_model(module.name)}
    known -= ALWAYS_WRONG.keys()
    return known | {name for name, module in {**MODEL_REMAPPING, **ALIASES}.items() if module in known}


def hf():
    """Types that transformers has a causal language model for."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def _has_model(name):
    try:
        with contextlib.redirect_stdout(sys.stderr):
            module = importlib.import_module(f"mlx_lm.models.{name}")
    except (ImportError, SystemExit):  # a module that needs another package, and may even end the process
        return False
    return hasattr(module, "Model") and hasattr(module, "ModelArgs")


def text(engine):
    """The resource's text."""
    package, names = {"mlx": ("mlx-lm", mlx), "hf": ("transformers", hf)}[engine]
    return "\n".join([f"# {package} {version(package)}; made by scripts/known-model-types", *sorted(names()), ""])


def resource(engine):
    """What Java has of it."""
    return (_RESOURCES / f"known-model-types-{engine}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.stdout.write(text(sys.argv[1]))
