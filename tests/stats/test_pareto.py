"""The front of points: its definition, its ties, and that it does not slow down with many points."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgebench.stats.pareto import Array, pareto_indices


def by_definition(loss: Array) -> list[int]:
    def beats(a: Array, b: Array) -> bool:
        return bool((a <= b).all() and (a < b).any())

    known = [k for k in range(len(loss)) if not np.isnan(loss[k]).any()]
    return [k for k in known if not any(beats(loss[other], loss[k]) for other in known)]


@pytest.mark.parametrize("coordinates", [1, 2, 3, 4])
@given(st.data())
def test_the_front_is_its_definition(coordinates: int, data: st.DataObject) -> None:
    """In any number of coordinates, with many ties, infinities and absent numbers."""
    values = st.sampled_from([0.0, 1.0, 2.0, 3.0, np.inf, -np.inf, np.nan])
    loss = data.draw(arrays(float, (data.draw(st.integers(0, 12)), coordinates), elements=values))
    assert pareto_indices(loss).tolist() == by_definition(loss)


def test_equal_points_are_kept_together() -> None:
    """Copies of a point on the front are all on it, copies of a beaten one all off."""
    loss = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [2.0, 2.0], [2.0, 2.0]])
    assert pareto_indices(loss).tolist() == [0, 1, 2]


@pytest.mark.parametrize("all_on_it", [False, True])
def test_ten_thousand_points_take_less_than_a_second(all_on_it: bool) -> None:
    """Two coordinates, whether few or all of them are on the front."""
    rng = np.random.default_rng(1)
    first = rng.random(10_000)
    loss = np.stack([first, -first if all_on_it else rng.random(10_000)], axis=1)
    began = time.process_time()
    found = pareto_indices(loss)
    assert time.process_time() - began < 1
    assert (len(found) == 10_000) is all_on_it
