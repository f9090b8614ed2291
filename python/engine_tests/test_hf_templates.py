"""Chat templates that take time or memory without end; mlx-lm renders with the same code of transformers."""

import unittest
from unittest import mock

from transformers.utils import chat_template_utils
from transformers.utils.chat_template_utils import render_jinja_template

from engine_tests.harness import MODEL
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.text import prompts, render_budget, templates

MESSAGES = [
    {"role": "system", "content": "Be é."},
    {"role": "user", "content": "Hi\nthere <b>"},
    {"role": "assistant", "content": "<think>x</think>\n\nHello"},
    {"role": "user", "content": "More"},
]

# Grow in one step, each to gigabytes.
AT_ONCE = [
    "{{ 'a' * 3000000000 }}",
    "{% set n = messages|length * 3000000000 %}{{ 'a' * n }}",
    "{{ [1] * 3000000000 }}",
    "{{ ('a'|safe) * 3000000000 }}",
    "{{ '%3000000000d' % 1 }}",
    "{{ '%*d' % (3000000000, 1) }}",
    "{{ '%((a))3000000000d' % {'(a)': 1} }}",
    "{{ '%3000000000d'|format(1) }}",
    "{{ '{:3000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 3000000000) }}",
    "{{ 'a'.center(3000000000) }}",
    "{{ 'a'['ljust'](3000000000) }}",
    "{% set f = 'a'|attr('zfill') %}{{ f(3000000000) }}",
    "{{ ('\t' * 1000000).expandtabs(100000) }}",
    "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
    "{{ ('b' * 1000000).join('a' * 1000000) }}",
    "{{ ('a' * 1000000)|replace('a', 'b' * 1000000) }}",
    "{{ ('a' * 1000000)|join('b' * 1000000) }}",
    "{{ 'a'|center(3000000000) }}",
    "{{ ['a']|map('center', 3000000000)|list }}",
    "{% filter center(3000000000) %}a{% endfilter %}",
    "{{ 'a\nb'|indent(3000000000) }}",
    "{{ ('\n' * 1000000)|indent(100000) }}",
    "{{ ('a ' * 1000000)|wordwrap(1, wrapstring='b' * 1000000) }}",
    "{{ [1]|batch(3000000000, 'x')|list|length }}",
    "{{ [1]|slice(3000000000)|list|length }}",
    "{{ [[1]]|tojson(indent=3000000000) }}",
    "{{ ([1] * 100000)|tojson(indent=900000) }}",
    "{{ ([[1] * 100000] * 100)|sum(start=[])|length }}",
    "{{ 10 ** 1000000000 }}",
    "{{ (1).to_bytes(3000000000) }}",
    "{{ 'a'.encode().center(3000000000) }}",
    "{{ ('a' * 1000000).translate({97: 'b' * 1000000}) }}",
    "{{ lipsum(1000000) }}",
]

# Grow step by step.
DOUBLED = (
    "{{% set ns = namespace(x={0}) %}}{{% for i in range(99) %}}{{% set ns.x = {1} %}}{{% endfor %}}{{{{ ns.x }}}}"
)
STEPWISE = [
    DOUBLED.format("'a'", "ns.x + ns.x"),
    DOUBLED.format("'a'", "ns.x ~ ns.x"),
    DOUBLED.format("'<'|e", "ns.x ~ ns.x"),
    DOUBLED.format("[1]", "ns.x + ns.x"),
    DOUBLED.format("[1]", "[ns.x, ns.x]"),
    DOUBLED.format("[1]", "(ns.x, ns.x)"),
    DOUBLED.format("[1]", "{1: ns.x, 2: ns.x}"),
    DOUBLED.format("[1]", "dict(a=ns.x, b=ns.x)"),
    DOUBLED.format("9", "ns.x * ns.x"),
    "{% autoescape true %}" + DOUBLED.format("'<'", "ns.x ~ ns.x") + "{% endautoescape %}",
    "{{ range(100000)|map('center', 900000)|join }}",
    "{% set a = 'a' * 8000000 %}{% set ns = namespace(l=[]) %}"
    "{% for i in range(99999) %}{% set ns.l = ns.l + [a[i:]] %}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{{ 'a' * 100000 }}{% endmacro %}{{ m(60) }}",
    "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}{% set ns = namespace(x='a') %}"
    "{% for i in range(40) %}{% set ns.x %}{% call m() %}{{ ns.x }}{% endcall %}{% endset %}{% endfor %}",
]

ROUNDS = "{{% for i in range(99999) %}}{{% for j in range(99999) %}}{0}{{% endfor %}}{{% endfor %}}"
ENDLESS = [
    ROUNDS.format(""),
    ROUNDS.format("aaaaaaaaaaaaaaaa"),
    "{% set x %}" + ROUNDS.format("aaaaaaaaaaaaaaaa") + "{% endset %}",
    "{% set r = range(99999) %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% set a = 'a' * 8000000 %}{% set b = 'a' * 4000000 ~ 'b' %}"
    "{% for i in range(99999) %}{% if b in a %}{% endif %}{% endfor %}",
]

