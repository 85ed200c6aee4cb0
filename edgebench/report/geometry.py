"""A figure laid out in pixels: margins, scales and label places, shared by the static and the live drawing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from edgebench.report.labels import Box, Placed, Wanted, place, text_width
from edgebench.report.marks import Axis, Curve, Dot, Figure, Level, Rule

ROW_HEIGHT = 40.0
BAR = 24.0  # height of a bar
BELOW_NAME = 7.0  # how far down a row's marks stand when its name is above them


@dataclass(frozen=True)
class Layout:
    """Where things stand in a drawing of ``width`` × ``height`` pixels."""

    figure: Figure
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    size: float  # of the text

    def x(self, value: float) -> float:
        return self.left + _share(self.figure.x, value) * (self.right - self.left)

    def y(self, value: float) -> float:
        share = _share(self.figure.y, value)
        if self.figure.y.scale == "rows":  # first row on top
            return self.top + share * (self.bottom - self.top)
        return self.bottom - share * (self.bottom - self.top)

    @property
    def frame(self) -> Box:
        return self.left + 2, self.top + 1, self.right - 2, self.bottom - 2

    @cached_property
    def labels(self) -> list[Placed]:
        """Direct labels of dots, lines and limits, where each covers least."""
        if self.figure.y.scale == "rows":
            return []
        dots = [mark for mark in self.figure.marks if isinstance(mark, Dot) and mark.label]
        curves = [mark for mark in self.figure.marks if isinstance(mark, Curve) and mark.label]
        rules = [mark for mark in self.figure.marks if isinstance(mark, Rule)]
        levels = [mark for mark in self.figure.marks if isinstance(mark, Level)]
        wanted = [
            *(
                Wanted(rule.label, tuple((self.x(rule.x), self._up(at)) for at in (0.92, 0.83, 0.06, 0.14, 0.3, 0.7)))
                for rule in rules
            ),
            *(Wanted(one.label, tuple((self._across(at), self.y(one.y)) for at in (0.04, 0.3, 0.6))) for one in levels),
            *(Wanted(dot.label, ((self.x(dot.x), self.y(dot.y)),)) for dot in dots),
            *(Wanted(curve.label, tuple(self._anchors(curve)), curve.colour) for curve in curves),
        ]
        return place(wanted, list(self._obstacles()), self.frame, self.size)

    def _up(self, share: float) -> float:
        """A place above the bottom, in shares of the height."""
        return self.bottom - share * (self.bottom - self.top)

    def _across(self, share: float) -> float:
        return self.left + share * (self.right - self.left)

    def _anchors(self, curve: Curve) -> Iterator[tuple[float, float]]:
        """Places along a curve, its middle first."""
        if self.figure.y.scale == "log" or curve.ys[0] != 0:  # not cumulative
            yield from self._along(curve)
            return
        for share in (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9):
            spot = min(range(len(curve.ys)), key=lambda k: abs(curve.ys[k] - share * curve.ys[-1]))
            yield self.x(curve.xs[spot]), self.y(curve.ys[spot])

    def _along(self, curve: Curve) -> Iterator[tuple[float, float]]:
        """Places on a curve of few points, between them too: the right end first, where lines part."""
        spots = [(self.x(x), self.y(y)) for x, y in zip(curve.xs, curve.ys, strict=True)]
        for share in (0.92, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1):
            x = spots[0][0] + share * (spots[-1][0] - spots[0][0])
            for (x0, y0), (x1, y1) in pairwise(spots):
                if x0 <= x <= x1 and x0 < x1:
                    yield x, y0 + (y1 - y0) * (x - x0) / (x1 - x0)
                    break

    def _obstacles(self) -> Iterator[Box]:
        for mark in self.figure.marks:
            if isinstance(mark, Dot):
                x, y = self.x(mark.x), self.y(mark.y)
                yield x - 11, y - 11, x + 11, y + 11
                yield self.x(_or(mark.x_low, mark.x)), y - 2, self.x(_or(mark.x_high, mark.x)), y + 2
                yield x - 2, self.y(_or(mark.y_high, mark.y)), x + 2, self.y(_or(mark.y_low, mark.y))
            elif isinstance(mark, Rule):
                yield self.x(mark.x) - 2, self.top, self.x(mark.x) + 2, self.bottom
            elif isinstance(mark, Level):
                yield self.left, self.y(mark.y) - 2, self.right, self.y(mark.y) + 2
            elif isinstance(mark, Curve):
                yield from self._beside(mark)

    def _beside(self, curve: Curve) -> Iterator[Box]:
        """Small boxes every few pixels along a curve."""
        spots = [(self.x(x), self.y(y)) for x, y in zip(curve.xs, curve.ys, strict=True)]
        for (x0, y0), (x1, y1) in pairwise(spots):
            corners = [(x0, y0), (x1, y0), (x1, y1)] if curve.stairs else [(x0, y0), (x1, y1)]
            for (ax, ay), (bx, by) in pairwise(corners):
                pieces = max(1, round((abs(bx - ax) + abs(by - ay)) / 8))
                for k in range(pieces + 1):
                    x, y = ax + (bx - ax) * k / pieces, ay + (by - ay) * k / pieces
                    yield x - 2, y - 2, x + 2, y + 2


@lru_cache(maxsize=64)  # the static and the live drawing share one
def layout(figure: Figure, width: float, size: float = 13.0) -> Layout:
    """Lay a figure out at a width; row charts grow with their rows."""
    if figure.y.scale == "rows":
        names = max(text_width(name, size) for _, name in figure.y.ticks)
        ends = max((text_width(text, size) for text in figure.right), default=0.0)
        narrow = names > 0.42 * width  # names go above their bars
        row = ROW_HEIGHT + (14.0 if narrow else 0.0)
        left = 6.0 if narrow else names + 14.0
        height = 20.0 + row * len(figure.y.ticks) + 46.0
        return Layout(figure, width, height, left, width - ends - 16.0, 10.0, height - 50.0, size)
    height = round(width * (0.84 if figure.small else 0.64 if width > 480 else 0.9))
    names = max(text_width(name, size) for _, name in figure.y.ticks)
    return Layout(figure, width, height, names + 16.0, width - 12.0, 26.0, height - 46.0, size)


def names_above(plan: Layout) -> bool:
    """Whether row names stand above their bars for want of room."""
    return plan.figure.y.scale == "rows" and plan.left < 10.0


def _share(axis: Axis, value: float) -> float:
    if axis.scale == "log":
        value = max(value, axis.low * 1e-3, 1e-300)
        return (math.log(value) - math.log(axis.low)) / (math.log(axis.high) - math.log(axis.low))
    return (value - axis.low) / ((axis.high - axis.low) or 1.0)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
