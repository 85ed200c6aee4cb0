"""The rule of the advice on bare arrays, against the same rule written out arm by arm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgebench.decide.rule import eligible, outclassed, pick, tolerance
from edgebench.metrics.table import Floats
from edgebench.records import METRICS

OBJECTIVES = ("accuracy", "p95_ms", "usd_per_1k")


def by_hand(rows: list[list[float]], objectives: tuple[str, ...]) -> int:
    """Place of the arm picked, from one row of losses an arm."""
    alive = list(range(len(rows)))
    for k, metric in enumerate(objectives[:-1]):
        best = min(rows[i][k] for i in alive)
        slack = 0.02 if METRICS[metric].unit == "fraction" else 0.1 * abs(best)
        alive = [i for i in alive if rows[i][k] <= best + slack + 1e-12]
    for k in (len(objectives) - 1, *range(len(objectives) - 1)):
        best = min(rows[i][k] for i in alive)
        alive = [i for i in alive if rows[i][k] <= best]
    return alive[0]


@given(arrays(float, (4, 5, 3), elements=st.sampled_from([-0.9, -0.89, -0.88, -0.5, 0.0, 1.0, 1.05, 1.2, 30.0])))
def test_the_rule_is_what_its_words_say(loss: Floats) -> None:
    """Keep what is good enough, objective by objective; the best at the last; ties by the objectives again."""
    assert pick(loss, OBJECTIVES).tolist() == [by_hand(draw.tolist(), OBJECTIVES) for draw in loss]


@given(arrays(float, (1, 5, 3), elements=st.sampled_from([-0.9, -0.5, 0.0, 1.0, 1.2])), st.permutations(range(5)))
def test_names_decide_nothing(loss: Floats, order: list[int]) -> None:
    """In another order of the arms the pick has the same numbers."""
    shuffled = loss[:, order, :]
    one, other = pick(loss, OBJECTIVES)[0], pick(shuffled, OBJECTIVES)[0]
    assert loss[0, one].tolist() == shuffled[0, other].tolist()


@given(arrays(float, (6, 4, 3), elements=st.sampled_from([-0.9, -0.89, -0.5, 0.0, 1.0, 1.05])))
def test_what_another_beats_in_everything_is_never_picked(loss: Floats) -> None:
    """No worse anywhere and better somewhere: the rule never prefers the other."""
    for draw, place in zip(loss, pick(loss, OBJECTIVES), strict=True):
        assert not any((other <= draw[place]).all() and (other < draw[place]).any() for other in draw)


def test_tolerances() -> None:
    """Two points of a share, a tenth of anything else, nothing of what is unbounded."""
    assert tolerance("accuracy", np.array([-0.8])).tolist() == [0.02]
    assert tolerance("p95_ms", np.array([50.0, np.inf])).tolist() == [5.0, 0.0]
    assert tolerance("value_per_1k", np.array([-20.0])).tolist() == pytest.approx([2.0])


@pytest.mark.parametrize(
    ("answered", "missed", "stand_in", "may"),
    [
        ("110", "000", "000", "110"),  # who never answered is out
        ("111", "010", "000", "101"),  # who misses a limit is out
        ("111", "000", "001", "110"),  # a stand-in is out where something real is left
        ("111", "110", "001", "001"),  # and in where nothing else is
        ("001", "000", "001", "001"),
        ("111", "111", "000", "000"),
    ],
)
def test_who_may_be_recommended(answered: str, missed: str, stand_in: str, may: str) -> None:
    """One flag an arm."""
    flags = [np.array([letter == "1" for letter in text]) for text in (answered, missed, stand_in)]
    assert "".join("1" if one else "0" for one in eligible(*flags)) == may


def test_outclassed_in_nineteen_draws_of_twenty_and_by_whom() -> None:
    """At 95 % of the draws out, at 94 % not."""
    loss = np.zeros((100, 3, 2))
    loss[:, 1] = 1.0
    loss[:5, 1, 0] = -1.0  # on the front in 5 draws
    loss[:, 2] = 0.5
    loss[:6, 2, 1] = -1.0
    assert outclassed(loss).tolist() == [-1, 0, -1]
