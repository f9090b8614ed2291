"""Chat templates with limits: they are programs, and Jinja's sandbox limits neither their time nor their memory.

Everything that makes a value larger is checked before it is done, and counted afterwards (``render_budget``). Each
iteration of a loop, each call and each filter checks the time limit. The output of a template within these limits is
unchanged.
"""

import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jinja2.sandbox
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Macro, markup_join
from transformers.utils import chat_template_utils

from mlx4j_worker.text import render_budget

MAX_TEXT = 8 * 1024 * 1024  # characters of one value
MAX_NUMBER = 1_000_000  # given to a method or filter, such as a width
MAX_BITS = 4096  # of an integer
_NO_ATTRIBUTES = {"encode", "translate", "maketrans", "to_bytes", "format_map"}  # unused, and hard to limit
# A width that is large, or an argument, in the two kinds of formats.
_PERCENT_WIDTH = re.compile(r"%(\(.*\))?[-+ #0-9.]*(\*|\d{6})", re.DOTALL)
_BRACE_WIDTH = re.compile(r"{[^{}]*:[^{}]*({|\d{6})")


def install() -> None:
    """Let transformers, and so mlx-lm, render every chat template with these limits."""
    if chat_template_utils.ImmutableSandboxedEnvironment is not Environment:
        chat_template_utils.ImmutableSandboxedEnvironment = Environment
        chat_template_utils._compile_jinja_template.cache_clear()


