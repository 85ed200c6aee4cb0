"""``edgebench check``: what a run would send, take and cost, said before anything is sent."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

from edgebench.cli.options import (
    allow_code,
    as_json,
    console,
    emit,
    grid,
    permitted,
    set_option,
    settings_of,
    store_option,
    text,
)


@click.command("check", short_help="Check a plan; show what a run would send.")
@click.argument("plan", type=click.Path(path_type=Path))
@set_option
@allow_code
@store_option
@as_json
def command(plan: Path, settings: tuple[str, ...], allow_code: bool, place: str | None, as_json: bool) -> None:
    """Check PLAN (a file, or the name of a shipped plan) and its data, and show what a run would send and cost.

    Nothing is downloaded and nothing is sent.
    """
    from edgebench.cli.foreseeing import foresee
    from edgebench.plan import load_plan

    with permitted(allow_code):
        foreseen = foresee(load_plan(plan, set=settings_of(settings)), os.environ, place)
    if as_json:
        emit(foreseen)
    else:
        _print(" ".join([str(plan), *(f"--set {shlex.quote(pair)}" for pair in settings)]), foreseen)


def _print(plan: str, foreseen: dict[str, Any]) -> None:
    out = console()
    out.print(text(foreseen["question"]), style="bold")
    out.print(f"{foreseen['items']} items · {foreseen['requests']:,} requests · texts: {foreseen['texts']}\n")
    table = grid("arm", "requests", "goes to", "tokens in ≈", "out ≤", "$ ≤", "minutes ≈", right=NUMBERS)
    for arm in foreseen["arms"]:
        table.add_row(
            text(arm["arm"]),
            f"{arm['requests']:,}",
            text(arm["host"] or "this machine"),
            f"{arm['tokens_in']:,}",
            f"{arm['tokens_out_at_most']:,}",
            "—" if arm["usd_at_most"] is None else f"{arm['usd_at_most']:.4f}",
            "—" if arm["minutes"] is None else f"{arm['minutes']:.1f}",
        )
    out.print(table)
    for line in _remarks(plan, foreseen):
        out.print(text(line))


NUMBERS = ("requests", "tokens in ≈", "out ≤", "$ ≤", "minutes ≈")


def _remarks(plan: str, foreseen: dict[str, Any]) -> list[str]:
    lines = [f"{arm['arm']}: no cost said: {arm['why_no_cost']}" for arm in foreseen["arms"] if arm["why_no_cost"]]
    lines += [f"{arm['arm']}: {note}" for arm in foreseen["arms"] for note in arm["price_notes"]]
    if any(arm["minutes"] is None for arm in foreseen["arms"]):
        lines.append("minutes are known only for arms that a stored run has measured")
    lines += [f"the texts of all items go to {host}" for host in foreseen["hosts"]] or ["no text leaves this machine"]
    lines += [
        f"{one['target']} is reached through the network {one['network']} ({one['title']}), by {one['shaper']}"
        for one in foreseen["networks"]
    ]
    for key in foreseen["keys"]:
        state = "is set" if key["set"] else f"is not set: export {key['variable']}=…"
        agreed = "" if key["confirmed"] else "; you will be asked once (or --yes)"
        lines.append(f"key {key['variable']} → {key['host']}: {state}{agreed}")
    for model in foreseen["models"]:
        size = f" ({model['bytes'] / 1e6:,.0f} MB)" if model["bytes"] else ""
        lines.append(f"model {model['card']}{size}: {'here' if model['here'] else 'will be pulled by the run'}")
    lines += foreseen["sample_size"]["lines"]
    return [*lines, f"next:  edgebench run {plan}"]
