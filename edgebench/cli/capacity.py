"""``edgebench capacity``: how many requests one unit carries within the SLOs; what a day of them takes and costs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from edgebench.cli.options import as_json, emit, opened, say, store_option, yes
from edgebench.cli.repricing import reprice_option
from edgebench.errors import GateFailed, GateUndecided, UsageError, did_you_mean
from edgebench.records import METRICS, SLO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgebench.decide.curves import Curve
    from edgebench.decide.replay import Assumed, Unit
    from edgebench.metrics.table import ArmColumns
    from edgebench.records import Capacity, DayPlan, LoadPoint, Run
    from edgebench.run.concurrency import Rates
    from edgebench.run.validate import Validation
    from edgebench.store.sql import SqlStore

UNITS_S = {"ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
SLOW_S = 1.0  # work that takes longer says so


@click.command("capacity", short_help="Show how many requests a target carries, with how many devices, at what price.")
@click.argument("runs", nargs=-1)
@click.option("--arm", "only", metavar="ARM", help="One arm, by its name or its target's (default: all).")
@click.option("--rate", "rates", metavar="R[,R…]", help="Requests a second to look at.")
@click.option("--daily", type=float, metavar="N", help="Requests a day: devices over the day and dollars a month.")
@click.option(
    "--curve", default="office-hours", show_default=True, help="How a day's requests share out: name or file."
)
@click.option(
    "--slo", "limits", multiple=True, metavar="METRIC=LIMIT", help="Instead of the plan's: p99=3s, p95_ms=300."
)
@click.option("--slots", type=click.IntRange(1, 10_000), help="Requests answered at once, each at full speed.")
@click.option("--rpm", type=float, metavar="N", help="The API's limit in requests a minute.")
@click.option("--tpm", type=float, metavar="N", help="The API's limit in tokens a minute.")
@click.option("--timeout", metavar="TIME", help="Clients give up after this long (30s) …")
@click.option("--retries", type=click.IntRange(0, 20), default=0, help="… and ask again so many times.")
@click.option("--unload-after", metavar="TIME", help="The model is unloaded after so long without a request (5min).")
@click.option(
    "--throttled", metavar="TIME:SPEED", help="After so long busy it goes so fast, until it rests (10min:0.7)."
)
@click.option("--rates", "known", multiple=True, metavar="RUN", help="Stored runs that --measure-rates made.")
@click.option("--measure-rates", is_flag=True, help="Live: how fast is it with 1, 2 and 4 users at once?")
@click.option("--validate", "validating", is_flag=True, help="Live: measure one open-loop point, and predict it.")
@click.option("--at-load", type=float, default=0.7, show_default=True, help="The load of that point.")
@click.option("--requests", type=click.IntRange(20, 100_000), default=300, show_default=True, help="Its requests.")
@click.option("--no-certify", is_flag=True, help="Live: do not let the instrument measure its own error first (5 s).")
@reprice_option
@store_option
@yes
@as_json
def command(
    runs: tuple[str, ...],
    only: str | None,
    rates: str | None,
    daily: float | None,
    curve: str,
    limits: tuple[str, ...],
    slots: int | None,
    rpm: float | None,
    tpm: float | None,
    timeout: str | None,
    retries: int,
    unload_after: str | None,
    throttled: str | None,
    known: tuple[str, ...],
    measure_rates: bool,
    validating: bool,
    at_load: float,
    requests: int,
    no_certify: bool,
    reprice: str | None,
    place: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Replay the service times of RUNS (default: the newest) in a queue: the highest rate within the SLOs, and a day.

    Stored times are replayed under arrivals nobody has measured: nothing is asked again. --measure-rates and
    --validate are live: they ask the real target of the run's plan, and keep what it answers as runs of their own.

    Exit code 0; 3: no arm keeps the SLOs at the rate asked for (or at any); 4: the records are too few to tell;
    5: what was measured live cannot be trusted. Next: `edgebench sweep PLAN --target NAME` measures the highest rate.
    """
    from edgebench.cli.capacity_live import measured_rates, stored_rates, validated
    from edgebench.cli.capacity_table import Told, print_all
    from edgebench.cli.concluding import load_run
    from edgebench.decide.base_part import base_part
    from edgebench.metrics.table import columns
    from edgebench.metrics.verdict import invalid

    asked = _rates(rates)
    _demand(("--daily", daily), ("--rpm", rpm), ("--tpm", tpm), ("--at-load", at_load))
    if at_load > 0.95:
        raise UsageError(f"--at-load {at_load:g} is no stable load", hint="--at-load 0.7; above .95 nothing is claimed")
    given = _assumed(slots, rpm, tpm, timeout, retries, unload_after, throttled)
    slos = tuple(slo_of(one) for one in limits)
    day = _curve(curve) if daily is not None else None
    with opened(place) as store:
        run = base_part(load_run(store, runs or _newest(store), reprice))
        table = columns(run)
        chosen = _chosen(run, table, only)
        live = measure_rates or validating
        arm = _the_one(chosen, live=live or bool(known))
        rates_found: Rates | None = None
        if arm is not None and measure_rates:
            rates_found = measured_rates(run, arm, store, yes=yes, certify=not no_certify)
        elif arm is not None and known:
            rates_found = stored_rates(store, known, arm)
        if rates_found is not None:
            given = replace(given, speeds=rates_found.filled())
        units = {one.arm: _unit(run, one, given) for one in chosen}
        validation: Validation | None = None
        trouble = None
        if arm is not None and validating:
            validation, trouble = validated(
                run,
                arm,
                units[arm.arm],
                store,
                at_load,
                requests,
                yes=yes,
                certify=not no_certify and not measure_rates,
            )
    found = _capacities(run, chosen, slos or run.plan.slos, units, asked)
    plans, breakevens = _day(run, table, found, units, daily, day)
    told = Told(
        run, found, tuple(asked), plans, breakevens, daily, day, rates_found, validation, nobody(chosen, found),
        next(invalid(run, table), None),
    )  # fmt: skip
    if as_json:
        emit(told.as_json())
    else:
        print_all(told)
    return _verdict(told.nobody, found, asked, given_slos=bool(limits), trouble=trouble)


