"""A plan unfolded: randomised complete blocks, the same on every machine.

Design: one factor at a time around a base cell (the first prompting, the items as they are, the workload's own
language), and two corners: *lab* (engineered prompting, clean items) and *field* (the base prompting, noisy items). A
cell that is two of these at once is run once. ``vary: {full: true}`` gives every combination instead.

Model: the items are dealt into ``blocks`` equal parts, each with its share of every reference; within a block
every arm answers the same items in the same order; the order of the arms is drawn anew for each block, so that
heat and time of day fall on all alike. A repetition deals again.

Orders come from SHA-256 of (seed, what, thing): no generator whose stream could differ between versions, and
the order in which a file lists its items does not matter.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from edgebench.errors import DataError
from edgebench.load.scenarios import name_of
from edgebench.plan.judging import judge_trials
from edgebench.plan.naming import field_of, perturbation_name, prompting_name, promptings_of
from edgebench.records import Item, Named, Plan, TargetSpec, Trial, VarySpec, Workload

SEPARATOR = " · "
CLEAN = "none"


@dataclass(frozen=True, slots=True)
class Arm:
    """One cell of the design as a plan names it: a target under one prompting, on items of one kind."""

    name: str
    target: str
    prompting: Named
    repeats: int
    perturbations: tuple[Named, ...] = ()
    language: str = ""
    corner: str = ""

    @property
    def perturbation(self) -> str:
        """The perturbations in words."""
        return " + ".join(perturbation_name(one) for one in self.perturbations) or CLEAN


def arm_name(target: str, prompting: Named, perturbations: Iterable[Named] = (), language: str = "") -> str:
    """``minilm · few-shot(5)``, ``minilm · raw · keyboard-typos(0.05)``, ``minilm · raw · es``."""
    noisy = " + ".join(perturbation_name(one) for one in perturbations)
    return SEPARATOR.join(part for part in (target, prompting_name(prompting), noisy, language) if part)


def arms(plan: Plan) -> tuple[Arm, ...]:
    """Every cell of a plan, those on clean items in the workload's own language first within each target."""
    return tuple(arm for name, spec in plan.targets.items() for arm in _cells(plan, name, spec))


def _cells(plan: Plan, target: str, spec: TargetSpec) -> Iterable[Arm]:
    """The cells of one target, each once; a corner that is another cell too is marked there."""
    cells: dict[str, Arm] = {}
    for prompting, noise, language, corner in _design(plan, spec):
        name = arm_name(target, prompting, noise, language)
        first = cells.get(name)
        if first is None:
            cells[name] = Arm(name, target, prompting, spec.repeats or plan.repeats, noise, language, corner)
        elif corner:
            both = " ".join(part for part in (first.corner, corner) if part)
            cells[name] = replace(first, corner=both)
    return cells.values()


def _design(plan: Plan, spec: TargetSpec) -> Iterable[tuple[Named, tuple[Named, ...], str, str]]:
    """(prompting, perturbations, language, corner) of each cell: one factor at a time, or all combinations."""
    promptings, vary = promptings_of(plan, spec), plan.vary or VarySpec(corners=False)
    noises: list[tuple[Named, ...]] = [(one,) for one in vary.perturbations]
    if vary.full:
        for prompting in promptings:
            for noise in ((), *noises):
                for language in ("", *plan.workload.languages):
                    yield prompting, noise, language, ""
    else:
        yield from ((prompting, (), "", "") for prompting in promptings)
        yield from ((promptings[0], noise, "", "") for noise in noises)
        yield from ((promptings[0], (), language, "") for language in plan.workload.languages)
    field = field_of(vary)
    if vary.corners and field:
        lab = promptings[-1] if spec.prompting is not None or vary.lab is None else vary.lab
        yield lab, (), "", "lab"
        yield promptings[0], tuple(field), "", "field"


