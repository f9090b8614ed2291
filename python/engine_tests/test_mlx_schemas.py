"""JSON schemas of response formats: what is made stricter, which keys a text may have, and when an answer is valid."""

import json
import time
import unittest
from decimal import Decimal
from unittest import mock

import numpy

from mlx4j_worker.text import patterns, schemas, validation
from mlx4j_worker.text.string_formats import CHECKS, conforms
from mlx4j_worker.text.unique_keys import KeyTokens, UniqueKeys
from mlx4j_worker.text.validation import Invalid, is_multiple, validate


class Validating(unittest.TestCase):
    def why(self, text, schema, **limits):
        with self.assertRaises(Invalid, msg=f"{text} {schema}") as found:
            validate(text, schema, **limits)
        return str(found.exception)

    def test_what_is_valid(self):
        for text, schema in (
            ('{"a": [1, 2.50, null, true, "ü\\n"]}', {"type": "object"}),
            ("1.0", {"type": "integer"}),
            ("1", {"const": 1.0}),
            ("[1, true]", {"enum": [[1, True]]}),
            ("9" * 5000, {"type": "integer"}),
            ("1e99999999999999999999", {"type": "number", "minimum": 5}),
            ("1e-99999999999999999999", {"type": "number", "exclusiveMinimum": 0}),
            ('"𐐷"', {"maxLength": 1}),
            ('{"$schema": 1}', {"properties": {"$schema": {"type": "integer"}}}),
            ("[1]", {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "integer"}]}),
        ):
            with self.subTest(text[:50], schema=schema):
                validate(text, schema)

    def test_what_is_no_json(self):
        for text in ("", "{", "NaN", "[1,]", '"\n"', "{} {}", "Infinity"):
            self.assertIn("not JSON", self.why(text, {}))

    def test_a_key_that_comes_twice(self):
        for text in ('{"a": 1, "a": 2}', '[{"a": 1, "\\u0061": 2}]'):
            self.assertIn("the key 'a' twice", self.why(text, {}))

    def test_the_path_and_the_keyword_are_named(self):
        schema = {"properties": {"a": {"items": {"$ref": "#/$defs/b"}}}, "$defs": {"b": {"type": "string"}}}
        self.assertEqual("$.a[1] does not conform to type", self.why('{"a": ["x", 1]}', schema))

    def test_numbers_are_compared_exactly(self):
        for text, schema in (
            ("0", {"exclusiveMinimum": 0, "maximum": 1e-20}),
            ("9007199254740990.5", {"maximum": 9007199254740990}),
            ("0.1000000000000000000000001", {"const": 0.1}),
            ("0.3000000000000000000001", {"multipleOf": 0.1}),
            ("1", {"const": True}),
            ("1.00000000000000000000001", {"type": "integer"}),
        ):
            self.why(text, schema)
        self.assertTrue(is_multiple(Decimal("1e400"), Decimal("0.7")) is False)
        self.assertTrue(is_multiple(Decimal("0.21"), Decimal("0.07")))
        self.assertTrue(is_multiple(Decimal("1e999999999999"), Decimal("0.25")))
        self.assertFalse(is_multiple(Decimal("1e-999999999999"), Decimal("0.25")))

    def test_patterns_are_those_of_ecma_262(self):
        for pattern, text in ((r"^\d$", "٣"), ("^a$", "a\n"), (r"^\w$", "é"), ("^.$", "\u2028"), ("^[[]a]$", "a")):
            with self.subTest(pattern):
                self.why(json.dumps(text), {"pattern": pattern})
                self.why(json.dumps({text: 1}), {"patternProperties": {pattern: True}, "additionalProperties": False})
        validate('{"ab": 1, "c": "x"}', {"patternProperties": {"^a": {"type": "integer"}}})
        self.why('{"ab": "x"}', {"patternProperties": {"^a": {"type": "integer"}}})

    def test_formats(self):
        good = {
            "date": ["2024-02-29", "0001-01-01"],
            "time": ["23:59:59Z", "00:00:00.123+23:59"],
            "date-time": ["2024-02-29T00:00:00Z"],
            "duration": ["P1Y2M3DT4H5M6S", "P1W", "PT1S"],
            "email": ["a.b@example.com", "a@[127.0.0.1]"],
            "hostname": ["a-b.example", "a"],
            "ipv4": ["0.255.1.2"],
            "ipv6": ["::", "1:2:3:4:5:6:7:8", "::1"],
            "uri": ["a:", "http://u@[::1]:80/a?b#c", "urn:a:b%20", "http://[v1.a]"],
            "uuid": ["01234567-89ab-cdef-0123-456789abcdef"],
        }
        bad = {
            "date": ["2023-02-29", "1900-02-29", "0000-01-01", "2024-2-29", "2024-02-29Z"],
            "time": ["23:59:60Z", "24:00:00Z", "00:00:00", "00:00:00+24:00"],
            "date-time": ["2023-02-29T00:00:00Z", "2024-02-29 00:00:00Z"],
            "duration": ["P", "PT", "P1Y1D", "P1D1W", "1D"],
            "email": ["a", "a@b@c", ".a@b", "a@[1.2.3]", "a@-b"],
            "hostname": ["", "a..b", "-a", "a" * 64, ".".join(["a" * 60] * 5)],
            "ipv4": ["256.1.1.1", "01.1.1.1", "1.1.1"],
            "ipv6": ["1::2::3", "12345::", "::1%a", "1:2:3:4:5:6:7"],
            "uri": ["a", "//a", "a:%2", "http://[::g]/", "a:b c", "a:\\"],
            "uuid": ["01234567-89ab-cdef-0123-456789abcde"],
        }
        self.assertEqual(set(CHECKS), set(good))
        for name in CHECKS:
            for text in good[name]:
                self.assertTrue(conforms(text, name), f"{name} {text}")
            for text in bad[name]:
                self.assertFalse(conforms(text, name), f"{name} {text}")
        self.why('"2023-02-29"', {"format": "date"})
        validate("1", {"format": "date"})
        validate('"x"', {"format": "unknown"})

    def test_limits_of_depth_and_time(self):
        self.assertIn("nested", self.why("[" * 129 + "]" * 129, {}))
        self.assertIn("nested", self.why("[" * 100_000 + "]" * 100_000, {}))
        nodes = {"$defs": {"a": {"anyOf": [{"type": "null"}, {"items": {"$ref": "#/$defs/a"}}]}}, "$ref": "#/$defs/a"}
        validate("[" * 100 + "]" * 100, nodes)
        doubled = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i - 1}"}] * 2} for i in range(1, 40)}
        begun = time.monotonic()
        hostile = [
            ('"x"', {"$ref": "#/$defs/a39", "$defs": {"a0": {"type": "string"}, **doubled}}),
            (json.dumps("a" * 60), {"pattern": "^((a|a)*c|a*)$"}),
            ('{"x": "' + "a" * 60 + '"}', {"properties": {"x": {"$schema": "http://json-schema.org/draft-07/schema#",
                                                               "pattern": "^((a|a)*c|a*)$"}}}),
        ]  # fmt: skip
        for text, schema in hostile:
            self.assertIn("within 0.2 s", self.why(text, schema, seconds=0.2))
        self.assertLess(time.monotonic() - begun, 60)

    def test_nothing_is_retrieved(self):
        with mock.patch("urllib.request.urlopen", side_effect=AssertionError("the network")):
            self.assertIn("could not be validated", self.why("1", {"$ref": "http://localhost/schema"}))


