"""``edgebench frontier``: which arms no other beats on every objective at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from edgebench.cli.options import as_json, console, emit, opened, store_option, text
from edgebench.cli.repricing import reprice_option
from edgebench.cli.utilities import split, utility_option, with_utilities
from edgebench.records import METRICS, canonical

if TYPE_CHECKING:
    from edgebench.metrics.worth import Exchange
    from edgebench.records import Conclusion, Run

WORTH = ("loss_per_1k", "value_per_1k")


@click.command("frontier", short_help="Show which targets no other beats on every objective.")
@click.argument("runs", nargs=-1)
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    metavar="METRIC",
    help="Instead of the plan's objectives; as many as wanted, the weightiest first.",
)
@utility_option
@reprice_option
@store_option
@as_json
def command(
    runs: tuple[str, ...],
    objectives: tuple[str, ...],
    utilities: tuple[str, ...],
    reprice: str | None,
    place: str | None,
    as_json: bool,
) -> None:
    """Show the Pareto front of RUNS (default: the newest) with each arm's probability of belonging to it.

    Objectives are accuracy, loss_per_1k or value_per_1k (with utilities), p50_ms, p95_ms, p99_ms, ttft_p50_ms,
    peak_mib, usd_per_1k, joules_per_request, or any other metric. Next: edgebench compare A B.
    """
    from edgebench.cli.concluding import concluded, load_run
    from edgebench.cli.table import print_front
    from edgebench.decide.changes import in_words
    from edgebench.decide.gates import demand_metric
    from edgebench.decide.wording import shown_in
    from edgebench.metrics.worth import exchange

    runs, words = split(runs, utilities)
    for name in objectives:
        demand_metric(name)
    with opened(place) as store:
        run = load_run(store, runs, reprice)
    run = with_utilities(run, words)
    if objectives:
        run = replace(run, plan=replace(run.plan, objectives=tuple(dict.fromkeys(objectives))))
    conclusion = concluded(run)
    worth = run.plan.utilities
    rate = None if worth is None else exchange(worth, run.workload.items)
    if as_json:
        emit(_whole(run, conclusion, rate))
        return
    with shown_in(run.plan.costs):
        print_front(conclusion, (*conclusion.front.objectives, *_shown(conclusion)))
        if rate is not None:
            console().print(text(in_words(rate)))


def _shown(conclusion: Conclusion) -> list[str]:
    """What answers are worth, where it is known and no objective already."""
    arms, kept = conclusion.summary.arms, conclusion.front.objectives
    return [name for name in WORTH if name not in kept and any(arm.estimates[name].value is not None for arm in arms)]


def _whole(run: Run, conclusion: Conclusion, rate: Exchange | None) -> dict[str, Any]:
    """The front, and all that it is made of."""
    front = conclusion.front
    metrics = (*front.objectives, *front.dropped, *_shown(conclusion))
    return {
        **canonical(front),
        "run": run.id,
        "verdict": conclusion.summary.verdict,
        "on_front_by_estimates": _by_estimates(conclusion),
        "arms": {
            arm.arm: {name: arm.estimates[name] for name in dict.fromkeys(metrics)} for arm in conclusion.summary.arms
        },
        "utilities": run.plan.utilities,
        "exchange": rate,
        "recommended": conclusion.advice.arm,
    }


def _by_estimates(conclusion: Conclusion) -> list[str]:
    """The arms on the front of the bare numbers, without their doubt."""
    import numpy as np

    from edgebench.stats.pareto import pareto_indices

    members = {member.arm for member in conclusion.front.members}
    arms = [arm for arm in conclusion.summary.arms if arm.arm in members]
    signs = [1.0 if METRICS[name].better == "low" else -1.0 for name in conclusion.front.objectives]
    if not arms or not signs:
        return []
    rows = [
        [
            sign * (arm.estimates[name].value or 0.0)
            for sign, name in zip(signs, conclusion.front.objectives, strict=True)
        ]
        for arm in arms
    ]
    return [arms[place].arm for place in pareto_indices(np.array(rows))]
