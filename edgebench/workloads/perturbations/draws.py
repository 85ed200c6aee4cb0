"""Draws that are the same on every machine and in every version of Python: SHA-256 of a key and a counter.

No generator whose stream a library could change, no ``hash()``, no floating-point sums: the words of the stream are
64-bit integers, and a draw below ``n`` is the high half of a 64 × 64-bit product (its bias, below n / 2**64, is far
below anything that could be seen).
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
WORDS = struct.Struct("<4Q")
RANGE = 1 << 64


class Draws:
    """One stream of draws; equal keys give equal streams."""

    def __init__(self, seed: int, name: str, digest: str) -> None:
        key = json.dumps([seed, name, digest], ensure_ascii=True)
        self._key = hashlib.sha256(key.encode("ascii")).digest()
        self._count = 0
        self._words: list[int] = []

    def word(self) -> int:
        """The next 64 bits."""
        if not self._words:
            block = hashlib.sha256(self._key + self._count.to_bytes(8, "little")).digest()
            self._words = list(WORDS.unpack(block))
            self._count += 1
        return self._words.pop()

    def below(self, n: int) -> int:
        """A whole number from 0 to ``n`` − 1, all alike."""
        return self.word() * n >> 64

    def chance(self, p: float) -> bool:
        """True with probability ``p``."""
        return self.word() < int(p * RANGE)

    def rounded(self, amount: float) -> int:
        """One of the two whole numbers around ``amount`` ≥ 0, so that its mean is ``amount``."""
        whole = int(amount)
        return whole + self.chance(amount - whole)

    def one_of(self, things: Sequence[T]) -> T:
        """One of them, all alike."""
        return things[self.below(len(things))]

    def some(self, count: int, n: int) -> list[int]:
        """``count`` different whole numbers below ``n``, in order; all of them when there are fewer."""
        if count >= n:
            return list(range(n))
        moved: dict[int, int] = {}  # a Fisher-Yates shuffle of range(n), as far as it is needed
        chosen = []
        for place in range(count):
            other = place + self.below(n - place)
            chosen.append(moved.get(other, other))
            moved[other] = moved.get(place, place)
        return sorted(chosen)
