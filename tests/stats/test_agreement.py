"""Agreement on an ordered scale: equal to scikit-learn's, and honest about how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.stats import agreement, bootstrap

LEVELS = st.integers(2, 7).flatmap(
    lambda k: st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=60)
)
PROPERTY = settings(max_examples=120, deadline=None, derandomize=True)


def columns(pairs):
    a, b = zip(*pairs, strict=True)
    return np.array(a, dtype=np.int64), np.array(b, dtype=np.int64)


def raters(rng, n, levels=5, slip=0.35):
    """Two raters of the same truth, each off by one level now and then."""
    truth = rng.integers(0, levels, n)
    seen = [np.clip(truth + rng.choice([-1, 0, 1], n, p=[slip / 2, 1 - slip, slip / 2]), 0, levels - 1) for _ in "ab"]
    return seen[0].astype(np.int64), seen[1].astype(np.int64)


@PROPERTY
@given(pairs=LEVELS)
def test_kappa_is_scikit_learns(pairs):
    """Equal to 1e-9, on scales with gaps too; absent exactly where theirs is not a number."""
    from sklearn.metrics import cohen_kappa_score

    a, b = columns(pairs)
    top = int(max(a.max(), b.max()))
    found = agreement.kappa(a, b)
    if len({*a.tolist(), *b.tolist()}) == 1:
        assert found is None
        return
    theirs = cohen_kappa_score(a, b, weights="quadratic", labels=list(range(top + 1)))
    assert found is not None and found[0] == pytest.approx(theirs, abs=1e-9)


@PROPERTY
@given(pairs=LEVELS)
def test_shares_are_counted(pairs):
    """Exact and ±1 agreement are the shares one counts by hand, inside their intervals, exact never above ±1."""
    a, b = columns(pairs)
    exact, adjacent = agreement.exact(a, b), agreement.adjacent(a, b)
    assert exact[0] == pytest.approx(sum(x == y for x, y in pairs) / len(pairs), abs=1e-12)
    assert adjacent[0] == pytest.approx(sum(abs(x - y) <= 1 for x, y in pairs) / len(pairs), abs=1e-12)
    assert exact[0] <= adjacent[0] and exact[1] <= exact[0] <= exact[2] and adjacent[1] <= adjacent[0] <= adjacent[2]


@PROPERTY
@given(pairs=LEVELS, seed=st.integers(0, 100))
def test_kappa_does_not_depend_on_who_is_first_nor_on_the_order_nor_on_a_shift(pairs, seed):
    """Raters may change places, items may be shuffled, levels may be counted from one."""
    a, b = columns(pairs)
    order = np.random.default_rng(seed).permutation(len(a))
    whole = agreement.kappa(a, b)
    for other in (agreement.kappa(b, a), agreement.kappa(a[order], b[order]), agreement.kappa(a + 1, b + 1)):
        assert (whole is None) == (other is None)
        if whole is not None:
            assert other == pytest.approx(whole, abs=1e-9)


@PROPERTY
@given(pairs=LEVELS)
def test_kappas_of_draws_are_kappas_of_the_drawn_items(pairs):
    """Each draw's value is the kappa of the items written out as often as they were drawn."""
    a, b = columns(pairs)
    weights = bootstrap.cluster_draws(len(a), 5, np.random.default_rng(1))
    drawn = agreement.kappas(weights, np.arange(len(a)), a, b)
    for counts, value in zip(weights, drawn, strict=True):
        found = agreement.kappa(np.repeat(a, counts), np.repeat(b, counts))
        assert np.isnan(value) if found is None else value == pytest.approx(found[0], abs=1e-9)


def test_perfect_agreement_is_one_and_still_not_certain():
    """All equal: one, with an interval that three items cannot make narrow."""
    few = agreement.kappa(np.array([0, 1, 2]), np.array([0, 1, 2]))
    many = agreement.kappa(np.tile([0, 1, 2], 100), np.tile([0, 1, 2], 100))
    assert few is not None and many is not None
    assert few[0] == many[0] == few[2] == many[2] == 1.0
    assert few[1] < 0.2 < 0.9 < many[1]


def test_too_few_clusters_say_nothing_of_the_width():
    """Two clusters: the value, and an interval of everything."""
    assert agreement.kappa(np.array([0, 1]), np.array([1, 1])) == (0.0, -1.0, 1.0)


@pytest.mark.parametrize("measure", [agreement.exact, agreement.adjacent, agreement.kappa])
def test_nothing_or_unequal_columns_are_refused(measure):
    """No items, or one rater with more of them."""
    with pytest.raises(ValueError, match="as many"):
        measure(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    with pytest.raises(ValueError, match="as many"):
        measure(np.array([1, 2]), np.array([1, 2, 3]))


def test_the_interval_of_kappa_covers():
    """n = 250, five levels: 95 ± 1.5 % of 1,500 samples hold the kappa of the whole population."""
    rng = np.random.default_rng(5)
    truth = agreement.kappa(*raters(rng, 1_000_000))
    assert truth is not None
    covered = 0
    for _ in range(1500):
        found = agreement.kappa(*raters(rng, 250))
        assert found is not None
        covered += found[1] <= truth[0] <= found[2]
    assert 0.935 - 2 * 0.0056 <= covered / 1500 <= 0.965 + 2 * 0.0056


def test_the_interval_of_kappa_covers_where_items_come_in_clusters():
    """Every item judged five times alike: the clustered interval covers, the naive one is far too narrow."""
    rng = np.random.default_rng(6)
    truth = agreement.kappa(*raters(rng, 1_000_000))
    assert truth is not None
    member = np.repeat(np.arange(60), 5)
    clustered = naive = 0
    for _ in range(600):
        a, b = (np.repeat(each, 5) for each in raters(rng, 60))
        mine, plain = agreement.kappa(a, b, member), agreement.kappa(a, b)
        assert mine is not None and plain is not None
        clustered += mine[1] <= truth[0] <= mine[2]
        naive += plain[1] <= truth[0] <= plain[2]
    assert clustered / 600 >= 0.93 - 2 * 0.0104 and naive / 600 < 0.75


def test_shares_of_clustered_items_are_worth_less():
    """Items judged five times alike give the interval of one fifth as many."""
    rng = np.random.default_rng(7)
    a, b = raters(rng, 50)
    alone = agreement.exact(a, b)
    repeated = agreement.exact(np.repeat(a, 5), np.repeat(b, 5), np.repeat(np.arange(50), 5))
    assert repeated == pytest.approx(alone, abs=1e-9)
