"""``edgebench fit``: the smallest memory limit within 5 % of full speed; will it run on a small board?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgebench.cli.options import as_json, console, emit, grid, say, set_option, settings_of, text
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.run.fitting import Fit, Point
    from edgebench.run.squeezing import Squeezed

MIB = 2**20


@click.command("fit", short_help="Find the least memory a local target needs.")
@click.argument("card", required=False)
@click.option("--plan", type=click.Path(path_type=Path), help="Fit a target of this plan, on the plan's own work.")
@click.option("--target", help="Which target of the plan (default: its only one).")
@click.option(
    "--within", type=click.FloatRange(1, 50), default=5.0, show_default=True, help="Per cent of speed that may be lost."
)
@set_option
@as_json
def command(
    card: str | None, plan: Path | None, target: str | None, within: float, settings: tuple[str, ...], as_json: bool
) -> int:
    """Find the smallest memory limit under which CARD (a model card) or a plan's target keeps its full speed.

    The model is started again and again under smaller and larger limits, each beside an unlimited start, until the
    answer is known to some 8 %. Takes a minute or a few; needs control groups (Linux).
    """
    import asyncio

    from edgebench.run.fitting import search
    from edgebench.run.squeezing import with_unit

    squeezed = chosen(card, plan, target, settings)

    async def found(ready: Squeezed) -> Fit:
        ready = await with_unit(ready)
        return await search(ready.parts.name, ready.start, unit=ready.unit, within=within / 100, told=say)

    with squeezed.own_files() as alone:
        fit = asyncio.run(found(alone))
    if as_json:
        emit({"fit": fit, "needed_bytes": fit.needed_bytes})
    else:
        tell(fit)
    return 0


def chosen(card: str | None, plan: Path | None, target: str | None, settings: tuple[str, ...]) -> Squeezed:
    """What is to be fitted.

    Raises
    ------
    UsageError: neither or both were named, no such target, or no control group can be made here.
    """
    from edgebench.run.squeezing import of_card, of_plan
    from edgebench.targets.confine import demand

    if (card is None) == (plan is None):
        raise UsageError("name either a model card or a plan", hint="edgebench fit smollm2-135m-q4_1")
    demand("1GiB")
    if plan is None:
        if target is not None:
            raise UsageError("--target belongs to --plan", hint="edgebench fit --plan plan.yaml --target NAME")
        return of_card(str(card))
    from edgebench.plan import load_plan
    from edgebench.plan.checks import runs_a_file

    checked = load_plan(plan, set=settings_of(settings))
    here = [name for name, spec in checked.targets.items() if runs_a_file(spec)]
    if target is None and len(here) != 1:
        hint = f"--target {' | '.join(here)}" if here else "edgebench models list"
        raise UsageError(f"{len(here)} targets of this plan load a model file here: say which", hint=hint)
    return of_plan(checked, target or here[0])


# --------------------------------------------------------------------------------------------------------- telling


def tell(fit: Fit) -> None:
    """Print the points tried, the answer with its bracket, and what it means for small boards."""
    out, free = console(), fit.unlimited
    out.print(
        text(
            f"{fit.target} without a limit: {fit.full_speed:,.4g} {fit.unit}, "
            f"peak {_mib(free.peak_bytes)} MiB, charged {_mib(free.charged_bytes)} MiB"
        )
    )
    numbers = ("limit", "speed", "95 %", "pairs", "peak", "anon/file", "hits", "refaults")
    table = grid(*numbers, "verdict", right=numbers)
    for point in fit.points:
        table.add_row(*_row(point))
    out.print(table)
    out.print(text(answer(fit)), style="bold")
    for line in means(fit):
        out.print(text(line))


def _row(point: Point) -> list[Any]:
    last = point.last
    ratio = "—" if point.ratio is None else f"{point.ratio:.1%}"
    known = point.low is not None and point.high is not None
    anon_file = "—" if last.anon_bytes is None else f"{_mib(last.anon_bytes)}/{_mib(last.file_bytes)}"
    why = f" ({last.failure})" if last.failure else ""
    return [
        f"{_mib(point.limit_bytes)} MiB",
        ratio,
        f"{point.low:.1%} … {point.high:.1%}" if known else "—",
        str(point.pairs),
        _mib(last.peak_bytes),
        anon_file,
        _count(last.limit_hits),
        _count(last.refaults),
        text(f"{point.verdict}{why}"),
    ]


def answer(fit: Fit) -> str:
    """One sentence: the limit, with its bracket."""
    share = f"{fit.within:.0%}"
    if fit.limit_bytes is None:
        return f"no limit that was tried could be shown to be within {share} of full speed: run it on a quieter machine"
    if fit.too_small_bytes is None:
        return (
            f"{_mib(fit.limit_bytes)} MiB are enough for full speed within {share}; less was not shown to be too small"
        )
    return (
        f"{_mib(fit.limit_bytes)} MiB: the smallest limit within {share} of full speed lies between "
        f"{_mib(fit.too_small_bytes)} and {_mib(fit.limit_bytes)} MiB"
    )


def means(fit: Fit) -> list[str]:
    """What it needs in all, and for which boards that is enough."""
    if fit.needed_bytes is None:
        return []
    beside = fit.unlimited.beside_bytes or 0.0
    lines = [
        f"needed in all: {_mib(fit.needed_bytes)} MiB ({_mib(beside)} of them libraries that other programs here "
        "had loaded already)"
    ]
    for board in fit.boards:
        verdict = f"fits, {_mib(board.spare_bytes)} MiB to spare" if board.fits else (
            f"does not fit, {_mib(-board.spare_bytes)} MiB are missing"
        )  # fmt: skip
        lines.append(f"{board.gib} GB board: {verdict}")
    lines.append(
        f"assumed: {_mib(fit.reserve_bytes)} MiB for the board's own system; what is said is of memory, not of the "
        "board's speed. A slower disk makes too little memory worse."
    )
    return lines


def _mib(size: float | None) -> str:
    return "—" if size is None else f"{size / MIB:,.0f}"


def _count(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f}"