# --------------------------------------------------------------------------------------------------- what is asked


def seconds_of(option: str, text: str) -> float:
    """``30s``, ``300ms``, ``5min``, or a plain number of seconds.

    Raises
    ------
    UsageError: it is not a time above 0.
    """
    unit = next((unit for unit in sorted(UNITS_S, key=len, reverse=True) if text.strip().endswith(unit)), "")
    try:
        value = float(text.strip().removesuffix(unit)) * UNITS_S.get(unit, 1.0)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{option} {text}: is no time above 0", hint=f"{option} 30s, 300ms, 5min")
    return value


def slo_of(text: str) -> SLO:
    """``p99=3s``, ``p95_ms=300``, ``ttft_p95=800ms``, ``failure_rate=0.01``.

    Raises
    ------
    UsageError: it is not METRIC=LIMIT, or a rate does not change the metric.
    """
    from edgebench.decide.capacity import by_load
    from edgebench.decide.gates import demand_metric

    name, equals, limit = (part.strip() for part in text.partition("="))
    if not equals or not limit:
        raise UsageError(f"--slo {text}: is not METRIC=LIMIT", hint="--slo p99=3s, --slo p95_ms=300")
    metric = name if name in METRICS else f"{name}_ms"
    demand_metric(metric if metric in METRICS else name)
    if METRICS[metric].unit == "ms":
        value = seconds_of("--slo", limit) * 1000 if limit[-1].isalpha() or name != metric else _number(text, limit)
    else:
        value = _number(text, limit)
    slo = SLO(metric, max=value)
    if not by_load(slo) or METRICS[metric].unit not in ("ms", "fraction"):
        raise UsageError(
            f"--slo {text}: a replay cannot tell {metric}", hint="--slo p50=…, p95=…, p99=…, ttft_p95=…, failure_rate=…"
        )
    return slo


