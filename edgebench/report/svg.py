"""Draws a figure as static SVG: no script, no font, no clock, so the same figure is always the same bytes.

Every text and attribute is escaped here; the result is the only markup the page takes as it is.
Colours are CSS variables of the page, so a drawing follows the theme and prints in the light one.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from edgebench.records import Estimate
from edgebench.report.formatting import visible
from edgebench.report.geometry import BAR, BELOW_NAME, Layout, layout, names_above
from edgebench.report.labels import SWATCH, Placed, text_width
from edgebench.report.looks import Look
from edgebench.report.marks import Area, Band, Bar, Curve, Dot, Figure, Level, Rule, Shape, Whisker

RADIUS = 6.0
NARROW = 480.0  # of a drawing for a phone


def draw(figure: Figure, width: float = 580.0, size: float = 13.0) -> str:
    """The figure as one ``<svg>`` element, hidden from screen readers (its wrapper has the name)."""
    plan = layout(figure, width, size)
    body = "".join((*_grid(plan), *_marks(plan), *_row_texts(plan), *(_label(one, size) for one in plan.labels)))
    return (
        f'<svg viewBox="0 0 {_n(width)} {_n(plan.height)}" aria-hidden="true" focusable="false" '
        f'font-size="{_n(size)}">{body}</svg>'
    )


def interval_bar(item: Estimate, colour: str, shape: Shape, hollow: bool) -> str:
    """An estimate in 0…1 as a small bar for a table cell: the interval thick, the value as the arm's mark."""
    value = item.value or 0.0
    low, high = (value if end is None else end for end in (item.low, item.high))
    at = [4 + 92 * min(1.0, max(0.0, part)) for part in (low, value, high)]
    body = (
        _line(4, 8, 96, 8, "var(--line)", 1)
        + _line(at[0], 8, at[2], 8, colour, 4, opacity=0.45)
        + _shape(shape, at[1], 8, 4, colour, hollow)
    )
    return f'<svg class="inline" viewBox="0 0 100 16" aria-hidden="true" focusable="false">{body}</svg>'


def signs(looks: Iterable[Look]) -> str:
    """Every arm's mark, with and without the ring of the front, defined once to be used by number."""
    parts = []
    for place, look in enumerate(looks):
        mark = _shape(look.shape, 8, 8, 5, look.colour, look.hollow, 1.8)
        ring = _shape(look.shape, 8, 8, 7.5, "var(--ink)", True, 1.2, see_through=True)
        box = 'viewBox="0 0 16 16" overflow="visible"'
        parts.append(f'<symbol id="s{place}" {box}>{mark}</symbol><symbol id="r{place}" {box}>{mark}{ring}</symbol>')
    return f'<svg width="0" height="0" class="unseen" aria-hidden="true"><defs>{"".join(parts)}</defs></svg>'


def sign(look: Look, outlined: bool = False) -> str:
    """An arm's mark, to stand beside its name."""
    use = f'<use href="#{"r" if outlined else "s"}{look.number}"/>'
    return f'<svg class="sign" aria-hidden="true">{use}</svg>'


def _grid(plan: Layout) -> Iterable[str]:
    figure, free = plan.figure, -1e9
    lines = [f"M{_n(plan.x(at))} {_n(plan.top)}V{_n(plan.bottom)}" for at, _ in figure.x.ticks]
    if figure.y.scale != "rows":
        lines += [f"M{_n(plan.left)} {_n(plan.y(at))}H{_n(plan.right)}" for at, _ in figure.y.ticks]
    yield f'<path d="{"".join(lines)}" stroke="var(--grid)"/>'
    for at, name in figure.x.ticks:
        x = plan.x(at)
        half = text_width(name, plan.size) / 2
        if x - half > free:  # a narrow drawing has no room for every number
            middle = min(max(x, half + 1), plan.width - half - 1)
            yield _text(middle, plan.bottom + 18, name, anchor="middle", colour="var(--muted)")
            free = x + half + 6
    middle = (plan.left + plan.right) / 2
    half = text_width(figure.x.label, plan.size) / 2
    middle = min(max(middle, half + 2), plan.width - half - 2)
    yield _text(middle, plan.height - 8, figure.x.label, anchor="middle", colour="var(--muted)")
    if figure.y.scale == "rows":
        return
    for at, name in figure.y.ticks:
        y = plan.y(at)
        yield _text(plan.left - 8, y + 4, name, anchor="end", colour="var(--muted)")
    yield _text(2, 14, figure.y.label, colour="var(--muted)")


