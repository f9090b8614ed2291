"""As much of torch as choosing a device takes; what is wrong with a GPU is in ``faults``, by its name."""


class Matrix:
    def __init__(self, rows, device):
        self.rows, self.device = rows, device

    def __matmul__(self, other):
        columns = [*zip(*other.rows, strict=True)]
        product = [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in self.rows]
        if faults.get(self.device) == "wrong product":
            product[-1][-1] += 1.0
        return Matrix(product, self.device)

    def tolist(self):
        return self.rows


listed = []  # the GPUs that is_available() tells of
faults = {}  # by the name of a device


class cuda:
    is_available = staticmethod(lambda: "cuda" in listed)


class backends:
    class mps:
        is_available = staticmethod(lambda: "mps" in listed)


def tensor(rows, device):
    if faults.get(device) == "no allocation":  # as MPS in a virtual machine
        raise RuntimeError("MPS backend out of memory (MPS allocated: 0 bytes, max allowed: 0 bytes)")
    if faults.get(device) == "no large allocation" and len(rows) * len(rows[0]) > 64:
        raise RuntimeError("invalid buffer size")
    return Matrix(rows, device)
