"""``edgebench compare``: a paired difference with its interval, and a gate for CI."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from edgebench.cli.options import as_json, console, emit, grid, opened, store_option, text
from edgebench.errors import GateFailed, GateUndecided, StoreError, UsageError
from edgebench.records import METRICS

if TYPE_CHECKING:
    from edgebench.records import Comparison, Estimate, Run
    from edgebench.store.sql import SqlStore

USUAL = ("accuracy", "p95_ms", "usd_per_1k")


@dataclass(frozen=True, slots=True)
class Gate:
    """How much worse b may be than a: by a difference in the metric's own unit, or by a factor."""

    most: float
    by: str  # "drop", "rise" or "ratio"

    def judge(self, comparison: Comparison) -> tuple[str, str]:
        """``("met" | "missed" | "undecided", why)``, by the whole 95 % interval."""
        found = comparison.ratio if self.by == "ratio" else comparison.difference
        if found is None or found.value is None:
            return "undecided", (found.why_absent if found else None) or "this metric has no ratio"
        low, high = _worse(found, self.by)
        if low is None or high is None:
            return "undecided", f"no interval from {found.n} items"
        if high <= self.most:
            return "met", f"at most {high:.4g} with 95 % confidence, {self.most:g} allowed"
        if low > self.most:
            return "missed", f"at least {low:.4g} with 95 % confidence, {self.most:g} allowed"
        return (
            "undecided",
            f"between {low:.4g} and {high:.4g}, {self.most:g} allowed; more items would tell (n = {found.n})",
        )


def _worse(found: Estimate, by: str) -> tuple[float | None, float | None]:
    """The interval of how much worse b is."""
    if by != "drop":
        return found.low, found.high
    return (None if found.high is None else -found.high), (None if found.low is None else -found.low)


@click.command("compare", short_help="Compare two arms or two runs; a gate for CI.")
@click.argument("a")
@click.argument("b")
@click.option("--run", "run_name", help="The run whose arms A and B are (default: the newest).")
@click.option("--metric", default=None, help="One metric (default: accuracy, p95_ms and usd_per_1k).")
@click.option(
    "--max-drop", type=click.FloatRange(min=0), help="Gate: B may fall behind A by at most this (accuracy: 0.02)."
)
@click.option("--max-rise", type=click.FloatRange(min=0), help="Gate: B may exceed A by at most this (p95_ms: 50).")
@click.option("--max-ratio", type=click.FloatRange(min=0), help="Gate: B may be at most so many times A (p95_ms: 1.1).")
@store_option
@as_json
def command(
    a: str,
    b: str,
    run_name: str | None,
    metric: str | None,
    max_drop: float | None,
    max_rise: float | None,
    max_ratio: float | None,
    place: str | None,
    as_json: bool,
) -> None:
    """Compare A with B on the items both have answered: two arms of one run, or two runs of the same items.

    With a gate the exit code is 0 when it is met with 95 % confidence, 3 when it is missed with 95 % confidence,
    and 4 when the items are too few to tell.
    """
    from edgebench.decide.compare import compare

    gate = _gate(metric, max_drop, max_rise, max_ratio)
    metrics = [metric] if metric else ["accuracy" if gate and gate.by == "drop" else each for each in USUAL]
    metrics = list(dict.fromkeys(metrics)) if not gate else metrics[:1]
    with opened(place) as store:
        run, pairs = _pairs(store, a, b, run_name)
    found = [compare(run, one, two, each) for one, two in pairs for each in metrics]
    verdicts = [gate.judge(comparison) for comparison in found] if gate else []
    if as_json:
        emit({"comparisons": found, "gate": [{"verdict": verdict, "why": why} for verdict, why in verdicts]})
    else:
        _print(found, verdicts)
    _conclude(verdicts)


def demand_metric(name: str) -> None:
    """Raises UsageError for a name that is no metric."""
    if name not in METRICS:
        near = difflib.get_close_matches(name, METRICS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(METRICS)}"
        raise UsageError(f"no metric is called {name!r}", hint=hint)


