"""``edgebench certify``: the instrument measures its own error on this machine, against a truth server beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from edgebench.cli.options import as_json, console, emit, grid, say, text

FAILED = 3


@click.command("certify", short_help="Measure the instrument's own error on this machine.")
@click.option("--short", is_flag=True, help="Only what every run measures at its start, in some five seconds.")
@as_json
def command(short: bool, as_json: bool) -> int:
    """Start a truth server on loopback, let it answer in every way servers do, and hold every stamp against its ledger.

    Takes about a minute and a half; leave the machine alone meanwhile. A figure passes within its limit, or when it is
    above the same figure of a bare reference client by no more than that: the rest is the machine. Exit code 3 when one
    fails. Every run measures the most important ones at its start (--no-certify leaves them out).
    """
    from edgebench.run.certify import certify

    certificate = asyncio.run(certify(short=short, progress=lambda what: say(f"certifying: {what} …")))
    if as_json:
        emit(certificate)
    else:
        _tell(certificate)
    return 0 if certificate["passed"] else FAILED


def _tell(certificate: Mapping[str, Any]) -> None:
    """The table, and a line that says what it comes to."""
    table = grid("", "check", "measured", "limit", "bare client", "n", "note", right=("measured", "limit", "n"))
    for one in certificate["checks"]:
        sign = {True: "✓", False: "✗", None: "·"}[one["passed"]]
        unit, reference = one["unit"], one["reference"]
        beside = "" if reference is None else _number(reference, unit)
        measured, limit = (("absent" if one[key] is None else _number(one[key], unit)) for key in ("value", "limit"))
        table.add_row(sign, one["name"], measured, limit, beside, f"{one['n']:,}", text(one["note"]))
    out = console()
    out.print(table)
    failed = [one["name"] for one in certificate["checks"] if one["judged"] and one["passed"] is False]
    stamps = (
        "the kernel's stamps" if certificate["stamps"] == "kernel" else "our own stamps: this system gives no others"
    )
    if failed:
        out.print(
            text(f"✗ {len(failed)} of {len(certificate['checks'])} checks failed ({stamps}): {', '.join(failed)}")
        )
        out.print("leave the machine alone and type it again:  edgebench certify", soft_wrap=True)
    else:
        out.print(f"✓ certified in {certificate['seconds']:g} s ({stamps}); the same at every run:  edgebench run PLAN")


def _number(value: float, unit: str) -> str:
    """Three digits that matter."""
    digits = f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:,.0f}"
    return f"{digits} {unit}" if unit != "requests" else digits
