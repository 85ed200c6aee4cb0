"""The scorers of sets, levels, schemas, calls and grounded answers."""

from __future__ import annotations

import json
import pickle

import pytest

from edgebench.errors import UsageError
from edgebench.records import Item, ScorerSpec, Task
from edgebench.workloads import scorers

TASK = Task("text")
TOPICS = Task("choice", choices=("refund", "card_arrival", "card lost", "other"))


def judged(scorer, reference, answer, task=TASK, input="q"):
    return scorer(Item("i", input, reference), task, answer)


# --------------------------------------------------------------------------------------------------- sets


@pytest.mark.parametrize(
    ("answer", "f1"),
    [
        ('["refund", "card_arrival"]', 1),
        ("card arrival, refund", 1),
        ("Labels: Refund; card-arrival", 1),
        ("- refund\n- card_arrival", 1),
        ("They are:\n1. card_arrival\n2. refund", 1),
        ('```json\n{"labels": ["refund", "card_arrival"]}\n```', 1),
        ("refund, refund, card_arrival", 1),
        ("refund", 2 / 3),
        ("refund, other", 1 / 2),
        ("refund, card_arrival, other", 4 / 5),
        ("other", 0),
        ("none", 0),
        ("", 0),
        ("[]", 0),
    ],
)
def test_a_set_is_scored_by_f1_however_it_is_written(answer, f1):
    """Lists, commas, lines, bullets; each label once, in any spelling of it."""
    assert judged(scorers.set_f1(), ["refund", "card_arrival"], answer, TOPICS).value == pytest.approx(f1)


def test_a_set_says_what_was_understood_and_what_is_amiss():
    """The label is the set; exact is said; an empty set agrees with an empty one; without labels words are compared."""
    judgement = judged(scorers.set_f1(), ["refund", "card lost"], "refund, other, xyz", TOPICS)
    assert judgement.label == "other, refund, xyz"
    assert judgement.explanation == "not exact; missing: card lost; too much: other, xyz"
    assert judged(scorers.set_f1(), ["refund"], "Refund", TOPICS).explanation == "exact"
    for nothing in ("none", "[]", "{}", "", "N/A"):
        assert judged(scorers.set_f1(), [], nothing).value == 1.0
    assert judged(scorers.set_f1(), "red, green", "Green and".replace(" and", ", red")).value == 1.0
    assert judged(scorers.set_f1(ignore_case=False), ["Red"], "red").value == 0.0


# --------------------------------------------------------------------------------------------------- levels

MARKS = scorers.ordinal(levels=[1, 2, 3, 4, 5])
WORDS = scorers.ordinal(levels=["disagree", "neither", "agree", "strongly agree"])


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ("4", "4"),
        ("4.", "4"),
        ("4.0", "4"),
        ("Score: 4", "4"),
        ("4/5", "4"),
        ("I would give it 4 out of 5.", "4"),
        ("Rating - 4 of 5 stars", "4"),
        ("It is a 4", "4"),
        ("**4**", "4"),
        ('{"score": 4}', "4"),
        ("6", "not a level"),
        ("4.5", "not a level"),
        ("4 or 5", "several levels"),
        ("good", "not a level"),
        ("", "not a level"),
    ],
)
def test_a_mark_is_understood_however_it_is_given(answer, level):
    """Alone, out of the highest, in a sentence; the label is the level as the scale writes it."""
    assert judged(MARKS, 4, answer).label == level


def test_levels_in_words_are_not_confused():
    """ "strongly agree" is not "agree", and "disagree" is neither."""
    for answer, level in [("Strongly agree.", "strongly agree"), ("I disagree", "disagree"), ("AGREE", "agree")]:
        assert judged(WORDS, "agree", answer).label == level


