"""Rubrics: how a rule gives a criterion its level, and what a rubric must be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.errors import UsageError
from edgebench.records import Item, ScorerSpec, Task, canonical
from edgebench.workloads import rubrics, scorers
from edgebench.workloads.sheets import Misfit

TASK = Task("text")
LEVELS = {0: "none", 1: "some", 2: "all"}
REFERENCE = {"matter": [["refund", "money back"], ["order 77"], "Thursday"], "never": ["guarantee", "replacement"]}


def rubric(rule, levels=None, terms=None):
    criteria = [{"name": "it", "weight": 1, "levels": levels or LEVELS, "rule": rule}]
    return scorers.rubric(name="r", criteria=criteria, domain_terms=terms)


def level(
    rule, answer, *, reference=REFERENCE, input="Order 77 for 30 EUR, since 2024.", tags=None, levels=None, terms=None
):
    """The level a rule gives, or None; on the scale 0, 1, 2."""
    judgement = rubric(rule, levels, terms)(Item("i", input, reference, tags=tags or {}), TASK, answer)
    return None if judgement.value is None else judgement.value * (len(levels or LEVELS) - 1)


@pytest.mark.parametrize(
    ("rule", "answer", "expected"),
    [
        ({"covers": "matter"}, "MONEY  BACK for Order 77 on thursday", 2),
        ({"covers": "matter"}, "Refunded for order 77.", 1),
        ({"covers": "matter"}, "A refund.", 0),
        ({"covers": "matter"}, "refund of order 778 on Thursday", 1),
        ({"covers": "nothing"}, "whatever", None),
        ({"sentences": 2}, "One. Two.", 2),
        ({"sentences": 2}, "One.", 1),
        ({"sentences": 2}, "One. Two! Three? Four.", 0),
        ({"numbers_from_input": True}, "Order 77 costs 30.", 2),
        ({"numbers_from_input": True}, "Order 77 costs 31.", 1),
        ({"numbers_from_input": True}, "It costs 31.", 0),
        ({"numbers_from_input": True}, "No number.", 2),
        ({"avoids": "never"}, "We will see.", 2),
        ({"avoids": "never"}, "We guaranteed it.", 1),
        ({"avoids": "never"}, "A guarantee of a replacement.", 0),
        ({"avoids": ["sorry"]}, "Sorry.", 1),
        ({"avoids": "sorry"}, "Sorry.", 1),
        ({"max_words": 3}, "one two three", 2),
        ({"max_words": 3}, "one two three four", 0),
        ({"min_words": 3}, "one two - !", 0),
        ({"language": "hi"}, "यह हिन्दी में है", 2),
        ({"language": "hi"}, "this is English text", 0),
        ({"contains": ["order", "refund"]}, "the order", 1),
        ({"any_of": ["order", "refund"]}, "the order", 2),
        ({"any_of": ["order", "refund"]}, "nothing", 0),
        ({"max_words": 9, "contains": ["order", "refund"]}, "the order", 1),
        ({"covers": "matter"}, "", 0),
        ({"max_words": 3}, "", 0),
    ],
)
def test_a_rule_gives_a_level(rule, answer, expected):
    """Shares rounded down, one less for each thing amiss, the lowest of several; an empty answer fulfils nothing."""
    assert level(rule, answer) == expected


def test_the_language_is_the_items_own():
    """By its tag, or by the input where that can be told; else nobody can judge it."""
    assert level({"language": "same"}, "यह हिन्दी में है", tags={"language": "hi"}) == 2
    assert level({"language": "same"}, "this is English", input="यह हिन्दी में है") == 0
    assert level({"language": "same"}, "short", input="short") is None


def test_other_words_for_a_term_count_as_it():
    """A domain term with a list of words; one with a meaning changes nothing for rules."""
    terms = {"refund": ["reimbursement", "chargeback"], "SLA": "what was promised"}
    assert level({"contains": ["refund"]}, "a Reimbursement", terms=terms) == 2
    assert level({"contains": ["SLA"]}, "what was promised", terms=terms) == 0


CRITERIA = [
    {"name": "matter", "weight": 0.6, "levels": LEVELS, "rule": {"covers": "matter"}},
    {"name": "form", "weight": 0.3, "rule": {"sentences": 1}},
    {"name": "tone", "weight": 0.1, "question": "Is it friendly?"},
]


def test_the_value_is_the_weighted_mean_and_the_words_list_every_criterion():
    """A criterion without a rule has no level: the others are taken as a whole, and it says so."""
    scorer = scorers.rubric(name="mine", criteria=CRITERIA)
    judgement = scorer(Item("i", "q", REFERENCE), TASK, "A refund for order 77.")
    assert judgement.value == pytest.approx((0.6 / 2 + 0.3) / 0.9)
    assert judgement.label == "incomplete"
    assert judgement.explanation == "matter 1/2 (missing: Thursday); form 1/1; tone not judged (no rule)"
    whole = scorer(Item("i", "q", REFERENCE), TASK, "A refund for order 77 on Thursday.")
    assert (whole.value, whole.label) == (1.0, "complete")
    assert scorer(Item("i", "q", None), TASK, "x").value is None


def test_what_no_rule_judges_has_no_value():
    """None, never zero."""
    scorer = scorers.rubric(name="mine", criteria=[{"name": "tone"}])
    assert scorer(Item("i", "q"), TASK, "x").value is None


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        ({"criteria": []}, "criteria: there are no criteria", None),
        ({"criteria": None}, "criteria: there are no criteria", None),
        (
            {"criteria": [{**CRITERIA[0], "weight": 0.5}, CRITERIA[1]]},
            "criteria: the weights sum to 0.8, not to 1",
            None,
        ),
        ({"criteria": [{**CRITERIA[0], "weight": "much"}]}, r"criteria\[0\].weight: a weight is a number", None),
        ({"criteria": [CRITERIA[0], {"name": "b"}]}, r"criteria\[1\].weight", None),
        (
            {"criteria": [{"name": "a", "levels": {1: "x", 2: "y"}}]},
            r"criteria\[0\].levels: not an ordered scale: 1, 2",
            None,
        ),
        ({"criteria": [{"name": "a", "levels": {"low": "x", "high": "y"}}]}, "not an ordered scale: low, high", None),
        ({"criteria": [{"name": "a", "levels": {0: "x"}}]}, "not an ordered scale", None),
        ({"criteria": [{"name": "a", "levels": "0-5"}]}, "levels map 0, 1, 2", None),
        (
            {"criteria": [{"name": "a", "rule": {"cover": "m"}}]},
            r"criteria\[0\].rule.cover: unknown rule 'cover'",
            "covers",
        ),
        ({"criteria": [{"name": "a", "rule": {"sentences": 0}}]}, "sentences is a whole number", None),
        ({"criteria": [{"name": "a", "rule": {"contains": ["", "b"]}}]}, "contains is a text or a list", None),
        ({"criteria": [{"name": "a", "wieght": 1}]}, r"criteria\[0\].wieght: unknown key 'wieght'", "weight"),
        ({"criteria": [{"name": "a"}, {"name": "a"}]}, "two criteria are called 'a'", None),
        ({"criteria": [{"weight": 1}]}, "a criterion needs a name", None),
        ({"domain_terms": {"a": 3}}, "domain_terms.a", None),
        ({"domain_terms": ["a"]}, "domain_terms", None),
        ({"criterions": []}, "unknown key 'criterions'", "criteria"),
    ],
)
def test_a_rubric_that_cannot_be_is_refused_with_its_place(change, message, hint):
    """One sentence with the path in the data, and the nearest known word."""
    with pytest.raises(UsageError, match=message) as caught:
        rubrics.made({"name": "r", "criteria": CRITERIA, **change})
    assert hint is None or hint in str(caught.value.hint)


def test_weights_may_be_left_out_or_a_millionth_off():
    """All of them missing: all weigh the same; thirds written with six digits are a whole."""
    assert [
        each.weight for each in rubrics.made({"name": "r", "criteria": [{"name": "a"}, {"name": "b"}]}).criteria
    ] == [0.5] * 2
    thirds = [{"name": name, "weight": 0.333333} for name in "ab"] + [{"name": "c", "weight": 0.333334}]
    assert rubrics.made({"name": "r", "criteria": thirds}).value({"a": 1, "b": 1, "c": 1}) == 1.0


def test_the_version_holds_the_content():
    """Another weight, word or rule is another version; the data that are stored make the same one again."""
    ours = scorers.rubric(name="mine", version=2, criteria=CRITERIA)
    assert ours.version.startswith("1 mine 2 sha256:")
    changed = [{**CRITERIA[0], "question": "Is all in it?"}, *CRITERIA[1:]]
    assert scorers.rubric(name="mine", version=2, criteria=changed).version != ours.version
    plain = rubrics.made({"name": "mine", "version": 2, "criteria": CRITERIA}).plain()
    stored = json.loads(json.dumps(canonical(plain), sort_keys=True))
    assert scorers.build(ScorerSpec("rubric", stored)).version == ours.version


def test_a_file_nobody_read_is_a_mistake():
    """The scorer itself opens no file."""
    with pytest.raises(UsageError, match="has not been read"):
        scorers.build(ScorerSpec("rubric", {"file": "x.yaml"}))


JSONISH = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 5), st.floats(allow_nan=True), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from([*rubrics.TOP, *rubrics.CRITERION, *rubrics.RULES, "0", "1", "x"]), inner, max_size=4
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=JSONISH)
def test_any_data_are_a_rubric_or_a_sentence(data):
    """Whatever stands in a file: a rubric, or a Misfit that says where."""
    try:
        made = rubrics.made(data)
    except Misfit as exc:
        assert str(exc)
    else:
        assert rubrics.made(made.plain()) == made
