"""Quantiles and resampling, against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS

from edgebench.stats import bootstrap, clusters, quantiles


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99]))
def test_the_point_is_the_smallest_value_with_enough_below(values: list[float], q: float) -> None:
    """Inverse empirical distribution: at least q of the values are at or below it, and it was observed."""
    ordered = np.sort(np.array(values))
    found = quantiles.point(ordered, q)
    enough = [v for v in ordered if np.mean(ordered <= v) >= q - 1e-12]
    assert found == enough[0]


@pytest.mark.parametrize(("q", "least"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)])
def test_bounds_exist_exactly_from_the_needed_n(q: float, least: int) -> None:
    """p99 has no upper bound at 367 and one at 368; one-sided it would be 299."""
    assert quantiles.needed_n(q) == least
    assert None not in quantiles.interval(np.arange(float(least)), q)
    assert quantiles.interval(np.arange(float(least - 1)), q)[1] is None
    assert quantiles.needed_n(0.99, sides=1) == 299


@given(st.integers(1, 120), st.sampled_from([0.5, 0.9, 0.95]))
def test_ranks_are_the_tightest_that_keep_the_tails(n: int, q: float) -> None:
    """Brute force over all ranks with the binomial written out."""
    terms = [math.comb(n, i) * q**i * (1 - q) ** (n - i) for i in range(n + 1)]
    lows = [r for r in range(1, n + 1) if sum(terms[:r]) <= 0.025]
    highs = [r for r in range(1, n + 1) if sum(terms[r:]) <= 0.025]
    low, high = quantiles.ranks(n, q, 0.025)
    assert low == (max(lows) if lows else None)
    assert high == (min(highs) if highs else None)


def test_fewer_effective_observations_widen_the_interval() -> None:
    """Two hundred answers to forty items are not two hundred independent ones."""
    ordered = np.arange(400.0)
    narrow, wide = quantiles.interval(ordered, 0.5), quantiles.interval(ordered, 0.5, effective=80)
    assert narrow[0] is not None and wide[0] is not None and narrow[1] is not None and wide[1] is not None
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert quantiles.interval(ordered, 0.99, effective=80)[1] is None


def test_effective_n_lies_between_clusters_and_observations() -> None:
    """Copies are worth nothing, independent values all."""
    rng = np.random.default_rng(5)
    member = np.repeat(np.arange(50), 4)
    copies, fresh = np.repeat(rng.normal(size=50), 4), rng.normal(size=200)
    assert clusters.effective_n(member, copies) == pytest.approx(50)
    assert clusters.effective_n(member, fresh) > 150
    assert clusters.effective_n(member, np.ones(200)) == pytest.approx(50)  # nothing varies: nothing can be learnt
    assert clusters.effective_n(np.arange(200), fresh) == 200


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**16), st.sampled_from([0.5, 0.95]))
def test_weights_say_the_same_as_copying_the_items(groups: int, size: int, seed: int, q: float) -> None:
    """A draw's mean and quantile are those of the items literally repeated as often as they were taken."""
    rng = np.random.default_rng(seed)
    weights = bootstrap.cluster_draws(groups, 20, rng)
    assert (weights.sum(axis=1) == groups).all()
    member = rng.integers(0, groups, size=groups * size)
    values = rng.normal(size=len(member))
    means, found = bootstrap.means(weights, member, values), bootstrap.quantiles(weights, member, values, q)
    for draw, row in enumerate(weights):
        copied = np.repeat(values, row[member])
        if len(copied):
            assert means[draw] == pytest.approx(copied.mean())
            assert found[draw] == quantiles.point(np.sort(copied), q)
        else:
            assert np.isnan(means[draw]) and np.isnan(found[draw])


@given(st.integers(8, 400), st.sampled_from([0.5, 0.9, 0.95]), st.integers(0, 2**16))
def test_intervals_of_quantiles_are_scipys(n: int, q: float, seed: int) -> None:
    """Order statistics by the binomial, as ``scipy.stats.quantile_test`` inverts it; a bound is there where its is."""
    values = np.random.default_rng(seed).normal(size=n)
    theirs = stats.quantile_test(values, p=q).confidence_interval(0.95)
    for ours, bound in zip(quantiles.interval(np.sort(values), q), theirs, strict=True):
        assert (ours is None and np.isnan(bound)) or ours == pytest.approx(bound)


