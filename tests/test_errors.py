"""The hint of a misspelling."""

from __future__ import annotations

import pytest

from edgebench.errors import did_you_mean, near

METRICS = ("accuracy", "p95_ms", "usd_per_1k")


@pytest.mark.parametrize(("word", "found"), [
    ("acuracy", "accuracy"),
    ("p95ms", "p95_ms"),
    ("P95_MS", "p95_ms"),
    ("ACURACY", "accuracy"),
    ("joules", None),
    ("", None),
])  # fmt: skip
def test_the_nearest_known_word_is_found_in_any_case(word: str, found: str | None) -> None:
    """A letter too few or another case; what is like nothing known has no neighbour."""
    assert near(word, METRICS) == found
    assert near(word, ()) is None


def test_of_words_that_differ_in_case_alone_the_one_as_written_is_nearest() -> None:
    """Both are known: neither hides the other."""
    assert near("Team", ["Team A", "team a"]) == "Team A"
    assert near("team", ["Team A", "team a"]) == "team a"


def test_without_a_near_one_the_known_are_named_or_what_to_do_instead() -> None:
    """A hint says what to type next in either case."""
    assert did_you_mean("acuracy", METRICS, "see the list") == "did you mean 'accuracy'?"
    assert did_you_mean("joules", METRICS) == "known: accuracy, p95_ms, usd_per_1k"
    assert did_you_mean("joules", METRICS, "see the list") == "see the list"
