"""Runs through networks: the shaper examined before anything is timed, and what it means for the run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebench import catalog
from edgebench.errors import UsageError
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.metrics.verdict import invalid
from edgebench.records import Plan, ScenarioSpec, TargetSpec
from edgebench.report import instrument
from edgebench.run import networks as rooms
from edgebench.run.networks import PLACE, drawn_ms, examine, examined, networks_of, sent_through
from edgebench.targets.network import load_network, shape_of
from edgebench.targets.shaping import Shape, outages
from tests import builders
from tests.faults.scenes import carried_out, endpoint, plan, truth_process
from tests.targets.test_network import PLAIN, figure, written

FAST = [name for name in catalog.names("networks") if shape_of(load_network(name)).down_mbit_s > 100]
REST = [name for name in catalog.names("networks") if name not in FAST]


TRIES = 4  # a fault of the shaper's comes back; a machine that other tests keep busy is quiet now and then


async def as_examined(name: str) -> dict[str, Any]:
    for _ in range(TRIES):
        found = dict(await examined({name: load_network(name)}, seed=1, shaper="relay"))
        if found[name]["passed"]:
            break
    return found


@pytest.mark.parametrize("names", [REST, *([name] for name in FAST)], ids=["slower", *FAST])
async def test_every_shipped_network_is_what_its_profile_says(names: list[str]) -> None:
    """Median round trip within max(5 %, 5 ms), both rates within 5 %, through the real relay; the slow ones at once."""
    found = {name: one for each in await asyncio.gather(*map(as_examined, names)) for name, one in each.items()}
    assert {name: rooms.in_a_line(one) for name, one in found.items() if not one["passed"]} == {}
    for name, one in found.items():
        network, measured = load_network(name), one["measured"]
        assert measured["down_mbit_s"] == pytest.approx(float(network["down_mbit_s"]), rel=0.05)
        assert measured["up_mbit_s"] == pytest.approx(float(network["up_mbit_s"]), rel=0.05)
        if "jitter_p50_ms" not in network.figures:  # else ping by ping against its draws, which is the check itself
            rtt_ms = float(network["rtt_ms"])
            assert abs(measured["rtt_p50_ms"] - rtt_ms) <= max(0.05 * rtt_ms, 5)


def test_what_a_ping_should_take_is_the_profile_and_its_draws() -> None:
    """Without jitter the distance; with it, the median of fifty draws lies about the table's own."""
    assert set(drawn_ms(Shape(10, 10, 28), "k")) == {28.0}
    drawn = sorted(drawn_ms(Shape(10, 10, 28, (10, 30, 90)), "k"))
    assert len(drawn) == 50 and drawn[0] >= 28 and 33 < drawn[25] < 45
    assert drawn_ms(Shape(10, 10, 28, (10, 30, 90)), "k") == drawn_ms(Shape(10, 10, 28, (10, 30, 90)), "k")


async def test_a_shaper_that_does_something_else_fails_and_says_what() -> None:
    """20 ms too far, and half as wide: each has its line; the other direction passes."""
    shape = Shape(8.0, 8.0, 10.0)
    found = await examine("n", shape, key="k", told=replace(shape, rtt_ms=30.0, up_mbit_s=4.0))
    assert found["passed"] is False
    assert [one["passed"] for one in found["checks"]] == [False, True, False]
    assert "round trip 3" in rooms.in_a_line(found) and "not what its profile says" in rooms.in_a_line(found)


def test_a_run_through_two_networks_keeps_them_apart(tmp_path: Path) -> None:
    """The same endpoint as it is and over cable: two targets, two identities, a shaper examined and kept."""
    with truth_process() as (_, port):
        targets = {"bare": endpoint(port, network="none"), "cable": endpoint(port)}
        _, run = carried_out(plan(tmp_path, targets, items=8, network="cable"), tmp_path)
    (segment,) = run.segments
    assert set(segment.certificate["networks"]) == {"cable"}
    assert segment.certificate["networks"]["cable"]["network"] == "cable"
    assert "skipped" in segment.certificate  # of the client; the shaper is examined all the same
    assert run.identities["cable"].details["network"]["rtt_ms"] == 28.0
    assert "network" not in run.identities["bare"].details
    kept = segment.certificate["networks"]["cable"]["passed"]
    assert any("the network cable" in reason for reason in invalid(run, columns(run))) is not kept
    arm_of = {trial.id: trial.target for trial in run.trials}
    quickest = {
        target: min(record.done_ns - record.due_ns for record in run.records
                    if arm_of[record.trial_id] == target and record.done_ns is not None)
        for target in ("bare", "cable")
    }  # fmt: skip
    assert 27e6 < quickest["cable"] - quickest["bare"] < 45e6  # of the quickest: whatever else the machine does
    cold = next(record for record in run.records if record.cold and arm_of[record.trial_id] == "cable")
    assert cold.calls[0].phases["proxy"] >= 28e6


