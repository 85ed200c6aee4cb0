"""An SLO nobody meets: which arm comes closest, and what it lacks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.decide.slo import limit, times
from edgebench.decide.wording import points, said, shown
from edgebench.metrics.observed import QUANTILES, is_quantile_of_time
from edgebench.records import METRICS, SLO, SLOVerdict
from edgebench.stats import quantiles


def closest(resampled: Resampled, slos: Sequence[SLOVerdict], names: Sequence[str], who: str = "nobody") -> list[str]:
    """A sentence for every SLO that all of ``names`` miss; where each is met by somebody, one for the nearest arm."""
    missed = [one for one in slos if one.arm in names and one.verdict == "missed"]
    wanted = list(dict.fromkeys(one.slo for one in missed))
    by_all = [slo for slo in wanted if len({one.arm for one in missed if one.slo == slo}) == len(names)]
    if by_all:
        return [f"{who} meets {limit(slo)}; closest is {_nearest(resampled, slo, missed)}" for slo in by_all]
    return list(_together(resampled, missed, names))


def _nearest(resampled: Resampled, slo: SLO, missed: Sequence[SLOVerdict]) -> str:
    of = [one for one in missed if one.slo == slo]
    best = min(of, key=lambda one: excess(resampled, slo, one.arm))
    return _lacks(resampled, best)


def _together(resampled: Resampled, missed: Sequence[SLOVerdict], names: Sequence[str]) -> Iterator[str]:
    """No limit is out of everybody's reach, but no arm keeps them all."""
    by_arm = {name: [one for one in missed if one.arm == name] for name in names}
    if not by_arm or not all(by_arm.values()):
        return
    best = min(names, key=lambda name: (len(by_arm[name]), sum(excess(resampled, o.slo, name) for o in by_arm[name])))
    lacking = "; ".join(f"{limit(one.slo)}, at {_lacks(resampled, one, named=False)}" for one in by_arm[best])
    yield f"each SLO is met by some arm, but none meets all; closest is {best}, which misses only {lacking}"


def excess(resampled: Resampled, slo: SLO, name: str) -> float:
    """By which share of the limit an arm misses it; failed requests are slower than any. Infinite where unknown."""
    gap = _gap(slo, _value(resampled, slo, name))
    wanted = slo.max if slo.max is not None else slo.min
    return gap / abs(wanted) if wanted else gap


def _value(resampled: Resampled, slo: SLO, name: str) -> float | None:
    """What the limit is held against: of a time the quantile with failures counted, else the estimate."""
    if slo.max is not None and is_quantile_of_time(slo.metric):
        values = times(resampled.table[name], slo.metric).values
        return quantiles.point(np.sort(values), QUANTILES[slo.metric][1]) if len(values) else None
    return resampled.point(name, slo.metric)


def _gap(slo: SLO, value: float | None) -> float:
    """How far on the wrong side, in the metric's own unit; infinite where there is no value."""
    if value is None:
        return math.inf
    over = value - slo.max if slo.max is not None else -math.inf
    return max(over, slo.min - value if slo.min is not None else -math.inf)


def _lacks(resampled: Resampled, one: SLOVerdict, *, named: bool = True) -> str:
    """``x at 22 ms [19–26], 2 ms over``; what was counted, where the number alone does not show the miss."""
    estimate = resampled.arms[one.arm].estimates[one.slo.metric]
    gap = _gap(one.slo, estimate.value)
    if not 0 < gap < math.inf:
        return f"{one.arm}: {one.why}" if named else one.why
    side = "over" if one.slo.max is not None and (estimate.value or 0.0) > one.slo.max else "under"
    size = points(gap).lstrip("+") if METRICS[one.slo.metric].unit == "fraction" else said(one.slo.metric, gap)
    return f"{f'{one.arm} at ' if named else ''}{shown(one.slo.metric, estimate)}, {size} {side}"
