"""From the lab to the field: a slope per target, and whether targets keep their order.

*Lab*: engineered prompting on clean messages. *Field*: the base prompting on noisy ones. The way from one to the other
is a paired difference on the items both cells met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebench.decide import terms
from edgebench.decide.study.findings import FROM_THE_LAB
from edgebench.decide.study.gaps import LAB_TO_FIELD
from edgebench.records import Cell, Gap, RankFlip
from edgebench.report import formatting, tables
from edgebench.report.cells import (
    BOUNDS,
    Read,
    Studied,
    bound,
    change_cell,
    difference,
    points,
    read,
    readable,
    side,
    sizes,
    told,
)
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.marks import Axis, Curve, Dot, Figure, Mark, fraction_axis
from edgebench.report.tables import Column, Table, number_cell, table

SPREAD, CLOSEST = 0.32, 0.05  # of the places beside each other at one end; between two of them
MOST_NAMED = 3  # targets in a title
HOLDS = 0.05  # a number holds where even the bad end of the interval loses no more than this


# ---------------------------------------------------------------------------------------------- does the number hold


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target's number of the lab holds in the field: a word, its tone, and the sentence that bears it."""

    look: Look
    word: str
    tone: str
    sentence: str


def verdicts(given: Studied) -> list[Verdict]:
    """One for each target with both corners, in the page's order."""
    return [_verdict(given, lab, field) for lab, field in corners(given)]


def _verdict(given: Studied, lab: Cell, field: Cell) -> Verdict:
    way, look = _way(given, lab.target), given.targets[lab.target]
    numbers = " in the lab, ".join(str(formatting.show(cell.accuracy, "fraction")) for cell in (lab, field))
    numbers = f"Right in {numbers} in the field"
    item = difference(way) if way else None
    if way is None or item is None or item.value is None:
        why = (item.why_absent if item else None) or "the two were not compared"
        return Verdict(look, "cannot be said", "faded", f"{numbers}; {why}")
    n = f"n = {item.n:,}"
    if not readable(given, way):
        why = bound(given, way).partition(":")[0]
        return Verdict(look, "cannot be said", "faded", f"{numbers}, {n}; {why}, so the difference says nothing")
    span = str(formatting.difference(item, "fraction"))
    if item.low is not None and item.low >= -HOLDS:
        return Verdict(look, "yes", "good", f"{numbers}: {span}, {n}")
    if told(way):
        word, tone, verb = ("no", "bad", "loses") if item.value < 0 else ("it is better there", "good", "gains")
        return Verdict(look, word, tone, f"{numbers}: {verb} {points(item)}{side(given, way)}, {n}")
    return Verdict(look, "not known", "open", f"{numbers}: {span}, which may be chance, {n}")


def conditions(given: Studied) -> str:
    """What lab and field are here, in words."""
    pairs = corners(given)
    lab, field = (_corner(given, [pair[side] for pair in pairs]) for side in (0, 1))
    return f"Lab: {lab}. Field: {field}."


def beside_verdicts(given: Studied) -> list[str]:
    """The findings of the study in words, without the one that the verdicts say already, target by target."""
    said = bool(corners(given))
    return [given.told(line) for line in given.study.findings if not (said and line.startswith(FROM_THE_LAB))]


# ------------------------------------------------------------------------------------------------------- the slopes


def corners(given: Studied) -> list[tuple[Cell, Cell]]:
    """The lab and the field cell of every target that has both and was judged in both."""
    lab = {cell.target: cell for cell in given.study.cells if "lab" in cell.corners}
    field = {cell.target: cell for cell in given.study.cells if "field" in cell.corners}
    both = [(lab[target], field[target]) for target in given.targets if target in lab and target in field]
    return [pair for pair in both if all(cell.accuracy.value is not None for cell in pair)]


def figure(given: Studied) -> Figure | None:
    """A slope per target with the interval at each end; None where no target has both corners."""
    pairs = corners(given)
    if not pairs:
        return None
    step = min(CLOSEST, SPREAD / len(pairs))
    marks: list[Mark] = []
    for place, (lab, field) in enumerate(pairs):
        marks += _slope(given, lab, field, step * (place - (len(pairs) - 1) / 2))
    ends = [
        value
        for pair in pairs
        for cell in pair
        for value in (cell.accuracy.value, cell.accuracy.low, cell.accuracy.high)
        if value is not None
    ]
    dots = [mark for mark in marks if isinstance(mark, Dot)]
    return Figure(
        id="lab-to-field",
        title=slope_finding(given),
        subtitle=f"Share right, with 95 % intervals. {conditions(given)}",
        summary="Slope chart. " + "; ".join(dot.hover for dot in dots),
        x=Axis("from the lab to the field", "linear", -0.42, 1.62, ((0.0, "lab"), (1.0, "field"))),
        y=fraction_axis("right, share of requests · better ↑", ends),
        marks=tuple(marks),
        note="Dashed: at chance, or with nothing left to gain; its slope says nothing."
        if any(not _readable(given, lab.target) for lab, _ in pairs)
        else "",
    )


def _slope(given: Studied, lab: Cell, field: Cell, shift: float) -> list[Mark]:
    look = given.targets[lab.target]
    dots = [
        Dot(
            x=at + shift,
            y=cell.accuracy.value or 0.0,
            y_low=cell.accuracy.low,
            y_high=cell.accuracy.high,
            colour=look.colour,
            shape=look.shape,
            label=_label(look.short if at else "", cell),
            hover=f"{look.short} in the {'field' if at else 'lab'}: {formatting.show(cell.accuracy, 'fraction')} right",
            hollow=look.hollow,
        )
        for at, cell in ((0.0, lab), (1.0, field))
    ]
    way = _way(given, lab.target)
    item = difference(way) if way else None
    hover = f"{look.short}: {formatting.difference(item, 'fraction')} from lab to field" if item else look.short
    dash = look.dash if _readable(given, lab.target) else "2 3"
    return [
        Curve(tuple(dot.x for dot in dots), tuple(dot.y for dot in dots), look.colour, hover=hover, dash=dash),
        *dots,
    ]


