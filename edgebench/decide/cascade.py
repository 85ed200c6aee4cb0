"""Cascades: what an edge and a cloud arm of a run would do together, by replay of their answers to the same items.

Order of the questions: does the edge's confidence tell its right answers from its wrong ones (AUROC); what does every
threshold give (the curve); which would one choose, and how good is that honestly (``crossfitting``); does it beat its
two parts; and what can be promised of the edge's own answers (``stats.learn_then_test``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edgebench.decide.cascade_words import judged, verdict
from edgebench.decide.cascading import Pairs, paired
from edgebench.decide.mixtures import Mixtures, provenance
from edgebench.decide.replaying import Replay
from edgebench.decide.resampled import Resampled
from edgebench.metrics.table import ArmColumns, Flags, Floats
from edgebench.records import ArmSummary, Cascade, CascadePolicy, Estimate, Guarantee
from edgebench.routing import Rule
from edgebench.stats import learn_then_test, rates
from edgebench.stats.auroc import auroc

MOST = 6  # pairs replayed by themselves
ALPHA, DELTA = 0.10, 0.05  # of the guarantee
MADE_UP = ("fake", "recorded")


def cascades(resampled: Resampled) -> tuple[Cascade, ...]:
    """The most useful pairs of a run, sequential; and of the first one what hedging would do.

    Edges are arms on the device (or made up) that say how sure they are; a cloud is any other arm that is not on the
    device, or is more often right. First come clouds that are not on the device; then those pairs whose oracle (which
    defers exactly what the cloud alone gets right) is right most often, and of equals the one that defers least.
    """
    names = useful_pairs(resampled)
    weights = resampled.weights.astype(float)
    found = [replayed(resampled, *pair, weights=weights) for pair in names[:MOST]]
    if found and found[0].why_absent is None:
        found += [
            replayed(resampled, *names[0], "hedged", after_s, weights=weights)
            for after_s in hedges(resampled, names[0][0])
        ]
    return tuple(found)


def hedges(resampled: Resampled, edge: str) -> tuple[float, ...]:
    """How long a hedged cascade may wait for its edge, in seconds: not at all, or its p50, or its p90."""
    known = (resampled.point(edge, metric) for metric in ("p50_ms", "p90_ms"))
    return (0.0, *(value / 1000 for value in known if value is not None))


def replayed(
    resampled: Resampled,
    edge: str,
    cloud: str,
    policy: CascadePolicy = "sequential",
    hedge_after_s: float = 0.0,
    *,
    alpha: float = ALPHA,
    delta: float = DELTA,
    weights: Floats | None = None,
) -> Cascade:
    """Two arms of a run as a cascade; ``why_absent`` where there is nothing to replay.

    ``alpha``, ``delta``: of the guarantee. ``weights``: the draws of ``resampled`` as floats, where they are at hand.
    """
    pairs = paired(resampled.table[edge], resampled.table[cloud])
    hedged = hedge_after_s if policy == "hedged" else None
    blank = Cascade(edge, cloud, policy, pairs.signal(), Estimate.absent("no answers"), (), None, None,
                    hedge_after_s=hedged, pairs=pairs.n)  # fmt: skip
    if (why := _why_absent(pairs)) is not None:
        return replace(blank, auroc=Estimate.absent(why), why_absent=why)
    drawn = resampled.weights.astype(float) if weights is None else weights
    work = Replay(Mixtures(resampled, pairs, drawn), Rule(policy, hedge_after_s=hedge_after_s))
    found = replace(
        blank,
        auroc=_signal(pairs),
        points=work.points(),
        best=work.best(),
        optimism=work.optimism(),
        guarantees=tuple(_guarantees(resampled, pairs, alpha, delta)),
        on_front=work.on_front(),
        gain=work.gain(),
    )
    return replace(found, verdict=verdict(found, *work.parts(), within=work.within()))


def _why_absent(pairs: Pairs) -> str | None:
    names = f"{pairs.edge.arm} and {pairs.cloud.arm}"
    if not pairs.n:
        return f"{names} answered no item in common"
    if not np.isfinite(pairs.confidence).any():
        return f"{pairs.edge.arm} does not say how sure it is"
    return None if pairs.judged.any() else f"no item has judged answers of both {names}"


# ------------------------------------------------------------------------------------------------------- which pairs


def useful_pairs(resampled: Resampled) -> list[tuple[str, str]]:
    """(edge, cloud), the most useful first; where no edge says how sure it is, one pair all the same, to say so."""
    arms = [arm for arm in resampled.summary.arms if arm.answered and arm.identity.kind != "cascade"]
    sure = {arm.arm for arm in arms if _says(resampled.table[arm.arm])}
    able = [(edge, cloud) for edge in arms for cloud in arms if _may(edge, cloud)]
    chosen = [(edge, cloud) for edge, cloud in able if edge.arm in sure] or able[:1]
    order = {
        (edge.arm, cloud.arm): (cloud.identity.placement == "device", *_oracle(resampled, edge.arm, cloud.arm))
        for edge, cloud in chosen
    }
    return sorted(order, key=lambda pair: order[pair])


def _says(arm: ArmColumns) -> bool:
    return any(record.answer is not None and record.answer.confidence is not None for record in arm.records)


def _may(edge: ArmSummary, cloud: ArmSummary) -> bool:
    """Whether a pair is worth a look."""
    local = edge.identity.placement == "device" or edge.identity.kind in MADE_UP
    if not local or edge.arm == cloud.arm:
        return False
    right = [arm.estimates["accuracy"].value or 0.0 for arm in (edge, cloud)]
    return right[1] > right[0] or (edge.identity.placement == "device" and cloud.identity.placement != "device")


def _oracle(resampled: Resampled, edge: str, cloud: str) -> tuple[float, float]:
    """What the best imaginable signal would give: (− accuracy in whole points, share deferred)."""
    pairs = paired(resampled.table[edge], resampled.table[cloud])
    if not pairs.judged.any():
        return 0.0, 1.0
    mine, theirs = (value[pairs.judged] for value in pairs.of("value"))
    return -round(float(np.maximum(mine, theirs).mean()), 2), float((theirs > mine).mean())


# ------------------------------------------------------------------------------------------------------- the signal


def _signal(pairs: Pairs) -> Estimate:
    """Does the edge's confidence tell its right answers from its wrong ones? In words too (``note``)."""
    of = pairs.judged & np.isfinite(pairs.confidence)
    right = pairs.of("value")[0][of] >= 1.0
    if right.all() or not right.any():
        return Estimate.absent(f"the edge's {len(right)} answers are all {'right' if right.any() else 'wrong'}")
    value, low, high = auroc(pairs.confidence[of], right, pairs.member[of])
    silent = int((~np.isfinite(pairs.confidence) & ~pairs.failed[0]).sum())
    note = judged(low, high) + (
        f"; {silent} answers came without a confidence and are always deferred" if silent else ""
    )
    return Estimate(value, low, high, len(right), "Mann–Whitney, DeLong's interval", note=note,
                    provenance=provenance(pairs.edge))  # fmt: skip


