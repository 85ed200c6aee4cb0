"""The decision again at other settings: as planned it is the page's own, and its money is reckoned by hand here."""

from __future__ import annotations

import dataclasses

import pytest

from edgebench.decide.whatif import DIGITS, MOST_DRAWS, Settings, devices, reconsider, usd_a_month, usd_a_request
from edgebench.metrics.devices import load_device
from edgebench.records import SLO, Material, MaterialArm
from tests.report.conclusions import conclude, demo_run

RUN = demo_run()
FOUND = conclude(RUN)
DEVICE, HOSTED = "minilm-int8 · few-shot(5)", "loopback · zero-shot"


def given() -> Material:
    assert FOUND.material is not None
    return FOUND.material


def arm(name: str) -> MaterialArm:
    return next(one for one in given().arms if one.arm == name)


def test_as_planned_it_is_what_the_page_says() -> None:
    """The same arm, the same dollars, the same verdicts; P(front) as far as two hundred draws can tell."""
    decided = reconsider(given(), Settings())
    assert decided.pick is not None and given().arms[decided.pick].arm == FOUND.advice.arm
    front = {one.arm: one.probability for one in FOUND.front.members}
    verdicts = {(one.arm, one.slo.metric): one.verdict for one in FOUND.slos}
    for standing, summary in zip(decided.standings, FOUND.summary.arms, strict=True):
        assert standing.usd_per_1k == pytest.approx(summary.estimates["usd_per_1k"].value, rel=1e-9)
        assert standing.front == pytest.approx(front[standing.arm], abs=0.1)
        assert dict(standing.judged) == {m: v for (a, m), v in verdicts.items() if a == standing.arm}


def test_the_material_is_small() -> None:
    """At most two hundred draws of four digits; nothing twice: dollars follow from seconds or tokens."""
    assert len(given().arms) == 6
    for one in given().arms:
        assert all(len(row) in (0, MOST_DRAWS) for row in (*one.draws, one.busy_draws, one.token_draws))
        assert one.draws[given().metrics.index("usd_per_1k")] == ()
        for row in one.draws:
            assert all(float(f"{value:.{DIGITS}g}") == value for value in row if value is not None)


def test_money_by_hand() -> None:
    """Owning spread over the busy time, or over the requests; what a busy second draws; tokens times a factor."""
    f = {name: float(figure.value) for name, figure in load_device("x86-laptop").figures.items()}
    one = arm(DEVICE)
    s = one.busy_s or 0.0
    owned = f["price_usd"] * (1 - f["residual_fraction"]) * (1 + f["maintenance_fraction"])
    owned_a_day = owned / (f["lifetime_years"] * 365.25)
    idle_a_day = f["idle_w"] * 24 / 1000 * 0.4
    each = (f["active_w"] - f["idle_w"]) * s / 3.6e6 * 0.4
    shared = Settings(duty_cycle=0.25, kwh_usd=0.4)
    assert usd_a_request(one, shared) == pytest.approx((owned_a_day + idle_a_day) / 86_400 / 0.25 * s + each)
    alone = Settings(requests_a_day=500, own=True, kwh_usd=0.4)
    assert usd_a_request(one, alone) == pytest.approx((owned_a_day + idle_a_day) / 500 + each)
    assert usd_a_month(one, alone) == pytest.approx((owned_a_day + idle_a_day + 500 * each) * 30.4375)
    api = arm(HOSTED)
    assert usd_a_request(api, Settings(api_price=3.0)) == pytest.approx(3 * usd_a_request(api, Settings()))
    assert devices(api, 1e6) == 0 and devices(one, 86_400 / s) == 1 and devices(one, 86_401 / s * 2) == 3


def test_a_volume_is_a_duty_cycle() -> None:
    """A device that does nothing else costs what it costs at the duty cycle its volume keeps it at."""
    one = arm(DEVICE)
    volume = 0.3 * 86_400 / (one.busy_s or 1.0)
    alone = usd_a_request(one, Settings(requests_a_day=volume, own=True))
    assert alone == pytest.approx(usd_a_request(one, Settings(duty_cycle=0.3)))


def test_a_moved_limit_is_judged_by_the_draws_and_the_plans_as_it_was() -> None:
    """Under its fastest draw an arm misses, above its slowest it meets; the plan's own keeps its verdict."""
    one, place = arm(DEVICE), given().metrics.index("p95_ms")
    drawn = [value for value in one.draws[place] if value is not None]
    for limit, word in ((min(drawn) * 0.99, "missed"), (max(drawn) * 1.01, "met"), (200.0, one.judged["p95_ms"])):
        found = reconsider(given(), Settings(limits={"p95_ms": limit}))
        assert next(each for each in found.standings if each.arm == DEVICE).judged["p95_ms"] == word
    free = reconsider(given(), Settings(limits={"p95_ms": None, "accuracy": None}))
    assert all(not each.judged for each in free.standings)
    nobody = reconsider(given(), Settings(limits={"accuracy": 1.0}))
    assert nobody.pick is None and not any(each.may for each in nobody.standings)


def made(name: str, right: float, usd: float, **fields: object) -> MaterialArm:
    one = MaterialArm(name, True, False, (right, 10.0, usd * 1000), ((), (), ()), priced=True, token_usd=usd, judged={})
    return dataclasses.replace(one, **fields)


def test_the_price_of_an_api_can_turn_the_answer() -> None:
    """As right and as fast, the cheaper one is picked: at twice the price it is the device."""
    device = made("device", 0.8, 0.0, busy_s=1.0, owned_usd_a_day=8.64, duty_cycle=0.1)  # $0.001 a request
    api = made("api", 0.81, 0.0007)
    both = Material(("accuracy", "p95_ms", "usd_per_1k"), ("accuracy", "usd_per_1k"), (), (device, api))
    assert [reconsider(both, Settings(api_price=factor)).pick for factor in (1.0, 2.0)] == [1, 0]
    assert [reconsider(both, Settings(duty_cycle=duty)).pick for duty in (0.05, 0.5)] == [1, 0]
    assert [reconsider(both, Settings(own=True, requests_a_day=v)).pick for v in (1_000, 20_000)] == [1, 0]


def test_a_stand_in_is_picked_only_where_nothing_else_is_left() -> None:
    """As in the advice: real targets first, and those that missed a limit never."""
    real, stand_in = made("real", 0.7, 0.001), made("stand-in", 0.9, 0.001, stand_in=True)
    limits = (SLO("accuracy", min=0.5),)
    both = Material(("accuracy", "p95_ms", "usd_per_1k"), ("accuracy",), limits, (real, stand_in))
    assert reconsider(both, Settings()).pick == 0
    assert reconsider(both, Settings(limits={"accuracy": 0.8})).pick == 1


def test_what_is_worth_something_moves_with_what_it_costs() -> None:
    """Expected value is net of the cost of asking: a dearer API is worth less by as much."""
    one, other = made("one", 0.7, 0.001), made("other", 0.7, 0.002)
    metrics = ("value_per_1k", "accuracy", "p95_ms", "usd_per_1k")
    arms = tuple(
        dataclasses.replace(each, points=(worth, 0.7, 10.0, each.token_usd * 1000), draws=((), (), (), ()))
        for each, worth in ((one, 5.0), (other, 5.5))
    )
    both = Material(metrics, ("value_per_1k",), (), arms)
    assert [reconsider(both, Settings(api_price=factor)).pick for factor in (1.0, 1.4, 1.6, 3.0)] == [1, 1, 0, 0]