def test_a_neighbour_counts_only_when_tolerated():
    """Exact is right; one level off with tolerance 1; the explanation says how far and which way."""
    near = scorers.ordinal(levels=[1, 2, 3, 4, 5], tolerance=1)
    assert [judged(MARKS, 3, str(mark)).value for mark in range(1, 6)] == [0, 0, 1, 0, 0]
    assert [judged(near, 3, str(mark)).value for mark in range(1, 6)] == [0, 1, 1, 1, 0]
    assert judged(near, 3, "5").explanation == "2 levels too high"
    assert judged(near, "3", "2").explanation == "1 level too low" and judged(near, 3, "3").explanation == "exact"


def test_levels_come_from_the_task_where_none_are_given():
    """The labels in their order; a reference that is none of them judges nothing."""
    task = Task("choice", choices=("low", "medium", "high"))
    assert judged(scorers.ordinal(tolerance=1), "low", "Medium", task).value == 1
    assert judged(scorers.ordinal(), "urgent", "low", task).value is None
    assert judged(scorers.ordinal(), 3, "3").value is None
    for levels in ([1], [1, 1], ["", "a"]):
        with pytest.raises(UsageError, match="levels"):
            scorers.ordinal(levels=levels)
    assert near_version() == '1 levels=["1", "2"] tolerance=1'


def near_version():
    return scorers.build(ScorerSpec("ordinal", {"levels": [1, 2], "tolerance": 1})).version


# --------------------------------------------------------------------------------------------------- schema

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("answer", "value", "label"),
    [
        ('{"name": "Ann", "age": 3}', 1, "valid"),
        ('Here: {"name": "Ann"} Bye', 1, "valid"),
        ('{"name": "Ann", "age": "3"}', 0, "invalid_schema"),
        ('{"age": 3}', 0, "invalid_schema"),
        ('{"name": "Ann", "x": 1}', 0, "invalid_schema"),
        ("[1]", 0, "invalid_schema"),
        ("no", 0, "not JSON"),
        ("", 0, "not JSON"),
    ],
)
def test_an_answer_keeps_to_a_schema_or_not(answer, value, label):
    """By the option, or by the task's own schema; needs no reference."""
    for scorer, task in ((scorers.json_schema(schema=PERSON), TASK), (scorers.json_schema(), Task(schema=PERSON))):
        judgement = judged(scorer, None, answer, task)
        assert (judgement.value, judgement.label) == (value, label)


def test_a_fault_is_told_with_its_place():
    """The path of the value and what is wrong; of a key given twice the last counts, and that is said."""
    judgement = judged(scorers.json_schema(schema=PERSON), None, '{"name": "A", "age": 1, "age": "x"}')
    assert judgement.explanation == "age: 'x' is not of type 'integer'; key 'age' twice: the last one counts"


def test_a_schema_that_is_none_is_refused_or_judges_nothing():
    """As an option a mistake; of the task no verdict; what leads elsewhere is never fetched; loops end."""
    with pytest.raises(UsageError, match="not a JSON Schema"):
        scorers.json_schema(schema={"type": "objekt"})
    assert judged(scorers.json_schema(), None, "{}").value is None
    assert scorers.schema_fault({"type": "objekt"}) and scorers.schema_fault(PERSON) is None
    for bad in ({"type": "objekt"}, {"$ref": "http://example.com/s.json"}, {"$ref": "#"}, {"$ref": "#/$defs/no"}):
        judgement = judged(scorers.json_schema(), None, "{}", Task(schema=bad))
        assert (judgement.value, judgement.label) == (None, "bad schema")


def test_another_schema_is_another_version():
    """Told apart by its digest, whatever the order of its keys."""
    ours, turned = (scorers.json_schema(schema=one).version for one in (PERSON, dict(reversed(PERSON.items()))))
    assert ours == turned != scorers.json_schema(schema={"type": "object"}).version
    assert ours.startswith("1 schema=sha256:") and scorers.json_schema().version == "1"


# --------------------------------------------------------------------------------------------------- calls

CALL = {
    "name": "create_event",
    "arguments": {"title": "Aylin's piano recital", "day": "saturday", "time": "07:30", "guests": 4},
    "also": {"title": ["piano recital"]},
}


def call(**changed):
    return json.dumps({"name": "create_event", "arguments": {**CALL["arguments"], **changed}})


