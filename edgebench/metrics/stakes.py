"""What each answer is worth by declared utilities, one number a record, in dollars per 1,000 requests::

    loss  = 1000 · wrong_usd(stakes) · (1 − value)
    worth = 1000 · (right_usd · value − wrong_usd(stakes) · (1 − value) − second_usd · seconds waited − usd)

A failed request is wrong, and was waited for until its failure was known. As everywhere, the first request after a
start counts as an answer and not as a latency: it waited as long as the others did on average. A request whose price
is not known is taken to have cost what the others did on average, for those are most often failed ones, and to leave
them out would praise the arm that fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgebench.records import Record, Utilities

Floats = NDArray[np.float64]
THOUSAND = 1000.0
S = 1e9  # nanoseconds


def wrong_usd(utilities: Utilities | None, stakes: Sequence[int | None]) -> Floats:
    """Dollars of a wrong answer to each item, by its stakes; NaN where nobody declared them."""
    if utilities is None:
        return np.full(len(stakes), np.nan)
    if not isinstance(utilities.wrong_usd, Mapping):
        return np.full(len(stakes), float(utilities.wrong_usd))
    by_stakes = utilities.wrong_usd
    return np.array([by_stakes.get(str(one), np.nan) for one in stakes], dtype=float)


def waited_s(record: Record) -> float:
    """Seconds from due until the answer, or until it was known that there is none; NaN where that is not recorded."""
    if record.failure is None and record.answer is not None and record.done_ns is not None:
        return (record.done_ns - record.due_ns) / S
    ends = [call.end_ns for call in record.calls if call.end_ns is not None]
    return (max(ends) - record.due_ns) / S if ends else np.nan


def loss(value: Floats, wrong: Floats) -> Floats:
    return THOUSAND * wrong * (1 - value)


def worth(
    utilities: Utilities, value: Floats, wrong: Floats, waited: Floats, steady: NDArray[np.bool_], usd: Floats
) -> Floats:
    """NaN where an answer is not judged; everywhere, where nothing was waited for or priced."""
    waiting = utilities.second_usd * _filled(np.where(steady, waited, np.nan)) if utilities.second_usd else 0.0
    return THOUSAND * (utilities.right_usd * value - waiting - _filled(usd)) - loss(value, wrong)


def _filled(values: Floats) -> Floats:
    """With the mean of the known ones in the place of what is not known."""
    known = np.isfinite(values)
    return np.where(known, values, values[known].mean()) if known.any() else values
