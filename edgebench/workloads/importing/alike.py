"""Near-duplicates: messages that share most of their letters, found without comparing each with each.

Texts are compared as sets of character trigrams by Jaccard's index, letters folded and every number masked. Candidates
come from MinHash (A. Z. Broder 1997) with 64 permutations in 16 bands of 4: two texts that share 80 % of their
trigrams meet in a band with probability 1 − (1 − .8⁴)¹⁶ > .999, two that share 40 % with .34. What meets is compared
exactly, so only missed pairs are left to chance, and the permutations are fixed: the same log, the same answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.8
PERMUTATIONS, BANDS = 64, 16
MOST_COMPARED = 64  # leaders of one bucket that a text is held against
MOST_VERIFIED = 4  # of all it meets, compared exactly
_NUMBER = re.compile(r"\d+")
_MASK = (1 << 64) - 1
SCATTER = np.uint64(0xBF58476D1CE4E5B9)  # what trigrams are multiplied by, so that like ones lie far apart

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Text:
    """What of a case is compared: its last message (with its choices), and what came before."""

    asked: str
    before: str = ""


def plain(text: str) -> str:
    """Letters folded, numbers masked, blanks single."""
    return " ".join(_NUMBER.sub("#", unicodedata.normalize("NFKC", text).casefold()).split())


def trigrams(text: str) -> Hashes:
    """The hashed trigrams of a plain text, sorted, each once; at least one."""
    mixed = mixed_trigrams(text)
    if not len(mixed):
        return np.array([0], np.uint64)
    mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed * SCATTER)


def mixed_trigrams(text: str) -> Hashes:
    """Every trigram of a plain text as one number, in their order; its high bits are to be had by ``SCATTER``."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    first, second, third = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)
    mixed: Hashes = codes[:-2] * first + codes[1:-1] * second + codes[2:] * third
    return mixed


def jaccard(one: Hashes, other: Hashes) -> float:
    """The share of trigrams of either that are in both."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


def leaders(texts: Sequence[Text]) -> list[int]:
    """For every text the first one it is a near-duplicate of, itself when there is none before it."""
    first: dict[tuple[str, str], int] = {}
    plains = [(plain(text.asked), plain(text.before)) for text in texts]
    exact = [first.setdefault(pair, place) for place, pair in enumerate(plains)]
    unique = sorted(set(exact))
    asked = [trigrams(plains[place][0]) for place in unique]
    found = _near([plains[place] for place in unique], asked)
    of_unique = {place: unique[found[n]] for n, place in enumerate(unique)}
    return [of_unique[place] for place in exact]


def _near(plains: Sequence[tuple[str, str]], asked: Sequence[Hashes]) -> list[int]:
    """The same among texts that all differ, by their place in the list."""
    out: list[int] = []
    buckets: dict[bytes, list[int]] = {}
    signatures = _signatures(asked)
    for place, hashes in enumerate(asked):
        near, keys = None, _bands(signatures[place])
        met = sorted({leader for key in keys for leader in buckets.get(key, ())})
        for leader in _likely(signatures, place, met):
            if _alike(hashes, asked[leader], plains[place][1], plains[leader][1]):
                near = leader
                break
        if near is None:
            for key in keys:
                bucket = buckets.setdefault(key, [])
                if len(bucket) < MOST_COMPARED:
                    bucket.append(place)
        out.append(place if near is None else near)
    return out


def _likely(signatures: NDArray[np.uint32], place: int, met: Sequence[int]) -> Sequence[int]:
    """Of those met, the few whose signature agrees most, if nearly often enough.

    At four standard errors below the threshold hardly one is lost.
    """
    if not met:
        return ()
    share = (signatures[met] == signatures[place]).mean(axis=1)
    least = THRESHOLD - 4 * (THRESHOLD * (1 - THRESHOLD) / PERMUTATIONS) ** 0.5
    best = np.argsort(-share, kind="stable")[:MOST_VERIFIED]
    return [met[n] for n in best.tolist() if share[n] >= least]


def _alike(one: Hashes, other: Hashes, before: str, other_before: str) -> bool:
    small, large = sorted((len(one), len(other)))
    if small < THRESHOLD * large or jaccard(one, other) < THRESHOLD:
        return False
    return before == other_before or jaccard(trigrams(before), trigrams(other_before)) >= THRESHOLD


def _signatures(sets: Sequence[Hashes]) -> NDArray[np.uint32]:
    """The MinHash signature of every set, shape (sets, permutations)."""
    signatures = np.empty((len(sets), PERMUTATIONS), np.uint32)
    if not sets:
        return signatures
    joined = np.concatenate(sets)
    begins = np.concatenate([[0], np.cumsum([len(one) for one in sets])[:-1]]).astype(np.int64)
    for n, (multiply, add) in enumerate(_permutations()):
        mixed = joined * multiply + add
        signatures[:, n] = np.minimum.reduceat((mixed >> np.uint64(32)).astype(np.uint32), begins)
    return signatures


def _bands(signature: NDArray[np.uint32]) -> list[bytes]:
    """A signature cut into bands, each with its number."""
    whole, size = signature.tobytes(), signature.nbytes // BANDS
    return [bytes([band]) + whole[band * size : (band + 1) * size] for band in range(BANDS)]


def _permutations() -> list[tuple[np.uint64, np.uint64]]:
    """Odd multipliers and summands from SplitMix64 (Steele, Lea & Flood 2014), from a fixed seed."""
    state, drawn = 20261129, []
    for _ in range(2 * PERMUTATIONS):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        drawn.append(z ^ (z >> 31))
    return [(np.uint64(drawn[2 * n] | 1), np.uint64(drawn[2 * n + 1])) for n in range(PERMUTATIONS)]
