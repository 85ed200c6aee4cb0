"""Where the recommendation flips: how far one assumption must move, all others kept, for the rule to pick another arm.

The rule of ``rule.py`` is applied to the estimates at many values of the assumption between its bounds, and the nearest
value at which its pick leaves (or reaches) the recommended arm is closed in on. The same in every draw gives the
interval: the middle 95 % of the values at which the draws flip in that direction. A draw that never flips lies beyond
the bound, one that never picks the arm before it; where more than 2.5 % lie there, that end of the interval is open.

Money, for a request of s busy seconds (``monthly`` has the terms): at duty cycle U the fixed dollars a day are shared
by U · 86,400 / s requests; at V requests a day by V, on as many devices as they need. An API bills each request.
A limit on time flips nothing until an arm is *shown* to miss it; its interval goes to where that arm is shown to meet.
(Dominance is left out here: an arm that another beats in everything is never picked before it.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.decide.bargain import QUANTITY, bargain
from edgebench.decide.choice import Choice, points
from edgebench.decide.monthly import monthly
from edgebench.decide.resampled import Resampled
from edgebench.decide.rule import eligible, pick
from edgebench.decide.slo import slacks
from edgebench.metrics.observed import is_quantile_of_time
from edgebench.metrics.table import Floats, Index
from edgebench.records import METRICS, SLO, ArmSummary, Front, Running, SLOVerdict, StakeOfChange

DAY_S = 86_400.0
STEPS = 49  # values between the bounds at which the rule is looked at first …
HALVINGS = 30  # … and how often the step with the flip is halved, on the estimates …
FEWER = 14  # … and in the draws
MOST_DRAWS = 400
FAR = 1_000.0  # a price is followed to a thousandth and to a thousandfold
VOLUMES = (1.0, 1e7)  # requests a day
DUTIES = (0.001, 1.0)
FIRST_WRONG_USD = (1e-4, 1e3)  # where nobody has said a price yet
WEIGHED = {"loss_per_1k", "value_per_1k"}

#: metric → values of shape (rows, arms): what the rule would see
Values = Mapping[str, Floats]


@dataclass(frozen=True)
class Lever:
    """One assumption: how what the rule sees follows from it. ``move`` takes one value of it for each row."""

    quantity: str
    now: float | None
    bounds: tuple[float, float]
    move: Callable[[Values, Floats], Values]
    unit: str = ""
    even: bool = False  # steps of equal size; else of equal ratio

    @property
    def grid(self) -> Floats:
        low, high = self.bounds
        return np.linspace(low, high, STEPS) if self.even else np.geomspace(low, high, STEPS)

    def scale(self, value: Floats) -> Floats:
        """Where near and far are judged."""
        return value if self.even else np.log(np.maximum(value, 1e-300))


@dataclass(frozen=True)
class Scene:
    """The arms that may be picked, and what the rule sees of them: ``points`` has one row, ``draws`` a few hundred."""

    names: tuple[str, ...]
    chosen: int
    objectives: tuple[str, ...]
    points: Values
    draws: Values

    @property
    def rows(self) -> int:
        return len(next(iter(self.draws.values())))

    def picks(self, lever: Lever, seen: Values, theta: Floats) -> Index:
        """The rule's pick in each row, at that row's value of the assumption."""
        moved = lever.move(seen, theta)
        return pick(np.stack([_loss(moved, metric) for metric in self.objectives], axis=2), self.objectives)


def flips(resampled: Resampled, front: Front, slos: Sequence[SLOVerdict], choice: Choice) -> tuple[StakeOfChange, ...]:
    """Of prices, volume, duty cycle, accuracies, limits, the price of a wrong answer; none where nothing is chosen."""
    scene = _scene(resampled, front, choice)
    if scene is None:
        return ()
    priced = {one.arm: one for one in monthly(resampled, choice.arm).running}
    missing = {one.arm for one in slos if one.verdict == "missed"}
    weighed = bool(WEIGHED & set(front.objectives))  # whether the rule itself knows what a wrong answer costs
    return (
        *(flip(scene, lever) for lever in _levers(resampled, scene, priced)),
        *([] if weighed or choice.arm is None else [bargain(resampled, choice.arm, missing)]),
        *_out_of_play(resampled, front, scene, priced),
        *_limits(resampled, front, slos, choice),
    )


# --------------------------------------------------------------------------------------------------- the search


def flip(scene: Scene, lever: Lever) -> StakeOfChange:
    """The nearest value at which the rule's pick is no longer the chosen arm (or begins to be)."""
    found = _at_points(scene, lever)
    if found is None:
        return StakeOfChange(lever.quantity, lever.now, None, None, None, None, lever.unit)
    value, other, upward = found
    low, high = _in_draws(scene, lever, value, upward=upward)
    low, high = (None if low is None else min(low, value)), (None if high is None else max(high, value))
    return StakeOfChange(lever.quantity, lever.now, value, low, high, scene.names[other], lever.unit)


