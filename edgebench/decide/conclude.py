"""The conclusion: everything that is concluded from a run, in one pure function of it.

Needs beside the run only what it names: its price file, the price list of genai-prices, the device profiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgebench.decide import against_itself
from edgebench.decide.base_part import base_part
from edgebench.decide.capacity import capacities
from edgebench.decide.cascade import cascades
from edgebench.decide.choice import choose
from edgebench.decide.compare import all_pairs
from edgebench.decide.flips import flips
from edgebench.decide.monthly import monthly
from edgebench.decide.pareto import front
from edgebench.decide.recommend import advise
from edgebench.decide.resampled import Resampled, resample
from edgebench.decide.slo import verdicts
from edgebench.decide.study import study
from edgebench.decide.whatif import material
from edgebench.decide.wording import in_its_currency
from edgebench.metrics.summary import about_all, summarise
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import Conclusion, Front, Run, Summary

COMPARED = ("accuracy", "p50_ms")  # always, beside the objectives of the front


@in_its_currency
def conclude(run: Run, *, draws: int = 2000) -> Conclusion:
    """Summary, front, SLO verdicts, paired comparisons, advice and study; the same run gives the same to the last bit.

    Decisions are made on the base part; the study is of all cells.
    """
    weighed = _weighed(run, draws)
    base, summary, resampled = weighed.run, weighed.summary, weighed.resampled
    studied = study(weighed.all, known=summary)
    found = front(base, summary, resampled=resampled)
    slos = verdicts(base, summary, weighed.table)
    if twins := against_itself.twins(run.plan):
        same = against_itself.compared(resampled, twins)
        advice, costs = against_itself.advise(summary, twins, same), monthly(resampled, None)
        return Conclusion(summary, found, slos, same, advice, monthly=costs, study=studied)
    compared = all_pairs(resampled, tuple(dict.fromkeys((*COMPARED, *found.objectives))))
    choice = choose(resampled, found, slos)
    stakes = flips(resampled, found, slos, choice)
    advice = advise(base, summary, found, slos, resampled=resampled, choice=choice, stakes=stakes)
    costs = monthly(resampled, advice.arm)
    given = material(resampled, found, slos, costs)
    carried = capacities(resampled)
    return Conclusion(
        summary, found, slos, compared, advice, monthly=costs, capacities=carried, changes=stakes, material=given,
        cascades=cascades(resampled), study=studied,
    )  # fmt: skip


def frontier(run: Run, objectives: tuple[str, ...] | None = None, *, draws: int = 2000) -> Front:
    """The Pareto front of a run's base part over ``objectives`` (default: the plan's)."""
    weighed = _weighed(run, draws)
    return front(weighed.run, weighed.summary, objectives, resampled=weighed.resampled)


@dataclass(frozen=True)
class _Weighed:
    """What every conclusion begins with: the columns, their estimates, and the items drawn anew."""

    run: Run  # the base part
    table: Mapping[str, ArmColumns]
    summary: Summary  # of the base part, with the verdict on the whole run
    resampled: Resampled
    all: Resampled  # of every cell of the whole run


def _weighed(run: Run, draws: int) -> _Weighed:
    base = base_part(run)
    table = columns(base)
    summary = summarise(base, draws=draws, table=table)
    if base is run:
        resampled = resample(run, summary, draws=draws, table=table)
        return _Weighed(run, table, summary, resampled, resampled)
    cells = columns(run)
    whole = resample(run, summarise(run, draws=draws, table=cells), draws=draws, table=cells)
    summary = about_all(summary, run, cells)
    return _Weighed(base, table, summary, resample(base, summary, draws=draws, table=table), whole)
