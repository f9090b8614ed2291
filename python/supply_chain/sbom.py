"""CycloneDX bills of materials of the Python environments. The same requirements give the same bytes."""

import json
import uuid
from typing import Any

from supply_chain import locks


def bill(environment: str) -> dict[str, Any]:
    """The bill of materials of ``mlx`` or ``hf``, as CycloneDX 1.6 has it, without a time."""
    components = [_component(package) for package in locks.read(environment)]
    content = json.dumps(components, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, content).urn,
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"mlx4j-environment-{environment}",
                "name": f"mlx4j-environment-{environment}",
                "description": f"The Python environment that `mlx4j setup {environment}` makes.",
            }
        },
        "components": components,
    }


def _component(package: locks.Package) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"{package.purl}#{package.marker}" if package.marker else package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "externalReferences": [  # a hash for each wheel: one is installed, by platform
            {
                "type": "distribution",
                "url": package.purl,
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.hashes],
            }
        ],
    }
    if package.marker:
        component["properties"] = [{"name": "mlx4j:marker", "value": package.marker}]
    return component
