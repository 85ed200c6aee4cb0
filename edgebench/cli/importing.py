"""``edgebench import``: runs made on other machines come home."""

from __future__ import annotations

from pathlib import Path

import click

from edgebench.cli.options import as_json, emit, opened, store_option


@click.command("import", short_help="Read bundles made on other machines.")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@store_option
@as_json
def command(bundles: tuple[Path, ...], place: str | None, as_json: bool) -> None:
    """Read BUNDLES into the store. Runs of the same items can then be reported together."""
    from edgebench.store.interchange import import_bundle

    with opened(place) as store:
        found = [import_bundle(store, bundle) for bundle in bundles]
    if as_json:
        emit({"runs": found})
    else:
        click.echo(
            f"imported: {', '.join(found)}. Next:  edgebench report {' '.join(found)} [another run of the same items]"
        )
