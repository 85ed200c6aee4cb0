"""Scorers: what counts as right, for answers as models really give them."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgebench.errors import UsageError
from edgebench.records import Item, ScorerSpec, Task
from edgebench.workloads import scorers, understand

LABELS = ("refund", "card_arrival", "card lost", "Login", "other")
TASK = Task("choice", choices=LABELS)
FREE = Task("text")
PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)


def judged(scorer, reference, answer, task=FREE, choices=()):
    return scorer(Item("i", "q", reference, choices), task, answer)


def value(scorer, reference, answer, task=FREE, choices=()):
    return judged(scorer, reference, answer, task, choices).value


@pytest.mark.parametrize(
    "answer",
    [
        "card_arrival",
        " Card_Arrival.\n",
        '"card arrival"',
        "**card_arrival**",
        "Label: card_arrival",
        "The correct label is: card-arrival",
        "I think this is about card arrival, so card_arrival.",
        "card_arrival\n\nNot refund, because …",
        "Category = `card_arrival`",
        "<think>refund? other?</think>card_arrival",
        '{"label": "card_arrival"}',
        "ＣＡＲＤ＿arrival",
    ],
)
def test_a_label_is_understood_however_it_is_dressed(answer):
    """Case, quotes, lead-ins, underscores, a sentence around it, thinking before it."""
    judgement = judged(scorers.label(), "card_arrival", answer, TASK)
    assert (judgement.value, judgement.label) == (1.0, "card_arrival")


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("refund", "refund"),
        ("refund or card_arrival", "several labels"),
        ("no idea", "not a label"),
        ("", "not a label"),
        ("refunds", "not a label"),
        ("card", "not a label"),
        ("my card lost", "card lost"),
    ],
)
def test_a_wrong_answer_says_what_it_was(answer, label):
    """The label understood, or the failure mode."""
    judgement = judged(scorers.label(), "card_arrival", answer, TASK)
    assert (judgement.value, judgement.label) == (0.0, label)


def test_label_options_and_near_labels():
    """Strict case, no search within sentences; labels that differ by a sign stay apart."""
    assert value(scorers.label(ignore_case=False), "Login", "login", TASK) == 0.0
    assert value(scorers.label(anywhere=False), "Login", "it is Login", TASK) == 0.0
    signs = Task("choice", choices=("C", "C++", "C#"))
    assert [value(scorers.label(), "C", answer, signs) for answer in ("C", "c", "C++", "c#", "**C++**")] == [
        1,
        1,
        0,
        0,
        0,
    ]
    assert value(scorers.label(), ["refund", "other"], "Other", TASK) == 1.0
    assert value(scorers.label(), "yes", "well, yes", FREE) == 0.0  # nothing but the reference to look for


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        ("The Café, Paris", "the cafe\u0301 paris!", 1),
        ("don't", "dont", 1),
        ("3.5", "35", 0),
        (["NYC", "New York"], "new  york.", 1),
        (42, "42", 1),
        ("!!!", "!!!", 1),
        ("!!!", "???", 0),
        ("an apple", "apple", 0),
    ],
)
def test_text_is_compared_in_plain_form(reference, answer, right):
    """Unicode, case, spaces and punctuation do not matter; words do."""
    assert value(scorers.text(), reference, answer) == right


def test_text_options():
    """Articles can be ignored, case and punctuation can count."""
    assert value(scorers.text(ignore_articles=True), "an apple", "The apple") == 1
    assert value(scorers.text(ignore_case=False), "Apple", "apple") == 0
    assert value(scorers.text(ignore_punctuation=False), "a, b", "a b") == 0


def test_contains():
    """All of the values given, any of the references; whole words when asked."""
    judgement = judged(scorers.contains(values=["red", "blue"]), None, "a RED house")
    assert (judgement.value, judgement.explanation) == (0.0, "missing: blue")
    assert value(scorers.contains(values=["red", "blue"], require="any"), None, "a RED house") == 1
    assert value(scorers.contains(), ["red", "blue"], "a blue house") == 1
    assert value(scorers.contains(require="all"), ["red", "blue"], "a blue house") == 0
    assert value(scorers.contains(whole_words=True), "red", "hundred") == 0
    assert value(scorers.contains(ignore_case=False), "Red", "red") == 0
    with pytest.raises(UsageError):
        scorers.contains(values=["a", " "])


def test_regex():
    """A pattern of the plan or of the reference; a bad one is a mistake of the plan, or a row nobody can judge."""
    assert value(scorers.regex(pattern=r"\bn\d{3}\b"), None, "order n123 is") == 1
    assert value(scorers.regex(), "^ord", "order") == 1
    assert value(scorers.regex(full=True), "ord", "order") == 0
    assert value(scorers.regex(ignore_case=True), "ORD", "order") == 1
    assert value(scorers.regex(pattern="b"), None, "a" * 5000 + "b") == 0  # read as far as is promised
    judgement = judged(scorers.regex(), "(", "x")
    assert (judgement.value, judgement.label) == (None, "bad pattern")
    with pytest.raises(UsageError, match="regular expression"):
        scorers.regex(pattern="(")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18", 18),
        ("It is 18.", 18),
        ("first 3, then 18 eggs", 18),
        ("1,450,000", 1_450_000),
        ("1.450.000,5", 1450000.5),
        ("1'450'000", 1_450_000),
        ("80\u202f000", 80_000),
        ("3,5", 3.5),
        ("1,2,3", 3),
        ("$1.99", 1.99),
        ("-$5", -5),
        ("€-5", -5),
        ("−7", -7),
        ("10-12", 12),
        ("3/4", 0.75),
        ("on 3/4/2024", 2024),
        ("1.5e3", 1500),
        (".5", 0.5),
        ("so 20.\n#### 18\nand 4", 18),
        ("\\boxed{42}", 42),
        ("١٨", 18),
        ("42nd", 42),
        ("A4 paper", None),
        ("none", None),
        ("", None),
    ],
)
def test_the_number_of_an_answer(text, expected):
    """The last number, in the ways people and models write numbers."""
    found = understand.number(text)
    assert (None if found is None else float(found.value)) == expected


@pytest.mark.parametrize(
    ("reference", "answer", "options", "right"),
    [
        (18, "18.0", {}, 1),
        ("18", "19", {}, 0),
        (18, "18.4", {"absolute": 0.5}, 1),
        (100, "101", {"relative": 0.01}, 1),
        (100, "102", {"relative": 0.01}, 0),
        (0.1 + 0.2, "0.3", {}, 1),
        (0.12, "12%", {}, 1),
        (12, "12 percent", {}, 1),
        ("12%", "0.12", {}, 1),
        ("12%", "12%", {}, 1),
        ("x\n#### 1,450", "1450", {}, 1),
        ([1, 2], "2", {}, 1),
        ("3/4", "1/4", {}, 0),
        (18, "no number", {}, 0),
        (10**400, str(10**400 + 1), {"relative": 0}, 0),
    ],
)
def test_numbers_agree_within_the_tolerance(reference, answer, options, right):
    """max(absolute, relative × |reference|); percentages agree with fractions."""
    assert value(scorers.number(**options), reference, answer) == right


def test_numbers_that_cannot_be_judged():
    """A reference without a number judges nothing; a tolerance below zero is a mistake."""
    assert value(scorers.number(), "many", "3") is None
    for tolerance in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError):
            scorers.number(absolute=tolerance)


WANTED = {"name": "Ann Lee", "age": 41, "tags": ["a", "b"], "home": {"city": "Rome", "zip": None}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (json.dumps(WANTED), 1.0),
        (f"Here:\n```json\n{json.dumps(WANTED)}\n```\nDone {{}}", 1.0),
        ('{"name": "ann  lee", "age": "41", "tags": ["b", "a"], "home": {"city": "ROME"}}', 1.0),
        ('sure {"name": "Ann Lee", "age": 42}', 2 * 1 / (2 + 4)),
        ('{"name": "Ann Lee", "age": 41, "tags": ["a"], "home": {"city": "Rome"}}', 2 * (3 + 2 / 3) / 8),
        ('{"name": "Ann Lee", "age": 41, "tags": ["a", "b"], "home": {"city": "Rome"}, "extra": 1}', 8 / 9),
        ("{}", 0.0),
        ("[1]", 0.0),
        ("no", 0.0),
    ],
)
def test_json_fields_are_scored_one_by_one(answer, expected):
    """F1 over fields: a missing one costs recall, one not asked for costs precision, lists count by element."""
    assert value(scorers.json_fields(), WANTED, answer) == pytest.approx(expected)


def test_json_fields_options_and_words():
    """Chosen fields only; the values are listed; an invalid answer is named; a list of references takes the best."""
    judgement = judged(scorers.json_fields(fields=["home", "age"]), WANTED, '{"age": 41, "x": 1}')
    assert judgement.value == pytest.approx(2 / 3) and judgement.explanation == "age 1.00; home.city 0.00"
    assert "x not asked for" in str(judged(scorers.json_fields(), {"a": 1}, '{"a": 1, "x": 2}').explanation)
    assert judged(scorers.json_fields(), WANTED, "no").label == "not JSON"
    assert value(scorers.json_fields(), [{"a": 1}, {"a": 2}], '{"a": 2}') == 1
    assert value(scorers.json_fields(), "a text", "{}") is None
    assert value(scorers.json_fields(absolute=1.0), {"a": 1}, '{"a": 2}') == 1
    assert value(scorers.json_fields(), {"a": True}, '{"a": 1}') == 0
    assert value(scorers.json_fields(), {}, "{}") == 1


CHOICES = ("red", "green", "dark blue", "It depends")


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("B) green", "B"),
        ("**B.** because A is wrong", "B"),
        ("Answer: B", "B"),
        ("It is not A. The answer is (B).", "B"),
        ("green", "B"),
        ("I would say green", "B"),
        ("A fine question, so B", "B"),
        ("B\nbecause of C", "B"),
        ("A", "A"),
        ("E", "not a letter"),
        ("B or C", "several letters"),
        ("hm", "not a letter"),
        ("", "not a letter"),
    ],
)
def test_a_letter_is_understood_however_it_is_dressed(answer, letter):
    """Alone, named, leading, by the words of its choice; otherwise the failure mode."""
    judgement = judged(scorers.choice_letter(), "B", answer, Task("choice"), CHOICES)
    assert (judgement.value, judgement.label) == (float(letter == "B"), letter)


@pytest.mark.parametrize("reference", ["C", "c", "(C)", "dark blue", "Dark  Blue", 2, "2", ["A", "C"]])
def test_the_right_choice_by_letter_words_or_index(reference):
    """However the reference names the choice."""
    assert value(scorers.choice_letter(), reference, "C", Task("choice"), CHOICES) == 1
    assert value(scorers.choice_letter(), "yellow", "C", Task("choice"), CHOICES) is None


EVERY = {
    "label": (scorers.label(), "refund", TASK, ()),
    "text": (scorers.text(), "refund", FREE, ()),
    "contains": (scorers.contains(), "refund", FREE, ()),
    "regex": (scorers.regex(), "ref.nd", FREE, ()),
    "number": (scorers.number(), 18, FREE, ()),
    "json-fields": (scorers.json_fields(), WANTED, FREE, ()),
    "choice-letter": (scorers.choice_letter(), "B", FREE, CHOICES),
}
ANSWERS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet='{}[]":,0123456789.-%$/eE#`\nABIa ', max_size=60),
    st.sampled_from(
        ["[" * 30_000, '{"a":' * 9000, "9" * 30_000, "{" * 30_000, "<think>" * 4000, "1," * 9000, "\ud800"]
    ),
)


@pytest.mark.parametrize("name", EVERY)
@PROPERTY
@given(answer=ANSWERS)
def test_no_answer_makes_a_scorer_fall_over(name, answer):
    """Any text is judged from 0 to 1, and judged the same again."""
    scorer, reference, task, choices = EVERY[name]
    judgement = judged(scorer, reference, answer, task, choices)
    assert judgement.value is not None and 0 <= judgement.value <= 1
    assert judged(scorer, reference, answer, task, choices) == judgement


@pytest.mark.parametrize("name", EVERY)
def test_without_a_reference_nothing_is_judged(name):
    """None, never zero. Every scorer has its plug-in's name, a version, and travels between processes."""
    scorer, _, task, choices = EVERY[name]
    assert value(scorer, None, "refund", task, choices) is None
    assert scorer.name == name and scorer.version == "2"
    assert scorers.build(ScorerSpec(name)).version == "2"
    assert pickle.loads(pickle.dumps(scorer)).name == name  # noqa: S301 - our own bytes


