"""What the instrument measured about itself: a segment's certificate as one line, a table and a verdict per start.

A certificate is JSON that travels with a run, perhaps with a stranger's. So nothing here trusts its shape: what is not
there, or is no number, is shown as absent, and no odd value keeps a page from being written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from edgebench.records import Segment
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.tables import Cell, Column, Table, table

COMMAND = "edgebench certify"
CAPITALS = re.compile(r"\b(ttft|tpot|e2e|cpu|sse)\b")
STAMPS = {
    "kernel": "stamped by the kernel when the bytes arrived",
    "user": "stamped in the client's own process: this system gives no kernel stamps",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One figure the instrument measured of itself. ``passed`` None: it does not apply here."""

    name: str
    value: float | None
    unit: str
    limit: float | tuple[float, float] | None
    passed: bool | None
    judged: bool
    n: int | None
    reference: float | None  # the same figure of the bare client beside it
    note: str

    @property
    def label(self) -> str:
        return CAPITALS.sub(lambda found: found[0].upper(), self.name.replace("-", " ").replace("_", " "))

    @property
    def measured(self) -> str:
        return ABSENT if self.value is None else _quantity(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The instrument's own error, as measured at one start of a run; ``skipped`` says why there is none."""

    skipped: str | None
    mode: str
    seconds: float | None
    stamps: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """What makes a run INVALID: judged, and not passed."""
        return tuple(one for one in self.checks if one.judged and one.passed is False)


@dataclass(frozen=True, slots=True)
class Headline:
    """The instrument in one line, for the first screen and the terminal."""

    text: str
    tone: Literal["good", "open", "bad"]


def read(content: Mapping[str, Any]) -> Certificate | None:
    """The certificate in a segment; None where the run is older than certificates."""
    if not content:
        return None
    given = _given(content)
    skipped = content.get("skipped")
    if skipped is None and not given:
        skipped = "it holds no check"
    return Certificate(
        skipped=None if skipped is None else str(skipped),
        mode=str(content.get("mode") or ""),
        seconds=_number(content.get("seconds")),
        stamps=str(content.get("stamps") or ""),
        checks=tuple(_check(one) for one in [*given, *_of_networks(content)]),
    )


def _given(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    checks = content.get("checks")
    return [one for one in checks if isinstance(one, Mapping)] if isinstance(checks, (list, tuple)) else []


def _of_networks(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The checks of the networks a run used, each network once."""
    networks = content.get("networks")
    found = [one for one in networks.values() if isinstance(one, Mapping)] if isinstance(networks, Mapping) else []
    by_name = {str(one.get("network")): one for one in found}
    return [check for one in by_name.values() for check in _given(one)]


def _check(one: Mapping[str, Any]) -> Check:
    n, passed = _number(one.get("n")), one.get("passed")
    return Check(
        name=str(one.get("name") or "unnamed"),
        value=_number(one.get("value")),
        unit=str(one.get("unit") or ""),
        limit=_limit(one.get("limit")),
        passed=passed if isinstance(passed, bool) else None,
        judged=one.get("judged") is True,
        n=int(n) if n else None,
        reference=_number(one.get("reference")),
        note=str(one.get("note") or ""),
    )


def _quantity(value: float, unit: str) -> str:
    """A limit is a round number and a measured error is no better known: no zeros at the end."""
    amount, space, word = formatting.quantity(value, unit).partition(" ")
    return f"{amount.rstrip('0').rstrip('.') if '.' in amount else amount}{space}{word}"


def _number(value: object) -> float | None:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if plain and math.isfinite(value) else None  # type: ignore[arg-type]


def _limit(value: object) -> float | tuple[float, float] | None:
    if isinstance(value, (list, tuple)) and len(value) == 2:
        low, high = (_number(end) for end in value)
        return None if low is None or high is None else (low, high)
    return _number(value)


def last(segments: Sequence[Segment]) -> Certificate | None:
    """The certificate the verdict rests on: the newest there is."""
    return next((found for one in reversed(segments) if (found := read(one.certificate)) is not None), None)


def says_the_same(warning: str) -> bool:
    """Whether a warning of the summary is what the headline tells already."""
    return warning.startswith("the instrument did not measure")


def headline(found: Certificate | None) -> Headline:
    """How far the instrument may be wrong, in one line."""
    if found is None:
        return Headline("not certified", "open")
    if found.skipped is not None:
        return Headline(f"not certified ({formatting.shorten(found.skipped, 80)})", "open")
    if found.failed:
        worst = found.failed[0]
        return Headline(f"its own error was too large: {worst.label} {worst.measured} (limit {_bound(worst)})", "bad")
    lead = _lead(found.checks)
    if lead is None:
        return Headline(f"certified by {len(found.checks)} checks against a truth server on this machine", "good")
    of = "" if lead.n is None else f" of n = {lead.n:,}"
    return Headline(f"stamps within {lead.measured} (p99{of}) of the truth server on this machine", "good")


def _lead(checks: Sequence[Check]) -> Check | None:
    """The p99 of the stamps' error: of every chunk where that was measured, else of the first token."""
    errors = [
        one
        for one in checks
        if one.value is not None and one.unit in ("ms", "µs") and re.search("error.*p99", one.name)
    ]
    chunks = [one for one in errors if re.search("chunk|stamp", one.name)]
    return next(iter([*chunks, *errors]), None)


def summary(found: Certificate) -> str:
    """What was done, how long it took, who stamped: the line above the table."""
    if found.skipped is not None:
        return f"At the last start the instrument was not certified: {found.skipped}."
    how = "in its short form" if found.mode == "short" else f"in its {found.mode} form" if found.mode else ""
    took = f" It took {_quantity(found.seconds, 's')}{f' {how}' if how else ''}." if found.seconds else ""
    stamps = STAMPS.get(found.stamps)
    return (
        "Before the run a truth server in another process of this machine answered known streams and stamped each "
        "write; every stamp of ours was held against its ledger, event by event. A figure passes within its limit, "
        "or no further than that above a bare client's in the same minutes: the rest is the machine."
        + (f" Ours are {stamps}." if stamps else "")
        + took
    )


def checks_table(found: Certificate) -> Table | None:
    """Every check: value, limit, n, passed in a sign and a word, note."""
    if not found.checks:
        return None
    beside = any(one.reference is not None for one in found.checks)
    columns = [
        Column("check", numeric=False),
        Column("measured"),
        *([Column("bare client", "the same figure of a bare socket client, in the same minutes")] if beside else []),
        Column("limit"),
        Column("n"),
        Column("verdict", numeric=False),
        Column("note", numeric=False),
    ]
    rows = [
        [
            Cell(one.label),
            Cell(one.measured, why="" if one.value is not None else one.note or "not measured here"),
            *([Cell("" if one.reference is None else _quantity(one.reference, one.unit))] if beside else []),
            Cell("" if one.limit is None else _bound(one)),
            Cell("" if one.n is None else f"{one.n:,}"),
            _verdict(one),
            Cell(one.note if one.value is not None else ""),
        ]
        for one in found.checks
    ]
    return table("certificate", "The instrument's own error, check by check", columns, rows, sortable=False)


def _bound(one: Check) -> str:
    if isinstance(one.limit, tuple):
        return f"{formatting.number(one.limit[0])}–{_quantity(one.limit[1], one.unit)}"
    return "none" if one.limit is None else f"≤ {_quantity(one.limit, one.unit)}"


def _verdict(one: Check) -> Cell:
    word = "" if one.judged else "recorded, not judged"
    if one.passed is None:
        return Cell("does not apply" if one.value is None else "no limit", tone="faded")
    if one.passed:
        return Cell("✓ passed", word=word, tone="good")
    return Cell("✗ failed", word=word, tone="bad" if one.judged else "open")


def starts(segments: Sequence[Segment]) -> tuple[str, ...]:
    """The verdict of each start, one line each; nothing where there was only one."""
    if len(segments) < 2:
        return ()
    return tuple(f"Start {one.number} ({one.started_at}): {_in_a_line(read(one.certificate))}" for one in segments)


def _in_a_line(found: Certificate | None) -> str:
    if found is None:
        return "not certified"
    if found.skipped is not None:
        return f"not certified: {found.skipped}"
    judged = [one for one in found.checks if one.judged and one.passed is not None]
    if found.failed:
        return f"✗ {len(found.failed)} of {len(judged)} judged checks failed: " + ", ".join(
            f"{one.label} {one.measured}" for one in found.failed
        )
    return f"✓ passed, {len(judged)} judged checks; {headline(found).text}"