class _Generator(CodeGenerator):
    """Generates a template's code with calls of the checks of the Environment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._iterables: set[int] = set()

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        if id(node) in self._iterables:
            check = "watched"
        elif _makes_value(node):
            check = "made"
        else:
            return super().visit(node, *args, **kwargs)
        self.write(f"environment.{check}(")
        self._iterables.discard(id(node))
        super().visit(node, *args, **kwargs)
        return self.write(")")

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        self._iterables.add(id(node.iter))
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.joined(context, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def buffer(self, frame: Frame) -> None:
        frame.buffer = self.temporary_identifier()
        self.writeline(f"{frame.buffer} = environment.new_buffer()")


def _makes_value(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Tuple):
        return node.ctx == "load"
    if isinstance(node, nodes.Getitem):
        return isinstance(node.arg, nodes.Slice)
    return isinstance(node, (nodes.List, nodes.Dict, nodes.Concat))


class _Buffer(list):
    """The pieces of a macro, or of a block that is captured."""

    def append(self, piece: str) -> None:
        render_budget.current().spend(len(piece) + 8)
        super().append(piece)

    def extend(self, pieces: Iterable[str]) -> None:
        for piece in pieces:
            self.append(piece)


class _Filters(dict):
    """Filters by name, each with the checks of its arguments around it."""

    def __setitem__(self, name: str, function: Callable) -> None:
        super().__setitem__(name, _checked_filter(name, function))


class Environment(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Jinja's sandbox with limits of time and memory."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(("*", "+", "%", "**"))
    new_buffer = _Buffer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        filters: dict[str, Any] = dict(self.filters)
        self.filters: dict[str, Any] = _Filters()
        for name, function in filters.items():
            self.filters[name] = function
        del self.globals["lipsum"]

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return super().is_safe_attribute(obj, attr, value) and attr not in _NO_ATTRIBUTES

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        render_budget.current().check_time()
        if operator in ("*", "**") and isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * max(right, 0) if operator == "**" else left.bit_length() + right.bit_length()
            _limit(bits, MAX_BITS)
        elif operator == "*":
            for value, times in ((left, right), (right, left)):
                if isinstance(times, int) and not isinstance(value, (int, float)):
                    _limit(_size(value) * max(times, 0))
        elif operator == "%" and isinstance(left, str):
            _check_format(_PERCENT_WIDTH, left, right if isinstance(right, tuple) else (right,))
        elif operator == "+" and not isinstance(left, (int, float)):
            _limit(_size(left) + _size(right))
        return self.made(super().call_binop(context, operator, left, right))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        render_budget.current().check_time()
        if not isinstance(__obj, Macro):
            args = _check_method(__obj, args, kwargs)
        return __self.made(super().call(__context, __obj, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None

        def format(*args: Any, **kwargs: Any) -> str:
            _check_format(_BRACE_WIDTH, value.__self__, (*args, *kwargs.values()))
            return wrapped(*args, **kwargs)

        return format

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """The text of pieces, which are made while it is put together unless they are a _Buffer."""
        kept, size = [], 0
        for piece in pieces:
            size += len(piece) + 1
            if size > MAX_TEXT:
                _limit(size)
            kept.append(piece)
        render_budget.current().spend(size)
        return "".join(kept)

    @staticmethod
    def joined(context: Any, parts: tuple) -> str:
        """The operator ``~``."""
        _limit(sum(map(_size, parts)))
        return markup_join(parts) if context.eval_ctx.autoescape else "".join(map(str, parts))

    @staticmethod
    def made(value: Any) -> Any:
        """``value``, which the template has just made, after it was counted."""
        if isinstance(value, str):
            _limit(len(value))
            render_budget.current().spend(len(value))
        elif isinstance(value, (bytes, list, tuple, dict, set)):
            _limit(_size(value))
            render_budget.current().spend(sys.getsizeof(value))
        return value

    @staticmethod
    def watched(values: Iterable) -> Iterator:
        """The values of a loop."""
        found = render_budget.current()
        for value in values:
            found.check_time()
            yield value


def _limit(size: int, most: int = MAX_TEXT) -> None:
    if size > most:
        render_budget.current().refuse(f"makes a value that is larger than {most:,}")


def _size(value: Any) -> int:
    """About how many characters a value has as text, at most MAX_TEXT + 1 of a container."""
    if isinstance(value, (str, bytes)):
        return len(value)
    size, left = 0, [value]
    while left and size <= MAX_TEXT:
        one = left.pop()
        if isinstance(one, (list, tuple, set, frozenset)):
            left.extend(one)
        elif isinstance(one, dict):
            left.extend(one)
            left.extend(one.values())
        elif isinstance(one, (str, bytes)):
            size += len(one)
        size += 8
    return size


def _check_numbers(values: Iterable) -> None:
    for value in values:
        if isinstance(value, int):
            _limit(abs(value), MAX_NUMBER)


def _check_format(width: re.Pattern, text: str, args: tuple) -> None:
    if width.search(text):
        render_budget.current().refuse("has a format with a width that is too large or not fixed")
    if len(args) == 1 and isinstance(args[0], dict):
        args = tuple(args[0].values())
    largest = max(map(_size, args), default=0)
    _limit(len(text) + (text.count("%") + text.count("{")) * largest)


def _check_method(method: Any, args: tuple, kwargs: dict) -> tuple:
    """Check a call of a method of a string, and return its arguments, with an iterator among them as a list."""
    owner, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
    if not isinstance(owner, (str, bytes)):
        return args
    if name == "join" and args:
        args = ([*Environment.watched(args[0])], *args[1:])
        _limit(_size(args[0]) + len(args[0]) * len(owner))
    elif name == "replace" and len(args) > 1 and all(isinstance(arg, str) for arg in args[:2]):
        _limit(len(owner) + owner.count(args[0]) * len(args[1]))
    elif name == "expandtabs":
        _check_numbers([*args, *kwargs.values()])
        tabs = owner.count("\t") if isinstance(owner, str) else owner.count(b"\t")
        _limit(len(owner) + tabs * max([8, *args, *kwargs.values()]))
    elif name not in ("format", "find", "rfind", "index", "rindex", "count", "split", "rsplit"):
        _check_numbers([*args, *kwargs.values()])
    return args


_AS_THEY_ARE = {"abs", "default", "d", "int", "float", "round", "max", "min", "string", "length", "count", "tojson"}


def _checked_filter(name: str, function: Callable) -> Callable:
    skipped = 1 if hasattr(function, "jinja_pass_arg") else 0  # the context or the like comes first

    @functools.wraps(function)  # copies the mark that jinja2 knows such filters by
    def checked(*args: Any, **kwargs: Any) -> Any:
        render_budget.current().check_time()
        first, more = args[skipped : skipped + 1], [*args[skipped + 1 :], *kwargs.values()]
        if name not in _AS_THEY_ARE or name == "tojson":
            _check_numbers(more)
        if first:
            args = (*args[:skipped], _check_input(name, first[0], more), *args[skipped + 1 :])
        return Environment.made(function(*args, **kwargs))

    return checked


def _check_input(name: str, value: Any, more: list) -> Any:
    """Check what a filter is applied to, and return it, with an iterator as a list."""
    if not isinstance(value, (str, bytes, int, float, list, tuple, dict, set, range)) and isinstance(value, Iterator):
        value = [*Environment.watched(value)]
    texts = [len(one) for one in more if isinstance(one, str)]
    if name == "join":
        _limit(_size(value) + _length(value) * max(texts, default=0))
    elif name == "replace" and len(texts) > 1:
        _limit(_size(value) + str(value).count(str(more[0])) * len(more[1]))
    elif name == "format":
        _check_format(_PERCENT_WIDTH, str(value), tuple(more))
    elif name in ("indent", "wordwrap", "tojson", "urlize"):
        width = max([4, *texts, *(one for one in more if isinstance(one, int))])
        lines = _lines(name, value, more) if name in ("indent", "wordwrap") else _size(value) // 8
        _limit(_size(value) + lines * width)
    elif name == "sum":
        if any(not isinstance(one, (int, float, str)) for one in more):
            render_budget.current().refuse("adds up what are no numbers")
    else:
        _limit(_size(value))
    return value


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else 0


def _lines(name: str, value: Any, more: list) -> int:
    text = str(value)
    if name == "indent":
        return text.count("\n") + 1
    width = next((one for one in more if isinstance(one, int) and one > 0), 79)
    return text.count("\n") + len(text) // width + 1