def _label(name: str, cell: Cell) -> str:
    share = formatting.quantity(cell.accuracy.value or 0.0, "fraction", 2)
    words = BOUNDS.get(cell.bound or "", "") if name else ""
    return f"{name} {share} {words}".strip()


def _corner(given: Studied, cells: Sequence[Cell]) -> str:
    """What was asked there: ``few-shot (5) on clean messages``."""
    promptings = " or ".join(dict.fromkeys(terms.prompting(cell.prompting) for cell in cells))
    asked = " or ".join(dict.fromkeys(given.asked(cell) or "clean messages" for cell in cells))
    return f"{promptings} on {asked}" if asked == "clean messages" else f"{promptings} on messages with {asked}"


def _way(given: Studied, target: str) -> Gap | None:
    return next((gap for gap in given.study.gaps if gap.factor == LAB_TO_FIELD and gap.target == target), None)


def _readable(given: Studied, target: str) -> bool:
    way = _way(given, target)
    return way is None or readable(given, way)


def slope_finding(given: Studied) -> str:
    """What each target loses from lab to field, as far as the data tell; the largest loss first."""
    ways = [gap for gap in given.study.gaps if gap.factor == LAB_TO_FIELD]
    found = read(given, ways)
    apart = sorted((one for one in found if one.apart), key=lambda one: one.value)
    mute = [gap for gap in ways if not readable(given, gap)]
    said = [_moved(given, one, first=not place) for place, one in enumerate(apart[:MOST_NAMED])]
    said += [sizes(one.item for one in apart[:MOST_NAMED])] * bool(said)
    if len(apart) > MOST_NAMED:
        said.append(f"{len(apart) - MOST_NAMED} more targets change too")
    if not apart and found:
        n = min(one.item.n for one in found)
        said.append(f"No loss from lab to field is shown at n = {n:,}: what there is may be chance")
    if mute:
        names = " and ".join(given.short(gap.target) for gap in mute[:MOST_NAMED])
        many = len(mute) > 1
        why = bound(given, mute[0]).partition(":")[0]
        where = "" if why == "not interpreted" else f" {'are' if many else 'is'} {why}:"
        said.append(f"{names}{where} {'their' if many else 'its'} slope says nothing")
    return "; ".join(said) or "From the lab to the field"


def _moved(given: Studied, one: Read, *, first: bool) -> str:
    name, size, where = given.short(one.gap.target), points(one.item), side(given, one.gap)
    if not first and one.value < 0:
        return f"{name} {size}{where}"
    verb = "loses" if one.value < 0 else "gains"
    return f"{name} {verb} {size}{' from lab to field' if first else ''}{where}"


def corners_table(given: Studied) -> Table | None:
    """Both corners of every target in numbers, and the difference."""
    columns = [Column("target", numeric=False), Column("in the lab"), Column("in the field"), Column("Δ right, points")]
    rows = [
        [
            tables.Cell(lab.target, look=given.targets.get(lab.target)),
            *(number_cell(cell.accuracy, "accuracy") for cell in (lab, field)),
            change_cell(difference(way) if (way := _way(given, lab.target)) else None, "fraction"),
        ]
        for lab, field in corners(given)
    ]
    return table("lab-to-field-table", "Share right in the lab and in the field", columns, rows) if rows else None


# ------------------------------------------------------------------------------------------------- the order of targets


def rank_finding(rank: RankFlip) -> str:
    """Whether the best target of the lab is the best of the field, as far as resamples tell."""
    if rank.best_changes is None:
        return "Whether the order of targets holds cannot be said"
    often = formatting.share(rank.best_changes, 1.0)
    if rank.best_changes < 0.05:
        return f"The best target of the lab stays the best in the field; the chance of another one is {often}"
    if rank.best_changes > 0.95:
        return f"Another target is best in the field than in the lab; the chance of that is {often}"
    return f"The best target of the lab may not be the best in the field: the chance of another one is {often}"


def rank_lines(given: Studied, rank: RankFlip) -> list[str]:
    """The two orders, the chance that some two targets change places, and from how many items that is known."""
    if rank.why_absent:
        return [f"{rank.why_absent}."]
    lines = [
        f"In the {where}: {', then '.join(given.short(target) for target in order)}."
        for where, order in (("lab", rank.in_lab), ("field", rank.in_field))
        if order
    ]
    if rank.any_changes is not None:
        lines.append(f"The chance that some two targets change places is {formatting.share(rank.any_changes, 1.0)}.")
    if lines and (pairs := corners(given)):
        n = sizes(cell.accuracy for pair in pairs for cell in pair)
        lines.append(f"Reckoned from the answers in lab and field, {n} each.")
    return lines


def pairs_table(rank: RankFlip) -> Table | None:
    """Every two targets: how often the one that is ahead in the lab is behind in the field."""
    columns = [Column("ahead in the lab", numeric=False), Column("behind it", numeric=False), Column("changed places")]
    rows = [
        [
            *(tables.Cell(name) for name in (pair.split(" > ", 1) if " > " in pair else (pair, ABSENT))),
            tables.Cell(formatting.share(chance, 1.0), sort=chance),
        ]
        for pair, chance in rank.pairs.items()
    ]
    return table("rank-pairs", "How often two targets change places from lab to field", columns, rows) if rows else None
