"""The conclusion: everything that is concluded from a run, in one pure function of it.

Needs beside the run only what it names: its price file, the price list of genai-prices, the device profiles.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgebench.decide import against_itself
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
from edgebench.decide.whatif import material
from edgebench.decide.wording import in_its_currency
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import Conclusion, Front, Run, Summary

COMPARED = ("accuracy", "p50_ms")  # always, beside the objectives of the front


@in_its_currency
def conclude(run: Run, *, draws: int = 2000) -> Conclusion:
    """Summary, front, SLO verdicts, paired comparisons and advice; the same run gives the same to the last bit."""
    table, summary, resampled = _weighed(run, draws)
    found = front(run, summary, resampled=resampled)
    slos = verdicts(run, summary, table)
    if twins := against_itself.twins(run.plan):
        same = against_itself.compared(resampled, twins)
        costs = monthly(resampled, None)
        return Conclusion(summary, found, slos, same, against_itself.advise(summary, twins, same), monthly=costs)
    compared = all_pairs(resampled, tuple(dict.fromkeys((*COMPARED, *found.objectives))))
    choice = choose(resampled, found, slos)
    stakes = flips(resampled, found, slos, choice)
    advice = advise(run, summary, found, slos, resampled=resampled, choice=choice, stakes=stakes)
    costs = monthly(resampled, advice.arm)
    given = material(resampled, found, slos, costs)
    carried = capacities(resampled)
    return Conclusion(
        summary, found, slos, compared, advice, monthly=costs, capacities=carried, changes=stakes, material=given,
        cascades=cascades(resampled),
    )  # fmt: skip


def frontier(run: Run, objectives: tuple[str, ...] | None = None, *, draws: int = 2000) -> Front:
    """The Pareto front of a run over ``objectives`` (default: the plan's)."""
    _, summary, resampled = _weighed(run, draws)
    return front(run, summary, objectives, resampled=resampled)


def _weighed(run: Run, draws: int) -> tuple[Mapping[str, ArmColumns], Summary, Resampled]:
    """What every conclusion begins with: the columns, their estimates, and the items drawn anew."""
    table = columns(run)
    summary = summarise(run, draws=draws, table=table)
    return table, summary, resample(run, summary, draws=draws, table=table)
