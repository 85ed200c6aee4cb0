"""How a mistake is shown: one sentence, the line it stands on, and what to type next."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import click

from edgebench.errors import EdgebenchError, PlanError, UsageError

MOST = 10  # mistakes shown at once


def show(error: EdgebenchError) -> None:
    """Print an error to stderr."""
    for line in lines(error):
        click.echo(line, err=True)


def lines(error: EdgebenchError) -> Iterator[str]:
    found = getattr(error, "errors", (error,))
    for one in found[:MOST]:
        yield from _one(one)
    if len(found) > MOST:
        yield f"… and {len(found) - MOST} more"


def _one(error: EdgebenchError) -> Iterator[str]:
    yield f"{_coloured('error:', 'red')} {printable(str(error))}"
    if isinstance(error, PlanError) and error.source_line is not None and error.line is not None:
        number = f"{error.line:5} | "
        yield f"{number}{printable(error.source_line)}"
        if error.column is not None:
            before = error.source_line[: error.column - 1]
            yield " " * len(number) + "".join("\t" if c == "\t" else " " for c in before) + "^"
    if isinstance(error, UsageError) and error.hint:
        yield f"{_coloured(' hint:', 'cyan')} {printable(error.hint)}"


def _coloured(word: str, colour: str) -> str:
    return word if os.environ.get("NO_COLOR") else click.style(word, fg=colour, bold=True)


def printable(text: str) -> str:
    """Text that cannot steer a terminal: controls and direction overrides become a visible sign."""
    return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "�", text)
