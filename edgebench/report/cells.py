"""What drawings of a field study share: the look of each cell, what it was asked, when numbers are told apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from edgebench.decide import terms
from edgebench.records import Cell, Comparison, Conclusion, Estimate, FieldStudy, Gap, Plan
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.tables import Cell as Entry
from edgebench.report.tables import number_cell

ALPHA = 0.05
BOUNDS = {"floor": "at chance", "ceiling": "nearly always right"}  # of a cell; in words
FLOOR, CEILING = (f"{words}: not interpreted" for words in BOUNDS.values())


@dataclass(frozen=True)
class Studied:
    """A study with the looks of its cells: colour tells the target, whatever it was asked and however."""

    study: FieldStudy
    arms: Mapping[str, Look]  # of the arms decisions are made on
    targets: Mapping[str, Look]  # target → the look of its first arm, called by the target's name
    own: str = ""  # code of the workload's own language, where somebody said it

    @cached_property
    def cells(self) -> Mapping[str, Cell]:
        """Arm → its cell."""
        return {cell.arm: cell for cell in self.study.cells}

    @cached_property
    def looks(self) -> Mapping[str, Look]:
        """Arm of any cell → how it looks: its own look, or its target's under the cell's name."""
        others = {
            cell.arm: replace(self.targets[cell.target], arm=cell.arm, short=self.called(cell))
            for cell in self.study.cells
            if cell.target in self.targets
        }
        return others | dict(self.arms)

    def called(self, cell: Cell) -> str:
        """A cell in words: ``minilm · zero-shot · keyboard typos (5 %)``, ``minilm · zero-shot · 3 noises at once``."""
        several = len(terms.parts(cell.perturbation))
        asked = f"{several} noises at once" if several > 2 and not cell.language else self.asked(cell)
        return " · ".join(part for part in (cell.target, cell.prompting, asked) if part)

    def asked(self, cell: Cell) -> str:
        """What it was asked, where that differs from the workload: ``Spanish, keyboard typos (5 %)``."""
        language = terms.language(cell.language) if cell.language else ""
        noise = "" if cell.perturbation == "none" else terms.perturbation(cell.perturbation)
        return ", ".join(part for part in (language, noise) if part)

    @cached_property
    def _raw(self) -> Mapping[str, str]:
        """Arm as the data have it → in words, of every cell that decisions are not made on; longest first."""
        names = {cell.arm: self.called(cell) for cell in self.study.cells if cell.arm not in self.arms}
        return dict(sorted(names.items(), key=lambda pair: -len(pair[0])))

    def told(self, line: str) -> str:
        """A sentence of the study, which names cells as the data do, with each of them in words."""
        if not self._raw:
            return line
        return re.sub(f"(?:{'|'.join(map(re.escape, self._raw))})(?![\\w-])", lambda found: self._raw[found[0]], line)

    def short(self, target: str) -> str:
        return self.targets[target].short if target in self.targets else target

    def named(self, arm: str) -> str:
        """An arm's short name, a cell's long one."""
        return self.looks[arm].short if arm in self.looks else arm


def studied(plan: Plan, conclusion: Conclusion, arms: Mapping[str, Look]) -> Studied | None:
    """The study of a conclusion, to be drawn; None where there is none."""
    if conclusion.study is None:
        return None
    targets: dict[str, Look] = {}
    for arm in conclusion.summary.arms:
        name = formatting.shorten(formatting.visible(arm.target), 36)
        targets.setdefault(arm.target, replace(arms[arm.arm], arm=arm.target, short=name))
    return Studied(conclusion.study, arms, targets, plan.workload.language or "")


def varied(study: FieldStudy | None) -> bool:
    """Whether anything was asked that decisions are not made on."""
    return study is not None and any(cell.perturbation != "none" or cell.language for cell in study.cells)


@dataclass(frozen=True, slots=True)
class Read:
    """A difference in being right that can be read; ``apart``: told apart from none, among all of its kind."""

    gap: Gap
    item: Estimate
    value: float
    apart: bool


def read(given: Studied, gaps: Iterable[Gap]) -> list[Read]:
    """The gaps of which something can be said."""
    found = [(gap, item) for gap in gaps if (item := difference(gap)) is not None and readable(given, gap)]
    return [Read(gap, item, item.value, told(gap)) for gap, item in found if item.value is not None]


def told(gap: Gap) -> bool:
    """Whether a difference in being right is no chance: by its corrected p, or, without one, by its interval."""
    found = gap.differences.get("accuracy")
    if found is None or found.difference.value is None:
        return False
    if found.p_value is not None:
        return found.p_value < ALPHA
    low, high = found.difference.low, found.difference.high
    return low is not None and high is not None and (low > 0 or high < 0)


def readable(given: Studied, gap: Gap) -> bool:
    """Whether a difference says anything: neither side is bound, or it leads to a bound, or away from one.

    Who loses all that it had is at chance afterwards, and has lost at least so much.
    """
    if gap.interpretable:
        return True
    before, after = bounds(given, gap)
    value = (item.value if (item := difference(gap)) else None) or 0.0
    outward = (before == "floor" and value < 0) or (before == "ceiling" and value > 0)
    return told(gap) and not outward and before != after


def bounds(given: Studied, gap: Gap) -> tuple[str | None, str | None]:
    """Whether a gap begins, or ends, at chance or with nearly all right."""
    first, second = (given.cells[arm].bound if arm in given.cells else None for arm in (gap.a, gap.b))
    return first, second


def difference(gap: Gap, metric: str = "accuracy") -> Estimate | None:
    found: Comparison | None = gap.differences.get(metric)
    return found.difference if found else None


def sizes(found: Iterable[Estimate]) -> str:
    """The n behind several numbers: ``n = 60``, ``n = 56–60``."""
    known = [item.n for item in found]
    if not known:
        return ""
    return f"n = {min(known):,}" + (f"–{max(known):,}" if max(known) > min(known) else "")


def points(item: Estimate) -> str:
    """The size of a difference of shares: ``12 points [5.1 to 19]``, whatever its direction."""
    value, low, high = item.value or 0.0, item.low, item.high
    if value < 0:
        value, low, high = -value, None if high is None else -high, None if low is None else -low
    size = f"{formatting.number(100 * value, 2)} points"
    if low is None or high is None:
        return size
    return f"{size} [{formatting.number(100 * low, 2)} to {formatting.number(100 * high, 2)}]"


def change_cell(
    item: Estimate | None, unit: str, *, word: str = "", faded: bool = False, of: Gap | None = None
) -> Entry:
    """The cell of a signed difference; of shares the heading says that they are points.

    ``of``: the gap, whose row names its arms already: a reason need not name them again.
    """
    if item is None:
        return Entry(ABSENT, why="not compared")
    shown = formatting.change(item, unit)
    why = shown.why_absent or ""
    for arm in (of.a, of.b) if of is not None else ():
        why = why.removeprefix(f"{arm}: ")
    tone = "faded" if faded and item.value is not None else ""
    return Entry(shown.value.removesuffix(" points"), shown.interval, word, sort=item.value, why=why, tone=tone)


def share_cell(item: Estimate | None, *, count: bool = False) -> Entry:
    """The cell of a share, with its n where asked."""
    cell = number_cell(item, "accuracy")
    if item is None or item.value is None:
        return cell
    word = f"n = {item.n:,}" if count else ""
    return replace(cell, word=" · ".join(part for part in (cell.word, word) if part), hint=item.note or "")


def plain_cell(item: Estimate) -> Entry:
    """The cell of a number without a unit, such as an AUROC or a kappa."""
    shown = formatting.show(item, "")
    text = ABSENT if item.value is None else formatting.number(item.value, 2)
    ends = [None if end is None else formatting.number(end, 2) for end in (item.low, item.high)]
    interval = f"[{ends[0]}–{ends[1]}]" if None not in ends and item.value is not None else ""
    return Entry(text, interval, sort=item.value, why=shown.why_absent or "")


def arm_entry(given: Studied, arm: str, muted: str = "") -> Entry:
    """The cell of an arm: its name as everywhere, or what the study's cell was asked, in words."""
    cell = given.cells.get(arm)
    name = arm if arm in given.arms or cell is None else given.called(cell)
    return Entry(name, muted, look=given.looks.get(arm))


