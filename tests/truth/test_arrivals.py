"""The claims about arrivals: Poisson is Poisson, a rate is the rate. Fixed seeds, bands plus two standard errors."""

from __future__ import annotations

import numpy as np
import pytest

from edgebench.load.arrivals import Offsets, constant, gamma, poisson

ARRIVALS = 10_000
SEEDS = 40


def dispersion(offsets: Offsets) -> float:
    """Variance over mean of the counts in windows of one second: 1 for a Poisson process."""
    windows = np.bincount((offsets // 1_000_000_000).astype(int))[:-1]  # the last one is cut off
    return float(windows.var(ddof=1) / windows.mean())


def lag_one(offsets: Offsets) -> float:
    gaps = np.diff(offsets)
    return float(np.corrcoef(gaps[1:], gaps[:-1])[0, 1])


def test_poisson_arrivals_disperse_as_they_must() -> None:
    """Index of dispersion over 10,000 arrivals in windows of 1 s: 1.0 ± 0.1, each seed and on average."""
    found = np.array([dispersion(poisson(5.0, ARRIVALS, np.random.default_rng(seed))) for seed in range(SEEDS)])
    error = np.sqrt(2 / (ARRIVALS / 5))  # of one index over 2,000 windows
    assert np.abs(found - 1).max() <= 0.1 + 2 * error
    assert abs(found.mean() - 1) <= 0.01 + 2 * error / np.sqrt(SEEDS)


@pytest.mark.parametrize("rate", [5.0, 50.0, 800.0])
def test_poisson_gaps_do_not_depend_on_each_other(rate: float) -> None:
    """Autocorrelation of neighbouring gaps below 0.03; their spread is that of exponential gaps at every rate."""
    offsets = poisson(rate, ARRIVALS, np.random.default_rng(7))
    gaps = np.diff(offsets)
    assert abs(lag_one(offsets)) < 0.03
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.03)
    assert gaps.mean() == pytest.approx(1e9 / rate, rel=0.03)


def test_a_constant_rate_is_delivered_to_a_thousandth() -> None:
    """As planned: far better than the 0.1 % a run is allowed to be off."""
    offsets = constant(37.0, ARRIVALS)
    assert (ARRIVALS - 1) / (offsets[-1] / 1e9) == pytest.approx(37.0, rel=1e-9)


@pytest.mark.parametrize(("cv", "low", "high"), [(0.5, 0.15, 0.4), (1.0, 0.8, 1.2), (2.0, 2.5, 5.5)])
def test_gamma_gaps_are_as_bursty_as_asked(cv: float, low: float, high: float) -> None:
    """Their coefficient of variation is ``cv``; counts disperse by about its square."""
    offsets = gamma(20.0, cv, 40_000, np.random.default_rng(3))
    gaps = np.diff(offsets)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.05)
    assert abs(lag_one(offsets)) < 0.03
    assert low < dispersion(offsets) < high


def test_streams_that_share_a_seed_would_be_found_out() -> None:
    """What the test above is for: four workers with one seed look like bursts of four."""
    one = poisson(5.0, ARRIVALS // 4, np.random.default_rng(1))
    assert dispersion(np.sort(np.concatenate([one] * 4))) > 3
