"""What answers are worth, as a plan declares it: the mistakes of ``utilities``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from edgebench.errors import PlanError
from edgebench.plan.document import Document, Loc
from edgebench.records import Plan

Found = Iterator[PlanError]

STAKES = ("1", "2", "3", "4")  # harmless … severe
WORTH = ("loss_per_1k", "value_per_1k")  # metrics that are made of utilities
NEEDED = "utilities: {right_usd: 0.02, wrong_usd: 0.40, second_usd: 0.001}"
EXAMPLE = 'wrong_usd: {"1": 0.01, "2": 0.05, "3": 0.25, "4": 1.00}'


def utilities(plan: Plan, document: Document) -> Found:
    """What is wrong with what answers are said to be worth."""
    spec, at = plan.utilities, ("utilities",)
    if spec is None:
        yield from _needed(plan, document)
        return
    if not document.value["utilities"]:
        yield document.error(at, "says nothing", on_key=True, hint="give right_usd, wrong_usd or second_usd")
    for name in ("right_usd", "second_usd"):
        yield from _amount(getattr(spec, name), (*at, name), document)
    if not isinstance(spec.wrong_usd, Mapping):
        yield from _amount(spec.wrong_usd, (*at, "wrong_usd"), document)
        return
    if not spec.wrong_usd:
        yield document.error((*at, "wrong_usd"), "names no stakes", hint=EXAMPLE)
    for key, value in spec.wrong_usd.items():
        inside = (*at, "wrong_usd", key)
        if key not in STAKES:
            message = f"stakes go from 1 (harmless) to 4 (severe), so {key!r} is none of them"
            yield document.error(inside, message, on_key=True, hint=EXAMPLE)
        else:
            yield from _amount(value, inside, document)


def _needed(plan: Plan, document: Document) -> Found:
    """What is named and cannot be known without them."""
    named: list[tuple[Loc, str]] = [(("objectives", index), name) for index, name in enumerate(plan.objectives)]
    named += [(("slos", index, "metric"), slo.metric) for index, slo in enumerate(plan.slos)]
    for loc, name in named:
        if name in WORTH:
            yield document.error(loc, f"{name} needs to know what answers are worth", hint=NEEDED)


def _amount(value: float, at: Loc, document: Document) -> Found:
    if not 0 <= value < math.inf:
        yield document.error(at, f"must be at least 0, not {value:g}", hint="dollars; what is lost is told by its name")
