"""``edgebench sweep``: the highest open-loop rate at which a target keeps its SLOs, with every point it stands on."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from edgebench.cli import INTERRUPTED
from edgebench.cli.options import as_json, console, emit, grid, opened, say, set_option, settings_of, store_option, yes
from edgebench.cli.options import text as plain
from edgebench.errors import GateFailed, GateUndecided, NothingRan, UsageError
from edgebench.records import METRICS, SLO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgebench.records import Plan, ScenarioKind
    from edgebench.run.points import Load, Points
    from edgebench.run.sweep import Found, Limits, Point
    from edgebench.store.sql import SqlStore

#: Metrics that load does not change, or that a sweep itself decides: no rate would meet or miss a limit on them.
NOT_OURS = ("accuracy", "usd_per_1k", "joules_per_request", "throughput_rps", "send_lag_p99_ms", "cold_first_ms")
UNMOVED = frozenset((*NOT_OURS, "load_s", "load_growth_mib", "peak_mib", "anon_mib", "file_mib"))
HIGHEST = 1000.0  # requests a second, where --to is not given
LOWEST = 4.0  # times fewer than the start, where --from is not given
MARKS = {"met": "✓ met", "missed": "✗ missed", "undecided": "? undecided", "invalid": "INVALID"}


@click.command("sweep", short_help="Find the highest request rate at which a target keeps its SLOs.")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="NAME", help="The target of the plan to load.")
@click.option("--slo", "limits", multiple=True, metavar="METRIC=LIMIT", help="Instead of the plan's: p95_ms=300.")
@click.option(
    "--from", "low", type=float, metavar="RATE", help="Go down to this rate (default: an eighth of one user's)."
)
@click.option("--to", "high", type=float, metavar="RATE", help="Go up to this rate (default: 1,000 a second).")
@click.option("--seconds", type=float, default=20.0, show_default=True, help="Each point lasts at least so long.")
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "constant", "gamma"]),
    default="poisson",
    show_default=True,
    help="How requests come; gamma: in bursts, with the plan's scenario.cv.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the page of the highest rate met here.")
@click.option("--no-certify", is_flag=True, help="Do not let the instrument measure its own error first (5 s).")
@set_option
@store_option
@yes
@as_json
def command(
    plan: Path,
    target: str,
    limits: tuple[str, ...],
    low: float | None,
    high: float | None,
    seconds: float,
    arrivals: str,
    out: Path | None,
    no_certify: bool,
    settings: tuple[str, ...],
    place: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Find the highest rate of requests, arriving when they arrive, at which TARGET of PLAN keeps its SLOs.

    One user alone first shows the service time; then the rate doubles until an SLO is missed, and the gap between met
    and missed is halved down to 10 %. Latency counts from the intended start, and each verdict is an exact test: a p95
    takes at least 59 requests a point, a p99 299, so slow targets take their time. A rate that cannot be decided is
    measured again, at most twice and each time for longer; neighbours in a queue say much the same, so more --seconds
    come closer to the edge. A rate at which this machine cannot send on time is its own saturation point, and is never
    called met.

    Exit code 0: a rate was found. 3: even the lowest one misses. 4: undecided. 5: no point could be trusted.
    Every point is a stored run: next, `edgebench report RUN` shows one of them.
    """
    from edgebench.cli.confirm import confirm, resolve_keys
    from edgebench.plan import key_pairs, load_plan
    from edgebench.plan.twins import named
    from edgebench.run.points import Load, Points, one_target
    from edgebench.run.sweep import Ended, sweep

    checked = load_plan(plan, set=settings_of(settings))
    named(checked, target)
    _demand_range(low, high, seconds)
    load = Load(target, slos_of(checked, limits), cast("ScenarioKind", arrivals), seconds)
    alone = one_target(checked, target)
    keys = resolve_keys(alone, os.environ)
    confirm(key_pairs(alone), yes=yes)
    line = Line()
    with opened(place) as store:
        points = Points(checked, load, store=store, keys=keys, begun=line, say=say, certify=not no_certify)
        line.write(f"{target}: one request at a time, to see how long it takes")
        try:
            found = sweep(points, limits_of(points.service_s(), low, high), measured=line.measured)
        except Ended as ended:
            say(f"{ended.why} before anything was measured")
            return INTERRUPTED if ended.why == "interrupted" else GateUndecided.exit_code
        finally:
            line.end()
        page = _page(store, found, out) if out is not None else None
    tell(found, load, points, page, as_json=as_json)
    return conclude(found, load)


