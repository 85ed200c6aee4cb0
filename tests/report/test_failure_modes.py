"""Kinds of wrong answers, what they weigh, confusions, repeats, and examples of them."""

from __future__ import annotations

import dataclasses

from edgebench.records import Confusion, Estimate, FieldStudy, Harm, ModeCount, Repeatability, Run, Score
from edgebench.report import confusions, failed_items, failure_modes, harm
from edgebench.report.cells import studied
from edgebench.report.looks import looks
from edgebench.report.marks import Bar
from tests.report.studies import KINDS, given, near, small

RUN, STUDY, FOUND = small()
FIRST = "minilm-int8 · zero-shot"


def test_kinds_stand_in_words_with_counts_shares_and_what_is_grave() -> None:
    """Commonest first, one column for each arm decisions are made on; all of them below; confidently wrong apart."""
    made = failure_modes.modes_table(given(), FIRST)
    assert made is not None
    assert [row[0].text for row in made.rows] == [
        "wrong label",
        "refused to answer",
        "invented a label",
        "my own kind",
        "all of them",
        "confidently wrong",
    ]
    assert made.rows[0][0].muted == "a label of the list, but not the right one"
    assert made.rows[3][0].muted == "your taxonomy"
    first = made.rows[0][1]
    assert (first.text, first.muted, first.word, first.heat) == ("31", "12 %", "1 at stakes 4", 1.0)
    assert made.rows[4][1].text == "43"  # the nine confidently wrong are among them, not beside them
    assert (made.rows[5][1].text, made.rows[5][1].word) == ("9", "2 at stakes 4")
    assert made.rows[5][4].text == "—" and made.notes == ("it gives no confidence",)
    assert len(made.columns) == 1 + 8


def test_of_many_arms_the_recommended_and_the_worst_are_shown() -> None:
    """Eight columns at most; the rest unfolds in the list of every kind."""
    found = FOUND.summary.arms
    many = tuple(dataclasses.replace(found[0], arm=f"arm {k}", target=f"arm {k}") for k in range(20))
    modes = tuple(ModeCount(f"arm {k}", "wrong", "rule", k + 1, near(0.1)) for k in range(20))
    concluded_ = dataclasses.replace(FOUND, summary=dataclasses.replace(FOUND.summary, arms=many))
    concluded_ = dataclasses.replace(concluded_, study=FieldStudy(modes=modes))
    made = studied(RUN.plan, concluded_, looks(concluded_.summary))
    assert made is not None
    assert failure_modes.shown_arms(made, "arm 3") == ["arm 3", *(f"arm {k}" for k in range(13, 20))]


def test_the_title_says_what_mostly_goes_wrong_and_how_much_of_it_is_grave() -> None:
    """Of the recommended arm; without stakes nothing is said of them."""
    assert failure_modes.finding(given(), FIRST) == (
        "minilm-int8 · zero-shot gets 22 % [17–27] of 250 wrong, mostly by “wrong label”: 31 of 43 wrong or lost "
        "answers; 4 of all are severe (stakes 4)"
    )
    unstaked = (ModeCount(FIRST, "refusal", "rule", 3, near(0.1), {"?": 3}),)
    assert failure_modes.finding(given(modes=unstaked), None).endswith("3 of 3 wrong or lost answers")
    unweighed = failure_modes.finding(given(modes=unstaked, harm=()), None)
    assert unweighed.startswith("minilm-int8 · zero-shot gets 3 answers wrong, mostly by “refused to answer”")
    assert failure_modes.finding(given(modes=()), FIRST) == "No answer is known to be wrong"
    untold = (ModeCount(FIRST, "wrong", "rule", 3, near(0.1), {"4": 3}),)
    assert failure_modes.finding(given(modes=untold), None).endswith("are wrong; of what kind, no rule has said yet")
    assert failure_modes.modes_table(given(modes=()), FIRST) is None


