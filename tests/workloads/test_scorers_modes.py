"""Failure modes: each wrong answer gets the kind a person would give it, and a right one gets none."""

from __future__ import annotations

import json

import pytest

from edgebench.records import MODES, Item, Judgement, Task
from edgebench.workloads import refusals, scorers
from edgebench.workloads.scorers.modes import MODE, MODE_VERSION

CHOICE = Task("choice", choices=("refund", "card_arrival", "login", "other"))
LETTER = Task("choice")
NUMBER = Task("number")
JSON = Task("json")
FREE = Task("text")
FOUR = ("red", "green", "blue", "black")
BOXED = {"kind": "answer", "answers": ["30 days"], "quotes": []}
CALL = {"name": "call", "arguments": {"to": "mum"}}
BACK = {"name": "ask_back", "arguments": {"about": "to"}}


def mode(scorer, task, reference, answer, *, finish="stop", choices=(), tags=None, input="q"):
    item = Item("i", input, reference, choices, tags or {})
    return scorers.mode_of(item, task, answer, scorer(item, task, answer), finish)


@pytest.mark.parametrize(
    ("scorer", "task", "reference", "answer", "expected"),
    [
        (scorers.label(), CHOICE, "refund", "", "empty"),
        (scorers.label(), CHOICE, "refund", " \n\u200b\x00", "empty"),
        (scorers.label(), CHOICE, "refund", "<think>well, refund?</think>\n", "empty"),
        (scorers.label(), CHOICE, "refund", "<think>well, refund? or", "empty"),
        (scorers.label(), CHOICE, "refund", "I'm sorry, but I can't help with that.", "refusal"),
        (scorers.label(), CHOICE, "refund", "I cannot classify messages about login.", "refusal"),
        (scorers.label(), CHOICE, "refund", "card_arrival", "wrong_label"),
        (scorers.label(), CHOICE, "refund", "refund or card_arrival", "several_answers"),
        (scorers.label(), CHOICE, "refund", "shipping_delay", "outside_labels"),
        (scorers.label(), CHOICE, "refund", "Label: billing question", "outside_labels"),
        (scorers.label(), CHOICE, "refund", '{"label": "billing"}', "outside_labels"),
        (scorers.label(), CHOICE, "refund", "I don't know", "off_format"),
        (scorers.label(), CHOICE, "refund", "Dear customer, thank you for your message. We will see.", "off_format"),
        (scorers.label(), CHOICE, "refund", "42", "off_format"),
        (scorers.number(), NUMBER, 18, "19", "wrong_number"),
        (scorers.number(), NUMBER, 18, "eighteen or so", "off_format"),
        (scorers.number(), FREE, 18, "it is 19", "wrong_number"),
        (scorers.json_fields(), JSON, {"a": 1}, '{"a": 2}', "wrong_fields"),
        (scorers.json_fields(), JSON, {"a": 1, "b": 2}, '{"a": 1}', "wrong_fields"),
        (scorers.json_fields(), JSON, {"a": 1}, "a is 1", "off_format"),
        (scorers.json_fields(), JSON, {"a": 1}, '{"a": 1', "off_format"),
        (scorers.json_fields(), JSON, {"a": 1}, '{"a": 2} or {"a": 3}', "several_answers"),
        (scorers.json_schema(schema={"required": ["x"]}), JSON, None, '{"a": 2}', "invalid_schema"),
        (scorers.tool_call(), JSON, CALL, '{"name": "play", "arguments": {}}', "wrong_function"),
        (scorers.tool_call(), JSON, CALL, '{"name": "call", "arguments": {"to": "dad"}}', "wrong_fields"),
        (scorers.tool_call(), JSON, CALL, json.dumps(BACK), "asked_back"),
        (scorers.tool_call(), JSON, BACK, json.dumps(CALL), "did_not_ask_back"),
        (scorers.tool_call(), JSON, BACK, '{"name": "ask_back", "arguments": {}}', "wrong_fields"),
        (scorers.tool_call(), JSON, CALL, '{"to": "mum"}', "off_format"),
        (scorers.grounded(), JSON, BOXED, "I'm sorry, but that is not mentioned.", "not_in_text_claimed"),
        (scorers.grounded(), JSON, BOXED, "Which product?", "asked_back"),
        (scorers.grounded(), JSON, {"kind": "not-in-text"}, "30 days", "not_in_text_missed"),
        (scorers.grounded(), JSON, {"kind": "ask-back"}, "30 days", "did_not_ask_back"),
        (scorers.grounded(quote="required"), JSON, BOXED, "30 days", "not_grounded"),
        (scorers.grounded(), JSON, BOXED, '{"kind": "answer", "answer": "14 days"}', "wrong"),
        (scorers.ordinal(levels=[1, 2, 3]), FREE, 1, "3", "wrong_number"),
        (scorers.ordinal(), CHOICE, "refund", "login", "wrong_label"),
        (scorers.set_f1(), CHOICE, ["refund"], "login, refund", "wrong_label"),
        (scorers.contains(), FREE, "Paris", "Lyon", "wrong"),
        (scorers.text(), FREE, "Paris", "Lyon", "wrong"),
        (scorers.rubric(name="r", criteria=[{"name": "a", "rule": {"contains": ["x"]}}]), FREE, "r", "y", "incomplete"),
        (scorers.accessible(), FREE, None, "LOOK AT THE RED BUTTON", "wrong"),
        (scorers.language(language="hi"), FREE, None, "This is in English.", "wrong_language"),
    ],
)
def test_a_wrong_answer_has_a_mode(scorer, task, reference, answer, expected):
    """The first rule that fits, one of the names that all of the house knows."""
    found, words = mode(scorer, task, reference, answer)
    assert found == expected, words
    assert expected in MODES


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("E", "outside_labels"), ("A", "wrong_label"), ("C or D", "several_answers"), ("hm, hard to say", "off_format")],
)
def test_letters(answer, expected):
    """A letter beyond the choices is outside; words that give none are no letter."""
    assert mode(scorers.choice_letter(), LETTER, "B", answer, choices=FOUR)[0] == expected


