"""Where the time and the memory go, and how requests arrived."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

from edgebench.metrics import phases
from edgebench.records import ArmSummary, Estimate, Run
from edgebench.report import arrivals, footprint, journey
from edgebench.report.looks import looks
from edgebench.report.marks import Bar
from tests.report.conclusions import conclude, demo_run

RUN = demo_run(items=40)
FOUND = conclude(RUN)
ARMS = FOUND.summary.arms
LOOKS = looks(FOUND.summary)
HOSTED = next(arm for arm in ARMS if arm.identity.placement == "stand-in")
DEVICE = ARMS[0]


def timed(arm: ArmSummary, p50_ms: float = 100.0, **parts: float) -> ArmSummary:
    """The arm with these parts of a request, each told of every answer."""
    told = {name: Estimate(ms, 0.9 * ms, 1.1 * ms, arm.answered) for name, ms in parts.items()}
    p50 = Estimate(p50_ms, 0.95 * p50_ms, 1.05 * p50_ms, arm.answered)
    return dataclasses.replace(arm, phases=told, estimates={**arm.estimates, "p50_ms": p50})


def test_every_part_that_is_computed_has_its_words_in_the_same_order() -> None:
    """Report and metrics know the same journey; nothing falls to the end for want of a name."""
    assert [name for name in journey.PARTS if name in phases.JOURNEY] == list(phases.JOURNEY)


def test_parts_that_contain_each_other_are_drawn_once() -> None:
    """First byte lies in server think, that in the first token: what is drawn is what each adds."""
    arm = timed(HOSTED, write=1.0, first_byte=20.0, server_think=25.0, provider=18.0, first_token=30.0, streaming=69.0)
    assert journey.pieces(arm) == pytest.approx(
        {"request written": 1.0, "first byte": 20.0, "server think": 5.0, "first token": 5.0, "streaming": 69.0}
    )


def test_time_no_part_claims_is_shown_as_such() -> None:
    """The bar is as long as the median request; a sliver of rounding is not called time."""
    assert journey.pieces(timed(DEVICE, prefill=40.0, decode=30.0)) == {
        "prefill": 40.0,
        "decode": 30.0,
        journey.REST: 30.0,
    }
    assert journey.REST not in journey.pieces(timed(DEVICE, prefill=69.0, decode=30.0))


def test_what_most_requests_do_not_pay_is_in_the_table_only() -> None:
    """A connection opened once does not lengthen the median request; its n stands beside its number."""
    assert "TCP" not in journey.pieces(HOSTED)
    made, _ = journey.parts_tables(ARMS, LOOKS)
    place = [column.name for column in made.columns].index("TCP")
    row = next(row for row in made.rows if row[0].text == HOSTED.arm)
    assert row[place].word == "n = 4" and row[place].text != "—"
    figure = journey.figure(ARMS, LOOKS)
    assert figure is not None and "in the numbers only" in figure.note


def test_the_drawing_has_a_row_for_every_arm_that_tells_its_parts() -> None:
    """Bars fill the row from 0 to 1 without a gap; the median request stands at the right."""
    figure = journey.figure(ARMS, LOOKS)
    assert figure is not None
    for row in range(len(ARMS)):
        bars = [mark for mark in figure.marks if isinstance(mark, Bar) and mark.row == row]
        assert bars[0].start == 0 and bars[-1].end == pytest.approx(1.0)
        assert all(a.end == b.start for a, b in pairwise(bars))
    assert journey.figure([dataclasses.replace(arm, phases={}) for arm in ARMS], LOOKS) is None


def test_engines_and_connections_have_a_table_each() -> None:
    """No column is empty for want of the other kind; who tells nothing is named beside the drawing."""
    wire, engine = journey.parts_tables(ARMS, LOOKS)
    assert [row[0].text for row in wire.rows] == [HOSTED.arm] and len(engine.rows) == len(ARMS) - 1
    assert {column.name for column in engine.columns} == {"target", "n", "tokenise", "prefill", "decode", "pipe"}
    silent = [dataclasses.replace(DEVICE, phases={}), *ARMS[1:]]
    figure = journey.figure(silent, LOOKS)
    assert figure is not None and f"telling no parts: {LOOKS[DEVICE.arm].short}." in figure.note
    assert len(journey.parts_tables(silent, LOOKS)[1].rows) == len(ARMS) - 2


def test_a_part_nobody_knows_comes_last_under_its_own_name() -> None:
    """A plug-in's phase is shown, not dropped."""
    names = [one.label for one in journey.told([timed(DEVICE, detokenise_fast=1.0, decode=2.0)])]
    assert names == ["decode", "detokenise fast"]


