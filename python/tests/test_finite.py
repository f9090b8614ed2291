"""Schemas that only infinite values conform to are refused by name, and no others are."""

import pytest

from mlx4j_worker.text import finite

NODE = {"type": "object", "required": ["next"]}


def ref(to="#"):
    return {"$ref": to}


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({**NODE, "properties": {"next": ref()}}, "the schema"),
        ({**NODE, "additionalProperties": ref()}, "the schema"),
        ({"type": "object", "minProperties": 1, "additionalProperties": ref()}, "the schema"),
        ({**NODE, "properties": {"next": {"type": "object", "required": ["up"], "properties": {"up": ref()}}}}, "the"),
        ({"type": "object", "allOf": [{"required": ["next"]}, {"properties": {"next": ref()}}]}, "the schema"),
        ({"type": "array", "minItems": 1, "items": ref()}, "the schema"),
        ({"type": "array", "minItems": 2, "prefixItems": [True, ref()]}, "the schema"),
        ({"type": "array", "minItems": 2, "items": [True], "additionalItems": ref()}, "the schema"),
        ({"type": "array", "contains": ref()}, "the schema"),
        ({**NODE, "properties": {"next": {"type": "array", "minItems": 1, "items": ref()}}}, "the schema"),
        ({**NODE, "properties": {"next": {"anyOf": [ref(), {"type": "array", "minItems": 1, "items": ref()}]}}}, "the"),
        ({**ref("#/$defs/b"), "$defs": {"a": {**NODE, "properties": {"next": ref("#/$defs/b")}},
          "b": ref("#/$defs/a")}}, "the schema"),
        ({"type": ["object", "array"], "minItems": 1, "items": ref(), **NODE, "properties": {"next": ref()},
          "required": ["next"]}, "the schema"),
        ({**NODE, "patternProperties": {"^n": ref()}}, "the schema"),
        ({"type": "object", "minProperties": 1, "properties": {"a": ref()}, "additionalProperties": False}, "the"),
        ({"oneOf": [ref(), {"enum": []}]}, "the schema"),
        ({"$id": "https://x.org/s", **NODE, "properties": {"next": ref("https://x.org/s")}}, "the schema"),
        ({"$anchor": "x", **NODE, "properties": {"next": ref("#x")}}, "the schema"),
        ({"properties": {"a": ref("#/$defs/a~1b")},
          "$defs": {"a/b": {**NODE, "properties": {"next": ref("#/$defs/a~1b")}}}}, "properties.a"),
    ],
)  # fmt: skip
def test_what_requires_itself_is_refused(schema, named):
    with pytest.raises(ValueError, match=f"^{named}.* requires a value of its own schema"):
        finite.check(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        ref(),
        {**NODE, "properties": {"next": {"anyOf": [ref(), {"type": "null"}]}}},
        {**NODE, "properties": {"next": {"type": ["object", "null"], "required": ["up"], "properties": {"up": ref()}}}},
        {"type": "object", "properties": {"next": ref()}},
        {"required": ["next"], "properties": {"next": ref()}},  # a number conforms to it
        {**NODE, "properties": {"next": {"type": "array", "items": ref()}}},
        {**NODE, "patternProperties": {"^y": ref()}, "additionalProperties": ref()},
        {"type": "array", "minItems": 1, "prefixItems": [True], "items": ref()},
        {"type": "array", "contains": ref(), "minContains": 0},
        {**NODE, "patternProperties": {"^x": ref()}},
        {**NODE, "patternProperties": {"(?<a>": ref()}},
        {"type": "object", "minProperties": 1, "properties": {"a": ref(), "b": True}, "additionalProperties": False},
        {**NODE, "properties": {"next": ref("#nowhere")}},
        {"enum": [{}], **NODE, "properties": {"next": ref()}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "string"}}, **NODE,
         "properties": {"next": {**NODE, **ref("#/definitions/a"), "properties": {"next": ref()}}}},
        {"type": "object", "properties": {"a": {"allOf": [{"type": "string"}, {"type": "object"}]}}},
        {**NODE, "properties": {"next": ref("other.json")}},
        {**NODE, "properties": {"next": {"$id": "inner", "type": "object", "properties": {"a": ref()}}}},
        {**NODE, "properties": {"next": ref("#/nowhere")}},
    ],
)  # fmt: skip
def test_what_may_have_a_finite_value_passes(schema):
    finite.check(schema)


def test_a_long_chain_is_looked_through_quickly():
    defs = {f"d{i}": {**NODE, "properties": {"next": ref(f"#/$defs/d{i + 1}")}} for i in range(2000)}
    finite.check({**ref("#/$defs/d0"), "$defs": {**defs, "d2000": {"type": "null"}}})
    both = {"anyOf": [ref("#/$defs/d0"), ref("#/$defs/own")]}
    with pytest.raises(ValueError, match=r"^#/\$defs/own|^anyOf"):
        own = {**NODE, "properties": {"next": ref("#/$defs/own")}}
        finite.check({**both, "$defs": {**defs, "d2000": {"type": "null"}, "own": own}})
    with pytest.raises(ValueError, match="requires"):
        finite.check({**ref("#/$defs/d0"), "$defs": {**defs, "d2000": ref("#/$defs/d0")}})
