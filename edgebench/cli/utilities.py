"""``--utility right=0.02``: what answers are worth, above the plan's, for verbs that weigh them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgebench.errors import UsageError
from edgebench.records import Utilities

if TYPE_CHECKING:
    from edgebench.records import Run

F = TypeVar("F", bound=Callable[..., Any])
EXAMPLE = "--utility right=0.02 wrong=0.4 second=0.001   (or wrong.4=1.00 for stakes 4)"
_WORD = re.compile(r"(right|second|wrong(?:\.[1-4])?)=(.+)")


def utility_option(command: F) -> F:
    """``--utility NAME=USD``, as often as needed; more of them may follow one ``--utility``."""
    return click.option(
        "--utility",
        "utilities",
        multiple=True,
        metavar="NAME=USD",
        help="What a right or wrong answer or a second of waiting is worth, above the plan's: "
        "right=0.02 wrong=0.4 wrong.4=1.00 second=0.001.",
    )(command)


def split(names: Sequence[str], given: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names of runs, utilities): after one ``--utility`` the next may stand bare, and no run is called like one."""
    words = [word for text in given for word in re.split(r"[\s,]+", text.strip()) if word]
    bare = [name for name in names if given and _WORD.fullmatch(name)]
    return tuple(name for name in names if name not in bare), (*words, *bare)


def with_utilities(run: Run, words: Sequence[str]) -> Run:
    """The run under other utilities: what is given above what its plan declares.

    Raises
    ------
    UsageError: a word that is not NAME=USD, or an amount below 0.
    """
    if not words:
        return run
    found = run.plan.utilities
    for word in words:
        found = _changed(found, word)
    return replace(run, plan=replace(run.plan, utilities=found))


def _changed(before: Utilities | None, word: str) -> Utilities:
    found = _WORD.fullmatch(word)
    if found is None:
        raise UsageError(f"--utility {word}: is not right=, wrong=, wrong.1= … wrong.4= or second=USD", hint=EXAMPLE)
    name, amount = found[1], _amount(word, found[2])
    base = before or Utilities(wrong_usd={} if "." in name else 0.0)
    if name == "right":
        return replace(base, right_usd=amount)
    if name == "second":
        return replace(base, second_usd=amount)
    stakes = name.partition(".")[2]
    if not stakes:
        return replace(base, wrong_usd=amount)
    wrong = base.wrong_usd
    each = dict(wrong) if isinstance(wrong, Mapping) else dict.fromkeys("1234", wrong)
    return replace(base, wrong_usd=each | {stakes: amount})


def _amount(word: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"--utility {word}: {text!r} is no number", hint=EXAMPLE) from None
    if not 0 <= value < math.inf:
        raise UsageError(f"--utility {word}: must be at least 0, not {value:g}", hint=EXAMPLE)
    return value
