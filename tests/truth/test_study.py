"""The claims of the study: slices, calibration, ranks, harm, drop rates and spreads are as sure as they say.

Every simulated rate is held against its band plus two Monte Carlo standard errors, on fixed seeds. That Wilson's
interval and that of a paired difference cover is in test_coverage.py.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri

from edgebench.decide import by_stakes
from edgebench.decide.resampled import Resampled, resample
from edgebench.decide.study.ranking import changes_of_best, changes_of_order
from edgebench.metrics import dear, harm, slices
from edgebench.metrics.observed import Observed, observe
from edgebench.metrics.quality import rate
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import Run
from edgebench.stats import bootstrap, calibration, multiple, paired, rates, simultaneous, two_samples
from tests import cells
from tests.cells import Made

Floats = NDArray[np.float64]


def error(share: float, n: int) -> float:
    """Two Monte Carlo standard errors."""
    return 2 * math.sqrt(share * (1 - share) / n)


# ------------------------------------------------------------------------------------------------------- repeats


@pytest.mark.parametrize("p", [0.6, 0.8])
def test_accuracy_of_repeated_items_covers_95_per_cent(p: float) -> None:
    """Five repetitions, intra-class correlation .5, 100 items: naive covers < 88 %, ours 95 ± 1.5 %."""
    rng, repetitions, groups, size = np.random.default_rng(51), 1500, 100, 5
    member = np.repeat(np.arange(groups), size)
    weights = bootstrap.cluster_draws(groups, 600, rng)
    naive = ours = 0
    for _ in range(repetitions):
        shared = rng.random((groups, size)) < math.sqrt(0.5)
        right = np.where(shared, (rng.random(groups) < p)[:, None], rng.random((groups, size)) < p)
        values = right.astype(float).ravel()
        low, high = rates.wilson(values.sum(), len(values))
        naive += low <= p <= high
        found = rate(Observed("accuracy", member, values, np.ones(len(values))), weights)
        assert found.low is not None and found.high is not None
        ours += found.low <= p <= found.high
    assert naive / repetitions < 0.88
    assert abs(ours / repetitions - 0.95) <= 0.015 + error(0.95, repetitions)


# ------------------------------------------------------------------------------------------------------- slices

SIZES = np.array([10, 12, 15, 18, 20, 22, 25, 28, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100, 110, 125])


@pytest.mark.parametrize("p", [0.5, 0.8, 0.95])
def test_twenty_null_slices_are_rarely_found(p: float) -> None:
    """20 slices of 10 to 125 of 250 items, all alike: a false finding in at most 5 % of runs."""
    rng, repetitions, n = np.random.default_rng(52), 2000, 250
    members = [rng.permutation(n)[:size] for size in SIZES]
    false = 0
    for _ in range(repetitions):
        values = rng.random(n) < p
        right = np.array([values[of].sum() for of in members])
        adjusted = multiple.holm(two_samples.fisher_mid_p(right, SIZES, int(values.sum()), n).tolist())
        worse = right / SIZES < (values.sum() - right) / (n - SIZES)
        false += any(q < slices.ALPHA and bad for q, bad in zip(adjusted, worse, strict=True))
    assert false / repetitions <= 0.05 + error(0.05, repetitions)


@cache
def sliced(repeats: int) -> tuple[Run, ArmColumns, bootstrap.Counts]:
    """A run of one arm whose items have 20 slices, and nothing that depends on them."""
    run = cells.run({"a": Made(0.8)}, items=200, repeats=repeats, seed=3)
    rng = np.random.default_rng(4)
    tags = [{f"t{k}": str(rng.integers(0, 4)) for k in range(5)} for _ in run.workload.items]
    items = tuple(replace(one, tags=each, stakes=None) for one, each in zip(run.workload.items, tags, strict=True))
    run = replace(run, workload=replace(run.workload, items=items))
    arm = next(iter(columns(run).values()))
    return run, arm, bootstrap.cluster_draws(arm.clusters, 200, rng)


@pytest.mark.parametrize(("repeats", "repetitions"), [(1, 250), (2, 40)])
def test_null_slices_of_a_whole_run_are_rarely_found(repeats: int, repetitions: int) -> None:
    """The same from records to findings, items asked once (exact) and twice (by random slices)."""
    run, arm, weights = sliced(repeats)
    rng, false = np.random.default_rng(53), 0
    for _ in range(repetitions):
        hard = ndtri(rng.random(arm.clusters))[arm.cluster]
        values = (0.7 * hard + 0.7 * rng.normal(size=len(hard)) < ndtri(0.8)).astype(float)
        false += any(one.found for one in slices.worst(run, [replace(arm, value=values)], weights))
    assert false / repetitions <= 0.05 + error(0.05, repetitions)


def test_a_slice_that_is_much_worse_is_found() -> None:
    """50 items of 200 that are 30 points worse: found in nine runs of ten."""
    run, arm, weights = sliced(1)
    rng, found, repetitions = np.random.default_rng(54), 0, 150
    bad = np.array([item.tags["t0"] == "2" for item in run.workload.items])[arm.item]
    for _ in range(repetitions):
        values = (rng.random(len(bad)) < np.where(bad, 0.55, 0.85)).astype(float)
        worst = slices.worst(run, [replace(arm, value=values)], weights)
        found += worst[0].found and (worst[0].tag, worst[0].value) == ("t0", "2")
    assert found / repetitions >= 0.90 - error(0.90, repetitions)


# -------------------------------------------------------------------------------------------------- calibration


@pytest.mark.parametrize(
    ("name", "n"), [("calibrated", 250), ("over-confident", 250), ("tail", 250), ("flat", 100), ("slope", 1000)]
)
def test_calibration_error_covers(name: str, n: int) -> None:
    """Interval of the calibration error of the bins: at least 93.5 %; and the plain sum is worse than the estimate."""
    rng, repetitions = np.random.default_rng(55), 500
    truths = {
        "calibrated": lambda sure: sure,
        "over-confident": lambda sure: sure - 0.1,
        "tail": lambda sure: np.where(sure > 0.85, sure - 0.3, sure),
        "flat": lambda sure: np.full_like(sure, 0.7),
        "slope": lambda sure: 0.6 + 0.5 * (sure - 0.7),
    }
    covered, off, plain = 0, 0.0, 0.0
    for _ in range(repetitions):
        sure = rng.beta(4, 1.5, n)
        p = np.clip(truths[name](sure), 0.01, 0.99)
        found = calibration.bins(sure, (rng.random(n) < p).astype(float))
        true = float((found.share * np.abs(np.bincount(found.member, p - sure) / found.n)).sum())
        seen = calibration.error(found, rng)
        covered += seen.low <= true <= seen.high
        off, plain = off + abs(seen.value - true), plain + abs(seen.plain - true)
    assert covered / repetitions >= 0.935 - error(0.935, repetitions)
    if name in ("calibrated", "tail"):
        assert off < plain


# -------------------------------------------------------------------------------------------------------- ranks


def test_the_probability_that_the_order_changes_is_calibrated() -> None:
    """Three targets, n = 120, true accuracies anywhere: where it says 30 %, that is so in 30 % of worlds."""
    rng, worlds, n, draws = np.random.default_rng(56), 1500, 120, 250
    member = np.arange(n)
    weights = bootstrap.cluster_draws(n, draws, rng)
    said, came = np.empty((worlds, 2)), np.empty((worlds, 2))
    for world in range(worlds):
        truth = rng.uniform(0.55, 0.85, (2, 3))
        right = rng.random((2, 3, n)) < truth[:, :, None]
        lab, field = (
            np.stack([bootstrap.means(weights, member, one.astype(float)) for one in corner], axis=1)
            + 1e-6 * rng.random((draws, 3))
            for corner in right
        )
        said[world] = changes_of_best(lab, field), changes_of_order(lab, field)
        orders = truth.argsort(axis=1)
        came[world] = orders[0, -1] != orders[1, -1], (orders[0] != orders[1]).any()
    for kind in range(2):
        for low in (0.0, 0.2, 0.4, 0.6, 0.8):
            of = (said[:, kind] >= low) & (said[:, kind] < low + 0.2 + 1e-9)
            if of.sum() >= 50:
                apart = abs(float(came[of, kind].mean() - said[of, kind].mean()))
                assert apart <= 0.05 + error(0.5, int(of.sum())), (kind, low)


# --------------------------------------------------------------------------------------------------------- harm


@cache
def staked() -> Resampled:
    """Two arms on 200 items, 50 of each stakes; the answers are put in by the tests."""
    run = cells.run({"a": Made(0.9), "b": Made(0.9)}, items=200, seed=5)
    items = tuple(replace(item, stakes=1 + place % 4) for place, item in enumerate(run.workload.items))
    run = replace(run, workload=replace(run.workload, items=items))
    table = columns(run)
    return resample(run, summarise(run, draws=100, table=table), draws=100, table=table)


def answering(arm: ArmColumns, wrong: dict[int, float], rng: np.random.Generator) -> ArmColumns:
    share = np.array([wrong[level] for level in arm.gravity.level.tolist()])
    return replace(arm, value=(rng.random(len(share)) >= share).astype(float))


@pytest.mark.parametrize("dear_share", [0.01, 0.05, 0.2])
def test_harm_covers_where_few_dear_mistakes_carry_it(dear_share: float) -> None:
    """Many cheap mistakes and few of stakes 4: at least 93.5 %, where a bootstrap of the mistakes seen does not."""
    given, rng, repetitions = staked(), np.random.default_rng(57), 600
    arm = next(iter(given.table.values()))
    arm = replace(arm, gravity=replace(arm.gravity, weights=np.array([1.0, 3.0, 10.0, 100.0])))
    wrong = {1: 0.3, 2: 0.2, 3: 0.1, 4: dear_share}
    truth = 1000 * sum(weight * wrong[level] for level, weight in zip(wrong, arm.gravity.weights, strict=True)) / 4
    ours = naive = 0
    for _ in range(repetitions):
        seen = answering(arm, wrong, rng)
        observed = observe(seen, "harm_per_1k")
        assert observed is not None
        observed = replace(observed, block=None, order=None)
        low, high, _ = harm.interval(seen, observed, given.weights)
        assert low is not None and high is not None
        ours += low <= truth <= high
        plain = bootstrap.interval(observed.draws(given.weights), observed.clusters)
        assert plain is not None
        naive += plain[0] <= truth <= plain[1]
    assert ours / repetitions >= 0.935 - error(0.935, repetitions)
    if dear_share == 0.01:
        assert naive / repetitions < 0.90


@pytest.mark.parametrize(("of_a", "of_b"), [(0.02, 0.06), (0.0, 0.0), (0.1, 0.1)])
def test_the_difference_of_harm_covers(of_a: float, of_b: float) -> None:
    """Paired, few severe mistakes in either arm: at least 93.5 %; of severe errors too."""
    given, rng, repetitions = staked(), np.random.default_rng(58), 250
    names = list(given.table)
    covered = {"harm_per_1k": 0, "severe_rate": 0}
    weights = given.table[names[0]].gravity.weights
    shares = [{1: 0.3, 2: 0.2, 3: 0.1, 4: of_a}, {1: 0.2, 2: 0.2, 3: 0.1, 4: of_b}]
    truth = {
        "harm_per_1k": 250 * float(sum((shares[1][k + 1] - shares[0][k + 1]) * weights[k] for k in range(4))),
        "severe_rate": (of_b - of_a) / 4,
    }
    for _ in range(repetitions):
        table = {name: answering(given.table[name], share, rng) for name, share in zip(names, shares, strict=True)}
        drawn = replace(given, table=table, _seen={}, _observed={})
        for metric in covered:
            seen = [observe(table[name], metric) for name in names]
            assert seen[0] is not None and seen[1] is not None
            found = by_stakes.difference(drawn, names[0], names[1], metric, (seen[0], seen[1])).difference
            assert found.low is not None and found.high is not None
            covered[metric] += found.low <= truth[metric] <= found.high
    for metric, n in covered.items():
        assert n / repetitions >= 0.935 - error(0.935, repetitions), metric


def test_recovered_intervals_are_wilsons_where_there_is_one_way_to_be_wrong() -> None:
    """One weight for all: the interval is Wilson's of the error rate, times the weight."""
    wrong = np.arange(200) < 17
    below, above = dear.recovered([dear.Way(3.0, np.ones(200, dtype=bool), wrong * 1.0)], np.zeros(200), 1.0)
    low, high = rates.wilson(17, 200)
    assert (0.255 - below, 0.255 + above) == pytest.approx((3 * low, 3 * high))


