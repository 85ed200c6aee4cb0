"""Promptings that draw several answers: how draws differ, how they are counted, and who chooses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.errors import TargetError
from edgebench.records import Answer
from edgebench.workloads.prompting.verdicts import gathered, understood, vote
from tests.workloads.scripted import FORMS, ITEM, TASK, Script, job, made, put

SLOW = TargetError("timeout", "slow")
GONE = TargetError("crashed", "gone", fatal=True)


def voted(form: str, *said: str | Answer) -> Answer:
    item, task, _, _ = FORMS[form]
    return vote([one if isinstance(one, Answer) else Answer(one) for one in said], item, task)


# ------------------------------------------------------------------------------------------------------------ draws


async def test_each_draw_has_a_seed_of_its_own_and_the_temperature() -> None:
    """Five draws of one item, five seeds; another item others; the same again the next time; the role is draw."""
    shown, script = made("self-consistency", job()), Script("Answer: shipping")
    await shown(ITEM, script)
    await shown(replace(ITEM, input="another"), script)
    await shown(ITEM, script)
    seeds = [request.seed for request in script.asked]
    assert len(set(seeds[:10])) == 10 and seeds[10:] == seeds[:5]
    assert all(seed is not None and 0 <= seed < 2**31 for seed in seeds)
    assert {request.temperature for request in script.asked} == {0.7} and script.roles == ["draw"] * 15
    other = Script("Answer: shipping")
    await made("self-consistency", job(), seed=2)(ITEM, other)
    assert {request.seed for request in other.asked}.isdisjoint(seeds)


async def test_draws_are_of_the_prompting_named() -> None:
    """Each draw is asked as the inner prompting asks; steps on the way keep their role."""
    spec = {"self-consistency": {"n": 2, "of": {"chain-of-thought": {"steps": 2}}}}
    _, script = await put(spec, "label", "hm", "shipping")
    _, alone = await put({"chain-of-thought": {"steps": 2}}, "label", "hm", "shipping")
    assert script.roles == ["step", "draw"] * 2
    assert [request.messages for request in script.asked[:2]] == [request.messages for request in alone.asked]
    assert script.asked[0].seed == script.asked[1].seed != script.asked[2].seed
    shown = made({"self-consistency": {"of": "raw"}}, job())
    assert shown.task == made("raw", job()).task


async def test_draws_within_draws_differ_too() -> None:
    """A seed that an inner prompting set is one part of the outer one's."""
    _, script = await put({"best-of-n": {"n": 2, "of": {"self-consistency": {"n": 3, "of": "raw"}}}}, "label", "login")
    assert len({request.seed for request in script.asked}) == len(script.asked) == 6


# ------------------------------------------------------------------------------------------------------------- votes


@pytest.mark.parametrize(
    ("form", "said", "answer", "share"),
    [
        ("label", ["refund", "Shipping.", "label: shipping", "login"], "shipping", 0.5),
        ("letter", ["(b)", "green", "A", "the answer is B"], "B", 0.75),
        ("number", ["5", "$4.00", "4", "four"], "$4.00", 0.5),
        ("number", ["1,000", "1e3", "999", "999"], "1,000", 0.5),
        ("json", ['{"total": 4.0}', 'It is {"total": 4}.', '{"total": 5}'], '{"total": 4.0}', 2 / 3),
        ("text", ["Rome", "Paris.", " paris"], "Paris.", 2 / 3),
    ],
)
def test_what_most_draws_say_wins(form: str, said: list[str], answer: str, share: float) -> None:
    """Counted as they are understood: labels, letters, numbers, objects, texts; the share is the confidence."""
    found = voted(form, *said)
    assert found.text == answer and found.confidence == pytest.approx(share)


def test_ties_go_to_the_surer_and_then_to_the_first() -> None:
    """The summed confidence decides, not the highest one; without confidences the order seen."""
    sure, meek = Answer("refund", 0.9), Answer("login", 0.8)
    assert voted("label", meek, sure).text == "refund"
    assert voted("label", meek, sure, Answer("login", 0.5), Answer("refund", 0.3)).text == "login"
    assert voted("label", "login", "refund").text == "login"
    assert voted("label", Answer("login"), Answer("refund", 0.0)).text == "login"


def test_draws_nobody_can_read_do_not_win_but_count() -> None:
    """One label beats three texts that are none, with the share it has of all; texts win only where all are such."""
    assert voted("label", "hm", "hm", "hm", "login") == Answer("login", 0.25)
    assert voted("label", "no idea", "hm", "no idea") == Answer("no idea", pytest.approx(2 / 3))
    assert voted("number", "", "") == Answer("", 1.0)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=8), st.sampled_from(list(FORMS)))
def test_any_answers_can_be_counted(said: list[str], form: str) -> None:
    """Never an exception; the winner's share is right; nobody gathers answers that were not given."""
    found = voted(form, *said)
    assert found.confidence is not None and 0 < found.confidence <= 1
    item, task, _, _ = FORMS[form]
    piles = gathered([Answer(one) for one in said], item, task)
    assert 1 <= sum(map(len, piles)) <= len(said)
    assert found.confidence * len(said) == pytest.approx(max(map(len, piles)))


@given(st.permutations(["refund", "refund", "refund", "login", "login", "shipping", "?"]))
def test_the_order_of_draws_does_not_matter_where_one_has_most(said: list[str]) -> None:
    """A plurality is one in any order."""
    assert voted("label", *said) == Answer("refund", pytest.approx(3 / 7))


