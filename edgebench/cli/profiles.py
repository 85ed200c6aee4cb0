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
    """What is shipped and what you keep in EDGEBENCH_HOME: plans, devices, networks, prices, traces, curves."""


@command.command("list")
@click.argument("shelf", type=click.Choice(SHELVES), required=False)
@as_json
def list_(shelf: str | None, as_json: bool) -> None:
    """List the profiles, or those on one SHELF."""
    found = {name: _names(name) for name in ([shelf] if shelf else SHELVES)}
    if as_json:
        emit(found)
        return
    if shelf == "devices":
        console().print(_devices(found[shelf]))
        click.echo("one of them:  edgebench profiles show NAME --sources      in a plan:  device: NAME", err=True)
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
    out, units = console(), _units(shelf)
    out.print(text(content.get("title", name)), style="bold")
    if notes := content.get("notes"):
        out.print(text(notes))
    table = grid("figure", "value", *(("unit",) if units else ()), *(SOURCED if sources else ()), right=("value",))
    for key, value, note in _figures(content, ""):
        unit = (text(units.get(key, "")),) if units else ()
        table.add_row(
            text(key), text(value), *unit, *((text(note.get(part, "")) for part in SOURCED) if sources else ())
        )
    out.print(table)
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
        elif key not in ("title", "notes"):
            rows.append((f"{prefix}{key}", str(value), {}))
    return rows


def _units(shelf: str) -> dict[str, str]:
    """Figure → unit, where the shelf has a list of them."""
    from edgebench.metrics import devices
    from edgebench.targets import network

    known = {"devices": devices.FIGURES, "networks": network.FIGURES}
    return {name: unit for name, (unit, _, _) in known.get(shelf, {}).items()}


def _devices(names: list[str]) -> Any:
    """Devices by what they cost and draw; a file of one's own that cannot be read says why."""
    from edgebench.errors import DataError
    from edgebench.metrics.devices import load_device

    table = grid("name", "", "costs", "W idle", "W busy", "GiB", right=("costs", "W idle", "W busy", "GiB"))
    for name in names:
        try:
            one = load_device(name)
        except DataError as exc:
            table.add_row(text(name), text(exc), "—", "—", "—", "—")
            continue
        rent = one.get("usd_per_hour")
        costs = f"${one['price_usd']}" if rent is None else f"${rent} an hour"
        table.add_row(
            text(name), text(one.title), costs, *(_shown(one.get(key)) for key in ("idle_w", "active_w", "ram_gib"))
        )
    return table


def _shown(value: object) -> str:
    return "—" if value is None else str(value)


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
