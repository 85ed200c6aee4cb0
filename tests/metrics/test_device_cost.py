"""What a machine costs: every term by hand, what was measured and what was declared, rent, and never nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench import catalog
from edgebench.metrics.charges import Charges
from edgebench.metrics.device_cost import as_reckoned, by_device, device_rates, rented, usd_a_day, usd_above_idle
from edgebench.metrics.devices import DeviceProfile, load_device
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import ArmSummary, CostSpec, PriceSpec, Reading, Run
from edgebench.sourced import Figure
from tests import builders
from tests.builders import Arm

BUSY = np.array([1.0, 2.0, 3.0])  # two seconds a request
D = Decimal


def profile(**values: str) -> DeviceProfile:
    """Round numbers: a thousand dollars, a thousand days, 10 W idle and 30 W busy, 20 cents a kWh."""
    figures = {
        "price_usd": "1000", "residual_fraction": "0.1", "maintenance_fraction": "0.2", "lifetime_years": "2",
        "duty_cycle": "0.25", "idle_w": "10", "active_w": "30", "kwh_usd": "0.20", **values,
    }  # fmt: skip
    return DeviceProfile(
        "made", "Made", {key: Figure(D(value), "us", "2026", "assumed") for key, value in figures.items()}
    )


def parts(charges: Charges) -> dict[str, tuple[Any, str]]:
    return {part.name: (float(part.usd_per_1k), part.provenance) for part in charges.cost.parts}


# ------------------------------------------------------------------------------------------------------ terms by hand


def test_every_term_by_hand() -> None:
    """Two thousand busy seconds: purchase and idle watts over a quarter of the time, active watts for themselves."""
    found = by_device(profile(ops_usd_per_month="3"), BUSY)
    life_s, month_s = D(2) * D("31557600"), D("31557600") / 12
    expected = {
        "purchase": D(1000) * D("0.9") * D("1.2") / (life_s * D("0.25")) * 2000,
        "active energy": D(30) * 2000 / 3_600_000 * D("0.20"),
        "idle energy": D(10) * (2000 / D("0.25") - 2000) / 3_600_000 * D("0.20"),
        "operations": D(3) / (month_s * D("0.25")) * 2000,
    }
    assert {name: usd for name, (usd, _) in parts(found).items()} == pytest.approx(
        {name: float(usd) for name, usd in expected.items()}, rel=1e-15
    )
    assert {word for _, word in parts(found).values()} == {"estimated"} and found.note is None
    assert float(found.usd.sum()) == pytest.approx(3 * float(sum(expected.values())) / 1000)


@pytest.mark.parametrize("duty", ["0.01", "0.1", "0.5", "1"])
def test_a_cost_is_the_day_and_the_energy_above_idle(duty: str) -> None:
    """At any duty cycle the parts add up to (fixed dollars a day / 86,400 / U + above idle) · s."""
    one = profile(ops_usd_per_month="3")
    together = usd_a_day(one) / 86_400 / D(duty) + usd_above_idle(one)
    assert float(sum(device_rates(one, D(duty)).values())) == pytest.approx(float(together), rel=1e-15)


def test_operations_that_nobody_declared_are_said_to_be_left_out() -> None:
    assert by_device(profile(), BUSY).note == "operations not declared in the profile: left out"


# --------------------------------------------------------------------------------------- measured, declared, estimated


def test_a_meters_joules_take_the_place_of_the_profiles_watts() -> None:
    """120 J in six busy seconds are 20 W: that part is measured, the others stay estimates."""
    found = by_device(profile(), BUSY, metered_j=np.array([20.0, 40.0, 60.0]))
    usd, word = parts(found)["active energy"]
    assert (usd, word) == (pytest.approx(20 * 2000 / 3.6e6 * 0.20), "measured")
    assert parts(found)["idle energy"][1] == parts(found)["purchase"][1] == "estimated" == found.provenance
    assert found.watts is not None and found.watts.value == 20 and "120 J in 6 busy seconds" in found.watts.source


def test_watts_of_some_requests_stand_for_all_as_an_estimate() -> None:
    """A resumed run whose meter was there only once."""
    found = by_device(profile(), BUSY, metered_j=np.array([20.0, np.nan, 60.0]))
    assert parts(found)["active energy"] == (pytest.approx(20 * 2000 / 3.6e6 * 0.20), "estimated")
    assert "2 of 3 requests" in (found.watts.source if found.watts else "")


def test_a_meter_that_sees_less_than_idle_is_not_believed() -> None:
    """A processor's own counter knows nothing of the wall: the profile's watts are counted, and it is said."""
    found = by_device(profile(), BUSY, metered_j=np.full(3, 5.0))
    assert parts(found)["active energy"] == (pytest.approx(30 * 2000 / 3.6e6 * 0.20), "estimated")
    assert "does not see the whole machine" in (found.note or "")


def test_the_plans_figures_go_above_the_profiles_and_are_called_declared() -> None:
    """30 euro cents a kWh at 0.92 € for a dollar, busy half the time."""
    costs = CostSpec("EUR", D("0.92"), D("0.30"), D("0.5"), as_of="2026-11-20")
    found = by_device(profile(), BUSY, costs)
    kwh = 0.30 / 0.92
    assert parts(found)["active energy"][0] == pytest.approx(30 * 2000 / 3.6e6 * kwh)
    assert parts(found)["idle energy"][0] == pytest.approx(10 * 2000 / 3.6e6 * kwh)
    assert found.cost.source["declared"] == "duty_cycle, kwh_usd" and found.cost.source["duty_cycle"] == "0.5"
    explained = {part.name: part.explain for part in found.cost.parts}
    assert "kwh_usd 0.326087 (declared)" in explained["active energy"]
    assert "duty_cycle 0.5 (declared)" in explained["purchase"] and "price_usd 1000 (assumed)" in explained["purchase"]
    assert "kwh_usd" not in found.cost.source["assumed"]


def test_figures_of_ones_own_profile_make_declared_and_measured_terms() -> None:
    """A term is as firm as its least firm figure, settings apart."""
    one = profile()
    own = {"price_usd": "declared", "residual_fraction": "declared", "maintenance_fraction": "measured",
           "lifetime_years": "declared", "idle_w": "measured"}  # fmt: skip
    figures = {key: replace(figure, kind=own.get(key, figure.kind)) for key, figure in one.figures.items()}  # type: ignore[arg-type]
    words = {name: word for name, (_, word) in parts(by_device(replace(one, figures=figures), BUSY)).items()}
    assert words == {"purchase": "declared", "active energy": "estimated", "idle energy": "measured"}


# ---------------------------------------------------------------------------------------------------------- marginal


def test_of_a_device_that_is_there_anyway_only_energy_above_idle_counts() -> None:
    """20 W above idle, whatever the price and the duty cycle; the note says so."""
    found = by_device(profile(ops_usd_per_month="3"), BUSY, CostSpec(marginal_only=True))
    assert parts(found) == {"energy above idle": (pytest.approx(20 * 2000 / 3.6e6 * 0.20), "estimated")}
    assert "marginal only" in (found.note or "") and "above idle_w 10" in found.cost.parts[0].explain
    assert found.machine is not None and usd_a_day(found.machine) == 0
    rates = [sum(device_rates(found.machine, D(duty)).values()) for duty in ("0.01", "1")]
    assert rates[0] == rates[1]


def test_joules_stay_whole_joules_where_only_those_above_idle_are_paid() -> None:
    """Energy is a measurement of its own: 12.5 W of the Pi, not 9.5."""
    run = builders.run({"edge": Arm()}, device="pi-5-8gb", costs=CostSpec(marginal_only=True))
    arm = columns(run)["edge · zero-shot"]
    assert float(arm.joules.sum()) == pytest.approx(12.5 * float(arm.busy_s.sum()))
    summary = summarise(run, draws=50)
    assert summary.warnings[0].startswith("marginal only: energy above idle") and summary.warnings[0].endswith(": edge")
    assert "marginal only" in (summary.arms[0].estimates["usd_per_1k"].note or "")


# --------------------------------------------------------------------------------------------------------------- rent


def one(run: Run) -> ArmSummary:
    return summarise(run, draws=100).arms[0]


def rented_run(price: PriceSpec, placement: str = "device", **fields: object) -> Run:
    run = builders.run({"edge": Arm(placement=placement)}, **fields)  # type: ignore[arg-type]
    targets = {name: replace(spec, price=price) for name, spec in run.plan.targets.items()}
    return replace(run, plan=replace(run.plan, targets=targets))


def test_a_rented_machine_by_hand() -> None:
    """4.32 cents an hour, busy a fifth of the time: a busy second costs five times a rented one."""
    run = rented_run(PriceSpec(usd_per_hour=D("0.0432"), source="the invoice"), costs=CostSpec(duty_cycle=D("0.2")))
    arm, busy = one(run), columns(run)["edge · zero-shot"].busy_s
    expected = 0.0432 / 3600 * float(busy.mean()) / 0.2 * 1000
    assert arm.estimates["usd_per_1k"].value == pytest.approx(expected)
    assert arm.estimates["usd_per_1k"].provenance == "declared" and arm.cost is not None
    part = arm.cost.parts[0]
    assert (part.name, part.provenance) == ("rent", "declared")
    assert float(part.usd_per_1k) == pytest.approx(expected)
    assert arm.estimates["joules_per_request"].why_absent == "the watts of a rented machine are not known"


def test_a_rented_machine_is_as_busy_as_its_profile_where_the_plan_does_not_say() -> None:
    """And without either nobody knows what a request costs."""
    price = PriceSpec(usd_per_hour=D("0.0432"))
    busy = rented_run(price, device="pi-5-8gb")
    assert one(busy).estimates["usd_per_1k"].value == pytest.approx(
        0.0432 / 3600 * float(columns(busy)["edge · zero-shot"].busy_s.mean()) / 0.1 * 1000
    )
    assert "say how busy it is" in (one(rented_run(price)).estimates["usd_per_1k"].why_absent or "")
    shipped = one(builders.run({"edge": Arm()}, device="cloud-vm-small"))
    assert [part.name for part in (shipped.cost.parts if shipped.cost else ())] == ["rent"]


def test_a_rented_endpoint_is_not_billed_by_the_token() -> None:
    """A hosted target on a machine one rents; a stand-in for one keeps the word."""
    price = PriceSpec(usd_per_hour=D("2"))
    costs = CostSpec(duty_cycle=D("0.5"))
    assert [p.name for p in (one(rented_run(price, "hosted", costs=costs)).cost or pytest.fail()).parts] == ["rent"]
    stand_in = one(rented_run(price, "stand-in", costs=costs))
    assert stand_in.estimates["usd_per_1k"].provenance == "stand-in"
    assert {part.provenance for part in stand_in.cost.parts} == {"stand-in"} if stand_in.cost else False


def test_a_rent_is_paid_whether_or_not_only_margins_count() -> None:
    """A rented machine is not there anyway."""
    machine = rented(PriceSpec(usd_per_hour=D(1)), CostSpec(duty_cycle=D("0.5")), None)
    assert machine is not None
    assert parts(by_device(machine, BUSY, CostSpec(marginal_only=True))) == {
        "rent": (pytest.approx(2000 / 1800), "declared")
    }


# --------------------------------------------------------------------------------------------------------- never $0

amounts = st.decimals(0, 100, places=2)
costs = st.builds(
    CostSpec,
    kwh=st.none() | amounts,
    duty_cycle=st.none() | st.decimals(D("0.01"), 1, places=2),
    marginal_only=st.just(False),
)
shipped = st.sampled_from([load_device(name) for name in catalog.names("devices")])
own = st.builds(
    lambda price, residual, kwh, idle, more: profile(
        price_usd=f"{price}", residual_fraction=f"{residual}", kwh_usd=f"{kwh}",
        idle_w=f"{idle}", active_w=f"{idle + more}",
    ),
    amounts, st.decimals(0, 1, places=1), amounts, st.sampled_from([D(0), D(3)]), st.sampled_from([D(0), D(9)]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(shipped | own, costs, st.lists(st.just(0.0) | st.floats(1e-9, 100), max_size=4))
def test_nothing_local_is_free(device: DeviceProfile, plan: CostSpec, busy: list[float]) -> None:
    """Over profiles and plans: dollars above zero, or none at all and the reason."""
    found = by_device(device, np.array(busy, dtype=float), plan)
    if found.cost.why_absent is None:
        assert sum(part.usd_per_1k for part in found.cost.parts) > 0 and float(found.usd.sum()) > 0
    else:
        assert not found.cost.parts and np.isnan(found.usd).all()


@pytest.mark.parametrize("rate", ["input_per_million", "output_per_million"])
def test_rates_of_zero_do_not_make_a_device_free(rate: str) -> None:
    """Neither does a profile without a price: absent, with what to write."""
    price = PriceSpec(input_per_million=D(0), output_per_million=D(0))
    found = one(rented_run(price))
    assert found.estimates["usd_per_1k"].value is None
    assert "nothing is free" in (found.estimates["usd_per_1k"].why_absent or "")
    paid_rate: dict[str, Any] = {rate: D(1)}
    paid = one(rented_run(replace(price, **paid_rate)))
    assert (paid.estimates["usd_per_1k"].value or 0) > 0
    free = by_device(profile(price_usd="0", idle_w="0", active_w="0"), BUSY)
    assert free.cost.why_absent is not None and "marginal_only" in free.cost.why_absent
    assert np.isnan(free.usd).all()


def test_metered_energy_of_a_run_is_in_its_cost() -> None:
    """From readings to the part: joules of all trials over all busy seconds."""
    run = builders.run({"edge": Arm(median_ms=500)}, items=20, blocks=2, device="pi-5-8gb")
    busy = float(columns(run)["edge · zero-shot"].busy_s.sum())
    meter = tuple(Reading(trial.id, "plug", "joules", 5 * busy, "J", "steady", 9) for trial in run.trials)
    found = columns(replace(run, readings=(*run.readings, *meter)))["edge · zero-shot"].charges
    usd, word = parts(found)["active energy"]
    assert word == "measured" and usd == pytest.approx(10 * busy / 20 / 3.6e6 * 0.17 * 1000, rel=1e-5)


def test_the_profile_as_reckoned_is_what_others_compute_with() -> None:
    """Declared and measured figures are in it, so that a slider and a break-even start from the same numbers."""
    watts = Figure(D(20), "a meter", "now", "measured")
    found = as_reckoned(profile(), CostSpec(kwh=D("0.4"), duty_cycle=D("0.5")), watts)
    assert [found[key] for key in ("kwh_usd", "duty_cycle", "active_w", "idle_w")] == [D("0.4"), D("0.5"), D(20), D(10)]
