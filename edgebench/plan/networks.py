"""Through which network a target is reached, and the mistakes of ``network`` and ``shaper``."""

from __future__ import annotations

from collections.abc import Iterator

from edgebench import catalog
from edgebench.errors import PlanError, UsageError
from edgebench.plan.document import Document, Loc, nearest
from edgebench.records import Plan, TargetSpec
from edgebench.targets import netem
from edgebench.targets.network import NONE, load_network, shape_of

Found = Iterator[PlanError]

REACHED = "openai"  # the kind that speaks to an endpoint, a hosted one or a stand-in


def network_of(plan: Plan, target: str) -> str | None:
    """The network profile a target is reached through: its own, else the plan's; None when it is reached as it is."""
    spec = plan.targets[target]
    named = spec.network if spec.network is not None else plan.network
    return None if named == NONE or cannot(spec) else named


def cannot(spec: TargetSpec) -> str | None:
    """Why a target can be reached through no network; None when it can."""
    if spec.kind != REACHED:
        return f"a target of kind {spec.kind!r} is reached through no network: only those of kind {REACHED!r} are"
    if spec.placement == "device":
        return "its placement is 'device': what runs on the device is reached through no network"
    return None


def network(plan: Plan, document: Document) -> Found:
    """What is wrong with the networks of a plan."""
    if plan.network is not None:
        yield from _named(plan, plan.network, ("network",), document)
        if plan.network != NONE and all(cannot(spec) for spec in plan.targets.values()):
            hint = f"leave it out, or name a target of kind {REACHED}"
            yield document.error(("network",), "no target of this plan is reached through one", on_key=True, hint=hint)
    for name, spec in plan.targets.items():
        yield from _of_target(plan, name, spec, document)
    if plan.shaper == "netem" and not any(network_of(plan, name) for name in plan.targets):
        yield document.error(("shaper",), "there is no network to shape", on_key=True, hint="network: slow-4g")
    if plan.seeds.network < 0:
        yield document.error(("seeds", "network"), f"must be at least 0, not {plan.seeds.network}")


def _of_target(plan: Plan, name: str, spec: TargetSpec, document: Document) -> Found:
    at: Loc = ("targets", name, "network")
    if spec.network is not None and spec.network != NONE:
        if why := cannot(spec):
            yield document.error(at, why, on_key=True, hint="leave it out")
            return
        yield from _named(plan, spec.network, at, document)
    if network_of(plan, name) is not None and spec.options.get("proxy"):
        where: Loc = ("targets", name, "options", "proxy")
        message = "a proxy of one's own and a network profile cannot both be on the way"
        yield document.error(where, message, on_key=True, hint="network: none   (for this target), or no proxy")


def _named(plan: Plan, name: str, at: Loc, document: Document) -> Found:
    """Whether there is a profile of that name, whether it is sound, and whether the plan's shaper can do it."""
    if name == NONE:
        return
    known = catalog.names("networks")
    if name not in known:
        yield document.error(at, f"no network profile is called {name!r}", hint=nearest(name, [*known, NONE]))
        return
    try:
        shape = shape_of(load_network(name))
    except UsageError as exc:
        yield document.error(at, str(exc), hint=exc.hint)
        return
    if plan.shaper == "netem" and (why := netem.cannot(shape)):
        yield document.error(at, f"{name!r} cannot be shaped by netem: {why}", hint=netem.INSTEAD)
