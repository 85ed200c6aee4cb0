"""What 1,000 requests cost at other duty cycles: the same seconds on a machine that is busy 1, 10 or 50 % of the time.

    dollars = (fixed dollars a day / 86,400 / U + energy above idle of a second) · busy seconds of 1,000 requests

Only the seconds are measured, so their interval is the cost's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from edgebench.metrics.device_cost import as_reckoned, device_rates
from edgebench.metrics.devices import DeviceProfile
from edgebench.records import Conclusion, CostSpec, Estimate

DUTIES = (0.01, 0.10, 0.50)
CURVE = tuple(0.01 * 100 ** (k / 24) for k in range(25))  # from 1 % to 100 %, at equal ratios


@dataclass(frozen=True, slots=True)
class ByDuty:
    """An arm's dollars per 1,000 requests by duty cycle."""

    arm: str
    now: float  # the duty cycle of the plan or of its profile
    at: tuple[Estimate, ...]  # in the order of DUTIES
    curve: tuple[tuple[float, Estimate], ...]  # (duty cycle, dollars per 1,000), for drawing


def cost_by_duty_cycle(
    profile: DeviceProfile, busy_s: Estimate, costs: CostSpec | None = None, duties: Sequence[float] = DUTIES
) -> tuple[Estimate, ...]:
    """Dollars per 1,000 requests of ``busy_s`` seconds each on a machine, owned or rented, at several duty cycles."""
    machine = as_reckoned(profile, costs or CostSpec())
    each = (float(sum(device_rates(machine, Decimal(str(duty))).values())) for duty in duties)
    return tuple(_times(busy_s, 1000 * rate, duty) for rate, duty in zip(each, duties, strict=True))


def by_duty_cycle(conclusion: Conclusion) -> tuple[ByDuty, ...]:
    """Every arm on a machine whose cost depends on how busy it is, in the order of the summary."""
    return tuple(_by_duty(conclusion))


def _by_duty(conclusion: Conclusion) -> Iterator[ByDuty]:
    prices = {arm.arm: arm.estimates["usd_per_1k"] for arm in conclusion.summary.arms}
    for one in conclusion.monthly.running:
        price = prices[one.arm]
        if not one.most_a_day or not one.fixed_usd_a_day or not price.value:
            continue
        always = 1000 * one.fixed_usd_a_day / one.most_a_day  # were it busy all the time
        energy = 1000 * one.usd_a_request

        def at(duty: float, price: Estimate = price, always: float = always, energy: float = energy) -> Estimate:
            return _times(price, (always / duty + energy) / (price.value or 1.0), duty)

        now = always / (price.value - energy)
        yield ByDuty(one.arm, now, tuple(map(at, DUTIES)), tuple((duty, at(duty)) for duty in CURVE))


def _times(one: Estimate, factor: float, duty: float) -> Estimate:
    value, low, high = (None if end is None else end * factor for end in (one.value, one.low, one.high))
    method = f"busy {duty:.0%} of the time; {one.method}" if one.method else f"busy {duty:.0%} of the time"
    provenance = "estimated" if one.provenance == "measured" else one.provenance
    return replace(one, value=value, low=low, high=high, method=method, provenance=provenance)
