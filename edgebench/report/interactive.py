"""The same figures as plotly drawings, in plain JSON: hover and zoom for those who have JavaScript.

plotly reads a little HTML in its texts, so every text is escaped for it here; the page's script puts real
colours in the place of CSS variables when it draws.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import lzma
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from edgebench.plugins import need
from edgebench.report.formatting import visible
from edgebench.report.geometry import BAR, BELOW_NAME, Layout, layout, names_above
from edgebench.report.labels import Placed, text_width
from edgebench.report.marks import Area, Axis, Band, Bar, Curve, Dot, Figure, Level, Mark, Whisker

WIDTH = 580.0
SYMBOLS = {"square": "square", "circle": "circle", "diamond": "diamond", "triangle": "triangle-up"}
DASHES = {"": "solid", "5 4": "dash", "7 4": "dash", "2 3": "dot", "4 3": "dash"}
#: LZMA1, 400 kB less of a page than gzip, for some two seconds of the first writing; the page decodes it (lzma.js).
#: Preset 1 takes a second and a half less and makes a page 150 kB longer, preset 6 another second for 45 kB.
FILTERS = [{"id": lzma.FILTER_LZMA1, "preset": 4, "dict_size": 1 << 23, "lc": 3, "lp": 0, "pb": 0}]
#: base 85 is 6 % smaller than base 64; three of its signs mean something to HTML and are swapped for others
PLAIN = str.maketrans("<>&", ",:.")


@dataclass(frozen=True, slots=True)
class Library:
    """plotly.js as it travels: compressed, with the hash its text must have to be let run."""

    packed: str  # LZMA
    bytes: int  # unpacked
    sha256: str  # base64, as a Content-Security-Policy wants it


@cache
def library() -> Library:
    """plotly.js out of the installed plotly package."""
    text: bytes = need("plotly.offline").get_plotlyjs().encode()
    packed = lzma.compress(text, format=lzma.FORMAT_RAW, filters=FILTERS)
    return Library(_signs(packed), len(text), base64.b64encode(hashlib.sha256(text).digest()).decode())


def island(value: object) -> str:
    """JSON that is safe inside a ``<script type="application/json">``: no sign in it can end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def pack(content: bytes) -> str:
    """Data as they travel inside the page: gzip, in signs."""
    return _signs(gzip.compress(content, 9, mtime=0))


def _signs(packed: bytes) -> str:
    """Their count, and the bytes in base 85 of signs that mean nothing to HTML."""
    return f"{len(packed)} {base64.b85encode(packed, pad=True).decode().translate(PLAIN)}"


def specification(figure: Figure) -> Mapping[str, Any]:
    """``{"data": …, "layout": …}`` for ``Plotly.newPlot``, at the proportions of the static drawing."""
    plan = layout(figure, WIDTH)
    return {
        "data": [trace for mark in figure.marks for trace in _traces(plan, mark)],
        "layout": _layout(plan),
        "ratio": round(plan.height / plan.width, 4),
    }


def _layout(plan: Layout) -> dict[str, Any]:
    figure = plan.figure
    notes = [_annotation(plan, one) for one in plan.labels]
    if figure.y.scale == "rows":
        above = names_above(plan)
        if above:
            notes += [_beside(0.0, at, name, "x", -14) for at, name in figure.y.ticks]
        notes += [_beside(1.0, float(row), text, "end", 0) for row, text in enumerate(figure.right)]
    else:
        notes.append(
            {"text": _text(figure.y.label), "x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left"}
            | {"yanchor": "bottom", "showarrow": False, "xshift": 2 - plan.left, "yshift": 6}
            | {"font": {"color": "var(--muted)"}}
        )
    shapes = [_band(mark) for mark in figure.marks if isinstance(mark, Band)]
    return {
        "autosize": True,
        "margin": {
            "l": round(plan.left),
            "r": round(plan.width - plan.right),
            "t": round(plan.top),
            "b": round(plan.height - plan.bottom),
        },
        "xaxis": _axis(figure.x) | {"title": _title(figure.x.label, plan.size)},
        "yaxis": _axis(figure.y, hidden=names_above(plan)),
        "annotations": notes,
        **({"shapes": shapes} if shapes else {}),
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "zoom",
        "barmode": "overlay",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": plan.size, "color": "var(--ink)"},
        "hoverlabel": {"bgcolor": "var(--page)", "bordercolor": "var(--muted)", "font": {"color": "var(--ink)"}},
    }


