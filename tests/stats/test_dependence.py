"""Memory, blocks and what exceedances keep of a correlation, against scipy, statsmodels and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats
from statsmodels.tsa.stattools import acovf

from edgebench.stats import autocorrelation, blocks, exceedances
from edgebench.stats.autocorrelation import Array, Series


def memory(rng: np.random.Generator, starts: int, places: int, rho: float) -> Series:
    """AR(1) in each start."""
    noise = rng.normal(size=(starts, places)) * math.sqrt(1 - rho**2)
    noise[:, 0] /= math.sqrt(1 - rho**2)
    return made(signal.lfilter([1.0], [1.0, -rho], noise, axis=1))


def made(values: Array) -> Series:
    starts, places = values.shape
    return Series.of(
        (values - values.mean()).ravel(), np.repeat(np.arange(starts), places), np.tile(np.arange(places), starts)
    )


@settings(max_examples=40)
@given(st.floats(-0.95, 0.95), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_exceedances_correlate_as_the_bivariate_normal_says(r: float, q: float) -> None:
    """Against scipy's distribution function of two normal variables."""
    h, p = stats.norm.ppf(q), 1 - q
    both = stats.multivariate_normal.cdf([-h, -h], cov=[[1, r], [r, 1]], allow_singular=True)
    assert exceedances.correlation(np.array([r]), q)[0] == pytest.approx((both - p * p) / (p * q), abs=2e-4)


def test_at_the_median_it_is_the_arc_sine() -> None:
    """Sheppard's formula: (2/π)·asin r."""
    r = np.linspace(-0.9, 0.9, 7)
    assert exceedances.correlation(r, 0.5) == pytest.approx(2 / math.pi * np.arcsin(r), abs=1e-9)


def test_normal_scores_are_places_not_values() -> None:
    """Any rising transformation gives the same; equal values share one; infinities are merely last."""
    values = np.array([3.0, 1.0, 2.0, 2.0, np.inf])
    scores = exceedances.normal_scores(values)
    assert scores == pytest.approx(exceedances.normal_scores(np.array([30.0, 1.0, 2.5, 2.5, 1e9])))
    assert scores[2] == scores[3] and scores[4] == max(scores) == -min(scores)


def test_lags_are_the_autocorrelations_of_one_long_series() -> None:
    """One start: statsmodels' autocovariances, with the bias of a mean that was estimated put back."""
    series = memory(np.random.default_rng(3), 1, 4000, 0.5)
    found = autocorrelation.lags(series)
    theirs = acovf(series.value, adjusted=True, nlag=3)
    assert found[:3] == pytest.approx(theirs[1:4] / theirs[0], abs=0.01)


def test_memory_is_found_and_its_length_too() -> None:
    """ρ = .5 in eight starts of 100: 1 + 2·Σ r is 3, within 15 % on average; ρ = 0 shows nothing in 95 of 100 runs."""
    rng = np.random.default_rng(4)
    found = [1 + autocorrelation.excess(one, autocorrelation.lags(one)) for one in _many(rng, 0.5)]
    assert float(np.mean(found)) == pytest.approx(3 - 0.04, rel=0.15)
    assert np.mean([len(autocorrelation.lags(one)) > 0 for one in _many(rng, 0.0)]) <= 0.05 + 2 * 0.011


def _many(rng: np.random.Generator, rho: float) -> list[Series]:
    return [memory(rng, 8, 100, rho) for _ in range(200)]


def test_blocks_are_no_memory() -> None:
    """Starts far apart, independent inside: every series is centred on its own mean, so nothing is remembered."""
    rng = np.random.default_rng(5)
    kept = [autocorrelation.lags(made(rng.normal(size=(4, 60)) + 3 * rng.normal(size=(4, 1)))) for _ in range(200)]
    assert np.mean([len(one) > 0 for one in kept]) <= 0.05 + 2 * 0.016