class Patterns(unittest.TestCase):
    def test_what_is_not_supported_is_named(self):
        for pattern, name in {
            "(?=a)": "(?=", "(?<!a)b": "(?<", r"\1": r"\1", r"a\b": r"\b", r"\A": r"\A", "a++": "quantifier",
            "[a": "ends", "a{": "{", "(((a{30}){30}){30}){30}": "longer", "[z-a]": "range", r"\u{110000}": "110000",
            r"\xg0": "xg0", "[]": "[]", "(?x)a": "(?x", "(" * 2000: "too deeply",
        }.items():  # fmt: skip
            with self.subTest(pattern[:20]), self.assertRaises(ValueError) as found:
                patterns.for_grammar(pattern)
            self.assertIn(name, str(found.exception))

    def test_a_pattern_means_the_same_in_both_forms(self):
        for pattern, found in {
            r"^[^\W\d]\/\u{41}\cJ$": "_/A\n",
            r"\uD83D\uDC32": "🐲",
            "^[a&&b--c]+$": "a&b-",
            "^(?<x>a|b)$": "b",
        }.items():
            self.assertTrue(patterns.search(pattern, found, 1), pattern)

    def test_patterns_in_every_place_are_translated_but_nothing_else(self):
        wanted = {"pattern": "^[0-9]$"}
        given = {"pattern": r"^\d$"}
        schema = {
            "properties": {"pattern": given, "a": {"anyOf": [given]}},
            "items": {"items": given},
            "prefixItems": [given],
            "additionalProperties": given,
            "$defs": {"b": given},
            "const": given,
        }
        tightened = schemas.tighten(schema)
        self.assertEqual(
            {
                "properties": {"pattern": wanted, "a": {"anyOf": [wanted]}},
                "items": {"items": wanted},
                "prefixItems": [wanted],
                "additionalProperties": wanted,
                "$defs": {"b": wanted},
                "const": given,
            },
            tightened,
        )
        self.assertEqual(r"^\d$", schema["$defs"]["b"]["pattern"])


