"""Ranks, the grid, wordings, judges and the sentences: what is said, what is hedged, what is not said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebench.decide.conclude import conclude
from edgebench.decide.study.sensitivity import unworded
from edgebench.records import FieldStudy, JudgeSpec, Run, StakesSpec
from tests import builders, cells
from tests.cells import CHAT, TYPOS, Made


def studied(run: Run) -> FieldStudy:
    found = conclude(run, draws=400).study
    assert found is not None
    return found


# ------------------------------------------------------------------------------------------------------------ ranks


def test_a_flip_of_the_order_is_found_and_a_tie_is_a_half() -> None:
    """One target loses 35 points in the field, the other none: the best changes almost surely; twins: about a half."""
    flips = {"lab-star": Made(0.85, {TYPOS: -0.35}), "steady": Made(0.7)}
    rank = studied(cells.run(flips, items=200, perturbations=(TYPOS,))).rank
    assert rank is not None and rank.in_lab == ("lab-star", "steady") and rank.in_field == ("steady", "lab-star")
    assert rank.best_changes is not None and rank.best_changes > 0.95
    assert rank.pairs["lab-star > steady"] > 0.95
    alike = studied(cells.run({"a": Made(0.7), "b": Made(0.7)}, items=200, perturbations=(TYPOS,), seed=4)).rank
    assert alike is not None and alike.best_changes is not None and 0.2 < alike.best_changes < 0.8


def test_without_both_corners_there_is_no_order_to_change() -> None:
    """A plain run says so instead of a probability of 0."""
    rank = studied(builders.run({"a": builders.Arm(), "b": builders.Arm()}, items=40)).rank
    assert rank is not None and rank.best_changes is None and rank.why_absent == "no lab and no field corner"


# ------------------------------------------------------------------------------------------------------------- grid


def test_the_grid_has_every_cell_of_the_plan_and_says_which_it_has_not() -> None:
    """Languages × perturbations of each target; wider intervals that hold together; the lowest is marked."""
    targets = {"a": Made(0.8, {"es": -0.3}), "b": Made(0.8, {TYPOS: -0.3})}
    study = studied(cells.run(targets, items=150, perturbations=(TYPOS, CHAT), languages=("es",)))
    assert len(study.grid) == 2 * 2 * 4
    worst = {(one.target, one.language, one.perturbation) for one in study.grid if one.worst}
    assert ("a", "es", "none") in worst and any(target == "b" and TYPOS in noise for target, _, noise in worst)
    for one in study.grid:
        if one.accuracy.value is None:
            assert one.accuracy.why_absent == "the plan has no such cell" and one.language == "es"
            continue
        assert one.simultaneous.level == pytest.approx(0.95 ** (1 / 5)) and "Šidák" in one.simultaneous.method
        assert one.simultaneous.low is not None and one.accuracy.low is not None
        assert one.simultaneous.low < one.accuracy.low
    assert studied(builders.run({"a": builders.Arm()}, items=40)).grid == ()


# --------------------------------------------------------------------------------------------------------- wordings


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("zero-shot", "zero-shot"),
        ("zero-shot(wording=2)", "zero-shot"),
        ("few-shot(5, wording=1)", "few-shot(5)"),
        ("self-consistency(5, of=few-shot(3, wording=12))", "self-consistency(5, of=few-shot(3))"),
        ("self-consistency(5, of=zero-shot(wording=1))", "self-consistency(5, of=zero-shot)"),
        ("best-of-n(wording=1, n=3)", "best-of-n(n=3)"),
    ],
)
def test_the_wording_is_taken_out_of_a_name(name: str, bare: str) -> None:
    """Only the wording: what else a prompting is made of stays."""
    assert unworded(name) == bare


def test_wordings_are_a_group_and_their_spread_knows_of_chance() -> None:
    """Three wordings, one 20 points worse: the spread is found; all alike: its interval begins at 0."""
    wordings = ("zero-shot", {"zero-shot": {"wording": "wording=1"}}, {"zero-shot": {"wording": "wording=2"}}, "raw")
    apart = studied(cells.run({"a": Made(0.8, {"zero-shot(wording=2)": -0.2})}, items=150, prompting=wordings))
    one = apart.sensitivity[0]
    assert (one.target, one.prompting, one.wordings) == ("a", "zero-shot", 3) and len(apart.sensitivity) == 1
    assert one.spread.low is not None and one.spread.low > 0.03 and (one.spread.high or 0) > 0.2
    assert (one.highest.value or 0) - (one.lowest.value or 0) == pytest.approx(one.spread.value or 0)
    assert 0.2 < (one.flipped.value or 0) < 0.9
    alike = studied(cells.run({"a": Made(0.8)}, items=150, prompting=wordings, seed=2)).sensitivity[0]
    assert alike.spread.low == 0 and (alike.spread.value or 0) > 0


# ----------------------------------------------------------------------------------------------------------- judges


def test_what_judges_said_comes_back_with_its_cost_and_its_position() -> None:
    """A judge right four times in five, twice asked; a pairwise one that prefers what stands first in three of five."""
    judges = {"mark": JudgeSpec("judge", repeats=2), "pair": JudgeSpec("judge", mode="pairwise", repeats=2)}
    targets = {"a": Made(0.9), "b": Made(0.6), "judge": Made(0.9)}
    study = studied(cells.run(targets, items=200, judges=judges, seed=3))
    by = {(one.judge, one.arm): one for one in study.judged}
    assert set(by) == {("mark", "a · raw"), ("mark", "b · raw"), ("pair", "a · raw")}
    good, bad, pair = by["mark", "a · raw"], by["mark", "b · raw"], by["pair", "a · raw"]
    assert (good.mean.value or 0) == pytest.approx(0.9 * 0.8 + 0.1 * 0.2, abs=0.07)
    assert (bad.mean.value or 1) < (good.mean.value or 0) and good.against is None and good.position is None
    assert good.consistency.value == pytest.approx(0.8**2 + 0.2**2, abs=0.1) and good.consistency.n == 200
    assert good.p50_ms.value == pytest.approx(20.0) and good.p50_ms.n == 400
    assert (
        pair.against == "b · raw" and pair.position is not None and pair.position.value == pytest.approx(0.6, abs=0.06)
    )
    assert pair.mean.value == pytest.approx(0.5, abs=0.06)
    assert any("verdicts of judges are raw" in line for line in study.notes)
    assert not any(one.arm.startswith("judge:") for one in study.cells)


def test_verdicts_that_cannot_be_read_are_no_verdicts() -> None:
    """All of one answer unreadable: not in the mean; some: said with the mean."""
    run = cells.run({"a": Made(0.9), "judge": Made(0.9)}, items=60, judges={"j": JudgeSpec("judge", repeats=2)})
    raw = [score for score in run.scores if score.scorer == "judge:j/1"]
    lost = {score.record_id for score in raw[:5]}
    scores = tuple(
        replace(one, value=None, label="unreadable")
        if one.record_id in lost and one.scorer.startswith("judge:")
        else one
        for one in run.scores
    )
    one = studied(replace(run, scores=scores)).judged[0]
    assert one.n == 55 and one.mean.note == "10 verdicts could not be read" and one.consistency.n == 55


# --------------------------------------------------------------------------------------------------------- sentences


def test_the_findings_are_three_or_four_and_hedged() -> None:
    """What is found is said with its interval; what is at chance is not read; nothing found is said to be so."""
    targets = {
        "small": Made(0.75, {"few-shot(5)": 0.1, TYPOS: -0.15}, sure=0.1, tags={("tone", "angry"): -0.3}),
        "guessing": Made(0.2),
    }
    run = cells.run(targets, items=250, prompting=("raw", {"few-shot": {"k": 5}}), perturbations=(TYPOS, CHAT), seed=5)
    study = studied(run)
    assert 3 <= len(study.findings) <= 4
    lab, noise, *rest = study.findings
    field = "keyboard typos (5 %) + chat spelling (50 %)"
    assert lab.startswith(f"From the lab (few-shot(5), clean) to the field (raw, {field}): small loses ")
    assert (
        noise.startswith("Under keyboard typos (5 %): small loses ")
        and "guessing is at chance, so what it loses cannot be read" in noise
    )
    assert any(line.startswith("Worst slice: small") and "where tone is angry" in line for line in rest)
    assert any(line.startswith("Most harm: guessing") for line in rest)


def test_what_cannot_be_told_is_said_with_its_n() -> None:
    """No difference anywhere: no gain and no loss is claimed."""
    study = studied(cells.run({"a": Made(0.8), "b": Made(0.8)}, items=80, perturbations=(TYPOS,), seed=7))
    told = " ".join(study.findings)
    assert "no difference can be told at n = 80" in told
    assert "No perturbation can be shown to cost accuracy at n = 80" in told
    assert " loses " not in told.partition("Most harm")[0] and " gains " not in told.partition("Most harm")[0]


def test_a_plain_run_has_findings_too() -> None:
    """Base cells alone: what goes wrong and how gravely, no word of labs and fields."""
    study = studied(builders.run({"a": builders.Arm(0.7), "b": builders.Arm(0.9)}, items=120))
    assert study.findings and not any("field" in line for line in study.findings)
    assert study.gaps == () and len(study.cells) == 2 and study.modes and study.calibration[0].n > 0
    assert study.repeatability[0].why_absent is not None


def test_swapped_people_are_told_by_how_many_answers_they_change() -> None:
    """Counterfactual pairs: the share of answers that changed, and of whose."""
    study = studied(cells.run({"a": Made(0.8)}, items=150, perturbations=("swap-names",), seed=5))
    assert any(line.startswith("Other names alone change") and "of a's answers" in line for line in study.findings)


def test_two_groups_are_told_against_each_other() -> None:
    """Group against group instead of group against the unsigned; each option apart, the first the plan names first."""
    groups = ("english", "hispanic", "hindu")
    specs = [{"signed": {"group": group}} for group in groups]
    specs += [{"signed": {"group": group, "gender": "f"}} for group in groups[:2]]
    made = {"a": Made(0.9, shift={"signed(hispanic)": -0.4})}
    study = studied(cells.run(made, items=150, perturbations=(*specs, "swap-pronouns"), seed=5))
    pairs = [(gap.a, gap.b) for gap in study.gaps if gap.factor == "counterfactual" and gap.target == "a"]
    assert pairs == [
        ("a · raw · signed(english)", "a · raw · signed(hispanic)"),
        ("a · raw · signed(english)", "a · raw · signed(hindu)"),
        ("a · raw · signed(english, f)", "a · raw · signed(hispanic, f)"),
    ]
    (line,) = [line for line in study.findings if line.startswith("Signatures")]
    assert line.startswith("Signatures, Hispanic instead of English: a loses") and "] of its answers change" in line
    # what a signature costs against none is noise like any other
    assert any(line.startswith("Under signatures (Hispanic): a loses") for line in study.findings)
    worst = next(gap for gap in study.gaps if gap.factor == "counterfactual" and gap.b == pairs[0][1])
    accuracy = {cell.arm: cell.accuracy.value or 0.0 for cell in study.cells}
    assert worst.differences["accuracy"].difference.value == pytest.approx(accuracy[worst.b] - accuracy[worst.a])
    p_values = [gap.differences["accuracy"].p_value for gap in study.gaps if gap.factor == "counterfactual"]
    assert len(p_values) == 3 and all(p is not None for p in p_values)


def test_a_confusion_that_no_item_can_show_is_said() -> None:
    """Stakes of a pair whose name is misspelt weigh nothing, in silence; so it is no silence."""
    run = cells.run({"a": Made(0.8)}, items=30)
    pairs = StakesSpec(pairs={"refund -> logn": 4, "refund -> login": 4, "* -> *": 2})
    study = studied(replace(run, plan=replace(run.plan, stakes=pairs)))
    assert [line for line in study.notes if "no item can show" in line] == [
        "stakes are declared for 'refund' answered by 'logn', and no item can show that"
    ]


def test_the_same_run_gives_the_same_study() -> None:
    """To the last bit."""
    run = cells.run({"a": Made(0.8, sure=0.1), "b": Made(0.6)}, items=60, perturbations=(TYPOS,), languages=("es",))
    assert studied(run) == studied(replace(run))


def test_no_number_of_the_study_is_nan_or_outside_its_interval() -> None:
    """Every estimate of a varied run: absent with a reason, or a number within its interval."""
    run = cells.run(
        {"a": Made(0.8, sure=0.1, failure_rate=0.1), "b": Made(0.3)}, items=60, repeats=2,
        perturbations=(TYPOS,), languages=("es",), prompting=("raw", "zero-shot"), judges={"j": JudgeSpec("b")},
    )  # fmt: skip
    estimates = list(_estimates(studied(run)))
    assert len(estimates) > 300
    for one in estimates:
        if one.value is None:
            assert one.why_absent
            continue
        assert np.isfinite(one.value)
        if one.low is not None and one.high is not None:
            assert one.low - 1e-9 <= one.value <= one.high + 1e-9, one


def _estimates(value: object) -> object:
    from collections.abc import Mapping
    from dataclasses import fields, is_dataclass

    from edgebench.records import Estimate

    if isinstance(value, Estimate):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from _estimates(getattr(value, each.name))  # type: ignore[misc]
    elif isinstance(value, Mapping):
        for each_ in value.values():
            yield from _estimates(each_)  # type: ignore[misc]
    elif isinstance(value, (tuple, list)):
        for each_ in value:
            yield from _estimates(each_)  # type: ignore[misc]