# ---------------------------------------------------------------------------------- drop rates, spreads, many cells


def test_drop_rates_cover() -> None:
    """Bonett and Price's interval of a paired ratio, n = 60 and 250: at least 93.5 %."""
    rng, repetitions = np.random.default_rng(59), 2000
    for n in (60, 250):
        for both, only_b, only_a in ((0.7, 0.03, 0.12), (0.4, 0.1, 0.1), (0.9, 0.01, 0.06), (0.1, 0.05, 0.3)):
            truth = (both + only_b) / (both + only_a)
            tables = rng.multinomial(n, [both, only_b, only_a, 1 - both - only_b - only_a], size=repetitions)
            inside = [low <= truth <= high for low, high in (paired.ratio(a, b, c) for a, b, c, _ in tables.tolist())]
            assert np.mean(inside) >= 0.935 - error(0.935, repetitions), (n, both)


def test_cells_looked_at_together_cover_together() -> None:
    """Twelve cells of n = 250 on the same items, simultaneous by Šidák: all of them at once in 94 % or more."""
    rng, repetitions, n = np.random.default_rng(60), 1500, 250
    truths, level = np.linspace(0.6, 0.93, 12), simultaneous.sidak(12)
    bounds = np.array([rates.wilson(k, n, level) for k in range(n + 1)])
    all_at_once = 0
    for _ in range(repetitions):
        hard = rng.normal(size=n)
        right = (0.7 * hard + 0.714 * rng.normal(size=(12, n)) < ndtri(truths)[:, None]).sum(axis=1)
        all_at_once += bool(((bounds[right, 0] <= truths) & (truths <= bounds[right, 1])).all())
    assert all_at_once / repetitions >= 0.94 - error(0.94, repetitions)


