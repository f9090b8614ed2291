"""Finds JSON schemas that no finite text conforms to: a value requires another one of its own schema, endlessly.

A model that is held to such a schema can only run into its token limit. What is not proved to be of that kind passes.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any
from urllib.parse import unquote

_MAX_ROUNDS = 50  # nothing is said of a schema that needs more
_OLD_DRAFTS = ("draft-03", "draft-04", "draft-06", "draft-07")  # $ref hides the keywords beside it


def check(schema: dict[str, Any]) -> None:
    """Raise ValueError that names a part of the schema whose every value would be infinite."""
    references = _References(schema)
    parts = list(_parts(schema, references))
    if any("$id" in part or "id" in part for _, part in parts[1:]):
        return  # references may start there
    analysis = _Analysis(schema, references, [part for _, part in parts])
    for path, part in parts:
        if not analysis.finite(part):
            raise ValueError(f"{path} requires a value of its own schema, so no finite text conforms to it")


class _Analysis:
    """Which parts have a finite value: a part is added once all that it requires has one."""

    def __init__(self, root: dict[str, Any], references: "_References", parts: list[dict[str, Any]]) -> None:
        self._references = references
        self._old = any(name in str(root.get("$schema")) for name in _OLD_DRAFTS)
        self._known = {id(part) for part in parts}
        self._finite: set[int] = set()
        for _ in range(_MAX_ROUNDS):
            before = len(self._finite)
            for part in reversed(parts):  # what a part requires comes after it, mostly
                if id(part) not in self._finite and self._may_be(part):
                    self._finite.add(id(part))
            if len(self._finite) == before:
                return
        self._finite = self._known

    def finite(self, part: dict[str, Any] | bool) -> bool:
        """Whether a schema has a finite value, or may have one."""
        return id(part) not in self._known or id(part) in self._finite

    def _may_be(self, part: dict[str, Any]) -> bool:
        every = [*self._conjuncts(part)]
        choices = [one[name] for one in every for name in ("anyOf", "oneOf") if isinstance(one.get(name), list)]
        if not all(any(map(self.finite, options)) for options in choices):
            return False
        if any("enum" in one or "const" in one for one in every):
            return [] not in [one.get("enum") for one in every]
        kinds = [{one["type"]} if isinstance(one["type"], str) else {*one["type"]} for one in every if "type" in one]
        shared = set.intersection(*kinds) if kinds else {"null"}
        if not shared or not shared <= {"object", "array"}:
            return True
        objects = "object" in shared and all(map(self.finite, self._of_object(every))) and self._has_enough_keys(every)
        return objects or ("array" in shared and all(map(self.finite, self._of_array(every))))

    def _conjuncts(self, part: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The schemas that a value must conform to at the same time."""
        left: list[Any] = [part]
        seen: set[int] = set()
        while left:
            one = left.pop()
            if not isinstance(one, dict) or id(one) in seen:
                continue
            seen.add(id(one))
            left.append(self._references.target(one.get("$ref")))
            if "$ref" in one and self._old:
                continue
            yield one
            left += one["allOf"] if isinstance(one.get("allOf"), list) else []

    @staticmethod
    def _of_object(every: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The schemas that the values of an object's required keys have."""
        required = {*chain.from_iterable(one.get("required") or () for one in every)}
        for one in every:
            properties, others = one.get("properties") or {}, one.get("additionalProperties")
            patterns = one.get("patternProperties") or {}
            yield from (properties[name] for name in required if name in properties)
            with suppress(re.error):  # of another dialect
                yield from (patterns[key] for key in patterns if any(re.search(key, name) for name in required))
            least = one.get("minProperties", 0)
            unnamed = required - {*properties} or (not properties and least > 0)
            if isinstance(others, dict) and unnamed and not patterns:
                yield others

    def _has_enough_keys(self, every: list[dict[str, Any]]) -> bool:
        """Whether enough of an object's keys have finite values, where the schema names all keys."""
        least = max((one["minProperties"] for one in every if "minProperties" in one), default=0)
        return all(
            sum(map(self.finite, (one.get("properties") or {}).values())) >= least
            for one in every
            if one.get("additionalProperties") is False and not one.get("patternProperties")
        )

    @staticmethod
    def _of_array(every: list[dict[str, Any]]) -> Iterator[Any]:
        """The schemas that the first items of an array have, as many as it needs."""
        least = max((one["minItems"] for one in every if "minItems" in one), default=0)
        for one in every:
            items, rest = one.get("items"), one.get("items")
            first = one.get("prefixItems") or []
            if isinstance(items, list):
                first, rest = items, one.get("additionalItems")
            yield from first[: int(least)]
            if least > len(first) and isinstance(rest, dict):
                yield rest
            if isinstance(one.get("contains"), dict) and one.get("minContains", 1) > 0:
                yield one["contains"]


def _parts(root: dict[str, Any], references: "_References") -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, schema) of every schema that a value may have to conform to, the outermost first."""
    left: list[tuple[str, Any]] = [("the schema", root)]
    seen: set[int] = set()
    while left:
        path, part = left.pop(0)
        if not isinstance(part, dict) or id(part) in seen:
            continue
        seen.add(id(part))
        yield path, part
        if (reference := part.get("$ref")) is not None:
            left.append((str(reference), references.target(reference)))
        for name in ("properties", "patternProperties"):
            inner = part.get(name)
            left += [(f"{name}.{key}", one) for key, one in inner.items()] if isinstance(inner, dict) else []
        for name in ("allOf", "anyOf", "oneOf", "prefixItems", "items", "additionalItems", "additionalProperties"):
            inner = part.get(name)
            left += [(name, one) for one in (inner if isinstance(inner, list) else [inner])]
        left.append(("contains", part.get("contains")))


class _References:
    """Where references lead to within a schema."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._id = root["$id"].removesuffix("#") if isinstance(root.get("$id"), str) else ""
        self._anchors: dict[str, Any] = {}
        left = [root]
        while left:
            one = left.pop()
            if isinstance(one, dict) and isinstance(one.get("$anchor"), str):
                self._anchors.setdefault(f"#{one['$anchor']}", one)
            left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()

    def target(self, reference: str | None) -> dict[str, Any] | None:
        """What a JSON pointer or an anchor leads to, or None."""
        if not isinstance(reference, str):
            return None
        reference = reference.removeprefix(self._id) or "#"
        if reference in self._anchors:
            return self._anchors[reference]
        if not (reference == "#" or reference.startswith("#/")):
            return None
        found = self._root
        for part in unquote(reference[1:]).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                return None
        return found