# --------------------------------------------------------------------------------------------------- what is asked


def slos_of(plan: Plan, given: Sequence[str]) -> tuple[SLO, ...]:
    """The SLOs given (METRIC=LIMIT), or those of the plan that load can change.

    Raises
    ------
    UsageError: there is none, or one that load cannot change was given.
    """
    if given:
        return tuple(_slo(one) for one in given)
    kept = tuple(slo for slo in plan.slos if slo.metric not in UNMOVED)
    left = [slo.metric for slo in plan.slos if slo.metric in UNMOVED]
    if not kept:
        also = f" (load does not change {', '.join(left)})" if left else ""
        raise UsageError(f"the plan has no SLO that a rate could miss{also}", hint="--slo p95_ms=300")
    if left:
        say(f"not judged, for load does not change it: {', '.join(left)}")
    return kept


def _slo(given: str) -> SLO:
    from edgebench.decide.gates import demand_metric

    metric, equals, limit = (part.strip() for part in given.partition("="))
    try:
        value = float(limit)
    except ValueError:
        value = math.nan
    if not equals or not math.isfinite(value) or value < 0:
        raise UsageError(f"--slo {given}: is not METRIC=LIMIT", hint="--slo p95_ms=300")
    demand_metric(metric)
    if metric in UNMOVED:
        raise UsageError(f"--slo {given}: load does not change {metric}", hint="--slo p95_ms=300, ttft_p95_ms=…")
    if METRICS[metric].unit == "fraction" and value > 1:
        raise UsageError(f"--slo {given}: {metric} is a share between 0 and 1", hint=f"--slo {metric}=0.01")
    return SLO(metric, max=value) if METRICS[metric].better == "low" else SLO(metric, min=value)


