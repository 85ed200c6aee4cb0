"""When requests are sent, and when it is enough: the mistakes of ``scenario`` and ``stop``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from edgebench.errors import PlanError, UsageError
from edgebench.load import arrivals
from edgebench.plan.document import Document, nearest
from edgebench.records import METRICS, Plan, ScenarioSpec

Found = Iterator[PlanError]

FASTEST = 100_000.0  # requests a second: more than any client sends

#: What each kind reads beside its name.
READS: dict[str, tuple[str, ...]] = {
    "closed": ("users",),
    "single-stream": (),
    "batches": ("users",),
    "multi-stream": ("users",),
    "all-at-once": ("max_in_flight",),
    "offline": ("max_in_flight",),
    "constant": ("rate", "max_in_flight"),
    "poisson": ("rate", "max_in_flight"),
    "server": ("rate", "max_in_flight"),
    "gamma": ("rate", "cv", "max_in_flight"),
    "ramp": ("rate", "to_rate", "max_in_flight"),
    "trace": ("trace", "speed", "rate", "max_in_flight"),
}
#: What each kind cannot do without.
NEEDS = {kind: tuple(name for name in ("rate", "to_rate", "trace") if name in reads) for kind, reads in READS.items()}
NEEDS["trace"] = ("trace",)
EXAMPLES = {"rate": "rate: 20   (requests a second)", "to_rate": "to_rate: 50", "trace": "trace: office-day"}

#: Metrics that come without an interval: one worst case, or what is read once.
WITHOUT_INTERVAL = frozenset({"gap_max_ms", "peak_mib", "anon_mib", "file_mib", "load_growth_mib"})


def scenario(plan: Plan, document: Document) -> Found:
    """What is wrong with how requests arrive."""
    spec, at = plan.scenario, ("scenario",)
    written = document.value.get("scenario")
    given = [name for name in written if name != "kind"] if isinstance(written, dict) else []
    for name in given:
        if name not in READS[spec.kind]:
            why = f"{name!r} does nothing in the scenario {spec.kind!r}"
            hint = f"it reads {', '.join(READS[spec.kind])}" if READS[spec.kind] else "it has no options"
            yield document.error((*at, name), why, on_key=True, hint=hint)
    for name in NEEDS[spec.kind]:
        if getattr(spec, name) is None:
            yield document.error(at, f"the scenario {spec.kind!r} needs {name!r}", on_key=True, hint=EXAMPLES[name])
    if spec.kind == "batches" and spec.users == 1:
        hint = "users: 8   (requests at once)"
        yield document.error(at, "batches of one are a closed loop: say how many", on_key=True, hint=hint)
    if {"speed", "rate"} <= set(given):
        yield document.error((*at, "speed"), "the trace is scaled to 'rate' already", on_key=True, hint="give one")
    yield from _amounts(spec, document)
    if spec.kind == "trace" and spec.trace is not None:
        yield from _trace(plan, spec.trace, document)


def _amounts(spec: ScenarioSpec, document: Document) -> Found:
    for name in ("rate", "to_rate", "cv", "speed"):
        value = getattr(spec, name)
        if value is None:
            continue
        most = FASTEST if name in ("rate", "to_rate") else math.inf
        if not 0 < value < math.inf or value > most:
            limit = f"above 0 and at most {most:g}" if most < math.inf else "above 0"
            yield document.error(("scenario", name), f"must be {limit}, not {value:g}")
    if spec.max_in_flight < 1:
        yield document.error(("scenario", "max_in_flight"), f"must be at least 1, not {spec.max_in_flight}")


def _trace(plan: Plan, name: str, document: Document) -> Found:
    """The trace is read: what is wrong with it is better known before a run than in it."""
    try:
        seconds = arrivals.read_trace(arrivals.trace_file(name, Path(plan.folder)))
        arrivals.trace(seconds, 1)
    except UsageError as exc:
        yield document.error(("scenario", "trace"), str(exc), hint=exc.hint)


def stop(plan: Plan, document: Document) -> Found:
    """What is wrong with the rule that ends a run early."""
    spec, at = plan.stop, ("stop",)
    if spec is None:
        return
    if spec.requests is None and spec.seconds is None and spec.within is None:
        yield document.error(at, "says nothing", on_key=True, hint="give requests, seconds or within")
    for name in ("requests", "seconds"):
        value = getattr(spec, name)
        if value is not None and not 0 < value < math.inf:
            yield document.error((*at, name), f"must be above 0, not {value:g}")
    if spec.within is not None and not 0 < spec.within < 1:
        hint = f"within: {spec.within / 100:g}" if 1 <= spec.within < 100 else "within: 0.05"
        yield document.error((*at, "within"), f"is a share between 0 and 1, not {spec.within:g}", hint=hint)
    if spec.metric not in METRICS:
        near = nearest(spec.metric, METRICS)
        yield document.error((*at, "metric"), f"no metric is called {spec.metric!r}", hint=near)
    elif spec.metric in WITHOUT_INTERVAL:
        yield document.error((*at, "metric"), f"{spec.metric} has no interval whose width could be looked at")
    if max((one.repeats or plan.repeats for one in plan.targets.values()), default=plan.repeats) < 2:
        hint = "repeats: 10   (the most passes over the items)"
        yield document.error(at, "is judged between passes, and there is only one", on_key=True, hint=hint)