def _at_points(scene: Scene, lever: Lever) -> tuple[float, int, bool] | None:
    """(value, place of the arm picked beyond it, whether that is above it)."""
    grid = np.unique(np.append(lever.grid, [] if lever.now is None else [lever.now]))
    picks = scene.picks(lever, _tiled(scene.points, len(grid)), grid)
    ours = picks == scene.chosen
    edges = np.flatnonzero(ours[1:] != ours[:-1])
    if not len(edges):
        return None
    away = lever.scale(grid) - lever.scale(np.array([grid[0] if lever.now is None else lever.now]))
    near = int(edges[np.minimum(np.abs(away[edges]), np.abs(away[edges + 1])).argmin()])
    ends = np.array([grid[near]]), np.array([grid[near + 1]])
    upward = bool(ours[near])
    inside, outside = ends if upward else ends[::-1]
    for _ in range(HALVINGS):
        inside, outside = _halved(scene, lever, scene.points, inside, outside)
    return float(outside[0]), int(scene.picks(lever, scene.points, outside)[0]), upward


def _halved(scene: Scene, lever: Lever, seen: Values, inside: Floats, outside: Floats) -> tuple[Floats, Floats]:
    """Half the way between the values that pick the arm and those that do not, row by row."""
    middle = (inside + outside) / 2 if lever.even else np.sqrt(inside * outside)
    ours = scene.picks(lever, seen, middle) == scene.chosen
    return np.where(ours, middle, inside), np.where(ours, outside, middle)


def _in_draws(scene: Scene, lever: Lever, value: float, *, upward: bool) -> tuple[float | None, float | None]:
    """The middle 95 % of the values at which the draws leave the arm in this direction."""
    grid, rows = lever.grid, scene.rows
    theta = np.tile(grid, rows)
    seen = {metric: np.repeat(drawn, len(grid), axis=0) for metric, drawn in scene.draws.items()}
    ours = (scene.picks(lever, seen, theta) == scene.chosen).reshape(rows, len(grid))
    leaves = ours[:, :-1] & ~ours[:, 1:] if upward else ~ours[:, :-1] & ours[:, 1:]
    away = np.abs(lever.scale(grid[:-1]) - lever.scale(np.array([value])))
    edge = np.where(leaves, away, np.inf).argmin(axis=1)
    found = leaves.any(axis=1)
    below, above = grid[edge], grid[edge + 1]
    inside, outside = (below, above) if upward else (above, below)
    for _ in range(FEWER):
        inside, outside = _halved(scene, lever, scene.draws, inside, outside)
    beyond = math.inf if upward else -math.inf
    values = np.sort(np.where(found, outside, np.where(ours.any(axis=1), beyond, -beyond)))
    ends = values[int(0.025 * (rows - 1))], values[math.ceil(0.975 * (rows - 1))]
    return (float(ends[0]) if np.isfinite(ends[0]) else None), (float(ends[1]) if np.isfinite(ends[1]) else None)


def _loss(seen: Values, metric: str) -> Floats:
    """Lower is better; what a draw holds nothing of is the worst."""
    signed = seen[metric] if METRICS[metric].better == "low" else -seen[metric]
    return np.nan_to_num(signed, nan=np.inf, posinf=np.inf, neginf=-np.inf)


def _tiled(seen: Values, rows: int) -> Values:
    return {metric: np.tile(values, (rows, 1)) for metric, values in seen.items()}


# --------------------------------------------------------------------------------------------------- the scene


def _scene(resampled: Resampled, front: Front, choice: Choice) -> Scene | None:
    if choice.arm is None:
        return None
    scene = _of(resampled, front, choice.arm, tuple(n for n in resampled.arms if n in choice.names + choice.beaten))
    whole = pick(np.stack([_loss(scene.points, m) for m in front.objectives], axis=2), front.objectives)
    return scene if whole[0] == scene.chosen else _of(resampled, front, choice.arm, choice.names)


