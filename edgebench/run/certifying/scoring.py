"""How it is scored: what was reported against what the ledger says was written, event by event. Pure.

An error is a client's stamp minus the server's stamp of the same event, its size only. Quantiles are those of the
sample (linear between order statistics), for what was reported and for the ledger alike, so their difference is no
matter of definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebench.records import canonical
from edgebench.run.certifying.subject import Asked
from edgebench.run.reference import Heard
from edgebench.run.truth import Entry, by_prompt

Floats = NDArray[np.float64]
MS = 1e6


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of the certificate. ``passed`` None: it does not apply here, and the note says why."""

    name: str
    value: float | None
    unit: str
    limit: float | None
    passed: bool | None
    judged: bool = True  # whether failing it makes a run INVALID
    n: int = 0
    reference: float | None = None  # the same figure of the reference client, in the same minutes
    note: str = ""

    def mapping(self) -> Mapping[str, Any]:
        return dict(canonical(self))


def check(
    name: str,
    value: float,
    limit: float,
    *,
    unit: str = "ms",
    n: int,
    reference: float | None = None,
    note: str = "",
    judged: bool = True,
) -> Check:
    """A figure that passes when it is within its limit, or when it is above the reference by no more than that."""
    excused = reference is not None and value > limit and value - reference <= limit
    if excused and reference is not None:
        note = _joined(note, f"the machine's own noise: the reference client shows {reference:.3g} {unit} too")
    if n == 0 or value != value:
        return Check(name, None, unit, limit, False, judged, 0, note=_joined(note, "nothing came back to be scored"))
    beside = None if reference is None or reference != reference else round(reference, 4)
    return Check(name, round(value, 4), unit, limit, value <= limit or excused, judged, n, beside, note)


def absent(name: str, unit: str, why: str) -> Check:
    """A figure that cannot be had here."""
    return Check(name, None, unit, None, None, n=0, note=why)


def renamed(one: Check, name: str) -> Check:
    """The same figure by another name."""
    return replace(one, name=name)


def again(second: Check, first: Check) -> Check:
    """A figure examined a second time, with what the first time showed."""
    shown = "nothing" if first.value is None else f"{first.value:.3g} {first.unit}"
    return replace(second, note=_joined(second.note, f"the second time; the first showed {shown}"))


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


# ------------------------------------------------------------------------------------------------------------ matching


@dataclass(frozen=True, slots=True)
class Pair:
    """A request, as it was reported and as it was answered."""

    asked: Asked
    entry: Entry

    @property
    def written(self) -> tuple[int, ...]:
        """When each event with text was written."""
        return self.entry.stamps("reasoning", "content")


def pairs(asked: Iterable[Asked], ledger: Sequence[Entry]) -> list[Pair]:
    """Requests with their entries; where one was asked again, with that of its last attempt."""
    known = by_prompt(ledger)
    return [Pair(one, known[one.prompt][-1]) for one in asked if known.get(one.prompt)]


def whole(found: Sequence[Pair]) -> list[Pair]:
    """Those answered with as many events as were written: the others are lost, and counted as such."""
    return [pair for pair in found if pair.asked.failure is None and len(pair.asked.call.chunk_ns) == len(pair.written)]


def lost(asked: Sequence[Asked], found: Sequence[Pair]) -> int:
    """Requests without an answer, or with another number of events than were written."""
    return len(asked) - len(whole(found))


# ------------------------------------------------------------------------------------------------------------- errors


def chunk_errors(found: Sequence[Pair]) -> Floats:
    """|stamp − write| of every event with text, ms."""
    return _sizes((pair.asked.call.chunk_ns, pair.written) for pair in whole(found))


def first_errors(found: Sequence[Pair]) -> Floats:
    """|first − write of the first event with text|, ms."""
    return _sizes(((pair.asked.call.first_ns or 0,), pair.written[:1]) for pair in whole(found))


def first_content_errors(found: Sequence[Pair]) -> Floats:
    """|first content − write of the first event with content|, ms."""
    return _sizes(((pair.asked.call.first_content_ns or 0,), pair.entry.stamps("content")[:1]) for pair in whole(found))


def done_errors(found: Sequence[Pair]) -> Floats:
    """|done − write of the last event with text|, ms."""
    return _sizes(((pair.asked.call.done_ns or 0,), pair.written[-1:]) for pair in whole(found))


