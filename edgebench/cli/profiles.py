"""``edgebench profiles``: plans, devices, prices and whatever else lies on the shelves."""

from __future__ import annotations

from typing import Any, cast, get_args

import click

from edgebench import catalog
from edgebench.cli.options import as_json, console, emit, grid, text
from edgebench.errors import UsageError

SHELVES = tuple(shelf for shelf in get_args(catalog.Shelf) if shelf != "models")


@click.group("profiles", short_help="List or show plans, devices, prices and other profiles.")
def command() -> None:
    """What is shipped and what you keep beside it in EDGEBENCH_HOME: plans, devices, networks, prices, traces."""


@command.command("list")
@click.argument("shelf", type=click.Choice(SHELVES), required=False)
@as_json
def list_(shelf: str | None, as_json: bool) -> None:
    """List the profiles, or those on one SHELF."""
    found = {name: _names(name) for name in ([shelf] if shelf else SHELVES)}
    if as_json:
        emit(found)
        return
    table = grid("shelf", "name", "")
    for name, entries in found.items():
        for entry in entries:
            table.add_row(name, text(entry), text(_title(name, entry)))
    console().print(table)


@command.command("show")
@click.argument("name")
@click.option("--sources", is_flag=True, help="Who says so, and when, beside each figure.")
@as_json
def show(name: str, sources: bool, as_json: bool) -> None:
    """Show a profile; with --sources where each of its figures comes from."""
    shelf = next((shelf for shelf in SHELVES if name in _names(shelf)), None)
    if shelf is None:
        known = [entry for each in SHELVES for entry in _names(each)]
        raise UsageError(f"no profile is called {name!r}", hint=f"known: {', '.join(known)}")
    file = catalog.path(cast(catalog.Shelf, shelf), name)
    if shelf == "plans":
        if as_json:
            emit({"shelf": shelf, "name": name, "text": file.read_text(encoding="utf-8")})
        else:
            click.echo(file.read_text(encoding="utf-8"), nl=False)
        return
    content = catalog.read(cast(catalog.Shelf, shelf), name)
    if as_json:
        emit({"shelf": shelf, "name": name, "content": content})
        return
    console().print(text(content.get("title", name)), style="bold")
    table = grid("figure", "value", *(("kind", "source", "date") if sources else ()))
    for key, value, note in _figures(content, ""):
        table.add_row(text(key), text(value), *((text(note.get(part, "")) for part in SOURCED) if sources else ()))
    console().print(table)
    if not sources and "figures" in content:
        click.echo("who says so:  add --sources", err=True)


SOURCED = ("kind", "source", "date")


def _figures(content: Any, prefix: str) -> list[tuple[str, str, dict[str, Any]]]:
    rows: list[tuple[str, str, dict[str, Any]]] = []
    for key, value in content.items():
        if isinstance(value, dict) and "value" in value:
            rows.append((f"{prefix}{key}", str(value["value"]), value))
        elif isinstance(value, dict):
            rows += _figures(value, f"{prefix}{key}." if key != "figures" else prefix)
        elif key != "title":
            rows.append((f"{prefix}{key}", str(value), {}))
    return rows


def _names(shelf: str) -> list[str]:
    try:
        return catalog.names(cast(catalog.Shelf, shelf))
    except FileNotFoundError:  # a shelf that ships nothing yet
        return []


def _title(shelf: str, name: str) -> str:
    if shelf == "plans":
        lines = catalog.path("plans", name).read_text(encoding="utf-8").splitlines()
        question = next((line for line in lines if line.startswith("question:")), "")
        return question.removeprefix("question:").strip()
    return str(catalog.read(cast(catalog.Shelf, shelf), name).get("title", ""))
