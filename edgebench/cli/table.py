"""The terminal says what the page says in some 25 lines: question, table, recommendation, what would change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.cli.field_table import field_lines
from edgebench.cli.options import console, grid, text

if TYPE_CHECKING:
    from edgebench.records import ArmSummary, Conclusion, Run

SHOWN = (
    ("right", "accuracy"),
    ("p50", "p50_ms"),
    ("p95", "p95_ms"),
    ("$/1k", "usd_per_1k"),
    ("memory", "peak_mib"),
)
MARKS = {"met": "✓", "missed": "✗", "undecided": "?"}
NARROW = 124  # columns; below, intervals stand under their numbers
NARROWEST = 100  # below, the median is left to the page
RED = "bold red"
MOST_NOTES = 3  # the page has all
MOST_FLIPS = 2


def print_conclusion(run: Run, conclusion: Conclusion, page: Path | str | None = None) -> None:
    """Print a conclusion to stdout; ``page`` is the path of the report, when one was written."""
    from edgebench.decide.wording import shown_in

    with shown_in(run.plan.costs):
        _conclusion(run, conclusion, page)


def _conclusion(run: Run, conclusion: Conclusion, page: Path | str | None) -> None:
    out = console()
    out.print(text(run.plan.question), style="bold")
    for line, style in _state(run, conclusion):
        out.print(text(line), style=style)
    out.print(_table(conclusion, out.width))
    advice = conclusion.advice
    out.print(text(advice.headline), style="bold")
    said = grid("", "")
    said.show_header = False
    for title, lines, most in (
        ("because", advice.reasons, 2),
        ("how sure", advice.how_sure, 3),
        ("what would change it", advice.what_would_change_it, 2),
    ):
        for place, line in enumerate(lines[:most]):
            said.add_row(title if place == 0 else "", text(line))
    for title, line in _decided(conclusion):
        said.add_row(title, text(line))
    out.print(said)
    for part in field_lines(run, conclusion, out):
        out.print(part)
    if page is not None:
        out.print(text(f"page: {page}"), soft_wrap=True)


def _decided(conclusion: Conclusion) -> Iterator[tuple[str, str]]:
    """The first flips, break-even, a month's cost, the best hybrid, the rate carried: as the page's titles say them."""
    from edgebench.report import carried, hybrids, stakes, whatif
    from edgebench.report.looks import looks

    seen = looks(conclusion.summary)
    flips = [one for one in conclusion.changes if one.flips_at is not None]
    if flips:
        yield "what flips it", "; ".join(stakes.sentence(one, seen) for one in flips[:MOST_FLIPS])
    told = any("requests a day" in line for line in conclusion.advice.what_would_change_it)  # the break-even, hedged
    if conclusion.monthly.breakeven is not None and not told:
        yield "break-even", whatif.finding(conclusion, conclusion.monthly, seen)
    if month := whatif.month(conclusion, seen):
        yield "a month", month
    if found := hybrids.ranked(conclusion):
        yield "best hybrid", hybrids.finding(found[0], seen)
    if conclusion.capacities:
        yield "it carries", carried.finding(conclusion, seen)


def print_front(conclusion: Conclusion, metrics: Sequence[str]) -> None:
    """Print who belongs to the Pareto front, how probably, who is beaten by whom, and ``metrics`` of them all."""
    front, out = conclusion.front, console()
    out.print(text(f"objectives: {', '.join(front.objectives)}"))
    for name, why in front.dropped.items():
        out.print(text(f"dropped for all: {name}: {why}"))
    table = grid("arm", "P(front)", "verdict", *metrics, right=("P(front)", *metrics))
    arms = {arm.arm: arm for arm in conclusion.summary.arms}
    for member in sorted(front.members, key=lambda each: -each.probability):
        verdict = f"beaten by {member.dominated_by}" if member.dominated_by else member.verdict
        numbers = [_cell(arms[member.arm], name) for name in metrics]
        table.add_row(text(member.arm), _share(member.probability), text(verdict), *numbers)
    out.print(table)
    for arm, why in front.excluded.items():
        out.print(text(f"not compared: {arm}: {why}"))
    out.print(text(front.method))


def _state(run: Run, conclusion: Conclusion) -> list[tuple[str, str]]:
    """Lines with the style of each: what makes a run INVALID is red, and says so in words too."""
    summary = conclusion.summary
    head = f"run {run.id} · {summary.items} items · "
    if summary.verdict == "INVALID":
        bad = [f"✗ INVALID: {reason}" for reason in summary.reasons]
        lines = [(f"{head}✗ INVALID: do not decide by these numbers", RED), *((line, RED) for line in bad)]
    else:
        lines = [(f"{head}{summary.verdict}", "")]
    return [*lines, *((line, "") for line in _remarks(run, conclusion))]


def _remarks(run: Run, conclusion: Conclusion) -> list[str]:
    """The instrument's own error, warnings, stand-ins, failures, what was not asked, what a longer run could show."""
    from edgebench.decide.wording import money_told
    from edgebench.report import instrument

    summary = conclusion.summary
    lines = [f"instrument: {instrument.headline(instrument.last(run.segments)).text}"]
    warnings = [warning for warning in summary.warnings if not instrument.says_the_same(warning)]
    lines += [f"note: {warning}" for warning in warnings[:MOST_NOTES]]
    if any(arm.identity.placement == "stand-in" for arm in summary.arms):
        lines.append("△ stand-in: plays the hosted part on this machine; no cloud was asked")
    lines += [f"{name}: {words}" for name, words in money_told(run.plan.costs).items() if name != "marginal only"]
    lines += _failures(run, conclusion)
    if summary.not_issued:
        lines.append("not asked: " + ", ".join(f"{count} ({why})" for why, count in summary.not_issued.items()))
    lines += [f"a longer run: {line}" for line in summary.sample_size[:1]]  # the page has all
    return lines