class Numbers(unittest.TestCase):
    def test_an_exclusive_bound_that_llguidance_would_allow_is_moved(self):
        self.assertEqual(
            {"minimum": 1e-26, "maximum": 1e-20}, schemas.tighten({"exclusiveMinimum": 0, "maximum": 1e-20})
        )
        self.assertEqual(
            {"minimum": -0.5, "maximum": -5e-07}, schemas.tighten({"minimum": -0.5, "exclusiveMaximum": 0})
        )
        for same in ({"exclusiveMinimum": 0, "maximum": 1}, {"exclusiveMinimum": 0}, {"minimum": 0, "maximum": 0.5}):
            self.assertEqual(same, schemas.tighten(same))

    def test_numbers_with_too_many_digits(self):
        for keyword, value in (("const", 21119.906027865378), ("enum", [{"a": [1e-23]}])):
            with self.assertRaisesRegex(ValueError, f"{keyword} has the number .* too many digits"):
                schemas.tighten({keyword: value})
        self.assertGreater(schemas.tighten({"minimum": 21119.906027865378})["minimum"], 21119.906027865378)
        self.assertLess(schemas.tighten({"maximum": -1e-23})["maximum"], -1e-23)


class Keys(unittest.TestCase):
    TEXTS = (
        b"{",
        b'"',
        b"a",
        b'":',
        b"1",
        b",",
        b'{"a":',
        b"\\",
        b'"a"',
        b"[",
        b"]",
        b"}",
        b'a":1,"a',
        b'",',
        b'","a":',
    )

    def allowed(self, text):
        """The texts of the tokens that may come after this one."""
        keys = UniqueKeys(KeyTokens(self.TEXTS))
        for token in text:
            keys.accept(self.TEXTS.index(token))
        allowed = keys.forbid(numpy.ones(len(self.TEXTS), dtype=bool))
        return [one for one, able in zip(self.TEXTS, allowed, strict=True) if able]

    def forbidden(self, *text):
        allowed = self.allowed(text)
        return [one for one in self.TEXTS if one not in allowed]

    def test_what_repeats_a_key_is_forbidden(self):
        begin = (b"{", b'"', b"a", b'":', b"1", b",")
        self.assertEqual([], self.forbidden(b"{", b'"', b"a"))
        self.assertEqual([b'"a"'], self.forbidden(*begin))
        self.assertEqual([b'a":1,"a', b'","a":'], self.forbidden(*begin, b'"'))
        self.assertEqual([b'"', b'":', b'"a"', b'",', b'","a":'], self.forbidden(*begin, b'"', b"a"))
        self.assertEqual([b'","a":'], self.forbidden(*begin, b'"', b"a", b"a"))

    def test_other_objects_and_strings_may_have_it(self):
        inner = (b'{"a":', b"[", b'{"a":', b"1", b"}", b",", b"{")
        self.assertEqual([], self.forbidden(*inner))
        self.assertEqual([b'"a"'], self.forbidden(b'{"a":', b"[", b"]", b","))
        self.assertEqual([b'","a":'], self.forbidden(b'{"a":', b'"', b"a"))
        self.assertEqual([], self.forbidden(b'{"a":', b"[", b'"', b"a"))

    def test_a_quote_after_a_backslash_ends_nothing(self):
        keys = (b"{", b'"', b"\\", b'"', b"a", b'":', b"1", b",", b'"')
        self.assertEqual([b'"a"'], self.forbidden(*keys, b"\\"))
        self.assertEqual([b'"', b'":', b'"a"', b'",', b'","a":'], self.forbidden(*keys, b"\\", b'"', b"a"))


class Lazy(unittest.TestCase):
    def test_the_validator_is_imported_for_the_first_answer(self):
        import subprocess
        import sys
        from pathlib import Path

        code = (
            "import sys; from mlx4j_worker.engine import generation; "
            "from mlx4j_worker.text import grammar, validation; "
            "print([name for name in ('jsonschema', 'regex', 'llguidance') if name in sys.modules])"
        )
        folder = Path(validation.__file__).parents[2]
        ran = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        self.assertEqual("[]\n", ran.stdout)