def test_options_are_part_of_the_version():
    """The same scorer with other options is another version of it."""
    assert scorers.number(absolute=0.5).version == "2 absolute=0.5"
    assert scorers.build(ScorerSpec("contains", {"values": ["a"]})).version == '2 values=["a"]'


WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
NUMBERS = st.one_of(st.integers(-(10**12), 10**12), st.floats(-1e9, 1e9).map(lambda x: round(x, 3)))
SCALARS = st.one_of(WORDS, st.integers(), st.booleans(), st.floats(-1e6, 1e6))
OBJECTS = st.dictionaries(
    WORDS,
    st.recursive(
        SCALARS, lambda s: st.one_of(st.lists(s, max_size=3), st.dictionaries(WORDS, s, max_size=3)), max_leaves=5
    ),
    max_size=4,
)


@PROPERTY
@given(word=WORDS, others=st.lists(WORDS, max_size=4))
def test_the_reference_itself_is_right_as_text(word, others):
    """Whatever the reference is, answering it word for word scores 1: label, text, contains, choice."""
    assume(word.strip() and word == word.strip() and "####" not in word)
    labels = tuple(dict.fromkeys([word, *others]))
    assert value(scorers.label(), word, word, Task("choice", choices=labels)) == 1
    assert value(scorers.text(), word, word) == 1
    assert value(scorers.contains(), word, word) == 1


@PROPERTY
@given(number=NUMBERS)
def test_the_reference_itself_is_right_as_a_number(number):
    """As JSON writes it, and with thousands separators."""
    assert value(scorers.number(), number, json.dumps(number)) == 1
    assert value(scorers.number(), str(number), f"So it is {number:,}.") == 1


@PROPERTY
@given(thing=OBJECTS)
def test_the_reference_itself_is_right_as_json(thing):
    """Any object agrees with itself, also in words and code fences."""
    assert value(scorers.json_fields(), thing, json.dumps(thing)) == pytest.approx(1)
    assert value(scorers.json_fields(), thing, f"Here:\n{json.dumps(thing)}") == pytest.approx(1)
