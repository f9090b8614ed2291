"""The regular expressions of JSON schemas: ECMA-262, with the flag u, and no look-around or back-references.

Rust's regex, which the grammars use, and the module ``regex``, with which answers are validated, differ from it in what
``.``, ``\\d``, ``\\w``, ``\\s`` and ``$`` match. These are written out for them, so that all agree.
"""

import functools
import re
from typing import Any

MAX_SIZE = 100_000  # atoms with their repetitions, for some of which ``regex`` needs 300 bytes each

_SETS = {  # what a class matches, as the inside of [...] or [^...]
    "d": "0-9",
    "w": "0-9A-Za-z_",
    "s": r"\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
}
_DOT = r"[^\n\r\u2028\u2029]"
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_SYNTAX = "^$\\.*+?()[]{}|/-"  # what may be escaped with a backslash, with the flag u
_LENIENT = "\"'!#%&,:;<=>@_`~ "  # and without it
_SHORT_ESCAPES = "\b\t\n\f\r"  # of JSON strings


def for_grammar(pattern: str) -> str:
    """The pattern as Rust's regex has it. Raises ValueError that names what is not supported, here or in ``search``."""
    import regex  # transformers has it too; imported for the first pattern

    try:
        _compiled(pattern)
        return _Translation(pattern, for_grammar=True).whole()
    except regex.error as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def search(pattern: str, text: str, seconds: float) -> bool:
    """Whether a pattern matches anywhere in a text. Raises TimeoutError if finding out takes longer.

    The module ``regex`` tries alternatives one after another, without Python's lock.
    """
    if seconds <= 0:
        raise TimeoutError
    return _compiled(pattern).search(text, timeout=seconds, concurrent=True) is not None


@functools.lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    import regex

    return regex.compile(_Translation(pattern, for_grammar=False).whole(), regex.V1)


class _Translation:
    def __init__(self, pattern: str, for_grammar: bool) -> None:
        self._pattern = pattern
        self._for_grammar = for_grammar
        self._at = 0

    def whole(self) -> str:
        parts, quantified = [], False
        sizes, last = [0], 0  # of the open groups, and of what a quantifier would repeat
        while self._at < len(self._pattern):
            one = self._next()
            quantifier = self._quantifier(one)
            if quantifier:
                if quantified and quantifier != "?":  # possessive in one engine, repeated in another
                    raise ValueError("a quantifier after a quantifier")
                times = max(map(int, re.findall("[0-9]+", quantifier)), default=1)
                sizes[-1] += last * (times - 1)
                last *= times
                parts.append(quantifier)
            else:
                if one == "(":
                    sizes.append(0)
                elif one == ")" and len(sizes) > 1:
                    last = sizes.pop()
                    sizes[-1] += last
                else:
                    last = 1
                    sizes[-1] += 1
                parts.append(self._atom(one))
            quantified = bool(quantifier)
            if sizes[-1] > MAX_SIZE:
                raise ValueError(f"its repetitions make it longer than {MAX_SIZE:,} characters")
        return "".join(parts)

    def _quantifier(self, one: str) -> str:
        """The quantifier that begins with this character, or an empty string."""
        if one != "{":
            return one if one in "*+?" else ""
        found = re.compile(r"[0-9]{1,9}(,[0-9]{0,9})?}").match(self._pattern, self._at)
        if not found:
            raise ValueError("a { that begins no quantifier")
        self._at = found.end()
        return "{" + found[0]

    def _atom(self, one: str) -> str:
        if one == "(" and self._peek() == "?":
            return one + self._group()
        if one == "[":
            return self._class()
        if one == "\\":
            return self._escape(in_class=False)
        if one == "$" and not self._for_grammar:
            return r"\Z"
        return _DOT if one == "." else one

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        one = self._peek()
        if not one:
            raise ValueError("it ends too early")
        self._at += 1
        return one

    def _group(self) -> str:
        """What is between the parenthesis and the group's content."""
        for begin in ("?:", "?i:", "?i)", "?<", "?P<"):
            if self._pattern.startswith(begin, self._at) and self._pattern[self._at + 2 : self._at + 3] not in "=!":
                self._at += len(begin)
                return "?P<" if begin.endswith("<") else begin
        raise ValueError(f"({self._pattern[self._at : self._at + 3]}")

    def _class(self) -> str:
        inside = "^" if self._peek() == "^" else ""
        self._at += len(inside)
        while (one := self._next()) != "]":
            if one == "\\":
                inside += self._escape(in_class=True)
            else:
                escaped = one in "[&~|" or one < " " or (one == "-" and self._peek() in ("-", "]"))
                inside += _literal(one, in_class=True) if escaped else one
        if inside in ("", "^"):
            raise ValueError("[]" if not inside else "[^]")
        return f"[{inside}]" if not self._for_grammar else _without_backspace(f"[{inside}]")

    def _escape(self, in_class: bool) -> str:
        one = self._next()
        if one.lower() in _SETS:
            inside = _SETS[one.lower()]
            return f"[^{inside}]" if one.isupper() else inside if in_class else f"[{inside}]"
        if one in "pP" and self._peek() == "{":
            name = self._pattern[self._at : self._pattern.find("}", self._at) + 1]
            self._at += len(name)
            return f"\\{one}{name}"
        return _literal(self._escaped(one, in_class), in_class)

    def _escaped(self, one: str, in_class: bool) -> str:
        """The character that an escape stands for."""
        if one == "b" and in_class:
            return "\b"
        if one in _CONTROLS and not (one == "0" and self._peek().isdigit()):
            return _CONTROLS[one]
        if one in "xuc":
            return self._character(one)
        if one in _SYNTAX or one in _LENIENT:
            return one
        raise ValueError(f"\\{one}")

    def _character(self, kind: str) -> str:
        if kind == "c":
            return chr(ord(self._next()) % 32)
        code = self._code(kind)
        if 0xD800 <= code < 0xDC00 and self._pattern.startswith("\\u", self._at):
            self._at += 2
            code = 0x10000 + (code - 0xD800) * 0x400 + self._code("u") - 0xDC00
        if 0xD800 <= code < 0xE000 or not 0 <= code <= 0x10FFFF:
            raise ValueError(f"the code {code:x}")
        return chr(code)

    def _code(self, kind: str) -> int:
        begin = self._at
        if kind == "u" and self._peek() == "{":
            end = self._pattern.find("}", begin)
            begin, self._at = begin + 1, end + 1
        else:
            end = self._at = begin + {"x": 2, "u": 4}[kind]
        digits = self._pattern[begin:end]
        if not digits or len(digits) > 8 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            raise ValueError(f"\\{kind}{digits}")
        return int(digits, 16)


def _literal(character: str, in_class: bool) -> str:
    if character in _SYNTAX + "&~|":
        return "\\" + character
    return f"\\x{ord(character):02x}" if in_class and (character < " " or character == "\x7f") else character


def _without_backspace(inside: str) -> str:
    r"""A class without \b, where llguidance would let it match " and \ too.

    That is where it matches all characters that JSON has a short escape for, but not these two.
    """
    import regex

    found = regex.compile(inside, regex.V1)
    if all(map(found.match, _SHORT_ESCAPES)) and not (found.match('"') and found.match("\\")):
        return f"[{inside}&&[^\\x08]]"
    return inside
