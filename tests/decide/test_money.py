"""Break-even, months and duty cycles on every kind of machine, by hand; and the currency they are told in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from edgebench.decide.breakeven import _quantile, breakeven, sentence, volume_told
from edgebench.decide.conclude import conclude
from edgebench.decide.duty import CURVE, DUTIES, by_duty_cycle, cost_by_duty_cycle
from edgebench.decide.monthly import devices, usd_a_month
from edgebench.decide.resampled import resample
from edgebench.decide.wording import (
    USD,
    Currency,
    currency,
    currency_of,
    dollars,
    headed,
    money_told,
    shown_in,
    span,
)
from edgebench.metrics.device_cost import device_rates
from edgebench.metrics.devices import load_device
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import Breakeven, Call, CostSpec, Estimate, PriceSpec, Run
from tests import builders
from tests.builders import Arm

D = Decimal
API = Arm(accuracy=0.8, median_ms=400, placement="hosted", kind="openai", model="gpt-4o-mini")
EURO = CostSpec("EUR", D("0.92"), as_of="2026-11-20", source="ECB")
PER_REQUEST = 100 * 0.15e-6 + 3 * 0.60e-6  # gpt-4o-mini, of builders' 100 tokens in and 3 out


def made(price: PriceSpec | None = None, items: int = 60, **fields: Any) -> Run:
    run = builders.run({"edge": Arm(accuracy=0.9, median_ms=200), "api": API}, items=items, **fields)
    targets = {**run.plan.targets, "edge": replace(run.plan.targets["edge"], price=price)}
    return replace(run, plan=replace(run.plan, targets=targets))


def busy(run: Run, arm: str = "edge") -> float:
    return float(columns(run)[f"{arm} · zero-shot"].busy_s.mean())


# ------------------------------------------------------------------------------------------------- break-even, months


def test_a_rented_machine_breaks_even_at_its_rent_over_the_apis_price() -> None:
    """24 hours of rent, no energy; a month is 30.4375 of them for each machine."""
    run = made(PriceSpec(usd_per_hour=D("0.0432")), costs=CostSpec(duty_cycle=D("0.3")))
    found = conclude(run, draws=200)
    even = found.monthly.breakeven
    assert even is not None and even.value == pytest.approx(24 * 0.0432 / PER_REQUEST)
    assert even.low == pytest.approx(even.value) == even.high  # every request costs the API the same
    assert even.most_a_day == pytest.approx(86_400 / busy(run)) and even.fixed_usd_a_day == pytest.approx(24 * 0.0432)
    edge = next(one for one in found.monthly.running if one.arm == "edge · zero-shot")
    assert edge.usd_a_request == 0 and edge.provenance == "declared"
    most = edge.most_a_day or 0
    assert [devices(edge, volume) for volume in (1, most, most + 1)] == [1, 1, 2]
    assert usd_a_month(edge, most + 1) == pytest.approx(2 * 24 * 0.0432 * 30.4375)


def test_the_plans_kwh_moves_the_break_even() -> None:
    """By hand from the Pi's figures, at 40 cents a kWh instead of 17."""
    run = made(device="pi-5-8gb", costs=CostSpec(kwh=D("0.40")))
    found = breakeven(resample(run, summarise(run, draws=100), draws=100), "edge · zero-shot", "api · zero-shot")
    fixed = 165 * 1.05 / (3 * 365.25) + 3.0 * 86400 / 3.6e6 * 0.40
    above = 9.5 * busy(run) / 3.6e6 * 0.40
    assert found is not None and found.value == pytest.approx(fixed / (PER_REQUEST - above))
    assert (found.low or 0.0) < (found.value or 0.0) < (found.high or 0.0)


def test_a_device_that_is_there_anyway_breaks_even_at_once() -> None:
    """Nothing fixed: cheaper at any volume it carries, and a month is energy above idle alone."""
    run = made(device="pi-5-8gb", costs=CostSpec(marginal_only=True))
    found = conclude(run, draws=200)
    even = found.monthly.breakeven
    assert even is not None and even.value == 0 and even.fixed_usd_a_day == 0
    assert "edge · zero-shot costs less than api · zero-shot at any volume" in "\n".join(
        found.advice.what_would_change_it
    )
    edge = next(one for one in found.monthly.running if one.arm == "edge · zero-shot")
    assert usd_a_month(edge, 1000) == pytest.approx(9.5 * busy(run) / 3.6e6 * 0.17 * 1000 * 30.4375)
    assert found.material is not None
    arm = found.material.arms[0]
    assert arm.owned_usd_a_day == pytest.approx(0, abs=1e-15) and (arm.idle_w, arm.active_w) == (0, 9.5)


