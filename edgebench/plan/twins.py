"""A target against itself: the plan that asks whether the instrument sees a difference where there is none (A/A)."""

from __future__ import annotations

from dataclasses import replace

from edgebench.errors import UsageError
from edgebench.plan.document import nearest
from edgebench.records import Plan

LONGEST = 80  # characters of a target's name, as plans are checked
AGAIN = " again"
JUDGED = ("accuracy", "p50_ms", "p95_ms")


def against_itself(plan: Plan, name: str) -> Plan:
    """The plan with one target as two arms of the same spec, which meet the same items in the same shuffled blocks.

    Everything else (workload, promptings, load, blocks, prices, device, budget) stays. What is compared is accuracy,
    p50 and p95. A name that would grow too long is cut.

    Raises
    ------
    UsageError: the plan names no such target (with the nearest name).
    """
    spec = plan.targets[named(plan, name)]
    twin = f"{name[: LONGEST - len(AGAIN)].rstrip()}{AGAIN}"
    question = f"Does the instrument see a difference where there is none? ({name} against itself)"
    return replace(plan, question=question, targets={name: spec, twin: spec}, objectives=JUDGED)


def named(plan: Plan, name: str) -> str:
    """``name``, when it is one of the plan's targets.

    Raises
    ------
    UsageError: it is not.
    """
    if name in plan.targets:
        return name
    known = f"targets: {', '.join(plan.targets)}"
    raise UsageError(f"the plan names no target {name!r}", hint=nearest(name, plan.targets) or known)
