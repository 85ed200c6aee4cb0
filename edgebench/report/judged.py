"""Judges on the page: what language models said of the answers, how steady they were, and what judging costs."""

from __future__ import annotations

from collections.abc import Sequence

from edgebench.decide.wording import headed
from edgebench.records import JudgeNote
from edgebench.report import formatting, tables
from edgebench.report.cells import Studied, arm_entry, plain_cell, share_cell
from edgebench.report.formatting import ABSENT
from edgebench.report.tables import Column, Table, number_cell, table

MOST = 200
UNHELD = (
    "No judge here has been held against people yet: its verdicts are an opinion of a model, and decide nothing on "
    "this page."
)


def judges_table(given: Studied) -> Table | None:
    """Judge × judged arm, of those decisions are made on: mean or win rate, how steady, what it takes."""
    return _judges("judges", [one for one in given.study.judged if one.arm in given.arms], given)


def elsewhere(given: Studied) -> Table | None:
    """The same of every other cell."""
    return _judges("more-judged", [one for one in given.study.judged if one.arm not in given.arms][:MOST], given)


def _judges(id: str, found: Sequence[JudgeNote], given: Studied) -> Table | None:
    pairs = any(one.against for one in found)
    columns = [
        Column("judge", numeric=False),
        Column("judged", numeric=False),
        Column("n", "answers, or pairs of answers, judged"),
        Column("mean verdict", "mean of its verdicts from 0 to 1; of pairs: how often the first was preferred"),
        Column("steady", "share judged alike in every repeat and order"),
        *([Column("prefers the first", "share of its verdicts for what stood first; 50 % has no preference")] * pairs),
        Column("p50", "median latency of a verdict"),
        Column(headed("$ per 1k judged")),
        Column("failures"),
    ]
    rows = [
        [
            tables.Cell(one.judge),
            arm_entry(given, one.arm, f"against {given.named(one.against)}" if one.against else ""),
            tables.Cell(f"{one.n:,}", sort=float(one.n)),
            number_cell(one.mean, "accuracy"),
            share_cell(one.consistency),
            *([_position(one)] * pairs),
            number_cell(one.p50_ms, "p50_ms"),
            number_cell(one.usd_per_1k, "usd_per_1k"),
            tables.Cell(f"{one.failures:,}", sort=float(one.failures)),
        ]
        for one in found
    ]
    return table(id, "What judges said", columns, rows) if rows else None


def _position(one: JudgeNote) -> tables.Cell:
    if one.position is None:
        return tables.Cell(ABSENT, why="it judges answers one at a time")
    return share_cell(one.position)


def finding(given: Studied) -> str:
    """How steady the least steady judge is."""
    known = [one for one in given.study.judged if one.arm in given.arms and one.consistency.value is not None]
    if not known:
        return "Judges have spoken; how steady they are cannot be said"
    one = min(known, key=lambda each: (each.consistency.value or 0.0, each.judge, each.arm))
    shown = formatting.show(one.consistency, "fraction")
    said = f"the judge {one.judge} says the same of {shown} of the answers of {given.named(one.arm)}"
    return f"Asked again, {said}, n = {one.consistency.n:,}"


def ordinal_table(given: Studied) -> Table | None:
    """Levels on an ordered scale: the same, within one, and Cohen's kappa weighted by the square of the distance."""
    columns = [
        Column("target", numeric=False),
        Column("n"),
        Column("the same level"),
        Column("within one", "the same level or one beside it"),
        Column("kappa", "quadratic weighted (Cohen): 1 is full agreement, 0 what chance gives"),
    ]
    rows = [
        [
            arm_entry(given, one.arm),
            tables.Cell(f"{one.n:,}", sort=float(one.n)),
            share_cell(one.exact),
            share_cell(one.adjacent),
            plain_cell(one.kappa),
        ]
        for one in given.study.ordinal
    ]
    return table("ordinal", "Levels on an ordered scale, against the reference", columns, rows) if rows else None


def ordinal_finding(given: Studied) -> str:
    known = [one for one in given.study.ordinal if one.adjacent.value is not None]
    if not known:
        return "Levels on an ordered scale"
    one = max(known, key=lambda each: each.adjacent.value or 0.0)
    near, same = (formatting.show(item, "fraction") for item in (one.adjacent, one.exact))
    return (
        f"{given.named(one.arm)} meets the level of the reference in {same}, or one beside it in {near}, n = {one.n:,}"
    )