def _band(mark: Band) -> dict[str, Any]:
    ends = {"x0": _short(mark.low), "x1": _short(mark.high), "y0": 0, "y1": 1}
    look = {"fillcolor": mark.colour, "opacity": 0.18, "line": {"width": 0}, "layer": "below"}
    return {"type": "rect", "xref": "x", "yref": "paper"} | ends | look


def _title(label: str, size: float) -> dict[str, Any]:
    return {"text": _text(label), "standoff": 8, "font": {"size": size, "color": "var(--muted)"}}


def _axis(axis: Axis, *, hidden: bool = False) -> dict[str, Any]:
    log, ends = axis.scale == "log", _ends(axis)
    flipped = axis.scale == "rows"
    return {
        "type": "log" if log else "linear",
        "range": ends[::-1] if flipped else ends,
        "tickmode": "array",
        "tickvals": [at for at, _ in axis.ticks],
        "ticktext": ["" if hidden else _text(name) for _, name in axis.ticks],
        "gridcolor": "var(--grid)",
        "zeroline": False,
        "showgrid": not flipped,
        "fixedrange": flipped,
        "tickfont": {"color": "var(--ink)" if flipped else "var(--muted)"},
        "ticklabelstandoff": 6,
    }


def _ends(axis: Axis) -> list[float]:
    """An axis from end to end as plotly counts: exponents where it is logarithmic."""
    return [math.log10(end) if axis.scale == "log" else end for end in (axis.low, axis.high)]


def _traces(plan: Layout, mark: Mark) -> list[dict[str, Any]]:
    if isinstance(mark, Dot):
        return _dot(mark)
    if isinstance(mark, Curve):
        return [_curve(mark)]
    if isinstance(mark, Bar):
        return [_bar(plan, mark)]
    if isinstance(mark, Band):
        return []  # a shape of the layout
    if isinstance(mark, Area):
        return [_area(mark)]
    if isinstance(mark, Whisker):
        line = {"color": mark.colour, "width": mark.width}
        return [_lines([mark.low, mark.high], [mark.row, mark.row], mark.hover, line) | {"opacity": 0.5}]
    line = {"color": "var(--warn)", "width": 1.5, "dash": "dash"}
    if isinstance(mark, Level):
        return [_lines([plan.figure.x.low, plan.figure.x.high], [mark.y, mark.y], mark.label, line)]
    return [_lines([mark.x, mark.x], [plan.figure.y.low, plan.figure.y.high], mark.label, line)]


def _dot(mark: Dot) -> list[dict[str, Any]]:
    symbol = SYMBOLS[mark.shape]
    trace: dict[str, Any] = _point(mark) | {
        "marker": {
            "symbol": symbol,
            "size": 12,
            "opacity": 1,
            "color": "var(--page)" if mark.hollow else mark.colour,
            "line": {"width": 2 if mark.hollow else 0, "color": mark.colour},
        },
        "opacity": 0.45 if mark.faded else 1,
    }
    for name, value, low, high in (("x", mark.x, mark.x_low, mark.x_high), ("y", mark.y, mark.y_low, mark.y_high)):
        if low is not None and high is not None:
            trace[f"error_{name}"] = {
                "type": "data",
                "symmetric": False,
                "array": [max(0.0, high - value)],
                "arrayminus": [max(0.0, value - low)],
                "color": mark.colour,
                "thickness": 1.5,
                "width": 0,
            }
    if not mark.outlined:
        return [trace]
    ring = {"symbol": f"{symbol}-open", "size": 19, "color": "var(--ink)", "line": {"width": 1.5}}
    return [trace, _point(mark) | {"marker": ring, "hoverinfo": "skip"}]


