"""The rule of a cascade, by itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.routing import Heard, Rule, Served, asked_at, backoff_s, served

TIMES = st.floats(0, 100)


def test_the_edge_is_served_from_the_threshold_on() -> None:
    """At it, above it; below it the cloud answers; an edge that does not say is never sure, but at −inf."""
    rule = Rule(threshold=0.7)
    assert [rule.sure(confidence) for confidence in (0.69, 0.7, 1.0, None, math.nan)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert Rule().sure(None)
    assert not Rule(threshold=math.inf).sure(1.0)


def test_only_a_hedge_runs_out_of_patience_and_only_overflow_looks_at_the_queue() -> None:
    assert Rule("sequential", hedge_after_s=1).patience_s == math.inf
    assert Rule("hedged", hedge_after_s=1).patience_s == 1
    assert [Rule("overflow", most_waiting=2).overflows(waiting) for waiting in (0, 1, 2, 3)] == [
        False,
        False,
        True,
        True,
    ]
    assert not Rule("sequential", most_waiting=0).overflows(9)


@pytest.mark.parametrize(
    ("edge", "patience", "at"),
    [
        (Heard(5, True, True), math.inf, math.inf),
        (Heard(5, True, False), math.inf, 5),
        (Heard(5, False), math.inf, 5),
        (Heard(5, True, True), 3, 3),
        (Heard(2, True, True), 3, math.inf),
        (Heard(2, True, False), 3, 2),
        (Heard(5, True, True), 0, 0),
    ],
)
def test_when_the_cloud_is_asked(edge: Heard, patience: float, at: float) -> None:
    """When the edge is unsure or has failed, or when patience ends, whichever comes first."""
    assert asked_at(edge, patience) == at


@pytest.mark.parametrize(
    ("edge", "cloud", "who"),
    [
        (Heard(5, True, True), None, Served("edge", 5)),
        (Heard(5, False), None, Served(None, 5)),
        (Heard(5, True, True), Heard(7, True), Served("edge", 5)),
        (Heard(8, True, True), Heard(7, True), Served("cloud", 7)),
        (Heard(5, True, False), Heard(7, True), Served("cloud", 7)),
        (Heard(9, True, False), Heard(7, True), Served("cloud", 7)),
        (Heard(8, True, True), Heard(7, False), Served("edge", 8)),
        (Heard(5, True, False), Heard(7, False), Served("edge", 7)),
        (Heard(9, True, False), Heard(7, False), Served("edge", 9)),
        (Heard(5, False), Heard(7, True), Served("cloud", 7)),
        (Heard(5, False), Heard(7, False), Served(None, 7)),
    ],
)
def test_whose_answer_is_served(edge: Heard, cloud: Heard | None, who: Served) -> None:
    """The first that may be; an unsure one where the cloud fails; nobody's where both do."""
    assert served(edge, cloud) == who


@given(TIMES, st.booleans(), st.booleans(), TIMES, st.booleans())
def test_nobody_waits_longer_than_for_both(e: float, ok: bool, sure: bool, c: float, cloud_ok: bool) -> None:
    """However it goes, it is over when both are, and answered if either answered."""
    found = served(Heard(e, ok, sure), Heard(c, cloud_ok))
    assert found.at <= max(e, c)
    assert (found.by is None) == (not ok and not cloud_ok)


def test_waits_grow_unless_the_server_names_one() -> None:
    assert [backoff_s(attempt) for attempt in (0, 1, 9)] == [0.5, 1.0, 8.0]
    assert backoff_s(0, 3.5) == 3.5
