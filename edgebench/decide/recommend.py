"""The advice: which arm, why, how sure, and what would change it. Every sentence is computed; none ranks on noise.

The rule, for people who will not trade points for milliseconds by formula: take the objectives in the plan's order;
at each, keep the arms within a tolerance of the best (2 points of a share, 10 % of anything else); at the last, the
best one; what is then still equal is decided by the objectives again, in order. Eligible are arms that answered, miss
no SLO, are not dominated by an eligible kind of arm, and are no stand-ins (these only where there is nothing else).
The rule is applied to the estimates for the answer, and to every joint bootstrap draw for how sure the answer is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgebench.decide.changes import changes
from edgebench.decide.compare import between
from edgebench.decide.pareto import DOMINATED, dominance, losses
from edgebench.decide.resampled import Resampled, resample
from edgebench.decide.wording import name as named
from edgebench.decide.wording import percent, points, said, shown
from edgebench.metrics.table import Floats
from edgebench.records import METRICS, SLO, Advice, ArmSummary, Front, Run, SLOVerdict, Summary

TOLERANCE_SHARE = 0.02
TOLERANCE_RATIO = 0.10
SURE = 0.90  # share of draws from which the answer is given without "tentatively"
RIVAL = 0.05  # an arm the rule picks this often is named


def advise(
    run: Run,
    summary: Summary,
    front: Front,
    slos: Sequence[SLOVerdict],
    *,
    draws: int = 2000,
    resampled: Resampled | None = None,
) -> Advice:
    """What to ship, from what was measured."""
    resampled = resample(run, summary, draws=draws) if resampled is None else resampled
    barred = _barred(summary, front, slos)
    names = [arm.arm for arm in summary.arms if arm.arm not in barred]
    if not names or not front.objectives:
        return _nothing(summary, front, barred)
    barred = {**barred, **_dominated(resampled, names, front.objectives)}
    names = [name for name in names if name not in barred]
    pick = _pick(_points(resampled, names, front.objectives), front.objectives)[0]
    picked = _pick(losses(resampled, names, front.objectives), front.objectives)
    shares = {name: float((picked == place).mean()) for place, name in enumerate(names)}
    arm = resampled.arms[names[pick]]
    return Advice(
        arm=arm.arm,
        headline=_headline(arm, shares, summary),
        reasons=tuple(_reasons(resampled, front, arm, names, barred)),
        how_sure=tuple(_how_sure(run, resampled, front, slos, arm, shares, summary)),
        what_would_change_it=tuple(changes(run, resampled, front, slos, arm)),
    )


# --------------------------------------------------------------------------------------------------- the rule


def tolerance(metric: str, best: Floats) -> Floats:
    """How far from the best still counts as good enough."""
    if METRICS[metric].unit == "fraction":
        return np.full_like(best, TOLERANCE_SHARE)
    return np.where(np.isfinite(best), TOLERANCE_RATIO * np.abs(best), 0.0)


def _pick(loss: Floats, objectives: Sequence[str]) -> NDArray[np.int64]:
    """The arm the rule picks in each draw, from losses of shape (draws, arms, objectives)."""
    alive = np.ones(loss.shape[:2], dtype=bool)
    for k, metric in enumerate(objectives[:-1]):
        mine = np.where(alive, loss[:, :, k], np.inf)
        best = mine.min(axis=1)
        alive &= mine <= (best + tolerance(metric, best))[:, None] + 1e-12
    for k in (len(objectives) - 1, *range(len(objectives) - 1)):
        mine = np.where(alive, loss[:, :, k], np.inf)
        alive &= mine <= mine.min(axis=1)[:, None]
    return np.asarray(alive.argmax(axis=1), dtype=np.int64)


def _points(resampled: Resampled, names: Sequence[str], objectives: Sequence[str]) -> Floats:
    signs = [1.0 if METRICS[metric].better == "low" else -1.0 for metric in objectives]
    rows = [
        [sign * (resampled.point(name, metric) or 0.0) for sign, metric in zip(signs, objectives, strict=True)]
        for name in names
    ]
    return np.array([rows], dtype=float)


def _barred(summary: Summary, front: Front, slos: Sequence[SLOVerdict]) -> Mapping[str, str]:
    """Arm → why it cannot be recommended."""
    barred = dict(front.excluded)
    for one in slos:
        if one.verdict == "missed":
            barred.setdefault(one.arm, f"misses {_limit(one.slo)}: {one.why}")
    stand_ins = {arm.arm for arm in summary.arms if arm.identity.placement == "stand-in"}
    members = {member.arm for member in front.members}
    if members - stand_ins - barred.keys():
        for name in sorted(members & stand_ins):
            barred.setdefault(name, "a stand-in shows how the comparison works, not how an API would do")
    return barred


def _dominated(resampled: Resampled, names: Sequence[str], objectives: Sequence[str]) -> Mapping[str, str]:
    """Arm → why, among those still eligible: to be beaten by an arm one cannot ship is no fault."""
    beaten = dominance(losses(resampled, names, objectives))
    often = beaten.any(axis=2).mean(axis=0)
    by = beaten.sum(axis=0).argmax(axis=1)
    return {
        name: f"dominated by {names[by[place]]}: no better in any objective"
        for place, name in enumerate(names)
        if often[place] >= 1 - DOMINATED
    }


def _limit(slo: SLO) -> str:
    limits = [f"≤ {said(slo.metric, slo.max)}"] if slo.max is not None else []
    limits += [f"≥ {said(slo.metric, slo.min)}"] if slo.min is not None else []
    return f"{named(slo.metric)} {' and '.join(limits)}"


# --------------------------------------------------------------------------------------------------- the words


def _nothing(summary: Summary, front: Front, barred: Mapping[str, str]) -> Advice:
    answered = [arm for arm in summary.arms if arm.answered]
    if not answered:
        headline = "Nothing can be recommended: no request was answered"
    elif not front.objectives:
        headline = "Nothing can be recommended: no objective is known for every arm"
    else:
        headline = "Nothing here should be shipped: every arm misses an SLO or is a stand-in for one that does"
        if all("misses" in barred[arm.arm] for arm in answered if arm.arm in barred):
            headline = "Nothing here should be shipped: every arm misses an SLO"
    reasons = (*(f"{name}: {why}" for name, why in barred.items()), *_dropped(front))
    return Advice(None, headline, reasons, tuple(summary.reasons), ())


def _headline(arm: ArmSummary, shares: Mapping[str, float], summary: Summary) -> str:
    place = f" on {arm.identity.device}" if arm.identity.device else ""
    name = f"{arm.arm}{place}"
    if arm.identity.placement == "stand-in":
        return f"Only stand-ins are left to choose from; of them {name}, which is not yet an API to ship"
    if summary.verdict == "INVALID":
        return f"Ship nothing on this run, it is INVALID; as measured it would be {name}"
    return f"Ship {name}" if shares[arm.arm] >= SURE else f"Tentatively {name}: the data leave it open"


def _reasons(
    resampled: Resampled, front: Front, arm: ArmSummary, names: Sequence[str], barred: Mapping[str, str]
) -> Iterator[str]:
    yield " · ".join(f"{named(m)} {shown(m, arm.estimates[m])}" for m in front.objectives)
    yield from _steps(resampled, front, arm, names)
    for name, why in barred.items():
        yield f"not {name}: {why}"
    yield from _dropped(front)


def _steps(resampled: Resampled, front: Front, arm: ArmSummary, names: Sequence[str]) -> Iterator[str]:
    """The rule told step by step on the estimates."""
    alive = list(names)
    for place, metric in enumerate(front.objectives):
        if len(alive) == 1:
            break
        last = place == len(front.objectives) - 1
        sign = 1.0 if METRICS[metric].better == "low" else -1.0
        value = {name: sign * (resampled.point(name, metric) or 0.0) for name in alive}
        best = min(alive, key=lambda name: value[name])
        slack = 0.0 if last else float(tolerance(metric, np.array([value[best]]))[0])
        kept = [name for name in alive if value[name] <= value[best] + slack + 1e-12]
        gone = [name for name in alive if name not in kept]
        if gone:
            margin = "2 points" if METRICS[metric].unit == "fraction" else "10 %"
            near = "" if last else f", and {'those' if len(kept) > 1 else 'nobody else'} within {margin} of it"
            yield (
                f"{named(metric)}: best is {best} ({said(metric, sign * value[best])}){near}"
                f"{': ' + _some(kept) if len(kept) > 1 else ''}; out: {_some(gone)}"
            )
        alive = kept
    if len(names) == 1:
        yield "the only arm that may be recommended"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) < 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _dropped(front: Front) -> Iterator[str]:
    for metric, why in front.dropped.items():
        yield f"{named(metric)} was not weighed: {why}"


def _how_sure(
    run: Run,
    resampled: Resampled,
    front: Front,
    slos: Sequence[SLOVerdict],
    arm: ArmSummary,
    shares: Mapping[str, float],
    summary: Summary,
) -> Iterator[str]:
    if summary.verdict == "INVALID":
        yield "not sure at all: the run is INVALID, for the reasons given above"
    member = next(one for one in front.members if one.arm == arm.arm)
    yield f"on the front in {percent(member.probability)} of {front.draws} resamples"
    rivals = [f"{name} in {percent(share)}" for name, share in _ranked(shares) if name != arm.arm and share >= RIVAL]
    yield f"picked by the rule in {percent(shares[arm.arm])} of them" + (f", {', '.join(rivals)}" if rivals else "")
    yield from _slo_words(run, resampled, slos, arm)
    yield from _too_close(resampled, front, arm, shares)
    if arm.failures:
        yield f"{sum(arm.failures.values())} of its {arm.requests} requests failed"


def _ranked(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))


def _slo_words(run: Run, resampled: Resampled, slos: Sequence[SLOVerdict], arm: ArmSummary) -> Iterator[str]:
    mine = [one for one in slos if one.arm == arm.arm]
    if not mine:
        return
    held = np.ones(resampled.count, dtype=bool)
    for slo in run.plan.slos:
        drawn = resampled.draws(arm.arm, slo.metric)
        held &= ~(drawn > slo.max) if slo.max is not None else True
        held &= ~(drawn < slo.min) if slo.min is not None else True
    open_ = [f"{_limit(one.slo)} ({one.why})" for one in mine if one.verdict == "undecided"]
    if not open_:
        yield f"meets every SLO, in {percent(float(held.mean()))} of resamples"
    else:
        yield f"keeps within every SLO in {percent(float(held.mean()))} of resamples, but undecided: {'; '.join(open_)}"


def _too_close(resampled: Resampled, front: Front, arm: ArmSummary, shares: Mapping[str, float]) -> Iterator[str]:
    """Rivals whose lead or lag in the first objective the data cannot tell from nothing."""
    first = front.objectives[0]
    for name, _ in _ranked(shares):
        if name == arm.arm:
            continue
        difference = between(resampled, name, arm.arm, first).difference
        low, high = difference.low, difference.high
        if difference.value is None or low is None or high is None or low > 0 or high < 0:
            continue
        share = METRICS[first].unit == "fraction"
        width = f"{points(low)} to {points(high)}" if share else f"{said(first, low)} to {said(first, high)}"
        yield f"can't be told apart from {name} in {named(first)} at n = {difference.n} ({width})"