def bound(given: Studied, gap: Gap) -> str:
    """Why a difference is not interpreted, in words: one side is at chance or has nothing left to gain."""
    found = bounds(given, gap)
    return FLOOR if "floor" in found else CEILING if "ceiling" in found else "not interpreted"


def side(given: Studied, gap: Gap) -> str:
    """What a difference leads to or away from, where that is a bound: ``, down to chance``."""
    before, after = bounds(given, gap)
    if after == "floor":
        return ", down to chance"
    return ", from chance" if before == "floor" else f", from {BOUNDS['ceiling']}" if before == "ceiling" else ""


def remark(given: Studied, gap: Gap) -> Entry:
    """Whether the difference in being right says anything."""
    item = difference(gap)
    if item is None or item.value is None:
        return Entry("not compared")
    if not readable(given, gap):
        words = bound(given, gap)
        known = words in (FLOOR, CEILING)
        why = given.told(gap.why)
        return Entry(words, "" if known else why, tone="open", hint=why if known else "")
    if not told(gap):
        return Entry("not told apart", tone="faded", hint=_corrected(gap))
    verb, tone = ("gains", "good") if item.value > 0 else ("loses", "bad")
    return Entry(f"{verb}{side(given, gap)}", tone=tone, hint=_corrected(gap))


def _corrected(gap: Gap) -> str:
    p = gap.differences["accuracy"].p_value
    return "" if p is None else f"p = {formatting.number(p, 2)}, corrected for all gaps of this kind"
