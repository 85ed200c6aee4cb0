"""Sample sizes, against statsmodels and by simulation of what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.quantile_regression import hall_sheather

from edgebench.stats import paired, sample_size


@given(st.integers(20, 20_000), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_bandwidth_is_statsmodels(n: int, q: float) -> None:
    """Hall and Sheather's rule."""
    assert sample_size.bandwidth(n, q) == pytest.approx(hall_sheather(n, q))


def test_sparsity_is_one_over_the_density() -> None:
    """Of a normal median and a log-normal one, within 10 %; declared, exactly."""
    ordered = np.sort(np.random.default_rng(1).normal(size=4000))
    assert sample_size.sparsity(ordered, 0.5) == pytest.approx(math.sqrt(2 * math.pi), rel=0.1)
    sigma = math.sqrt(math.log1p(0.09))
    for q in (0.5, 0.95):
        density = stats.lognorm.pdf(stats.lognorm.ppf(q, sigma), sigma)
        assert sample_size.normal_sparsity(0.3, q) == pytest.approx(1 / density)


def test_the_requests_named_find_the_shift() -> None:
    """CV 30 %, a shift of 5 % of the median: with the n named, a z-test of two medians finds it in 90 ± 4 % of runs."""
    rng, sigma = np.random.default_rng(2), math.sqrt(math.log1p(0.09))
    n = sample_size.for_quantile(sample_size.normal_sparsity(0.3, 0.5), 0.5, 0.05)
    medians = [np.median(np.exp(rng.normal(shift, sigma, (1500, n))), axis=1) for shift in (0.0, math.log(1.05))]
    error = math.sqrt(2 * 0.25 / n) * sigma * math.sqrt(2 * math.pi)
    assert np.mean(np.log(medians[1] / medians[0]) > 1.96 * error) == pytest.approx(0.9, abs=0.04)


def test_pairing_saves_requests_and_memory_costs_them() -> None:
    """Half the variance shared: half of them; each worth half: twice as many."""
    plain = sample_size.for_quantile(10.0, 0.5, 1.0)
    assert sample_size.for_quantile(10.0, 0.5, 1.0, correlation=0.5) == pytest.approx(plain / 2, abs=1)
    assert sample_size.for_quantile(10.0, 0.5, 1.0, shared=2.0) == pytest.approx(plain * 2, abs=1)
    assert sample_size.for_quantile(10.0, 0.5, 1.0, power=0.8) < plain
    with pytest.raises(ValueError, match="above 0"):
        sample_size.for_quantile(10.0, 0.5, 0.0)


@pytest.mark.parametrize(("pairs", "discordant"), [(200, 0.15), (400, 0.3), (1000, 0.5)])
def test_the_difference_named_is_found(pairs: int, discordant: float) -> None:
    """Pairs simulated at that difference: McNemar's mid-p is below 5 % in about 90 of 100."""
    difference = sample_size.smallest_difference(pairs, discordant)
    assert difference is not None
    rng = np.random.default_rng(3)
    plus, minus = (discordant + difference) / 2, (discordant - difference) / 2
    tables = rng.multinomial(pairs, [plus, minus, 1 - discordant], size=1500)
    found = np.mean([paired.mcnemar_mid_p(b, c) < 0.05 for b, c, _ in tables.tolist()])
    assert found == pytest.approx(0.9, abs=0.04)


def test_what_no_number_of_points_can_show() -> None:
    """Ten pairs of which one in a hundred disagrees show nothing; no pairs, nothing either."""
    assert sample_size.smallest_difference(10, 0.01) is None
    assert sample_size.smallest_difference(0) is None
    assert [sample_size.smallest_difference(n) for n in (1, 2)] == [None, None]
    fewer, more = (sample_size.smallest_difference(n) for n in (100, 400))
    assert fewer is not None and more is not None and fewer == pytest.approx(2 * more, rel=0.1)
