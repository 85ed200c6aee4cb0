"""Projections: what scales with memory, what with cores, what is left alone, and what cannot be said."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from edgebench.decide import spread
from edgebench.decide.project import ArmProjection, Projection, decode_share, project
from edgebench.errors import UsageError
from edgebench.metrics.device_cost import device_rates
from edgebench.metrics.devices import OWNED, DeviceProfile, load_device
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import CostSpec, Run
from edgebench.sourced import Figure
from tests import builders

ARM = "local · zero-shot"


def machine(name: str, **figures: float) -> DeviceProfile:
    """An x86 laptop by its cost, with just these figures of speed."""
    whole = load_device("x86-laptop")
    owned = {key: whole.figures[key] for key in OWNED}
    sensed = {key: Figure(Decimal(str(value)), "a test", "2026-11", "measured") for key, value in figures.items()}
    return replace(whole, name=name, figures={**owned, **sensed})


HERE = machine("here", memory_gb_s=40, cores=4, clock_ghz=4, ram_gib=16)
THERE = machine("there", memory_gb_s=10, cores=4, clock_ghz=2, ram_gib=8)


def run(**arm: object) -> Run:
    made = builders.run({"local": builders.Arm(median_ms=100, **arm)}, items=120)  # type: ignore[arg-type]
    return replace(made, identities={"local": replace(made.identities["local"], engine="llama.cpp")})


def projected(made: Run, here: DeviceProfile = HERE, there: DeviceProfile = THERE) -> Projection:
    return project(made, summarise(made, draws=50), here, there)


def only(projection: Projection) -> ArmProjection:
    (arm,) = projection.arms
    return arm


def test_decoding_goes_by_memory_and_the_rest_by_cores() -> None:
    """A quarter of the bandwidth, half the clock: decode ÷ 4, prefill ÷ 2, and a half-and-half request × 3."""
    made = run()
    arm, share = only(projected(made)), decode_share(columns(made)[ARM])
    assert np.allclose(share, 0.5, atol=0.01)
    for metric, factor in (
        ("decode_tok_s", 1 / 4),
        ("prefill_tok_s", 1 / 2),
        ("ttft_p50_ms", 2),
        ("p50_ms", 3),
        ("p95_ms", 3),
    ):
        there, here = arm.there[metric], arm.here[metric]
        assert there.value == pytest.approx((here.value or 0) * factor, rel=0.01), metric
        assert there.provenance == "projected" and there.level == spread.LEVEL
        assert there.low is not None and there.high is not None and there.low < (there.value or 0) < there.high


def test_cost_is_that_of_the_other_device_for_the_time_it_would_take() -> None:
    """Busy seconds × 3, at the other profile's dollars a busy second; nobody's duty cycle but its own."""
    made = run()
    busy = columns(made)[ARM].busy_s.mean()
    dear = machine("there", memory_gb_s=10, cores=4, clock_ghz=2)
    dear = replace(dear, figures={**dear.figures, "price_usd": replace(dear.figures["price_usd"], value=Decimal(9000))})
    expected = 1000 * busy * 3 * float(sum(device_rates(dear).values()))
    assert only(projected(made, there=dear)).there["usd_per_1k"].value == pytest.approx(expected, rel=0.01)


def test_what_the_plan_says_of_costs_holds_there_too() -> None:
    """Busy a fifth of the time instead of a tenth: owning costs half. A device that is here anyway is not there."""
    made = run()
    busier = replace(made, plan=replace(made.plan, costs=CostSpec(duty_cycle=Decimal("0.2"), marginal_only=True)))
    tenth, fifth = (only(projected(each)).there["usd_per_1k"].value or 0 for each in (made, busier))
    assert 0.5 < fifth / tenth < 0.6


def test_the_same_machine_gives_back_what_was_measured() -> None:
    """Value for value, and no wider than it was."""
    arm = only(projected(run(), HERE, HERE))
    for metric in ("p50_ms", "p95_ms", "decode_tok_s", "prefill_tok_s"):
        there, here = arm.there[metric], arm.here[metric]
        assert [there.value, there.low, there.high] == pytest.approx([here.value, here.low, here.high])


def test_two_machines_alike_keep_their_doubt() -> None:
    """Equal data sheets are not equal machines: the value stays, the band does not close."""
    twin = replace(
        HERE, name="twin", figures={**HERE.figures, "ram_gib": replace(HERE.figures["ram_gib"], source="other")}
    )
    projection = projected(run(), HERE, twin)
    assert projection.decode.value == pytest.approx(1)
    assert projection.decode.low < 0.75 < 1.3 < projection.decode.high


def test_memory_that_does_not_fit_has_no_speed() -> None:
    """Above RAM less what the system keeps: absent with the numbers. Unknown RAM: not known whether it fits."""
    arm = only(projected(run(peak_mib=7500.0)))
    assert arm.fits is False and arm.there["p50_ms"].value is None
    assert "7,500 MiB of 7,424" in (arm.there["p50_ms"].why_absent or "")
    assert only(projected(run(peak_mib=7400.0))).fits is True
    assert only(projected(run(), there=machine("there", memory_gb_s=10, cores=4, clock_ghz=2))).fits is None


def test_hosted_arms_are_left_as_they_are() -> None:
    """With a reason; and a run of nothing else has no projected arm."""
    projection = projected(run(placement="hosted"))
    assert projection.arms == () and "hosted" in projection.left[ARM]


def test_load_and_queues_are_not_made_up() -> None:
    """A disk nobody measured; an open loop's waiting is no multiple. Its decode speed still is."""
    made = run()
    made = replace(made, trials=tuple(replace(trial, scenario="poisson(2/s)") for trial in made.trials))
    arm = only(projected(made))
    assert arm.there["load_s"].value is None and "disk" in (arm.there["load_s"].why_absent or "")
    assert arm.there["p50_ms"].value is None and "capacity" in (arm.there["p50_ms"].why_absent or "")
    assert arm.there["decode_tok_s"].value is not None


