"""The verdict: INVALID on evidence, with the reason and what to do; silent about what was not read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebench.metrics.summary import summarise
from edgebench.records import Reading, Run, ScenarioSpec
from tests import builders
from tests.builders import Arm

MS = 1_000_000
FEW = 200  # bootstrap draws; a verdict needs none


def calm(arms: dict[str, Arm] | None = None, **fields: Any) -> Run:
    return builders.run(arms or {"a": Arm(median_ms=50)}, items=40, **fields)


def with_host(run: Run, target: str | None = None, **values: float) -> Run:
    """The run with these host readings in every trial (of one target)."""
    sensed = [
        Reading(trial.id, "host", quantity, value, "", "steady", 0)
        for trial in run.trials
        if target in (None, trial.target)
        for quantity, value in values.items()
    ]
    return replace(run, readings=(*run.readings, *sensed))


def reasons(run: Run) -> str:
    summary = summarise(run, draws=FEW)
    assert (summary.verdict == "INVALID") == bool(summary.reasons)
    return " | ".join(summary.reasons)


def test_a_run_of_which_nothing_else_was_read_is_valid() -> None:
    """No readings of the host, no certificate: nothing is judged by their absence."""
    assert reasons(calm()) == ""


def test_stolen_time_is_told_from_other_processes() -> None:
    """6 % stolen is too much, 4 % is not; the sentence is about guests, not about processes to close."""
    quiet = {"machine_cpu_seconds": 1.0, "other_cpu_seconds": 0.01}
    assert reasons(with_host(calm(), **quiet, steal_cpu_seconds=0.04)) == ""
    told = reasons(with_host(calm(), **quiet, steal_cpu_seconds=0.06))
    assert "6% of this machine was given to other guests" in told
    assert "other processes" not in told


def test_throttling_names_the_arms_it_struck() -> None:
    """One arm was cool, the other not."""
    run = with_host(calm({"cool": Arm(), "hot": Arm()}), "hot", throttle_events=1)
    assert "throttled itself 4 times (hot · zero-shot)" in reasons(run)
    assert reasons(with_host(calm(), throttle_events=0)) == ""


def test_a_machine_that_slept_is_found_out() -> None:
    """Ten seconds in each of four trials; 50 ms are two clocks read one after the other."""
    assert "slept for 40.0 s" in reasons(with_host(calm(), slept_ns=10e9))
    assert reasons(with_host(calm(), slept_ns=50e6)) == ""


def test_a_wall_clock_that_was_set_is_only_warned_of() -> None:
    """Durations do not stand on it, prices by the hour do."""
    run = with_host(calm(), wall_step_ns=-3600e9)
    summary = summarise(run, draws=FEW)
    assert summary.verdict == "VALID"
    assert any("wall clock was set by -3,600 s" in warning for warning in summary.warnings)
    assert not any("wall clock" in one for one in summarise(with_host(calm(), wall_step_ns=0), draws=FEW).warnings)


def test_pressure_is_recorded_and_not_judged() -> None:
    """A busy engine makes pressure of its own."""
    assert reasons(with_host(calm(), psi_cpu_some_us=1e12, psi_memory_some_us=1e12, psi_io_some_us=1e12)) == ""


# --------------------------------------------------------------------------------------------------------- certificate


def certified(run: Run, **check: Any) -> Run:
    figure = {
        "name": "ttft-error-p99", "value": 0.4, "unit": "ms", "limit": 0.25, "passed": False, "judged": True, "n": 800,
    }  # fmt: skip
    certificate = {"mode": "short", "passed": False, "checks": [{**figure, **check}]}
    return replace(run, segments=(replace(run.segments[0], certificate=certificate),))


@pytest.mark.parametrize(
    ("check", "invalid"), [({}, True), ({"passed": True}, False), ({"judged": False}, False), ({"passed": None}, False)]
)
def test_an_instrument_that_missed_a_judged_figure_condemns_the_run(check: dict[str, Any], invalid: bool) -> None:
    """A figure that is only shown, or does not apply, condemns nothing."""
    told = reasons(certified(calm(), **check))
    assert ("ttft-error-p99 was 0.4 ms (limit 0.25 ms)" in told) == invalid


def test_the_newest_certificate_is_the_one_that_counts() -> None:
    """A run resumed on a quieter machine."""
    bad = certified(calm())
    good = certified(calm(), passed=True)
    segments = (bad.segments[0], replace(good.segments[0], id="s2", number=2))
    assert reasons(replace(bad, segments=segments)) == ""
    assert reasons(replace(bad, segments=segments[::-1])) != ""


def test_a_skipped_certificate_is_warned_of() -> None:
    """With the reason."""
    run = calm()
    run = replace(run, segments=(replace(run.segments[0], certificate={"skipped": "EDGEBENCH_CERTIFY=off"}),))
    summary = summarise(run, draws=FEW)
    assert summary.verdict == "VALID"
    assert any("EDGEBENCH_CERTIFY=off" in warning for warning in summary.warnings)


@pytest.mark.parametrize(
    "certificate", [{"checks": None}, {"checks": ["?"]}, {"checks": [{"judged": True, "passed": False}]}]
)
def test_an_odd_certificate_breaks_nothing(certificate: dict[str, Any]) -> None:
    """It came with a bundle from who knows where."""
    run = calm()
    reasons(replace(run, segments=(replace(run.segments[0], certificate=certificate),)))


# --------------------------------------------------------------------------------------------------------- open loops


def paced(
    rate: float, *, n: int = 100, drift: float = 0.0, service_ms: float = 30.0, cap: int = 256, late_ms: float = 0.0
) -> Run:
    """An open loop at ``rate`` whose requests leave ``drift`` of the planned time too late by the end."""
    run = builders.run({"a": Arm(median_ms=service_ms)}, items=n, blocks=1)
    records, start = [], run.records[0].due_ns
    for k, record in enumerate(run.records):
        due = start + int(k / rate * 1e9)
        sent = due + int(k / rate * 1e9 * drift) + int(late_ms * MS if k % 3 == 1 else 0.02 * MS)
        end = sent + int(service_ms * MS)
        call = replace(record.calls[0], due_ns=due, sent_ns=sent, done_ns=end, end_ns=end)
        records.append(replace(record, due_ns=due, sent_ns=sent, done_ns=end, calls=(call,)))
    scenario = ScenarioSpec(kind="constant", rate=rate, max_in_flight=cap)
    trials = tuple(replace(trial, scenario=f"constant({rate:g}/s)") for trial in run.trials)
    return replace(run, plan=replace(run.plan, scenario=scenario), trials=trials, records=tuple(records))


def test_an_open_loop_that_keeps_its_rate_is_valid() -> None:
    """Also a short one, whose first and last lag are a large part of it."""
    assert reasons(paced(20)) == ""
    assert reasons(paced(1000, n=5, service_ms=5)) == ""


def test_a_rate_that_was_not_delivered_is_invalid() -> None:
    """2 % slower than planned; a drift of half a per cent is not."""
    assert "requests a second were sent where 20 were planned" in reasons(paced(20, drift=0.02, service_ms=20_000))
    assert reasons(paced(20, drift=0.005, service_ms=20_000)) == ""


def test_one_hiccup_at_the_end_of_a_short_trial_is_no_rate() -> None:
    """The last of twenty requests left 30 ms late, in a second of planned time."""
    run = paced(20, n=20)
    last = run.records[-1]
    late = replace(last, sent_ns=last.due_ns + 30 * MS)
    assert reasons(replace(run, records=(*run.records[:-1], late))) == ""


def test_waiting_in_a_targets_queue_is_not_our_lateness() -> None:
    """An engine that answers one at a time falls behind; the wait is its own, in the phase ``queue``."""
    late = paced(20, drift=0.5)
    queued = tuple(
        replace(
            record, calls=tuple(replace(call, phases={"queue": call.sent_ns - call.due_ns}) for call in record.calls)
        )
        for record in late.records
    )
    assert "planned" in reasons(late)
    assert reasons(replace(late, records=queued)) == ""


def test_the_cap_on_requests_in_flight_is_told() -> None:
    """Eight under way and a third of the requests late; without lateness the same crowd is nobody's fault."""
    told = reasons(paced(100, service_ms=200, cap=8, late_ms=9.0))
    assert "as many as are allowed" in told and "max_in_flight" in told
    assert reasons(paced(100, service_ms=200, cap=8)) == ""
    assert "as many as are allowed" not in reasons(paced(100, service_ms=200, cap=250, late_ms=9.0))