HARMLESS = [
    (MODEL / "chat_template.jinja").read_text(encoding="utf-8"),
    "{% for m in messages[1:] %}{{ loop.index }}/{{ loop.length }}{{ loop.last }}{{ loop.cycle('a', 'b') }}"
    "{{ loop.previtem.content if loop.previtem }}{{ m.content.split('</think>')[-1].lstrip('\n') }}{% endfor %}",
    "{% set ns = namespace(n=0, l=[]) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% set ns.l = ns.l + [m] %}"
    "{% endfor %}{{ ns.n * 2 ** 3 % 7 }}{{ ns.l|map(attribute='role')|join(', ') }}{{ ns.l|tojson(indent=2) }}",
    "{% macro show(m, depth=1) %}{{ '  ' * depth }}{{ m.role|upper|center(20) }}{{ caller() }}{% endmacro %}"
    "{% call show(messages[0]) %}called{% endcall %}",
    "{% set x %}{{ messages[0].content }}{% endset %}{{ x ~ 1 ~ none ~ [1, 'a'] ~ (1, 2) ~ {'a': 1} }}",
    "{{ '%s is %5.2f, **%s**' % ('a', 1.5, 'b') }}{{ '%(a)s'|format(a=1) }}{{ '{:>8}{a}'.format(1, a='x') }}",
    "{% filter upper %}{{ messages[1].content|indent(4)|replace('i', 'e')|trim }}{% endfilter %}",
    "{{ messages|selectattr('role', 'equalto', 'user')|list|length }}{{ messages|groupby('role') }}",
    "{% for k, v in {'b': 1, 'a': {'c': [1]}}|dictsort recursive %}{{ k }}{{ v }}{% endfor %}",
    "{% for i in [[1, [2]]] recursive %}{{ loop(i) if i is iterable else i }}{% endfor %}",
    "{% autoescape true %}{{ messages[1].content ~ '<' }}{{ '<'|safe }}{% endautoescape %}{{ '<'|e ~ '>' }}",
    "{{ missing is defined }}{{ missing|default('d') }}{{ messages[0].get('x', 'y') }}{{ [3, 1, 2]|sort|first }}",
    "{% for a, b in messages[0].items() %}{% if loop.first %}{% continue %}{% endif %}{{ a }}={{ b }}{% endfor %}",
    "{{ messages|slice(2)|list }}{{ [1, 2, 3]|batch(2, 0)|list }}{{ [1, 2]|sum }}{{ 'a b c'|wordwrap(3) }}",
]


class Tokenizer:
    def __init__(self, chat_template):
        self.chat_template = chat_template

    def apply_chat_template(self, messages, tokenize, add_generation_prompt, **values):
        return render(self.chat_template, messages, add_generation_prompt, **values)


def render(template, messages=MESSAGES, add_generation_prompt=True, **values):
    rendered, _ = render_jinja_template(
        [messages], chat_template=template, add_generation_prompt=add_generation_prompt, bos_token="<s>", **values
    )
    return rendered[0]


class Limits(unittest.TestCase):
    def setUp(self):
        templates.install()

    def refused(self, template):
        with self.assertRaises(InvalidRequest) as refused:
            prompts.render_conversation(Tokenizer(template), MESSAGES, for_answer=True)
        return str(refused.exception)

    def test_a_value_that_grows_at_once(self):
        for template in AT_ONCE:
            with self.subTest(template):
                self.assertRegex(self.refused(template), "larger than|width|numbers|unsafe|undefined")

    def test_values_that_grow_step_by_step(self):
        for template in STEPWISE:
            with self.subTest(template):
                self.assertRegex(self.refused(template), "larger than|characters on its way|did not come to an end")

    def test_a_template_without_end(self):
        for template in ENDLESS:
            with self.subTest(template), mock.patch.object(render_budget, "MAX_SECONDS", 0.2):
                self.assertRegex(self.refused(template), "did not come to an end|larger than|characters on its way")

    def test_every_other_template_renders_as_before(self):
        ours = chat_template_utils.ImmutableSandboxedEnvironment
        limited = [render(template) for template in HARMLESS]
        with self.subTest("jinja's own environment"):
            chat_template_utils.ImmutableSandboxedEnvironment = ours.__base__
            self.addCleanup(setattr, chat_template_utils, "ImmutableSandboxedEnvironment", ours)
            self.addCleanup(chat_template_utils._compile_jinja_template.cache_clear)
            chat_template_utils._compile_jinja_template.cache_clear()
            self.assertEqual([render(template) for template in HARMLESS], limited)

    def test_one_that_was_compiled_before_is_limited_too(self):
        chat_template_utils.ImmutableSandboxedEnvironment = templates.Environment.__base__
        chat_template_utils._compile_jinja_template.cache_clear()
        template = "{{ 'ab' * 2000000 * 3 }}"
        self.assertEqual(12_000_000, len(render(template)))
        templates.install()
        self.assertIn("larger than", self.refused(template))
