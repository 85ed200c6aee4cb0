"""``edgebench breakeven``: from how many requests a day a device costs less than an API, and a month of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from edgebench.cli.options import as_json, console, emit, grid, opened, store_option, text
from edgebench.cli.repricing import reprice_option
from edgebench.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from edgebench.records import ArmSummary, Breakeven, Conclusion, Run

USUAL = 1_000.0  # requests a day, where nobody says how many


@dataclass(frozen=True, slots=True)
class Pair:
    """A device and an API, at a volume; dollars are US dollars whatever is shown."""

    breakeven: Breakeven
    stand_in: bool  # the API's price is a stand-in's
    devices: int  # for the volume asked for
    device_usd_a_month: float
    hosted_usd_a_month: float
    sentence: str


@click.command("breakeven", short_help="From how many requests a day does a device cost less than an API?")
@click.argument("runs", nargs=-1)
@click.option("--device", metavar="ARM", help="Only this arm on a device (a target's name will do).")
@click.option("--hosted", metavar="ARM", help="Only this API or stand-in (a target's name will do).")
@click.option("--daily", type=click.FloatRange(min=0, min_open=True), default=USUAL, show_default=True, metavar="N",
              help="Requests a day for which a month is reckoned.")  # fmt: skip
@reprice_option
@store_option
@as_json
def command(
    runs: tuple[str, ...], device: str | None, hosted: str | None, daily: float, reprice: str | None,
    place: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Set every device of RUNS (default: the newest) against every API: break-even volume, and dollars a month.

    A device, one's own or rented, costs its days and an API its requests. What a device costs is told by its profile
    (`device: NAME` in the plan) and by `costs:`; what would change it:  edgebench report,  edgebench capacity.
    """
    from edgebench.cli.concluding import concluded, load_run

    with opened(place) as store:
        run = load_run(store, runs, reprice)
    conclusion = concluded(run)
    pairs = _pairs(conclusion, device, hosted, daily)
    if as_json:
        emit({"run": run.id, "requests_a_day": daily, "pairs": pairs, "missing": conclusion.monthly.missing,
              "costs": run.plan.costs})  # fmt: skip
    else:
        _print(run, conclusion, pairs, daily)


def _pairs(conclusion: Conclusion, device: str | None, hosted: str | None, daily: float) -> list[Pair]:
    """Those asked for.

    Raises
    ------
    UsageError: no such arm, or one without what a break-even needs, and what to add.
    """
    found = conclusion.monthly.breakevens
    devices, apis = {one.device for one in found}, {one.hosted for one in found}
    wanted = [_named(conclusion, device, devices, "device"), _named(conclusion, hosted, apis, "hosted")]
    if not found:
        raise _nothing(conclusion)
    return [_pair(conclusion, one, daily) for one in found if one.device in wanted[0] and one.hosted in wanted[1]]


def _named(conclusion: Conclusion, name: str | None, able: set[str], option: str) -> set[str]:
    if name is None:
        return able
    arms = {arm.arm: arm for arm in conclusion.summary.arms if name in (arm.arm, arm.target)}
    if not arms:
        known = conclusion.summary.arms
        hint = did_you_mean(name, [arm.target for arm in known], f"known: {', '.join(arm.arm for arm in known)}")
        raise UsageError(f"no arm is called {name!r}", hint=hint)
    if not arms.keys() & able:
        arm = next(iter(arms))
        raise UsageError(f"--{option} {name}: {_why_not(conclusion, arm, option)}", hint=_remedy(option))
    return arms.keys() & able


def _why_not(conclusion: Conclusion, arm: str, option: str) -> str:
    if (why := conclusion.monthly.missing.get(arm)) is not None:
        return f"it has no cost: {why}"
    if not conclusion.monthly.breakevens:
        return str(_nothing(conclusion))
    return "it is paid by the request" if option == "device" else "it is not paid by the request"


def _remedy(option: str) -> str:
    """What to type next."""
    if option == "device":
        return "device: pi-5-8gb in the plan, one of  edgebench profiles list devices"
    return "price: {provider: openai, model: gpt-4o-mini} at the target, or  edgebench prices"


def _nothing(conclusion: Conclusion) -> UsageError:
    """Why there is no pair at all."""
    running = conclusion.monthly.running
    device = any(one.most_a_day is not None for one in running)
    lacking = "hosted or stand-in arm has a price" if device else "arm on a device has a cost"
    why = "; ".join(f"{arm}: {why}" for arm, why in conclusion.monthly.missing.items())
    return UsageError(f"no {lacking}{f' ({why})' if why else ''}", hint=_remedy("hosted" if device else "device"))


def _pair(conclusion: Conclusion, found: Breakeven, daily: float) -> Pair:
    from edgebench.decide.breakeven import sentence
    from edgebench.decide.monthly import devices, usd_a_month

    running = {one.arm: one for one in conclusion.monthly.running}
    arms = {arm.arm: arm for arm in conclusion.summary.arms}
    return Pair(
        breakeven=found,
        stand_in=arms[found.hosted].identity.placement == "stand-in",
        devices=devices(running[found.device], daily),
        device_usd_a_month=usd_a_month(running[found.device], daily),
        hosted_usd_a_month=usd_a_month(running[found.hosted], daily),
        sentence=sentence(found, _told(arms[found.hosted])),
    )


def _told(arm: ArmSummary) -> str:
    """An API's name, and whose price a stand-in has."""
    if arm.identity.placement != "stand-in":
        return arm.arm
    model = arm.cost.source.get("model", "declared") if arm.cost is not None else "declared"
    return f"{arm.arm} (a stand-in, priced as {model})"


def _print(run: Run, conclusion: Conclusion, pairs: list[Pair], daily: float) -> None:
    from edgebench.decide.breakeven import volume_told
    from edgebench.decide.wording import dollars, money_told, number

    volume = f"at {number(daily)} a day"
    numeric = ("break-even a day", "one carries", "devices", f"device a month {volume}", "API a month")
    table = grid("device", "API", *numeric, right=numeric)
    for one in pairs:
        table.add_row(
            text(one.breakeven.device),
            text(f"{one.breakeven.hosted} △" if one.stand_in else one.breakeven.hosted),
            volume_told(one.breakeven),
            number(one.breakeven.most_a_day),
            str(one.devices),
            dollars(one.device_usd_a_month),
            dollars(one.hosted_usd_a_month),
        )
    out = console()
    out.print(table)
    for line in (*(one.sentence for one in pairs), *_remarks(run, conclusion, pairs, money_told(run.plan.costs))):
        out.print(text(line))


def _remarks(run: Run, conclusion: Conclusion, pairs: list[Pair], told: dict[str, str]) -> Iterator[str]:
    if any(one.stand_in for one in pairs):
        yield "△ stand-in: it plays the hosted part on this machine; its price is that of the model it is priced as"
    yield from (f"{name}: {words}" for name, words in told.items())
    yield from (f"left out: {arm}: {why}" for arm, why in conclusion.monthly.missing.items())
    if conclusion.summary.verdict == "INVALID":
        yield f"✗ INVALID: do not decide by these numbers: {conclusion.summary.reasons[0]}"
