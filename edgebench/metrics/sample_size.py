"""Sample size in words: what the requests of a run can show, and how many more it would take.

One line an arm: how many requests show a 5 % difference of median latency to another arm like it, from the spread, the
pairing and the dependence that were measured; and how many a p99 needs to have an upper bound at all. One line for
accuracy: the smallest difference that the items can show. Times are at the speed the run went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from edgebench.metrics.observed import Observed, observe
from edgebench.metrics.table import ArmColumns, Floats
from edgebench.records import Record
from edgebench.stats import quantiles, sample_size

SHARE = 0.05  # of the median
METRIC, Q = "p50_ms", 0.50
TAIL = 0.99
LEAST = 20  # latencies from which on their spread says something
DECLARED_CV = 0.30  # of a latency nobody has measured


@dataclass(frozen=True)
class Needed:
    """Requests one arm needs, and how long they take. ``assumed``: what was declared instead of measured."""

    arm: str
    have: int
    n: int
    tail_n: int
    seconds_each: float | None
    assumed: str | None = None
    planned: bool = False  # ``have`` is a plan's, not a run's

    @property
    def minutes(self) -> float | None:
        return None if self.seconds_each is None else self.n * self.seconds_each / 60

    @property
    def tail_minutes(self) -> float | None:
        return None if self.seconds_each is None else self.tail_n * self.seconds_each / 60


def lines(table: Mapping[str, ArmColumns]) -> tuple[str, ...]:
    """At most one line an arm, and one for accuracy."""
    found = [words(one) for name in table if (one := measured(table, name)) is not None]
    return (*found, *_accuracy(table))


def measured(table: Mapping[str, ArmColumns], name: str) -> Needed | None:
    """What an arm needs, by its own latencies; None where too few were measured."""
    arm = table[name]
    seen = observe(arm, METRIC)
    if seen is None or seen.n < LEAST:
        return None
    ordered = np.sort(seen.above)
    difference = SHARE * quantiles.point(ordered, Q)
    others = [other for key in table if key != name and (other := observe(table[key], METRIC)) and other.n]
    shared = max(1.0, seen.spread.within + seen.spread.near)
    n = sample_size.for_quantile(
        sample_size.sparsity(ordered, Q), Q, difference, correlation=_correlation(seen, others), shared=shared
    )
    tail = observe(arm, "p99_ms")
    worth = max(1.0, tail.spread.within + tail.spread.near) if tail is not None else 1.0
    return Needed(name, seen.n, n, int(np.ceil(quantiles.needed_n(TAIL) * worth)), seconds_each(arm.records))


def declared(name: str, have: int, seconds: float | None, cv: float = DECLARED_CV) -> Needed:
    """The same for an arm that was never measured: independent log-normal latencies of this spread."""
    n = sample_size.for_quantile(sample_size.normal_sparsity(cv, Q), Q, SHARE)
    assumed = f"a spread (CV) of {cv:.0%}"
    return Needed(name, have, n, quantiles.needed_n(TAIL), seconds, assumed, planned=True)


def words(needed: Needed) -> str:
    """The line of one arm."""
    told = f"{needed.arm}: to see {SHARE:.0%} at p50 you need n = {needed.n:,}"
    if needed.minutes is not None:
        told += f"; at this speed that is {duration(60 * needed.minutes)}"
    have = f"; {needed.have:,} are {'planned' if needed.planned else 'here'}"
    tail = f"; a p99 needs {needed.tail_n:,}"
    if needed.tail_minutes is not None and needed.tail_n > needed.have:
        tail += f", {duration(60 * needed.tail_minutes)}"
    return told + have + tail + (f" (assumed: {needed.assumed})" if needed.assumed else "")


def words_of_all(found: Sequence[Needed]) -> list[str]:
    """A line each for arms whose speed is known, and one for all the others together."""
    known = [one for one in found if one.seconds_each is not None]
    unknown = [one for one in found if one.seconds_each is None]
    if not unknown:
        return [words(one) for one in known]
    most = max(unknown, key=lambda one: one.n)
    have = sorted({one.have for one in unknown})
    span = f"{have[0]:,}" if len(have) == 1 else f"{have[0]:,} to {have[-1]:,}"
    told = f"not measured yet: to see {SHARE:.0%} at p50 you need n = {most.n:,} an arm; {span} are planned"
    return [*(words(one) for one in known), f"{told}; a p99 needs {most.tail_n:,} (assumed: {most.assumed})"]


def accuracy_words(items: int, discordant: float | None) -> str | None:
    """The line for accuracy; None without items."""
    share = sample_size.UNMEASURED if discordant is None else discordant
    found = sample_size.smallest_difference(items, share)
    if items <= 0:
        return None
    basis = (
        "two arms that agree only by chance, the worst case"
        if discordant is None
        else f"two arms that disagree on {share:.0%} of them, as measured"
    )
    if found is None:
        return f"accuracy: {items:,} items are too few to show any difference between {basis}"
    return f"accuracy: {items:,} items show a difference of {100 * found:.1f} points or more between {basis}"


def duration(seconds: float) -> str:
    """In the unit that reads best."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.1f} days"


