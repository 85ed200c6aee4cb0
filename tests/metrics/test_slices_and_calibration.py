"""Slices, calibration and ordered scales of whole arms, by hand and at their edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from edgebench.metrics import calibration, ordinal, slices
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import Calibration, Run, Score, ScorerSpec, WorstSlice
from edgebench.stats import bootstrap, two_samples
from tests import cells
from tests.cells import Made


def parts(run: Run) -> tuple[list[ArmColumns], bootstrap.Counts]:
    arms = list(columns(run).values())
    return arms, bootstrap.cluster_draws(max(arm.clusters for arm in arms), 200, np.random.default_rng(1))


def worst(run: Run) -> tuple[WorstSlice, ...]:
    arms, weights = parts(run)
    return slices.worst(run, arms, weights)


def test_the_slice_that_is_worse_is_found_and_comes_first() -> None:
    """Angry messages cost 30 points: found, with p by Fisher and Holm over every slice of every arm."""
    run = cells.run({"a": Made(0.85, tags={("tone", "angry"): -0.3}), "b": Made(0.85)}, items=200, seed=3)
    found = worst(run)
    assert (found[0].arm, found[0].tag, found[0].value, found[0].found) == ("a · raw", "tone", "angry", True)
    assert all(not one.found for one in found[1:]) and all((one.difference.value or 0) < 0 for one in found)
    arm = columns(run)["a · raw"]
    angry = np.array([one.tags["tone"] == "angry" for one in run.workload.items])[arm.item]
    table = [[int(arm.value[of].sum()), int((1 - arm.value[of]).sum())] for of in (angry, ~angry)]
    exact = float(stats.fisher_exact(table)[1])
    assert (
        found[0].p_value is not None and found[0].p_value <= 18 * exact * 1.05
    )  # 2 arms × (2 tones, 3 topics, 4 stakes)
    assert found[0].accuracy.level > 0.99 and found[0].rest.level == 0.95
    assert found[0].difference.low is not None and found[0].difference.high is not None
    assert (
        found[0].difference.low < (found[0].accuracy.value or 0) - (found[0].rest.value or 0) < found[0].difference.high
    )


def test_slices_of_few_items_and_of_all_are_no_slices() -> None:
    """Fewer than ten items, or fewer than ten others: not looked at."""
    run = cells.run({"a": Made(0.5)}, items=40, seed=3)
    items = tuple(
        replace(item, tags={"few": str(k < 9), "all": "yes", "ten": str(k < 10)}, stakes=None)
        for k, item in enumerate(run.workload.items)
    )
    tags = {one.tag for one in worst(replace(run, workload=replace(run.workload, items=items)))}
    assert tags <= {"ten"}


def test_repeats_and_graded_values_are_judged_by_random_slices() -> None:
    """Items asked twice: still found, and no p-value below what the draws can show."""
    run = cells.run({"a": Made(0.9, tags={("topic", "money"): -0.5})}, items=120, repeats=2, seed=3)
    found = worst(run)
    assert (found[0].value, found[0].found) == ("money", True)
    assert found[0].p_value is not None and found[0].p_value >= 2e-4
    assert found[0].n == 80 and "clusters" in found[0].accuracy.method


def test_permuted_and_exact_p_agree() -> None:
    """The same question asked of random slices and of the hypergeometric distribution."""
    rng = np.random.default_rng(7)
    values = (rng.random(150) < 0.8).astype(float)
    some = np.stack([rng.permutation(150) < size for size in (20, 40, 75)])
    exact = two_samples.fisher_mid_p(
        (some * values).sum(axis=1).astype(np.int64), some.sum(axis=1), int(values.sum()), 150
    )
    drawn = two_samples.permuted_p(values, some, rng)
    assert np.all(drawn >= exact - 0.02) and np.all(drawn <= np.minimum(1.0, exact * 1.6 + 0.1))


# ----------------------------------------------------------------------------------------------------- calibration


def calibrated(run: Run) -> Calibration:
    arms, weights = parts(run)
    return calibration.of_arm(run, arms[0], weights)


def test_an_over_confident_arm_is_told_from_a_calibrated_one() -> None:
    """15 points too sure: the error is found and no plain 0 is inside; calibrated: 0 is inside."""
    over = calibrated(cells.run({"a": Made(0.7, sure=0.2)}, items=400, seed=3))
    right = calibrated(cells.run({"a": Made(0.7, sure=0.0)}, items=400, seed=3))
    assert over.ece.low is not None and over.ece.low > 0.08 and over.ece.value == pytest.approx(0.2, abs=0.07)
    assert right.ece.low == 0 or (right.ece.value or 1) < 0.06
    assert over.signal == "label-likelihood" and over.n == 400 and "plain sum" in (over.ece.note or "")
    assert sum(one.n for one in over.bins) == 400 and len(over.bins) <= 10
    assert all(one.low <= one.confidence <= one.high for one in over.bins)
    assert all(a.high < b.low for a, b in zip(over.bins, over.bins[1:], strict=False))
    wrong = over.confidently_wrong
    assert wrong.value is not None and wrong.n == 400 and wrong.value > 0.05


def test_an_arm_that_does_not_say_how_sure_it_is_says_why() -> None:
    """Absent, not 0; the same for fewer than twenty answers."""
    silent = calibrated(cells.run({"a": Made(0.7)}, items=100))
    assert silent.why_absent == "it does not say how sure it is" and silent.ece.value is None and silent.bins == ()
    few = calibrated(cells.run({"a": Made(0.7, sure=0.0)}, items=12))
    assert few.why_absent is not None and "20 are needed" in few.why_absent


def test_lost_answers_say_nothing_of_calibration() -> None:
    """They are no bin's; of the confidently wrong they are in the denominator, as of all judged requests."""
    found = calibrated(cells.run({"a": Made(0.7, sure=0.0, failure_rate=0.3)}, items=200, seed=8))
    assert found.n < 170 and found.confidently_wrong.n == 200


