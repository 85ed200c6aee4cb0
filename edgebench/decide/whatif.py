"""What if: the decision again at another volume, duty cycle, price or limit, from a few numbers that fit in a page.

``material`` packs those numbers; ``reconsider`` decides from them, and the page's script does the same, line by line.
A request costs what the API bills, times a factor, plus what the device costs for s busy seconds. Where the device is
shared with other work, at duty cycle U::

    owned a day / 86,400 / U · s  +  (active watts · s + idle watts · (s/U − s)) · $/J

and where it does nothing else, at V requests a day, ``devices = ⌈V·s / 86,400⌉`` of them::

    devices · (owned a day + idle watts · 86,400 · $/J) / V  +  (active − idle watts) · s · $/J

The front and the rule are those of ``pareto`` and ``rule``, on the draws kept here. A limit moved away from the plan's
is missed where fewer than one draw in twenty keeps it; the plan's own limits keep the verdicts of ``slo``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgebench.decide.breakeven import DAY_S
from edgebench.decide.monthly import MONTH_DAYS
from edgebench.decide.pareto import dominance
from edgebench.decide.resampled import Resampled
from edgebench.decide.rule import eligible, outclassed, pick
from edgebench.metrics.charges import Charges
from edgebench.metrics.device_cost import JOULES_PER_KWH
from edgebench.metrics.observed import observe
from edgebench.metrics.table import Floats
from edgebench.records import METRICS, Front, Material, MaterialArm, Monthly, Running, SLOVerdict

MOST_DRAWS = 200
DIGITS = 4
KEPT, LOST = 0.95, 0.05  # share of draws from which a limit is kept, below which it is missed
MOVED = ("p95_ms", "accuracy")  # limits that have a slider
A_JOULE = 1 / float(JOULES_PER_KWH)
ORDER = ("missed", "undecided", "met")


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be asked otherwise than in the plan. None: as in the plan and the device profiles."""

    requests_a_day: float = 1_000.0
    own: bool = False  # devices do nothing else: their duty cycle follows from the volume
    duty_cycle: float | None = None  # 0 < … ≤ 1
    api_price: float = 1.0  # times what the API bills
    kwh_usd: float | None = None
    limits: Mapping[str, float | None] = field(default_factory=dict)  # of MOVED; None: no limit; left out: the plan's


