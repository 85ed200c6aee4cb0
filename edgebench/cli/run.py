"""``edgebench run``: a plan is carried out, or goes on where it was interrupted; ends with the table and the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgebench.cli import INTERRUPTED
from edgebench.cli.options import as_json, emit, opened, say, set_option, settings_of, store_option, yes

if TYPE_CHECKING:
    from edgebench.records import Plan, Run
    from edgebench.run.execute import Finished
    from edgebench.store.sql import SqlStore


@click.command("run", short_help="Carry out a plan, or resume it.")
@click.argument("plan", type=click.Path(path_type=Path))
@set_option
@click.option("--new", "fresh", is_flag=True, help="Begin anew even where an unfinished run could go on.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the page (default: reports/RUN.html).")
@click.option("--no-page", is_flag=True, help="Write no page; `edgebench report` can later.")
@click.option("--no-texts", is_flag=True, help="Leave every text of items and answers out of the page.")
@store_option
@yes
@as_json
def command(
    plan: Path,
    settings: tuple[str, ...],
    fresh: bool,
    out: Path | None,
    no_page: bool,
    no_texts: bool,
    place: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Carry out PLAN (a file, or the name of a shipped plan), keep every answer, and write the report.

    Interrupted (Ctrl-C, power cut, budget), the same command goes on where it stopped and repeats nothing.
    """
    from edgebench.plan import load_plan

    checked = load_plan(plan, set=settings_of(settings))
    with opened(place) as store:
        finished = carry_out(checked, store, fresh=fresh, agreed=yes)
        run = store.load(finished.run_id)
    return close(run, finished, out=out, page=not no_page, texts=not no_texts, as_json=as_json)


def close(run: Run, finished: Finished, *, out: Path | None, page: bool, texts: bool, as_json: bool) -> int:
    """Say how a start of a run ended: table and page, JSON, or how to go on. Returns the exit code.

    Raises
    ------
    NothingRan: the run is INVALID (its numbers were shown all the same).
    """
    from edgebench.cli.concluding import concluded, demand_valid, tell, write_page

    if finished.why == "interrupted":
        say(f"interrupted: {finished.issued} answers are kept; the same command goes on from there")
        return INTERRUPTED
    if as_json:
        conclusion = concluded(run)
        path = write_page(run, conclusion, out, texts=texts) if page else None
        emit({"run": run.id, "ended": finished.why, "page": path and str(path), "conclusion": conclusion})
    else:
        conclusion = tell(run, out=out, texts=texts, page=page)
    demand_valid(conclusion)
    return 0


def carry_out(plan: Plan, store: SqlStore, *, fresh: bool, agreed: bool) -> Finished:
    """Ask about keys, then execute with one line of progress."""
    from edgebench.cli.confirm import confirm, resolve_keys
    from edgebench.cli.progress import Line
    from edgebench.plan import key_pairs
    from edgebench.run.execute import execute

    keys = resolve_keys(plan, os.environ)
    confirm(key_pairs(plan), yes=agreed)
    line = Line(users=plan.scenario.users)
    try:
        return execute(plan, store=store, keys=keys, fresh=fresh, progress=line, say=say)
    finally:
        line.end()