def _of(resampled: Resampled, front: Front, chosen: str, names: tuple[str, ...]) -> Scene:
    wanted = dict.fromkeys((*front.objectives, "accuracy", "usd_per_1k", "loss_per_1k"))
    metrics = [m for m in wanted if all(resampled.point(name, m) is not None for name in names)]
    means = {m: np.array([[resampled.point(name, m) for name in names]], dtype=float) for m in metrics}
    draws = {m: np.stack([resampled.draws(name, m)[:MOST_DRAWS] for name in names], axis=1) for m in metrics}
    return Scene(names, names.index(chosen), front.objectives, means, draws)


# --------------------------------------------------------------------------------------------------- the levers


def _levers(resampled: Resampled, scene: Scene, priced: Mapping[str, Running]) -> Iterator[Lever]:
    running = [priced.get(name) for name in scene.names]
    if "usd_per_1k" in scene.points:
        yield from _prices(scene, running)
        yield from _devices(resampled, scene, running)
    for place, name in enumerate(scene.names):
        if "accuracy" in scene.points:
            yield _accuracy(resampled, scene, place, name)
    if "loss_per_1k" in scene.points and WEIGHED & set(scene.objectives):
        yield _wrong_answers(resampled, scene)


def _prices(scene: Scene, running: Sequence[Running | None]) -> Iterator[Lever]:
    """Of each API: what it bills, times a factor."""
    for place, (name, one) in enumerate(zip(scene.names, running, strict=True)):
        now = float(scene.points["usd_per_1k"][0, place])
        if one is None or one.most_a_day is not None or now <= 0:
            continue

        def move(seen: Values, theta: Floats, place: int = place, now: float = now) -> Values:
            usd = seen["usd_per_1k"].copy()
            usd[:, place] *= theta / now
            return _with_cost(seen, usd)

        yield Lever(f"price of {name}", now, (now / FAR, now * FAR), move, "$ per 1,000")


def _devices(resampled: Resampled, scene: Scene, running: Sequence[Running | None]) -> Iterator[Lever]:
    """Requests a day and duty cycle, of all devices at once."""
    owned = {k: one for k, one in enumerate(running) if one is not None and one.most_a_day and one.fixed_usd_a_day > 0}
    if not owned:
        return
    means = {k: float(scene.points["usd_per_1k"][0, k]) / 1000 for k in owned}

    def fixed(theta: Floats, k: int, *, duty: bool) -> Floats:
        """Dollars a request beside its energy."""
        one, most = owned[k], owned[k].most_a_day or 1.0
        if duty:
            return one.fixed_usd_a_day / (theta * most)
        return np.maximum(1.0, np.ceil(theta / most * (1 - 1e-12))) * one.fixed_usd_a_day / theta

    def move(seen: Values, theta: Floats, *, duty: bool) -> Values:
        usd = seen["usd_per_1k"].copy()
        for k, one in owned.items():
            drawn = seen["usd_per_1k"][:, k] / (1000 * means[k])  # busy seconds of this draw, of the mean
            shared = fixed(theta, k, duty=duty) * (drawn if duty else 1.0)
            usd[:, k] = 1000 * (shared + one.usd_a_request * drawn)
        return _with_cost(seen, usd)

    first = scene.chosen if scene.chosen in owned else next(iter(owned))
    now = owned[first].fixed_usd_a_day / (owned[first].most_a_day or 1.0) / (means[first] - owned[first].usd_a_request)
    volume = now * (owned[first].most_a_day or 1.0)
    yield Lever("requests a day", volume, VOLUMES, lambda seen, theta: move(seen, theta, duty=False))
    yield Lever("duty cycle", now, DUTIES, lambda seen, theta: move(seen, theta, duty=True), "of the time busy")


def _accuracy(resampled: Resampled, scene: Scene, place: int, name: str) -> Lever:
    """Of one arm, whatever it would take; a point more is a wrong answer less, at the mean stakes of the items."""
    now = float(scene.points["accuracy"][0, place])
    utilities, arm = resampled.table[name].utilities, resampled.table[name]
    wrong = float(np.nanmean(arm.wrong_usd)) if np.isfinite(arm.wrong_usd).any() else 0.0

    def move(seen: Values, theta: Floats) -> Values:
        right = seen["accuracy"].copy()
        right[:, place] = np.clip(right[:, place] + theta - now, 0.0, 1.0)
        gained = right[:, place] - seen["accuracy"][:, place]
        moved = {**seen, "accuracy": right}
        for metric, worth in (
            ("loss_per_1k", -wrong),
            ("value_per_1k", wrong + (utilities.right_usd if utilities else 0)),
        ):
            if metric in seen:
                moved[metric] = seen[metric].copy()
                moved[metric][:, place] += 1000 * worth * gained
        return moved

    return Lever(f"accuracy of {name}", now, (0.0, 1.0), move, "fraction", even=True)


