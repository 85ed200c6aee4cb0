"""What would change the advice: volumes, the price of a wrong answer, tighter limits, each computed from the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from decimal import Decimal

from edgebench.decide.bargain import QUANTITY, accuracy_and_cost, more_accurate, others
from edgebench.decide.breakeven import breakeven
from edgebench.decide.compare import between
from edgebench.decide.resampled import Resampled
from edgebench.decide.slo import slacks
from edgebench.decide.wording import dollars, number, percent, points, said
from edgebench.decide.wording import name as named
from edgebench.metrics.device_cost import device_rates
from edgebench.metrics.observed import is_quantile_of_time
from edgebench.metrics.worth import Exchange, exchange
from edgebench.records import ArmSummary, Breakeven, Front, Run, SLOVerdict, StakeOfChange

#: what is assumed → how its values are written, in the order of the sentences
KINDS: Mapping[str, Callable[[float], str]] = {
    "accuracy": percent,
    "price of": dollars,
    "requests a day": number,
    "duty cycle": percent,
}


def changes(
    run: Run,
    resampled: Resampled,
    front: Front,
    slos: Sequence[SLOVerdict],
    arm: ArmSummary,
    stakes: Sequence[StakeOfChange],
) -> Iterator[str]:
    """Sentences, the weightiest first; ``stakes`` are the values at which the rule's pick flips."""
    missing = {one.arm for one in slos if one.verdict == "missed"}
    yield from _wrong_answers(resampled, arm, missing, stakes)
    yield from _exchange(run)
    yield from _volume(resampled, arm)
    yield from _flips(resampled, stakes)
    yield from _limits(run, resampled, front, arm)
    yield from _stand_ins(resampled)
    yield from _assumptions(resampled, arm)


# --------------------------------------------------------------------------------------------------- errors


def _wrong_answers(
    resampled: Resampled, arm: ArmSummary, missing: Set[str], stakes: Sequence[StakeOfChange]
) -> Iterator[str]:
    """At what price of a wrong answer a more accurate arm pays, or a cheaper one."""
    mine = accuracy_and_cost(resampled, arm.arm)
    found = next((one for one in stakes if one.quantity == QUANTITY), None)
    if mine is None or found is None:
        return
    rivals = others(resampled, arm.arm)
    if found.to is not None and found.flips_at is not None:
        less = found.now is not None and found.flips_at < found.now
        but = " (but it misses an SLO)" if found.to in missing else ""
        yield (
            f"if a wrong answer costs {'less' if less else 'more'} than {_at(found, dollars)}, "
            f"{_named(resampled, found.to)}{but} wins{'' if less else _if_real(resampled, arm.arm, found.to)}"
        )
    elif other := more_accurate(resampled, arm.arm, missing):
        lead = rivals[other][0] - mine[0]
        if rivals[other][1] <= mine[1]:
            but = " (but it misses an SLO)" if other in missing else ""
            who, doubt = f"{_named(resampled, other)}{but}", _if_real(resampled, arm.arm, other)
            yield f"{who} is {points(lead)} more accurate and no dearer; it lost on the other objectives{doubt}"
    cheaper = [one for one, (right, usd) in rivals.items() if right < mine[0] and usd < mine[1] and one not in missing]
    if cheaper and found.now is None:
        one = max(cheaper, key=lambda name: rivals[name][0])
        worth = (mine[1] - rivals[one][1]) / (mine[0] - rivals[one][0])
        yield (
            f"if a wrong answer costs less than {dollars(worth)}, {_named(resampled, one)} is the better bargain"
            f"{_if_real(resampled, one, arm.arm)}"
        )


def _at(found: StakeOfChange, write: Callable[[float], str]) -> str:
    """The value with its interval, an open end as such."""
    value = write(found.flips_at or 0.0)
    low, high = ("…" if end is None else write(end) for end in (found.low, found.high))
    return value if {low, high} in ({"…"}, {value}) else f"{value} [{low} – {high}]"