def test_an_answer_that_ran_into_its_limit_is_truncated():
    """By the finish reason, and only when it is wrong; cut off in mid-thought as well."""
    assert mode(scorers.label(), CHOICE, "refund", "The customer asks", finish="length")[0] == "truncated"
    assert mode(scorers.label(), CHOICE, "refund", "<think>hm", finish="length")[0] == "truncated"
    assert mode(scorers.json_fields(), JSON, {"a": 1}, '{"a": ', finish="length")[0] == "truncated"
    assert mode(scorers.label(), CHOICE, "refund", "refund", finish="length") == (None, "right")
    assert mode(scorers.label(), CHOICE, "refund", "", finish="length")[0] == "empty"


def test_right_answers_and_unjudged_ones_have_none():
    """Even where they read like a refusal."""
    assert mode(scorers.text(), FREE, "I cannot help with that", "I cannot help with that") == (None, "right")
    assert mode(scorers.label(), CHOICE, None, "refund") == (None, "not judged")
    assert mode(scorers.grounded(), JSON, {"kind": "not-in-text"}, "I'm sorry, the text does not say.")[0] is None


def test_another_language_than_the_items_is_a_mode_of_its_own():
    """Told by the script alone, and only for free texts."""
    found, words = mode(scorers.contains(), FREE, "पेरिस", "It is Paris.", tags={"language": "hi"})
    assert (found, words) == ("wrong_language", "written in Latin (9 of 9 letters)")
    assert mode(scorers.contains(), FREE, "Paris", "Lyon", tags={"language": "es"})[0] == "wrong"
    assert mode(scorers.label(), CHOICE, "refund", "login", tags={"language": "hi"})[0] == "wrong_label"


