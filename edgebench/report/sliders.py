"""What the page's sliders decide with: the material of ``decide.whatif`` as plain JSON, and where sliders begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgebench.decide import rule, whatif
from edgebench.decide.breakeven import DAY_S
from edgebench.decide.monthly import MONTH_DAYS
from edgebench.decide.pareto import DOMINATED
from edgebench.decide.wording import USD, currency
from edgebench.decide.wording import name as named
from edgebench.records import METRICS, ArmSummary, Conclusion, Material, MaterialArm
from edgebench.report.looks import Look
from edgebench.report.whatif import LEAST, MOST, USUAL

DUTY = (0.01, 1.0)
PRICE = (0.1, 10.0)
KWH = (0.02, 1.0)
ROOM = 1.25  # a slider of a time ends beyond the slowest arm


def controls(conclusion: Conclusion, looks: Mapping[str, Look]) -> dict[str, Any] | None:
    """Arms in the order of the page, objectives, limits, the numbers of the rule, ranges; None: nothing to decide."""
    given = conclusion.material
    if given is None:
        return None
    summaries = {arm.arm: arm for arm in conclusion.summary.arms}
    names = [arm.arm for arm in given.arms]
    now = currency()
    return {
        **plain(given),
        **({} if now == USD else {"currency": {"sign": now.sign, "per_usd": now.per_usd}}),
        "names": [_name(summaries[name], looks[name]) for name in names],
        "chosen": names.index(conclusion.advice.arm) if conclusion.advice.arm in names else None,
        "ranges": {
            "requests": [LEAST, MOST, USUAL],
            "duty": [*DUTY, _common(given, "duty_cycle")],
            "price": [*PRICE, 1.0],
            "kwh": [*KWH, _common(given, "kwh_usd")],
            "p95_ms": _times(given),
        },
        "device": any(arm.busy_s is not None for arm in given.arms),
    }


def plain(given: Material) -> dict[str, Any]:
    """The material and the numbers of the rule, as ``whatif.js`` decides with them."""
    return {
        "metrics": given.metrics,
        "objectives": [
            {"metric": name, "label": named(name), "unit": METRICS[name].unit}
            | {"low": METRICS[name].better == "low", "share": METRICS[name].unit == "fraction"}
            for name in given.objectives
        ],
        "limits": {name: whatif.plan_limit(given, name) for name in whatif.MOVED},
        "arms": [_arm(arm) for arm in given.arms],
        "draws": draws(given),
        "day": DAY_S,
        "month": MONTH_DAYS,
        "joule": whatif.A_JOULE,
        "rule": {
            "points": rule.TOLERANCE_SHARE,
            "ratio": rule.TOLERANCE_RATIO,
            "rounding": rule.ROUNDING,
            "dominated": DOMINATED,
            "kept": whatif.KEPT,
            "lost": whatif.LOST,
        },
    }


def shown(conclusion: Conclusion) -> Sequence[tuple[str, str, bool]]:
    """Every slider: its id, its label, and whether anything in this run hangs on it."""
    given = conclusion.material
    if given is None:
        return ()
    device = any(arm.busy_s is not None for arm in given.arms)
    known = {
        name: any(arm.points[given.metrics.index(name)] is not None for arm in given.arms) for name in whatif.MOVED
    }
    return (
        ("requests", "Requests a day", True),
        ("duty", "Devices are busy", device),
        ("price", "Price of APIs", any(arm.token_usd > 0 for arm in given.arms)),
        ("kwh", "Price of power", any(arm.active_w > 0 for arm in given.arms)),
        ("p95", "p95 at most", known["p95_ms"]),
        ("right", "Right at least", known["accuracy"]),
    )


def draws(given: Material) -> int:
    """How many draws the material holds; a decision by points alone is one."""
    rows = [row for arm in given.arms for row in (*arm.draws, arm.token_draws, arm.busy_draws)]
    return max((len(row) for row in rows), default=0) or 1


def _name(summary: ArmSummary, look: Look) -> str:
    return f"{look.short} (a stand-in)" if summary.identity.placement == "stand-in" else look.short


def _arm(arm: MaterialArm) -> dict[str, Any]:
    return {
        "eligible": arm.eligible,
        "standin": arm.stand_in,
        "points": arm.points,
        "draws": arm.draws,
        "judged": dict(arm.judged),
        "priced": arm.priced,
        "token": arm.token_usd,
        "tokens": arm.token_draws,
        "busy": arm.busy_s,
        "busies": arm.busy_draws,
        "owned": arm.owned_usd_a_day,
        "idle": arm.idle_w,
        "active": arm.active_w,
        "duty": arm.duty_cycle,
        "kwh": arm.kwh_usd,
    }


def _common(given: Material, what: str) -> float | None:
    """What all devices share; None where they differ, or where there is none."""
    found = {getattr(arm, what) for arm in given.arms} - {None}
    return found.pop() if len(found) == 1 else None


def _times(given: Material) -> Sequence[float]:
    """From the fastest arm's p95 to beyond the slowest's, the plan's limit inside."""
    place = given.metrics.index("p95_ms")
    limit = whatif.plan_limit(given, "p95_ms")
    times = [one for arm in given.arms if (one := arm.points[place]) is not None] + ([limit] if limit else [])
    times = times or [1.0]
    return [min(times) / ROOM, max(times) * ROOM]