def _row_texts(plan: Layout) -> Iterable[str]:
    if plan.figure.y.scale != "rows":
        return
    above = names_above(plan)
    for at, name in plan.figure.y.ticks:
        y = plan.y(at)
        if above:
            yield _text(plan.left, y - 13, name)
        else:
            yield _text(plan.left - 10, y + 4, name, anchor="end")
        if plan.figure.right:
            yield _text(plan.right + 10, y + 4 + (6 if above else 0), plan.figure.right[int(at)])


def _marks(plan: Layout) -> Iterable[str]:
    shift = BELOW_NAME if names_above(plan) else 0.0
    for mark in plan.figure.marks:
        if isinstance(mark, Dot):
            yield _dot(plan, mark, shift)
        elif isinstance(mark, Curve):
            yield _curve(plan, mark)
        elif isinstance(mark, Rule):
            x = plan.x(mark.x)
            yield _line(x, plan.top, x, plan.bottom, "var(--warn)", 1.5, dash="4 3")
        elif isinstance(mark, Level):
            y = plan.y(mark.y)
            yield _line(plan.left, y, plan.right, y, "var(--warn)", 1.5, dash="4 3")
        elif isinstance(mark, Band):
            yield _band(plan, mark)
        elif isinstance(mark, Area):
            yield _area(plan, mark)
        elif isinstance(mark, Bar):
            yield _bar(plan, mark, shift)
        elif isinstance(mark, Whisker):
            y = plan.y(mark.row) + shift
            yield _line(plan.x(mark.low), y, plan.x(mark.high), y, mark.colour, mark.width, opacity=0.5)


def _dot(plan: Layout, mark: Dot, shift: float) -> str:
    x, y = plan.x(mark.x), plan.y(mark.y) + shift
    faded = ' opacity="0.45"' if mark.faded else ""
    parts = [f"<g{faded}>{_title(plan, mark.hover)}"]
    if mark.x_low is not None and mark.x_high is not None:
        parts.append(_line(plan.x(mark.x_low), y, plan.x(mark.x_high), y, mark.colour, 1.5))
    if mark.y_low is not None and mark.y_high is not None:
        parts.append(_line(x, plan.y(mark.y_low), x, plan.y(mark.y_high), mark.colour, 1.5))
    parts.append(_shape(mark.shape, x, y, RADIUS, mark.colour, mark.hollow))
    if mark.outlined:
        parts.append(_shape(mark.shape, x, y, RADIUS + 3, "var(--ink)", True, 1.5, see_through=True))
    return "".join((*parts, "</g>"))


def _curve(plan: Layout, mark: Curve) -> str:
    spots = [(plan.x(x), plan.y(y)) for x, y in zip(mark.xs, mark.ys, strict=True)]
    path = f"M{_n(spots[0][0])} {_n(spots[0][1])}"
    for x, y in spots[1:]:
        path += f"H{_n(x)}V{_n(y)}" if mark.stairs else f"L{_n(x)} {_n(y)}"
    dash = f' stroke-dasharray="{_escape(mark.dash)}"' if mark.dash else ""
    return (
        f'<path d="{path}" fill="none" stroke="{_escape(mark.colour)}" stroke-width="{mark.width:g}"{dash} '
        f'stroke-linejoin="round">{_title(plan, mark.hover)}</path>'
    )


def _band(plan: Layout, mark: Band) -> str:
    x0, x1 = plan.x(mark.low), plan.x(mark.high)
    return (
        f'<rect x="{_n(x0)}" y="{_n(plan.top)}" width="{_n(max(0.5, x1 - x0))}" height="{_n(plan.bottom - plan.top)}" '
        f'fill="{_escape(mark.colour)}" fill-opacity="0.18">{_title(plan, mark.hover)}</rect>'
    )