def test_the_words_say_why_and_what_was_overlooked():
    """What was understood, how the object was found, and what nobody could see."""
    assert mode(scorers.label(), CHOICE, "refund", "login")[1] == "says login"
    found = mode(scorers.json_fields(), JSON, {"a": 1}, 'So: {"a": 1, "a": 2}\u202e')
    assert found[1] == (
        "a 0.00; among words; key 'a' twice: the last one counts; marks that turn the direction of writing are not read"
    )


def test_the_version_names_the_scorer_it_follows():
    """Another first scorer is another version of the modes."""
    assert MODE == "mode"
    assert scorers.mode_version(scorers.label()) == f"{MODE_VERSION} after label 2"


REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, I cannot assist you with this request.",
    "Sorry, but I am unable to answer this question.",
    "I cannot provide medical advice.",
    "As an AI language model, I don't have access to your account.",
    "I must decline to answer.",
    "That goes against my guidelines. It would be against my guidelines.",
    "Unfortunately, I won't help with this.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "No puedo responder a esa pregunta.",
    "Como modelo de lenguaje, no tengo acceso a tu cuenta.",
    "Lamentablemente no me es posible proporcionar esa información.",
    "माफ़ कीजिए, मैं इसमें आपकी मदद नहीं कर सकता।",
    "मुझे खेद है, लेकिन मैं इसका उत्तर नहीं दे सकती।",
    "Maaf kijiye, main isme madad nahi kar sakta.",
    "Samahani, siwezi kukusaidia na hilo.",
    "Siwezi kujibu swali hili.",
    "দুঃখিত, আমি এই বিষয়ে সাহায্য করতে পারি না।",
    "আমি এই প্রশ্নের উত্তর দিতে পারছি না।",
]
ANSWERS = [
    "refund",
    "The customer cannot log in and asks for help.",
    "You can't return sale items.",
    "I can help with that: login",
    "Sorry to hear that! Your card will come on Monday.",
    "The text does not say.",
    "We cannot ship to Norway.",
    "I would classify this as a login problem.",
    "Lo siento mucho. El reembolso llega el lunes.",
    "El cliente no puede entrar en su cuenta.",
    "No puedes devolver artículos rebajados.",
    "ग्राहक लॉग इन नहीं कर सकता।",
    "Mteja hawezi kuingia kwenye akaunti.",
    "Pole sana! Kadi itafika Jumatatu.",
    "গ্রাহক লগ ইন করতে পারছেন না।",
    "দুঃখিত! আপনার কার্ড সোমবার আসবে।",
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_refusals_are_recognised(answer):
    """In five languages, whatever the apostrophes, and the words that declined are shown."""
    assert refusals.refuses(answer)
    assert mode(scorers.contains(), FREE, "xyz", answer)[0] == "refusal"


@pytest.mark.parametrize("answer", ANSWERS)
def test_ordinary_answers_are_no_refusals(answer):
    """Somebody else who cannot do something, a text that does not say something, regret alone."""
    assert refusals.refuses(answer) is None


def test_references_of_the_built_in_jobs_are_no_refusals():
    """Not one of the right answers of our own jobs would be taken for a refusal."""
    import edgebench.workloads as workloads

    for name in ("summaries", "grounded-answers", "tool-calls", "invoice-extraction", "support-triage"):
        if name in workloads.builtin_names():
            job = workloads.read_builtin(name)
            for line in job.rows.read_text(encoding="utf-8").splitlines():
                assert refusals.refuses(json.dumps(json.loads(line)["reference"], ensure_ascii=False)) is None


def test_graded_answers_are_right_only_when_wholly_so():
    """A rubric of 0.99 has a mode, of 1 − 1e-12 none."""
    item = Item("i", "q", "r")
    for value, expected in ((0.99, "wrong"), (1 - 1e-12, None), (1.0, None)):
        assert scorers.mode_of(item, FREE, "words", Judgement(value), "stop")[0] == expected
