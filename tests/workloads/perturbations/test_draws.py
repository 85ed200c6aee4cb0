"""Draws: the same everywhere, and fair."""

from __future__ import annotations

from collections import Counter

from edgebench.workloads.perturbations.draws import Draws


def test_the_stream_is_that_of_sha_256():
    """The first words of a stream are pinned: nothing but the key decides them, on every machine."""
    draws = Draws(1, "keyboard-typos(0.05)", "ab" * 32)
    assert [draws.word() for _ in range(5)] == [
        7617468709243329000,
        2327203812028713365,
        9293140075607026106,
        4970176890243997573,
        2742721569205322666,
    ]


def test_every_part_of_the_key_matters():
    """Another seed, another perturbation or another item is another stream."""
    keys = [(1, "a", "x"), (2, "a", "x"), (1, "b", "x"), (1, "a", "y"), (1, "ax", "")]
    assert len({Draws(*key).word() for key in keys}) == len(keys)


def test_numbers_below_n_are_all_alike():
    """6,000 throws of a die: each side 1,000 times, give or take four standard errors."""
    draws = Draws(1, "die", "")
    sides = Counter(draws.below(6) for _ in range(6000))
    assert set(sides) == set(range(6)) and all(abs(n - 1000) < 4 * 29 for n in sides.values())


def test_rounding_keeps_the_mean():
    """2.3 becomes 2 or 3, and 2.3 on average; a whole number stays."""
    draws = Draws(1, "rounded", "")
    amounts = [draws.rounded(2.3) for _ in range(4000)]
    assert set(amounts) == {2, 3} and abs(sum(amounts) / 4000 - 2.3) < 0.03
    assert draws.rounded(4.0) == 4 and draws.rounded(0.0) == 0


def test_some_are_different_in_order_and_each_as_likely():
    """Three of seven: distinct, sorted, every number three times in seven; more than there are is all of them."""
    draws = Draws(1, "some", "")
    times: Counter[int] = Counter()
    for _ in range(3500):
        chosen = draws.some(3, 7)
        assert len(set(chosen)) == 3 and chosen == sorted(chosen)
        times.update(chosen)
    assert all(abs(times[n] - 1500) < 4 * 30 for n in range(7))
    assert draws.some(9, 4) == [0, 1, 2, 3] and draws.some(2, 0) == []