def _point(mark: Dot) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [mark.x],
        "y": [mark.y],
        "hoverinfo": "text",
        "hovertext": _text(mark.hover),
        "cliponaxis": False,
    }


def _curve(mark: Curve) -> dict[str, Any]:
    line = {
        "color": mark.colour,
        "width": mark.width,
        "dash": DASHES.get(mark.dash, "dash"),
        "shape": "hv" if mark.stairs else "linear",
    }
    trace = _lines([_short(x) for x in mark.xs], [_short(y) for y in mark.ys], mark.hover, line)
    return trace | {"hoverinfo": "text+x"} if mark.label else trace


def _area(mark: Area) -> dict[str, Any]:
    """There along the upper line and back along the lower."""
    xs = [_short(x) for x in (*mark.xs, *reversed(mark.xs))]
    ys = [_short(y) for y in (*mark.high, *reversed(mark.low))]
    trace = _lines(xs, ys, "", {"width": 0})
    return trace | {"fill": "toself", "fillcolor": mark.colour, "opacity": 0.14, "hoverinfo": "skip"}


def _lines(xs: list[float], ys: list[float], hover: str, line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "hoverinfo": "text",
        "hovertext": _text(hover),
        "line": dict(line),
    }


def _bar(plan: Layout, mark: Bar) -> dict[str, Any]:
    fits = text_width(mark.text, plan.size - 1) + 10 < plan.x(mark.end) - plan.x(mark.start)
    row = (plan.bottom - plan.top) / len(plan.figure.y.ticks)  # in pixels: the bar is as it is when drawn still
    down = BELOW_NAME / row if names_above(plan) else 0.0
    return {
        "type": "bar",
        "orientation": "h",
        "y": [_short(mark.row + down)],
        "x": [_short(mark.end - mark.start)],
        "base": [_short(mark.start)],
        "width": _short(BAR / row),
        "text": _text(mark.text) if fits else "",
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": "var(--ink)", "size": plan.size - 1},
        "hoverinfo": "text",
        "hovertext": _text(mark.hover),
        "marker": {"color": mark.colour, "line": {"color": mark.colour, "width": 1}, "strength": mark.strength},
    }


def _annotation(plan: Layout, one: Placed) -> dict[str, Any]:
    """A direct label, at the same pixel distance from its point as in the static drawing."""
    figure, (x, y) = plan.figure, one.anchor
    across, up = (x - plan.left) / (plan.right - plan.left), (plan.bottom - y) / (plan.bottom - plan.top)
    low, high = _ends(figure.x)
    floor, top = _ends(figure.y)
    swatch = f'<span style="color:{one.colour}">━</span> ' if one.colour else ""
    return {
        "text": swatch + _text(one.text),
        "x": _short(low + across * (high - low)),
        "y": _short(floor + up * (top - floor)),
        "xanchor": "right" if one.leftward else "left",
        "yanchor": "top",
        "ax": round(one.left + (one.width if one.leftward else 0.0) - x, 1),
        "ay": round(one.top - y - 3, 1),
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 0.75 if one.far else 0.1,
        "arrowcolor": "var(--muted)" if one.far else "rgba(0,0,0,0)",
        "borderpad": 0,
    }


def _beside(x: float, row: float, text: str, side: str, lift: float) -> dict[str, Any]:
    return {
        "text": _text(text),
        "x": x,
        "y": row,
        "xref": "paper",
        "yref": "y",
        "xanchor": "left",
        "showarrow": False,
        "xshift": 8 if side == "end" else 0,
        "yshift": -lift,
    }


def _short(value: float) -> float:
    """Six digits are more than a screen shows."""
    return float(f"{value:.6g}")


def _text(text: str) -> str:
    return escape(visible(text), quote=False)