def test_every_kind_of_every_cell_has_its_row_by_stakes() -> None:
    """What no stakes are known of has its column; harm without stakes is absent with the reason."""
    made = failure_modes.every_mode(given())
    assert made is not None and len(made.rows) == 40
    row = next(row for row in made.rows if row[1].text == "my own kind")
    assert [cell.text for cell in row[4:9]] == ["0", "0", "0", "0", "2"] and row[9].text == "—"


# ------------------------------------------------------------------------------------------------------------ harm


def test_bars_by_stakes_begin_with_the_gravest() -> None:
    """Stacked from stakes 4 to 1, their sum the wrong or lost answers; error rates at the right."""
    figure = harm.figure(given(), FIRST)
    assert figure is not None
    bars = [mark for mark in figure.marks if isinstance(mark, Bar) and mark.row == 0]
    assert [bar.text for bar in bars] == ["stakes 4: 4", "stakes 2: 6", "stakes 1: 31", "?: 2"]
    assert bars[-1].end == 43 and figure.right[0] == "22 %"
    assert harm.figure(given(modes=()), FIRST) is None


def test_fewest_errors_and_least_harm_may_be_two_arms() -> None:
    """The title says so, and hedges where intervals overlap."""

    def weighed(arm: str, wrong: float, weight: float, half: float) -> Harm:
        return Harm(arm, Estimate(weight, weight - half, weight + half, 250), near(0.02), near(wrong))

    a, b = list(given().arms)[:2]
    clear = (weighed(a, 0.1, 300.0, 40.0), weighed(b, 0.2, 100.0, 20.0))
    assert harm.finding(given(harm=clear)) == (
        "minilm-int8 · zero-shot errs least often, but minilm-int8 · few-shot(5) does the least harm: "
        "100 [80.0–120] harm points per 1,000 requests, n = 250"
    )
    close = (weighed(a, 0.1, 90.0, 40.0), weighed(b, 0.2, 100.0, 20.0))
    assert harm.finding(given(harm=close)) == (
        "Least harm is seen at minilm-int8 · zero-shot, 90.0 [50.0–130] harm points per 1,000 requests, n = 250; "
        "that may be chance: the interval of minilm-int8 · few-shot(5) overlaps"
    )
    alone = harm.finding(given(harm=clear[:1]))
    assert alone.startswith("Wrong answers of minilm-int8 · zero-shot weigh 300")


def test_harm_without_stakes_says_why_it_is_absent() -> None:
    """Never taken for none."""
    none = Estimate.absent("what is at stake is not declared")
    bare = tuple(dataclasses.replace(one, loss_per_1k=none, severe_rate=none) for one in STUDY.harm)
    assert harm.finding(given(harm=bare)) == "What wrong answers weigh cannot be said: what is at stake is not declared"
    made = harm.weights(given(harm=bare))
    assert made is not None and made.notes == ("what is at stake is not declared",)
    elsewhere = harm.elsewhere(given())
    assert elsewhere is not None and elsewhere.rows[0][0].text == "minilm-int8 · zero-shot · keyboard typos (5 %)"


# ------------------------------------------------------------------------------------------------------ confusions


def test_confusions_are_commonest_first_and_marked_where_they_repeat() -> None:
    """Eight of the arms decisions are made on; the whole list unfolds."""
    first, more = confusions.commonest(given())
    assert first is not None and more is not None
    assert [cell.text for cell in first.rows[0]] == ["refund → login", FIRST, "14", "6", "↻ 4", "1"]
    assert len(first.rows) == 8 and len(more.rows) == 18
    assert confusions.finding(given()) == (
        "The commonest confusion: “refund” taken for “login” by minilm-int8 · zero-shot, 14 times on 6 items; "
        "4 of them in every repeat"
    )
    assert confusions.commonest(given(confusions=())) == (None, None)


