"""The instrument's certificate as a line, a table and a verdict per start."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import Segment
from edgebench.report import instrument
from tests.report.conclusions import CERTIFICATE

FOUND = instrument.read(CERTIFICATE)
SEGMENT = Segment(id="s1", number=1, started_at="2026-11-21T12:00:00Z", anchor_ns=0, certificate=CERTIFICATE)


def with_check(**changes: object) -> Mapping[str, Any]:
    """The certificate with its first check changed."""
    first, *others = CERTIFICATE["checks"]
    return {**CERTIFICATE, "checks": [{**first, **changes}, *others]}


def test_the_headline_is_the_p99_of_the_stamps() -> None:
    """Value, n and what it was held against, of every chunk rather than of the first one."""
    line = instrument.headline(FOUND)
    assert line.text == "stamps within 0.08 ms (p99 of n = 12,800) of the truth server on this machine"
    assert line.tone == "good"


def test_only_a_judged_check_that_failed_is_bad() -> None:
    """The send lag of the example failed and is recorded only; a judged one turns the headline."""
    assert FOUND is not None and FOUND.failed == ()
    bad = instrument.headline(instrument.read(with_check(passed=False, value=0.4)))
    assert (bad.tone, bad.text) == ("bad", "its own error was too large: chunk error p50 0.4 ms (limit ≤ 0.05 ms)")
    assert instrument.headline(instrument.read(with_check(passed=False, judged=False))).tone == "good"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, "not certified"),
        ({"skipped": "--no-certify was given"}, "not certified (--no-certify was given)"),
        ({"mode": "short", "checks": []}, "not certified (it holds no check)"),
    ],
)
def test_what_was_not_certified_says_so(content: Mapping[str, Any], text: str) -> None:
    """An older run, one that skipped it, and an empty certificate: never a passed one."""
    line = instrument.headline(instrument.read(content))
    assert (line.text, line.tone) == (text, "open")


def test_the_table_has_words_beside_every_sign() -> None:
    """Passed, failed and not applying are words; value, limit, bare client and n stand in their columns."""
    assert FOUND is not None
    made = instrument.checks_table(FOUND)
    assert made is not None
    assert [column.name for column in made.columns][:5] == ["check", "measured", "bare client", "limit", "n"]
    rows = {row[0].text: [cell.text for cell in row[1:6]] for row in made.rows}
    assert rows["chunk error p99"] == ["0.08 ms", "0.07 ms", "≤ 0.25 ms", "12,800", "✓ passed"]
    assert rows["send lag p99"][-1] == "✗ failed"
    assert rows["throttling"] == ["—", "", "", "", "does not apply"]
    assert made.notes == ("this machine has no counter of it",)
    assert next(row[5].word for row in made.rows if row[0].text == "send lag p99") == "recorded, not judged"


def test_a_limit_may_have_two_ends() -> None:
    """An index of dispersion must be neither below nor above its band."""
    found = instrument.read(with_check(name="dispersion", value=1.02, unit="", limit=[0.9, 1.1]))
    assert found is not None and (made := instrument.checks_table(found)) is not None
    assert made.rows[0][3].text == "0.900–1.1"


def test_several_starts_have_a_line_each() -> None:
    """Passed, failed, skipped and never done are told apart; one start needs no list."""
    certificates: tuple[Mapping[str, Any], ...] = (
        CERTIFICATE,
        with_check(passed=False),
        {"skipped": "EDGEBENCH_CERTIFY=off"},
        {},
    )
    segments = [dataclasses.replace(SEGMENT, number=k, certificate=one) for k, one in enumerate(certificates, 1)]
    lines = instrument.starts(segments)
    assert [line.partition("): ")[2].split(",")[0].split(":")[0] for line in lines] == [
        "✓ passed",
        "✗ 1 of 4 judged checks failed",
        "not certified",
        "not certified",
    ]
    assert instrument.starts([SEGMENT]) == ()


def test_the_newest_certificate_counts() -> None:
    """The verdict rests on the last start that has one."""
    segments = [SEGMENT, dataclasses.replace(SEGMENT, number=2, certificate={"skipped": "off"})]
    assert instrument.headline(instrument.last(segments)).text == "not certified (off)"
    older = dataclasses.replace(SEGMENT, number=3, certificate={})
    assert instrument.headline(instrument.last([SEGMENT, older])).tone == "good"
    assert instrument.last([]) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
CHECKS = st.lists(
    JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "value", "unit", "limit", "passed", "n"), JSON)),
    max_size=3,
)


@given(st.fixed_dictionaries({}, optional={"skipped": JSON, "seconds": JSON, "stamps": JSON, "checks": CHECKS}))
def test_a_strangers_certificate_breaks_nothing(content: Mapping[str, Any]) -> None:
    """Whatever JSON a bundle brings, there is a line, a sentence and a table or none; without a check, no "good"."""
    found = instrument.read(content)
    line = instrument.headline(found)
    assert line.text
    if found is not None:
        assert instrument.summary(found)
        instrument.checks_table(found)
    if found is None or not found.checks:
        assert line.tone == "open"
