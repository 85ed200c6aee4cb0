"""``edgebench score``: stored answers are judged anew."""

from __future__ import annotations

import click

from edgebench.cli.options import as_json, emit, opened, store_option


@click.command("score", short_help="Judge stored answers anew; nothing is asked again.")
@click.argument("runs", nargs=-1)
@store_option
@as_json
def command(runs: tuple[str, ...], place: str | None, as_json: bool) -> None:
    """Score RUNS (default: the newest) with the scorers as they are now. Earlier scores stay."""
    from edgebench.run.scoring import score_run

    with opened(place) as store:
        found = [store.resolve(run) for run in (runs or ("last",))]
        added = {run_id: score_run(store, run_id) for run_id in dict.fromkeys(found)}
    if as_json:
        emit(added)
        return
    for run_id, count in added.items():
        click.echo(
            f"{run_id}: {count:,} new scores" if count else f"{run_id}: every answer is scored by the present versions"
        )
