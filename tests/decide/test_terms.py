"""One mapping of names to words: complete for what the program itself names, harmless for what strangers do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.decide import terms
from edgebench.plugins import TABLE
from edgebench.records import FAILURE_KINDS, MODES
from edgebench.workloads.perturbations.forms import ABOUT

NOTICES = {"usage_missing", "usage_contradicts"}  # the answer is there


def test_every_kind_of_wrong_or_lost_answer_has_words_and_an_explanation() -> None:
    """No raw name reaches a reader, and no two kinds are called alike."""
    kinds = {*MODES, *FAILURE_KINDS} - NOTICES | {"confidently_wrong"}
    assert set(terms.MODES) == kinds
    assert all(term.words and term.explain and "_" not in term.words for term in terms.MODES.values())
    assert len({term.words for term in terms.MODES.values()}) == len(kinds)


def test_every_perturbation_of_ours_has_words() -> None:
    """Whatever a plan can name without a plug-in."""
    assert set(terms.PERTURBATIONS) == {*ABOUT, "none"}
    assert {*terms.COUNTERFACTUAL, *terms.ACCESSIBLE} <= set(ABOUT)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", "clean"),
        ("keyboard-typos(0.05)", "keyboard typos (5 %)"),
        ("keyboard-typos(0.05) + no-punctuation", "keyboard typos (5 %) + no punctuation"),
        ("dialect(sco)", "dialect (Scots)"),
        ("code-mix(0.6, into=es)", "mixed languages (60 %, into: Spanish)"),
        ("my-own_noise(3)", "my own noise (3)"),
    ],
)
def test_a_perturbation_is_said_in_words_with_its_parameters(name: str, words: str) -> None:
    """Shares in percent, languages by name; a stranger's name as it is written."""
    assert terms.perturbation(name) == words


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("signed(west-african)", "West African"),
        ("signed(english, gender=f)", "English"),
        ("swap-names(hispanic)", "Hispanic"),
        ("swap-names", ""),
        ("dialect(sco)", ""),
        ("signed(english) + keyboard-typos(0.05)", ""),
        ("none", ""),
    ],
)
def test_whose_names_a_perturbation_uses_is_its_first_parameter(name: str, group: str) -> None:
    """Of those that have a group, and alone."""
    assert terms.group(name) == group and set(terms.BY_GROUP) <= set(terms.COUNTERFACTUAL)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raw", "raw"),
        ("few-shot(5)", "few-shot (5)"),
        ("chain-of-thought(steps=2, max_tokens=96)", "chain of thought (steps: 2, max tokens: 96)"),
        ("self-consistency(5, of=few-shot(3))", "self-consistency (5, of: few-shot(3))"),
        ("my-own_way(3)", "my own way (3)"),
    ],
)
def test_a_prompting_is_said_in_words_with_its_parameters(name: str, words: str) -> None:
    """Its parameters are no shares; a stranger's name as it is written."""
    assert terms.prompting(name) == words


def test_every_prompting_of_ours_has_words_and_an_explanation() -> None:
    """Whatever a plan can name without a plug-in."""
    assert set(terms.PROMPTINGS) == set(TABLE["promptings"])
    assert all(terms.about_prompting(f"{name}(2)") for name in terms.PROMPTINGS)
    assert terms.about_prompting("my-own_way(3)") == ""


def test_languages_have_names_and_the_own_one_is_said() -> None:
    """By code; without one it is the workload's own, named where somebody said it."""
    assert [terms.language(code) for code in ("sw", "hi-en", "tlh")] == ["Swahili", "Hinglish", "tlh"]
    assert terms.language("", "en") == "English" and terms.language("") == "its own language"


@given(st.text(max_size=60))
def test_any_name_at_all_has_words(name: str) -> None:
    """Plug-ins, taxonomies and people name things as they like."""
    known = name in terms.MODES  # a random text may be one
    assert known or terms.mode(name).words == name or "_" in name or "-" in name or name != name.strip()
    assert isinstance(terms.perturbation(name), str) and isinstance(terms.about(name), str)
    assert terms.perturbation(name)
    assert isinstance(terms.prompting(name), str) and isinstance(terms.about_prompting(name), str)
