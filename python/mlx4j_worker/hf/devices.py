"""Which device torch runs models on. A device counts only if it computes: drivers list GPUs that fail every allocation.

Java also puts this text before verify_install.py, which runs without this package. So nothing
heavy is imported at the top, and old Pythons can parse it.
"""


class DeviceUnusable(Exception):
    """A device that doesn't exist or can't compute."""


def choose_device(wanted: str = "auto") -> "tuple[str, list[str]]":
    """(the name of the device, warnings) for auto, cuda, mps or cpu.

    ``auto`` takes the first of cuda, mps and cpu that computes, with a warning for each GPU that is listed but fails.
    Raises DeviceUnusable where the wanted device, or the CPU as the last resort, does not compute.
    """
    if wanted != "auto":
        if not _is_listed(wanted):
            raise DeviceUnusable(f"torch finds no device of the kind {wanted} here.")
        prove(wanted)
        return wanted, []
    warnings: list[str] = []
    for gpu in ("cuda", "mps"):
        try:
            if _is_listed(gpu):
                prove(gpu)
                return gpu, warnings
        except DeviceUnusable as error:
            warnings.append(f"{error} Another device is used.")
    prove("cpu")
    return "cpu", warnings


def prove(device: str) -> None:
    """Multiplies matrices on a device, first of 256 bytes and then of 1 MiB; raises DeviceUnusable if that goes wrong.

    The values are small whole numbers, for which float32 is exact, and TF32 too.
    """
    import torch

    for terms in (8, 32768):
        try:
            left = torch.tensor([[float(i)] * terms for i in range(8)], device=device)
            right = torch.tensor([[float(j) for j in range(8)]] * terms, device=device)
            product = (left @ right).tolist()
        except Exception as error:  # torch has many kinds for it
            raise DeviceUnusable(
                f"torch lists {device}, but can't compute on it: {type(error).__name__}: {error}"
            ) from error
        if product != [[float(terms * i * j) for j in range(8)] for i in range(8)]:
            raise DeviceUnusable(f"torch lists {device}, but a product of matrices on it is wrong.")


def _is_listed(device: str) -> bool:
    import torch

    if device == "cuda":
        return torch.cuda.is_available()
    return device == "cpu" or torch.backends.mps.is_available()
