"""Reads the locked requirements of the Python environments."""

import re
from dataclasses import dataclass, field
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
ENVIRONMENTS = ("mlx", "hf")

_PACKAGE = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*(.*?))?\s*\\?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass
class Package:
    """A locked distribution: ``marker`` says where it is installed, ``hashes`` are SHA-256 of its wheels."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)

    @property
    def purl(self) -> str:
        """The package URL, as CycloneDX and OSV identify it."""
        return f"pkg:pypi/{self.name.lower().replace('_', '-').replace('.', '-')}@{self.version}"


def read(environment: str) -> list[Package]:
    """The packages of ``mlx`` or ``hf``, in the order of the file."""
    packages: list[Package] = []
    for line in (REQUIREMENTS / f"{environment}.txt").read_text(encoding="utf-8").splitlines():
        if found := _PACKAGE.match(line):
            packages.append(Package(found[1], found[2], found[3] or ""))
        packages[-1].hashes += _HASH.findall(line)
    return packages