def heard_errors(heard: Iterable[Heard], ledger: Sequence[Entry], *, kernel: bool, part: slice = slice(None)) -> Floats:
    """The reference's errors: of all its events, or of a part of each answer's (the first, the last)."""
    return _sizes((stamps[part], written[part]) for _, stamps, written in _beside(heard, ledger, kernel))


def _sizes(rows: Iterable[tuple[Sequence[int], Sequence[int]]]) -> Floats:
    stamps = [np.abs(np.array(ours, dtype=np.int64) - np.array(theirs, dtype=np.int64)) / MS for ours, theirs in rows]
    return np.concatenate([np.empty(0), *stamps])


# ---------------------------------------------------------------------------------------------------------- durations


def ttft(found: Sequence[Pair]) -> tuple[Floats, Floats]:
    """TTFT as reported (first − due) and as the ledger has it (first event with text − request received), ms."""
    return _columns(
        ((pair.asked.call.first_ns or 0) - pair.asked.due_ns, pair.written[0] - pair.entry.received_ns)
        for pair in whole(found)
    )


def e2e(found: Sequence[Pair]) -> tuple[Floats, Floats]:
    """Latency as reported (done − due) and as the ledger has it (last event with text − request received), ms."""
    return _columns(
        ((pair.asked.call.done_ns or 0) - pair.asked.due_ns, pair.written[-1] - pair.entry.received_ns)
        for pair in whole(found)
    )


def heard_ttft(heard: Iterable[Heard], ledger: Sequence[Entry], *, kernel: bool) -> tuple[Floats, Floats]:
    """As :func:`ttft`, for the reference client: from the moment it began to send."""
    return _heard_columns(heard, ledger, kernel, 0)


def heard_e2e(heard: Iterable[Heard], ledger: Sequence[Entry], *, kernel: bool) -> tuple[Floats, Floats]:
    """As :func:`e2e`, for the reference client."""
    return _heard_columns(heard, ledger, kernel, -1)


def heard_gaps(heard: Iterable[Heard], ledger: Sequence[Entry], *, kernel: bool) -> tuple[Floats, Floats]:
    """As :func:`gaps`, for the reference client."""
    rows = [(stamps, written) for _, stamps, written in _beside(heard, ledger, kernel)]
    return _gaps(stamps for stamps, _ in rows), _gaps(written for _, written in rows)


def _heard_columns(heard: Iterable[Heard], ledger: Sequence[Entry], kernel: bool, place: int) -> tuple[Floats, Floats]:
    known = by_prompt(ledger)
    return _columns(
        (stamps[place] - one.sent_ns, written[place] - known[one.prompt][-1].received_ns)
        for one, stamps, written in _beside(heard, ledger, kernel)
    )


def _beside(
    heard: Iterable[Heard], ledger: Sequence[Entry], kernel: bool
) -> Iterator[tuple[Heard, tuple[int, ...], tuple[int, ...]]]:
    """The reference's answers that came whole: (answer, its stamps, the ledger's)."""
    known = by_prompt(ledger)
    for one in heard:
        stamps = one.kernel_ns if kernel and one.kernel_ns else one.user_ns
        written = known[one.prompt][-1].stamps("reasoning", "content") if one.prompt in known else ()
        if stamps and len(stamps) == len(written):
            yield one, stamps, written


def gaps(found: Sequence[Pair]) -> tuple[Floats, Floats]:
    """Times between two events with text, as reported and as written, ms."""
    good = whole(found)
    return _gaps(pair.asked.call.chunk_ns for pair in good), _gaps(pair.written for pair in good)


def _gaps(stamps: Iterable[Sequence[int]]) -> Floats:
    return np.concatenate([np.empty(0), *(np.diff(np.array(each, dtype=np.int64)) / MS for each in stamps)])


def _columns(rows: Iterable[tuple[int, int]]) -> tuple[Floats, Floats]:
    table = np.array(list(rows), dtype=float).reshape(-1, 2) / MS
    return table[:, 0], table[:, 1]


def quantile(values: Floats, share: float) -> float:
    """A quantile of a sample; not a number without one."""
    return float(np.quantile(values, share)) if len(values) else float("nan")


def off(ours: Floats, theirs: Floats, share: float) -> float:
    """How far two quantiles are apart."""
    return abs(quantile(ours, share) - quantile(theirs, share))


def slack(theirs: Floats, share: float) -> float:
    """What may be off about a duration: 1 % of it, or 1 ms."""
    return max(1.0, 0.01 * quantile(theirs, share))