def test_the_spread_of_wordings_covers() -> None:
    """Four wordings, all alike or up to 12 points apart: the interval of the spread covers in 95 % or more."""
    rng, repetitions, n = np.random.default_rng(61), 300, 150
    member, pairs = np.arange(n), [(a, b) for a in range(4) for b in range(a + 1, 4)]
    weights = bootstrap.cluster_draws(n, 400, rng)
    for truths in (np.full(4, 0.8), np.array([0.7, 0.76, 0.8, 0.82])):
        covered = 0
        for _ in range(repetitions):
            right = (0.8 * rng.normal(size=n) + 0.6 * rng.normal(size=(4, n)) < ndtri(truths)[:, None]).astype(float)
            drawn = np.stack([bootstrap.means(weights, member, one) for one in right], axis=1)
            points = right.mean(axis=1)
            apart = np.array([points[b] - points[a] for a, b in pairs])
            differences = np.stack([drawn[:, b] - drawn[:, a] for a, b in pairs], axis=1)
            errors = np.maximum(differences.std(axis=0), math.sqrt(2) / (n + 2))
            reach = simultaneous.max_t(differences, apart, errors) * errors
            low, high = np.maximum(0, np.abs(apart) - reach).max(), (np.abs(apart) + reach).max()
            covered += bool(low <= np.ptp(truths) <= high)
        assert covered / repetitions >= 0.95 - error(0.95, repetitions)
