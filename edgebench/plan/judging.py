"""Judges of a plan: which arms each of them judges, and the trials in which it does.

A judge meets answers when all of them are there, so its trials come last. With ``mode: rubric`` it judges every cell of
every target but its own; with ``mode: pairwise`` it compares the base cells of every two targets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from edgebench.errors import PlanError
from edgebench.plan.document import Document, nearest
from edgebench.plan.naming import prompting_name, promptings_of
from edgebench.records import JudgeSpec, Plan, Trial

VERSUS = " vs "  # between the two arms a pairwise judge compares
NAME = "judge:"


def judge_trials(plan: Plan, answering: Sequence[Trial]) -> Iterator[Trial]:
    """One trial for each judge and each arm (or pair of arms) it judges, on the answers of the first repetition."""
    first: dict[str, list[Trial]] = {}
    for trial in answering:
        if trial.repetition == 0:
            first.setdefault(trial.arm, []).append(trial)
    place = len(answering)
    for name, spec in plan.judges.items():
        for judged, digests in _judged(plan, spec, first):
            arm = f"{NAME}{name} · {judged}"
            yield Trial(
                id=f"judge.{hashlib.sha256(arm.encode()).hexdigest()[:8]}",
                arm=arm,
                target=spec.target,
                prompting=spec.mode,
                block=0,
                repetition=0,
                order=place,
                item_digests=digests[: spec.items],
                judges=judged,
            )
            place += 1


def _judged(plan: Plan, spec: JudgeSpec, arms: Mapping[str, Sequence[Trial]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(arm or pair, digests of the items) of everything a judge judges."""
    may = {name: trials for name, trials in arms.items() if spec.itself or trials[0].target != spec.target}
    if spec.mode == "rubric":
        for name, trials in may.items():
            yield name, tuple(digest for trial in trials for digest in trial.item_digests)
        return
    bases = [f"{target} · {prompting_name(promptings_of(plan, own)[0])}" for target, own in plan.targets.items()]
    for one, two in combinations([name for name in bases if name in may], 2):
        yield f"{one}{VERSUS}{two}", tuple(digest for trial in arms[one] for digest in trial.item_digests)


def judges(plan: Plan, document: Document) -> Iterator[PlanError]:
    """Mistakes in ``judges``: no such target, nothing left to judge, counts below one, files that are not there."""
    for name, spec in plan.judges.items():
        at = ("judges", name)
        if not name.replace("-", "").replace("_", "").isalnum():
            yield document.error(at, "a judge's name is one word of letters, digits and -", on_key=True)
        if spec.target not in plan.targets:
            hint = nearest(spec.target, plan.targets)
            yield document.error((*at, "target"), f"no target of this plan is called {spec.target!r}", hint=hint)
            continue
        others = [target for target in plan.targets if spec.itself or target != spec.target]
        if len(others) < (1 if spec.mode == "rubric" else 2):
            what = "only itself" if spec.mode == "rubric" else "fewer than two other targets"
            hint = "itself: true   lets a judge judge its own answers; such verdicts flatter"
            yield document.error(at, f"there is {what} to judge", on_key=True, hint=hint)
        for count in ("repeats", "items"):
            if (value := getattr(spec, count)) is not None and value < 1:
                yield document.error((*at, count), f"must be at least 1, not {value}")