def test_a_long_answer_is_cut_and_an_empty_one_named() -> None:
    """Answers are strangers' words of any length."""
    one = (Confusion(FIRST, "refund " * 50, "", 3, 3, 0), Confusion(FIRST, "x", "y" * 500, 2, 2, 0))
    made, _ = confusions.commonest(given(confusions=one))
    assert made is not None
    assert made.rows[0][0].text.endswith("→ (nothing)") and all(len(row[0].text) < 110 for row in made.rows)


def test_errors_that_repeat_are_told_from_those_that_do_not_or_it_is_said_why_not() -> None:
    """With repeats a table, without them one sentence."""
    made = confusions.repeatability(given())
    assert made is not None and [cell.text for cell in made.rows[0]] == [FIRST, "3", "14 %", "5 %"]
    assert confusions.repeatability_finding(given()).endswith(
        "gets 14 % [9.7–18] of the items wrong alike in every repeat, and 5 % [2.3–7.7] now and then, n = 250"
    )
    none = Estimate.absent("every item was asked once")
    once = tuple(Repeatability(arm, 1, none, none, "every item was asked once") for arm in given().arms)
    assert confusions.repeatability(given(repeatability=once)) is None
    assert confusions.unrepeated(given(repeatability=once)) == "every item was asked once"
    assert confusions.unrepeated(given()) == ""


# -------------------------------------------------------------------------------------------------------- examples


def test_examples_show_the_message_as_it_was_sent() -> None:
    """A perturbed cell's example has its own words, not the item's; gravest first, each with its kind in words."""
    noisy = next(trial for trial in RUN.trials if trial.perturbation != "none" and trial.target == "minilm-int8")
    record = next(one for one in RUN.records if one.trial_id == noisy.id)
    clean = STUDY.modes[0].examples[0]
    modes = (
        ModeCount(noisy.arm, "refusal", "rule", 1, near(0.1), {"1": 1}, examples=(record.id,)),
        ModeCount(FIRST, "confidently_wrong", "rule", 1, near(0.1), {"1": 1}, examples=(clean,)),
    )
    found = failed_items.examples(RUN, given(modes=modes))
    assert [one.id for one in found.shown] == [record.id]  # what is said beside its kind is no second example
    one = found.shown[0]
    assert str(one.asked).startswith("(typed in a hurry)") and one.word == "refused to answer"
    assert one.noise == "keyboard typos (5 %)" and found.kinds == ("refused to answer",)


def test_examples_are_few_and_of_every_kind() -> None:
    """Forty at most; a run that lost its records has none, and nothing breaks."""
    found = failed_items.examples(RUN, given())
    assert 0 < len(found.shown) <= failed_items.MOST
    stakes = [one.stakes or 0 for one in found.shown]
    assert stakes == sorted(stakes, reverse=True)
    assert {one.word for one in found.shown} >= {"wrong label", "refused to answer"}
    gravest = [one.item for one in found.shown if one.stakes == 4]
    assert len(set(gravest[: len(set(gravest))])) == len(set(gravest))  # each message once before any comes again
    assert not failed_items.examples(dataclasses.replace(RUN, records=()), given()).shown


def relabelled(*scores: Score) -> Run:
    return dataclasses.replace(RUN, scores=(*RUN.scores, *scores))


def test_the_kind_of_a_record_is_the_hand_label_above_the_taxonomy_above_the_rules() -> None:
    """And what is held to be right has none, whatever anybody labelled."""
    wrong = next(one.record_id for one in RUN.scores if one.scorer == "mode" and one.label == KINDS[0])
    right = next(one.record_id for one in RUN.scores if one.scorer == "label" and one.value == 1.0)
    assert failed_items.of_record(RUN)[wrong] == "wrong_label"
    taxonomy = Score(wrong, "taxonomy", "1", None, "rude")
    assert failed_items.of_record(relabelled(taxonomy))[wrong] == "rude"
    hand = Score(wrong, "human:ann", "1", None, "harmless")
    told = failed_items.of_record(relabelled(hand, taxonomy, Score(right, "human:ann", "1", None, "odd")))
    assert told[wrong] == "harmless" and right not in told