def test_a_network_this_machine_cannot_reach_makes_the_run_invalid(tmp_path: Path, own_home: Path) -> None:
    """10 Gbit/s through a process of Python: the run is kept, and nobody believes it."""
    figures = {**PLAIN, "down_mbit_s": figure(10_000), "up_mbit_s": figure(10_000), "rtt_ms": figure(1)}
    name = written(own_home, figures, "impossible")
    with truth_process() as (_, port):
        _, run = carried_out(plan(tmp_path, {"cloud": endpoint(port, network=name)}, items=4), tmp_path)
    summary = summarise(run, draws=50)
    assert summary.verdict == "INVALID"
    (reason,) = [one for one in summary.reasons if "network" in one]
    assert reason.startswith("the network impossible was not what its profile says (") and "Mbit/s of 1e+04" in reason
    assert "and run again" in reason
    shown = instrument.read(run.segments[0].certificate)
    assert shown is not None and {one.name for one in shown.failed} & {
        "impossible-rate-down-off", "impossible-rate-up-off",
    }  # fmt: skip


@pytest.mark.parametrize("failed_at", [0, 1])
def test_a_network_that_failed_at_any_start_is_held_against_the_run(failed_at: int) -> None:
    """What was sent through it is in the numbers, whatever a later start found; each network is named once."""
    run = builders.run({"a": builders.Arm(median_ms=50)}, items=40)
    good = {"network": "cable", "passed": True, "checks": []}
    check = {"passed": False, "note": "round trip 190 ms of 28"}
    bad = {"network": "cable", "passed": False, "checks": [check, {"passed": True, "note": "x"}]}
    starts = [{"networks": {"a": good, "b": good}}, {"networks": {"a": bad, "b": bad}}]
    given = starts if failed_at else starts[::-1]
    segments = tuple(replace(run.segments[0], certificate=one) for one in given)
    assert list(invalid(replace(run, segments=segments), columns(run))) == [
        "the network cable was not what its profile says (round trip 190 ms of 28): quiet this machine, or take a "
        "profile that it can reach, and run again"
    ]


@pytest.mark.parametrize("odd", [{"networks": 3}, {"networks": {"a": "x"}}, {"networks": {"a": {"passed": False}}}])
def test_a_strangers_certificate_of_odd_shape_breaks_nothing(odd: dict[str, Any]) -> None:
    """It travels with a run: nothing here trusts its shape."""
    run = builders.run({"a": builders.Arm(median_ms=50)}, items=40)
    list(invalid(replace(run, segments=(replace(run.segments[0], certificate=odd),)), columns(run)))
    shown = instrument.read(odd)
    assert shown is not None and shown.checks == ()


def test_outages_count_against_availability(tmp_path: Path, own_home: Path) -> None:
    """Requests that are due in one are records with their failure, and the failure rate has them."""
    gone = {**PLAIN, "rtt_ms": figure(2), "outages_per_hour": figure(1200), "outage_s": figure(0.6)}
    name = written(own_home, gone, "gappy")
    shape = shape_of(load_network(name))
    seed = next(seed for seed in range(1, 5000) if _soon(shape, f"{seed}/cloud/0/0"))
    scenario = ScenarioSpec(kind="constant", rate=30)
    with truth_process() as (_, port):
        made = plan(tmp_path, {"cloud": endpoint(port, network=name)}, items=60, scenario=scenario)
        made = replace(made, seeds=replace(made.seeds, network=seed))
        _, run = carried_out(made, tmp_path)
    lost = [record for record in run.records if record.failure]
    assert len(run.records) == 60 and 10 <= len(lost) <= 30
    assert {record.failure.kind for record in lost if record.failure} <= {"refused", "cut_off"}
    (arm,) = summarise(run, draws=50).arms
    assert arm.estimates["failure_rate"].value == pytest.approx(len(lost) / 60)


def _soon(shape: Shape, key: str) -> bool:
    times = outages(shape, key)
    (first, _), (second, _) = next(times), next(times)
    return 0.6e9 < first < 0.9e9 and second > 6e9


def test_the_same_block_has_the_same_delays_and_another_block_others(tmp_path: Path) -> None:
    """What seeds them is the plan's seed, the target, the repetition and the block."""
    made = plan(tmp_path, {"cloud": endpoint(1, network="wifi")})
    network = networks_of(made)["cloud"]

    def key(place: tuple[int, int], of: Plan = made) -> str:
        PLACE.set(place)
        from edgebench.run.assembling import assemble
        from edgebench.workloads import load

        job = load(of.workload, folder=Path(of.folder), seeds=of.seeds)
        return str(vars(assemble(of, job, keys={}).targets["cloud"]())["_key"])

    assert network.name == "wifi"
    assert key((0, 1)) == key((0, 1)) == "1/cloud/0/1" != key((0, 2))
    assert key((0, 1), replace(made, seeds=replace(made.seeds, network=5))) == "5/cloud/0/1"


def test_a_proxy_of_the_environment_beside_a_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent, and with both ways out of it."""
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    hosted = TargetSpec(kind="openai", model="m", base_url="https://api.example.com/v1", network="cable")
    made = plan(tmp_path, {"api": hosted})
    with pytest.raises(UsageError, match=r"the environment names a proxy for api\.example\.com") as caught:
        rooms.demand(made, networks_of(made))
    assert "network: none" in (caught.value.hint or "")
    without = replace(made, targets={"api": replace(hosted, options={"proxy": ""})})
    rooms.demand(without, networks_of(without))


def test_sent_through_keeps_the_name(tmp_path: Path) -> None:
    """The plan's targets are found by it."""
    from edgebench.records import Parts
    from edgebench.targets import openai_compatible

    made = plan(tmp_path, {"cloud": endpoint(1, network="cable")})
    inner = openai_compatible.target(Parts(name="cloud", spec=made.targets["cloud"]))
    assert sent_through(inner, networks_of(made)["cloud"], made).name == "cloud"
