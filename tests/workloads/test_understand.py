"""Understanding an answer: what stands around it, what cannot be seen in it, what is said twice."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.workloads import understand

LABELS = ("refund", "card_arrival", "other")
PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)
HIDDEN = "\u202e\u200b\u2066\u00ad\ufeff\x00\x07\x1b\u200f\x9f"


@pytest.mark.parametrize("hidden", list(HIDDEN))
def test_what_nobody_can_see_is_not_read(hidden):
    """Overrides of the direction of writing, zero-width characters and controls, anywhere in an answer."""
    assert understand.label(f"{hidden}ref{hidden}und{hidden}", LABELS) == ("refund", True)
    assert understand.letter(f"{hidden}B{hidden})", ["a", "b", "c"]) == ("B", True)
    found = understand.number(f"1{hidden}8 {hidden}")
    assert found is not None and found.value == 18
    assert understand.json_object(f'{hidden}{{"a"{hidden}: 1}}') == {"a": 1}


def test_a_turned_text_is_read_in_the_order_it_was_written():
    """A screen would show "dnufer"; what was said is "refund", and the note says what was overlooked."""
    assert understand.label("\u202erefund\u202c", LABELS) == ("refund", True)
    assert understand.overlooked("\u202erefund\u202c") == ("marks that turn the direction of writing are not read",)
    assert understand.overlooked("a\x00b") == ("invisible characters are not read",)
    assert understand.overlooked("refund\n\t") == ()


def test_joiners_that_mean_something_do_not_part_equal_words():
    """A zero-width joiner in Hindi or Bengali does not make another word of it, and stays where a text is only read."""
    assert understand.plain("क्\u200dष") == understand.plain("क्ष")
    assert "\u200d" in understand.said("क्\u200dष")


def test_an_answer_after_a_very_long_thought_is_found():
    """Thinking longer than what is read of an answer does not hide what follows it."""
    answer = f"<think>{'hm. ' * 20_000}</think>refund"
    assert understand.label(answer, LABELS) == ("refund", True)
    assert not understand.still_thinking(answer)


def test_a_thought_that_never_ends_is_no_answer():
    """A label that is only considered was not given."""
    assert understand.still_thinking("<think>refund, or") and understand.said("<think>refund, or") == ""
    assert understand.label("<think>refund, or", LABELS) == ("not a label", False)


def test_a_megabyte_is_read_as_far_as_promised():
    """The first 20,000 characters, and the note says so."""
    answer = "word " * 200_000
    assert len(understand.said(answer)) <= understand.LONGEST
    assert understand.overlooked(answer) == ("read as far as 20,000 of 1,000,000 characters",)


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        ('{"a": 1}', ()),
        ('  {"a": 1}\n', ()),
        ('```json\n{"a": 1}\n```', ("in a code fence",)),
        ('Here it is:\n```JSON\n{"a": 1}\n```\nI hope {this} helps.', ("in a code fence",)),
        ('~~~\n{"a": 1}\n~~~', ("in a code fence",)),
        ('```python\nprint({})\n```\n```json\n{"a": 1}\n```', ("in a code fence",)),
        ('```json\n{"a": 1}', ("among words",)),
        ('Sure! {"a": 1} Anything else?', ("among words",)),
        ('With {name} set: {"a": 1}', ("among words",)),
        ('{"a": 2, "a": 1}', ("key 'a' twice: the last one counts",)),
        ('So: {"a": 2, "a": 1}.', ("among words", "key 'a' twice: the last one counts")),
    ],
)
def test_an_object_is_found_and_how_is_said(answer, how):
    """Fences, prose before and after, braces that are none; of a key given twice the last counts."""
    found = understand.json_found(answer)
    assert found is not None and (found.value, found.how) == ({"a": 1}, how)
    assert understand.json_object(answer) == {"a": 1}


@pytest.mark.parametrize(
    "answer", ["", "{", '{"a": 1', "[1, 2]", "no {braces} here", '{"a": 1,}', "```json\n```", "{'a': 1}"]
)
def test_what_is_no_object_is_none(answer):
    """Half an object, a list, braces in a sentence, Python's quotes."""
    assert understand.json_found(answer) is None


def test_lists_are_found_where_they_are_asked_for():
    """An opening bracket too, the outermost value first."""
    assert understand.json_found('so: [{"a": 1}]', opening="{[") == understand.Found([{"a": 1}], ("among words",))
    assert understand.json_found('so: [{"a": 1}]') == understand.Found({"a": 1}, ("among words",))


def test_objects_side_by_side_are_counted_once_each():
    """None within another, and no more than asked for."""
    assert understand.json_objects('{"a": {"b": 1}} or {"a": 2}, {not} {"c": 3}') == [
        {"a": {"b": 1}},
        {"a": 2},
        {"c": 3},
    ]
    assert len(understand.json_objects('{"a": 1} ' * 50)) == 5


def test_lists_in_words_are_read():
    """Bullets, numbers, commas, a sentence before the list, a lead-in."""
    assert understand.listed("a, b;c") == ["a", "b", "c"]
    assert understand.listed("Here are the labels:\n- a\n- b") == ["a", "b"]
    assert understand.listed("1. a\n2) b\n") == ["a", "b"]
    assert understand.listed("The right labels are: a, b.") == understand.listed("Label = a, b") == ["a", "b"]


def test_a_number_is_not_found_within_a_longer_one():
    """30 is not in 130, 30.5 or 1,300; a word is where only words are told apart."""
    import re

    assert [bool(re.search(understand.edged("30"), text)) for text in ("30 days", "130", "30.5", "1,30", "at 30.")] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert re.search(understand.edged("refund"), "refunded") and not re.search(
        understand.edged("refund", words=True), "refunded"
    )


@PROPERTY
@given(thing=st.dictionaries(st.text(max_size=8), st.integers(), max_size=5), before=st.text(max_size=20))
def test_an_object_survives_whatever_stands_before_it(thing, before):
    """Any words without braces before a JSON object leave it as it is, but for what cannot be seen."""
    before = before.replace("{", "").replace("`", "").replace("~", "").replace("<", "")
    seen = {understand.INVISIBLE.sub("", key): value for key, value in thing.items()}
    found = understand.json_object(f"{before} {json.dumps(thing, ensure_ascii=False)}")
    if len(seen) == len(thing) and not any("\\u" in json.dumps(key, ensure_ascii=False) for key in thing):
        assert found == seen


@PROPERTY
@given(text=st.text(max_size=200))
def test_no_text_makes_the_reader_fall_over(text):
    """Lists, numbers, objects and notes of any text at all."""
    understand.listed(text), understand.numbers(text), understand.json_objects(text), understand.overlooked(text)
    assert understand.said(text) == understand.said(understand.said(text)) or text.lstrip().lower().startswith("<think")
