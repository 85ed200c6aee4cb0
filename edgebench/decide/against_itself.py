"""A/A: does the instrument see a difference between a target and itself?

Two arms of one spec differ by nothing but chance and whatever the instrument or the machine does unequally. Accuracy,
p50 and p95 are compared in pairs as in any other run; the p-values are corrected by Holm over all of them together,
so that chance alone finds a difference in at most one run in twenty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgebench.decide.compare import between
from edgebench.decide.resampled import Resampled
from edgebench.decide.wording import name, number, points, said
from edgebench.errors import GateFailed, GateUndecided
from edgebench.records import METRICS, Advice, Comparison, Estimate, Plan, Summary
from edgebench.stats import multiple

JUDGED = ("accuracy", "p50_ms", "p95_ms")
ALPHA = 0.05
AGAIN = " again"  # ends the second name


def twins(plan: Plan) -> tuple[str, str] | None:
    """The two targets of a plan that puts a target against itself: one spec, X and "X again". None for any other."""
    if len(plan.targets) != 2:
        return None
    one, two = plan.targets
    same = plan.targets[one] == plan.targets[two] and two.endswith(AGAIN) and one.startswith(two.removesuffix(AGAIN))
    return (one, two) if same else None


def compared(resampled: Resampled, pair: tuple[str, str]) -> tuple[Comparison, ...]:
    """Each arm with its twin under the same prompting, on every metric judged; p-values corrected over them all."""
    arms = [arm for arm in resampled.summary.arms if arm.answered]
    second = {arm.prompting: arm.arm for arm in arms if arm.target == pair[1]}
    found = [
        between(resampled, arm.arm, second[arm.prompting], metric)
        for arm in arms
        if arm.target == pair[0] and arm.prompting in second
        for metric in JUDGED
    ]
    return _corrected(found)


def _corrected(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    tested = {place: one.p_value for place, one in enumerate(found) if one.p_value is not None}
    adjusted = dict(zip(tested, multiple.holm(list(tested.values())), strict=True))
    return tuple(
        replace(one, p_value=adjusted[place], method=f"{one.method}; Holm over {len(tested)}")
        if place in adjusted
        else one
        for place, one in enumerate(found)
    )


def differences(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Those that say the two arms differ."""
    return tuple(one for one in comparisons if one.p_value is not None and one.p_value <= ALPHA)


def demand_sameness(comparisons: Sequence[Comparison]) -> None:
    """Raises GateFailed (exit code 3) when a difference was found, GateUndecided (4) when nothing could be compared."""
    found = differences(comparisons)
    if found:
        raise GateFailed(f"a difference was found where there is none: {'; '.join(_words(one) for one in found)}")
    if all(one.p_value is None for one in comparisons):
        raise GateUndecided("nothing could be compared: too few requests were answered")


def advise(summary: Summary, pair: tuple[str, str], comparisons: Sequence[Comparison]) -> Advice:
    """The verdict in the place of a recommendation: between a target and itself there is nothing to choose."""
    return Advice(
        arm=None,
        headline=_headline(summary, pair[0], comparisons),
        reasons=tuple(f"{_words(one)}" for one in comparisons),
        how_sure=tuple(_how_sure(summary, comparisons)),
        what_would_change_it=tuple(_next(comparisons)),
    )


def _headline(summary: Summary, target: str, comparisons: Sequence[Comparison]) -> str:
    tested = [one for one in comparisons if one.p_value is not None]
    if not tested:
        return f"Nothing could be compared between {target} and itself: too few requests were answered"
    found = differences(comparisons)
    if found:
        where = ", ".join(dict.fromkeys(name(one.metric) for one in found))
        words = f"A difference was found between {target} and itself, where there is none: {where}"
    else:
        words = f"No difference was found between {target} and itself, as it should be"
    return f"{words} (but the run is INVALID)" if summary.verdict == "INVALID" else words


def _words(one: Comparison) -> str:
    """``latency p95: × 1.02 [× 0.97 to × 1.06], p = 0.41, n = 250``."""
    shown = one.difference if one.ratio is None else one.ratio
    if shown.value is None or one.p_value is None:
        return f"{name(one.metric)} was not compared: {shown.why_absent or 'no test fits it'}"
    p = f"p = {one.p_value:.2g}" if one.p_value >= 0.001 else "p < 0.001"
    return f"{name(one.metric)}: {_size(one, shown.value, shown)}, {p}, n = {shown.n}"


def _size(one: Comparison, value: float, shown: Estimate) -> str:
    if shown.low is None or shown.high is None:
        return f"{_amount(one, value)} (no interval)"
    return f"{_amount(one, value)} [{_amount(one, shown.low)} to {_amount(one, shown.high)}]"


def _amount(one: Comparison, value: float) -> str:
    """A ratio where there is one, else a difference."""
    if one.ratio is not None:
        return f"× {number(value)}"
    return points(value) if METRICS[one.metric].unit == "fraction" else said(one.metric, value)


def _how_sure(summary: Summary, comparisons: Sequence[Comparison]) -> Iterator[str]:
    tested = sum(one.p_value is not None for one in comparisons)
    if summary.verdict == "INVALID":
        yield "not sure at all: the run is INVALID, for the reasons given above"
    if tested:
        yield (
            f"chance alone finds a difference in at most one such run in twenty (Holm over {tested} comparisons); "
            "the intervals say how large one could have stayed unseen"
        )


def _next(comparisons: Sequence[Comparison]) -> Iterator[str]:
    if differences(comparisons):
        yield (
            "run it again as a new run (`--new`): chance does this once in twenty; found a second time, it is the "
            "machine (heat, other work, power saving) or a fault of the instrument, and no comparison here can be "
            "trusted to that size"
        )
    else:
        yield "more items or repeats narrow the intervals, so that smaller differences would be seen"