def test_a_number_is_the_same_however_it_is_written() -> None:
    """Signs, separators and zeros do not part votes; a percentage is another number."""
    item, task, _, _ = FORMS["number"]
    for same in (["12", "12.0", "12.00 EUR"], ["-0", "0"], ["1,234.50", "$1,234.5"], ["50%", "50 %"]):
        assert len({understood(one, item, task)[0] for one in same}) == 1  # type: ignore[index]
    assert understood("50%", item, task)[0] != understood("50", item, task)[0]  # type: ignore[index]


# ------------------------------------------------------------------------------------------------------ lost draws


async def test_the_vote_is_over_the_draws_that_were_answered() -> None:
    """A draw that fails does not cost the answer, nor the confidence."""
    answer, script = await put("self-consistency", "label", SLOW, "Answer: login", SLOW, "Answer: login", "x")
    assert answer == Answer("login", pytest.approx(2 / 3)) and len(script.asked) == 5


@pytest.mark.parametrize("spec", ["self-consistency", "best-of-n"])
async def test_when_every_draw_fails_so_does_the_item_and_a_dead_target_is_not_asked_again(spec: str) -> None:
    """The last failure is the item's; a fatal one ends it at once."""
    with pytest.raises(TargetError, match="slow"):
        await put(spec, "label", SLOW)
    script = Script("Answer: login", GONE)
    with pytest.raises(TargetError, match="gone"):
        await made(spec, job())(ITEM, script)
    assert len(script.asked) == 2


# --------------------------------------------------------------------------------------------------------- best of n


async def best(form: str, *said: Any, **options: Any) -> tuple[Answer, Script]:
    return await put({"best-of-n": {"n": 3, "of": "zero-shot", **options}}, form, *said)


async def test_the_target_chooses_among_the_different_answers_by_letter() -> None:
    """Those that say the same are shown once; the answer chosen is given with the choice's own confidence."""
    answer, script = await best("label", "refund", "Refund!", "shipping", Answer("B", 0.8))
    assert (answer, script.roles) == (Answer("shipping", 0.8), ["draw"] * 3 + ["rerank"])
    request = script.asked[-1]
    assert (request.choices, request.output, request.text) == (("A", "B"), "choice", ITEM.text)
    assert (request.temperature, request.seed) == (None, None)
    last = request.messages[-1].content
    assert last.startswith("where is it\n\n") and "A) refund\nB) shipping\n" in last
    assert request.messages[0].content.startswith("Sort it.")


async def test_letters_of_the_question_are_shown_as_its_choices() -> None:
    """A letter means a candidate here, so the question's own letters are not shown."""
    answer, script = await best("letter", "B", "A", "B", "B")
    assert "A) green\nB) red" in script.asked[-1].messages[-1].content
    assert "A) red" not in script.asked[-1].messages[-1].content
    assert answer.text == "A"


@pytest.mark.parametrize("chosen", ["neither", "", "C", SLOW])
async def test_a_choice_that_names_none_is_the_first(chosen: Any) -> None:
    """Also a choice that failed: the answers are there."""
    answer, _ = await best("text", "Paris", "Rome", "paris", chosen)
    assert answer.text == "Paris"
    with pytest.raises(TargetError, match="gone"):
        await best("text", "Paris", "Rome", "paris", GONE)


async def test_a_choice_in_words_counts_and_draws_that_agree_need_none() -> None:
    """The words of a candidate name it; where all say the same nobody is asked."""
    answer, _ = await best("text", "Paris", "Rome", "Rome", "Rome is best")
    assert answer.text == "Rome"
    answer, script = await best("label", "refund", "refund", Answer("refund", 0.9))
    assert answer == Answer("refund", 0.9) and script.roles == ["draw"] * 3


async def test_by_confidence_the_surest_call_wins_without_another() -> None:
    """No re-rank; without any confidence the first."""
    said = (Answer("refund", 0.2), Answer("login", 0.9), Answer("refund", 0.3))
    answer, script = await best("label", *said, by="confidence")
    assert (answer, script.roles) == (Answer("login", 0.9), ["draw"] * 3)
    answer, _ = await best("label", "shipping", "login", "login", by="confidence")
    assert answer.text == "shipping"


async def test_long_candidates_are_cut_where_they_are_shown_and_given_whole() -> None:
    """A text of a megabyte is an answer, but no prompt."""
    long = "x" * 1_000_000
    answer, script = await best("text", long, "Rome", "Rome", "A")
    assert answer.text == long
    assert len(script.asked[-1].messages[-1].content) < 6_000


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spec", ["self-consistency", "best-of-n"])
async def test_draws_work_on_every_kind_of_task(spec: str, form: str) -> None:
    """The right answer of most draws, or the one chosen, is the answer."""
    _, _, right, wrong = FORMS[form]
    answer, _ = await put(spec, form, f"Answer: {wrong}", *[f"So.\nAnswer: {right}"] * 4, "B")
    if spec == "best-of-n":
        answer, _ = await put(spec, form, f"Answer: {wrong}", *[f"So.\nAnswer: {right}"] * 3, "B")
    assert answer.text == right


def test_labels_are_given_on_as_labels() -> None:
    """What is shown to a re-ranker, or scored, is the label itself."""
    assert understood("it is a REFUND", ITEM, TASK) == ("refund", "refund")
    assert understood("refund or login", ITEM, TASK) is None
