"""The front: arms that no other arm beats on every objective at once, with the probability that each is one of them.

An arm dominates another when it is no worse on all objectives and better on one; exact ties keep both. Membership is
recomputed in every joint bootstrap draw, so what the arms share (a hard batch of items) moves them together.
An objective that some arm lacks is dropped for all, and said: an unknown price is neither good nor bad. A latency
quantile that some arm's n cannot support gives way to the next one down that all have, and that is said too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgebench.decide.gates import demand_metric
from edgebench.decide.resampled import Resampled, resample
from edgebench.metrics.table import Floats
from edgebench.records import METRICS, ArmSummary, Front, FrontMember, Run, Summary

ON, DOMINATED = 0.95, 0.05
LADDERS = (("p99_ms", "p95_ms", "p90_ms", "p50_ms"), ("ttft_p95_ms", "ttft_p50_ms"), ("gap_p95_ms", "gap_p50_ms"),
           ("service_p95_ms", "service_p50_ms"))  # fmt: skip


def front(
    run: Run,
    summary: Summary,
    objectives: Sequence[str] | None = None,
    *,
    draws: int = 2000,
    resampled: Resampled | None = None,
) -> Front:
    """The front over ``objectives`` (default: the plan's)."""
    resampled = resample(run, summary, draws=draws) if resampled is None else resampled
    arms = [arm for arm in summary.arms if arm.answered]
    excluded = {arm.arm: "no request was answered" for arm in summary.arms if not arm.answered}
    kept, dropped = _objectives(arms, run.plan.objectives if objectives is None else objectives)
    method = (
        f"joint bootstrap over items, {resampled.count} draws, stretched for arms whose blocks differ or whose "
        f"requests remember the one before; on the front from {ON:.0%}, dominated up to "
        f"{DOMINATED:.0%}; what is not made of requests (memory, load) is not resampled"
    )
    if not kept:
        excluded |= {arm.arm: "no objective is known for all arms" for arm in arms}
        return Front((), dropped, (), excluded, resampled.count, method)
    names = [arm.arm for arm in arms]
    beaten = dominance(losses(resampled, names, kept))
    members = tuple(_member(names, beaten, place) for place in range(len(names)))
    return Front(kept, dropped, members, excluded, resampled.count, method)


def losses(resampled: Resampled, arms: Sequence[str], objectives: Sequence[str]) -> Floats:
    """Shape (draws, arms, objectives), lower is better; a draw that holds nothing of an arm is its worst."""
    out = np.empty((resampled.count, len(arms), len(objectives)))
    for i, arm in enumerate(arms):
        for k, metric in enumerate(objectives):
            drawn = resampled.draws(arm, metric)
            out[:, i, k] = drawn if METRICS[metric].better == "low" else -drawn
    return np.nan_to_num(out, nan=np.inf, posinf=np.inf, neginf=-np.inf)


def dominance(loss: Floats) -> NDArray[np.bool_]:
    """``[d, i, j]``: in draw d, arm j dominates arm i. From losses of shape (draws, arms, objectives)."""
    draws, arms, _ = loss.shape
    beaten = np.zeros((draws, arms, arms), dtype=bool)
    for i in range(arms):
        mine = loss[:, i : i + 1, :]
        beaten[:, i, :] = (loss <= mine).all(axis=2) & (loss < mine).any(axis=2)
    return beaten


def _member(names: Sequence[str], beaten: NDArray[np.bool_], place: int) -> FrontMember:
    probability = float(1 - beaten[:, place, :].any(axis=1).mean())
    by = beaten[:, place, :].sum(axis=0)
    if probability >= ON:
        return FrontMember(names[place], probability, "on")
    verdict = "dominated" if probability <= DOMINATED else "ambiguous"
    return FrontMember(names[place], probability, verdict, names[int(by.argmax())])  # type: ignore[arg-type]


def _objectives(arms: Sequence[ArmSummary], asked: Iterable[str]) -> tuple[tuple[str, ...], Mapping[str, str]]:
    kept: list[str] = []
    dropped: dict[str, str] = {}
    for metric in asked:
        demand_metric(metric)
        lacking = [arm for arm in arms if arm.estimates[metric].value is None]
        if not lacking:
            kept.append(metric)
            continue
        why = "; ".join(f"{_label(arm)}: {arm.estimates[metric].why_absent}" for arm in lacking)
        instead = _instead(arms, metric)
        dropped[metric] = f"{why}; judged by {METRICS[instead].label} instead" if instead else why
        kept += [instead] if instead else []
    return tuple(dict.fromkeys(kept)), dropped


def _label(arm: ArmSummary) -> str:
    return f"{arm.arm} (a stand-in)" if arm.identity.placement == "stand-in" else arm.arm


def _instead(arms: Sequence[ArmSummary], metric: str) -> str | None:
    """The next lower quantile of the same time that every arm has."""
    for ladder in LADDERS:
        if metric in ladder:
            lower = ladder[ladder.index(metric) + 1 :]
            return next((m for m in lower if all(a.estimates[m].value is not None for a in arms)), None)
    return None
