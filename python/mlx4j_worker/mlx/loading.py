"""Loads a model with mlx-lm, or says why not."""

import glob
from importlib.metadata import version

from mlx_lm.utils import load as load_model

from mlx4j_worker import folder, source
from mlx4j_worker.errors import ModelLoadFailed, OutOfMemory, UnsafeModel
from mlx4j_worker.mlx.engine import MlxEngine


def load(params, progress):
    """The engine for the model that the params of ``initialize`` name. Must run on the engine's own thread."""
    model = params["model"]
    path = source.resolve(model["source"], model.get("revision"), params.get("download", False), progress)
    if glob.escape(str(path)) != str(path):  # mlx-lm looks for weights with a pattern that begins with the path
        raise ModelLoadFailed(f"mlx-lm can't load {path}: its path has one of *, ? and [.", "Rename the folder.")
    config = folder.check(path)
    progress("load", 0, 1, "models")
    try:
        loaded, tokenizer, config = load_model(
            str(path),
            tokenizer_config={"trust_remote_code": False, "local_files_only": True},
            model_config=_rope_of_transformers_5(config),
            return_config=True,
            trust_remote_code=False,
        )
    except MemoryError as error:
        raise OutOfMemory(f"{path} does not fit into memory: {error}", "Use a smaller or quantized model.") from error
    except Exception as error:  # mlx-lm raises what its many model files raise
        if "trust_remote_code" in str(error):
            raise UnsafeModel(
                f"{path} wants to run its own code (auto_map), since transformers has no such tokenizer.",
                "Use a model whose tokenizer transformers has.",
            ) from error
        raise ModelLoadFailed(
            f"mlx-lm can't load {path}: {type(error).__name__}: {error}",
            "Check that mlx-lm has this architecture and that the files are whole.",
        ) from error
    return MlxEngine(model["source"], loaded, tokenizer, config, _packages())


def _rope_of_transformers_5(config):
    """What mlx-lm must be told of ``rope_parameters``, where transformers 5 puts values that it reads elsewhere."""
    rope = config.get("rope_parameters")
    if not isinstance(rope, dict) or not isinstance(rope.get("rope_theta"), (int, float)):
        return {}
    override = {"rope_theta": rope["rope_theta"]}
    if rope.get("rope_type", "default") != "default":
        override["rope_scaling"] = rope
    if "partial_rotary_factor" in rope:
        override["partial_rotary_factor"] = rope["partial_rotary_factor"]
    return override


def _packages():
    return {"mlx": version("mlx"), "mlx-lm": version("mlx-lm")}
