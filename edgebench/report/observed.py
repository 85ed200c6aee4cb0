"""What was observed of each arm, as plain arrays and lists for charts: latencies, answers, counts that contradict.

The numbers with intervals come from the Summary; these are the distributions behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgebench.records import Item, Record, Run
from edgebench.stats import quantiles

CONTRADICTS = "usage_contradicts"


@dataclass(frozen=True, slots=True)
class Observed:
    """The distributions of one arm in its steady state: without the first request after each start, which is reported
    apart. Sorted milliseconds; failed requests have no latency but count in ``requests``.
    """

    requests: int
    latency_ms: tuple[float, ...]
    ttft_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Output tokens of one arm's calls whose provider counts other ones than the client."""

    calls: int
    told: int  # calls of which both counts are known; the sums are theirs
    provider: int
    client: int


@dataclass(frozen=True, slots=True)
class Said:
    """What one arm made of one item."""

    text: str | None
    right: bool | None
    failure: str | None
    repeats: int = 1
    message: str = ""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An item on which the arms differ, with what each said."""

    item: Item
    said: Mapping[str, Said]
    wrong: tuple[str, ...] = field(default=())


def by_arm(run: Run) -> Mapping[str, Sequence[Record]]:
    """Records of the arms decisions are made on, in the order they were kept; other cells ask other texts."""
    arms = {trial.id: trial.arm for trial in run.trials if trial.base}
    out: dict[str, list[Record]] = {}
    for record in run.records:
        if record.trial_id in arms:
            out.setdefault(arms[record.trial_id], []).append(record)
    return out


def observe(run: Run) -> Mapping[str, Observed]:
    """The distributions of every arm. ``latency = done − due``, ``TTFT = first − due``."""
    return {arm: _observe(records) for arm, records in by_arm(run).items()}


def _observe(given: Sequence[Record]) -> Observed:
    records = [record for record in given if not record.cold] or given
    answered = [record for record in records if record.done_ns is not None and record.failure is None]
    firsts = [(record, record.first_ns) for record in answered]
    return Observed(
        requests=len(records),
        latency_ms=tuple(sorted(((record.done_ns or 0) - record.due_ns) / 1e6 for record in answered)),
        ttft_ms=tuple(sorted((first - record.due_ns) / 1e6 for record, first in firsts if first is not None)),
    )


def contradictions(run: Run) -> Mapping[str, Contradiction]:
    """Arms with calls noticed as ``usage_contradicts``: both counts are kept, neither is corrected."""
    out = {}
    for arm, records in by_arm(run).items():
        calls = [call for record in records for call in record.calls if CONTRADICTS in call.notices]
        counts = [
            (call.usage.output_tokens, call.client_output_tokens)
            for call in calls
            if call.usage and call.usage.output_tokens is not None and call.client_output_tokens is not None
        ]
        if calls:
            sums = [sum(each) for each in zip(*counts, strict=True)] or [0, 0]
            out[arm] = Contradiction(len(calls), len(counts), sums[0], sums[1])
    return out


def at(values: Sequence[float], share: float) -> float:
    """A quantile of a sorted sample, by the same rule as the numbers of the Summary."""
    return quantiles.point(np.asarray(values), share)


def thin(values: Sequence[float], most: int = 160) -> list[int]:
    """Places to keep of a sorted sample: even steps, and every one of the last percent (the tail is the point)."""
    count = len(values)
    if count <= most:
        return list(range(count))
    even = {round(k * (count - 1) / (most - 1)) for k in range(most)}
    tail = range(max(count - most // 2, int(count * 0.99)), count)
    return sorted(even | set(tail))


def disagreements(run: Run) -> tuple[Disagreement, ...]:
    """Items on which arms differ in being right (or, unscored, in what they said): gravest and most divided first.

    Of the messages as they are: of other ones, another answer may be right.
    """
    base = {trial.arm for trial in run.trials if trial.base}
    scorer = run.workload.scorers[0].name if run.workload.scorers else None
    scores = {score.record_id: score.value for score in run.scores if score.scorer == scorer}
    told: dict[str, dict[str, list[Record]]] = {}
    for arm, records in by_arm(run).items():
        for record in records if arm in base else ():
            told.setdefault(record.item_digest, {}).setdefault(arm, []).append(record)
    found = []
    for item in run.workload.items:
        said = {arm: _said(records, scores) for arm, records in told.get(item.digest, {}).items()}
        if _differ(said):
            wrong = tuple(arm for arm, one in said.items() if one.right is False or one.failure)
            found.append(Disagreement(item, said, wrong))
    return tuple(sorted(found, key=_gravity))


def _said(records: Sequence[Record], scores: Mapping[str, float | None]) -> Said:
    """The commonest answer of an arm to an item (the first of them on a tie)."""
    texts = Counter(record.answer.text if record.answer else None for record in records)
    text = texts.most_common(1)[0][0]
    record = next(one for one in records if (one.answer.text if one.answer else None) == text)
    value = scores.get(record.id)
    failure = record.failure
    return Said(
        text=text,
        right=None if value is None else value >= 0.5,
        failure=failure.kind if failure else None,
        repeats=len(records),
        message=failure.message if failure else "",
    )


def _differ(said: Mapping[str, Said]) -> bool:
    if len(said) < 2:
        return False
    verdicts = {one.right if one.failure is None else False for one in said.values()}
    if verdicts == {None}:
        return len({(one.text or "").strip() for one in said.values()}) > 1
    return len(verdicts) > 1


def _gravity(one: Disagreement) -> tuple[int, float, str]:
    divided = abs(len(one.wrong) / max(1, len(one.said)) - 0.5)
    return (-(one.item.stakes or 0), round(divided, 6), one.item.id)
