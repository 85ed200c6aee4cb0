"""The verdict: whether a run may be believed, and if not, why and what to do.

A pure function of a stored run. INVALID is said only on evidence: by an exact test for send lag, so that one hiccup in
eighty requests condemns nobody; over the sum of all trials for what else the machine did. What was not read is not
judged. Pressure (PSI) is recorded and never judged: a busy engine makes pressure of its own.

Bounds, each with its reason beside it below: our own send lag (p99 ≤ max(1 ms, 1 % of the median latency)), the
delivered rate (within 1 % of the planned one), CPU of others (20 %) and stolen (5 %), any new throttling, any sleep
above 0.1 s, every judged figure of the instrument's certificate, and every network that is not as its profile says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgebench.metrics.table import ArmColumns, Flags, Floats
from edgebench.records import Reading, Record, Run, is_open
from edgebench.stats import rates

LAG_FLOOR_MS = 1.0  # a client that is on time to the millisecond is on time
LAG_SHARE = 0.01  # …or to one per cent of the median latency, whichever is more
LATE_ALLOWED = 0.01  # the p99: one request in a hundred may be later
RATE_OFF = 0.01  # of the planned time from the first to the last request, beyond the lag floor
LEAST_PACED = 10  # requests of a trial; fewer have no rate to speak of
OTHERS_MOST = 0.2  # of the machine's CPU used by other processes: more of it visibly moves p95 on two cores
STOLEN_MOST = 0.05  # of the machine's CPU taken by other guests: it comes in slices that stop everything at once
LEAST_CPU_S = 1.0  # over less, the kernel's ticks of 10 ms say too little to judge by
SLEPT_MOST_S = 0.1  # a sleep is seconds; less is two clocks read one after the other
STEP_MOST_S = 1.0  # a wall clock set by more may move a request into another hour's price


def invalid(run: Run, table: Mapping[str, ArmColumns]) -> Iterator[str]:
    """Why the run must not be believed, each reason with what to do; nothing when it may be."""
    if not any(arm.answered for arm in table.values()):
        yield "no request was answered: see the failures by kind, mend the targets and run again"
        return
    for arm in table.values():
        yield from _late(arm)
        yield from _off_rate(run, arm)
    yield from _machine(run)
    yield from _certificate(run)
    yield from _networks(run)


def warnings(run: Run) -> Iterator[str]:
    """What a reader should know about the measuring itself, though it condemns nothing."""
    stepped = [reading.value / 1e9 for reading in _of_host(run, "wall_step_ns")]
    worst = max(stepped, key=abs, default=0.0)
    if abs(worst) > STEP_MOST_S:
        yield f"the wall clock was set by {worst:+,.0f} s during the run: prices that depend on the hour may be wrong"
    certificate = _last_certificate(run)
    if "skipped" in certificate:
        yield f"the instrument did not measure its own error: {certificate['skipped'] or 'skipped'}"


# --------------------------------------------------------------------------------------------------------- sending


def _late(arm: ArmColumns) -> Iterator[str]:
    """Our own lateness in sending; connecting, shaking hands and a target's queue are not ours and do not count."""
    mine = arm.steady & np.isfinite(arm.client_lag_ms) & _timed(arm)
    answered = arm.latency_ms[arm.steady & np.isfinite(arm.latency_ms)]
    if not mine.any() or not len(answered):
        return
    lags, limit = arm.client_lag_ms[mine], _lag_limit(answered)
    late = int((lags > limit).sum())
    if rates.exceedances(late, len(lags), LATE_ALLOWED) == "missed":
        yield (
            f"{arm.arm}: {late} of {len(lags)} requests were sent more than {limit:.3g} ms late: the client could not "
            "keep up; use fewer users, a lower rate or a quieter machine"
        )


def _lag_limit(answered_ms: Floats) -> float:
    return max(LAG_FLOOR_MS, LAG_SHARE * float(np.median(answered_ms)))


def _off_rate(run: Run, arm: ArmColumns) -> Iterator[str]:
    """Open loops only: requests sent in another time than was planned, or held back because too many were under way."""
    due_ms = np.array([record.due_ns for record in arm.records], dtype=np.int64) / 1e6
    for trial in arm.trials:
        if not is_open(trial.scenario):
            continue
        of = np.array([record.trial_id == trial.id for record in arm.records], dtype=bool)
        mine = np.flatnonzero(of & ~arm.cold & np.isfinite(arm.client_lag_ms))
        mine = mine[np.argsort(due_ms[mine], kind="stable")]
        lags = arm.client_lag_ms[mine]
        if len(mine) >= LEAST_PACED:
            yield from _drifted(arm.arm, float(np.ptp(due_ms[mine])), lags)
        most = _most_in_flight([arm.records[place] for place in mine], lags)
        answered = arm.latency_ms[of & np.isfinite(arm.latency_ms)]
        late = (lags > (_lag_limit(answered) if len(answered) else LAG_FLOOR_MS)).any()
        if most >= run.plan.scenario.max_in_flight and late:
            yield (
                f"{arm.arm}: {most} requests were under way at once, as many as are allowed, and others waited: "
                "raise scenario.max_in_flight or lower the rate"
            )