def _demand_range(low: float | None, high: float | None, seconds: float) -> None:
    for option, value in (("--from", low), ("--to", high), ("--seconds", seconds)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UsageError(f"{option} must be above 0, not {value:g}", hint=f"{option} 20")
    top = HIGHEST if high is None else high
    if low is not None and low >= top:
        raise UsageError(f"--from {low:g} must be below --to {top:g}", hint=f"--from {low:g} --to {4 * low:g}")


def limits_of(service_s: float, low: float | None, high: float | None) -> Limits:
    """Where to look: from half of what one user alone gets through, unless that lies outside the range given."""
    from edgebench.run.sweep import Limits, rounded

    top = HIGHEST if high is None else high
    start = min(top, rounded(0.5 / max(service_s, 1e-4)))
    bottom = rounded(start / LOWEST) if low is None else low
    return Limits(low=bottom, high=top, start=max(bottom, start))


# --------------------------------------------------------------------------------------------------- what is said


class Line:
    """One line of progress, written between points only."""

    def __init__(self) -> None:
        self._met: float | None = None

    def __call__(self, rate: float, count: int, seconds: float) -> None:
        so_far = "" if self._met is None else f"met at {self._met:g}/s · "
        self.write(f"{so_far}now {rate:g}/s: {count} requests, about {seconds:.0f} s")

    def measured(self, point: Point) -> None:
        if point.verdict == "met":
            self._met = max(self._met or 0.0, point.rate)

    def write(self, line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line}" if sys.stderr.isatty() else f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def headline(found: Found, load: Load) -> str:
    """The answer in one sentence, with its bracket."""
    best, above, slos = found.best, found.above, _limits(load)
    if best is None:
        lowest = min(found.points, key=lambda one: one.rate, default=None)
        if lowest is None:
            return f"Nothing was measured of {load.target}"
        return f"No rate was found at which {load.target} keeps {slos}; at the lowest tried, {_at(lowest)}"
    words = f"{load.target} keeps {slos} up to {best.rate:g} requests a second ({load.arrivals})"
    edges = [f"met at {best.rate:g}/s", *([_at(above)] if above else [])]
    missed = [one.rate for one in found.points if one.verdict == "missed"]
    if above is not None and above.verdict != "missed" and missed:
        edges.append(f"missed at {min(missed):g}/s")
    return f"{words}: {', '.join(edges)}"


def _at(point: Point) -> str:
    words = {
        "missed": f"missed at {point.rate:g}/s",
        "undecided": f"undecided at {point.rate:g}/s",
        "invalid": f"not to be trusted at {point.rate:g}/s",
        "met": f"met at {point.rate:g}/s",
    }
    return words[point.verdict]


def why(found: Found) -> str:
    """Why the search stopped, in a sentence."""
    from edgebench.run.sweep import RESOLUTION

    above = found.above
    if above is not None and above.verdict == "invalid" and found.best is not None:
        return (
            f"at {above.rate:g}/s the run is INVALID ({above.why}): if the sending was late, that is this client's "
            "saturation point, not the target's"
        )
    words: Mapping[str, str] = {
        "resolved": f"the rates met and not met lie within {100 * RESOLUTION:.0f} %, and both were measured again",
        "ceiling": "the highest rate allowed was met; --to goes higher",
        "floor": "the lowest rate allowed was not met; --from goes lower",
        "invalid": "every point was INVALID: a quieter machine is needed, or one that can send faster",
        "points": "the number of points is bounded, and it was reached",
        "interrupted": "it was interrupted; the points above are kept",
    }
    return words.get(found.why, found.why)


def _limits(load: Load) -> str:
    from edgebench.run.points import limit

    return " and ".join(f"{slo.metric} {limit(slo)}" for slo in load.slos)


def tell(found: Found, load: Load, points: Points, page: Path | None, *, as_json: bool) -> None:
    """The answer, the points and why the search stopped: a table for people, JSON for machines."""
    if as_json:
        best, above = found.best, found.above
        emit(
            {
                "target": load.target,
                "arrivals": load.arrivals,
                "slos": load.slos,
                "rate": best and best.rate,
                "not_met_at": above and above.rate,
                "why": found.why,
                "explained": why(found),
                "needed": points.needed,
                "points": found.points,
                "page": page and str(page),
            }
        )
        return
    out = console()
    out.print(plain(headline(found, load)), style="bold")
    out.print(_table(found, load))
    for point in sorted(found.points, key=lambda one: one.rate):
        out.print(plain(f"{point.rate:g}/s {point.verdict}: {point.why}"))
    out.print(plain(f"why it stopped: {why(found)}"))
    told = f"each point: at least {points.needed} requests and {load.seconds:g} s; p50, p95 from the intended start"
    out.print(plain(told))
    if found.points:
        shown = (found.best or found.points[-1]).runs[-1]
        out.print(plain(f"every point is a stored run: edgebench report {shown}"))
    if page is not None:
        out.print(plain(f"page: {page}"), soft_wrap=True)


def _table(found: Found, load: Load) -> Any:
    metrics = tuple(dict.fromkeys(("p50_ms", "p95_ms", *(slo.metric for slo in load.slos))))
    names = [name.removesuffix("_ms").replace("_", " ") for name in metrics]
    numeric = ("rate/s", "delivered/s", "n", *names, "send lag p99")
    table = grid(*numeric, "verdict", right=numeric)
    for point in sorted(found.points, key=lambda one: one.rate):
        table.add_row(*_row(point, metrics))
    return table


def _row(point: Point, metrics: Sequence[str]) -> list[Any]:
    from edgebench.report.formatting import estimate

    lag = "—" if point.lag_p99_ms is None else f"{point.lag_p99_ms:.2f} ms"
    times = f" ({len(point.runs)}×)" if len(point.runs) > 1 else ""
    return [
        f"{point.rate:g}",
        "—" if point.delivered is None else f"{point.delivered:.3g}",
        str(point.n),
        *(str(estimate(point.estimates[name], name)) if name in point.estimates else "—" for name in metrics),
        lag,
        plain(MARKS[point.verdict] + times),
    ]


def _page(store: SqlStore, found: Found, out: Path) -> Path | None:
    from edgebench.cli.concluding import concluded, write_page

    if found.best is None:
        return None
    run = store.load(found.best.runs[-1])
    return write_page(run, concluded(run), out)


def conclude(found: Found, load: Load) -> int:
    """The exit code of an answer.

    Raises
    ------
    GateFailed: even the lowest rate misses. NothingRan: no point could be trusted. GateUndecided: neither is shown.
    """
    if found.why == "interrupted":
        return INTERRUPTED
    if found.best is not None:
        return 0
    lowest = min(found.points, key=lambda one: one.rate, default=None)
    if lowest is not None and lowest.verdict == "missed" and found.why == "floor":
        raise GateFailed(f"{load.target} misses {_limits(load)} even at {lowest.rate:g} requests a second")
    if found.points and all(one.verdict == "invalid" for one in found.points):
        raise NothingRan(f"every point is INVALID: {found.points[-1].why}")
    raise GateUndecided(f"no rate could be shown to keep {_limits(load)}: {why(found)}")
