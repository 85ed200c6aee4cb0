"""The design of a run, read back from its trials: which cell is a target's base, and how the others differ from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from edgebench.metrics.table import ArmColumns
from edgebench.records import CellRole, Named, Plan, canonical

SEPARATOR = " · "
CLEAN = "none"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell stands in the design."""

    arm: str
    target: str
    prompting: str
    perturbation: str
    language: str
    corners: tuple[str, ...]
    role: CellRole


@dataclass(frozen=True)
class Design:
    """Every cell of a run, target by target as the plan names them; and the base cell of each target that has one."""

    places: Mapping[str, Place]  # by arm
    bases: Mapping[str, Place]  # by target

    def of(self, target: str) -> list[Place]:
        return [place for place in self.places.values() if place.target == target]

    def corner(self, target: str, name: str) -> Place | None:
        """The lab or the field corner of a target."""
        return next((place for place in self.of(target) if name in place.corners), None)

    @property
    def targets(self) -> list[str]:
        return list(dict.fromkeys(place.target for place in self.places.values()))


def read_design(plan: Plan, table: Mapping[str, ArmColumns]) -> Design:
    """The design by the trials of each arm."""
    bases: dict[str, str] = {}
    for target in dict.fromkeys(arm.target for arm in table.values()):
        base = _base(plan, [arm for arm in table.values() if arm.target == target])
        if base is not None:
            bases[target] = base.arm
    first = {target: _prompting(table[arm]) for target, arm in bases.items()}
    found = {name: _place(arm, first.get(arm.target)) for name, arm in table.items()}
    targets = list(dict.fromkeys(arm.target for arm in table.values()))
    order = sorted(found, key=lambda name: (targets.index(found[name].target), _rank(plan, table[name], found[name])))
    places = {name: found[name] for name in order}
    return Design(places, {target: places[arm] for target, arm in bases.items()})


def _base(plan: Plan, arms: list[ArmColumns]) -> ArmColumns | None:
    """The first prompting the plan names for this target, among those on clean items in the workload's own language."""
    clean = [arm for arm in arms if arm.trials[0].base]
    if not clean:
        return None
    order = [canonical(one) for one in _promptings(plan, clean[0].target)]
    known = [arm for arm in clean if canonical(arm.trials[0].prompting) in order]
    return min(known, key=lambda arm: order.index(canonical(arm.trials[0].prompting)), default=clean[0])


def _rank(plan: Plan, arm: ArmColumns, place: Place) -> tuple[int, int, int, int]:
    """Role by role, and within a role as the plan names its parts; trials themselves come in no order."""
    trial = arm.trials[0]
    promptings = [canonical(one) for one in _promptings(plan, trial.target)]
    noises = [[], *([canonical(one)] for one in (plan.vary.perturbations if plan.vary else ()))]
    return (
        get_args(CellRole).index(place.role),
        _index(promptings, canonical(trial.prompting)),
        _index(noises, canonical(trial.perturbations)),
        _index(["", *plan.workload.languages], trial.language),
    )


def _index(order: list[Any], one: Any) -> int:
    return order.index(one) if one in order else len(order)


def _promptings(plan: Plan, target: str) -> list[Named]:
    """The promptings the plan names for a target, its own or everybody's."""
    spec = plan.targets.get(target)
    own = plan.prompting if spec is None or spec.prompting is None else spec.prompting
    return list(own) if isinstance(own, (list, tuple)) else [own]


def _prompting(arm: ArmColumns) -> str:
    """The prompting's own name: the arm's without target, perturbation and language."""
    trial = arm.trials[0]
    name = arm.arm.removeprefix(f"{arm.target}{SEPARATOR}")
    if trial.language:
        name = name.removesuffix(f"{SEPARATOR}{trial.language}")
    if trial.perturbation != CLEAN:
        name = name.removesuffix(f"{SEPARATOR}{trial.perturbation}")
    return name


def _place(arm: ArmColumns, base: str | None) -> Place:
    trial, prompting = arm.trials[0], _prompting(arm)
    corners = tuple(trial.corner.split())
    return Place(
        arm.arm, arm.target, prompting, trial.perturbation, trial.language, corners,
        _role(prompting != base, trial.perturbation, trial.language, corners),
    )  # fmt: skip


def _role(prompted: bool, perturbation: str, language: str, corners: tuple[str, ...]) -> CellRole:
    """Which one factor differs from the base cell; a field of several perturbations together is a corner."""
    differs: list[CellRole] = []
    differs += ["prompting"] if prompted else []
    differs += ["perturbation"] if perturbation != CLEAN else []
    differs += ["language"] if language else []
    if "field" in corners and " + " in perturbation and not prompted and not language:
        return "corner"
    return "base" if not differs else differs[0] if len(differs) == 1 else "combination"
