"""Kinds of failure, confusions and what repeats: every wrong or lost answer once, and who says of which kind it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebench.metrics import confusions, modes
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import Confusion, ModeCount, Repeatability, Run, Score, ScorerSpec
from edgebench.stats import bootstrap
from tests import cells
from tests.cells import Made


@pytest.fixture(scope="module")
def run() -> Run:
    return cells.run({"a": Made(0.7, failure_rate=0.1, off_format=0.3, sure=0.2)}, items=120, seed=4)


def parts(run: Run) -> tuple[ArmColumns, bootstrap.Counts]:
    arm = next(iter(columns(run).values()))
    return arm, bootstrap.cluster_draws(arm.clusters, 100, np.random.default_rng(1))


def counted(run: Run) -> dict[str, ModeCount]:
    arm, weights = parts(run)
    return {one.mode: one for one in modes.counts(run, arm, modes.labels(run), weights)}


def test_every_wrong_or_lost_answer_has_one_kind(run: Run) -> None:
    """The counts add up to what is not right; lost answers keep their failure's kind, and stakes add up too."""
    found = counted(run)
    kinds = {name: one for name, one in found.items() if name != modes.CONFIDENT}
    arm, _ = parts(run)
    assert sum(one.n for one in kinds.values()) == int((arm.value < 1).sum())
    assert kinds["timeout"].source == "failure" and kinds["timeout"].n == int(arm.failed.sum())
    assert {"off_format", "wrong_label"} < set(kinds)
    for one in kinds.values():
        assert sum(one.by_stakes.values()) == one.n and len(one.examples) == min(3, one.n)
        assert one.share.value == pytest.approx(one.n / 120) and one.share.low is not None
    harm = sum(one.loss_per_1k.value or 0.0 for one in kinds.values() if one.loss_per_1k)
    assert harm == pytest.approx(float(np.nansum(arm.harm)) / 120)


def test_the_gravest_are_the_examples(run: Run) -> None:
    """Examples come from the highest stakes there are."""
    stakes = {item.digest: item.stakes or 0 for item in run.workload.items}
    of = {record.id: stakes[record.item_digest] for record in run.records}
    one = counted(run)["wrong_label"]
    levels = sorted((int(level) for level, n in one.by_stakes.items() for _ in range(n)), reverse=True)
    assert [of[example] for example in one.examples] == levels[:3]


def test_a_person_stands_above_the_taxonomy_and_that_above_the_rules(run: Run) -> None:
    """One answer with all three kinds, one with two, and one that is right and stays without a kind."""
    mode = [score.record_id for score in run.scores if score.scorer == "mode" and score.label == "wrong_label"]
    right = next(score.record_id for score in run.scores if score.scorer == "label" and score.value == 1)
    more = (
        Score(mode[0], "taxonomy", "1", None, "wrong desk"),
        Score(mode[1], "taxonomy", "1", None, "wrong desk", "also: too long"),
        Score(mode[0], "human:ann", "1", None, "careless"),
        Score(right, "human:ann", "1", None, "careless"),
    )
    labelled = replace(run, scores=(*run.scores, *more))
    found = counted(labelled)
    assert (found["careless"].n, found["careless"].source) == (1, "hand")
    assert (found["wrong desk"].n, found["wrong desk"].source) == (1, "taxonomy")
    assert found["wrong_label"].n == counted(run)["wrong_label"].n - 2
    arm, _ = parts(labelled)
    told = list(modes.remarks(labelled, [arm], modes.labels(labelled)))
    assert any("1 answers match two kinds" in line and mode[1] in line for line in told)
    assert any("count as right" in line and right in line for line in told)


def test_a_kind_of_the_taxonomy_that_matches_nothing_is_said(run: Run) -> None:
    """It may be misspelt; it may be good news."""
    kinds = [{"name": "too polite", "when": {}}, {"name": "wrong desk", "when": {}}]
    scorers = (*run.workload.scorers, ScorerSpec("taxonomy", {"kinds": kinds}))
    wrong = next(score.record_id for score in run.scores if score.scorer == "mode" and score.label)
    sorted_ = replace(
        run,
        workload=replace(run.workload, scorers=scorers),
        scores=(*run.scores, Score(wrong, "taxonomy", "1", None, "wrong desk")),
    )
    arm, _ = parts(sorted_)
    assert list(modes.remarks(sorted_, [arm], modes.labels(sorted_))) == [
        "the taxonomy's kind 'too polite' matched no wrong answer"
    ]


