"""Failures: what ended without an answer, by kind, and what went wrong without costing one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from edgebench.metrics.observed import observe
from edgebench.metrics.quality import rate
from edgebench.metrics.table import ArmColumns
from edgebench.records import Estimate
from edgebench.stats import bootstrap


def failure_rate(arm: ArmColumns, weights: bootstrap.Counts) -> Estimate:
    """Share of requests that ended without an answer."""
    observed = observe(arm, "failure_rate")
    if observed is None or not observed.n:
        return Estimate.absent("no requests")
    return rate(observed, weights)


def lost(arm: ArmColumns) -> Mapping[str, int]:
    """Kind → requests that ended without an answer, the commonest first."""
    kinds = Counter(
        record.failure.kind if record.failure else "empty"
        for record, failed in zip(arm.records, arm.failed, strict=True)
        if failed
    )
    return dict(sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0])))


def contradictions(arm: ArmColumns) -> str | None:
    """A warning where a provider's token counts cannot be true of what was received; both counts, summed."""
    calls = [call for record in arm.records for call in record.calls if "usage_contradicts" in call.notices]
    if not calls:
        return None
    theirs = sum(call.usage.output_tokens or 0 for call in calls if call.usage)
    ours = sum(call.client_output_tokens or 0 for call in calls)
    return (
        f"{arm.arm}: the provider's token counts contradict what was received in {len(calls)} answers: it says "
        f"{theirs:,} output tokens, the client counts {ours:,} in log-probabilities or chunks; costs and tokens a "
        "second are by the provider's"
    )


def notices(arm: ArmColumns) -> Mapping[str, int]:
    """Kind → calls that kept their answer, or were tried again: notices, and failures a retry made good."""
    kinds: Counter[str] = Counter()
    for record, failed in zip(arm.records, arm.failed, strict=True):
        for call in record.calls:
            kinds.update(call.notices)
            if call.failure is not None and not failed:
                kinds[f"{call.failure.kind} (retried)"] += 1
    return dict(sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0])))
