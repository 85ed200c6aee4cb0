"""Runs of the same items on several machines become one run, to be compared arm by arm.

Items pair by digest. Every trial, segment and record keeps its own machine's clock: their ids are prefixed with the run
they come from and no stamp is touched. Stamps of two segments must never be subtracted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace

from edgebench.errors import StoreError
from edgebench.records import ModelCard, Plan, Record, Run, Segment, TargetSpec, Trial, digest

_Names = Mapping[str, str]  # a run's target → its name after the merge


def merge(runs: Sequence[Run]) -> Run:
    """One run made of several that asked the same items.

    A target whose name only one run uses keeps it; others become "name @ device" (and, where even that is not enough,
    "name @ device #run"). Plan and workload are those of the first run, but for the targets.

    Raises
    ------
    StoreError: no run, the same run twice, or different item sets.
    """
    if not runs:
        raise StoreError("there is no run to merge", hint="edgebench runs list")
    if len(runs) == 1:
        return runs[0]
    _refuse_twice(runs)
    _refuse_other_items(runs)
    names = _new_names(runs)
    moved = [_moved(run, own) for run, own in zip(runs, names, strict=True)]
    return Run(
        id=digest(sorted(run.id for run in runs))[:8],
        created_at=max(run.created_at for run in runs),
        plan=_plan(moved),
        workload=next((run.workload for run in runs if run.plan.texts == "keep"), runs[0].workload),
        identities={name: identity for run in moved for name, identity in run.identities.items()},
        trials=_in_order([run.trials for run in moved]),
        segments=_numbered([segment for run in moved for segment in run.segments]),
        records=tuple(record for run in moved for record in run.records),
        readings=tuple(reading for run in moved for reading in run.readings),
        scores=tuple(score for run in moved for score in run.scores),
        cards=_cards(moved),
        notes=_notes(runs),
        rates=tuple(rate for run in moved for rate in run.rates),
    )


def _refuse_twice(runs: Sequence[Run]) -> None:
    for run_id, times in Counter(run.id for run in runs).items():
        if times > 1:
            raise StoreError(f"run {run_id} is named {times} times", hint="name each run once")


def _refuse_other_items(runs: Sequence[Run]) -> None:
    first = {item.digest for item in runs[0].workload.items}
    for run in runs[1:]:
        if run.workload.digest != runs[0].workload.digest:
            other = {item.digest for item in run.workload.items}
            raise StoreError(
                f"runs {runs[0].id} and {run.id} asked different item sets: "
                f"{len(first & other)} of {len(first | other)} items in common",
                hint="run both with the same data, `items:` and `seeds: {subset: …}`",
            )


# --------------------------------------------------------------------------------------------------- names


def _new_names(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Every run's targets under names of their own."""
    uses = Counter(name for run in runs for name in run.plan.targets)
    wanted = [
        {name: name if uses[name] == 1 else f"{name} @ {_device(run, name)}" for name in run.plan.targets}
        for run in runs
    ]
    clashes = Counter(new for own in wanted for new in own.values())
    return [
        {name: new if clashes[new] == 1 else f"{new} #{run.id}" for name, new in own.items()}
        for run, own in zip(runs, wanted, strict=True)
    ]


def _device(run: Run, name: str) -> str:
    """The device as part of a name. The dot in the middle is kept for "target · prompting"."""
    identity = run.identities.get(name)
    device = identity.device if identity else ""
    return device.replace(" · ", ", ") or f"run {run.id}"


def _moved(run: Run, names: _Names) -> Run:
    """The run with its targets' new names, every id prefixed with the run's own."""

    def own(any_id: str) -> str:
        return f"{run.id}:{any_id}"

    return replace(
        run,
        plan=replace(run.plan, targets={names[name]: _spec(spec, names) for name, spec in run.plan.targets.items()}),
        identities={
            names.get(name, name): replace(identity, name=names.get(name, name))
            for name, identity in run.identities.items()
        },
        trials=tuple(_trial(trial, names, own) for trial in run.trials),
        segments=tuple(replace(segment, id=own(segment.id)) for segment in run.segments),
        records=tuple(_record(record, names, own) for record in run.records),
        readings=tuple(replace(reading, trial_id=own(reading.trial_id)) for reading in run.readings),
        scores=tuple(replace(score, record_id=own(score.record_id)) for score in run.scores),
        cards={names.get(key, key): card for key, card in run.cards.items()},
        rates=tuple(replace(rate, target=names.get(rate.target, rate.target)) for rate in run.rates),
    )


def _spec(spec: TargetSpec, names: _Names) -> TargetSpec:
    """A target made of others names them in its options."""
    named = {key: spec.options.get(key) for key in ("edge", "cloud")}
    parts = {key: names[part] for key, part in named.items() if isinstance(part, str) and part in names}
    return replace(spec, options={**spec.options, **parts}) if parts else spec


def _record(record: Record, names: _Names, own: Callable[[str], str]) -> Record:
    calls = record.calls
    if any(call.target is not None for call in calls):
        calls = tuple(replace(call, target=names.get(call.target or "", call.target)) for call in calls)
    return replace(
        record,
        id=own(record.id),
        trial_id=own(record.trial_id),
        segment_id=own(record.segment_id),
        calls=calls,
    )


def _trial(trial: Trial, names: _Names, own: Callable[[str], str]) -> Trial:
    target = names.get(trial.target, trial.target)
    arm = f"{target}{trial.arm.removeprefix(trial.target)}" if trial.arm.startswith(trial.target) else trial.arm
    return replace(trial, id=own(trial.id), target=target, arm=arm)


# --------------------------------------------------------------------------------------------------- parts


def _plan(moved: Sequence[Run]) -> Plan:
    targets: dict[str, TargetSpec] = {}
    for run in moved:
        targets |= run.plan.targets
    return replace(moved[0].plan, targets=targets)


def _in_order(groups: Sequence[Sequence[Trial]]) -> tuple[Trial, ...]:
    """Trials one run after the other, numbered through."""
    trials: list[Trial] = []
    for group in groups:
        offset = max((trial.order for trial in trials), default=-1) + 1
        trials += [replace(trial, order=trial.order + offset) for trial in group]
    return tuple(trials)


def _numbered(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    return tuple(replace(segment, number=number) for number, segment in enumerate(segments, start=1))


def _cards(moved: Sequence[Run]) -> dict[str, ModelCard]:
    """Every card; when two runs used different ones of the same name, both are kept."""
    cards: dict[str, ModelCard] = {}
    for run in moved:
        for key, card in run.cards.items():
            cards[key if cards.get(key, card) == card else f"{key} #{run.id}"] = card
    return cards


def _notes(runs: Sequence[Run]) -> tuple[str, ...]:
    """What was merged, and in what the plans differ: that may explain a difference between arms."""
    notes = [f"merged from run {run.id} of {run.created_at} ({_machines(run)})" for run in runs]
    first = runs[0].plan
    for run in runs[1:]:
        names = [f.name for f in fields(first) if f.name not in ("targets", "folder")]
        differing = [name for name in names if getattr(run.plan, name) != getattr(first, name)]
        if differing:
            notes.append(f"the plans of {runs[0].id} and {run.id} differ in: {', '.join(differing)}")
    return (*notes, *(f"run {run.id}: {note}" for run in runs for note in run.notes))


def _machines(run: Run) -> str:
    return (
        "; ".join(sorted({identity.device for identity in run.identities.values() if identity.device})) or "no device"
    )
