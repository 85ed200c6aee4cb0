"""AUROC: against counting pairs by hand, and its interval against what it must do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.stats.auroc import auroc


def by_pairs(score: list[float], right: list[bool]) -> float:
    """Share of (right, wrong) pairs in which the right one has the higher score; ties count half."""
    good = [s for s, r in zip(score, right, strict=True) if r]
    bad = [s for s, r in zip(score, right, strict=True) if not r]
    return sum((a > b) + (a == b) / 2 for a in good for b in bad) / (len(good) * len(bad))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_it_is_the_share_of_pairs_put_in_order(answers: list[tuple[int, bool]]) -> None:
    """Ties and all; the interval holds it and stays within 0…1."""
    score, right = [float(s) for s, _ in answers], [r for _, r in answers]
    if len(set(right)) < 2:
        return
    value, low, high = auroc(np.array(score), np.array(right))
    assert value == pytest.approx(by_pairs(score, right))
    assert 0 <= low <= value <= high <= 1


def test_delongs_variance_by_hand() -> None:
    """Three right, two wrong: the sums of squared placement values worked out on paper."""
    score, right = np.array([0.9, 0.6, 0.4, 0.5, 0.3]), np.array([True, True, True, False, False])
    value, low, high = auroc(score, right)
    assert value == pytest.approx(5 / 6)  # placements of the right ones: 1, 1, 1/2; of the wrong ones: 2/3, 1
    variance = ((1 / 6) ** 2 * 2 + (1 / 3) ** 2) / 2 / 3 + (1 / 6) ** 2 * 2 / 1 / 2
    half = 1.959964 * np.sqrt(variance) / (5 / 36)
    expected = [1 / (1 + np.exp(-(np.log(5) + sign * half))) for sign in (-1, 1)]
    assert [low, high] == pytest.approx(expected, rel=1e-5)


def test_whole_separation_is_not_certainty() -> None:
    """Ten answers in perfect order leave room for doubt, a thousand next to none."""
    for n, least, most in ((10, 0.3, 0.95), (1000, 0.98, 1.0)):
        right = np.arange(n) >= n // 3
        value, low, high = auroc(np.arange(n).astype(float), right)
        assert value == 1.0 and least < low <= most and high == 1.0
        value, low, high = auroc(-np.arange(n).astype(float), right)
        assert (value, low) == (0.0, 0.0) and high == pytest.approx(1 - auroc(np.arange(n) * 1.0, right)[1])


def test_items_asked_again_are_no_new_information() -> None:
    """Every answer five times over: the value stays, and so does the width of the interval."""
    rng = np.random.default_rng(3)
    right = rng.random(120) < 0.7
    score = rng.normal(0, 1, 120) + right
    once = auroc(score, right)
    again = auroc(np.tile(score, 5), np.tile(right, 5), np.tile(np.arange(120), 5))
    naive = auroc(np.tile(score, 5), np.tile(right, 5))
    assert again == pytest.approx(once, abs=0.004)
    assert naive[2] - naive[1] < 0.6 * (again[2] - again[1])


def test_nothing_to_tell_apart_is_an_error() -> None:
    with pytest.raises(ValueError, match="right and wrong"):
        auroc(np.array([0.1, 0.2]), np.array([True, True]))
