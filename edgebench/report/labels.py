"""Places labels beside points so that they cover neither points nor each other.

Greedy, in the order given: every label tries its anchors × sides × distances and keeps the cheapest place.
Coordinates are pixels of the drawing; deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SWATCH = 16.0  # room for a short line in the colour of a curve
FARTHEST = 64.0  # between a label and its point
NARROW, BROAD = set("iljtfrI.,:;'|()[] "), set("mwMW@—%")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label and the points it may stand beside, best first."""

    text: str
    anchors: tuple[tuple[float, float], ...]
    colour: str = ""  # of a swatch before the text, when the label speaks of a line


@dataclass(frozen=True, slots=True)
class Placed:
    """A label with the left end of its baseline box, and the anchor it speaks of."""

    text: str
    left: float
    top: float
    width: float
    height: float
    anchor: tuple[float, float]
    colour: str = ""

    @property
    def leftward(self) -> bool:
        """Whether it ends at its anchor instead of beginning there."""
        return self.left + self.width <= self.anchor[0]

    @property
    def far(self) -> bool:
        """Whether it needs a line to its anchor."""
        x = min(max(self.anchor[0], self.left), self.left + self.width)
        y = min(max(self.anchor[1], self.top), self.top + self.height)
        return abs(x - self.anchor[0]) + abs(y - self.anchor[1]) > 26


Box = tuple[float, float, float, float]  # left, top, right, bottom
Boxes = npt.NDArray[np.float64]  # (n, 4)


def text_width(text: str, size: float) -> float:
    """About how wide a system font sets the text, in pixels."""
    return size * sum(0.36 if sign in NARROW else 0.92 if sign in BROAD else 0.61 for sign in text)


def place(wanted: Sequence[Wanted], obstacles: Sequence[Box], frame: Box, size: float) -> list[Placed]:
    """Every label at its cheapest place inside ``frame``."""
    taken: list[Box] = []
    barred = np.array(obstacles, dtype=float).reshape(-1, 4)
    out = []
    for one in wanted:
        width, height = text_width(one.text, size) + (SWATCH if one.colour else 0.0), size * 1.2
        best: tuple[float, Placed] | None = None
        for rank, anchor in enumerate(one.anchors):
            near = _near(barred, anchor, width, height)
            for step, (left, top) in enumerate(_sides(anchor, width, height)):
                cost = 0.6 * rank + 0.12 * step
                if best is not None and cost >= best[0]:
                    break  # later sides of this anchor only cost more
                box = (left, top, left + width, top + height)
                cost += _cost(box, np.array(taken, dtype=float).reshape(-1, 4), near, frame)
                if best is None or cost < best[0]:
                    best = cost, Placed(one.text, left, top, width, height, anchor, one.colour)
        if best is not None:
            out.append(best[1])
            taken.append(_box(best[1]))
    return out


def _sides(anchor: tuple[float, float], width: float, height: float) -> list[tuple[float, float]]:
    x, y = anchor
    out = []
    for gap in (13.0, 19.0, 30.0, 46.0, FARTHEST):
        middle = y - height / 2
        diagonal = gap * 0.75
        out += [
            (x + gap, middle),
            (x - gap - width, middle),
            (x + diagonal, y - diagonal - height),
            (x + diagonal, y + diagonal),
            (x - diagonal - width, y - diagonal - height),
            (x - diagonal - width, y + diagonal),
            (x - width / 2, y - gap - height),
            (x - width / 2, y + gap),
        ]
    return out


def _box(one: Placed) -> Box:
    return one.left - 3, one.top - 1, one.left + one.width + 3, one.top + one.height + 1


def _cost(box: Box, taken: Boxes, obstacles: Boxes, frame: Box) -> float:
    outside = max(0.0, frame[0] - box[0]) + max(0.0, box[2] - frame[2])
    outside += max(0.0, frame[1] - box[1]) + max(0.0, box[3] - frame[3])
    area = max(1.0, (box[2] - box[0]) * (box[3] - box[1]))
    labels, others = _overlap(box, taken), _overlap(box, obstacles)
    return 4.0 * outside + 60.0 * labels / area + 30.0 * others / area + 2.0 * (labels > 0) + 0.4 * (others > 0)


def _overlap(box: Box, others: Boxes) -> float:
    """Area of ``box`` that others cover, counted as often as it is covered."""
    wide = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    high = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return float((np.maximum(wide, 0.0) * np.maximum(high, 0.0)).sum())


def _near(boxes: Boxes, anchor: tuple[float, float], width: float, height: float) -> Boxes:
    """The boxes a label beside this anchor could touch."""
    across, down = FARTHEST + width, FARTHEST + height
    (x, y), (left, top, right, bottom) = anchor, boxes.T
    near: Boxes = boxes[(right > x - across) & (left < x + across) & (bottom > y - down) & (top < y + down)]
    return near