def _drifted(arm: str, planned_ms: float, lags: Floats) -> Iterator[str]:
    """Whether the last requests of a trial left later than the first by more than the plan's time may be off.

    Medians of the first and the last tenth (three at least), so that one hiccup at either end is no rate.
    """
    edge = max(3, len(lags) // 10)
    drift_ms = float(np.median(lags[-edge:]) - np.median(lags[:edge]))
    if abs(drift_ms) > RATE_OFF * planned_ms + LAG_FLOOR_MS:
        per_s = (len(lags) - 1) * 1e3
        yield (
            f"{arm}: {per_s / (planned_ms + drift_ms):.4g} requests a second were sent where "
            f"{per_s / planned_ms:.4g} were planned: lower the rate, or give the client a machine of its own"
        )


def _most_in_flight(records: list[Record], lag_ms: Floats) -> int:
    """The most requests that were under way at one moment."""
    starts = [record.due_ns + int(lag * 1e6) for record, lag in zip(records, lag_ms, strict=True)]
    ends = [max((call.end_ns or call.done_ns or 0 for call in record.calls), default=0) for record in records]
    moments = sorted([(end, -1) for end in ends] + [(start, 1) for start in starts])
    return int(np.cumsum([step for _, step in moments]).max(initial=0))


def _timed(arm: ArmColumns) -> Flags:
    """Which requests had a moment of their own: of those due all at once, most wait, and are meant to."""
    trials = {trial.id for trial in arm.trials if trial.scenario != "all-at-once"}
    return np.array([record.trial_id in trials for record in arm.records], dtype=bool)


# --------------------------------------------------------------------------------------------------------- the machine


def _machine(run: Run) -> Iterator[str]:
    machine = _sum(run, "machine_cpu_seconds")
    others, stolen = _sum(run, "other_cpu_seconds"), _sum(run, "steal_cpu_seconds")
    if machine >= LEAST_CPU_S and others > OTHERS_MOST * machine:
        yield (
            f"other processes used {others / machine:.0%} of this machine (limit {OTHERS_MOST:.0%}): "
            "close them and run again"
        )
    if machine >= LEAST_CPU_S and stolen > STOLEN_MOST * machine:
        yield (
            f"{stolen / machine:.0%} of this machine was given to other guests (limit {STOLEN_MOST:.0%}): "
            "run again when its host is quieter, or on a machine that is not shared"
        )
    yield from _throttled(run)
    slept = sum(one.value for one in _of_host(run, "slept_ns") if one.value > SLEPT_MOST_S * 1e9)
    if slept:
        yield f"the machine slept for {slept / 1e9:,.1f} s while it was measured: keep it awake and run again"


def _throttled(run: Run) -> Iterator[str]:
    arm_of = {trial.id: trial.arm for trial in run.trials}
    events = [one for one in _of_host(run, "throttle_events") if one.value > 0]
    if events:
        arms = ", ".join(dict.fromkeys(arm_of.get(one.trial_id, one.trial_id) for one in events))
        yield (
            f"the device throttled itself {sum(one.value for one in events):.0f} times ({arms}): "
            "cool it, give it a stronger power supply or a longer pause, and run again"
        )


def _of_host(run: Run, quantity: str) -> list[Reading]:
    return [one for one in run.readings if one.meter == "host" and one.quantity == quantity]


def _sum(run: Run, quantity: str) -> float:
    return sum(reading.value for reading in _of_host(run, quantity))


# --------------------------------------------------------------------------------------------------------- instrument


def _last_certificate(run: Run) -> Mapping[str, Any]:
    return next((one.certificate for one in reversed(run.segments) if one.certificate), {})


def _certificate(run: Run) -> Iterator[str]:
    """Figures of the instrument's own error that are judged and were missed."""
    checks = _last_certificate(run).get("checks")
    for check in checks if isinstance(checks, (list, tuple)) else ():
        if isinstance(check, Mapping) and check.get("judged") is True and check.get("passed") is False:
            was, limit = (_told(check.get(key), check) for key in ("value", "limit"))
            yield (
                f"the instrument's own error was too large: {check.get('name')} was {was} (limit {limit}): quiet this "
                "machine, see what  edgebench certify  says, and run again"
            )


def _networks(run: Run) -> Iterator[str]:
    """Networks that were not what their profiles say, at any start: what went through them went through another."""
    said: set[str] = set()
    for segment in run.segments:
        given = segment.certificate.get("networks")
        for found in given.values() if isinstance(given, Mapping) else ():
            if not isinstance(found, Mapping) or found.get("passed") is not False:
                continue
            checks = found.get("checks")
            off = [one for one in checks if isinstance(one, Mapping)] if isinstance(checks, (list, tuple)) else []
            why = "; ".join(str(one.get("note")) for one in off if one.get("passed") is False)
            name, why = str(found.get("network")), why or str(found.get("why") or "it could not be examined")
            if name not in said:
                said.add(name)
                yield (
                    f"the network {name} was not what its profile says ({why}): quiet this machine, or take a profile "
                    "that it can reach, and run again"
                )


def _told(value: Any, check: Mapping[str, Any]) -> str:
    numbers = value if isinstance(value, (list, tuple)) else (value,)
    told = " to ".join(f"{one:.3g}" if isinstance(one, (int, float)) else "unknown" for one in numbers)
    return f"{told} {check.get('unit') or ''}".strip()
