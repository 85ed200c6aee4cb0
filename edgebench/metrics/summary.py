"""The summary: a run in numbers, and whether it may be believed (``verdict.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from edgebench.metrics import (
    energy,
    failures,
    harm,
    latency,
    memory,
    phases,
    plausible,
    quality,
    sample_size,
    verdict,
    worth,
)
from edgebench.metrics.device_cost import ABOVE_IDLE, MARGINAL
from edgebench.metrics.observed import generator, observe
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import METRICS, ArmSummary, Estimate, Run, Summary
from edgebench.stats import bootstrap, rates

FEW_ITEMS = 100  # below it, an accuracy interval is wider than ± 10 points
DRIFT = 1.25  # ratio of block medians from which blocks are said to differ


def summarise(run: Run, *, draws: int = 2000, table: Mapping[str, ArmColumns] | None = None) -> Summary:
    """A run in numbers: every metric of METRICS for every arm, present with its interval or absent with its reason."""
    table = columns(run) if table is None else table
    groups = max((arm.clusters for arm in table.values()), default=0)
    weights = bootstrap.cluster_draws(max(groups, 1), draws, generator(run, "summary"))
    reasons = tuple(verdict.invalid(run, table))
    items = len({record.item_digest for record in run.records})
    return Summary(
        run_id=run.id,
        arms=tuple(_arm(run, arm, weights) for arm in table.values()),
        items=items,
        verdict="INVALID" if reasons else "VALID",
        reasons=reasons,
        warnings=tuple(_warnings(run, table, items)),
        not_issued=not_issued(run),
        sample_size=sample_size.lines(table),
    )


def about_all(summary: Summary, run: Run, table: Mapping[str, ArmColumns]) -> Summary:
    """The summary of some arms of a run, with what must be said of all of it: whether it may be believed, what failed.

    ``table``: the columns of every arm of the run.
    """
    reasons = tuple(verdict.invalid(run, table))
    told = {arm.arm for arm in summary.arms}
    mine = {name: arm for name, arm in table.items() if name in told}
    others = [arm for name, arm in table.items() if name not in told]
    warnings = (*_warnings(run, mine, summary.items), *_lost_elsewhere(others))
    return replace(
        summary,
        verdict="INVALID" if reasons else "VALID",
        reasons=reasons,
        warnings=warnings,
        not_issued=not_issued(run),
    )


def _lost_elsewhere(arms: Iterable[ArmColumns]) -> Iterator[str]:
    """What failed in cells that no decision is made on, one line for each target."""
    by_target: dict[str, list[ArmColumns]] = {}
    for arm in arms:
        by_target.setdefault(arm.target, []).append(arm)
    for target, cells in by_target.items():
        if empty := [cell.arm for cell in cells if not cell.answered]:
            yield f"no request was answered in {', '.join(empty)}"
        failed, asked = (
            sum(count) for count in zip(*((cell.failed.sum(), len(cell.records)) for cell in cells), strict=True)
        )
        if failed:
            yield f"{target}: {failed:,} of {asked:,} requests of its other cells failed"


def _arm(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> ArmSummary:
    found = {
        "accuracy": quality.accuracy(run, arm, weights),
        "failure_rate": failures.failure_rate(arm, weights),
        "usd_per_1k": cost(arm, weights),
        "joules_per_request": energy.per_request(arm, weights),
        **latency.estimates(run, arm, weights),
        **memory.estimates(run, arm),
        **worth.estimates(run, arm, weights),
        **harm.estimates(run, arm, weights),
    }
    parts = phases.phases(arm)
    if arm.identity.placement == "stand-in":
        found, parts = (
            {name: replace(one, provenance="stand-in") for name, one in each.items()} for each in (found, parts)
        )
    return ArmSummary(
        arm=arm.arm,
        target=arm.target,
        prompting=arm.prompting,
        identity=arm.identity,
        requests=len(arm.records),
        answered=arm.answered,
        estimates={name: found[name] for name in METRICS},
        failures=failures.lost(arm),
        notices=failures.notices(arm),
        cost=arm.charges.cost,
        slices=quality.slices(run, arm, weights),
        memory=memory.by_phase(run, arm),
        scenarios=tuple(dict.fromkeys(trial.scenario for trial in arm.trials)),
        phases=parts,
    )


def cost(arm: ArmColumns, weights: bootstrap.Counts) -> Estimate:
    """Dollars per 1,000 requests."""
    charges, observed = arm.charges, observe(arm, "usd_per_1k")
    if charges.cost.why_absent is not None:
        return Estimate.absent(charges.cost.why_absent)
    if observed is None or (point := observed.point()) is None:
        return Estimate.absent("no request was priced whole")
    low, high = observed.interval(weights)
    method = f"{charges.method}, bootstrap over items"
    return Estimate(point, low, high, observed.n, method, provenance=charges.provenance, note=charges.note)


def not_issued(run: Run) -> Mapping[str, int]:
    """Reason → planned requests that have no record. Reasons are those of the last segment, the newest word on it."""
    missing = sum(len(trial.item_digests) for trial in run.trials) - len(run.records)
    if missing <= 0:
        return {}
    out: dict[str, int] = {}
    for segment in run.segments[-1:]:
        for reason, n in segment.not_issued.items():
            out[reason] = min(n, missing - sum(out.values()))
    rest = missing - sum(out.values())
    return {reason: n for reason, n in {**out, "not run yet": rest}.items() if n > 0}


# --------------------------------------------------------------------------------------------------- warnings


def _warnings(run: Run, table: Mapping[str, ArmColumns], items: int) -> Iterator[str]:
    bare = sorted({a.target for a in table.values() if any(p.name.endswith(ABOVE_IDLE) for p in a.charges.cost.parts)})
    if bare:
        yield f"{MARGINAL}: {', '.join(bare)}"
    stand_ins = sorted({arm.target for arm in table.values() if arm.identity.placement == "stand-in"})
    if stand_ins:
        yield f"stand-ins, not clouds: {', '.join(stand_ins)}; their latency, accuracy and cost are not an API's"
    what_ifs = sorted({arm.target for arm in table.values() if arm.identity.kind in ("fake", "recorded")})
    if what_ifs:
        yield f"not measured but made up or replayed: {', '.join(what_ifs)}"
    yield from verdict.warnings(run)
    left = not_issued(run)
    if left:
        told = ", ".join(f"{n} {reason}" for reason, n in left.items())
        yield f"unfinished: {sum(left.values())} planned requests have no record ({told})"
    if items < FEW_ITEMS:
        yield f"few items ({items}): accuracies are known to about ± {_half_width(items):.0f} points at best"
    if len({frozenset(np.unique(arm.item).tolist()) for arm in table.values()}) > 1:
        yield "not every arm has met the same items: only pairs of answers to the same item are compared"
    if caches := phases.mixed_caches(table.values()):
        yield caches
    for arm in table.values():
        yield from _arm_warnings(run, arm)


def _half_width(items: int) -> float:
    low, high = rates.wilson(items / 2, items) if items else (0.0, 1.0)
    return 50 * (high - low)


def _arm_warnings(run: Run, arm: ArmColumns) -> Iterator[str]:
    if not arm.records:
        yield f"{arm.arm}: no requests"
        return
    if arm.failed.all():
        yield f"{arm.arm}: no request was answered"
    elif arm.failed.any():
        yield (
            f"{arm.arm}: {int(arm.failed.sum())} of {len(arm.records)} requests failed; "
            "latency quantiles are of the answered ones"
        )
    scored = any(item.reference is not None for item in run.workload.items)
    if scored and (unjudged := int((np.isnan(arm.value) & ~arm.failed).sum())):
        yield f"{arm.arm}: {unjudged} answers are not judged; if they are merely not scored yet: edgebench score"
    if contradictions := failures.contradictions(arm):
        yield contradictions
    if arm.only_cold and not arm.failed.all():
        yield f"{arm.arm}: cold requests only; its latencies are not those of a steady state"
    if odd := plausible.implausible(run, arm):
        yield odd
    medians = [
        float(np.median(arm.latency_ms[of]))
        for block in np.unique(arm.block)
        if (of := (arm.block == block) & arm.steady & np.isfinite(arm.latency_ms)).sum() >= 5
    ]
    if len(medians) > 1 and max(medians) > DRIFT * min(medians) and _blocks_differ(arm):
        yield (
            f"{arm.arm}: median latency went from {min(medians):.3g} to {max(medians):.3g} ms between blocks; "
            "its intervals are wider for it, and more blocks would narrow them"
        )


def _blocks_differ(arm: ArmColumns) -> bool:
    """Kruskal and Wallis's test at p < .001: more than a different draw of items explains."""
    from scipy import stats

    keep = arm.steady & np.isfinite(arm.latency_ms)
    samples = [arm.latency_ms[keep & (arm.block == block)] for block in np.unique(arm.block[keep])]
    samples = [sample for sample in samples if len(sample)]
    pooled = np.concatenate(samples)
    return len(samples) > 1 and bool((pooled != pooled[0]).any()) and float(stats.kruskal(*samples).pvalue) < 0.001