def test_a_cold_start_stands_beside_the_steady_state() -> None:
    """The difference is cold − steady, with the widest interval their ends allow, or none where one has none."""
    cold = Estimate(300.0, 255.0, 405.0, 8, "median")
    arm = dataclasses.replace(timed(DEVICE), estimates={**timed(DEVICE).estimates, "cold_first_ms": cold})
    made = journey.cold_table([arm], LOOKS)
    assert made is not None
    extra = made.rows[0][-1]
    assert (extra.text, extra.muted) == ("+200 ms", "[+150 … +310]")
    assert "takes 3.0× its median (n = 8)" in journey.cold_finding([arm], LOOKS)


def test_memory_has_a_row_for_every_phase() -> None:
    """Load, first request, steady: peak, anonymous, file-backed, shared; what has no memory here has no row."""
    made = footprint.by_phase(RUN, ARMS, LOOKS)
    assert made is not None
    assert [column.name for column in made.columns] == [
        "target", "phase", "peak", "anonymous", "file-backed", "shared", "n",
    ]  # fmt: skip
    assert [row[1].text for row in made.rows[:3]] == ["load", "first request", "steady state"]
    assert len(made.rows) == 3 * (len(ARMS) - 1)
    assert "q4_1 needs most" in footprint.finding(ARMS, LOOKS)


def test_a_memory_limit_in_force_is_said() -> None:
    """What the target ran under, not what was wished for; a wish alone is called one."""
    identity = dataclasses.replace(RUN.identities[DEVICE.target], details={"memory_limit_bytes": 2**31})
    limited = dataclasses.replace(RUN, identities={**RUN.identities, DEVICE.target: identity})
    made = footprint.by_phase(limited, ARMS, LOOKS)
    assert made is not None and made.columns[-1].name == "limit in force"
    assert {row[0].text: row[-1].text for row in made.rows}[DEVICE.arm] == "2.00 GiB"
    assert {row[-1].text for row in made.rows} == {"2.00 GiB", "none"}
    spec = dataclasses.replace(RUN.plan.targets[DEVICE.target], memory_limit="1GiB")
    plan = dataclasses.replace(RUN.plan, targets={**RUN.plan.targets, DEVICE.target: spec})
    wished = footprint.limit(dataclasses.replace(RUN, plan=plan), DEVICE.target)
    assert wished is not None and wished.startswith("1GiB asked for")


def paced(run: Run, *, late: float) -> Run:
    """The run as an open loop of ten requests a second, each sent this share later than planned."""
    records, places = [], dict.fromkeys((trial.id for trial in run.trials), 0)
    for record in run.records:
        due = places[record.trial_id] * 100_000_000
        places[record.trial_id] += 1
        records.append(dataclasses.replace(record, due_ns=due, sent_ns=round(due * (1 + late))))
    trials = tuple(dataclasses.replace(trial, scenario="constant(10/s)") for trial in run.trials)
    return dataclasses.replace(run, trials=trials, records=tuple(records))


def test_an_open_loop_shows_planned_and_delivered_rate() -> None:
    """Rates are by the moments due and the moments sent, and the gap between them is said."""
    run = paced(RUN, late=0.25)
    found = arrivals.rates(run)[DEVICE.arm]
    assert (found.planned, found.delivered) == pytest.approx((10.0, 8.0))
    made = arrivals.arrivals(run, [dataclasses.replace(arm, scenarios=()) for arm in ARMS], LOOKS)
    assert [cell.text for cell in made.rows[0][1:4]] == ["constant(10/s)", "10.0/s", "8.00/s"]
    assert made.rows[0][3].muted == "−20.00 %"


def test_a_closed_loop_has_no_planned_rate() -> None:
    """Its table leaves rates out; latency and service time stand beside each other."""
    assert arrivals.rates(RUN) == {}
    names = [column.name for column in arrivals.arrivals(RUN, ARMS, LOOKS).columns]
    assert "planned" not in names
    assert names[-4:] == ["latency p50", "service p50", "latency p95", "service p95"]
    assert [arrivals.is_open(name) for name in ("closed(4)", "batches(8)", "all-at-once", "ramp(5→50/s)")] == [
        False, False, False, True,
    ]  # fmt: skip
