"""Strata: by a tag, or by clusters of like messages; how many items each gets, and which.

Seats go by the square root of a stratum's size, at least two where it has two: between an equal number each (which
compares strata best) and a proportional one (which stands for the log best); known as power allocation (M. D. Bankier,
The American Statistician 1988). Within a stratum items are drawn at random, so that each has a known chance, and a
figure for the whole log is the strata's figures weighted by their sizes.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq

from edgebench.redacting.table import table
from edgebench.workloads.importing.alike import plain
from edgebench.workloads.importing.vectors import Array

LEAST_EACH = 2
_EDGES = "".join(chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum()) + "“”‘’„«»…–—¿¡।。，！？"
_INSIDE = "#@[]<>{}=/\\_"
MOST_CLUSTERS = 50
FITTED = 10_000  # points k-means is fitted on; the others go to the nearest centre
ROUNDS = 20
WORDS = 3  # that name a cluster
SEEN_IN = 3  # different messages a word must stand in to name one: a single message's words may be a person's


@dataclass(frozen=True)
class Stratum:
    """A kind of message, and how many of them there are: different ones, and all with their near-duplicates."""

    name: str
    different: int
    messages: int
    items: int = 0


def number_of_clusters(points: int, items: int) -> int:
    """About √(n/2), never so many that the items could not hold two of each."""
    return max(1, min(MOST_CLUSTERS, items // LEAST_EACH // 2, math.isqrt(max(1, points // 2))))


def clusters(points: Array, k: int, seed: int) -> NDArray[np.int64]:
    """A cluster for each point, shape (n,), the largest first; k-means from k-means++ seeds (scipy), on a sample."""
    rng = np.random.default_rng(seed)
    fitted = points if len(points) <= FITTED else points[np.sort(rng.choice(len(points), FITTED, replace=False))]
    k = min(k, len({point.tobytes() for point in fitted}))  # no more centres than different points
    if k < 2:
        return np.zeros(len(points), np.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One of the clusters is empty", category=UserWarning)
        centres, _ = kmeans2(fitted.astype(np.float64), k, iter=ROUNDS, minit="++", seed=rng)
    found, _ = vq(points.astype(np.float64), centres)
    order = np.argsort(-np.bincount(found, minlength=k), kind="stable")
    place = np.empty(k, np.int64)
    place[order] = np.arange(k)
    return place[found].astype(np.int64)


def names(found: NDArray[np.int64], texts: Sequence[str]) -> list[str]:
    """A name for the cluster of each text: its number, and the words that tell it from the others.

    Those with the largest p·log(p/q), p their share of the cluster's texts and q of all: common in it, not elsewhere.
    """
    count, grammar = int(found.max(initial=0)) + 1, table().grammar
    everywhere: Counter[str] = Counter()
    inside = [Counter[str]() for _ in range(count)]
    for text, cluster in zip(texts, found.tolist(), strict=True):
        words = {word for word in _words(text) if word not in grammar}
        everywhere.update(words)
        inside[cluster].update(words)
    sizes = np.bincount(found, minlength=count).tolist()
    named = []
    for cluster, held in enumerate(inside):
        lead = {
            word: times / sizes[cluster] * math.log(times / sizes[cluster] * len(texts) / everywhere[word])
            for word, times in held.items()
        }
        typical = sorted((word for word in held if held[word] >= SEEN_IN), key=lambda word: (-lead[word], word))
        named.append(" ".join([f"{cluster + 1:0{len(str(count))}d}", ", ".join(typical[:WORDS])]).strip())
    return [named[cluster] for cluster in found.tolist()]


def _words(text: str) -> set[str]:
    """The words of a text that could name something: three letters or more; marks put by redaction are none."""
    bare = (token.strip(_EDGES) for token in plain(text).split() if not token.startswith("["))
    return {word for word in bare if len(word) > 2 and not any(sign in word for sign in _INSIDE)}


def seats(sizes: Mapping[str, int], items: int) -> dict[str, int]:
    """Items for each stratum: by the square root of its size, two at least where it has two, never more than it has."""
    if sum(sizes.values()) <= items:
        return dict(sizes)
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    least = next((n for n in range(LEAST_EACH, 0, -1) if sum(min(n, size) for size in sizes.values()) <= items), 0)
    given = {name: min(least, sizes[name]) for name in sizes}
    if least == 0:
        return {**given, **dict.fromkeys(order[:items], 1)}
    roots = {name: math.sqrt(sizes[name]) for name in order}
    share = {name: items * roots[name] / sum(roots.values()) for name in order}
    for _ in range(items - sum(given.values())):
        # one seat after the other to whoever is furthest below its share
        best = max((name for name in order if given[name] < sizes[name]), key=lambda name: share[name] - given[name])
        given[best] += 1
    return given