def seconds_each(records: Sequence[Record]) -> float | None:
    """Seconds from one request to the next, by the spans of the trials: users and arrival rate included."""
    spans: dict[str, tuple[int, int, int]] = {}
    for record in records:
        end = max((call.end_ns or call.done_ns or 0 for call in record.calls), default=0) or record.done_ns
        if end:
            first, last, n = spans.get(record.trial_id, (record.due_ns, end, 0))
            spans[record.trial_id] = min(first, record.due_ns), max(last, end), n + 1
    count = sum(n for _, _, n in spans.values())
    return sum(last - first for first, last, _ in spans.values()) / 1e9 / count if count else None


def _correlation(seen: Observed, others: Sequence[Observed]) -> float:
    """Of the exceedances of this arm and another on the same items: the median over the others, never below 0."""
    found = [float(np.corrcoef(*pair)[0, 1]) for other in others if (pair := _paired(seen, other)) is not None]
    return max(0.0, float(np.median(found))) if found else 0.0


def _paired(one: Observed, two: Observed) -> tuple[Floats, Floats] | None:
    """Share of exceedances of every item both have met; None where that cannot correlate."""
    size = int(max(one.member.max(), two.member.max())) + 1
    shares = []
    counts = []
    for seen in (one, two):
        beyond = (seen.above > quantiles.point(np.sort(seen.above), Q)).astype(float)
        counts.append(np.bincount(seen.member, minlength=size))
        shares.append(np.bincount(seen.member, beyond, minlength=size) / np.maximum(counts[-1], 1))
    both = (counts[0] > 0) & (counts[1] > 0)
    left, right = (share[both] for share in shares)
    return (left, right) if len(left) >= LEAST and left.std() > 0 and right.std() > 0 else None


def _accuracy(table: Mapping[str, ArmColumns]) -> Iterator[str]:
    """By the pair of arms that disagree most: what the items show of every other pair, too."""
    judged = {name: _right(arm) for name, arm in table.items() if np.isfinite(arm.value).any()}
    if not judged:
        return
    pairs = [_disagree(one, two) for one, two in combinations(judged.values(), 2)]
    known = [pair for pair in pairs if pair is not None and pair[1] > 0]
    items, share = max(known, key=lambda pair: pair[1]) if known else (max(map(len, judged.values())), None)
    if (told := accuracy_words(items, share)) is not None:
        yield told


def _right(arm: ArmColumns) -> Mapping[int, float]:
    """Item → the mean of its judgements."""
    keep = np.isfinite(arm.value)
    members, at = np.unique(arm.cluster[keep], return_inverse=True)
    means = np.bincount(at, arm.value[keep]) / np.bincount(at)
    return dict(zip(members.tolist(), means.tolist(), strict=True))


def _disagree(one: Mapping[int, float], two: Mapping[int, float]) -> tuple[int, float] | None:
    """(items both were judged on, mean square of their differences): for right or wrong, the share that disagrees."""
    both = one.keys() & two.keys()
    if not both:
        return None
    return len(both), sum((one[item] - two[item]) ** 2 for item in both) / len(both)
