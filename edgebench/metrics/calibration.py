"""Whether an arm's confidence means what it says: reliability by bin, calibration error, AUROC, the confidently wrong.

Over answers that were judged and say how sure they are; a lost answer says nothing. See ``stats.calibration`` for the
error and its interval, ``stats.auroc`` for whether confidence tells right answers from wrong ones.
"""

from __future__ import annotations

import numpy as np

from edgebench.metrics import modes
from edgebench.metrics.observed import Observed, generator
from edgebench.metrics.quality import rate, share
from edgebench.metrics.table import ArmColumns, Flags, Floats
from edgebench.records import Calibration, Estimate, ReliabilityBin, Run
from edgebench.stats import bootstrap, calibration, clusters
from edgebench.stats.auroc import auroc

LEAST = 20  # judged answers with a confidence; fewer say nothing of calibration


def of_arm(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> Calibration:
    """The calibration of an arm; ``why_absent`` where it does not say how sure it is, or too few answers are judged."""
    sure = modes.confidences(arm)
    of = np.isfinite(sure) & np.isfinite(arm.value)
    n = int(of.sum())
    if n < LEAST:
        said = int(np.isfinite(sure).sum())
        why = (
            "it does not say how sure it is"
            if not said
            else f"{n} judged answers say how sure they are; {LEAST} are needed"
        )
        absent = Estimate.absent(why, n=n)
        return Calibration(arm.arm, _signal(arm) if said else "", n, absent, absent, (), absent, why)
    judged = np.isfinite(arm.value)
    confident = (modes.wrong(arm) & (sure >= run.plan.confident)).astype(float)
    found = calibration.bins(sure[of], arm.value[of])
    return Calibration(
        arm=arm.arm,
        signal=_signal(arm),
        n=n,
        ece=_ece(run, arm, found, sure, of),
        auroc=_auroc(arm, sure, of),
        bins=tuple(_bin(arm, found, place, of, weights) for place in range(len(found.n))),
        confidently_wrong=share(arm, judged, confident, weights),
    )


def _signal(arm: ArmColumns) -> str:
    """What the arm calls its confidence; the prompting's name where that made it (of several draws)."""
    for record in arm.records:
        if record.answer is None or record.answer.confidence is None:
            continue
        call = record.served
        if call is not None and call.confidence == record.answer.confidence:
            return call.confidence_method or "confidence"
        return arm.prompting.partition("(")[0].partition(" · ")[0] or "confidence"
    return "confidence"


def _ece(run: Run, arm: ArmColumns, found: calibration.Bins, sure: Floats, of: Flags) -> Estimate:
    n = int(of.sum())
    worth = clusters.effective_n(arm.cluster[of], arm.value[of] - sure[of]) / n
    error = calibration.error(found, generator(run, f"calibration of {arm.arm}"), worth=worth)
    note = f"the plain sum over the bins is {error.plain:.3f}, of which chance alone is a part"
    method = f"{len(found.n)} bins of like size, corrected for chance; interval by test inversion"
    return Estimate(error.value, error.low, error.high, n, method, note=note)


def _auroc(arm: ArmColumns, sure: Floats, of: Flags) -> Estimate:
    right = arm.value[of] >= 1.0
    if right.all() or not right.any():
        return Estimate.absent(f"its {len(right)} answers are all {'right' if right.any() else 'wrong'}", n=len(right))
    value, low, high = auroc(sure[of], right, arm.cluster[of])
    return Estimate(value, low, high, len(right), "Mann–Whitney, DeLong's interval")


def _bin(arm: ArmColumns, found: calibration.Bins, place: int, of: Flags, weights: bootstrap.Counts) -> ReliabilityBin:
    mine = np.flatnonzero(of)[found.member == place]
    accuracy = rate(Observed("accuracy", arm.cluster[mine], arm.value[mine], np.ones(len(mine))), weights)
    return ReliabilityBin(
        float(found.low[place]), float(found.high[place]), int(found.n[place]), float(found.confidence[place]), accuracy
    )
