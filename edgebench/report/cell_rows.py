"""Every cell of a field study as a row of a sheet: its numbers with intervals, and what differs from the base cell."""

from __future__ import annotations

from collections.abc import Iterator

from edgebench.decide.study.gaps import GROUPS, LAB_TO_FIELD
from edgebench.records import Estimate, FieldStudy

ENDS = ("", "_low", "_high")
COLUMNS = (
    *("arm", "target", "prompting", "perturbation", "language", "role", "corners", "bound", "n"),
    *(f"{name}{end}" for name in ("right", "p50_ms", "p95_ms", "usd_per_1k") for end in ENDS),
    *("calls", "output_tokens"),
    *(f"{name}{end}" for name in ("right_minus_base", "drop_rate", "answers_changed") for end in ENDS),
)


def rows(study: FieldStudy) -> Iterator[tuple[str | float | None, ...]]:
    """In the order of ``COLUMNS``; None where there is no number. The base cell has no difference from itself."""
    against = {gap.b: gap for gap in study.gaps if gap.factor not in (LAB_TO_FIELD, GROUPS)}
    for cell in study.cells:
        gap = against.get(cell.arm)
        difference = gap.differences.get("accuracy") if gap else None
        named = (cell.arm, cell.target, cell.prompting, cell.perturbation, cell.language, cell.role)
        estimates = (cell.accuracy, cell.p50_ms, cell.p95_ms, cell.usd_per_1k)
        changes = (
            difference.difference if difference else None,
            *((gap.drop_rate, gap.flipped) if gap else (None, None)),
        )
        yield (
            *(*named, " ".join(cell.corners), cell.bound or ""),
            float(cell.accuracy.n),
            *(end for item in estimates for end in _ends(item)),
            *(cell.calls.value, cell.output_tokens.value),
            *(end for item in changes for end in _ends(item)),
        )


def _ends(item: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (item.value, item.low, item.high) if item is not None and item.value is not None else (None, None, None)
