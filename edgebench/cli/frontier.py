"""``edgebench frontier``: which arms no other beats on every objective at once."""

from __future__ import annotations

from dataclasses import replace

import click

from edgebench.cli.options import as_json, emit, opened, store_option


@click.command("frontier", short_help="Show which targets no other beats on every objective.")
@click.argument("runs", nargs=-1)
@click.option("--objective", "objectives", multiple=True, metavar="METRIC", help="Instead of the plan's objectives.")
@store_option
@as_json
def command(runs: tuple[str, ...], objectives: tuple[str, ...], place: str | None, as_json: bool) -> None:
    """Show the Pareto front of RUNS (default: the newest) with each arm's probability of belonging to it."""
    from edgebench.cli.compare import demand_metric
    from edgebench.cli.concluding import concluded, load_run
    from edgebench.cli.table import print_front

    with opened(place) as store:
        run = load_run(store, runs)
    if objectives:
        for name in objectives:
            demand_metric(name)
        run = replace(run, plan=replace(run.plan, objectives=tuple(dict.fromkeys(objectives))))
    conclusion = concluded(run)
    if as_json:
        emit(conclusion.front)
    else:
        print_front(conclusion)
