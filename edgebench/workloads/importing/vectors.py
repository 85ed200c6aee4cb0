"""Texts as points, so that like ones lie near each other: by a model's embeddings, or by hashed character trigrams.

Without a model: counts of trigrams, damped (1 + log count), weighted by how rare a trigram is, spread with signs over
512 dimensions (feature hashing, K. Weinberger et al., ICML 2009) and scaled to length 1. That groups texts by their
letters: words and their endings, in any script, but not by meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebench.workloads.importing.alike import SCATTER, mixed_trigrams, plain

Array = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Array]  # texts → (n, d)

DIMENSIONS = 512
BUCKETS = 1 << 20  # of trigrams, for how rare each is


@dataclass(frozen=True)
class Points:
    """Vectors of length 1, shape (n, d), how they were made, and from which cosine on two texts are about the same."""

    vectors: Array
    method: str
    near: float


#: cosine from which on two texts are taken to ask for much the same: where, among all pairs of questions of Banking77
#: that are at least so near, about half have the same of its 77 intents (one in 79 of all pairs has)
NEAR_EMBEDDINGS = 0.65
NEAR_TRIGRAMS = 0.35


def points(texts: Sequence[str], embed: Embed | None, model: str = "") -> Points:
    """The texts as points, in their order."""
    if embed is None:
        return Points(trigram_vectors(texts), "hashed character trigrams", NEAR_TRIGRAMS)
    return Points(_scaled(np.asarray(embed(texts), np.float32)), f"embeddings of {model}", NEAR_EMBEDDINGS)


def trigram_vectors(texts: Sequence[str]) -> Array:
    """Vectors of length 1 from weighted, hashed trigrams, shape (n, 512)."""
    found = [_counted(text) for text in texts]
    weights = _rarity(found, len(texts))
    out = np.zeros((len(texts), DIMENSIONS), np.float32)
    for row, (buckets, counts) in enumerate(found):
        values = (1 + np.log(counts)) * weights[buckets]
        signs = np.where(buckets & 1, 1.0, -1.0)
        out[row] = np.bincount((buckets >> 1) % DIMENSIONS, values * signs, minlength=DIMENSIONS)
    return _scaled(out)


def _counted(text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(buckets of the text's trigrams, how often each is there)."""
    mixed = mixed_trigrams(plain(text))
    if not len(mixed):
        return np.zeros(1, np.int64), np.ones(1, np.int64)
    buckets, counts = np.unique((mixed * SCATTER >> np.uint64(44)).astype(np.int64), return_counts=True)
    return buckets, counts


def _rarity(found: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], texts: int) -> NDArray[np.float64]:
    """log((1 + texts) / (1 + texts with the trigram)), per bucket."""
    held = np.zeros(BUCKETS, np.int64)
    for buckets, _ in found:
        held[buckets] += 1
    weights: NDArray[np.float64] = np.log((1 + texts) / (1.0 + held))
    return weights


def _scaled(vectors: Array) -> Array:
    """Rows of length 1; a row of zeros stays one, near to nothing."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    out: Array = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return out