def test_equal_confidences_share_a_bin() -> None:
    """Votes of five draws: five values, so five bins at most."""
    run = cells.run({"a": Made(0.7, sure=0.0)}, items=200, seed=8)
    rounded = tuple(
        replace(one, answer=replace(one.answer, confidence=round(5 * (one.answer.confidence or 0)) / 5))
        for one in run.records
        if one.answer is not None
    )
    found = calibrated(replace(run, records=rounded))
    assert len(found.bins) <= 5 and sum(one.n for one in found.bins) == 200
    assert found.signal == "raw"  # what the calls themselves say is not it: the prompting made it


# --------------------------------------------------------------------------------------------------------- ordinal


def test_levels_agree_exactly_nearly_and_by_kappa() -> None:
    """Marks out of five, by hand; an answer without a level is left out and said."""
    run = cells.run({"a": Made(1.0)}, items=50, seed=8)
    items = tuple(replace(item, reference=str(1 + k % 5)) for k, item in enumerate(run.workload.items))
    wanted = {item.digest: int(str(item.reference)) for item in items}
    rng = np.random.default_rng(9)
    said = {old.digest: new for old, new in zip(run.workload.items, items, strict=True)}
    records = tuple(replace(one, item_digest=said[one.item_digest].digest) for one in run.records)
    levels = {one.id: int(np.clip(wanted[one.item_digest] + rng.integers(-1, 3), 1, 5)) for one in records}
    scores = [Score(one.id, "ordinal", "1", float(levels[one.id] == wanted[one.item_digest]), str(levels[one.id]))
              for one in records]  # fmt: skip
    scores[0] = replace(scores[0], value=0.0, label="not a level")
    spec = ScorerSpec("ordinal", {"levels": [1, 2, 3, 4, 5]})
    trials = tuple(
        replace(one, item_digests=tuple(said[digest].digest for digest in one.item_digests)) for one in run.trials
    )
    graded = replace(
        run, records=records, trials=trials, scores=tuple(scores),
        workload=replace(run.workload, items=items, scorers=(spec,)),
    )  # fmt: skip
    arms, _ = parts(graded)
    found = ordinal.ordinal(graded, arms)[0]
    pairs = np.array([(levels[one.id], wanted[one.item_digest]) for one in records[1:]])
    apart = np.abs(pairs[:, 0] - pairs[:, 1])
    assert found.n == 49 and found.exact.note == "1 answers gave no level"
    assert found.exact.value == pytest.approx(float((apart == 0).mean()))
    assert found.adjacent.value == pytest.approx(float((apart <= 1).mean()))
    observed = float(((pairs[:, 0] - pairs[:, 1]) ** 2).mean())
    expected = float(((pairs[:, 0][:, None] - pairs[:, 1]) ** 2).mean())
    assert found.kappa.value == pytest.approx(1 - observed / expected) and found.kappa.low is not None
    turned = replace(graded, trials=tuple(replace(one, perturbation="other-values") for one in trials))
    (absent,) = ordinal.ordinal(turned, parts(turned)[0])  # another level than the reference's was right there
    assert absent.n == 0 and {one.value for one in (absent.exact, absent.adjacent, absent.kappa)} == {None}
    assert "another level" in str(absent.exact.why_absent)


def test_without_that_scorer_there_is_no_scale() -> None:
    """Nothing is made up of labels that have no order."""
    run = cells.run({"a": Made(0.7)})
    assert ordinal.ordinal(run, parts(run)[0]) == ()