def test_another_runtime_has_a_wider_band_and_is_told() -> None:
    """Prefill figures are llama.cpp's."""
    llama = run()
    onnx = replace(llama, identities={"local": replace(llama.identities["local"], engine="onnxruntime")})
    narrow, wide = only(projected(llama)), only(projected(onnx))
    assert _width(wide) > 1.05 * _width(narrow)
    assert any("onnxruntime" in note for note in wide.notes)


def _width(arm: ArmProjection) -> float:
    found = arm.there["prefill_tok_s"]
    return math.log((found.high or 1) / (found.low or 1))


def test_an_engine_that_used_some_of_the_cores_is_projected_with_all() -> None:
    """One thread of four here: four times as much there, and it is said."""
    made = run()
    one = replace(made, identities={"local": replace(made.identities["local"], details={"threads": 1})})
    slow, whole = only(projected(made)), only(projected(one))
    assert whole.there["prefill_tok_s"].value == pytest.approx(4 * (slow.there["prefill_tok_s"].value or 0))
    assert whole.notes == ("measured with 1 of 4 cores, projected with all",)


def test_a_model_that_may_sit_in_a_cache_is_told() -> None:
    """Below 256 MB nobody knows where its weights are read from."""
    made = run()
    for size, told in ((98_000_000, 1), (2_000_000_000, 0)):
        sized = replace(made, identities={"local": replace(made.identities["local"], file_bytes=size)})
        assert sum("cache" in note for note in only(projected(sized)).notes) == told


def test_bandwidths_learnt_differently_are_brought_together_with_more_doubt() -> None:
    """A measured read is some three quarters of a peak; two measured alike need no such step."""
    read = machine("here", read_gb_s=40, cores=4, clock_ghz=4)
    mixed, alike = (
        projected(run(), read, THERE),
        projected(run(), read, machine("there", read_gb_s=10, cores=4, clock_ghz=2)),
    )
    assert alike.decode.value == pytest.approx(4) and mixed.decode.value == pytest.approx(4 / 0.77)
    assert mixed.decode.high / mixed.decode.low > alike.decode.high / alike.decode.low


@pytest.mark.parametrize(("missing", "what"), [("memory_gb_s", "memory bandwidth"), ("cores", "cores and clock_ghz")])
def test_a_profile_that_does_not_say_enough_is_refused_in_a_sentence(missing: str, what: str) -> None:
    """With what to type."""
    bare = replace(THERE, figures={key: figure for key, figure in THERE.figures.items() if key != missing})
    for pair in ((HERE, bare), (bare, THERE)):
        with pytest.raises(UsageError, match=what) as caught:
            projected(run(), *pair)
        assert "edgebench device --write" in (caught.value.hint or "")
