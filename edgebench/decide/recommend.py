"""The advice: which arm, why, how sure, and what would change it. Every sentence is computed; none ranks on noise.

The rule, for people who will not trade points for milliseconds by formula: take the objectives in the plan's order;
at each, keep the arms within a tolerance of the best (2 points of a share, 10 % of anything else); at the last, the
best one; what is then still equal is decided by the objectives again, in order. Eligible are arms that answered, miss
no SLO, are not dominated by an eligible kind of arm, and are no stand-ins (these only where there is nothing else).
The rule is applied to the estimates for the answer, and to every joint bootstrap draw for how sure the answer is.
An answer that is no better than guessing, or never right, is named as that instead of being recommended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgebench.decide.changes import changes
from edgebench.decide.choice import Choice, choose
from edgebench.decide.closest import closest
from edgebench.decide.compare import between
from edgebench.decide.flips import flips
from edgebench.decide.resampled import Resampled, resample
from edgebench.decide.rule import tolerance
from edgebench.decide.slo import limit
from edgebench.decide.study.cells import at_bound
from edgebench.decide.wording import name as named
from edgebench.decide.wording import percent, points, said, shown
from edgebench.records import METRICS, Advice, ArmSummary, Front, Run, SLOVerdict, StakeOfChange, Summary

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
    choice: Choice | None = None,
    stakes: Sequence[StakeOfChange] | None = None,
) -> Advice:
    """What to ship, from what was measured; ``choice`` and ``stakes`` where they are there already."""
    resampled = resample(run, summary, draws=draws) if resampled is None else resampled
    choice = choose(resampled, front, slos) if choice is None else choice
    if choice.arm is None:
        return _nothing(resampled, front, slos, choice.barred)
    stakes = flips(resampled, front, slos, choice) if stakes is None else stakes
    arm = resampled.arms[choice.arm]
    return Advice(
        arm=arm.arm,
        headline=_headline(arm, choice.shares, summary, _no_better_than_guessing(run, resampled, arm)),
        reasons=tuple(_reasons(resampled, front, slos, arm, choice)),
        how_sure=tuple(_how_sure(run, resampled, front, slos, arm, choice.shares, summary)),
        what_would_change_it=tuple(changes(run, resampled, front, slos, arm, stakes)),
    )


# --------------------------------------------------------------------------------------------------- the words


def _nothing(resampled: Resampled, front: Front, slos: Sequence[SLOVerdict], barred: Mapping[str, str]) -> Advice:
    summary = resampled.summary
    answered = [arm for arm in summary.arms if arm.answered]
    nearest: list[str] = []
    if not answered:
        headline = "Nothing can be recommended: no request was answered"
    elif not front.objectives:
        headline = "Nothing can be recommended: no objective is known for every arm"
    else:
        nearest = closest(resampled, slos, [arm.arm for arm in answered])
        headline = f"Nothing here should be shipped: every arm misses an SLO; {nearest[0]}"
    reasons = (*nearest, *(f"{name}: {why}" for name, why in barred.items()), *_dropped(front))
    return Advice(None, headline, reasons, tuple(summary.reasons), ())


def _no_better_than_guessing(run: Run, resampled: Resampled, arm: ArmSummary) -> str:
    """Why an arm is not shown to do the job at all; "" where it is, or where nobody asked how often it is right."""
    if "accuracy" not in (*run.plan.objectives, *(slo.metric for slo in run.plan.slos)):
        return ""
    bound, why = at_bound(run, resampled.table[arm.arm], arm.estimates["accuracy"])
    return why if bound == "floor" else ""


def _headline(arm: ArmSummary, shares: Mapping[str, float], summary: Summary, guessed: str) -> str:
    place = f" on {arm.identity.device}" if arm.identity.device else ""
    name = f"{arm.arm}{place}"
    if arm.identity.placement == "stand-in":
        return f"Only stand-ins are left to choose from; of them {name}, which is not yet an API to ship"
    if summary.verdict == "INVALID":
        return f"Ship nothing on this run, it is INVALID; as measured it would be {name}"
    if guessed:
        return f"Don't ship {name} on these numbers: it is what the rule picks, but {guessed}"
    return f"Ship {name}" if shares[arm.arm] >= SURE else f"Tentatively {name}: the data leave it open"


def _reasons(
    resampled: Resampled, front: Front, slos: Sequence[SLOVerdict], arm: ArmSummary, choice: Choice
) -> Iterator[str]:
    yield " · ".join(f"{named(m)} {shown(m, arm.estimates[m])}" for m in front.objectives)
    yield from _real(resampled, slos, arm)
    yield from _steps(resampled, front, arm, choice.names)
    for name, why in choice.barred.items():
        yield f"not {name}: {why}"
    yield from _dropped(front)


def _real(resampled: Resampled, slos: Sequence[SLOVerdict], arm: ArmSummary) -> Iterator[str]:
    """Where only a stand-in is left: what the others lack."""
    others = [one.arm for one in resampled.summary.arms if one.answered and one.identity.placement != "stand-in"]
    if arm.identity.placement == "stand-in" and others:
        yield from closest(resampled, slos, others, "none but stand-ins")


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
    open_ = [f"{limit(one.slo)} ({one.why})" for one in mine if one.verdict == "undecided"]
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