@dataclass(frozen=True, slots=True)
class Standing:
    """One arm at some settings."""

    arm: str
    usd_per_1k: float | None
    usd_a_month: float | None  # its devices used for nothing else
    devices: int  # 0: none needed
    duty_cycle: float | None  # that was reckoned with
    front: float | None  # P(front); None: not compared
    judged: Mapping[str, str]  # limit's metric → "met", "undecided", "missed"
    may: bool  # be recommended
    picked: float  # share of draws in which the rule picks it


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rule picks at some settings: the place of an arm (None: none may be), and how every arm stands."""

    pick: int | None
    standings: tuple[Standing, ...]


# --------------------------------------------------------------------------------------------------- the material


def material(resampled: Resampled, front: Front, slos: Sequence[SLOVerdict], costs: Monthly) -> Material | None:
    """Points and at most 200 joint draws of all a decision rests on; None where nothing can be decided."""
    if not front.objectives:
        return None
    metrics = tuple(dict.fromkeys((*front.objectives, *MOVED, "usd_per_1k")))
    running = {one.arm: one for one in costs.running}
    arms = tuple(
        _arm(resampled, arm.arm, metrics, running.get(arm.arm), arm.arm not in front.excluded, slos)
        for arm in resampled.summary.arms
    )
    return Material(metrics, front.objectives, resampled.run.plan.slos, arms)


def _arm(
    resampled: Resampled,
    name: str,
    metrics: Sequence[str],
    running: Running | None,
    answered: bool,
    slos: Sequence[SLOVerdict],
) -> MaterialArm:
    judged: dict[str, str] = {}
    for one in slos:
        if one.arm == name:
            judged[one.slo.metric] = min(judged.get(one.slo.metric, "met"), one.verdict, key=ORDER.index)
    device = {} if running is None else _price(resampled, name, running)
    return MaterialArm(
        arm=name,
        eligible=answered,
        stand_in=resampled.arms[name].identity.placement == "stand-in",
        points=tuple(resampled.point(name, metric) for metric in metrics),
        draws=tuple(
            () if metric == "usd_per_1k" and running is not None else _few(resampled.draws(name, metric))
            for metric in metrics
        ),
        judged=judged,
        priced=running is not None,
        **device,  # type: ignore[arg-type]
    )


def _price(resampled: Resampled, name: str, running: Running) -> Mapping[str, object]:
    """What an arm costs: by the call, by the device, or by the day a machine is rented."""
    usd = (resampled.point(name, "usd_per_1k") or 0.0) / 1000
    drawn = resampled.draws(name, "usd_per_1k") / 1000
    if running.most_a_day is None:
        return {"token_usd": usd, "token_draws": _few(drawn)}
    if resampled.table[name].charges.of:
        return _hybrid(resampled, name, running, usd, drawn)
    return _machine(resampled.table[name].charges, running, usd, drawn)


def _hybrid(resampled: Resampled, name: str, running: Running, usd: float, drawn: Floats) -> Mapping[str, object]:
    """What the API bills and what the device costs, each from the calls it answered; several devices go as billed."""
    arm = resampled.table[name]
    parts = [part for part in arm.charges.of.values() if part.machine is not None]
    if len(parts) != 1:
        return {"token_usd": usd, "token_draws": _few(drawn)}
    seen = observe(replace(arm, charges=parts[0]), "usd_per_1k")
    point = None if seen is None else seen.point()
    if seen is None or point is None:
        return {"token_usd": usd, "token_draws": _few(drawn)}
    owned = seen.draws(resampled.weights) / 1000
    device = _machine(parts[0], running, point / 1000, owned)
    return {**device, "token_usd": usd - point / 1000, "token_draws": _few(drawn - owned)}


def _machine(charges: Charges, running: Running, usd: float, drawn: Floats) -> dict[str, object]:
    """A device or a rented machine; ``usd``: of a request, with its draws."""
    busy = DAY_S / (running.most_a_day or math.inf)
    found: dict[str, object] = {"busy_s": busy, "busy_draws": _few(drawn * (busy / usd)) if usd else ()}
    profile = charges.device
    if profile is None:  # a day costs what it costs, busy or not
        duty = running.fixed_usd_a_day / DAY_S * busy / usd if usd else 1.0
        return found | {"owned_usd_a_day": running.fixed_usd_a_day, "duty_cycle": duty}
    idle, kwh = float(profile["idle_w"]), float(profile["kwh_usd"])
    return found | {
        "owned_usd_a_day": running.fixed_usd_a_day - idle * DAY_S * A_JOULE * kwh,
        "idle_w": idle,
        "active_w": float(profile["active_w"]),
        "duty_cycle": float(profile["duty_cycle"]),
        "kwh_usd": kwh,
    }


def _few(drawn: Floats) -> tuple[float | None, ...]:
    """The first draws, to four digits; none where all are alike; None in the place of what a draw lacks."""
    kept = drawn[:MOST_DRAWS]
    if len(kept) == 0 or bool(np.isnan(kept).all()) or float(np.nanmax(kept)) == float(np.nanmin(kept)):
        return ()
    return tuple(float(f"{one:.{DIGITS}g}") if math.isfinite(one) else None for one in kept.tolist())


# --------------------------------------------------------------------------------------------------- money


def devices(arm: MaterialArm, requests_a_day: float) -> int:
    """How many devices the volume needs: at least one; 0 for an arm that runs on none."""
    if arm.busy_s is None:
        return 0
    return max(1, math.ceil(requests_a_day * arm.busy_s / DAY_S * (1 - 1e-12)))


def usd_a_request(
    arm: MaterialArm, settings: Settings, token_usd: float | None = None, busy_s: float | None = None
) -> float:
    """Dollars a request at some settings, of the arm's means or of one draw of them."""
    token_usd = arm.token_usd if token_usd is None else token_usd
    billed = token_usd * settings.api_price
    busy_s = arm.busy_s if busy_s is None else busy_s
    if busy_s is None:
        return billed
    joule = _kwh(arm, settings) * A_JOULE
    if settings.own:
        fixed = devices(arm, settings.requests_a_day) * (arm.owned_usd_a_day + arm.idle_w * DAY_S * joule)
        return billed + fixed / settings.requests_a_day + (arm.active_w - arm.idle_w) * busy_s * joule
    duty = _duty(arm, settings)
    energy = (arm.active_w * busy_s + arm.idle_w * (busy_s / duty - busy_s)) * joule
    return billed + arm.owned_usd_a_day / DAY_S / duty * busy_s + energy


def usd_a_month(arm: MaterialArm, settings: Settings) -> float:
    """Dollars a month at a volume, its devices used for nothing else."""
    joule = _kwh(arm, settings) * A_JOULE
    fixed = devices(arm, settings.requests_a_day) * (arm.owned_usd_a_day + arm.idle_w * DAY_S * joule)
    each = arm.token_usd * settings.api_price + (arm.active_w - arm.idle_w) * (arm.busy_s or 0.0) * joule
    return (fixed + settings.requests_a_day * each) * MONTH_DAYS


def _kwh(arm: MaterialArm, settings: Settings) -> float:
    """The price of its power; a machine that is rented by the day pays for none."""
    own = arm.kwh_usd or 0.0
    return own if settings.kwh_usd is None else settings.kwh_usd


def _duty(arm: MaterialArm, settings: Settings) -> float:
    if settings.own:
        busy = settings.requests_a_day * (arm.busy_s or 0.0) / DAY_S
        return busy / devices(arm, settings.requests_a_day)
    return (arm.duty_cycle or 1.0) if settings.duty_cycle is None else settings.duty_cycle


# --------------------------------------------------------------------------------------------------- the decision


