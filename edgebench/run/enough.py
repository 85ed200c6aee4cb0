"""Whether a run has seen enough: the stop rule of a plan, judged between two whole passes over the items.

Looking several times at a growing sample and stopping at the first interval that is narrow enough favours samples
that happen to vary little: the intervals of such a run are slightly too narrow (a nominal 95 % covers a little less).
So the rule looks at the width only, never at which arm is ahead; whole passes keep the arms balanced; what was not
issued stays counted with the reason; and ``requests`` bounds how early the first look can end a run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from edgebench.records import Estimate, Run, StopSpec

DRAWS = 500  # bootstrap draws for a width: the report draws more


def enough(run: Run, spec: StopSpec, arms: Collection[str]) -> str | None:
    """Why a run may end here, in words that follow "enough: "; None while any of ``arms`` has a condition unmet."""
    if not arms:
        return None
    words: list[str] = []
    if spec.requests is not None:
        fewest = min(_steady(run, arm) for arm in arms)
        if fewest < spec.requests:
            return None
        words.append(f"{fewest} requests")
    if spec.seconds is not None:
        shortest = min(_seconds(run, arm) for arm in arms)
        if shortest < spec.seconds:
            return None
        words.append(f"{shortest:.0f} s")
    if spec.within is not None:
        widest = max(_widths(run, spec.metric, arms))
        if not widest <= spec.within:
            return None
        words.append(f"{spec.metric} within ± {widest:.1%}")
    return f"enough: {', '.join(words)} for every arm" if words else None


def half_width(estimate: Estimate) -> float:
    """Half of the interval as a share of the value; infinite where there is no interval."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return float("inf")
    width = (estimate.high - estimate.low) / 2
    return width / abs(estimate.value) if estimate.value else (0.0 if width == 0 else float("inf"))


def _widths(run: Run, metric: str, arms: Collection[str]) -> Iterator[float]:
    from edgebench.metrics.summary import summarise  # only when a width is asked for

    found = {arm.arm: arm.estimates[metric] for arm in summarise(run, draws=DRAWS).arms if arm.arm in arms}
    for arm in arms:
        yield half_width(found[arm]) if arm in found else float("inf")


def _steady(run: Run, arm: str) -> int:
    """Answered requests of the steady state."""
    mine = {trial.id for trial in run.trials if trial.arm == arm}
    return sum(one.trial_id in mine and not one.cold and one.done_ns is not None for one in run.records)


def _seconds(run: Run, arm: str) -> float:
    """Time measured: from the first due to the last end of each trial, summed."""
    spans: dict[str, tuple[int, int]] = {}
    mine = {trial.id for trial in run.trials if trial.arm == arm}
    for record in run.records:
        if record.trial_id in mine:
            end = max([record.due_ns, *(call.end_ns for call in record.calls if call.end_ns is not None)])
            first, last = spans.get(record.trial_id, (record.due_ns, end))
            spans[record.trial_id] = (min(first, record.due_ns), max(last, end))
    return sum(last - first for first, last in spans.values()) / 1e9
