"""When bytes come out of a network: the pure part of the relay."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.targets.shaping import Flow, Lane, Shape, delays, outages, quantile

TABLE = (3.0, 20.0, 250.0)
WIFI = Shape(30.0, 30.0, 13.0, jitter_ms=TABLE)
MS = 1_000_000

pieces = st.lists(st.tuples(st.integers(0, 50 * MS), st.integers(0, 100_000)), min_size=1, max_size=60)


def departures(
    arrivals_ns: Sequence[int], sizes: Sequence[int], held_up: Iterator[int], *, ns_per_byte: float, one_way_ns: int
) -> list[int]:
    """When the pieces of one connection, alone on its lane, come out at the other end."""
    flow = Flow(Lane(ns_per_byte, one_way_ns), held_up)
    return [flow.departs(at_ns, size) for at_ns, size in zip(arrivals_ns, sizes, strict=True)]


@pytest.mark.parametrize(("share", "value"), [*zip((0.5, 0.1, 0.01), TABLE, strict=True)])
def test_the_table_is_reproduced_by_the_draws(share: float, value: float) -> None:
    """The share of 40,000 draws beyond each of its figures is what it says, within three standard errors."""
    drawn = np.array(list(islice(delays(WIFI, "k/1", "down"), 40_000))) / MS
    error = math.sqrt(share * (1 - share) / len(drawn))
    assert abs((drawn > value).mean() - share) < 3 * error
    assert quantile(TABLE, share) == pytest.approx(value)


def test_beyond_the_p99_the_tail_goes_on_and_ends() -> None:
    """One in a thousand is as much above the p99 as the p99 is above the p90; more is never invented."""
    assert quantile(TABLE, 0.001) == pytest.approx(2 * TABLE[2] - TABLE[1])
    assert quantile(TABLE, 1e-9) == quantile(TABLE, 0.001)
    assert quantile(TABLE, 1.0) == 0 and quantile((), 0.3) == 0


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_table_never_falls(one: float, two: float) -> None:
    """Rarer is never shorter."""
    assert quantile(TABLE, min(one, two)) >= quantile(TABLE, max(one, two))


def test_the_same_key_gives_the_same_delays() -> None:
    """And another connection, direction or seed others; a stall takes nothing from the sequence of jitter."""

    def of(shape: Shape, key: str, way: str) -> list[int]:
        return list(islice(delays(shape, key, way), 50))  # type: ignore[arg-type]

    assert of(WIFI, "1/api/0/0/1", "down") == of(WIFI, "1/api/0/0/1", "down")
    others = [of(WIFI, "1/api/0/0/2", "down"), of(WIFI, "2/api/0/0/1", "down"), of(WIFI, "1/api/0/0/1", "up")]
    assert all(other != of(WIFI, "1/api/0/0/1", "down") for other in others)
    assert set(others[2]) == {0}  # all jitter is drawn on the way back, so that a round trip has one draw
    stalling = of(Shape(30.0, 30.0, 13.0, TABLE, 0.2, (200, 1000)), "1/api/0/0/1", "down")
    apart = [b - a for a, b in zip(of(WIFI, "1/api/0/0/1", "down"), stalling, strict=True)]
    assert {one == 0 or 199 * MS < one < 1001 * MS for one in apart} == {True} and 0 < sum(map(bool, apart)) < 50


def test_stalls_are_as_frequent_as_the_profile_says() -> None:
    """Five of a thousand bursts, within three standard errors, each way."""
    shape = Shape(10, 10, 20, (), 0.005, (200, 1000))
    for way in ("up", "down"):
        held = np.array(list(islice(delays(shape, "k/1", way), 40_000))) / MS  # type: ignore[arg-type]
        assert abs((held > 0).mean() - 0.005) < 3 * math.sqrt(0.005 * 0.995 / len(held))
        assert held[held > 0].min() >= 200 and held.max() <= 1000


@given(pieces, st.lists(st.integers(0, 900 * MS), min_size=1), st.floats(8.0, 20_000.0), st.integers(0, 400 * MS))
def test_nothing_overtakes_and_nothing_is_early(
    given_pieces: list[tuple[int, int]], held: list[int], ns_per_byte: float, one_way_ns: int
) -> None:
    """First in, first out; each piece takes its own time on the lane and the way at least."""
    arrivals = list(itertools.accumulate(gap for gap, _ in given_pieces))
    sizes = [size for _, size in given_pieces]
    came = departures(arrivals, sizes, itertools.cycle(held), ns_per_byte=ns_per_byte, one_way_ns=one_way_ns)
    assert all(a <= b for a, b in pairwise(came))
    for at, size, out in zip(arrivals, sizes, came, strict=True):
        assert out >= at + round(size * ns_per_byte) + one_way_ns


@given(pieces, st.floats(8.0, 20_000.0))
def test_a_lane_never_carries_more_than_its_rate(given_pieces: list[tuple[int, int]], ns_per_byte: float) -> None:
    """Whatever comes when: between any two pieces there is the time the later ones take."""
    lane, at_ns, passed = Lane(ns_per_byte, 0), 0, []
    for gap, size in given_pieces:
        at_ns += gap
        passed.append(lane.passed(at_ns, size))
    for k in range(1, len(passed)):
        assert passed[k] - passed[k - 1] >= round(given_pieces[k][1] * ns_per_byte)


def test_a_transfer_is_one_burst_and_words_far_apart_are_many() -> None:
    """What comes while something is held up leaves with it, without a draw of its own."""
    together = departures([0, 1 * MS, 2 * MS], [10, 10, 10], iter([90 * MS]), ns_per_byte=0, one_way_ns=5 * MS)
    assert together == [95 * MS] * 3
    apart = departures([0, 100 * MS], [10, 10], iter([90 * MS, 7 * MS]), ns_per_byte=0, one_way_ns=5 * MS)
    assert apart == [95 * MS, 112 * MS]
    bulk = departures([0] * 100, [1000] * 100, iter([30 * MS]), ns_per_byte=1000, one_way_ns=0)
    assert bulk[-1] == 100 * MS  # the jitter of its beginning has passed long before its end


def test_connections_share_a_lane() -> None:
    """Two that send at once are served one after the other, as on a line."""
    lane = Lane(1000, 0)
    one, two = (Flow(lane, itertools.repeat(0)) for _ in range(2))
    assert [one.departs(0, 1000), two.departs(0, 1000), one.departs(0, 500)] == [1 * MS, 2 * MS, 2.5 * MS]


def test_outages_come_as_often_as_the_profile_says_and_never_overlap() -> None:
    """400 of them: the gaps' mean within three standard errors of an exponential's; the same key, the same times."""
    shape = Shape(10, 10, 20, outages_per_hour=60, outage_s=15)
    found = list(islice(outages(shape, "k"), 400))
    assert found == list(islice(outages(shape, "k"), 400))
    assert all(end - begin == 15_000 * MS for begin, end in found)
    gaps_s = [(after[0] - before[1]) / 1e9 for before, after in pairwise([(0, 0), *found])]
    assert min(gaps_s) >= 0 and abs(np.mean(gaps_s) - 60) < 3 * 60 / math.sqrt(400)
    assert list(outages(Shape(10, 10, 20), "k")) == []
