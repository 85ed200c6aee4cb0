"""Bins, two samples, paired ratios and simultaneous levels, held against other ways to compute them."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from edgebench.stats import calibration, paired, rates, simultaneous, two_samples

# ------------------------------------------------------------------------------------------------------------- bins


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2**32 - 1), st.sampled_from(["any", "five", "one"]))
def test_bins_hold_every_answer_once_and_equal_confidences_together(n: int, seed: int, kind: str) -> None:
    """At most ten, none empty, in order, of like size where confidences differ."""
    rng = np.random.default_rng(seed)
    sure = rng.random(n) if kind == "any" else rng.integers(0, 6, n) / 5 if kind == "five" else np.full(n, 0.7)
    right = (rng.random(n) < sure).astype(float)
    found = calibration.bins(sure, right)
    assert len(found.n) <= max(1, min(10, n // 25)) and found.n.sum() == n and (found.n > 0).all()
    assert found.right.sum() == pytest.approx(right.sum())
    for place in range(len(found.n)):
        mine = sure[found.member == place]
        assert mine.min() == found.low[place] and mine.max() == found.high[place]
        assert found.confidence[place] == pytest.approx(mine.mean())
    assert (np.diff(found.low) > 0).all() and (found.high[:-1] < found.low[1:]).all()
    if kind == "any":
        assert np.ptp(found.n) <= 1


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 300), st.integers(0, 2**32 - 1), st.floats(-0.5, 0.5))
def test_a_calibration_error_lies_within_its_interval(n: int, seed: int, off: float) -> None:
    """0 ≤ low ≤ value ≤ high, whatever the answers; fewer independent answers never narrow it much."""
    rng = np.random.default_rng(seed)
    sure = rng.random(n)
    found = calibration.bins(sure, (rng.random(n) < np.clip(sure + off, 0, 1)).astype(float))
    one = calibration.error(found, np.random.default_rng(1))
    fewer = calibration.error(found, np.random.default_rng(1), worth=0.25)
    for each in (one, fewer):
        assert 0 <= each.low <= each.value <= each.high and math.isfinite(each.high)
    assert fewer.low <= one.low + 0.02
    assert one.plain == pytest.approx(float((found.share * np.abs(found.gap)).sum()))


# ------------------------------------------------------------------------------------------------------ two samples


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(1, 150), st.data())
def test_fishers_mid_p_lies_below_the_exact_p(m: int, n: int, data: st.DataObject) -> None:
    """Doubled tails without half of what was seen: between half the exact one-sided p and twice it."""
    k, rest = data.draw(st.integers(0, m)), data.draw(st.integers(0, n))
    found = float(two_samples.fisher_mid_p(np.array([k]), np.array([m]), k + rest, m + n)[0])
    table = [[k, m - k], [rest, n - rest]]
    tails = [float(stats.fisher_exact(table, alternative=way)[1]) for way in ("less", "greater")]  # type: ignore[arg-type]
    assert min(tails) - 1e-9 <= found <= min(1.0, 2 * min(tails)) + 1e-9


def test_newcombes_interval_is_the_published_one() -> None:
    """56 of 70 against 48 of 80 (Newcombe 1998, example a): 0.0524 to 0.3339."""
    low, high = two_samples.difference(56 / 70, 48 / 80, rates.wilson(56, 70), rates.wilson(48, 80))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-4)


@settings(max_examples=30, deadline=None)
@given(arrays(float, 9, elements=st.floats(0, 1)), st.integers(0, 2**32 - 1))
def test_random_slices_approach_all_slices(values: np.ndarray, seed: int) -> None:
    """A slice of 3 of 9 units: the doubled share of the 84 slices that are as extreme, within what draws can tell."""
    rng = np.random.default_rng(seed)
    slices = np.stack([np.arange(9) < 3, np.arange(9) >= 6])
    sums = [float(values[list(three)].sum()) for three in combinations(range(9), 3)]
    for of, found in zip(slices, two_samples.permuted_p(values, slices, rng, draws=4_000), strict=True):
        seen = float(values[of].sum())
        tails = [np.mean([one <= seen + 1e-9 for one in sums]), np.mean([one >= seen - 1e-9 for one in sums])]
        assert 0 < found <= 1 and abs(found - min(1.0, 2 * float(min(tails)))) < 0.07


# ---------------------------------------------------------------------------------------- paired ratios, many at once


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 200), st.integers(0, 60), st.integers(0, 60))
def test_a_paired_ratio_lies_within_its_interval(both: int, only_b: int, only_a: int) -> None:
    """Whatever the table; swapping the two turns the interval round."""
    low, high = paired.ratio(both, only_b, only_a)
    assert 0 <= low <= high
    if both + only_a:
        assert low <= (both + only_b) / (both + only_a) <= high
    turned = paired.ratio(both, only_a, only_b)
    if both + only_a and both + only_b and low > 0 and turned[0] > 0:
        assert (1 / high, 1 / low) == pytest.approx(turned)


def test_a_ratio_of_nothing_is_unknown() -> None:
    """Nothing right in a: any ratio can be."""
    assert paired.ratio(0, 5, 0) == (0.0, math.inf)


def test_levels_of_several_intervals() -> None:
    """One is itself, twelve are each of 99.57 %; max-t lies between one and Šidák's where draws go together."""
    assert simultaneous.sidak(1) == 0.95 and simultaneous.sidak(12) == pytest.approx(0.99573, abs=1e-5)
    rng = np.random.default_rng(3)
    apart, alike = rng.normal(size=(20_000, 6)), np.repeat(rng.normal(size=(20_000, 1)), 6, axis=1)
    factor = [simultaneous.max_t(drawn, np.zeros(6), np.ones(6)) for drawn in (apart, alike)]
    assert factor[0] == pytest.approx(rates.z(simultaneous.sidak(6)), abs=0.05)
    assert factor[1] == pytest.approx(1.96, abs=0.05)