def test_a_hybrid_has_its_devices_days_and_its_apis_requests() -> None:
    """Half of the requests are passed on: the Pi's fixed dollars, its energy for all, tokens for half."""
    run = builders.run(
        {"edge": Arm(median_ms=200), "api": API, "both": Arm(median_ms=200)}, items=40, device="pi-5-8gb"
    )
    records = []
    for k, record in enumerate(run.records):
        if "-both" not in record.trial_id:
            records.append(record)
            continue
        first = replace(record.calls[0], target="edge")
        calls: tuple[Call, ...] = (first, replace(first, target="api", role="defer")) if k % 2 else (first,)
        records.append(replace(record, calls=calls))
    run = replace(run, records=tuple(records))
    found = conclude(run, draws=100)
    both = next(one for one in found.monthly.running if one.arm == "both · zero-shot")
    edge = next(one for one in found.monthly.running if one.arm == "edge · zero-shot")
    seconds = [
        (c.end_ns - c.sent_ns) / 1e9
        for r in records
        if "-both" in r.trial_id
        for c in r.calls[:1]
        if c.end_ns and c.sent_ns
    ]
    deferred = sum(len(r.calls) == 2 for r in records if "-both" in r.trial_id) / 40
    energy = 9.5 * float(np.mean(seconds)) / 3.6e6 * 0.17
    assert both.fixed_usd_a_day == pytest.approx(edge.fixed_usd_a_day)
    assert both.usd_a_request == pytest.approx(energy + deferred * PER_REQUEST)
    assert both.most_a_day == pytest.approx(86_400 / float(np.mean(seconds)))
    assert {one.device for one in found.monthly.breakevens} == {"edge · zero-shot"}  # a hybrid is neither side
    assert found.material is not None
    given = next(arm for arm in found.material.arms if arm.arm == "both · zero-shot")
    assert given.token_usd == pytest.approx(deferred * PER_REQUEST) and given.idle_w == 3.0
    own = found.summary.arms[2].estimates["usd_per_1k"].value or 0.0
    a_second = float(sum(device_rates(load_device("pi-5-8gb")).values()))
    assert own / 1000 == pytest.approx(a_second * float(np.mean(seconds)) + deferred * PER_REQUEST)


def test_the_interval_of_a_break_even_counts_the_draws_that_never_break_even() -> None:
    """A tenth of the draws has no break-even: the upper end is open, the lower one is of all draws."""
    volumes = np.append(np.arange(1.0, 901.0), np.full(100, np.inf))
    assert _quantile(volumes, 0.025) == pytest.approx(np.quantile(np.arange(1.0, 901.0), 25 / 900), rel=0.01)
    assert _quantile(volumes, 0.975) is None and _quantile(np.full(9, np.inf), 0.025) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "said", "words"),
    [
        (900.0, 800.0, 1000.0, "900 [800–1,000]", "below 900 [800–1,000] a day the API is cheaper, above it edge"),
        (900.0, 900.0, 900.0, "900", "below 900 a day the API is cheaper, above it edge"),
        (900.0, 800.0, None, "900 [800–∞]", "up to the 5,000 a day that one can answer (by the point estimate"),
        (9000.0, 8000.0, 9500.0, "9,000 [8,000–9,500]", "is cheaper at any volume one edge carries: break-even"),
        (9000.0, 4000.0, 9500.0, "9,000 [4,000–9,500]", "carries (by the point estimate; the interval allows"),
        (None, None, None, "never", "the API costs less than what each request adds on edge, at any volume"),
        (0.0, 0.0, 0.0, "0", "edge is cheaper than the API at any volume, up to the 5,000"),
    ],
)  # fmt: skip
def test_a_break_even_in_a_sentence(
    value: float | None, low: float | None, high: float | None, said: str, words: str
) -> None:
    """What to do below and above it, hedged where the interval holds the most one device answers."""
    found = Breakeven("edge", "api", value, low, high, 5000.0, 1.0)
    assert volume_told(found) == said and words in sentence(found, "the API")


# -------------------------------------------------------------------------------------------------------- duty cycles


def test_three_duty_cycles_by_hand() -> None:
    """Fifty busy seconds with their interval on a Pi: 1, 10 and 50 %, each end its own hand computation."""
    seconds = Estimate(50.0, 40.0, 60.0, 30, "bootstrap")
    found = cost_by_duty_cycle(load_device("pi-5-8gb"), seconds, CostSpec(kwh=D("0.30")))
    for duty, estimate in zip(DUTIES, found, strict=True):
        a_second = 165 * 1.05 / (3 * 31_557_600 * duty) + (12.5 + 3 * (1 / duty - 1)) * 0.30 / 3.6e6
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
            tuple(1000 * s * a_second for s in (50, 40, 60))
        )
        assert estimate.n == 30 and estimate.provenance == "estimated"
    assert 40 < (found[0].value or 0) / (found[2].value or 1) < 50


