"""``edgebench cascade``: the edge first, the cloud when it is unsure, replayed from answers already stored."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from edgebench.cli.options import as_json, console, emit, grid, opened, say, store_option, text
from edgebench.cli.repricing import reprice_option
from edgebench.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from edgebench.decide.resampled import Resampled
    from edgebench.records import Cascade, CascadePoint, Estimate, Guarantee, Run

MOST_ROWS = 12
WORDS = ("true", "false", "null")  # YAML takes them for something else
COLUMNS = (
    ("asks the cloud", "deferred", "fraction"),
    ("right", "accuracy", "fraction"),
    ("p50", "p50_ms", "ms"),
    ("p95", "p95_ms", "ms"),
    ("$/1k", "usd_per_1k", "$"),
)


@click.command("cascade", short_help="Edge first, cloud when unsure: would that beat both?")
@click.argument("runs", nargs=-1)
@click.option("--edge", metavar="ARM", help="The arm that answers first (a target's name will do).")
@click.option("--cloud", metavar="ARM", help="The arm that answers what the edge is unsure of.")
@click.option("--policy", type=click.Choice(["sequential", "hedged"]), default="sequential", show_default=True,
              help="hedged: the cloud is asked too when the edge takes long.")  # fmt: skip
@click.option("--hedge-after", "hedge_after_s", type=float, metavar="SECONDS",
              help="hedged: how long the edge is waited for (default: both are asked at once).")  # fmt: skip
@click.option("--alpha", type=float, default=0.10, show_default=True, help="Share of wrong answers the edge may serve.")
@click.option("--delta", type=float, default=0.05, show_default=True, help="Chance that the promise does not hold.")
@reprice_option
@store_option
@as_json
def command(
    runs: tuple[str, ...],
    edge: str | None,
    cloud: str | None,
    policy: str,
    hedge_after_s: float | None,
    alpha: float,
    delta: float,
    reprice: str | None,
    place: str | None,
    as_json: bool,
) -> None:
    """Replay RUNS (default: the newest; several are merged) as cascades of two of their arms.

    Without --edge and --cloud the most useful pair is taken. Nothing is asked again. The last lines are a target to
    paste into a plan, which then measures the same cascade live.
    """
    from edgebench.cli.concluding import load_run

    _check(policy, hedge_after_s, alpha, delta)
    with opened(place) as store:
        run = load_run(store, runs, reprice)
    resampled = _resampled(run)
    pair = _pair(resampled, edge, cloud)
    found = _replayed(resampled, pair, policy, hedge_after_s or 0.0, alpha, delta)
    if found.why_absent is not None:
        raise UsageError(f"no cascade can be replayed: {found.why_absent}", hint=_remedy(found.why_absent))
    if as_json:
        emit(_plain({"run": run.id, **asdict(found), "target": _options(resampled, found)}))
    else:
        _show(run, resampled, found)


def _check(policy: str, hedge_after_s: float | None, alpha: float, delta: float) -> None:
    for name, value in (("--alpha", alpha), ("--delta", delta)):
        if not 0 < value < 1:
            raise UsageError(f"{name} is a share between 0 and 1, not {value:g}", hint=f"{name} 0.05")
    if hedge_after_s is not None and policy != "hedged":
        raise UsageError("--hedge-after does nothing without --policy hedged")
    if hedge_after_s is not None and not 0 <= hedge_after_s < math.inf:
        raise UsageError(f"--hedge-after must be at least 0, not {hedge_after_s:g}")


def _resampled(run: Run) -> Resampled:
    from edgebench.decide.base_part import base_part
    from edgebench.decide.resampled import resample
    from edgebench.errors import NothingRan
    from edgebench.metrics.summary import summarise
    from edgebench.metrics.table import columns

    if not run.records:
        raise NothingRan(f"run {run.id} holds no record: nothing was asked")
    if len(run.records) > 5000:
        say(f"replaying {len(run.records):,} records …")
    run = base_part(run)
    table = columns(run)
    return resample(run, summarise(run, table=table), table=table)


def _pair(resampled: Resampled, edge: str | None, cloud: str | None) -> tuple[str, str]:
    """The two arms asked for; what is not asked for, as the most useful pair has it."""
    from edgebench.decide.cascade import useful_pairs

    chosen = [None if name is None else _arm(resampled, name) for name in (edge, cloud)]
    fitting = [
        pair
        for pair in useful_pairs(resampled)
        if all(name is None or name == part for name, part in zip(chosen, pair, strict=True))
    ]
    if None not in chosen:
        first, second = str(chosen[0]), str(chosen[1])
        if first == second:
            raise UsageError(f"{first} cannot be its own cloud", hint="name two arms: --edge … --cloud …")
        return first, second
    if not fitting:
        names = ", ".join(resampled.arms)
        raise UsageError(
            "no two arms here make a cascade: one on the device, and one that is elsewhere or more often right",
            hint=f"--edge ARM --cloud ARM takes any two; this run has: {names}",
        )
    return fitting[0]


def _arm(resampled: Resampled, name: str) -> str:
    """An arm by its name or its target's."""
    if name in resampled.arms:
        return name
    found = [arm for arm, each in resampled.arms.items() if each.target == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{name!r} has several arms: {', '.join(found)}", hint="name one of them")
    raise UsageError(f"the run has no arm called {name!r}", hint=did_you_mean(name, resampled.arms))


def _replayed(
    resampled: Resampled, pair: tuple[str, str], policy: str, hedge_after_s: float, alpha: float, delta: float
) -> Cascade:
    from edgebench.decide.cascade import replayed

    kind: Any = policy
    return replayed(resampled, *pair, kind, hedge_after_s, alpha=alpha, delta=delta)


def _remedy(why: str) -> str:
    if "how sure" in why:
        return "an edge needs a confidence: an openai target gives one with   options: {logprobs: true}"
    return "merge runs of the same items: edgebench cascade RUN RUN" if "in common" in why else "edgebench score RUN"


# ------------------------------------------------------------------------------------------------------- for people


def _show(run: Run, resampled: Resampled, found: Cascade) -> None:
    from edgebench.decide.wording import said

    out = console()
    after = "" if found.hedge_after_s is None else f", after {said('p50_ms', 1000 * found.hedge_after_s)}"
    head = f"{found.edge} → {found.cloud} ({found.policy}{after}) · run {run.id} · {found.pairs} pairs"
    out.print(text(head), style="bold")
    out.print(text(f"signal: {found.signal}: {_signal(found.auroc)}"))
    out.print(_curve(found))
    if found.best is not None:
        out.print(text(_best(found, found.best)))
    out.print(_guarantees(found.guarantees))
    out.print(text(found.verdict), style="bold")
    lines = _yaml(_options(resampled, found))
    if lines:
        out.print(text("to measure it live, under `targets:` of a plan with both:"))
        for line in lines:
            out.print(text(line), soft_wrap=True)


def _signal(auroc: Estimate) -> str:
    from edgebench.report import formatting

    if auroc.value is None:
        return f"cannot be judged: {auroc.why_absent}"
    return f"{auroc.note} (AUROC {formatting.show(auroc, '')}, n = {auroc.n}; 0.5 is chance)"


def _curve(found: Cascade) -> Any:
    from edgebench.report import formatting

    names = [name for name, _, _ in COLUMNS]
    table = grid("edge keeps from", *names, "hull", right=tuple(names))
    for point in _thinned(found.points):
        cells = [text(formatting.show(getattr(point, name), unit)) for _, name, unit in COLUMNS]
        table.add_row(text(_from(point.threshold)), *cells, "•" if point.on_hull else "")
    return table


def _thinned(points: Sequence[CascadePoint]) -> list[CascadePoint]:
    """At most MOST_ROWS, evenly, with both ends."""
    if len(points) <= MOST_ROWS:
        return list(points)
    return [points[round(k * (len(points) - 1) / (MOST_ROWS - 1))] for k in range(MOST_ROWS)]


def _from(threshold: float) -> str:
    from edgebench.decide.wording import number

    if not math.isfinite(threshold):
        return "always" if threshold < 0 else "never"
    return number(threshold)


def _best(found: Cascade, best: CascadePoint) -> str:
    from edgebench.decide.wording import points
    from edgebench.report import formatting

    told = ", ".join(f"{label} {formatting.show(getattr(best, name), unit)}" for label, name, unit in COLUMNS)
    seen = "" if found.optimism is None else f" (on those it was chosen by: {points(found.optimism)})"
    return f"chosen: edge keeps from {_from(best.threshold)}; on answers it was not chosen by: {told}{seen}"


def _guarantees(guarantees: Sequence[Guarantee]) -> Any:
    from edgebench.decide.wording import percent
    from edgebench.report import formatting

    first = guarantees[0] if guarantees else None
    promise = "" if first is None else f"≤ {percent(first.alpha)} wrong, {percent(1 - first.delta)} sure"
    table = grid(promise, "edge keeps from", "serves", "why")
    for one in guarantees:
        name = "all requests" if one.stakes is None else f"stakes {one.stakes}"
        kept = "—" if one.threshold is None else _from(one.threshold)
        serves = "—" if one.served.value is None else formatting.show(one.served, "fraction")
        table.add_row(name, kept, text(serves), text(one.why))
    return table


# ------------------------------------------------------------------------------------------------------- for machines


def _options(resampled: Resampled, found: Cascade) -> dict[str, Any]:
    """The options of the live target; empty where the edge alone, or the cloud alone, is best."""
    if found.best is None or not math.isfinite(found.best.threshold):
        return {}
    edge, cloud = (resampled.arms[name].target for name in (found.edge, found.cloud))
    options = {"edge": edge, "cloud": cloud, "policy": found.policy, "threshold": found.best.threshold}
    return options if found.hedge_after_s is None else {**options, "hedge_after_s": found.hedge_after_s}


def _yaml(options: dict[str, Any]) -> list[str]:
    """A target of a plan; empty without options."""
    if not options:
        return []
    return ["  hybrid:", "    kind: cascade", "    options:", *(f"      {k}: {_scalar(v)}" for k, v in options.items())]


def _scalar(value: object) -> str:
    """A value in YAML: a plain word stays plain; whatever else is text is quoted as JSON does, which YAML reads."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.-]*", value) and value.lower() not in WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """JSON has no infinity: a threshold at an end is ``"-inf"`` or ``"inf"``."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