def unfold(plan: Plan, workload: Workload) -> tuple[Trial, ...]:
    """The trials of a plan on a workload, in the order they run.

    Every arm meets every item exactly as often as its ``repeats`` say. Blocks beyond the number of items are
    left out. Raises DataError when there is no item.
    """
    if not workload.items:
        raise DataError(f"the workload {workload.name!r} has no items")
    seed, everyone = plan.seeds.order, arms(plan)
    spoken = by_language(plan, workload)
    trials: list[Trial] = []
    for repetition in range(max(arm.repeats for arm in everyone)):
        present = {arm.name: arm for arm in everyone if arm.repeats > repetition}
        dealt = {name: deal(items, plan.blocks, seed=(seed, repetition)) for name, items in spoken.items()}
        for block in range(max(len(parts) for parts in dealt.values())):
            for name in _shuffled(present, seed, "arms", repetition, block):
                parts = dealt[present[name].language]
                if block < len(parts):
                    trials.append(_trial(present[name], repetition, block, len(trials), parts[block], plan))
    return (*trials, *judge_trials(plan, trials))


def base_cell(plan: Plan, target: str) -> Plan:
    """The plan with one target, under its first prompting, on the workload as it is; judged by nobody."""
    spec = plan.targets[target]
    return replace(
        plan,
        workload=replace(plan.workload, languages=()),
        targets={target: replace(spec, prompting=promptings_of(plan, spec)[0])},
        vary=None,
        judges={},
    )


def own_items(plan: Plan, workload: Workload) -> Workload:
    """The workload without the items of other languages."""
    return replace(workload, items=by_language(plan, workload)[""])


def by_language(plan: Plan, workload: Workload) -> Mapping[str, tuple[Item, ...]]:
    """The items of each language that is a cell of its own; ``""`` has those of the workload's own.

    Raises DataError when a language has none.
    """
    others = plan.workload.languages
    spoken = {name: tuple(one for one in workload.items if one.tags.get("language") == name) for name in others}
    own = tuple(item for item in workload.items if item.tags.get("language") not in others)
    for name, items in {"": own, **spoken}.items():
        if not items:
            which = f"in the language {name!r}" if name else "in its own language"
            raise DataError(f"the workload {workload.name!r} has no items {which}")
    return {"": own, **spoken}


def deal(items: Iterable[Item], blocks: int, *, seed: tuple[int, int]) -> list[tuple[str, ...]]:
    """Digests of the items in ``blocks`` parts whose sizes, and shares of each reference, differ by at most one."""
    strata: dict[str, list[str]] = {}
    for item in items:
        strata.setdefault(json.dumps(item.reference, sort_keys=True, default=str), []).append(item.digest)
    row = [digest for key in _shuffled(strata, *seed, "strata") for digest in _shuffled(strata[key], *seed, "items")]
    parts = (row[start :: min(blocks, len(row))] for start in range(min(blocks, len(row))))
    return [tuple(_shuffled(part, *seed, "within", number)) for number, part in enumerate(parts)]


def _trial(arm: Arm, repetition: int, block: int, order: int, digests: tuple[str, ...], plan: Plan) -> Trial:
    return Trial(
        id=f"{repetition}.{block}.{hashlib.sha256(arm.name.encode()).hexdigest()[:8]}",
        arm=arm.name,
        target=arm.target,
        prompting=arm.prompting,
        block=block,
        repetition=repetition,
        order=order,
        item_digests=digests,
        scenario=name_of(plan.scenario),
        perturbation=arm.perturbation,
        perturbations=arm.perturbations,
        language=arm.language,
        corner=arm.corner,
    )


def _shuffled(things: Iterable[str], *key: object) -> list[str]:
    """The things in an order that depends on nothing but them and the key; equal things are told apart by count."""
    seen: Counter[str] = Counter()
    marked: list[tuple[bytes, str]] = []
    for thing in things:
        marked.append((hashlib.sha256(json.dumps([*key, thing, seen[thing]]).encode()).digest(), thing))
        seen[thing] += 1
    return [thing for _, thing in sorted(marked)]