def _exchange(run: Run) -> Iterator[str]:
    """Whether a point of accuracy is worth so many milliseconds."""
    rate = None if run.plan.utilities is None else exchange(run.plan.utilities, run.workload.items)
    if rate is not None:
        yield in_words(rate)


def in_words(rate: Exchange) -> str:
    """What a point of accuracy is worth, in dollars and in milliseconds of waiting."""
    worth = f"a point of accuracy is worth {dollars(rate.usd_per_point)} per 1,000 requests by the utilities declared"
    if rate.ms_per_point is None:
        return f"{worth}; waiting costs nothing by them"
    return f"{worth}, as much as {number(rate.ms_per_point)} ms of waiting on each"


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
    """The break-even volume against the most accurate arm of the other kind; a hybrid is both, and has none."""
    local = arm.identity.placement == "device"
    rivals = [
        one
        for one in resampled.summary.arms
        if one.estimates["usd_per_1k"].value is not None
        and (one.identity.placement == "device") != local
        and not resampled.table[one.arm].charges.of
    ]
    if not rivals or resampled.table[arm.arm].charges.of:
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
    if found.value == 0:
        return f"{found.device} costs less than {hosted}{priced} at any volume one device can carry"
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


# --------------------------------------------------------------------------------------------------- the rule's pick


def _flips(resampled: Resampled, stakes: Sequence[StakeOfChange]) -> Iterator[str]:
    """Of each kind of assumption the one that has to move least."""
    for kind, write in KINDS.items():
        found = [one for one in stakes if one.quantity.startswith(kind) and one.quantity != QUANTITY]
        moved = [(one, at, one.now) for one in found if (at := one.flips_at) is not None and one.now is not None]
        if moved:
            even = kind == "accuracy"
            one, at, now = min(moved, key=lambda each: _moved(each[1], each[2], even=even))
            side = "below" if at < now else "above"
            unit = " per 1,000" if kind == "price of" else ""
            to = "nothing" if one.to is None else _named(resampled, one.to)
            yield f"the rule picks {to} with {_a(one.quantity)} {side} {_at(one, write)}{unit}; now {write(now)}"


def _moved(at: float, now: float, *, even: bool) -> float:
    return abs(at - now) if even or at <= 0 or now <= 0 else abs(math.log(at / now))


def _a(quantity: str) -> str:
    """With its article."""
    article = {"price": "a ", "duty": "a ", "accuracy": "an "}.get(quantity.partition(" ")[0], "")
    return f"{article}{quantity}"


# --------------------------------------------------------------------------------------------------- limits


def _limits(run: Run, resampled: Resampled, front: Front, arm: ArmSummary) -> Iterator[str]:
    """How far the limits on time could be tightened before this arm falls."""
    asked = [slo.metric for slo in run.plan.slos if slo.max is not None and is_quantile_of_time(slo.metric)]
    metrics = asked or [metric for metric in front.objectives if is_quantile_of_time(metric)][:1]
    for metric in dict.fromkeys(metrics):
        meets, misses = slacks(resampled.table[arm.arm], metric)
        if misses is None or math.isinf(misses):
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
    columns = resampled.table[arm.arm]
    machine, usd = columns.charges.machine, resampled.point(arm.arm, "usd_per_1k")
    if machine is None or usd is None:
        return
    a_thousand_s = float(columns.busy_s.mean()) * 1000
    half, hundredth = (
        float(sum(device_rates(machine, Decimal(duty)).values())) * a_thousand_s for duty in ("0.5", "0.01")
    )
    if half == hundredth:  # one that is there anyway: its energy is all that counts
        return
    what = "device" if columns.charges.device is not None else "rented machine"
    yield (
        f"its cost assumes a {what} busy {percent(float(machine['duty_cycle']))} of the time: {dollars(usd)} per 1,000 "
        f"becomes about {dollars(half)} at 50 % and {dollars(hundredth)} at 1 %"
    )