def test_short_series_say_nothing() -> None:
    """A handful of requests, or values that do not vary."""
    assert len(autocorrelation.lags(made(np.array([[1.0, 2.0, 3.0]])))) == 0
    assert len(autocorrelation.lags(made(np.ones((4, 50))))) == 0
    assert blocks.spread(made(np.zeros((4, 50)))) == blocks.Spread(1.0, 0.0, 0.0, 4)


def test_places_of_a_request_are_added() -> None:
    """Two values of the same place are one place; the order of the arrays does not matter."""
    one = Series.of(np.array([1.0, 2.0, 3.0]), np.array([1, 0, 0]), np.array([0, 5, 5]))
    assert one.value.tolist() == [5.0, 1.0] and one.start.tolist() == [0, 1]


def test_f_is_the_analysis_of_variance() -> None:
    """Balanced starts: the ratio over the variance inside is scipy's F."""
    rng = np.random.default_rng(6)
    values = rng.normal(size=(4, 50)) + 0.5 * rng.normal(size=(4, 1))
    values -= values.mean()
    inside = float(values.var(axis=1, ddof=1).mean())
    found, groups = blocks.ratio(made(values), inside * 200)
    assert groups == 4
    assert found == pytest.approx(float(stats.f_oneway(*values).statistic))


def test_students_and_critical_values_are_scipys() -> None:
    """t with three degrees at 95 %: 3.18; the 10 % point of χ²₃ / 3: 2.08."""
    assert blocks.student(3, 0.95) == pytest.approx(stats.t.ppf(0.975, 3))
    assert blocks.critical(4, 0.1) == pytest.approx(stats.chi2.isf(0.1, 3) / 3)


def test_each_part_of_a_spread_has_its_own_quantile() -> None:
    """Neighbours widen by z, blocks by t on their few degrees; the more blocks, the less."""
    alike, memories = blocks.Spread(), blocks.Spread(near=1.0)
    assert alike.inflation() == 1.0 and alike.effective_n(200) == 200 and alike.stretch() == 1.0
    assert memories.effective_n(200) == 100 and memories.widened() == 1.0
    few, many = blocks.Spread(blocks=1.0, groups=4), blocks.Spread(blocks=1.0, groups=40)
    assert few.inflation() == pytest.approx(1 + (3.182 / 1.96) ** 2, rel=1e-3)
    assert many.inflation() < 1 + 1.1
    assert few.independent_n(200) == 200 and few.widened() == few.inflation()
    assert blocks.Spread(within=2.0, near=2.0).stretch() == pytest.approx(math.sqrt(2))


def test_blocks_that_differ_are_told_from_blocks_that_do_not() -> None:
    """Blocks half a standard deviation apart are nearly always seen, equal ones at the level asked; softly."""
    rng = np.random.default_rng(7)
    equal = [blocks.spread(made(rng.normal(size=(4, 60)))) for _ in range(400)]
    assert np.mean([one.blocks > 0 for one in equal]) <= blocks.ALONE + 2 * 0.018
    apart = made(rng.normal(size=(4, 60)) + np.array([[-0.5], [0.5], [-0.5], [0.5]]))
    hard, soft = blocks.spread(apart, certain=blocks.PLAINLY), blocks.spread(apart)
    assert hard.blocks > soft.blocks > 5


def test_slow_requests_in_bursts_are_heard() -> None:
    """Exceedances that come ten at a time, where all other values are independent: the tail is worth far less."""
    rng = np.random.default_rng(8)
    values = rng.normal(size=(4, 250))
    for start in range(4):
        values[start, 100:110] += 8
    beyond = (values > 4).astype(float)
    beyond = (beyond - beyond.mean()) / beyond.std()
    alone = blocks.spread(made(exceedances.normal_scores(values.ravel()).reshape(4, 250)), q=0.96)
    both = blocks.spread(
        made(exceedances.normal_scores(values.ravel()).reshape(4, 250)), q=0.96, exceeding=made(beyond)
    )
    assert both.near > 4 and both.near > alone.near
