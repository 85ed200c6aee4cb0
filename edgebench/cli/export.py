"""``edgebench export``: a run leaves the store as JSONL, CSV or a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from edgebench.cli.options import as_json, emit, opened, store_option
from edgebench.errors import UsageError

ENDINGS = {"jsonl": ".jsonl", "csv": ".csv", "bundle": ".edgebench.zip"}


@click.command("export", short_help="Write a run as JSONL, CSV or a bundle.")
@click.argument("run", default="last")
@click.option("--format", "kind", type=click.Choice(sorted(ENDINGS)), default="bundle", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write it (default: the run's id, here).")
@store_option
@as_json
def command(run: str, kind: str, out: Path | None, place: str | None, as_json: bool) -> None:
    """Write RUN (default: the newest) to a file.

    jsonl: every record whole. csv: one row a record, safe to open in a spreadsheet. bundle: all of the run, for
    "edgebench import" on another machine. Texts leave as the plan's texts policy kept them.
    """
    from edgebench.store import interchange

    with opened(place) as store:
        found = store.resolve(run)
        path = out or Path(f"{found}{ENDINGS[kind]}")
        if path.exists():
            raise UsageError(f"{path} is there already and stays as it is", hint="--out another-name")
        if kind == "bundle":
            interchange.export_bundle(store, found, path)
        else:
            write = interchange.export_csv if kind == "csv" else interchange.export_jsonl
            write(store.load(found), path)
    if as_json:
        emit({"run": found, "file": str(path), "format": kind, "bytes": path.stat().st_size})
    else:
        click.echo(f"{path} is written: {path.stat().st_size:,} bytes")