def _number(text: str, limit: str) -> float:
    try:
        value = float(limit)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise UsageError(f"--slo {text}: is not METRIC=LIMIT", hint="--slo p99=3s, --slo p95_ms=300")
    return value


def _rates(text: str | None) -> list[float]:
    if text is None:
        return []
    out = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"--rate {text}: {part.strip()!r} is no rate above 0", hint="--rate 0.5,1,2")
        out.append(value)
    if len(out) > 10:
        raise UsageError(f"--rate: {len(out)} rates, at most 10 are looked at", hint="--rate 0.5,1,2")
    return out


def _demand(*options: tuple[str, float | None]) -> None:
    for option, value in options:
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UsageError(f"{option} must be above 0, not {value:g}", hint=f"{option} 20")


def _assumed(
    slots: int | None,
    rpm: float | None,
    tpm: float | None,
    timeout: str | None,
    retries: int,
    unload_after: str | None,
    throttled: str | None,
) -> Assumed:
    from edgebench.decide.replay import Assumed

    after, speed = _throttle(throttled)
    return Assumed(
        slots=slots,
        rpm=rpm,
        tpm=tpm,
        timeout_s=None if timeout is None else seconds_of("--timeout", timeout),
        retries=retries,
        unload_after_s=None if unload_after is None else seconds_of("--unload-after", unload_after),
        throttle_after_s=after,
        throttled=speed,
    )


def _throttle(text: str | None) -> tuple[float | None, float]:
    if text is None:
        return None, 1.0
    after, _, speed = text.partition(":")
    try:
        value = float(speed)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise UsageError(f"--throttled {text}: is not TIME:SPEED with a speed above 0 and up to 1", hint="10min:0.7")
    return seconds_of("--throttled", after), value


def _curve(name: str) -> Curve:
    from edgebench.decide.curves import load_curve

    return load_curve(name)


def _newest(store: SqlStore) -> list[str]:
    """The newest run that is not one this verb made to look at a target; none: the newest of all."""
    rows = [row for row in store.runs() if not str(row["question"]).startswith("Capacity: ")]
    return [str(rows[0]["id"])] if rows else []


def _chosen(run: Run, table: Mapping[str, ArmColumns], only: str | None) -> list[ArmColumns]:
    """The arms to look at."""
    there = [arm for arm in table.values() if len(arm.records)]
    if not there:
        from edgebench.errors import NothingRan

        raise NothingRan(f"run {run.id} holds no record: nothing was asked")
    if only is None:
        return there
    found = [arm for arm in there if arm.arm == only] or [arm for arm in there if arm.target == only]
    if len(found) != 1:
        names = [] if found else [*(arm.arm for arm in there), *(arm.target for arm in there)]
        hint = did_you_mean(only, names, f"arms: {', '.join(arm.arm for arm in there)}")
        raise UsageError(f"{only!r} names {len(found) or 'no'} arm{'s' * (len(found) > 1)} of run {run.id}", hint=hint)
    return found


def _the_one(chosen: Sequence[ArmColumns], *, live: bool) -> ArmColumns | None:
    """The arm whose target is asked, or whose rates are given; None where neither is wanted."""
    if not live:
        return None
    if len(chosen) > 1:
        arms = ", ".join(arm.arm for arm in chosen)
        raise UsageError("--measure-rates, --rates and --validate are of one arm", hint=f"--arm with one of: {arms}")
    return chosen[0]


