"""Chart titles: a sentence with the finding, written from the data and hedged by it.

Two arms are told apart only when their paired difference excludes zero, or, where no paired comparison
exists, when their intervals do not overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebench.records import METRICS, ArmSummary, Conclusion, Estimate
from edgebench.report import formatting
from edgebench.report.looks import Look

WORDS = {
    "p50_ms": ("faster", "the fastest", "median latency"),
    "p95_ms": ("faster", "the fastest", "p95 latency"),
    "usd_per_1k": ("cheaper", "the cheapest", "cost"),
    "peak_mib": ("smaller in memory", "the smallest", "peak memory"),
}


def told_apart(conclusion: Conclusion, a: str, b: str, metric: str) -> bool:
    """Whether the data separate two arms in a metric."""
    for one in conclusion.comparisons:
        if {one.a, one.b} == {a, b} and one.metric == metric and one.difference.value is not None:
            low, high = one.difference.low, one.difference.high
            return low is not None and high is not None and (low > 0 or high < 0)
    values = {arm.arm: arm.estimates.get(metric) for arm in conclusion.summary.arms}
    return _disjoint(values.get(a), values.get(b))


def trade_off(conclusion: Conclusion, looks: Mapping[str, Look], metric: str) -> str:
    """The finding of accuracy against a cost-like metric (low is better)."""
    adverb, most, noun = WORDS[metric]
    arms = [arm for arm in conclusion.summary.arms if _value(arm, metric) is not None]
    if len(arms) < 2:
        return f"No comparison of {noun}: {len(arms)} of {len(conclusion.summary.arms)} targets have one"
    scored = [arm for arm in arms if _value(arm, "accuracy") is not None]
    lowest = min(arms, key=lambda arm: _value(arm, metric) or 0.0)
    if len(scored) < 2:
        return f"{looks[lowest.arm].short} is {most}; right and wrong were not judged"
    ranked = sorted(scored, key=lambda arm: -(_value(arm, "accuracy") or 0.0))
    best = ranked[0]
    kin = best.target == lowest.target and not told_apart(conclusion, best.arm, lowest.arm, metric)
    if best is lowest or kin:
        others = [arm for arm in ranked if arm.target != best.target]  # a target is no rival of its own promptings
        return _one_winner(conclusion, looks, best, (others or ranked[1:])[0], metric)
    return _two_winners(conclusion, looks, best, lowest, metric, adverb, noun)


def _one_winner(
    conclusion: Conclusion, looks: Mapping[str, Look], best: ArmSummary, second: ArmSummary, metric: str
) -> str:
    adverb, _, noun = WORDS[metric]
    name, other = looks[best.arm].short, looks[second.arm].short
    rank = "the best of the other targets" if second.target != best.target else "the next best"
    apart = told_apart(conclusion, best.arm, second.arm, metric)
    gap = ((_value(best, "accuracy") or 0.0) - (_value(second, "accuracy") or 0.0)) * 100
    faster = f"{name} is {_faster(best, second, metric, adverb)} than {other}"
    if not told_apart(conclusion, best.arm, second.arm, "accuracy"):
        n = _n(best, "accuracy")
        if not apart:
            return f"{name} and {other} can't be told apart at n = {n}, neither in being right nor in {noun}"
        return f"{faster}; in being right they can't be told apart at n = {n}"
    if not apart:
        return f"{name} is right {gap:.0f} points more often than {other}, {rank}; their {noun} can't be told apart"
    return f"{faster}, {rank}, and right {gap:.0f} points more often"


def _two_winners(
    conclusion: Conclusion,
    looks: Mapping[str, Look],
    best: ArmSummary,
    lowest: ArmSummary,
    metric: str,
    adverb: str,
    noun: str,
) -> str:
    a, b = looks[lowest.arm].short, looks[best.arm].short
    apart = told_apart(conclusion, lowest.arm, best.arm, metric)
    better = told_apart(conclusion, lowest.arm, best.arm, "accuracy")
    gap = ((_value(best, "accuracy") or 0.0) - (_value(lowest, "accuracy") or 0.0)) * 100
    faster = _faster(lowest, best, metric, adverb)
    if apart and better:
        return f"{a} is {faster} than {b}, which is right {gap:.0f} points more often"
    if apart:
        return f"{a} is {faster} than {b}; in being right they can't be told apart at n = {_n(best, 'accuracy')}"
    if better:
        return f"{b} is right {gap:.0f} points more often than {a}; their {noun} can't be told apart"
    return f"{a} and {b} can't be told apart at n = {_n(best, 'accuracy')}, neither in being right nor in {noun}"


def latency(conclusion: Conclusion, looks: Mapping[str, Look], metric: str = "p50_ms") -> str:
    """The finding of a latency-like distribution: the fastest and the slowest arm, if they can be told apart."""
    label = "answers half of its requests" if metric == "p50_ms" else "begins half of its answers"
    arms = sorted(
        (arm for arm in conclusion.summary.arms if _value(arm, metric) is not None),
        key=lambda arm: _value(arm, metric) or 0.0,
    )
    if not arms:
        return "Nothing was answered, so there is no latency to show"
    first, last = arms[0], arms[-1]
    unit = METRICS[metric].unit
    opening = f"{looks[first.arm].short} {label} within {formatting.quantity(_value(first, metric) or 0.0, unit)}"
    if len(arms) == 1:
        return opening
    if not told_apart(conclusion, first.arm, last.arm, metric):
        return f"The medians can't be told apart at n = {_n(first, metric)}"
    return f"{opening}; {looks[last.arm].short} needs {formatting.quantity(_value(last, metric) or 0.0, unit)}"


def failures(arms: Sequence[ArmSummary], looks: Mapping[str, Look]) -> str:
    """The finding of the failures: how many, and where most of them are."""
    total, requests = sum(sum(arm.failures.values()) for arm in arms), sum(arm.requests for arm in arms)
    if not total:
        return f"No request failed (n = {requests:,})"
    worst = max(arms, key=lambda arm: sum(arm.failures.values()))
    kind, count = max(worst.failures.items(), key=lambda pair: pair[1])
    words = kind.replace("_", " ")
    return f"{total:,} of {requests:,} requests failed; most at {looks[worst.arm].short} ({words}: {count:,})"


def slices(arms: Sequence[ArmSummary], looks: Mapping[str, Look], chosen: str | None) -> str:
    """The finding of the slices: where the chosen arm is told apart from its own whole, if anywhere."""
    arm = next((one for one in arms if one.arm == chosen), arms[0] if arms else None)
    whole = arm.estimates.get("accuracy") if arm else None
    if arm is None or whole is None or whole.value is None:
        return "Slices were not judged"
    weak = [
        (one.value, tag, value, one)
        for tag, values in arm.slices.items()
        for value, one in values.items()
        if one.value is not None and one.high is not None and whole.low is not None and one.high < whole.low
    ]
    name = looks[arm.arm].short
    if not weak:
        return f"No slice of {name} is told apart from its whole at these n"
    _, tag, value, one = min(weak, key=lambda entry: (entry[0] or 0.0, entry[1], entry[2]))
    shown = formatting.show(one, "fraction")
    return f"{name} is weakest where {tag} is {value}: {shown} right, n = {one.n}"


def _value(arm: ArmSummary, metric: str) -> float | None:
    found = arm.estimates.get(metric)
    return found.value if found else None


def _n(arm: ArmSummary, metric: str) -> str:
    return f"{arm.estimates[metric].n:,}"


def _faster(low: ArmSummary, high: ArmSummary, metric: str, adverb: str) -> str:
    small, large = _value(low, metric) or 0.0, _value(high, metric) or 0.0
    if small <= 0:
        return adverb
    return f"{formatting.times(large / small)} {adverb}"


def _disjoint(a: Estimate | None, b: Estimate | None) -> bool:
    """Whether intervals do not overlap; numbers without one (a size, a list price) must differ by a twentieth."""
    if a is None or b is None or a.value is None or b.value is None:
        return False
    if None in (a.low, a.high, b.low, b.high):
        return abs(a.value - b.value) > 0.05 * max(abs(a.value), abs(b.value))
    return bool((a.high or 0.0) < (b.low or 0.0) or (b.high or 0.0) < (a.low or 0.0))