@pytest.mark.parametrize(
    "answer",
    [
        call(),
        call(title="Piano recital!", day="Saturday"),
        call(time="7:30", guests="4"),
        call(guests=4.0, room=None),
        f"Sure:\n```json\n{call()}\n```",
        json.dumps({"function": "Create Event", "parameters": CALL["arguments"]}),
        json.dumps({"function": {"name": "create_event", "arguments": json.dumps(CALL["arguments"])}}),
    ],
)
def test_a_call_is_right_however_it_is_dressed(answer):
    """Case, punctuation, numbers as texts, null for left out, other wordings, the ways interfaces write calls."""
    judgement = judged(scorers.tool_call(), CALL, answer)
    assert (judgement.value, judgement.label) == (1.0, "create_event")


@pytest.mark.parametrize(
    ("answer", "label", "words"),
    [
        (call(day="sunday"), "wrong_fields", "3 of 4 arguments agree; day differs"),
        (call(guests=None), "wrong_fields", "3 of 4 arguments agree; guests is missing"),
        (call(room="hall"), "wrong_fields", "4 of 4 arguments agree; room was not asked for"),
        (call(time="17:30"), "wrong_fields", "3 of 4 arguments agree; time differs"),
        ('{"name": "set_alarm", "arguments": {}}', "wrong_function", "called set_alarm, not create_event"),
        ('{"arguments": {}}', "no call", "no function is named"),
        ("create_event", "not JSON", None),
    ],
)
def test_a_wrong_call_says_what_is_wrong(answer, label, words):
    """Another function, or arguments that differ, are missing, or nobody asked for."""
    judgement = judged(scorers.tool_call(), CALL, answer)
    assert (judgement.value, judgement.label, judgement.explanation) == (0.0, label, words)


def test_any_of_several_calls_is_right_and_the_nearest_is_told():
    """A list of references; a call without arguments; a reference that is no call."""
    other = {"name": "none", "arguments": {}}
    assert judged(scorers.tool_call(), [CALL, other], '{"name": "none"}').value == 1
    assert judged(scorers.tool_call(), [other, CALL], call(day="x")).label == "wrong_fields"
    assert judged(scorers.tool_call(), "a text", "{}").value is None
    assert (
        judged(
            scorers.tool_call(),
            {"name": "f", "arguments": {"a": ["x", "y"]}},
            '{"name":"f","arguments":{"a":["Y","x"]}}',
        ).value
        == 1
    )


# --------------------------------------------------------------------------------------------------- grounded

PASSAGE = "Returns\nGoods may come back within 30 days.  Sale items can’t be returned; “final sale” means no refund."
INPUT = f"{PASSAGE}\n\nQuestion: how long do I have?"
ANSWER = {"kind": "answer", "answers": ["30 days", "thirty days"], "quotes": ["within 30 days"], "asks_about": []}
SILENT = {"kind": "not-in-text", "answers": [], "quotes": [], "asks_about": []}
ASK = {"kind": "ask-back", "answers": [], "quotes": [], "asks_about": ["sale", "reduced"]}


def said(kind, answer="", quote=""):
    return json.dumps({"kind": kind, "answer": answer, "quote": quote})


