"""``edgebench report``: the page of a run, and its conclusion in the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from edgebench.cli.options import as_json, emit, opened, store_option
from edgebench.cli.repricing import reprice_option


@click.command("report", short_help="Write a run's page and show its conclusion.")
@click.argument("runs", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the page (default: reports/RUN.html).")
@click.option("--no-texts", is_flag=True, help="Leave every text of items and answers out of the page.")
@reprice_option
@store_option
@as_json
def command(
    runs: tuple[str, ...], out: Path | None, no_texts: bool, reprice: str | None, place: str | None, as_json: bool
) -> None:
    """Write the page of RUNS (default: the newest). Several runs of the same items become one report.

    A page at other prices (--reprice) is another file: the page at the run's own prices stays.
    """
    from edgebench.cli.concluding import PAGES, concluded, load_run, tell, write_page

    with opened(place) as store:
        run = load_run(store, runs, reprice)
    if reprice is not None:
        out = out or PAGES / f"{run.id}-repriced.html"
    if as_json:
        conclusion = concluded(run)
        path = write_page(run, conclusion, out, texts=not no_texts)
        emit({"run": run.id, "page": str(path), "notes": run.notes, "conclusion": conclusion})
    else:
        tell(run, out=out, texts=not no_texts)
