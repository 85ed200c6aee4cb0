"""Memory: the kernel's high-water mark of the target's processes, the largest over its starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgebench.metrics.table import ArmColumns
from edgebench.records import Estimate, Reading, Run

MIB = 2**20


def estimates(run: Run, arm: ArmColumns) -> Mapping[str, Estimate]:
    """Peak, anonymous, file-backed, and what loading added, in MiB."""
    mine = {trial.id for trial in arm.trials}
    readings = [reading for reading in run.readings if reading.trial_id in mine]
    why = "its memory is not on this machine" if arm.identity.placement != "device" else "no reading of its processes"
    return {
        "peak_mib": _largest(_by_trial(readings, "peak_bytes", max), why),
        "anon_mib": _last(_by_trial(readings, "anon_bytes", _latest), why),
        "file_mib": _last(_by_trial(readings, "file_bytes", _latest), why),
        "load_growth_mib": _growth(readings, why),
    }


PHASES = ("load", "first", "steady")
#: how it is called in ``ArmSummary.memory`` → the reading
QUANTITIES = {
    "peak": "peak_bytes",
    "rss": "rss_bytes",
    "anon": "anon_bytes",
    "file": "file_bytes",
    "shared": "shared_bytes",
    "tree": "tree_peak_bytes",
}


def by_phase(run: Run, arm: ArmColumns) -> Mapping[str, Mapping[str, Estimate]]:
    """phase → quantity → MiB: peaks are the largest over starts, the rest medians; only what was read is there."""
    mine = {trial.id for trial in arm.trials}
    out: dict[str, dict[str, Estimate]] = {}
    for phase in PHASES:
        readings = [one for one in run.readings if one.trial_id in mine and one.phase == phase]
        found = {name: _by_trial(readings, quantity, max) for name, quantity in QUANTITIES.items()}
        told = {name: _phase(name, values) for name, values in found.items() if values}
        if told:
            out[phase] = told
    return out


def _phase(name: str, values: Sequence[float]) -> Estimate:
    if name in ("peak", "tree"):
        return _largest(values, "")
    return Estimate(float(np.median(values)), n=len(values), method="median over starts, at the end of the phase")


def _latest(values: Sequence[float]) -> float:
    return values[-1]


def _by_trial(readings: Sequence[Reading], quantity: str, pick: object) -> list[float]:
    """One value in MiB per trial, from its readings in order of time."""
    found: dict[str, list[float]] = {}
    for reading in sorted(readings, key=lambda one: one.at_ns):
        if reading.quantity == quantity:
            found.setdefault(reading.trial_id, []).append(reading.value / MIB)
    return [pick(values) for values in found.values()]  # type: ignore[operator]


def _largest(values: Sequence[float], why: str) -> Estimate:
    if not values:
        return Estimate.absent(why)
    note = f"between {min(values):.4g} and {max(values):.4g} MiB over {len(values)} starts"
    return Estimate(max(values), n=len(values), method="largest over starts; a maximum has no interval", note=note)


def _last(values: Sequence[float], why: str) -> Estimate:
    if not values:
        return Estimate.absent(why)
    return Estimate(float(np.median(values)), n=len(values), method="median over starts, after the last request")


def _growth(readings: Sequence[Reading], why: str) -> Estimate:
    resident = {(one.trial_id, one.phase): one.value / MIB for one in readings if one.quantity == "rss_bytes"}
    grown = [
        value - resident[trial, "start"]
        for (trial, phase), value in resident.items()
        if phase == "load" and (trial, "start") in resident
    ]
    if not grown:
        return Estimate.absent("nobody could weigh its process before it loaded" if resident else why)
    return Estimate(float(np.median(grown)), n=len(grown), method="resident after − before the load, median of starts")