def _gate(metric: str | None, drop: float | None, rise: float | None, ratio: float | None) -> Gate | None:
    given = [(most, by) for most, by in ((drop, "drop"), (rise, "rise"), (ratio, "ratio")) if most is not None]
    if metric is not None:
        demand_metric(metric)
    if not given:
        return None
    if len(given) > 1:
        raise UsageError("one gate at a time", hint="--max-drop, --max-rise or --max-ratio")
    gate = Gate(*given[0])
    name = metric or ("accuracy" if gate.by == "drop" else None)
    if name is None:
        raise UsageError(f"--max-{gate.by} needs a metric", hint=f"--metric p95_ms --max-{gate.by} {gate.most:g}")
    if (METRICS[name].better == "high") != (gate.by == "drop"):
        right = "--max-drop" if METRICS[name].better == "high" else "--max-rise or --max-ratio"
        raise UsageError(f"{name} is better when {METRICS[name].better}", hint=f"use {right}")
    return gate


def _pairs(store: SqlStore, a: str, b: str, run_name: str | None) -> tuple[Run, list[tuple[str, str]]]:
    """The run to look into, and the arms to compare there."""
    run = store.load(store.resolve(run_name or "last"))
    arms = list(dict.fromkeys(trial.arm for trial in run.trials))
    one, two = _arm(arms, a), _arm(arms, b)
    if one and two:
        return run, [(one, two)]
    if run_name is None:
        try:
            return _two_runs(store.load(store.resolve(a)), store.load(store.resolve(b)))
        except StoreError as exc:
            if one is None and two is None and "no run" not in str(exc).lower():
                raise
    unknown = a if one is None else b
    near = difflib.get_close_matches(unknown, arms, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]!r}?" if near else f"arms of run {run.id}: {', '.join(arms)}"
    raise UsageError(f"{unknown!r} is neither an arm of run {run.id} nor a run", hint=hint)


def _arm(arms: list[str], name: str) -> str | None:
    """An arm by its name, or by its target's name where that target has one arm."""
    if name in arms:
        return name
    own = [arm for arm in arms if arm.rpartition(" · ")[0] == name]
    return own[0] if len(own) == 1 else None


def _two_runs(first: Run, second: Run) -> tuple[Run, list[tuple[str, str]]]:
    """Both runs as one, and every arm they share under its two new names; or the one arm of each."""
    from edgebench.store.interchange import merge

    if first.id == second.id:
        raise UsageError(f"both are run {first.id}", hint="edgebench runs list")
    merged = merge([first, second])
    names: list[dict[str, str]] = []
    for run in (first, second):
        old = {f"{run.id}:{trial.id}": trial.arm for trial in run.trials}
        names.append({old[trial.id]: trial.arm for trial in merged.trials if trial.id in old})
    shared = [(names[0][arm], names[1][arm]) for arm in names[0] if arm in names[1]]
    if not shared and len(names[0]) == len(names[1]) == 1:
        shared = [(next(iter(names[0].values())), next(iter(names[1].values())))]
    if not shared:
        raise UsageError(
            f"runs {first.id} and {second.id} share no arm", hint=f"arms: {', '.join([*names[0], *names[1]])}"
        )
    return merged, shared


def _print(found: list[Comparison], verdicts: list[tuple[str, str]]) -> None:
    from edgebench.report.formatting import difference

    table = grid("a", "b", "metric", "b − a", "p", "n", right=("b − a", "p", "n"))
    for each in found:
        shown = difference(each.difference, METRICS[each.metric].unit)
        p = "—" if each.p_value is None else f"{each.p_value:.3f}" if each.p_value >= 0.001 else "< 0.001"
        table.add_row(text(each.a), text(each.b), each.metric, str(shown), p, str(each.difference.n))
    out = console()
    out.print(table)
    for each in found:
        if each.difference.why_absent:
            out.print(text(f"{each.metric}: {each.difference.why_absent}"))
    for verdict, why in verdicts:
        out.print(text(f"gate {verdict}: {why}"))


def _conclude(verdicts: list[tuple[str, str]]) -> None:
    for verdict, kind in (("missed", GateFailed), ("undecided", GateUndecided)):
        reasons = [why for found, why in verdicts if found == verdict]
        if reasons:
            raise kind(f"the gate is {verdict}: {reasons[0]}")
