"""Subsets: the same items on every machine, every stratum in proportion."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.records import Item
from edgebench.workloads.subset import shuffled, stratified

#: drawn once and kept: a change here changes every subset anybody has published
KNOWN = ["a-18", "a-47", "b-10", "b-13"]


def items(counts: dict[str, int]) -> list[Item]:
    return [Item(f"{label}-{k}", f"{label} number {k}", label) for label, n in counts.items() for k in range(n)]


def drawn(population: list[Item], size: int, seed: int = 1) -> list[Item]:
    return stratified(population, size, rng=np.random.default_rng(seed), key=lambda item: str(item.reference))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 120), st.integers(0, 2**32))
def test_every_stratum_gets_the_floor_or_ceiling_of_its_share(counts, size, seed):
    """The subset has the size asked for (or all), and no label gains or loses more than one seat."""
    population = items({str(n): count for n, count in enumerate(counts)})
    chosen = drawn(population, size, seed)
    assert len(chosen) == min(size, len(population)) == len({item.digest for item in chosen})
    for n, count in enumerate(counts):
        share = count * len(chosen) / len(population)
        assert abs(sum(item.reference == str(n) for item in chosen) - share) < 1


def test_the_order_of_the_file_does_not_matter():
    """The same set is drawn from a shuffled file, and it is handed back in the order of the file."""
    population = items({"a": 40, "b": 25, "c": 7})
    mixed = population.copy()
    random.Random(5).shuffle(mixed)
    first, second = drawn(population, 20), drawn(mixed, 20)
    assert {item.digest for item in first} == {item.digest for item in second}
    assert [item.id for item in first] == [item.id for item in population if item in first]


def test_seeds_draw_different_subsets_and_the_known_one():
    """Another seed draws another set; seed 1 draws the one it has always drawn."""
    population = items({"a": 50, "b": 50})
    assert {item.id for item in drawn(population, 10, 1)} != {item.id for item in drawn(population, 10, 2)}
    assert sorted(item.id for item in drawn(population, 4, 1)) == KNOWN


def test_each_item_is_as_likely_as_any_other():
    """Over many seeds, items of one stratum are drawn about equally often."""
    population = items({"a": 10})
    times = dict.fromkeys((item.id for item in population), 0)
    for seed in range(400):
        for item in drawn(population, 3, seed):
            times[item.id] += 1
    assert all(80 < count < 160 for count in times.values()), times  # 120 expected, sd 9.2


def test_shuffling_depends_on_content_only():
    """The order of the input is forgotten."""
    values = [f"v{n}" for n in range(20)]
    one = shuffled(values, rng=np.random.default_rng(3), digest=str)
    other = shuffled(values[::-1], rng=np.random.default_rng(3), digest=str)
    assert one == other != values
