"""What the terminal says of the field: the findings, and what prompting and noise change, in eight lines at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgebench.cli.options import grid, text

if TYPE_CHECKING:
    from edgebench.records import Conclusion, Gap, Run
    from edgebench.report.cells import Studied

MOST_LINES = 8
MOST_ROWS = 3
LEAST_ROOM = 100  # columns; below, times are left to the page


def field_lines(run: Run, conclusion: Conclusion, out: Any) -> list[Any]:
    """Findings, then the gap table; nothing where only the workload as it is was asked. ``out``: the console."""
    from edgebench.report.cells import studied, varied
    from edgebench.report.looks import looks

    given = studied(run.plan, conclusion, looks(conclusion.summary))
    if given is None or not varied(given.study):
        return []
    table = _gaps(given, out.width)
    room = MOST_LINES - (_height(out, table) if table is not None else 0)
    lines = tuple(given.told(line) for line in given.study.findings)
    said: Any = None
    for count in range(len(lines), 0, -1):
        said = _findings(lines[:count])
        if _height(out, said) <= room:
            break
        said = None
    return [part for part in (said, table) if part is not None]


def _height(out: Any, part: Any) -> int:
    return len(out.render_lines(part))


def _findings(lines: tuple[str, ...]) -> Any:
    said = grid("", "")
    said.show_header = False
    for place, line in enumerate(lines):
        said.add_row("in the field" if not place else "", text(line))
    return said


def _gaps(given: Studied, width: int) -> Any:
    """Lab → field of each target, then the promptings that change most; None where there is no gap."""
    from edgebench.decide.study.gaps import LAB_TO_FIELD
    from edgebench.report import formatting
    from edgebench.report.cells import difference, read, readable, remark

    ways = [gap for gap in given.study.gaps if gap.factor == LAB_TO_FIELD]
    own = sorted(
        read(given, (gap for gap in given.study.gaps if gap.factor == "prompting")), key=lambda one: -one.value
    )
    rows = [*ways, *(one.gap for one in own if one.apart)][:MOST_ROWS]
    if not rows:
        return None
    wide = width >= LEAST_ROOM
    names = ("Δ right, points", *(("× p50",) if wide else ()))
    table = grid("target", "gap", *names, "", right=names)
    for gap in rows:
        item = difference(gap)
        shown = formatting.difference(item, "fraction") if item is not None else None
        change = "—" if shown is None else str(shown).replace(" points", "")
        faded = "" if readable(given, gap) else " ?"
        times = [text(_times(gap))] if wide else []
        table.add_row(
            text(gap.target), text(_what(given, gap)), text(change + faded), *times, text(remark(given, gap).text)
        )
    return table


def _what(given: Studied, gap: Gap) -> str:
    from edgebench.decide.study.gaps import LAB_TO_FIELD

    cell = given.cells.get(gap.b)
    return "lab → field" if gap.factor == LAB_TO_FIELD else cell.prompting if cell else given.told(gap.b)


def _times(gap: Gap) -> str:
    from edgebench.report import formatting

    found = gap.differences.get("p50_ms")
    return formatting.times(found.ratio.value) if found and found.ratio and found.ratio.value is not None else "—"
