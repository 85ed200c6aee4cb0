"""Coverage: how much of the log the chosen items stand for, and what they leave out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebench.workloads.importing.vectors import Array, Points

SHOWN = 3  # regions, each with one example
CHUNK = 4_000


@dataclass(frozen=True)
class Region:
    """A stratum of which much is not covered."""

    stratum: str
    messages: int
    covered: float  # share of its messages
    example: str  # an uncovered message that others of them are like


@dataclass(frozen=True)
class Coverage:
    """Share of the log's messages whose nearest item is at least ``near`` to them, as a cosine."""

    share: float
    near: float
    method: str
    uniform: float | None  # the same for a uniform sample of as many; None: everything was chosen
    median: float  # cosine to the nearest item, over messages
    regions: tuple[Region, ...] = ()


def covered(
    points: Points,
    chosen: NDArray[np.int64],
    uniform: NDArray[np.int64],
    messages: NDArray[np.int64],
    strata: Sequence[str],
    texts: Sequence[str],
) -> Coverage:
    """The coverage of the chosen points.

    Parameters
    ----------
    points: one for each different message, shape (n, d).
    chosen, uniform: places of the items, and of a uniform sample of as many.
    messages: how many messages of the log each point stands for, shape (n,).
    strata, texts: of each point; texts are shown, so they are redacted.
    """
    nearest = _nearest(points.vectors, points.vectors[chosen])
    inside = nearest >= points.near
    everything = len(chosen) >= len(points.vectors)
    other = None if everything else _share(_nearest(points.vectors, points.vectors[uniform]) >= points.near, messages)
    return Coverage(
        share=_share(inside, messages),
        near=points.near,
        method=points.method,
        uniform=other,
        median=_weighted_median(nearest, messages),
        regions=tuple(_regions(points, inside, messages, strata, texts)),
    )


def _nearest(points: Array, items: Array) -> NDArray[np.float32]:
    """For every point the cosine to the nearest item, shape (n,)."""
    parts = [(points[at : at + CHUNK] @ items.T).max(axis=1) for at in range(0, len(points), CHUNK)]
    found: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return found


def _share(inside: NDArray[np.bool_], messages: NDArray[np.int64]) -> float:
    return float(messages[inside].sum() / messages.sum())


def _weighted_median(values: NDArray[np.float32], weights: NDArray[np.int64]) -> float:
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def _regions(
    points: Points,
    inside: NDArray[np.bool_],
    messages: NDArray[np.int64],
    strata: Sequence[str],
    texts: Sequence[str],
) -> list[Region]:
    """The strata with the most uncovered messages."""
    names = np.array(strata, dtype=object)
    missing = {name: int(messages[(names == name) & ~inside].sum()) for name in dict.fromkeys(strata)}
    worst = sorted((name for name in missing if missing[name]), key=lambda name: (-missing[name], name))[:SHOWN]
    out = []
    for name in worst:
        here = names == name
        bare = np.flatnonzero(here & ~inside)
        centre = points.vectors[bare].mean(axis=0)
        typical = bare[int(np.argmax(points.vectors[bare] @ centre))]
        whole = int(messages[here].sum())
        out.append(Region(name, whole, 1 - missing[name] / whole, texts[typical]))
    return out
