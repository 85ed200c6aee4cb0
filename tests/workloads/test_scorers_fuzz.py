"""No answer, however strange, makes any scorer fall over, run on, or say what a store cannot keep."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench import plugins
from edgebench.records import MODES, Item, Judgement, ScorerSpec, Task
from edgebench.workloads import permission, scorers
from edgebench.workloads.scorers import kinds
from edgebench.workloads.scorers.rule import LONGEST_EXPLANATION, LONGEST_LABEL

LABELS = ("refund", "card_arrival", "other")
CHOICE, FREE = Task("choice", choices=LABELS), Task("text")
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer", "multipleOf": 0.1}, "b": {"$ref": "#"}}}
JSON = Task("json", schema=SCHEMA)
RUBRIC = [
    {
        "name": "a",
        "levels": {0: "", 1: "", 2: ""},
        "rule": {"covers": "matter", "numbers_from_input": True, "avoids": "no"},
    },
    {"name": "b", "rule": {"sentences": 2, "min_words": 1, "max_words": 50, "contains": ["x"], "any_of": ["y"]}},
    {"name": "c", "rule": {"language": "same"}},
]
CALL = {"name": "call", "arguments": {"to": "mum", "n": 3, "l": [1, "2"]}}
GROUNDED = {"kind": "answer", "answers": ["30 days"], "quotes": ["30"]}
CODE = "def score(item, task, answer):\n    return len(answer) / 0 if len(answer) % 2 else 'x'\n"

#: name → (options, reference, task)
EVERY = {
    "label": ({}, "refund", CHOICE),
    "text": ({}, "refund", FREE),
    "contains": ({}, "refund", FREE),
    "regex": ({}, "ref.nd", FREE),
    "number": ({}, 18, FREE),
    "json-fields": ({}, {"a": 1, "b": [1, 2]}, JSON),
    "choice-letter": ({}, "B", FREE),
    "set-f1": ({}, ["refund", "other"], CHOICE),
    "json-schema": ({"schema": SCHEMA}, None, JSON),
    "tool-call": ({}, CALL, JSON),
    "ordinal": ({"levels": [1, 2, 3, 4, 5]}, 3, FREE),
    "grounded": ({}, GROUNDED, JSON),
    "rubric": ({"name": "r", "criteria": RUBRIC}, {"matter": [["a", "b"], "c"], "no": ["d"]}, FREE),
    "accessible": ({"language": "es", "max_grade": 8}, None, FREE),
    "language": ({"language": "es"}, None, FREE),
    "python": ({"file": "x.py", "source": CODE}, "refund", FREE),
    "taxonomy": ({"name": "t", "kinds": [{"name": "k", "when": {"contains": "a"}}]}, "refund", CHOICE),
}
TAXONOMY = kinds.made(
    {
        "name": "t",
        "kinds": [
            {"name": "k", "when": {"contains": ["a"], "regex": r"\bx\w+", "longer_than": 3}},
            {
                "name": "m",
                "when": {"mode": "wrong", "tag": {"language": "es"}, "answer_label": "x", "reference": "refund"},
            },
            {"name": "rest"},
        ],
    }
)
NASTY = [
    "",
    " \n\t",
    "\x00\x01\x02\x1b[31m\x7f\x9f",
    "\u202erefund\u202c\u2066\u2069",
    "\ud800",
    "a\udfff" * 50,
    '{"a": "\\ud800", "b": {"a": 3}}',
    '{"kind": "answer", "answer": "\\ud800 30 days", "quote": "\\udfff"}',
    "[" * 30_000,
    '{"a":' * 9_000,
    '{"a":' * 300 + "1" + "}" * 300,
    '{"b":' * 900 + "{}" + "}" * 900,
    '{"name": "call", "arguments": ' + '{"l":' * 800 + "1" + "}" * 802,
    '{"name": {"name": {"name": []}}, "arguments": "{"}',
    '{"name": "call", "arguments": "[1]"}',
    '{"a": 1e999, "b": NaN, "c": -Infinity}',
    f'{{"a": {"9" * 4000}}}',
    f'{{"a": {"9" * 5000}}}',
    "9" * 30_000,
    "1e999999999",
    "1/0",
    "{" * 30_000,
    "```" * 7_000,
    "<think>" * 4_000,
    "<think>" + "x" * 100_000,
    "1," * 9_000,
    "| " * 9_000,
    "+-" * 9_000,
    '"' * 20_000,
    "“" * 9_000,
    "." * 20_000,
    "A B " * 5_000,
    "I can't " * 3_000,
    "https://" * 2_500,
    "🎉" * 9_000,
    "👩\u200d" * 5_000,
    "a\u0301" * 9_000,
    "ﷺ" * 1_000,
    "की" * 9_000,
    "\n" * 20_000,
    "- a\n" * 5_000,
    "word " * 200_000,
    "\u202e" * 100_000,
    "é" * 100_000,
    '{"a": "' + "x" * 100_000 + '"}',
]
INPUT = "q 30 12.50\n\nQuestion: x?"


def built(name):
    options, reference, task = EVERY[name]
    with permission.permitted(True):
        return scorers.build(ScorerSpec(name, options)), reference, task


def checked(judgement):
    """A judgement is in its bounds, and every store can keep its words."""
    assert judgement.value is None or 0 <= judgement.value <= 1
    for text, longest in ((judgement.label, LONGEST_LABEL), (judgement.explanation, LONGEST_EXPLANATION)):
        assert text is None or (len(text) <= longest and "\0" not in text)
        (text or "").encode()
    return judgement


def judge(scorer, item, task, answer):
    """One answer through a scorer, the modes and a taxonomy."""
    first = checked(scorer(item, task, answer))
    mode, words = scorers.mode_of(item, task, answer, Judgement(0.0, first.label), "stop")
    assert mode in MODES
    checked(Judgement(None, mode, words))
    checked(TAXONOMY.sort(item, task, answer, Judgement(0.0, "x"), "length"))
    return first


def test_every_scorer_of_the_table_is_tried_here():
    """But the one that starts processes, which has tests of its own."""
    assert set(EVERY) == set(plugins.TABLE["scorers"]) - {"code"}


@pytest.mark.parametrize("name", EVERY)
def test_nasty_answers_are_judged(name):
    """Controls, overrides, lone surrogates, deep and huge JSON, a megabyte of anything; none takes seconds."""
    scorer, reference, task = built(name)
    item = Item("i", INPUT, reference, tags={"language": "es"})
    for answer in NASTY:
        began = time.perf_counter()
        judge(scorer, item, task, answer)
        assert time.perf_counter() - began < 10, answer[:40]  # hangs, not slowness


PIECES = [
    "refund",
    "or",
    "{",
    "}",
    '"a":',
    "1",
    "I'm sorry",
    "can't help",
    "?",
    "30 days",
    "\n",
    "|",
    "🎉",
    "को",
    "```",
]
KEYS = ["a", "b", "kind", "answer", "quote", "name", "arguments", "function"]
ANSWERS = st.one_of(
    st.text(max_size=80),
    st.text(alphabet='{}[]":,0123456789.-%$/eE#`~\nABIa |+=<>?!“”\u202e\u200b\x00', max_size=80),
    st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
        max_leaves=8,
    ).map(json.dumps),
)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(answer=ANSWERS, language=st.sampled_from(["es", "hi", "hi-en", "xx", ""]))
def test_any_answer_is_judged(name, answer, language):
    """From nothing to JSON of the right keys and the wrong kinds; and judged the same again."""
    scorer, reference, task = built(name)
    item = Item("i", INPUT, reference, tags={"language": language})
    assert judge(scorer, item, task, answer) == scorer(item, task, answer)


FIELDS = ["kind", "answers", "quotes", "name", "arguments", "also", "matter", "no"]
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)),
    max_leaves=6,
)


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ("python", "taxonomy")])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(reference=ODD)
def test_any_reference_is_judged_or_not(name, reference):
    """References are data too: a strange one is a judgement or None, never an error."""
    scorer, _, task = built(name)
    item = Item("i", "q", reference)
    for answer in ("refund", '{"name": "x", "arguments": {"a": 1}}', '{"kind": "answer", "answer": "x", "quote": "q"}'):
        judge(scorer, item, task, answer)