def _wrong_answers(resampled: Resampled, scene: Scene) -> Lever:
    """The price of a wrong answer at the mean stakes of the items; those of the classes stay in proportion."""
    wrong = resampled.table[scene.names[scene.chosen]].wrong_usd
    now = float(np.nanmean(wrong))

    def move(seen: Values, theta: Floats) -> Values:
        loss = seen["loss_per_1k"]
        other = loss * (theta / now)[:, None] if now > 0 else 1000 * (1 - seen["accuracy"]) * theta[:, None]
        moved = {**seen, "loss_per_1k": other}
        if "value_per_1k" in seen:
            moved["value_per_1k"] = seen["value_per_1k"] - (other - loss)
        return moved

    bounds = (now / FAR, now * FAR) if now > 0 else FIRST_WRONG_USD
    return Lever(QUANTITY, now, bounds, move, "$")


def _with_cost(seen: Values, usd: Floats) -> Values:
    moved = {**seen, "usd_per_1k": usd}
    if "value_per_1k" in seen:
        moved["value_per_1k"] = seen["value_per_1k"] - (usd - seen["usd_per_1k"])
    return moved


def _out_of_play(
    resampled: Resampled, front: Front, scene: Scene, priced: Mapping[str, Running]
) -> Iterator[StakeOfChange]:
    """APIs that may not be picked for other reasons than their price: no price of theirs changes anything."""
    for arm in resampled.summary.arms:
        one = priced.get(arm.arm)
        if arm.arm in scene.names or one is None or one.most_a_day is not None or arm.arm in front.excluded:
            continue
        now = arm.estimates["usd_per_1k"].value
        yield StakeOfChange(f"price of {arm.arm}", now, None, None, None, None, "$ per 1,000")


# --------------------------------------------------------------------------------------------------- limits


def _limits(resampled: Resampled, front: Front, slos: Sequence[SLOVerdict], choice: Choice) -> Iterator[StakeOfChange]:
    for slo in dict.fromkeys(one.slo for one in slos):
        if slo.max is not None and is_quantile_of_time(slo.metric):
            yield _limit(resampled, front, [one for one in slos if one.slo != slo], slo, choice)


def _limit(resampled: Resampled, front: Front, others: Sequence[SLOVerdict], slo: SLO, choice: Choice) -> StakeOfChange:
    """The limit's nearest value beyond which the arm is not picked, or not let in; all else of the plan kept."""
    arms = [arm for arm in resampled.summary.arms if arm.answered]
    found = {arm.arm: slacks(resampled.table[arm.arm], slo.metric) for arm in arms}
    least = {name: misses or 0.0 for name, (_, misses) in found.items()}
    elsewhere = {one.arm for one in others if one.verdict == "missed"}
    steps = sorted({0.0, *(one for one in least.values() if math.isfinite(one))})
    picks = [_within(resampled, front, arms, choice, {n for n in least if least[n] > at} | elsewhere) for at in steps]
    edges = [k for k in range(1, len(steps)) if (picks[k] == choice.arm) != (picks[k - 1] == choice.arm)]
    quantity, now, unit = f"limit on {METRICS[slo.metric].label}", slo.max or 0.0, METRICS[slo.metric].unit
    if not edges:
        return StakeOfChange(quantity, now, None, None, None, None, unit)
    k = min(edges, key=lambda edge: abs(math.log(steps[edge] / now)) if now > 0 else steps[edge])
    beyond = picks[k - 1] if picks[k] == choice.arm else picks[k]
    meets = [found[name][0] for name in least if least[name] == steps[k]]
    surely = max((one for one in meets if one is not None), default=None) if None not in meets else None
    return StakeOfChange(quantity, now, steps[k], steps[k], surely, beyond, unit)


def _within(
    resampled: Resampled, front: Front, arms: Sequence[ArmSummary], choice: Choice, missed: set[str]
) -> str | None:
    """What the rule picks of the arms that are left."""
    stand_in = np.array([arm.identity.placement == "stand-in" for arm in arms], dtype=bool)
    out = np.array([arm.arm in missed for arm in arms], dtype=bool)
    may = eligible(np.ones(len(arms), dtype=bool), out, stand_in)
    names = [arm.arm for arm, one in zip(arms, may, strict=True) if one]
    return names[int(pick(points(resampled, names, front.objectives), front.objectives)[0])] if names else None
