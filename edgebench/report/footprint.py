"""Memory by phase: what a target's processes held while loading, at the first request, and from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebench.records import ArmSummary, Estimate, Identity, Run
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.tables import Cell, Column, Table, arm_cell, table

Looks = Mapping[str, Look]
PHASES = {"load": "load", "first": "first request", "steady": "steady state"}
#: first word of a quantity's name → heading, how it is told
QUANTITIES = {
    "peak": ("peak", "the kernel's high-water mark in this phase, largest over starts"),
    "rss": ("resident", "all pages in memory at the end of the phase"),
    "anon": ("anonymous", "backed by no file: cannot be given back without swap"),
    "file": ("file-backed", "pages of mapped files, such as the model: can be dropped and read again"),
    "shared": ("shared", "pages other processes may use too, counted once for each"),
    "tree": ("whole tree, sampled", "most that all its processes together held, sampled from outside"),
}


def by_phase(run: Run, arms: Sequence[ArmSummary], looks: Looks) -> Table | None:
    """Arm × phase, in MiB; None where no arm's memory was measured by phase."""
    lines = [(arm, phase, found) for arm in arms for phase, found in _phases(arm)]
    if not lines:
        return None
    kinds = [kind for kind in QUANTITIES if any(kind in found for _, _, found in lines)]
    limits = {arm.arm: limit(run, arm.target) for arm in arms}
    columns = [
        Column("target", numeric=False),
        Column("phase", numeric=False),
        *(Column(*QUANTITIES[kind]) for kind in kinds),
        Column("n", "starts"),
        *(
            [Column("limit in force", "the most its processes may hold, page cache included")]
            if any(limits.values())
            else []
        ),
    ]
    rows = [
        [
            arm_cell(arm.arm, looks),
            Cell(PHASES.get(phase, phase.replace("_", " "))),
            *(_cell(found.get(kind)) for kind in kinds),
            Cell(f"{max((one.n for one in found.values()), default=0):,}"),
            *([Cell(limits[arm.arm] or "none")] if any(limits.values()) else []),
        ]
        for arm, phase, found in lines
    ]
    return table("memory-phases", "Memory of the target's processes by phase", columns, rows)


def _phases(arm: ArmSummary) -> list[tuple[str, Mapping[str, Estimate]]]:
    """The phases in which something was measured, in order, each by kind of quantity."""
    order = [*(name for name in PHASES if name in arm.memory), *sorted(set(arm.memory) - set(PHASES))]
    by_kind = [(name, {quantity.split("_")[0]: one for quantity, one in arm.memory[name].items()}) for name in order]
    return [(name, found) for name, found in by_kind if any(one.value is not None for one in found.values())]


def _cell(item: Estimate | None) -> Cell:
    if item is None or item.value is None:
        return Cell(ABSENT, why=(item.why_absent if item else None) or "not sensed in this phase on this system")
    shown = formatting.show(item, "MiB")
    word = "" if shown.word == "measured" else shown.word
    return Cell(shown.value, shown.interval, word, sort=item.value, hint=item.note or "")


def finding(arms: Sequence[ArmSummary], looks: Looks) -> str:
    """Who needs most, and how much of it could be dropped and read again."""
    steady = [
        (peak, found, arm)
        for arm in arms
        if arm.identity.placement != "stand-in"  # what plays a hosted part says nothing about a device
        for phase, found in _phases(arm)
        if phase == "steady" and (peak := _value(found, "peak")) is not None
    ]
    if not steady:
        return "What was measured of the targets' memory, by phase"
    peak, found, arm = max(steady, key=lambda one: (one[0], one[2].arm))
    opening = f"{looks[arm.arm].short} needs most, {formatting.quantity(peak, 'MiB')} at its peak in the steady state"
    anon, file = _value(found, "anon"), _value(found, "file")
    if anon is None or not file:
        return opening
    return f"{opening}; {formatting.share(file, anon + file)} of what it holds are file pages that can be read again"


def _value(found: Mapping[str, Estimate], kind: str) -> float | None:
    return found[kind].value if kind in found else None


def limit(run: Run, target: str) -> str | None:
    """The memory limit a target ran under, in words; None: none."""
    identity: Identity | None = run.identities.get(target)
    held = identity.details.get("memory_limit_bytes") if identity else None
    if isinstance(held, int):
        return formatting.size(held)
    asked = run.plan.targets[target].memory_limit if target in run.plan.targets else None
    return asked and f"{asked} asked for, not known to be in force"
