"""Many comparisons at once: p-values that stay honest together.

Holm's step-down procedure (S. Holm, Scand. J. Stat. 1979): the chance of even one false finding among them all stays
at the level, whatever their dependence; never weaker than Bonferroni's.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, running = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = running
    return adjusted
