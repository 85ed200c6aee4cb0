"""How each arm looks, the same everywhere: colour tells the arm, shape tells where it answers.

Colours are the eight of Okabe and Ito (2008), shifted per theme in style.css until marks reach 3:1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from edgebench.records import ArmSummary, Summary
from edgebench.report import formatting
from edgebench.report.marks import Shape

COLOURS = 8
HYBRID = "hybrid: the device first, then hosted"
DASHES = ("", "7 4", "2 3")  # a second and third round of the colours
LONGEST = 36  # of a name in a chart


@dataclass(frozen=True, slots=True)
class Look:
    """An arm's colour, shape, sign and words."""

    arm: str
    number: int
    short: str  # for labels in charts: the target alone where it has one arm only
    colour: str
    dash: str
    shape: Shape
    sign: str
    place: str  # "stand-in"
    explain: str  # the same for one who reads it first
    hollow: bool


def looks(summary: Summary, *, targets_first: bool = False) -> Mapping[str, Look]:
    """A look for every arm, by its place in the summary.

    ``targets_first``: the first colours go to the first arm of each target, so that targets differ most where each is
    drawn once, whatever it was asked.
    """
    out = {}
    shorts = _shorts(summary)
    colours = _colours(summary, targets_first)
    for place, arm in enumerate(summary.arms):
        colour = colours[arm.arm]
        shape, sign, words, explain = _place(arm)
        out[arm.arm] = Look(
            arm=arm.arm,
            number=place,
            short=shorts[arm.arm],
            colour=f"var(--arm-{colour % COLOURS + 1})",
            dash=DASHES[colour // COLOURS % len(DASHES)],
            shape=shape,
            sign=sign,
            place=words,
            explain=explain,
            hollow=arm.identity.placement == "stand-in",
        )
    return out


def _shorts(summary: Summary) -> Mapping[str, str]:
    """What each arm is called in charts; of a name too long its parameters go first, where it is then still its own."""
    counts = Counter(arm.target for arm in summary.arms)
    names = {arm.arm: formatting.visible(arm.target if counts[arm.target] == 1 else arm.arm) for arm in summary.arms}
    bare = {arm: re.sub(r"\([^()]*\)", "(…)", name) for arm, name in names.items()}
    often = Counter(bare.values())
    return {
        arm: name if len(name) <= LONGEST else formatting.shorten(bare[arm] if often[bare[arm]] == 1 else name, LONGEST)
        for arm, name in names.items()
    }


def _colours(summary: Summary, targets_first: bool) -> Mapping[str, int]:
    """The number of each arm's colour."""
    arms = [arm.arm for arm in summary.arms]
    if targets_first:
        firsts: dict[str, str] = {}
        for arm in summary.arms:
            firsts.setdefault(arm.target, arm.arm)
        arms.sort(key=lambda arm: arm not in firsts.values())
    return {arm: place for place, arm in enumerate(arms)}


def _place(arm: ArmSummary) -> tuple[Shape, str, str, str]:
    if arm.identity.kind == "cascade":
        return "diamond", "◆", "hybrid", HYBRID
    if arm.identity.placement == "stand-in":
        return "triangle", "△", "stand-in", "stand-in: on this machine in place of a hosted service"
    if arm.identity.placement == "hosted":
        return "circle", "●", "hosted", "hosted"
    return "square", "■", "on the device", "on the device"