def _failures(run: Run, conclusion: Conclusion) -> list[str]:
    """One line for each arm with lost answers: how many of which kind, and what the first one said."""
    arm_of = {trial.id: trial.arm for trial in run.trials}
    first: dict[str, str] = {}
    for record in run.records:
        if record.failure is not None:
            first.setdefault(arm_of[record.trial_id], record.failure.message)
    return [
        f"failed: {arm.arm}: " + ", ".join(f"{n} {kind}" for kind, n in arm.failures.items()) + f": {first[arm.arm]}"
        for arm in conclusion.summary.arms
        if arm.failures and arm.arm in first
    ]


def _table(conclusion: Conclusion, width: int) -> Any:
    from edgebench.decide.wording import headed

    shown = [column for column in SHOWN if width >= NARROWEST or column[0] != "p50"]
    names = [headed(name) for name, _ in shown]
    table = grid("arm", *names, "P(front)", "SLO", right=(*names, "P(front)"))
    for column in table.columns[1:]:  # a number broken over lines is hard to read: a long name gives way first
        column.no_wrap, column.overflow = True, "ellipsis"
    per_target = Counter(arm.target for arm in conclusion.summary.arms)
    probability = {member.arm: member.probability for member in conclusion.front.members}
    for arm in conclusion.summary.arms:
        chosen = "→ " if arm.arm == conclusion.advice.arm else "  "
        stand_in = " △" if arm.identity.placement == "stand-in" else ""
        slos = "".join(MARKS[verdict.verdict] for verdict in conclusion.slos if verdict.arm == arm.arm)
        table.add_row(
            text(f"{chosen}{arm.target if per_target[arm.target] == 1 else arm.arm}{stand_in}"),
            *(_cell(arm, metric, narrow=width < NARROW) for _, metric in shown),
            _share(probability[arm.arm]) if arm.arm in probability else "—",
            slos or "—",
        )
    return table


def _cell(arm: ArmSummary, metric: str, *, narrow: bool = False) -> Any:
    """The number with its interval behind it, or below it where the terminal is narrow."""
    from rich.text import Text

    from edgebench.report.formatting import estimate

    found = arm.estimates.get(metric)
    shown = "—" if found is None else str(estimate(found, metric))
    return Text(shown.replace(" [", "\n[", 1).replace("— ", "—\n", 1) if narrow else shown)


def _share(value: float) -> str:
    from edgebench.report.formatting import share

    return share(value, 1.0)