def test_without_modes_wrong_answers_are_wrong_and_it_says_what_to_do(run: Run) -> None:
    """An old run has no scores of kinds: nothing is lost, and `edgebench score` brings them."""
    old = replace(run, scores=tuple(one for one in run.scores if one.scorer != "mode"))
    arm, _ = parts(old)
    assert set(counted(old)) == {"wrong", "timeout", modes.CONFIDENT}
    assert any("edgebench score" in line for line in modes.remarks(old, [arm], modes.labels(old)))


def test_the_confidently_wrong_are_those_above_the_plans_bound(run: Run) -> None:
    """Counted beside the kinds; the bound itself belongs to them."""
    wrong = {score.record_id for score in run.scores if score.scorer == "label" and score.value == 0}
    sure = [one.answer.confidence or 0.0 for one in run.records if one.answer is not None and one.id in wrong]
    bound = sorted(sure)[len(sure) // 2]
    found = counted(replace(run, plan=replace(run.plan, confident=bound)))
    assert found[modes.CONFIDENT].n == sum(one >= bound for one in sure) > 0


# ------------------------------------------------------------------------------------------------------- confusions


def confused(run: Run) -> tuple[list[Confusion], tuple[Repeatability, ...]]:
    arm, weights = parts(run)
    return list(confusions.confusions(run, arm)), confusions.repeatability([arm], weights)


def test_confusions_are_reference_and_wrong_label(run: Run) -> None:
    """Every wrong label once, the commonest first; what is no label is no confusion."""
    found, _ = confused(run)
    wrong = [score for score in run.scores if score.scorer == "label" and score.value == 0]
    assert sum(one.n for one in found) == sum(score.label != "not a label" for score in wrong)
    assert [one.n for one in found] == sorted((one.n for one in found), reverse=True)
    assert all(one.reference != one.answer and one.stakes in (1, 2, 3, 4) and one.items == one.n for one in found)


def test_errors_that_repeat_are_told_from_slips() -> None:
    """Three repeats: wrong alike every time, wrong in different ways, wrong once, right; by hand."""
    made = cells.run({"a": Made(1.0)}, items=40, repeats=3, seed=6)
    said = {  # item → the three answers
        "i0": ("login", "login", "login"),  # reference refund: systematic
        "i5": ("login", "shipping", "login"),  # refund: wrong in different ways
        "i10": ("refund", "login", "refund"),  # refund: wrong once
    }
    item_of = {item.digest: item for item in made.workload.items}
    scores = []
    for record in made.records:
        item, repetition = item_of[record.item_digest], int(record.trial_id[0])
        answer = said.get(item.id, (str(item.reference),) * 3)[repetition]
        scores.append(Score(record.id, "label", "2", float(answer == item.reference), answer))
    found, repeats = confused(replace(made, scores=tuple(scores)))
    assert repeats[0].repeats == 3 and repeats[0].why_absent is None
    assert repeats[0].systematic.value == pytest.approx(1 / 40) and repeats[0].random.value == pytest.approx(2 / 40)
    first = found[0]
    assert (first.reference, first.answer, first.n, first.items, first.systematic) == ("refund", "login", 6, 3, 1)


def test_one_answer_an_item_cannot_tell_and_says_so(run: Run) -> None:
    """Absent with the reason."""
    _, repeats = confused(run)
    assert repeats[0].systematic.value is None and "repeats: 2" in (repeats[0].why_absent or "")


def test_free_answers_have_no_confusions(run: Run) -> None:
    """Where there is no label set, a wrong answer is not one of a few."""
    task = replace(run.workload.task, choices=(), output="text")
    assert confused(replace(run, workload=replace(run.workload, task=task)))[0] == []
