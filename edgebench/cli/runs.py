"""``edgebench runs``: what the store holds."""

from __future__ import annotations

import sys

import click

from edgebench.cli.options import as_json, console, emit, grid, opened, store_option, text, yes
from edgebench.errors import UsageError


@click.group("runs", short_help="List, show or delete stored runs.")
def command() -> None:
    """Runs in the store. RUN is a run's id, the beginning of one, or "last"."""


@command.command("list")
@store_option
@as_json
def list_(place: str | None, as_json: bool) -> None:
    """List the runs, newest first."""
    with opened(place) as store:
        rows = store.runs()
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("no run is stored yet:  edgebench demo   or   edgebench run PLAN")
        return
    table = grid("run", "begun", "records", "failed", "state", "question", right=("records", "failed"))
    for row in rows:
        state = "imported" if row["imported"] else "complete" if row["finished"] else "unfinished"
        counts = (f"{row['records']:,}", f"{row['failures']:,}")
        table.add_row(row["id"], text(row["created_at"]), *counts, state, text(row["question"]))
    console().print(table)


@command.command("show")
@click.argument("run", default="last")
@store_option
@as_json
def show(run: str, place: str | None, as_json: bool) -> None:
    """Show one run: arms, segments, machine, versions."""
    with opened(place) as store:
        found = store.resolve(run)
        row = next(row for row in store.runs() if row["id"] == found)
        whole = store.load(found)
    if as_json:
        emit(
            {
                **row,
                "plan": whole.plan,
                "segments": whole.segments,
                "identities": whole.identities,
                "notes": whole.notes,
            }
        )
        return
    out = console()
    out.print(text(row["question"]), style="bold")
    out.print(text(f"run {found} · begun {row['created_at']} · {row['records']:,} records, {row['failures']:,} failed"))
    table = grid("arm", "what answers", "where")
    for arm, target in dict.fromkeys((trial.arm, trial.target) for trial in whole.trials):
        identity = whole.identities.get(target)
        what = f"{identity.model} {identity.engine} {identity.engine_version}" if identity else "never opened"
        table.add_row(
            text(arm), text(what.strip()), text(f"{identity.placement}: {identity.device}" if identity else "—")
        )
    out.print(table)
    for segment in whole.segments:
        ended = segment.ended_why or "still running, or killed"
        out.print(text(f"segment {segment.number}: begun {segment.started_at}, {ended}"))
        for why, count in segment.not_issued.items():
            out.print(text(f"  not asked: {count} ({why})"))


@command.command("delete")
@click.argument("runs", nargs=-1, required=True)
@store_option
@yes
@as_json
def delete(runs: tuple[str, ...], place: str | None, yes: bool, as_json: bool) -> None:
    """Delete runs with all their texts. This cannot be undone."""
    with opened(place) as store:
        found = list(dict.fromkeys(store.resolve(run) for run in runs))
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(f"deleting {', '.join(found)} cannot be undone", hint="add --yes to agree")
            click.confirm(f"Delete {', '.join(found)} for good?", abort=True, err=True)
        for run_id in found:
            store.delete(run_id)
    if as_json:
        emit({"deleted": found})
    else:
        click.echo(f"deleted: {', '.join(found)}")