def _area(plan: Layout, mark: Area) -> str:
    there = [f"{_n(plan.x(x))} {_n(plan.y(y))}" for x, y in zip(mark.xs, mark.high, strict=True)]
    back = [f"{_n(plan.x(x))} {_n(plan.y(y))}" for x, y in zip(mark.xs, mark.low, strict=True)]
    return f'<path d="M{"L".join([*there, *reversed(back)])}Z" fill="{_escape(mark.colour)}" fill-opacity="0.14"/>'


def _bar(plan: Layout, mark: Bar, shift: float) -> str:
    x0, x1, y = plan.x(mark.start), plan.x(mark.end), plan.y(mark.row) + shift
    body = (
        f'<rect x="{_n(x0)}" y="{_n(y - BAR / 2)}" width="{_n(max(0.5, x1 - x0))}" height="{BAR:g}" '
        f'fill="{_escape(mark.colour)}" fill-opacity="{mark.strength:g}" stroke="{_escape(mark.colour)}" '
        f'stroke-width="1"/>'
    )
    if text_width(mark.text, plan.size - 1) + 10 < x1 - x0:
        body += _text((x0 + x1) / 2, y + 4, mark.text, anchor="middle", size=plan.size - 1)
    return f"<g>{_title(plan, mark.hover)}{body}</g>"


def _title(plan: Layout, hover: str) -> str:
    """What a pointer reads; a phone has none, and its drawing is the narrow one."""
    told = plan.width > NARROW or plan.figure.small
    return f"<title>{_escape(hover)}</title>" if hover and told else ""


def _label(one: Placed, size: float) -> str:
    lead = ""
    if one.far:
        x = min(max(one.anchor[0], one.left), one.left + one.width)
        y = min(max(one.anchor[1], one.top), one.top + one.height)
        lead = _line(one.anchor[0], one.anchor[1], x, y, "var(--muted)", 0.75)
    left, middle, line = one.left, one.top + one.height / 2, one.top + one.height * 0.78
    if one.colour:
        lead += _line(left, middle, left + SWATCH - 5, middle, one.colour, 3)
        left += SWATCH
    elif one.leftward:  # fonts differ in width: the end next to the point is the one that must be exact
        return lead + _text(one.left + one.width, line, one.text, anchor="end", halo=True, size=size)
    return lead + _text(left, line, one.text, halo=True, size=size)


def _shape(
    shape: Shape,
    x: float,
    y: float,
    radius: float,
    colour: str,
    hollow: bool,
    width: float = 2.0,
    *,
    see_through: bool = False,
) -> str:
    fill = "none" if see_through else "var(--page)" if hollow else _escape(colour)
    paint = f'fill="{fill}"'
    if hollow:
        paint += f' stroke="{_escape(colour)}" stroke-width="{width:g}" stroke-linejoin="round"'
    if shape == "circle":
        return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" {paint}/>'
    r = radius * {"square": 0.9, "diamond": 1.25, "triangle": 1.15}[shape]
    corners = {
        "square": ((-r, -r), (r, -r), (r, r), (-r, r)),
        "diamond": ((0, -r), (r, 0), (0, r), (-r, 0)),
        "triangle": ((0, -r), (r, r * 0.8), (-r, r * 0.8)),
    }[shape]
    points = " ".join(f"{_n(x + dx)},{_n(y + dy)}" for dx, dy in corners)
    return f'<polygon points="{points}" {paint}/>'


def _line(
    x0: float, y0: float, x1: float, y1: float, colour: str, width: float, *, dash: str = "", opacity: float = 1.0
) -> str:
    extra = f' stroke-dasharray="{dash}"' if dash else ""
    extra += f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
    ends = f'x1="{_n(x0)}" y1="{_n(y0)}" x2="{_n(x1)}" y2="{_n(y1)}"'
    return f'<line {ends} stroke="{_escape(colour)}" stroke-width="{_n(width)}"{extra}/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    colour: str = "var(--ink)",
    halo: bool = False,
    size: float | None = None,
) -> str:
    extra = ' class="halo"' if halo else ""
    extra += f' font-size="{_n(size)}"' if size is not None else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{_n(x)}" y="{_n(y)}"{place} fill="{colour}"{extra}>{_escape(text)}</text>'


def _escape(text: str) -> str:
    return escape(visible(text), quote=True)


def _n(value: float) -> str:
    """A coordinate to a tenth of a pixel, never "-0"."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text in ("-0", "") else text