def test_a_conclusions_duty_cycles_agree_with_the_profile() -> None:
    """The same numbers from a conclusion alone, whatever duty cycle the plan has; its own is found again."""
    run = made(device="pi-5-8gb", costs=CostSpec(duty_cycle=D("0.2")))
    found = conclude(run, draws=200)
    (one,) = by_duty_cycle(found)
    price = found.summary.arms[0].estimates["usd_per_1k"]
    assert one.arm == "edge · zero-shot" and one.now == pytest.approx(0.2)
    direct = cost_by_duty_cycle(load_device("pi-5-8gb"), Estimate(busy(run)))
    assert [each.value for each in one.at] == pytest.approx([each.value for each in direct])
    assert all((each.low or 0) < (each.value or 0) < (each.high or 0) for each in one.at)
    curve = [each.value or 0 for _, each in one.curve]
    assert [duty for duty, _ in one.curve] == list(CURVE) and curve == sorted(curve, reverse=True)
    planned = cost_by_duty_cycle(load_device("pi-5-8gb"), Estimate(busy(run)), duties=[0.2])[0]
    assert planned.value == pytest.approx(price.value)


def test_what_does_not_depend_on_the_duty_cycle_has_no_curve() -> None:
    """An API, and a device that is there anyway."""
    assert by_duty_cycle(conclude(made(device="pi-5-8gb", costs=CostSpec(marginal_only=True)), draws=50)) == ()


# ----------------------------------------------------------------------------------------------------------- currency


def test_dollars_are_written_in_the_currency_being_shown() -> None:
    """At the plan's rate, with its sign; afterwards in dollars again, also after an error."""
    assert (dollars(100), dollars(0.005), dollars(-2), dollars(0)) == ("$100", "$0.005", "−$2.00", "$0")
    with shown_in(EURO) as now:
        assert now == currency() == Currency("EUR", 0.92, "€")
        assert (dollars(100), dollars(0.005), dollars(-2), dollars(0)) == ("€92.00", "€0.0046", "−€1.84", "€0")
        assert span("usd_per_1k", 100, 200) == "[92.00–184]"
        assert headed("Dollars a month, $ per 1k") == "EUR a month, € per 1k"
    assert currency() == USD and headed("Dollars, $") == "Dollars, $" and span("usd_per_1k", 1, 2) == "[1.00–2.00]"
    with pytest.raises(RuntimeError), shown_in(EURO):
        raise RuntimeError
    assert currency() == USD


def test_a_currency_without_a_sign_has_its_code() -> None:
    """With a space that does not break."""
    francs = currency_of(CostSpec("CHF", D("0.8"), as_of="2026-11-20"))
    assert francs.sign == "CHF\u00a0" and currency_of(CostSpec(per_usd=D(1))) is USD
    with shown_in(CostSpec("CHF", D("0.8"), as_of="2026-11-20")):
        assert dollars(10) == "CHF\u00a08.00" and headed("$/1k") == "CHF/1k"


def test_what_a_plan_says_of_money_is_told_with_rate_and_date() -> None:
    """Nothing of a plan that says nothing."""
    assert money_told(CostSpec()) == {}
    told = money_told(replace(EURO, kwh=D("0.30"), duty_cycle=D("0.25"), marginal_only=True))
    assert told["currency"] == "EUR, 0.92 for a US dollar on 2026-11-20, ECB; reckoned in US dollars"
    assert told["a kilowatt-hour"] == "0.30 EUR (declared)" and told["duty cycle"].startswith("busy 25 % of the time")
    assert "no purchase, no idle energy, no operations" in told["marginal only"]


def test_a_conclusion_speaks_euro_and_reckons_in_dollars() -> None:
    """Sentences at 0.92 to the dollar; every number of the conclusion is the same as in dollars."""
    plain, euro = (conclude(made(device="pi-5-8gb", costs=costs), draws=200) for costs in (CostSpec(), EURO))
    assert euro.summary.arms[0].estimates == plain.summary.arms[0].estimates
    assert euro.monthly == plain.monthly and currency() == USD
    usd = plain.monthly.breakeven.fixed_usd_a_day if plain.monthly.breakeven else 0.0
    words = "\n".join((*euro.advice.reasons, *euro.advice.what_would_change_it))
    with shown_in(EURO):
        assert f"(the device costs {dollars(usd)} a day)" in words and "$" not in words
