"""Rates, paired differences and Holm, against statsmodels and brute force."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from edgebench.stats import multiple, paired, rates


@pytest.fixture(scope="module", autouse=True)
def little_to_collect() -> Iterator[None]:
    """statsmodels collects garbage in each call of its Holm: it need not look through all that a test run has made."""
    gc.freeze()
    yield
    gc.unfreeze()


@given(n=st.integers(1, 600), share=st.floats(0, 1), level=st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_statsmodels_wilson(n: int, share: float, level: float) -> None:
    """Our interval is the one everybody calls Wilson's."""
    k = round(share * n)
    low, high = rates.wilson(k, n, level)
    theirs = proportion_confint(k, n, alpha=1 - level, method="wilson")
    assert (low, high) == pytest.approx(theirs, abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1
    assert low < high


def test_a_rate_of_nothing_is_refused() -> None:
    """No trials, no rate: never 0 ± 0."""
    with pytest.raises(ValueError, match="n > 0"):
        rates.wilson(0, 0)


@given(n=st.integers(1, 60), k=st.integers(0, 60), p=st.floats(0.01, 0.99))
def test_tails_equal_the_sum_of_their_terms(n: int, k: int, p: float) -> None:
    """The incomplete-beta tails are the binomial's, term by term."""
    k = min(k, n)
    terms = [math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
    assert rates.at_most(k, n, p) == pytest.approx(sum(terms[: k + 1]), abs=1e-9)
    assert rates.at_least(k, n, p) == pytest.approx(sum(terms[k:]), abs=1e-9)


def test_exceedances_decide_only_on_evidence() -> None:
    """299 requests without an exceedance meet a p99, 298 do not; a flood misses it; chance leaves it open."""
    assert rates.exceedances(0, 299, 0.01) == "met"
    assert rates.exceedances(0, 298, 0.01) == "undecided"
    assert rates.exceedances(10, 250, 0.01) == "missed"
    assert rates.exceedances(3, 250, 0.01) == "undecided"
    assert rates.exceedances(0, 0, 0.01) == "undecided"
    assert rates.needed_without_exceedance(0.01) == 299
    assert rates.needed_without_exceedance(0.05) == 59


@given(b=st.integers(0, 80), c=st.integers(0, 80))
def test_mid_p_is_the_exact_p_less_half_of_what_was_seen(b: int, c: int) -> None:
    """McNemar's mid-p from statsmodels' exact p: the observed table counts half on each side."""
    ours = paired.mcnemar_mid_p(b, c)
    assert ours == paired.mcnemar_mid_p(c, b)
    if b == c:
        assert ours == 1.0
    else:
        exact = mcnemar([[10, b], [c, 10]], exact=True).pvalue
        seen = math.comb(b + c, min(b, c)) / 2 ** (b + c)
        assert ours == pytest.approx(exact - seen, abs=1e-9)


def test_bonett_price_by_hand() -> None:
    """10 against 4 of 100 pairs: the adjusted shares and their variance written out."""
    low, high = paired.bonett_price(10, 4, 100)
    plus, minus = 11 / 102, 5 / 102
    half = 1.959964 * math.sqrt((plus + minus - (plus - minus) ** 2) / 102)
    assert (low, high) == pytest.approx((plus - minus - half, plus - minus + half), abs=1e-6)
    with pytest.raises(ValueError, match="not possible"):
        paired.bonett_price(3, 3, 5)


def test_the_published_example_of_paired_shares() -> None:
    """Complete response before and after consolidation therapy (Cavo et al. 2012), 6 against 16 of 161 patients.

    Bonett and Price's interval and the mid-p as M. W. Fagerland, S. Lydersen and P. Laake print them (Statistical
    Analysis of Contingency Tables, 2017, ch. 8).
    """
    assert paired.bonett_price(6, 16, 161) == pytest.approx((-0.1195, -0.0032), abs=5e-5)
    assert paired.mcnemar_mid_p(6, 16) == pytest.approx(0.034690, abs=5e-7)
    assert mcnemar([[59, 6], [16, 80]], exact=True).pvalue == pytest.approx(0.052479, abs=5e-7)


@given(b=st.integers(1, 60), c=st.integers(1, 60), n=st.integers(120, 400), worth=st.floats(0.2, 1.0))
def test_fewer_independent_pairs_say_less(b: int, c: int, n: int, worth: float) -> None:
    """Fractions of pairs: the interval only widens, the p-value only grows."""
    low, high = paired.bonett_price(b, c, n)
    wide = paired.bonett_price(b * worth, c * worth, n * worth)
    assert wide[1] - wide[0] >= high - low - 1e-12
    assert paired.mcnemar_mid_p(b * worth, c * worth) >= paired.mcnemar_mid_p(b, c) - 1e-9


@given(n=st.integers(1, 400), k=st.integers(0, 400), allowed=st.sampled_from([0.01, 0.05, 0.1, 0.5]))
def test_exceedances_are_scipys_binomial_test(n: int, k: int, allowed: float) -> None:
    """Met and missed exactly where the one-sided exact tests are at most 5 %."""
    k = min(k, n)
    fewer, more = (binomtest(k, n, allowed, alternative=side).pvalue for side in ("less", "greater"))
    verdict = rates.exceedances(k, n, allowed)
    assert verdict == ("met" if fewer <= 0.05 else "missed" if more <= 0.05 else "undecided")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels_holm(p_values: list[float]) -> None:
    """Adjusted p-values in the order given."""
    assert multiple.holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))
