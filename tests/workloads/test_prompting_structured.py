"""Structured output: what is asked for, and that nothing around an object costs its answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import Answer
from edgebench.workloads.prompting.structured import value
from tests.workloads.scripted import FORMS, SCHEMA, TASK, Script, job, made, put


@pytest.mark.parametrize(
    ("form", "field", "kind"),
    [
        ("label", "label", {"type": "string", "enum": list(TASK.choices)}),
        ("letter", "label", {"type": "string", "enum": ["A", "B"]}),
        ("number", "answer", {"type": "number"}),
        ("text", "answer", {"type": "string"}),
    ],
)
async def test_an_object_with_one_field_is_asked_for(form: str, field: str, kind: dict[str, object]) -> None:
    """The schema is sent so that engines keep to it, said in words for those that don't; the value is the answer."""
    item, task, right, _ = FORMS[form]
    said = json.dumps({field: json.loads(right) if form == "number" else right})
    answer, script = await put("structured-output", form, Answer(said, 0.6))
    (request,) = script.asked
    assert answer == Answer(right, 0.6) and script.roles == ["answer"]
    assert request.output == "json" and request.max_tokens == task.max_tokens + 16
    assert request.schema == {
        "type": "object",
        "properties": {field: kind},
        "required": [field],
        "additionalProperties": False,
    }
    assert f'{{"{field}": …}}' in request.messages[0].content and request.text == item.text


async def test_a_json_task_keeps_its_own_schema_and_its_whole_answer() -> None:
    """There the object is the answer, as it was said."""
    said = 'Here: ```json\n{"total": 4}\n```'
    answer, script = await put("structured-output", "json", said)
    assert answer.text == said and script.asked[0].schema == SCHEMA
    assert script.asked[0].max_tokens == FORMS["json"][1].max_tokens


async def test_targets_prepare_for_json_and_still_know_the_labels() -> None:
    """An engine compiles the schema before the clock starts; a classifier learns the labels."""
    task = made("structured-output", job()).task
    assert (task.output, task.choices) == ("json", TASK.choices) and task.schema is not None
    answer = await made("structured-output", job())(FORMS["label"][0], Script("shipping"))
    assert answer.text == "shipping"  # as a classifier says it


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"label": "refund"}', "refund"),
        ('{"label": "refund"}\nI hope this helps!', "refund"),
        ('Sure: {"label": "refund"}.', "refund"),
        ('```json\n{"label": "refund"}\n```', "refund"),
        ('~~~\n{"label": "refund"}\n~~~ done', "refund"),
        ('{"label": "login", "label": "refund"}', "refund"),
        ('{"label": "refund", "label": null}', "refund"),
        ('{"Label": "refund", "why": "money"}', "refund"),
        ('{"category": "refund"}', "refund"),
        ('{"label": ["refund"]}', "refund"),
        ('{"result": {"label": "refund"}}', "refund"),
        ('{"note": "x", "more": "y"} then {"label": "refund"}', "refund"),
        ('{"label": "refund', "refund"),
        ("{'label': 'refund'}", "refund"),
        ("{label: refund}", "refund"),
        ('label: "refund"', "refund"),
        ('<think>{"label": "login"}?</think>{"label": "refund"}', "refund"),
        ("refund", "refund"),
        ('{"a": "x", "b": "y"}', '{"a": "x", "b": "y"}'),
        ('{"label": true}', "true"),
        ('{"label": 18.50}', "18.50"),
        ("", ""),
    ],
)
def test_the_value_is_found_whatever_stands_around_it(said: str, found: str) -> None:
    """Prose, fences, keys given twice, other names, cut off ends: the answer is not lost; else it is what was said."""
    assert value(said, "label") == found


def test_numbers_stay_as_they_are_written() -> None:
    """No digit is lost to a float, and no huge number is an error."""
    assert value('{"answer": 0.30000000000000000001}', "answer") == "0.30000000000000000001"
    assert value('{"answer": ' + "9" * 5000 + "}", "answer") == "9" * 5000
    assert value('{"answer": NaN}', "answer") == "NaN"


def test_deep_and_long_texts_are_no_crash() -> None:
    """A hundred thousand braces, a megabyte."""
    deep = '{"a":' * 100_000
    assert value(deep, "label") == deep
    assert value('{"label": "refund"}' + "x" * 1_000_000, "label") == "refund"


@given(st.text(max_size=200))
def test_any_text_has_a_value(said: str) -> None:
    """Never an exception; an empty answer only where nothing was said."""
    assert isinstance(value(said, "label"), str)


@given(st.text(min_size=1, max_size=40).map(str.strip).filter(bool), st.text(max_size=40), st.text(max_size=40))
def test_a_label_comes_back_out_of_its_object(label: str, before: str, after: str) -> None:
    """Whatever characters it has and whatever words stand around it."""
    before = before.replace("{", "").replace("<", "")
    said = f"{before}{json.dumps({'label': label})}{after}"
    assert value(said, "label") == label