def test_requests_due_all_at_once_are_meant_to_wait() -> None:
    """Offline is judged by its throughput."""
    run = paced(1000, n=60, drift=20, cap=4)
    trials = tuple(replace(trial, scenario="all-at-once") for trial in run.trials)
    assert reasons(run) != ""
    assert reasons(replace(run, trials=trials)) == ""


def test_a_closed_loop_has_no_rate_to_keep() -> None:
    """The same drift in a closed loop is a user who thinks longer; only lateness itself is judged there."""
    run = paced(20, drift=0.02, service_ms=20_000)
    closed = replace(run, trials=tuple(replace(trial, scenario="closed(1)") for trial in run.trials))
    assert "were planned" in reasons(run)
    assert "were planned" not in reasons(closed)


# --------------------------------------------------------------------------------------------------------- in numbers


def test_memory_is_told_by_phase_and_quantity() -> None:
    """Peaks are the largest over starts, what is resident the median; a phase nobody read is not there."""
    run = calm({"a": Arm(peak_mib=None)})
    mib = 2**20
    sensed = [
        Reading(trial.id, "memory", quantity, value * mib, "B", phase, 0)
        for place, trial in enumerate(run.trials)
        for phase, quantity, value in (
            ("load", "peak_bytes", 100 + place),
            ("steady", "peak_bytes", 200 + place),
            ("steady", "anon_bytes", 90),
            ("steady", "file_bytes", 80),
            ("steady", "shared_bytes", 1),
        )
    ]
    sensed.append(Reading(run.trials[0].id, "sampler", "tree_peak_bytes", 205 * mib, "B", "steady", 0))
    (arm,) = summarise(replace(run, readings=tuple(sensed)), draws=FEW).arms
    told = {phase: {name: one.value for name, one in found.items()} for phase, found in arm.memory.items()}
    assert told == {"load": {"peak": 103}, "steady": {"peak": 203, "anon": 90, "file": 80, "shared": 1, "tree": 205}}
    assert arm.memory["steady"]["peak"].n == 4
    assert arm.scenarios == ("closed(1)",)


# --------------------------------------------------------------------------------------------------------- for real


@contextmanager
def every_core_burning() -> Iterator[None]:
    """Processes outside the run's own tree that use all there is."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def test_a_run_beside_a_process_that_burns_every_core_is_invalid_by_itself(tmp_path: Path) -> None:
    """Nobody told it: exit code 5, and the reason in the report's own words."""
    (tmp_path / "plan.yaml").write_text(
        "question: Who is there?\nworkload: {builtin: support-triage, items: 24}\nblocks: 1\n"
        "targets:\n  one: {kind: fake, options: {latency_ms: 60}}\n"
    )
    with every_core_burning():
        done = subprocess.run(
            [sys.executable, "-m", "edgebench", "run", "plan.yaml", "--no-page", "--store", "runs.db"],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 5, done.stdout + done.stderr
    assert "INVALID: other processes used" in done.stdout
