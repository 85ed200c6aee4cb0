"""Calibration on the page: whether a target that says it is 90 % sure is right nine times in ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebench.records import Calibration, ReliabilityBin
from edgebench.report import formatting, tables
from edgebench.report.cells import Studied, arm_entry, plain_cell, share_cell
from edgebench.report.looks import Look
from edgebench.report.marks import Axis, Curve, Dot, Figure, Mark
from edgebench.report.tables import Column, Table, number_cell, table

SLACK = 0.02
DRAWN = 6  # panels; the tables have all
QUARTERS = tuple((k / 4, f"{25 * k}") for k in range(5))


def told(given: Studied) -> list[Calibration]:
    """Arms decisions are made on that gave a confidence."""
    return [one for one in given.study.calibration if one.arm in given.arms and one.bins]


@dataclass(frozen=True, slots=True)
class Panel:
    """One reliability curve, and whose it is."""

    name: str
    look: Look
    figure: Figure


def panels(given: Studied, first: str | None) -> list[Panel]:
    """A reliability curve for each arm: the recommended one first, then by how far confidence is off."""
    drawn = enumerate(_drawn(given, first))
    return [Panel(given.named(one.arm), given.arms[one.arm], _panel(given, one, place)) for place, one in drawn]


def _drawn(given: Studied, first: str | None) -> list[Calibration]:
    return sorted(told(given), key=lambda one: (one.arm != first, -(one.ece.value or 0.0)))[:DRAWN]


def _panel(given: Studied, one: Calibration, place: int) -> Figure:
    look = given.arms[one.arm]
    bins = [part for part in one.bins if part.accuracy.value is not None and part.n]
    dots = [
        Dot(
            x=part.confidence,
            y=part.accuracy.value or 0.0,
            y_low=part.accuracy.low,
            y_high=part.accuracy.high,
            colour=look.colour,
            shape=look.shape,
            label="",
            hover=_hover(part),
            hollow=look.hollow,
        )
        for part in bins
    ]
    marks: list[Mark] = [
        Curve((0.0, 1.0), (0.0, 1.0), "var(--front)", dash="5 4", width=1.5, hover="says what it means")
    ]
    marks += [Curve(tuple(dot.x for dot in dots), tuple(dot.y for dot in dots), look.colour, width=1.2)] if dots else []
    return Figure(
        id=f"reliability-{place}",
        title=panel_title(one),
        subtitle=f"{_sizes(bins)}, confidence: {one.signal}",
        summary="; ".join(dot.hover for dot in dots),
        x=Axis("how sure it says it is, %", "linear", -0.03, 1.03, QUARTERS),
        y=Axis("right, %", "linear", -0.03, 1.03, QUARTERS),
        marks=(*marks, *dots),
        small=True,
    )


def _hover(part: ReliabilityBin) -> str:
    right = formatting.show(part.accuracy, "fraction")
    return f"says {_percent(part.confidence)}: {right} right, n = {part.n:,}"


def _sizes(bins: Sequence[ReliabilityBin]) -> str:
    sizes = sorted(part.n for part in bins)
    if not sizes:
        return "no answers"
    return f"n = {sizes[0]:,}" + (f"–{sizes[-1]:,}" if sizes[0] != sizes[-1] else "") + " a point"


def panel_title(one: Calibration) -> str:
    """What the surest answers of an arm are worth, hedged by their interval."""
    top = _surest(one)
    if top is None:
        return "nothing was judged"
    says, right = _percent(top.confidence), _percent(top.accuracy.value or 0.0)
    verdict = _verdict(top)
    return f"{verdict}: says {says}, right {right}" if verdict else f"says {says}, right {right}: not told apart"


def _surest(one: Calibration) -> ReliabilityBin | None:
    bins = [part for part in one.bins if part.n and part.accuracy.value is not None]
    return max(bins, key=lambda part: part.confidence) if bins else None


def _verdict(top: ReliabilityBin) -> str:
    """Whether the interval of what was right leaves out what was said, by more than rounding."""
    if top.accuracy.high is not None and top.accuracy.high < top.confidence - SLACK:
        return "too sure"
    if top.accuracy.low is not None and top.accuracy.low > top.confidence + SLACK:
        return "too modest"
    return ""


def finding(given: Studied, first: str | None) -> str:
    """What the surest answers are worth: of the recommended arm if it gives a confidence, else of the worst."""
    found = [one for one in told(given) if _surest(one) is not None]
    if not found:
        return "No target says how sure it is"
    one = next((each for each in found if each.arm == first), None) or max(
        found, key=lambda each: each.ece.value or 0.0
    )
    top = _surest(one)
    if top is None:
        return "No target says how sure it is"
    right = formatting.show(top.accuracy, "fraction")
    says, n = _percent(top.confidence), f"n = {top.n:,}"
    said = f"Where {given.named(one.arm)} is surest, it says {says} and is right in {right}, {n}"
    verdict = _verdict(top)
    return f"{said}: it is {verdict}" if verdict else f"{said}: the two can't be told apart"


def summary_table(given: Studied) -> Table | None:
    """ECE, AUROC and confidently wrong answers of every arm, and why some have none."""
    mine = [one for one in given.study.calibration if one.arm in given.arms]
    columns = [
        Column("target", numeric=False),
        Column("n", "answers with a confidence and a verdict"),
        Column("off by (ECE)", "expected calibration error: Σ n_b/n · |right − confidence|, over bins b"),
        Column("tells right from wrong (AUROC)", "chance that a right answer is surer than a wrong one; 0.5 is a coin"),
        Column("confidently wrong", "share of requests that are wrong and surer than the plan's bound"),
        Column("signal", numeric=False),
    ]
    lines = [
        [
            arm_entry(given, one.arm),
            tables.Cell(f"{one.n:,}", sort=float(one.n)),
            number_cell(one.ece, "accuracy"),
            plain_cell(one.auroc),
            share_cell(one.confidently_wrong),
            tables.Cell(one.signal or one.why_absent or "—"),
        ]
        for one in mine
    ]
    return table("calibration", "Whether confidence means what it says", columns, lines) if told(given) else None


def bins_table(given: Studied, first: str | None) -> Table | None:
    """Every point that is drawn: how sure, how many, how often right. Those of other arms are in the data."""
    columns = [
        Column("target", numeric=False),
        Column("confidence", "from–to"),
        Column("n"),
        Column("mean confidence"),
        Column("right", "with Wilson's 95 % interval"),
    ]
    lines = [
        [
            arm_entry(given, one.arm),
            tables.Cell(f"{_percent(part.low)} – {_percent(part.high)}", sort=part.low),
            tables.Cell(f"{part.n:,}", sort=float(part.n)),
            tables.Cell(_percent(part.confidence), sort=part.confidence),
            number_cell(part.accuracy, "accuracy"),
        ]
        for one in _drawn(given, first)
        for part in one.bins
    ]
    return table("reliability-bins", "Reliability, bin by bin", columns, lines) if lines else None


def _percent(value: float) -> str:
    return formatting.quantity(value, "fraction", 2)