def _guarantees(resampled: Resampled, pairs: Pairs, alpha: float, delta: float) -> Iterator[Guarantee]:
    """Of all requests, and of each stakes class."""
    _, first = np.unique(pairs.member, return_index=True)  # one answer a cluster: the test needs independent ones
    of = first[pairs.judged[first]]
    items = resampled.run.workload.items
    places = pairs.edge.item[pairs.at[0][of]].tolist()
    stakes = [items[place].stakes if place < len(items) else None for place in places]
    score, wrong = pairs.confidence[of], pairs.of("value")[0][of] < 1.0
    yield _guarantee(score, wrong, None, alpha, delta)
    for each in sorted({one for one in stakes if one is not None}):
        mine = np.array([one == each for one in stakes], dtype=bool)
        yield _guarantee(score[mine], wrong[mine], each, alpha, delta)


def _guarantee(score: Floats, wrong: Flags, stakes: int | None, alpha: float, delta: float) -> Guarantee:
    n, able = len(score), int(np.isfinite(score).sum())
    found = learn_then_test.lowest_threshold(score, wrong, alpha=alpha, delta=delta)
    if found is None:
        needed = learn_then_test.needed(alpha, delta)
        surest = np.argsort(-score, kind="stable")[: max(needed, n // 5)]
        why = (
            f"of the {len(surest)} answers it is surest of {int(wrong[surest].sum())} are wrong: too many to promise it"
        )
        if able < needed:
            why = f"too few: even without a mistake it takes {needed} answers, and {able} are here"
        return Guarantee(alpha, delta, stakes, None, Estimate.absent(why, n=n), n, why)
    kept = int((score >= found).sum())
    served = Estimate(kept / n, *rates.wilson(kept, n), n, "share at least so sure, Wilson")
    mistakes = int(wrong[score >= found].sum())
    return Guarantee(alpha, delta, stakes, found, served, n, f"of {kept} such answers {mistakes} were wrong")
