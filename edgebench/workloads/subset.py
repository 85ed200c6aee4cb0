"""A deterministic subset: the same items on every machine, whatever the order of the file.

Items are put in the order of SHA-256(salt, item digest). Only the salt comes from the random generator, as one raw
word of its bit stream: that stream is fixed for a seed, while how numpy shuffles may change between versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np

from edgebench.records import Item

T = TypeVar("T")


def shuffled(values: Sequence[T], *, rng: np.random.Generator, digest: Callable[[T], str]) -> list[T]:
    """``values`` in an order that depends on ``rng`` and on what they are, not on where they stood."""
    salted = salt(rng)
    return sorted(values, key=lambda value: _place(salted, digest(value)))


def stratified(items: Sequence[Item], size: int, *, rng: np.random.Generator, key: Callable[[Item], str]) -> list[Item]:
    """``size`` of the items, each stratum (``key``) in proportion, in the order of the file; all when there are fewer.

    Seats are dealt by the largest remainder (Hamilton's method): a stratum gets the floor or the ceiling of its share.
    Equal remainders are broken by the salted digest, so that no label gains by its name.
    """
    if size >= len(items):
        return list(items)
    salted = salt(rng)
    strata: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        strata.setdefault(key(item), []).append(index)
    seats = _seats({name: len(members) for name, members in strata.items()}, size, salted)
    chosen: list[int] = []
    for name, members in strata.items():
        members.sort(key=lambda index: (_place(salted, items[index].digest), items[index].id, index))
        chosen += members[: seats[name]]
    return [items[index] for index in sorted(chosen)]


def _seats(sizes: dict[str, int], size: int, salted: int) -> dict[str, int]:
    total = sum(sizes.values())
    shares = {name: Fraction(count * size, total) for name, count in sizes.items()}
    seats = {name: int(share) for name, share in shares.items()}
    hungry = sorted(shares, key=lambda name: (seats[name] - shares[name], _place(salted, name)))
    for name in hungry[: size - sum(seats.values())]:
        seats[name] += 1
    return seats


def salt(rng: np.random.Generator) -> int:
    """One raw word of the generator's bit stream."""
    return int(rng.bit_generator.random_raw())


def _place(salted: int, digest: str) -> str:
    return hashlib.sha256(f"{salted}:{digest}".encode()).hexdigest()
