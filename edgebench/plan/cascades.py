"""Targets made of two others: the mistakes of a cascade's parts, its threshold and its policy."""

from __future__ import annotations

from collections.abc import Iterator

from edgebench.errors import PlanError
from edgebench.plan.document import Document, Loc, nearest
from edgebench.records import Plan, TargetSpec

Found = Iterator[PlanError]

KIND = "cascade"
PARTS = ("edge", "cloud")
#: What belongs to a cascade's parts, not to itself.
NOT_ITS_OWN = ("model", "pid", "price", "device", "placement")
READS = {
    "sequential": ("threshold",),
    "hedged": ("threshold", "hedge_after_s"),
    "overflow": ("threshold", "most_waiting"),
}
CHOOSE = "edgebench cascade shows which is best on a stored run"


def cascades(plan: Plan, document: Document) -> Found:
    """What is wrong with the cascades of a plan."""
    for name, spec in plan.targets.items():
        if spec.kind == KIND:
            at = ("targets", name)
            yield from _parts(plan, spec, (*at, "options"), document)
            yield from _numbers(spec, (*at, "options"), document)
            for key in NOT_ITS_OWN:
                if getattr(spec, key) is not None:
                    message = "a cascade is made of two other targets, and this belongs to them"
                    yield document.error((*at, key), message, on_key=True)


def _parts(plan: Plan, spec: TargetSpec, at: Loc, document: Document) -> Found:
    named = {part: spec.options.get(part) for part in PARTS}
    for part, name in named.items():
        if not isinstance(name, str):
            continue  # missing, or of the wrong type: said already
        if name not in plan.targets:
            others = [other for other, each in plan.targets.items() if each.kind != KIND]
            yield document.error((*at, part), f"no target is called {name!r}", hint=nearest(name, others))
        elif plan.targets[name].kind == KIND:
            yield document.error((*at, part), f"{name!r} is a cascade itself", hint="name a plain target")
    edge, cloud = named.values()
    if isinstance(edge, str) and edge == cloud:
        yield document.error((*at, "cloud"), "edge and cloud are the same target")
    if isinstance(edge, str) and edge in plan.targets and _silent(plan.targets[edge]):
        message = f"{edge!r} does not say how sure it is, so every request would be deferred"
        yield document.error((*at, "edge"), message, hint="give that target   options: {logprobs: true}")


def _silent(spec: TargetSpec) -> bool:
    """Whether a target is known to give no confidence."""
    options = spec.options
    if spec.kind == "openai":
        return options.get("api") != "embeddings" and options.get("logprobs") is not True
    return options.get("confidence") in (False, "none")


def _numbers(spec: TargetSpec, at: Loc, document: Document) -> Found:
    options = spec.options
    policy = options.get("policy", "sequential")
    reads = READS.get(policy, ()) if isinstance(policy, str) else ()
    if not reads:
        return
    if options.get("threshold") is None and policy != "overflow":
        yield document.error(
            at, "the option 'threshold' is missing: how sure the edge must be", on_key=True, hint=CHOOSE
        )
    for name in ("threshold", "hedge_after_s", "most_waiting"):
        value = options.get(name)
        if value is None:
            continue
        if name not in reads:
            hint = f"it reads {', '.join(reads)}"
            yield document.error((*at, name), f"does nothing in the policy {policy!r}", on_key=True, hint=hint)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield from _amount(name, value, (*at, name), document)


def _amount(name: str, value: float, at: Loc, document: Document) -> Found:
    if name == "threshold" and not 0 <= value <= 1:
        yield document.error(at, f"a confidence lies between 0 and 1, not at {value:g}", hint=CHOOSE)
    elif name == "hedge_after_s" and not value >= 0:
        yield document.error(at, f"must be at least 0, not {value:g}")
    elif name == "most_waiting" and value < 1:
        yield document.error(at, f"must be at least 1, not {value:g}")