@pytest.mark.parametrize(
    ("reference", "answer", "label"),
    [
        (ANSWER, said("answer", "Within 30 days.", "Goods may come back within 30 days."), "answer"),
        (ANSWER, said("answer", "30 days", "goods may come back"), "answer"),
        (ANSWER, said("answer", "30 days", 'Sale items can\'t be returned; "final  sale" means no refund'), "answer"),
        (ANSWER, said("answer", "30 days", "Goods may … within 30 days"), "answer"),
        (ANSWER, said("answer", "30 days"), "answer"),
        (ANSWER, "You have 30 days.", "answer"),
        (ANSWER, 'You have 30 days. Quote: "Goods may come back within 30 days."', "answer"),
        (ANSWER, said("answer", "30 days", "Goods may be sent back within 30 days."), "not_grounded"),
        (ANSWER, said("answer", "30 days", "within 30 days … Goods may"), "not_grounded"),
        (ANSWER, said("answer", "30 days", "how long do I have?"), "not_grounded"),
        (ANSWER, 'It says "you have got 30 days for it", so 30 days.', "not_grounded"),
        (ANSWER, said("answer", "130 days", "within 30 days"), "wrong"),
        (ANSWER, said("answer", "14 days", "within 30 days"), "wrong"),
        (ANSWER, "", "wrong"),
        (ANSWER, said("not-in-text", "The text does not say."), "not_in_text_claimed"),
        (ANSWER, "That is not mentioned in the text.", "not_in_text_claimed"),
        (ANSWER, said("ask-back", "Is it a sale item?"), "asked_back"),
        (ANSWER, "Which item do you mean?", "asked_back"),
        (SILENT, said("not-in-text", "The text does not say."), "not_in_text"),
        (SILENT, "I’m sorry, the text doesn’t say.", "not_in_text"),
        (SILENT, said("answer", "30 days", "within 30 days"), "not_in_text_missed"),
        (SILENT, "Yes, 5 years.", "not_in_text_missed"),
        (SILENT, said("ask-back", "Which item?"), "asked_back"),
        (ASK, said("ask-back", "Is it a sale item?"), "ask_back"),
        (ASK, "Did you buy it reduced?", "ask_back"),
        (ASK, said("answer", "30 days", "within 30 days"), "did_not_ask_back"),
        (ASK, said("not-in-text", "The text does not say."), "did_not_ask_back"),
        (ASK, "30 days, or none if it is on sale.", "did_not_ask_back"),
    ],
)
def test_grounded_answers_are_right_or_wrong_in_a_way_with_a_name(reference, answer, label):
    """In JSON or in words: the right kind, a right answer, a quote that stands in the text and not in the question."""
    judgement = judged(scorers.grounded(), reference, answer, input=INPUT)
    assert (judgement.value, judgement.label) == (float(label in ("answer", "not_in_text", "ask_back")), label)


def test_grounded_options():
    """A quote can be required, as can what a question back is about; the passage can end elsewhere."""
    quoting, asking = scorers.grounded(quote="required"), scorers.grounded(about="required")
    assert judged(quoting, ANSWER, said("answer", "30 days"), input=INPUT).label == "not_grounded"
    assert judged(asking, ASK, said("ask-back", "Where do you live?"), input=INPUT).label == "wrong"
    noted = judged(scorers.grounded(), ASK, said("ask-back", "Where do you live?"), input=INPUT)
    assert (noted.value, noted.explanation) == (1.0, "asks about none of: sale, reduced")
    whole = scorers.grounded(passage_until="")
    assert judged(whole, ANSWER, said("answer", "30 days", "how long do I have?"), input=INPUT).value == 1
    assert judged(scorers.grounded(), "a text", "30 days").value is None


@pytest.mark.parametrize(
    ("answer", "right"),
    [("Yes, it is.", 1), ("No. Yes would be nice.", 0), ("It is: yes", 1), ("No", 0), ("Yesterday", 0)],
)
def test_of_yes_and_no_the_first_counts(answer, right):
    """Where yes is one of the right answers, an answer that begins with no is wrong."""
    reference = {"kind": "answer", "answers": ["yes"]}
    assert judged(scorers.grounded(), reference, said("answer", answer), input=INPUT).value == right


# --------------------------------------------------------------------------------------------------- all of them

NEEDS = {"set-f1": {}, "ordinal": {"levels": [1, 2]}, "tool-call": {}, "grounded": {}}


@pytest.mark.parametrize("name", NEEDS)
def test_without_a_reference_nothing_is_judged(name):
    """None, never zero; and every scorer travels between processes."""
    scorer = scorers.build(ScorerSpec(name, NEEDS[name]))
    assert scorer.name == name and judged(scorer, None, "x").value is None
    assert pickle.loads(pickle.dumps(scorer)) is not None  # noqa: S301 - our own bytes
