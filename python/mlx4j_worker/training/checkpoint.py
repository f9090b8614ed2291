"""A checkpoint's trainer.json: how far a training got, and which training it belongs to."""

import json
from hashlib import sha256
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker import files
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed, ModelNotFound
from mlx4j_worker.models.folder import check_links, read_json
from mlx4j_worker.models.safetensors import read_header

FORMAT = 1
FILE, WEIGHTS, OPTIMIZER = "trainer.json", "weights.safetensors", "optimizer.safetensors"
MASTER_WEIGHTS = {"masterWeights": "float32"}  # in a backend's identity where the trained weights have 16 bits
_SAMPLES, _SAMPLE_BYTES = 16, 65536


def fingerprint_of(fields: dict[str, Any]) -> str:
    """A digest of the fields that must match for a checkpoint to be resumed."""
    return sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:32]


def digest_of_model(folder: str | Path) -> str:
    """A name for the weights of a folder: by their headers and samples of their content, which may be very long."""
    found = sha256()
    for file in files.listed(folder, "*.safetensors"):
        found.update(repr(sorted((name, *vars(t).values()) for name, t in read_header(file).items())).encode())
        size = file.stat().st_size
        with open(file, "rb") as content:
            for i in range(_SAMPLES):
                content.seek(max(0, size - _SAMPLE_BYTES) * i // (_SAMPLES - 1))
                found.update(content.read(_SAMPLE_BYTES))
    return found.hexdigest()[:32]


def write(folder: str | Path, fields: dict[str, Any], state: dict[str, int]) -> None:
    """Writes trainer.json beside what the backend writes."""
    content = {"format": FORMAT, "training": fields, **state}
    Path(folder, FILE).write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def read(folder: str | Path, fields: dict[str, Any]) -> dict[str, Any]:
    """The state in a checkpoint of a training with these ``fields``; refuses another one's by the field's name."""
    folder = Path(folder)
    if not (folder / FILE).is_file():
        raise ModelNotFound(f"There is no checkpoint at {folder}.", "Name the folder that saveCheckpoint wrote.")
    check_links(folder)
    content = read_json(folder, FILE)
    try:
        theirs, step, position = content["training"], content["step"], content["position"]
        right = content["format"] == FORMAT and min(step, position) >= 0 and isinstance(theirs, dict)
    except (KeyError, TypeError):
        right = False
    if not right:
        raise ModelLoadFailed(f"{FILE} in {folder} can't be read.", "Use another checkpoint.")
    for name, own in fields.items():
        if theirs.get(name) != own:
            raise InvalidRequest(
                f"The checkpoint {folder} belongs to another training run: its {name} is {shown(theirs.get(name))}, "
                f"but here it is {shown(own)}.",
                "Open the training with the settings that it had when the checkpoint was saved.",
            )
    for name in (WEIGHTS, OPTIMIZER):
        if not (folder / name).is_file():
            raise ModelLoadFailed(f"{folder} has no {name}.", "Use another checkpoint.")
        read_header(folder / name)
    return content


def check_tensors(path: str | Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Refuses a file of tensors whose names and shapes are not these."""
    found = {name: tensor.shape for name, tensor in read_header(Path(path)).items()}
    if found != shapes:
        other = sorted(name for name in {*found, *shapes} if found.get(name) != shapes.get(name))[0]
        raise ModelLoadFailed(
            f"{path} doesn't belong to this training run: {shown(other)} differs.", "Use another checkpoint."
        )
