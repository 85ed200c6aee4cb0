"""Checks of what a plan varies: perturbations, languages, corners; and of what a wrong answer weighs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from edgebench.errors import PlanError
from edgebench.plan.document import Document
from edgebench.plan.naming import bare, field_of, named
from edgebench.records import Plan, redirects

Found = Iterator[PlanError]
LEVELS = ("1", "2", "3", "4")
ARROW = "->"


def varying(plan: Plan, document: Document) -> Found:
    """Mistakes in ``vary`` and in the languages of the workload."""
    vary = plan.vary
    if vary is not None:
        for index, one in enumerate(vary.perturbations):
            yield from named(one, "perturbations", ("vary", "perturbations", index), document)
            if one in vary.perturbations[:index]:
                yield document.error(("vary", "perturbations", index), "is named twice")
        for index, one in enumerate(vary.field):
            yield from named(one, "perturbations", ("vary", "field", index), document)
        yield from _unkept(plan, document)
        if vary.lab is not None:
            yield from named(vary.lab, "promptings", ("vary", "lab"), document)
            if not field_of(vary):
                hint = "perturbations: [keyboard-typos, chat-spelling]"
                yield document.error(("vary", "lab"), "there is a lab and no field to hold against it", hint=hint)
    workload = plan.workload
    for index, language in enumerate(workload.languages):
        at = ("workload", "languages", index)
        if language == workload.language or language in workload.languages[:index]:
            yield document.error(at, f"the language {language!r} is named twice")


def _unkept(plan: Plan, document: Document) -> Found:
    """What is right of a changed message is worked out from its words, again whenever it is scored."""
    given = (("perturbations", plan.vary.perturbations), ("field", plan.vary.field)) if plan.vary else ()
    for key, specs in given if plan.texts != "keep" else ():
        for index, one in enumerate(specs):
            if redirects(bare(one)):
                what = (
                    f"{bare(one)} changes what is right, as only the messages tell, and texts: {plan.texts} keeps none"
                )
                yield document.error(("vary", key, index), what, hint="texts: keep")


def stakes(plan: Plan, document: Document) -> Found:
    """Mistakes in ``stakes`` and ``confident``."""
    for level, weight in plan.stakes.weights.items():
        at = ("stakes", "weights", level)
        if level not in LEVELS:
            yield document.error(at, f"stakes are 1 to 4, not {level!r}", on_key=True)
        elif not (math.isfinite(weight) and weight >= 0):
            yield document.error(at, f"must be 0 or more, not {weight:g}")
    if missing := [level for level in LEVELS if level not in plan.stakes.weights]:
        hint = 'weights: {"1": 1, "2": 3, "3": 10, "4": 30}'
        yield document.error(("stakes", "weights"), f"nothing is said of stakes {', '.join(missing)}", hint=hint)
    for pair, graver in plan.stakes.pairs.items():
        at = ("stakes", "pairs", pair)
        if ARROW not in pair or not all(part.strip() for part in pair.split(ARROW, 1)):
            hint = '"refund -> cancel order": 4'
            yield document.error(at, "a pair is a reference and a wrong answer", on_key=True, hint=hint)
        if str(graver) not in LEVELS:
            yield document.error(at, f"stakes are 1 to 4, not {graver}")
    if not 0 < plan.confident <= 1:
        yield document.error(("confident",), f"is a confidence above 0 and at most 1, not {plan.confident:g}")
