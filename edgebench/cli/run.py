"""``edgebench run``: a plan is carried out, or goes on where it was interrupted; ends with the table and the page."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgebench.cli import INTERRUPTED
from edgebench.cli.options import (
    allow_code,
    as_json,
    emit,
    opened,
    permitted,
    say,
    set_option,
    settings_of,
    store_option,
    yes,
)
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.records import Plan, Run
    from edgebench.run.execute import Finished
    from edgebench.store.sql import SqlStore


@click.command("run", short_help="Carry out a plan, or resume it.")
@click.argument("plan", type=click.Path(path_type=Path))
@set_option
@click.option("--new", "fresh", is_flag=True, help="Begin anew even where an unfinished run could go on.")
@click.option("--aa", metavar="TARGET", help="Put TARGET against itself: is a difference seen where there is none?")
@click.option("--memory-limit", metavar="SIZE", help="Most memory each target that runs here may hold, e.g. 2GiB.")
@click.option("--no-certify", is_flag=True, help="Do not let the instrument measure its own error first (5 s).")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the page (default: reports/RUN.html).")
@click.option("--no-page", is_flag=True, help="Write no page; `edgebench report` can later.")
@click.option("--no-texts", is_flag=True, help="Leave every text of items and answers out of the page.")
@allow_code
@store_option
@yes
@as_json
def command(
    plan: Path,
    settings: tuple[str, ...],
    fresh: bool,
    aa: str | None,
    memory_limit: str | None,
    no_certify: bool,
    out: Path | None,
    no_page: bool,
    no_texts: bool,
    allow_code: bool,
    place: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Carry out PLAN (a file, or the name of a shipped plan), keep every answer, and write the report.

    Interrupted (Ctrl-C, power cut, budget), the same command goes on where it stopped and repeats nothing. A plan that
    grew (another prompting, perturbation, language, judge or scorer) asks only what is new; --new asks all of it.

    With --aa the plan becomes one target against itself: exit code 0 when no difference is found, 3 when one is
    (chance alone does that in at most one run of twenty), 4 when too few requests were answered to tell.
    """
    from edgebench.plan import against_itself, load_plan

    with permitted(allow_code):
        checked = load_plan(plan, set=settings_of(settings))
    checked = checked if aa is None else against_itself(checked, aa)
    checked = checked if memory_limit is None else limited(checked, memory_limit)
    with opened(place) as store, permitted(allow_code):
        finished = carry_out(checked, store, fresh=fresh, agreed=yes, certify=not no_certify)
        run = store.load(finished.run_id)
    return close(run, finished, out=out, page=not no_page, texts=not no_texts, as_json=as_json)


def limited(plan: Plan, memory_limit: str) -> Plan:
    """The plan with this memory limit for every target that loads a model file here; another experiment.

    Raises
    ------
    UsageError: it is no amount of memory, no control group can be made, or no target runs here.
    """
    from edgebench.plan.checks import runs_a_file
    from edgebench.targets.confine import demand

    demand(memory_limit)
    here = {name: replace(spec, memory_limit=memory_limit) for name, spec in plan.targets.items() if runs_a_file(spec)}
    if not here:
        raise UsageError("no target of this plan loads a model file here, so there is nothing to limit",
                         hint="leave out --memory-limit")  # fmt: skip
    return replace(plan, targets={**plan.targets, **here})


def close(run: Run, finished: Finished, *, out: Path | None, page: bool, texts: bool, as_json: bool) -> int:
    """Say how a start of a run ended: table and page, JSON, or how to go on. Returns the exit code.

    Raises
    ------
    NothingRan: the run is INVALID (its numbers were shown all the same).
    GateFailed, GateUndecided: a target against itself, and a difference was found, or nothing could be compared.
    """
    from edgebench.cli.concluding import concluded, demand_valid, tell, write_page
    from edgebench.decide.against_itself import demand_sameness, twins

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
    if twins(run.plan):
        demand_sameness(conclusion.comparisons)
    return 0


def carry_out(plan: Plan, store: SqlStore, *, fresh: bool, agreed: bool, certify: bool = True) -> Finished:
    """Ask about keys, then execute with one line of progress."""
    from edgebench.cli.confirm import confirm, resolve_keys
    from edgebench.cli.progress import Line
    from edgebench.load.scenarios import most_at_once
    from edgebench.plan import key_pairs
    from edgebench.run.execute import execute

    keys = resolve_keys(plan, os.environ)
    confirm(key_pairs(plan), yes=agreed)
    line = Line(users=most_at_once(plan.scenario))
    try:
        return execute(plan, store=store, keys=keys, fresh=fresh, progress=line, say=say, certify=certify)
    finally:
        line.end()
