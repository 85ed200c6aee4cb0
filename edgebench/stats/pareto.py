"""The front of points: which of them no other beats, exactly, ties kept.

A point is beaten when another is no worse in every coordinate and better in one (lower is better). In two coordinates
by one sweep over the sorted points, O(n log n) (H. T. Kung et al., J. ACM 1975); in more by comparing each with the
front found so far, in an order in which nothing later can beat anything earlier: O(n · front).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


def pareto_indices(loss: Array) -> Index:
    """Places of the points on the front, ascending; ``loss`` has the shape (points, coordinates).

    Equal points are all on it or all off it. A point with a coordinate that is no number is never on it.
    """
    known = np.flatnonzero(~np.isnan(loss).any(axis=1))
    unique, group = np.unique(loss[known], axis=0, return_inverse=True)
    on = _sweep(unique) if unique.shape[1] == 2 else _one_by_one(unique)
    return known[on[group.reshape(-1)]]


def _sweep(ordered: Array) -> NDArray[np.bool_]:
    """Of different points in ascending order: on the front is what is lower in the second than all before it."""
    before = np.concatenate([[np.inf], np.minimum.accumulate(ordered[:, 1])[:-1]])
    on: NDArray[np.bool_] = ordered[:, 1] < before
    on[:1] = True  # even where it is infinite
    return on


def _one_by_one(ordered: Array) -> NDArray[np.bool_]:
    """Of different points in ascending order, where whatever beats a point stands before it."""
    on = np.zeros(len(ordered), dtype=bool)
    front = np.empty_like(ordered)
    size = 0
    for place, point in enumerate(ordered):
        if not (front[:size] <= point).all(axis=1).any():
            front[size], on[place] = point, True
            size += 1
    return on
