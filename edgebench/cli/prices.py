"""``edgebench prices``: what a model's tokens cost, by which list; and where two lists disagree."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from edgebench.cli.options import as_json, console, emit, grid, say, text
from edgebench.cli.repricing import moment_of
from edgebench.errors import UsageError
from edgebench.records import PriceTier

if TYPE_CHECKING:
    from edgebench.metrics.second_list import Compared
    from edgebench.records import Rate, RateCard

at_option = click.option("--at", "moment", metavar="DATE", help="A day or an hour, UTC (default: now).")


@click.group("prices", short_help="Show a model's rate card; compare price lists.")
def command() -> None:
    """Prices come from genai-prices (offline), your own files in EDGEBENCH_HOME/prices, and what a plan says."""


@command.command("show")
@click.argument("model")
@click.option("--provider", help="One provider (default: all that list the model).")
@at_option
@click.option("--tier", type=click.Choice(get_args(PriceTier)), default="standard", show_default=True)
@as_json
def show(model: str, provider: str | None, moment: str | None, tier: PriceTier, as_json: bool) -> None:
    """Show the rate card of MODEL: what matched, who says so, and what each kind of token costs."""
    when = _moment(moment)
    cards = _cards(model, provider, when, tier)
    if as_json:
        emit({"model": model, "at": when.strftime("%Y-%m-%dT%H:%MZ"), "tier": tier, "cards": cards})
        return
    out = console()
    columns = ("input", "output", "cached input", "reasoning", "a request")
    table = grid("provider", "matched", "list", "as of", *columns, right=columns)
    for card in cards:
        fee = f"{card.request_usd:f}" if card.request_usd else "—"
        rates = (_rate(card.input), _rate(card.output), _rate(card.cached), _rate(card.reasoning))
        table.add_row(text(card.provider), text(card.model), text(card.listed), text(card.as_of), *rates, fee)
    out.print(table)
    out.print("dollars per million tokens; — : cached input is charged as input, reasoning as output")
    for card in cards:
        for note in card.notes:
            out.print(text(f"{card.provider or card.model}: {note}"))


@command.command("diff")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--provider", help="Whose the models are that name no provider.")
@at_option
@as_json
def diff(file: Path, provider: str | None, moment: str | None, as_json: bool) -> None:
    """List every model on which FILE and genai-prices differ by more than 0.5 %.

    FILE is a price file of yours (YAML) or litellm's model_prices_and_context_window.json.
    """
    from edgebench.metrics.second_list import compared, read_second

    quotes = read_second(file)
    say(f"comparing {len(quotes):,} models …")
    found = list(compared(quotes, _moment(moment), provider))
    counts = {verdict: Counter(one.verdict for one in found)[verdict] for verdict in ("agree", "disagree", "absent")}
    if as_json:
        emit({"file": str(file), "counts": counts, "models": [one for one in found if one.verdict != "agree"]})
        return
    _print(found)
    told = f"{counts['agree']:,} agree, {counts['disagree']:,} disagree, {counts['absent']:,} are not in genai-prices"
    console().print(told)


def _print(found: list[Compared]) -> None:
    numbers = ("this file", "genai-prices", "difference")
    table = grid("model", "provider", "matched", "rate", *numbers, right=numbers)
    for one in found:
        for each in one.differences:
            share = "—" if each.share is None else f"{float(each.share):+.1%}"
            names = (text(one.model), text(one.provider), text(one.matched))
            table.add_row(*names, each.rate, f"{each.quoted.normalize():f}", f"{each.listed.normalize():f}", share)
    if table.row_count:
        console().print(table)


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "—"
    return "".join([f"{rate.usd:f}", *(f" ({step.usd:f} > {step.above:,})" for step in rate.steps)])


def _moment(said: str | None) -> datetime:
    """Now, that moment, or the beginning of that day."""
    if said is None:
        return datetime.now(UTC)
    moment = moment_of(said)
    if moment is None:
        raise UsageError(f"--at {said}: is not a date", hint="--at 2026-05-01 or --at 2026-05-01T20:00")
    return moment if isinstance(moment, datetime) else _midnight(moment)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _cards(model: str, provider: str | None, when: datetime, tier: PriceTier) -> list[RateCard]:
    """The cards of a person's own shelf, then those of every provider that lists the model.

    Raises
    ------
    UsageError: nobody lists it.
    """
    from edgebench.metrics.listed import HOUR_S, listed, near_models, providers_of
    from edgebench.metrics.price_files import card_of, shelf_prices
    from edgebench.metrics.prices import at
    from edgebench.metrics.rate_cards import Unpriced

    own = shelf_prices().get(model)
    cards = [] if own is None else [card_of(model, own, own["file"], tier)]
    why = f"no provider lists {model!r}"
    for owner in [provider] if provider else providers_of(model):
        at_s = when.timestamp()
        card = at(listed(model, owner, None, tier, int(at_s // HOUR_S)), at_s)
        if isinstance(card, Unpriced):
            why = card.why
        else:
            cards.append(card)
    if not cards:
        near = near_models(model)
        raise UsageError(
            why, hint=f"did you mean {' or '.join(near)}?" if near else "put it into a price file of yours"
        )
    return cards
