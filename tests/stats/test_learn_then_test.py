"""Learn then Test on answers whose order is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.stats.learn_then_test import lowest_threshold, needed


def answers(right: int, wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores 1, 2, …: the lowest are the wrong ones."""
    score = np.arange(1, right + wrong + 1).astype(float)
    return score, score <= wrong


def test_where_nothing_is_wrong_everything_may_be_served() -> None:
    score, wrong = answers(100, 0)
    assert lowest_threshold(score, wrong, alpha=0.1, delta=0.05) == 1.0


def test_as_few_as_needed_are_enough_and_one_fewer_is_not() -> None:
    """39 answers without a mistake show ≤ 10 % at 95 %, shared out over three starts; 38 do not."""
    assert needed(0.1, 0.05) == 39
    for n, found in ((39, 1.0), (38, None)):
        score, wrong = answers(n, 0)
        assert lowest_threshold(score, wrong, alpha=0.1, delta=0.05) == found


def test_it_stops_before_the_mistakes_weigh_too_much() -> None:
    """200 right ones above 100 wrong ones: some wrong ones may be served, but not 10 % in what was seen."""
    score, wrong = answers(200, 100)
    found = lowest_threshold(score, wrong, alpha=0.1, delta=0.05)
    assert found is not None
    served = score >= found
    assert served.sum() >= 200 and 0 < wrong[served].mean() < 0.1


def test_stricter_promises_serve_less() -> None:
    rng = np.random.default_rng(2)
    wrong = rng.random(400) < 0.3
    score = rng.normal(0, 1, 400) - 2.0 * wrong
    found = [lowest_threshold(score, wrong, alpha=alpha, delta=0.05) or math.inf for alpha in (0.05, 0.1, 0.2)]
    assert found == sorted(found, reverse=True) and found[0] > found[2]


def test_what_comes_without_a_score_is_never_served() -> None:
    """It counts among all requests, though: a sequence starts where a fifth of those is served."""
    score, wrong = answers(100, 0)
    silent = np.full(50, -np.inf)
    found = lowest_threshold(
        np.concatenate([score, silent]), np.concatenate([wrong, np.ones(50, bool)]), alpha=0.1, delta=0.05
    )
    assert found == 1.0
    assert lowest_threshold(silent, np.zeros(50, bool), alpha=0.1, delta=0.05) is None


def test_those_that_tie_with_a_threshold_are_counted_all() -> None:
    """Sixty equally sure, ten of them wrong, whatever their order: serving them is wrong too often."""
    wrong = np.arange(60) >= 50
    for order in (wrong, wrong[::-1]):
        assert lowest_threshold(np.ones(60), order, alpha=0.1, delta=0.05) is None
    score, late = np.concatenate([np.arange(2, 102), np.ones(60)]).astype(float), np.arange(160) >= 120
    assert lowest_threshold(score, late, alpha=0.1, delta=0.05) == 2.0  # not 1, whose first ones look good


def test_bad_luck_at_the_first_start_is_not_the_end() -> None:
    """Mistakes among the very surest stop the first sequence; a later start goes on."""
    score, wrong = answers(300, 0)
    wrong[-8:] = True
    assert lowest_threshold(score, wrong, alpha=0.1, delta=0.05) == 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=300))
def test_a_promised_threshold_is_one_of_the_scores_and_looked_good(rows: list[tuple[int, bool]]) -> None:
    """Those that tie with it are served too, and counted."""
    score, wrong = np.array([float(s) for s, _ in rows]), np.array([w for _, w in rows])
    found = lowest_threshold(score, wrong, alpha=0.3, delta=0.2)
    if found is not None:
        assert found in score
        assert wrong[score >= found].mean() <= 0.3


@pytest.mark.parametrize("n", [1, 2, 5])
def test_next_to_nothing_promises_nothing(n: int) -> None:
    score, wrong = answers(n, 0)
    assert lowest_threshold(score, wrong, alpha=0.1, delta=0.05) is None
