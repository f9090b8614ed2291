"""Model and training on a volume where macOS writes ``._`` files, and paths in another case."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acceptance import macos, product
from acceptance.checks import Status
from acceptance.runner import Context, Step

SIZE_MB = 400


def run(context: Context) -> None:
    checks = context.checks
    if macos.IS_MACOS:
        with checks.part("exFAT image"), _image(context) as volume:
            checks.add("exFAT image", Status.PASS, f"attached, {SIZE_MB} MB")
            _work(context, volume)
    else:
        checks.needs_macos("exFAT image")
        _work(context, context.temp / "volume")


def companions(folder: Path) -> int:
    """Writes a ``._`` file beside each file beneath a folder, and a ``.DS_Store``, as Finder does; their number."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("._")]
    for file in files:
        file.with_name(f"._{file.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")
    (folder / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")
    return len(files) + 1


def _work(context: Context, volume: Path) -> None:
    checks = context.checks
    model, run_folder = volume / "Tiny-Chat", volume / "Run"
    shutil.copytree(product.MODEL, model)
    data = volume / "Data"
    shutil.copytree(product.TRAINING, data)
    if not macos.IS_MACOS:
        companions(model)
        companions(data)
    for kind in product.KINDS:
        _command(context, f"generate, {kind}", kind, "generate", "Who are you?", model=model)
    training = ["--data", str(data), "--steps", "4", "--checkpoint-every", "2", "--batch-size", "2", "--backend", "mlx"]
    _command(
        context, "train", "mlx", "train", "--model", str(model), "--output", str(run_folder), *training, model=model
    )
    if not macos.IS_MACOS and run_folder.is_dir():
        companions(run_folder)
    name = "resume, path in another case"
    if run_folder.is_dir():
        resumed = str(_other_case(run_folder))
        _command(context, name, "mlx", "train", "--resume", resumed, "--steps", "6", model=model)
    else:
        checks.add(name, Status.NOT_RUN, "needs the run that train did not make")
    other = _other_case(model)
    for kind in product.KINDS:
        _command(context, f"generate, path in another case, {kind}", kind, "generate", "Who are you?", model=other)
    found = sum(1 for file in volume.rglob("._*") if file.is_file())
    checks.add("._ files on the volume", Status.PASS, str(found), count=found)


def _command(context: Context, name: str, kind: str, *arguments: str, model: Path) -> None:
    with context.checks.part(name):
        product.python(kind)
        settings = {"MLX_MODEL": str(model), "HF_MODEL": str(model), "TASK_ORCHESTRATOR_PROVIDER": kind}
        log = name.replace(", ", "-").replace(" ", "-")
        done = product.cli(context, log, *arguments, limit_s=600, **settings)
        context.checks.verdict(name, done.code == 0, done.outcome, seconds=done.seconds)


def _other_case(folder: Path) -> Path:
    """The same folder by a name in upper case; where the file system tells them apart, through a symbolic link."""
    other = folder.with_name(folder.name.upper())
    if not other.exists():
        os.symlink(folder, other)
    return other


@contextmanager
def _image(context: Context) -> Iterator[Path]:
    """An exFAT volume in a disk image, detached at the end."""
    image, mount = context.temp / "exfat.dmg", context.temp / "volume"
    mount.mkdir()
    create = ["hdiutil", "create", "-size", f"{SIZE_MB}m", "-fs", "ExFAT", "-volname", "MLX4J", str(image)]
    subprocess.run(create, check=True, timeout=300)
    attach = ["hdiutil", "attach", "-plist", "-nobrowse", "-mountpoint", str(mount), str(image)]
    device, mounted = macos.attached(subprocess.run(attach, check=True, timeout=300, capture_output=True).stdout)
    try:
        yield Path(mounted)
    finally:
        subprocess.run(["hdiutil", "detach", "-force", device], check=False, timeout=120)


def detach(temp: Path) -> None:
    """Detaches what a killed step left attached beneath its temporary folder."""
    if macos.IS_MACOS:
        info = subprocess.run(["hdiutil", "info", "-plist"], capture_output=True, check=True, timeout=60).stdout
        for device in macos.images_beneath(info, temp):
            subprocess.run(["hdiutil", "detach", "-force", device], check=False, timeout=120)


STEP = Step("files", "an exFAT volume, and paths in another case", 2400, run, disk_mb=2 * SIZE_MB, clean=detach)