def _unit(run: Run, arm: ArmColumns, given: Assumed) -> Unit:
    from edgebench.decide.capacity import assumed_unit

    trials = {trial.id for trial in arm.trials}
    loads = sorted(one.value / 1e9 for one in run.readings if one.quantity == "load_ns" and one.trial_id in trials)
    return assumed_unit(arm, given, loads[len(loads) // 2] if loads else None)


# --------------------------------------------------------------------------------------------------- what is found


def _capacities(
    run: Run, chosen: Sequence[ArmColumns], slos: Sequence[SLO], units: Mapping[str, Unit], asked: Sequence[float]
) -> tuple[Capacity, ...]:
    from edgebench.decide.capacity import capacity
    from edgebench.metrics.observed import generator

    began, rng, out = time.monotonic(), generator(run, "capacity"), []
    for place, arm in enumerate(chosen):
        unit = units[arm.arm]
        if not unit.plain or time.monotonic() - began > SLOW_S:
            say(f"simulating {arm.arm} ({place + 1} of {len(chosen)})")
        out.append(capacity(arm, slos, rng=rng, unit=unit, rates=asked))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class Even:
    """Requests a day from which a device is cheaper than an API, under the curve; None: at no volume."""

    device: str
    hosted: str
    a_day: float | None


def _day(
    run: Run,
    table: Mapping[str, ArmColumns],
    found: Sequence[Capacity],
    units: Mapping[str, Unit],
    daily: float | None,
    curve: Curve | None,
) -> tuple[tuple[DayPlan, ...], tuple[Even, ...]]:
    if daily is None or curve is None:
        return (), ()
    from edgebench.cli.concluding import concluded
    from edgebench.decide.day import breakeven_a_day, carriers, day_plans
    from edgebench.metrics.observed import generator

    say(f"a day of {daily:,.0f} requests: {curve.title}")
    conclusion = concluded(run)
    among = carriers(conclusion, table, found, units)
    plans = day_plans(conclusion, among, daily, curve, rng=generator(run, "day"))
    devices = [one for one in among if one.placement == "device" and one.running]
    apis = [one for one in among if not one.is_unit and one.running]
    evens = [Even(one.arm, other.arm, breakeven_a_day(one, other, curve)) for one in devices for other in apis]
    return plans, tuple(evens)


def nobody(chosen: Sequence[ArmColumns], found: Sequence[Capacity]) -> str:
    """Which arm comes closest to SLOs that nobody keeps, and what it lacks; empty where one keeps them."""
    from edgebench.decide.capacity import lacking
    from edgebench.decide.wording import name as named
    from edgebench.decide.wording import percent, said

    lacks = [(arm, lacking(arm, one.slos)) for arm, one in zip(chosen, found, strict=True) if one.slos]
    if not lacks or any(not each for _, each in lacks):
        return ""
    arm, missed = min(lacks, key=lambda one: max(value / max(limit, 1e-9) for value, limit in one[1].values()))
    parts = [
        f"{named(slo.metric)} is {said(slo.metric, value)}, wanted ≤ {said(slo.metric, limit)}"
        f" ({percent(1 - limit / value)} less is needed)"
        for slo, (value, limit) in missed.items()
        if math.isfinite(value) and value > 0
    ]
    told = "; ".join(parts) or "too many of its requests are never answered"
    return f"nobody keeps these SLOs, even without a queue; {arm.arm} comes closest: {told}"


def _verdict(
    nobody: str, found: Sequence[Capacity], asked: Sequence[float], *, given_slos: bool, trouble: str | None
) -> int:
    """The exit code.

    Raises
    ------
    NothingRan: what was measured live cannot be trusted. GateFailed: no arm keeps the SLOs. GateUndecided: too few
    records to tell of any.
    """
    if trouble:
        from edgebench.errors import NothingRan

        raise NothingRan(f"the measured point is INVALID: {trouble}")
    if nobody and given_slos:
        raise GateFailed(nobody)
    if not asked:
        return 0
    for rate in asked:
        words = {point.met for one in found for point in one.points if _same(point, rate)}
        if words and "met" not in words:
            kind, word = (GateUndecided, "can be shown to keep") if "undecided" in words else (GateFailed, "keeps")
            raise kind(f"no arm {word} the SLOs at {rate:g} requests a second")
    return 0


def _same(point: LoadPoint, rate: float) -> bool:
    return math.isclose(point.rate, rate)
