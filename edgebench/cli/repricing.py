"""``--reprice DATE|FILE``: a run concluded at other prices than those it was made at. What is stored stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgebench import catalog
from edgebench.cli.options import say
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.metrics.prices import PriceBook
    from edgebench.records import Run

F = TypeVar("F", bound=Callable[..., Any])
HINT = "--reprice 2026-05-01, --reprice 2026-05-01T20:00 or --reprice prices.yaml"


def reprice_option(command: F) -> F:
    """``--reprice``: a day, an hour, or a price file."""
    return click.option(
        "--reprice",
        metavar="DATE|FILE",
        help="Conclude at the list prices of that day or hour (UTC), or at a price file's; nothing stored is changed.",
    )(command)


def repriced(run: Run, wish: str | None) -> Run:
    """The run with the rates of another day or file in place of those frozen with it, and a note that says so.

    A day keeps each call's hour, for prices that depend on it. Figures and files of the plan stay in force under a
    date; under a file, models it does not name keep the price they had.

    Raises
    ------
    UsageError: neither a date nor a price file.
    DataError: a price file that cannot be understood.
    """
    if wish is None:
        return run
    from edgebench.metrics.freezing import frozen_rates

    book, words = _book(run, wish)
    note = f"repriced {words}; the stored run keeps the prices it was made at"
    say(note)
    return replace(run, rates=frozen_rates(run, book), notes=(*run.notes, note))


def _book(run: Run, wish: str) -> tuple[PriceBook, str]:
    from edgebench.metrics.prices import load_prices, read_prices

    moment = moment_of(wish)
    if moment is not None:
        hour = isinstance(moment, datetime)
        told = moment.strftime("%Y-%m-%dT%H:%MZ") if hour else f"{moment}, each call at its own hour of the day"
        return replace(load_prices(run.plan), moment=moment), f"as of {told}"
    file = Path(wish)
    if not file.is_file():
        try:
            file = catalog.path("prices", wish)
        except UsageError as exc:
            raise UsageError(f"--reprice {wish}: is neither a date nor a price file", hint=HINT) from exc
    entries = read_prices(file)
    as_of = " … ".join(sorted({entry["as_of"] for entry in entries.values()}))
    return replace(
        load_prices(run.plan, run.rates), above=entries, above_name=file.name
    ), f"by {file.name}, as of {as_of}"


def moment_of(wish: str) -> date | datetime | None:
    """A day or a moment (UTC, unless it says otherwise); None: this is no date."""
    try:
        return date.fromisoformat(wish)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(wish)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
