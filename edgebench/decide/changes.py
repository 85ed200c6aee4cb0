"""What would change the advice: volumes, the price of a wrong answer, tighter limits, each computed from the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from decimal import Decimal

import numpy as np

from edgebench.decide.breakeven import breakeven
from edgebench.decide.compare import between
from edgebench.decide.resampled import Resampled
from edgebench.decide.slo import slacks
from edgebench.decide.wording import dollars, number, percent, points, said
from edgebench.decide.wording import name as named
from edgebench.metrics.device_cost import device_rates
from edgebench.metrics.observed import is_quantile_of_time
from edgebench.records import ArmSummary, Breakeven, Front, Run, SLOVerdict


def changes(run: Run, resampled: Resampled, front: Front, slos: Sequence[SLOVerdict], arm: ArmSummary) -> Iterator[str]:
    """Sentences, the weightiest first."""
    missing = {one.arm for one in slos if one.verdict == "missed"}
    yield from _wrong_answers(resampled, arm, missing)
    yield from _volume(resampled, arm)
    yield from _limits(run, resampled, front, arm)
    yield from _stand_ins(resampled)
    yield from _assumptions(resampled, arm)


# --------------------------------------------------------------------------------------------------- errors


def _wrong_answers(resampled: Resampled, arm: ArmSummary, missing: Set[str]) -> Iterator[str]:
    """At what price of a wrong answer a more accurate arm pays, or a cheaper one."""
    mine = _accuracy_and_cost(resampled, arm.arm)
    if mine is None:
        return
    others = {one: both for one in resampled.arms if one != arm.arm and (both := _accuracy_and_cost(resampled, one))}
    better = [one for one, (right, _) in others.items() if right > mine[0]]
    cheaper = [one for one, (right, usd) in others.items() if right < mine[0] and usd < mine[1]]
    if better:  # one that keeps the SLOs, where there is one
        other = max(better, key=lambda one: (one not in missing, others[one][0]))
        yield from _dearer_wins(resampled, arm, other, " (but it misses an SLO)" if other in missing else "")
    cheaper = [one for one in cheaper if one not in missing]
    if cheaper:
        one = max(cheaper, key=lambda name: others[name][0])
        worth = (mine[1] - others[one][1]) / (mine[0] - others[one][0])
        yield (
            f"if a wrong answer costs less than {dollars(worth)}, {_named(resampled, one)} is the better bargain"
            f"{_if_real(resampled, one, arm.arm)}"
        )


def _dearer_wins(resampled: Resampled, arm: ArmSummary, other: str, but: str) -> Iterator[str]:
    mine, theirs = _accuracy_and_cost(resampled, arm.arm), _accuracy_and_cost(resampled, other)
    if mine is None or theirs is None:
        return
    lead, extra = theirs[0] - mine[0], theirs[1] - mine[1]
    who, doubt = _named(resampled, other) + but, _if_real(resampled, arm.arm, other)
    if extra <= 0:
        yield f"{who} is {points(lead)} more accurate and no dearer; it lost on the other objectives{doubt}"
        return
    gains = resampled.draws(other, "accuracy") - resampled.draws(arm.arm, "accuracy")
    costs = (resampled.draws(other, "usd_per_1k") - resampled.draws(arm.arm, "usd_per_1k")) / 1000
    worth = costs[gains > 0] / gains[gains > 0]
    span = ""
    if len(worth) >= 0.975 * len(gains):
        low, high = np.quantile(worth, [0.025, 0.975])
        span = f" [{dollars(float(low))} – {dollars(float(high))}]"
    yield f"if a wrong answer costs more than {dollars(extra / lead)}{span}, {who} wins{doubt}"


def _accuracy_and_cost(resampled: Resampled, name: str) -> tuple[float, float] | None:
    right, usd = resampled.point(name, "accuracy"), resampled.point(name, "usd_per_1k")
    return None if right is None or usd is None else (right, usd / 1000)


def _if_real(resampled: Resampled, worse: str, better: str) -> str:
    """A caveat where the difference in accuracy may be chance."""
    difference = between(resampled, worse, better, "accuracy").difference
    if difference.value is None or difference.low is None or difference.low > 0:
        return ""
    return f", if its lead is real: {points(difference.value)} can't be told from none at n = {difference.n}"


def _named(resampled: Resampled, name: str) -> str:
    return f"{name} (a stand-in)" if resampled.arms[name].identity.placement == "stand-in" else name


# --------------------------------------------------------------------------------------------------- volume


def _volume(resampled: Resampled, arm: ArmSummary) -> Iterator[str]:
    """The break-even volume against the most accurate arm of the other kind."""
    local = arm.identity.placement == "device"
    rivals = [
        one
        for one in resampled.summary.arms
        if one.estimates["usd_per_1k"].value is not None and (one.identity.placement == "device") != local
    ]
    if not rivals:
        return
    real = [one for one in rivals if one.identity.placement != "stand-in"] or rivals
    other = max(real, key=lambda one: one.estimates["accuracy"].value or 0.0)
    device, hosted = (arm.arm, other.arm) if local else (other.arm, arm.arm)
    found = breakeven(resampled, device, hosted)
    if found is not None:
        yield _volume_words(resampled, found, local)


def _volume_words(resampled: Resampled, found: Breakeven, local: bool) -> str:
    hosted, priced = _named(resampled, found.hosted), ""
    source = resampled.arms[found.hosted].cost
    if resampled.arms[found.hosted].identity.placement == "stand-in" and source is not None:
        priced = f", priced as {source.source.get('model', 'declared')},"
    if found.value is None:
        return f"{hosted}{priced} costs less than this device's electricity alone, at any volume"
    span = f" [{number(found.low)}–{number(found.high)}]" if found.low and found.high else ""
    span = "" if span == f" [{number(found.value)}–{number(found.value)}]" else span
    volume = f"{number(found.value)}{span} requests a day"
    if found.value > found.most_a_day:
        return (
            f"{hosted}{priced} is cheaper at any volume one device can carry: break-even {volume}, "
            f"it answers at most {number(found.most_a_day)}"
        )
    if local:
        return f"below {volume} {hosted}{priced} is cheaper (the device costs {dollars(found.fixed_usd_a_day)} a day)"
    return f"above {volume} {found.device} is cheaper than {hosted}{priced}"


# --------------------------------------------------------------------------------------------------- limits


def _limits(run: Run, resampled: Resampled, front: Front, arm: ArmSummary) -> Iterator[str]:
    """How far the limits on time could be tightened before this arm falls."""
    asked = [slo.metric for slo in run.plan.slos if slo.max is not None and is_quantile_of_time(slo.metric)]
    metrics = asked or [metric for metric in front.objectives if is_quantile_of_time(metric)][:1]
    for metric in dict.fromkeys(metrics):
        meets, misses = slacks(resampled.table[arm.arm], metric)
        if misses is None:
            continue
        nobody = not any(_could(resampled, name, metric, misses) for name in resampled.arms if name != arm.arm)
        so = ", and so does every other arm" if nobody and len(resampled.arms) > 1 else ""
        what, least = named(metric), said(metric, misses)
        if meets is not None:
            yield f"it meets a {what} limit down to {said(metric, meets)}; under {least} it misses{so}"
        else:
            yield f"under a {what} limit of {least} it misses{so}; no limit is shown to be met at this n"


def _could(resampled: Resampled, name: str, metric: str, limit: float) -> bool:
    """Whether this arm is not shown to miss a limit just under ``limit``."""
    if not resampled.arms[name].answered:
        return False
    _, misses = slacks(resampled.table[name], metric)
    return misses is None or misses < limit


# --------------------------------------------------------------------------------------------------- caveats


def _stand_ins(resampled: Resampled) -> Iterator[str]:
    names = [arm.target for arm in resampled.summary.arms if arm.identity.placement == "stand-in"]
    if names:
        yield (
            f"a real API instead of {', '.join(dict.fromkeys(names))}: its accuracy, latency and price were not "
            "measured here; run the plan with its key"
        )


def _assumptions(resampled: Resampled, arm: ArmSummary) -> Iterator[str]:
    profile = resampled.table[arm.arm].charges.device
    usd = resampled.point(arm.arm, "usd_per_1k")
    if profile is None or usd is None:
        return
    half, hundredth = (_at_duty(resampled, arm.arm, Decimal(duty)) for duty in ("0.5", "0.01"))
    yield (
        f"its cost assumes a device busy {percent(float(profile['duty_cycle']))} of the time: {dollars(usd)} per 1,000 "
        f"becomes about {dollars(half)} at 50 % and {dollars(hundredth)} at 1 %"
    )


def _at_duty(resampled: Resampled, name: str, duty: Decimal) -> float:
    """Dollars per 1,000 at another duty cycle."""
    columns = resampled.table[name]
    profile = columns.charges.device
    if profile is None:
        raise ValueError("only a device has a duty cycle")
    return float(sum(device_rates(profile, duty).values())) * float(columns.busy_s.mean()) * 1000
