"""A plan unfolded: randomised complete blocks, the same on every machine.

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
from dataclasses import dataclass
from typing import Any

from edgebench.errors import DataError
from edgebench.load.scenarios import name_of
from edgebench.plan.checks import prompting_name
from edgebench.records import Item, Plan, Trial, Workload

SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class Arm:
    """One target under one prompting, as a plan names them."""

    name: str
    target: str
    prompting: str | Mapping[str, Any]
    repeats: int


def arm_name(target: str, prompting: str | Mapping[str, Any]) -> str:
    """``minilm · few-shot(5)``."""
    return f"{target}{SEPARATOR}{prompting_name(prompting)}"


def arms(plan: Plan) -> tuple[Arm, ...]:
    """Every arm of a plan: each target under its own prompting, or under each of the plan's."""
    return tuple(
        Arm(arm_name(name, prompting), name, prompting, spec.repeats or plan.repeats)
        for name, spec in plan.targets.items()
        for prompting in ([spec.prompting] if spec.prompting is not None else plan.prompting)
    )


def unfold(plan: Plan, workload: Workload) -> tuple[Trial, ...]:
    """The trials of a plan on a workload, in the order they run.

    Every arm meets every item exactly as often as its ``repeats`` say. Blocks beyond the number of items are
    left out. Raises DataError when there is no item.
    """
    if not workload.items:
        raise DataError(f"the workload {workload.name!r} has no items")
    seed, everyone = plan.seeds.order, arms(plan)
    trials: list[Trial] = []
    for repetition in range(max(arm.repeats for arm in everyone)):
        present = {arm.name: arm for arm in everyone if arm.repeats > repetition}
        for block, digests in enumerate(deal(workload.items, plan.blocks, seed=(seed, repetition))):
            for name in _shuffled(present, seed, "arms", repetition, block):
                trials.append(_trial(present[name], repetition, block, len(trials), digests, plan))
    return tuple(trials)


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
    )


def _shuffled(things: Iterable[str], *key: object) -> list[str]:
    """The things in an order that depends on nothing but them and the key; equal things are told apart by count."""
    seen: Counter[str] = Counter()
    marked: list[tuple[bytes, str]] = []
    for thing in things:
        marked.append((hashlib.sha256(json.dumps([*key, thing, seen[thing]]).encode()).digest(), thing))
        seen[thing] += 1
    return [thing for _, thing in sorted(marked)]
