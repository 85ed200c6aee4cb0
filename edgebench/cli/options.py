"""Options that several verbs share, and how results leave: a table for people or JSON for machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgebench import catalog
from edgebench.cli.failing import printable
from edgebench.errors import UsageError
from edgebench.records import canonical

if TYPE_CHECKING:
    from rich.console import Console

    from edgebench.store.sql import SqlStore

F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of a table.")
yes = click.option("--yes", is_flag=True, help="Agree beforehand, for machines.")
allow_code = click.option(
    "--allow-code",
    is_flag=True,
    help="Let code run: scorers of your own that the plan names, and programs that models wrote (confined).",
)


def store_option(command: F) -> F:
    """``--store``: a file or a database URL."""
    return click.option(
        "--store",
        "place",
        envvar="EDGEBENCH_STORE",
        metavar="FILE|URL",
        help="Where runs are kept (default: store.db in EDGEBENCH_HOME).",
    )(command)


def set_option(command: F) -> F:
    """``--set name=value``, as often as needed."""
    return click.option(
        "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a variable the plan declares."
    )(command)


def settings_of(pairs: tuple[str, ...]) -> dict[str, str]:
    """``("data=../x",)`` as a mapping."""
    out: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {pair}: is not NAME=VALUE", hint="--set data=../my-data")
        out[name.strip()] = value
    return out


def store_place(place: str | None) -> str:
    """The store asked for, or the person's own; its folder is made."""
    if place is not None:
        return place
    home = catalog.home()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"{home} cannot be made: {exc.strerror}", hint="set EDGEBENCH_HOME or --store") from exc
    return str(home / "store.db")


@contextmanager
def opened(place: str | None) -> Iterator[SqlStore]:
    """The store, closed at the end."""
    from edgebench.store import open_store

    store = open_store(store_place(place))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def permitted(allow_code: bool) -> Iterator[None]:
    """Code that a plan names or a model wrote may run inside, if the person said so."""
    from edgebench.workloads.permission import permitted as allowed

    with allowed(allow_code):
        yield


def emit(value: Any) -> None:
    """Print JSON to stdout."""
    plain = canonical(value)
    click.echo(json.dumps(plain, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    return canonical(value) if is_dataclass(value) else str(value)


def say(line: str) -> None:
    """One line of progress to stderr."""
    click.echo(printable(line), err=True)


def console(*, err: bool = False) -> Console:
    """A terminal that knows whether it is one, honours NO_COLOR, and takes no text for markup."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else 140
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width)


def text(value: object) -> Any:
    """A person's or a model's words as they are: no markup, no control character."""
    from rich.text import Text

    return Text(printable(str(value)).replace("\n", " "))


def grid(*columns: str, right: tuple[str, ...] = ()) -> Any:
    """An empty table in the house style; ``right`` names columns of numbers."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        numeric = column in right
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    return table
