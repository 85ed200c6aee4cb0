"""From names on a command line to a run, its conclusion and its page: shared by run, report, frontier, demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgebench.errors import NothingRan, UsageError

if TYPE_CHECKING:
    from edgebench.records import Conclusion, Run
    from edgebench.store.sql import SqlStore

PAGES = Path("reports")


def load_run(store: SqlStore, names: Sequence[str], reprice: str | None = None) -> Run:
    """The run of that name (or beginning of one; none: the newest), or several merged into one.

    ``reprice``: a date or a price file whose prices take the place of those the run was made at.
    """
    from edgebench.cli.repricing import repriced
    from edgebench.store.interchange import merge

    run = repriced(merge([store.load(store.resolve(name)) for name in (names or ["last"])]), reprice)
    speak_its_currency(run)
    return run


def speak_its_currency(run: Run) -> None:
    """Until the command ends, money is written in the currency of the run's plan."""
    from edgebench.decide.wording import shown_in

    if (context := click.get_current_context(silent=True)) is not None:
        context.with_resource(shown_in(run.plan.costs))


def concluded(run: Run) -> Conclusion:
    """What is concluded of a run.

    Raises
    ------
    NothingRan: it holds no record, so there is nothing to conclude.
    """
    if not run.records:
        raise NothingRan(f"run {run.id} holds no record: nothing was asked")
    from edgebench.decide.conclude import conclude

    return conclude(run)


def write_page(run: Run, conclusion: Conclusion, out: Path | None, *, texts: bool = True) -> Path:
    """The page of a run, written at ``out`` or at ``reports/<run>.html``."""
    from edgebench.report.page import render

    path = out or PAGES / f"{run.id}.html"
    html = render(run, conclusion, texts=texts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"{path} cannot be written: {exc.strerror}", hint="--out another.html") from exc
    return path


def tell(run: Run, *, out: Path | None = None, texts: bool = True, page: bool = True) -> Conclusion:
    """Conclude, write the page, print the terminal's twenty lines; returns the conclusion."""
    from edgebench.cli.table import print_conclusion

    conclusion = concluded(run)
    path = write_page(run, conclusion, out, texts=texts) if page else None
    print_conclusion(run, conclusion, path)
    return conclusion


def demand_valid(conclusion: Conclusion) -> None:
    """Raises NothingRan (exit code 5) when the run's numbers cannot be trusted."""
    if conclusion.summary.verdict == "INVALID":
        first, *others = conclusion.summary.reasons
        more = f" (and {len(others)} more reason{'s' * (len(others) > 1)})" if others else ""
        raise NothingRan(f"the run is INVALID: {first}{more}")