def test_bounds_stay_where_only_blocks_widen() -> None:
    """What blocks add moves a bound as far as the values reach, and no further; it takes none away and makes none."""
    ordered = np.arange(400.0)
    near, far = (quantiles.interval(ordered, 0.5, widened=by) for by in (1.0, 4.0))
    assert far[0] < near[0] and far[1] > near[1]  # type: ignore[operator]
    assert quantiles.interval(ordered, 0.95, widened=1e4) == (0.0, 399.0)
    assert quantiles.interval(ordered, 0.99, effective=367, widened=4.0)[1] is None
    assert quantiles.interval(ordered, 0.99, effective=368, widened=4.0)[1] == 399.0


def test_the_bootstrap_agrees_with_cluster_robust_errors() -> None:
    """A mean of 60 clusters of 5: the draws' spread is statsmodels' cluster-robust standard error, within 10 %."""
    rng = np.random.default_rng(8)
    member = np.repeat(np.arange(60), 5)
    values = rng.normal(size=60)[member] + rng.normal(size=300)
    fit = OLS(values, np.ones(300)).fit(cov_type="cluster", cov_kwds={"groups": member})
    drawn = bootstrap.means(bootstrap.cluster_draws(60, 4000, rng), member, values)
    assert float(drawn.std()) == pytest.approx(float(fit.bse[0]), rel=0.1)
    low, high = bootstrap.interval(drawn, 60) or (0.0, 0.0)
    robust = fit.conf_int()[0]
    assert (high - low) == pytest.approx(float(robust[1] - robust[0]), rel=0.15)


def test_graded_differences_agree_with_cluster_robust_errors() -> None:
    """Graded scores of two arms on the same documents: paired draws against statsmodels on the differences."""
    rng = np.random.default_rng(9)
    member = np.repeat(np.arange(80), 3)
    hard = rng.normal(size=80)[member]
    one, two = (np.clip(0.5 + 0.2 * hard + 0.1 * rng.normal(size=240) + lift, 0, 1) for lift in (0.0, 0.03))
    weights = bootstrap.cluster_draws(80, 4000, rng)
    drawn = bootstrap.means(weights, member, two) - bootstrap.means(weights, member, one)
    fit = OLS(two - one, np.ones(240)).fit(cov_type="cluster", cov_kwds={"groups": member})
    assert float(drawn.std()) == pytest.approx(float(fit.bse[0]), rel=0.1)
    ours = bootstrap.p_value(drawn, 80, float((two - one).mean()))
    assert (ours < 0.05) == (float(fit.pvalues[0]) < 0.05)


@settings(max_examples=60)
@given(st.integers(0, 2**16), st.floats(1.0, 3.0), st.floats(-1.0, 1.0))
def test_p_value_and_interval_are_one_statement(seed: int, stretch: float, shift: float) -> None:
    """p < .05 exactly where the stretched 95 % interval leaves out 0."""
    drawn = shift + 0.3 * np.random.default_rng(seed).normal(size=500)
    low, high = bootstrap.interval(drawn, 50, point=shift, stretch=stretch) or (0.0, 0.0)
    assert (low > 0 or high < 0) == (bootstrap.p_value(drawn, 50, shift, lambda level: stretch) < 0.05)


def test_p_value_is_never_zero() -> None:
    """2,000 draws cannot show a p below one in a thousand."""
    assert bootstrap.p_value(np.ones(1999), 100, 1.0) == pytest.approx(0.001)
    assert bootstrap.p_value(np.array([-1.0, 1.0] * 500), 100, 0.0) == pytest.approx(1.0)
    assert bootstrap.p_value(np.zeros(500), 100, 0.0) == pytest.approx(1.0)
    assert bootstrap.p_value(np.full(5, np.nan), 5, 0.0) == 1.0
    assert bootstrap.interval(np.full(5, np.nan), 5) is None
