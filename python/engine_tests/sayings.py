"""Texts that a model may write, and what a caller must get of each: the same cases for both engines.

A model is made to write them by putting the token that comes next above all others in its logits, so that the whole
way of a request is under test but for what the model would have chosen.
"""

from dataclasses import dataclass, field

from mlx4j_worker.text import formats

WEATHER = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
OSLO = ("get_weather", {"city": "Oslo"})
JSON_CALL = '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>'
THINK = ("<think>", "</think>")
PATH = "{{- '<tool_call>' + tool_call.name }}"
XML = "<tool_call>\n<function="
XML_CALL = "<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>"
MISTRAL_CALL = '[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}'


@dataclass(frozen=True)
class Saying:
    """What a model says after a template that ends with ``opens``, and the parts that a caller must receive."""

    name: str
    said: str
    text: str = ""
    thinking: str = ""
    calls: tuple = ()
    unread: int = 0
    finish: str = "stop"
    stop: str | None = None
    tools: bool = False
    stops: tuple = ()
    marks: tuple[str, str] = THINK
    calls_as: str = PATH  # what the template shows of calls
    opens: str = ""
    messages: list = field(default_factory=lambda: [{"role": "user", "content": "Hm?"}])

    @property
    def template(self):
        """A chat template that shows the forms of this saying."""
        shown = f"{{#- {self.marks[0]}…{self.marks[1]} {self.calls_as} #}}"
        tools = "{%- if tools %}{{- tools | tojson }}{%- endif %}"
        turns = "{%- for message in messages %}{{- message.content }}{%- endfor %}"
        return shown + tools + turns + "{{- " + repr(f"\n{self.opens}") + " }}"

    @property
    def params(self):
        """Of ``generate``, as on the wire."""
        tools = {"tools": [WEATHER]} if self.tools else {}
        return {"messages": self.messages, "stop": [*self.stops], **tools}

    @property
    def expected(self):
        return (self.text, self.thinking, [*self.calls], self.unread, self.finish, self.stop)


def _thinks(form):
    start, end = form
    name = start.strip("<|>[]")
    return [
        Saying(f"{name}, by the model", f"{start}\nI ponder.\n{end}\n\nAnswer.", "Answer.", "I ponder.\n", marks=form),
        Saying(f"{name}, by the template", f"I ponder.{end}Answer.", "Answer.", "I ponder.", marks=form, opens=start),
        Saying(f"{name}, not closed", f"{start}I ponder", "", "I ponder", marks=form),
        Saying(
            f"{name}, in the answer",
            f"Write {start} first, {end} last.",
            f"Write {start} first, {end} last.",
            marks=form,
        ),
    ]


def _calls(name, form, call):
    wanted = {"calls": (OSLO,), "finish": "toolCalls", "tools": True, "calls_as": form}
    opened = f"I call.\n{call}"
    return [
        Saying(f"{name} call", call, **wanted),
        Saying(f"{name} call after text", f"I look.\n{call}", "I look.", **wanted),
        Saying(f"{name} call after thinking", f"<think>Hm</think>\n\n{call}\n", thinking="Hm", **wanted),
        Saying(f"{name} call in open thinking", f"<think>{opened}", thinking=opened, **wanted),
    ]


SAYINGS = [
    Saying("plain", "Hello, world.", "Hello, world."),
    Saying("blanks are kept where there are no marks", " \n Hello \n", " \n Hello \n"),
    Saying("only blanks", " \n", " \n"),
    Saying("a stop string", "One. Two. Three.", "One. ", stops=("Two",), stop="Two"),
    Saying("blank lines after thinking are no stop", "<think>hm\n\nhm</think>\n\nAnswer.\n\nMore.",
           "Answer.", "hm\n\nhm", stops=("\n\n",), stop="\n\n"),
    Saying("thinking twice", "<think>a</think>\n<think>b</think>\nc", "c", "ab"),
    Saying("nothing but thinking", "<think>a</think>", "", "a"),
    Saying("an answer in thinking that the template opened", "The answer is 42.", "The answer is 42.",
           opens="<think>\n"),
    Saying("the same with a stop string", "The answer is 42. And more.", "The answer is 42.",
           opens="<think>\n", stops=(" And",), stop=" And"),
    Saying("the same with a call", f"I look.\n{JSON_CALL}", "I look.", calls=(OSLO,), tools=True,
           finish="toolCalls", opens="<think>\n"),
    Saying("a call in open thinking that can't be read", "<think>I call.\n<tool_call>{oops</tool_call>", "",
           "I call.\n<tool_call>{oops</tool_call>", unread=1, tools=True),
    Saying("a call in closed thinking is a thought", f"<think>{JSON_CALL}</think>No.", "No.", JSON_CALL, tools=True),
    Saying("a call in closed thinking before open thinking", f"<think>{JSON_CALL}</think><think>x", "",
           f"{JSON_CALL}x", tools=True),
    Saying("calls without tools are text", JSON_CALL, JSON_CALL),
    Saying("two calls", f"{JSON_CALL}\n{JSON_CALL}\n", calls=(OSLO, OSLO), tools=True, finish="toolCalls"),
    Saying("text between calls", f"A\n{JSON_CALL}\nB\n{JSON_CALL}", "A\n\nB", calls=(OSLO, OSLO), tools=True,
           finish="toolCalls"),
    Saying("blanks at the end of text beside tools", "Hello \n", "Hello \n", tools=True),
    Saying("parameters", '<tool_call>{"name": "get_weather", "parameters": {"city": "Oslo"}}</tool_call>',
           calls=(OSLO,), tools=True, finish="toolCalls"),
    Saying("an unknown field", '<tool_call>{"name": "get_weather", "args": {"city": "Oslo"}}</tool_call>',
           unread=1, tools=True),
    Saying("two Mistral calls", MISTRAL_CALL * 2, calls=(OSLO, OSLO), tools=True, finish="toolCalls",
           calls_as="[TOOL_CALLS]"),
    Saying("a Mistral list", '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Oslo"}}]', calls=(OSLO,),
           tools=True, finish="toolCalls", calls_as="[TOOL_CALLS]"),
    *(saying for form in formats.THINKING for saying in _thinks(form)),
    *_calls("JSON", PATH, JSON_CALL),
    *_calls("XML", XML, XML_CALL),
    *_calls("Mistral", "[TOOL_CALLS]", MISTRAL_CALL),
]  # fmt: skip


def outcome(call):
    """(text, thinking, calls, unread calls, finish reason, stop string) as a caller gets them."""
    result = call.result
    thinking = "" if result["thinkingIsAnswer"] else call.thinking
    calls = [(one["name"], one["arguments"]) for one in result["toolCalls"]]
    return call.text, thinking, calls, len(result["unreadToolCalls"]), result["finishReason"], result["stop"]
