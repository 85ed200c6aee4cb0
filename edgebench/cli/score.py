"""``edgebench score``: stored answers are judged anew; labels given by hand are taken in."""

from __future__ import annotations

from pathlib import Path

import click

from edgebench.cli.options import allow_code, as_json, emit, opened, permitted, store_option
from edgebench.errors import UsageError


@click.command("score", short_help="Judge stored answers anew; nothing is asked again.")
@click.argument("runs", nargs=-1)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Labels given by hand, a file with columns record (or item and arm), mode, and value (1 right, 0 wrong).",
)
@click.option("--by", metavar="NAME", help="Who gave the labels (default: the file's name).")
@allow_code
@store_option
@as_json
def command(
    runs: tuple[str, ...], labels: Path | None, by: str | None, allow_code: bool, place: str | None, as_json: bool
) -> None:
    """Score RUNS (default: the newest) with the scorers as they are now. Earlier scores stay."""
    from edgebench.run.labelling import read_labels
    from edgebench.run.scoring import score_run

    if by is not None and labels is None:
        raise UsageError("--by says who gave labels, and there are none", hint="--labels labels.csv")
    with opened(place) as store, permitted(allow_code):
        found = list(dict.fromkeys(store.resolve(run) for run in (runs or ("last",))))
        if labels is not None and len(found) != 1:
            raise UsageError("labels are of one run", hint="edgebench score RUN --labels labels.csv")
        added = {run_id: score_run(store, run_id) for run_id in found}
        if labels is not None:
            given = read_labels(labels, store.load(found[0]), by=by)
            store.add_scores(found[0], given)
            added[found[0]] += len(given)
    if as_json:
        emit(added)
        return
    for run_id, count in added.items():
        click.echo(
            f"{run_id}: {count:,} new scores" if count else f"{run_id}: every answer is scored by the present versions"
        )