def reconsider(given: Material, settings: Settings) -> Decision:
    """The decision at other settings; ``Settings()`` gives the page's own again, but for what 200 draws leave open."""
    judged = [_judged(given, arm, settings) for arm in given.arms]
    answered = np.array([arm.eligible for arm in given.arms], dtype=bool)
    missed = np.array(["missed" in found.values() for found in judged], dtype=bool)
    stand_in = np.array([arm.stand_in for arm in given.arms], dtype=bool)
    points, loss = _losses(given, settings)
    may = eligible(answered, missed, stand_in)
    front = _p_front(loss, answered)
    places = np.flatnonzero(may)
    if len(places):
        places = places[outclassed(loss[:, places, :]) < 0]
    chosen: int | None = None
    picked = np.zeros(len(given.arms), dtype=np.int64)
    if len(places):
        chosen = int(places[pick(points[:, places, :], given.objectives)[0]])
        for place in places[pick(loss[:, places, :], given.objectives)]:
            picked[place] += 1
    standings = tuple(
        Standing(
            arm=arm.arm,
            usd_per_1k=1000 * usd_a_request(arm, settings) if arm.priced else None,
            usd_a_month=usd_a_month(arm, settings) if arm.priced else None,
            devices=devices(arm, settings.requests_a_day),
            duty_cycle=None if arm.busy_s is None else _duty(arm, settings),
            front=front[k],
            judged=judged[k],
            may=k in places,
            picked=float(picked[k] / len(loss)),
        )
        for k, arm in enumerate(given.arms)
    )
    return Decision(chosen, standings)


def _judged(given: Material, arm: MaterialArm, settings: Settings) -> Mapping[str, str]:
    """Every limit's verdict: the plan's as they were judged, moved ones by the share of draws that keep them."""
    found = dict(arm.judged)
    for metric, limit in settings.limits.items():
        if limit == plan_limit(given, metric):
            continue
        found.pop(metric, None)
        point = arm.points[given.metrics.index(metric)]
        if limit is None:
            continue
        if point is None:
            found[metric] = "undecided"
            continue
        drawn = [one for one in arm.draws[given.metrics.index(metric)] if one is not None] or [point]
        low = METRICS[metric].better == "low"
        kept = sum(one <= limit if low else one >= limit for one in drawn) / len(drawn)
        found[metric] = "met" if kept >= KEPT else "missed" if kept < LOST else "undecided"
    return found


def plan_limit(given: Material, metric: str) -> float | None:
    """The plan's limit on a metric; None without one."""
    for one in given.limits:
        if one.metric == metric:
            return one.max if METRICS[metric].better == "low" else one.min
    return None


def _losses(given: Material, settings: Settings) -> tuple[Floats, Floats]:
    """Points of shape (1, arms, objectives) and draws of shape (draws, arms, objectives); lower is better."""
    count = max((len(row) for arm in given.arms for row in (*arm.draws, arm.token_draws, arm.busy_draws)), default=0)
    count = max(count, 1)
    points = np.full((1, len(given.arms), len(given.objectives)), np.inf)
    loss = np.full((count, len(given.arms), len(given.objectives)), np.inf)
    for i, arm in enumerate(given.arms):
        for k, metric in enumerate(given.objectives):
            sign = 1.0 if METRICS[metric].better == "low" else -1.0
            point, drawn = _values(given, arm, metric, settings, count)
            points[0, i, k] = np.inf if point is None else sign * point
            loss[:, i, k] = [np.inf if one is None else sign * one for one in drawn]
    return points, loss


def _values(
    given: Material, arm: MaterialArm, metric: str, settings: Settings, count: int
) -> tuple[float | None, Sequence[float | None]]:
    """An objective of an arm: its point and its draws; what depends on money is reckoned at the settings."""
    place = given.metrics.index(metric)
    point = arm.points[place]
    drawn: Sequence[float | None] = arm.draws[place] or [point] * count
    if metric == "usd_per_1k" and arm.priced:
        return 1000 * usd_a_request(arm, settings), _dollars(arm, settings, count)
    if metric == "value_per_1k" and arm.priced and point is not None:
        now, before = _dollars(arm, settings, count), _dollars(arm, Settings(), count)
        moved = [None if one is None else one - (a - b) for one, a, b in zip(drawn, now, before, strict=True)]
        return point - 1000 * (usd_a_request(arm, settings) - usd_a_request(arm, Settings())), moved
    return point, drawn


def _dollars(arm: MaterialArm, settings: Settings, count: int) -> list[float]:
    """Dollars per 1,000 requests in every draw; a draw that lacks them has the mean."""
    tokens = arm.token_draws or (None,) * count
    busy = arm.busy_draws or (None,) * count
    return [1000 * usd_a_request(arm, settings, a, b) for a, b in zip(tokens, busy, strict=True)]


def _p_front(loss: Floats, answered: np.ndarray) -> list[float | None]:
    """P(front) among all that answered; None for the others."""
    places = np.flatnonzero(answered)
    out: list[float | None] = [None] * loss.shape[1]
    if len(places):
        on = 1 - dominance(loss[:, places, :]).any(axis=2).mean(axis=0)
        for place, share in zip(places, on, strict=True):
            out[int(place)] = float(share)
    return out
