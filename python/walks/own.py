"""Schemas of our own to walk through: what JSON-Schema-Test-Suite has few of, and what went wrong once."""

import random
from collections.abc import Iterator
from typing import Any

SCHEMAS: dict[str, dict[str, Any]] = {
    "any object": {"type": "object"},
    "an open object": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
    "an open object with a required key": {
        "properties": {"ab": {"const": 1}},
        "required": ["ab", "c"],
        "type": "object",
    },
    "closed, with required keys": {
        "type": "object",
        "properties": {"x": {"type": "boolean"}, "y": {"type": "null"}, "z": {"type": "number"}},
        "required": ["x", "z"],
        "additionalProperties": False,
    },
    "typed additional properties": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
    "keys by pattern": {
        "type": "object",
        "patternProperties": {r"^\d{1,3}$": {"type": "boolean"}, "^[a-z]+$": {"type": "integer"}},
        "additionalProperties": False,
    },
    "keys by pattern, and any": {"type": "object", "patternProperties": {"^x-": {"type": "string"}}},
    "a tree": {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["value"],
                "additionalProperties": False,
            }
        },
    },
    "definitions in definitions": {
        "$defs": {"a": {"$defs": {"b": {"enum": ["x", "y"]}}, "type": "array", "items": {"$ref": "#/$defs/a/$defs/b"}}},
        "properties": {"a": {"$ref": "#/$defs/a"}},
        "required": ["a"],
        "type": "object",
    },
    "anyOf": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "integer", "minimum": 5}, {"type": "null"}]},
    "anyOf beside other keywords": {
        "type": "object",
        "properties": {"k": {"type": "integer"}},
        "required": ["k"],
        "anyOf": [{"properties": {"k": {"minimum": 3}}}, {"properties": {"k": {"maximum": -3}}}],
    },
    "oneOf of what differs": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "boolean"}}]},
    "oneOf by a constant": {
        "oneOf": [
            {
                "type": "object",
                "properties": {"t": {"const": "a"}, "n": {"type": "integer"}},
                "required": ["t", "n"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"t": {"const": "b"}, "s": {"type": "string"}},
                "required": ["t"],
                "additionalProperties": False,
            },
        ]
    },
    "allOf of numbers": {
        "allOf": [{"type": "number"}, {"minimum": 0.5}, {"exclusiveMaximum": 2.25}, {"multipleOf": 0.25}]
    },
    "allOf of objects": {
        "allOf": [
            {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "string"}}, "required": ["b"]},
            {"type": "object"},
        ]
    },
    "constants 1 and 1.0": {"enum": [1, 1.0, True, "1", None, [1.0], {"a": 1}]},
    "a boolean or an integer": {"type": ["boolean", "integer"]},
    "constants of unicode": {"enum": ["é", "漢字", "😀", "\u2028", "\\", '"', "\n\t\b\f\r", "/"]},
    "unicode keys": {
        "type": "object",
        "properties": {"é": {"const": 1}, "😀": {"const": 2}, '"\\': {"const": 3}},
        "required": ["é", "😀", '"\\'],
    },
    "string lengths": {"type": "string", "minLength": 2, "maxLength": 4},
    "array lengths": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4},
    "a tuple": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "items": False,
        "minItems": 2,
    },
    "a tuple of draft 7": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "array",
        "items": [{"type": "string"}, {"type": "integer"}],
        "additionalItems": {"type": "null"},
    },
    "a map": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string", "format": "date"}},
    },
    "a range that is open at 0": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e-20},
    "a range that is open at -3": {"type": "number", "minimum": -3.5, "exclusiveMaximum": -3},
    "bounds with many digits": {"type": "number", "minimum": 0.0037465867760617844, "maximum": 0.00374658677607},
    "multiples with decimals": {"type": "number", "minimum": -1, "maximum": 1, "multipleOf": 0.05},
    "multiples that meet": {"allOf": [{"type": "number", "multipleOf": 0.3}, {"multipleOf": 2}]},
    "large integers": {"type": "integer", "minimum": 2**53 - 3, "maximum": 2**53 - 1},
    **{
        f"format {name}": {"type": "string", "format": name}
        for name in ("date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid")
    },
    "an instant of Java": {
        "type": "string",
        "format": "date-time",
        "pattern": r"T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?Z$",
    },
    "keys of bounded length": {
        "type": "object",
        "patternProperties": {r"^[\s\S]{1,20}$": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 1,
    },
    "a format with a pattern": {"type": "string", "format": "date", "pattern": "^20"},
    "an email with a pattern": {
        "type": "string",
        "format": "email",
        "pattern": r"^\w+([\.-]?\w+)*@\w+([\.-]?\w+)*(\.\w{2,})+$",
        "minLength": 6,
    },
    "pattern of control characters": {"type": "string", "pattern": r"^[\x00-\x1f]{1,3}$"},
    "pattern of all but quotes": {"type": "string", "pattern": r'^[^"\\]*$'},
    "pattern of a dot": {"type": "string", "pattern": "^.{1,5}$"},
    "pattern of classes": {"type": "string", "pattern": r"^[\w.-]+@[\d\s]+\W\S$"},
    "pattern without anchors": {"type": "string", "pattern": "[0-9]"},
}

TEXTS: dict[str, tuple[str, Any]] = {  # response formats that are not JSON
    "a regex": ("regex", r"[0-9]{3}-[a-f]{2}(x|yy)*"),
    "a regex with unicode": ("regex", "ü{2}漢?[😀-😂]"),
    "choices": ("choice", ["yes", "no", "yesterday", 'a "quoted\\\n" line', "é"]),
}


def numbers(seed: int, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Seeded schemas of numbers with bounds and multiples of all magnitudes."""
    dice = random.Random(seed)

    def number() -> float:
        return dice.choice([
            lambda: dice.choice([0, 1, -1, 10, -10, 99, 1000, -0.0, 0.5]),
            lambda: dice.randint(-(10**15), 10**15) // 10 ** dice.randint(0, 15),
            lambda: round(dice.uniform(-100, 100), dice.randint(0, 6)),
            lambda: float(f"{dice.randint(-999, 999)}e{dice.randint(-25, 12)}"),
            lambda: dice.uniform(-1, 1) * 10.0 ** dice.randint(-20, 10),
        ])()  # fmt: skip

    for at in range(count):
        schema: dict[str, Any] = {"type": dice.choice(["number", "integer"])}
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if dice.random() < 0.4:
                schema[keyword] = number()
        if dice.random() < 0.3:
            schema["multipleOf"] = dice.choice([0.01, 0.1, 0.25, 2, 3, 7, 0.07, 0.3, 1.5, 12.5, 1e-5, 100])
        if dice.random() < 0.1:
            schema = {"allOf": [schema, {"multipleOf": dice.choice([0.5, 2, 0.3, 1e-9])}]}
        yield f"number {at}", schema
