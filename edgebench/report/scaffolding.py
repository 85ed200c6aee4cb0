"""The scaffolding gap: what each prompting gains and takes against the base cell of its target, on the same items."""

from __future__ import annotations

from collections.abc import Iterable

from edgebench.decide import terms
from edgebench.decide.study.gaps import LAB_TO_FIELD
from edgebench.decide.wording import headed
from edgebench.records import Cell, Estimate, Gap
from edgebench.report import formatting, tables
from edgebench.report.cells import (
    BOUNDS,
    Read,
    Studied,
    change_cell,
    difference,
    points,
    read,
    readable,
    remark,
    side,
    sizes,
)
from edgebench.report.formatting import ABSENT
from edgebench.report.tables import Column, Table, number_cell, table

METRICS = (("accuracy", "fraction"), ("p50_ms", "ms"), ("p95_ms", "ms"), ("usd_per_1k", "$"))


def changes(given: Studied) -> Table | None:
    """Target × prompting: the base in numbers, every other prompting as differences from it; then lab → field."""
    rows = [row for target in given.targets for row in _rows(given, target)]
    if not any(gap.factor in ("prompting", LAB_TO_FIELD) for gap in given.study.gaps):
        return None
    columns = [
        Column("target", numeric=False),
        Column("prompting", numeric=False),
        Column("Δ right, points", "paired difference on the same items, with 95 % interval"),
        Column("Δ p50", "difference of the medians of done − due, and how many times as long"),
        Column("Δ p95", "difference of the 95th percentiles of done − due, and how many times as long"),
        Column(headed("Δ $ per 1k"), "difference per 1,000 requests, every call counted"),
        Column("calls", "exchanges per request: every step, draw and rerank is one"),
        Column("tokens out", "output tokens per request, of all its calls"),
        Column("remark", "at chance, or nearly always right: then a difference says nothing", numeric=False),
    ]
    return table("scaffolding-gap", "What each prompting changes, against the base cell of its target", columns, rows)


def _rows(given: Studied, target: str) -> Iterable[list[tables.Cell]]:
    gaps = [gap for gap in given.study.gaps if gap.target == target]
    own = [gap for gap in gaps if gap.factor == "prompting"]
    ways = [gap for gap in gaps if gap.factor == LAB_TO_FIELD]
    base = next((cell for cell in given.study.cells if cell.target == target and cell.role == "base"), None)
    if base is not None and (own or ways):
        yield _base(given, base)
    for gap in own:
        cell = given.cells.get(gap.b)
        yield _changed(given, gap, cell.prompting if cell else gap.b, "")
    for gap in ways:
        lab, field = given.cells.get(gap.a), given.cells.get(gap.b)
        words = f"{lab.prompting}, clean → {field.prompting}, noisy" if lab and field else ""
        yield _changed(given, gap, "lab → field", words)


def _base(given: Studied, cell: Cell) -> list[tables.Cell]:
    dollars = number_cell(cell.usd_per_1k, "usd_per_1k")
    word = BOUNDS.get(cell.bound or "", "")
    return [
        _target(given, cell.target),
        tables.Cell(cell.prompting, "the base, in numbers"),
        number_cell(cell.accuracy, "accuracy"),
        number_cell(cell.p50_ms, "p50_ms"),
        number_cell(cell.p95_ms, "p95_ms"),
        dollars,
        *_effort(cell),
        tables.Cell(
            word or "—", given.told(cell.bound_why), tone="open" if word else "faded", hint="" if word else "the base"
        ),
    ]


def _changed(given: Studied, gap: Gap, what: str, words: str) -> list[tables.Cell]:
    mute = not readable(given, gap)
    changes = [
        change_cell(
            difference(gap, metric), unit, word=_ratio(gap, metric), faded=mute and metric == "accuracy", of=gap
        )
        for metric, unit in METRICS
    ]
    cell = given.cells.get(gap.b)
    return [_target(given, gap.target), tables.Cell(what, words), *changes, *_effort(cell), remark(given, gap)]


def _target(given: Studied, target: str) -> tables.Cell:
    return tables.Cell(target, look=given.targets.get(target))


def _ratio(gap: Gap, metric: str) -> str:
    found = gap.differences.get(metric)
    if metric == "accuracy" or found is None or found.ratio is None or found.ratio.value is None:
        return ""
    return formatting.times(found.ratio.value)


def _effort(cell: Cell | None) -> list[tables.Cell]:
    """Calls and output tokens per request."""
    return [_count(item) for item in ((cell.calls, cell.output_tokens) if cell else (None, None))]


def _count(item: Estimate | None) -> tables.Cell:
    if item is None or item.value is None:
        return tables.Cell(ABSENT, why=(item.why_absent if item else None) or "not counted")
    digits = 2 if item.value < 100 else 3
    text = formatting.number(item.value, digits)
    return tables.Cell(text.rstrip("0").rstrip(".") if "." in text else text, sort=item.value)


def finding(given: Studied) -> str:
    """The largest gain and the largest loss by prompting that can be told apart from none."""
    own = [gap for gap in given.study.gaps if gap.factor == "prompting"]
    found = read(given, own)
    apart = sorted((one for one in found if one.apart), key=lambda one: -one.value)
    if not own:
        return "The way from lab to field, in numbers"
    if not found:
        return "What prompting changes cannot be read: at chance, or nothing left to gain"
    if not apart:
        return f"No prompting is shown to be better or worse than the base, {sizes(one.item for one in found)}"
    said = [_gained(given, apart[0], "more")] if apart[0].value > 0 else []
    return "; ".join([*said, *([_gained(given, apart[-1], "less")] if apart[-1].value < 0 else [])])


def _gained(given: Studied, one: Read, how: str) -> str:
    """``With few-shot (5) minilm is right 9 points [4 to 14] more often, n = 250, and takes 1.2× as long``."""
    cell, time = given.cells.get(one.gap.b), one.gap.differences.get("p50_ms")
    ratio = time.ratio if time else None
    slower = ratio is not None and ratio.value is not None and (ratio.low or 0.0) > 1
    paid = f", and takes {_times(ratio)} as long (median)" if slower and ratio else ""
    prompting = terms.prompting(cell.prompting) if cell else one.gap.b
    right = f"is right {points(one.item)} {how} often{side(given, one.gap)}"
    return f"With {prompting} {given.short(one.gap.target)} {right}, n = {one.item.n:,}{paid}"


def _times(ratio: Estimate) -> str:
    ends = [formatting.number(end, 2) for end in (ratio.low, ratio.high) if end is not None]
    return formatting.times(ratio.value or 0.0) + (f" [{'–'.join(ends)}]" if len(ends) == 2 else "")


def words(given: Studied) -> list[tuple[str, str]]:
    """What each prompting of the study puts around a message: ``("raw", "the message alone, …")``."""
    bare = dict.fromkeys(terms.bare(cell.prompting) for cell in given.study.cells)
    return [(name, about) for name in bare if (about := terms.about_prompting(name))]
