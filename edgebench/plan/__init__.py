"""A plan: a YAML file becomes a checked, frozen :class:`~edgebench.records.Plan`; a Plan unfolds into Trials."""

from __future__ import annotations

from edgebench.plan.checks import key_pairs
from edgebench.plan.loading import PlanErrors, PlanSource, load_plan, schema, source_of
from edgebench.plan.naming import prompting_name, promptings_of
from edgebench.plan.twins import against_itself
from edgebench.plan.unfolding import Arm, arm_name, arms, base_cell, own_items, unfold

__all__ = [
    "Arm",
    "PlanErrors",
    "PlanSource",
    "against_itself",
    "arm_name",
    "arms",
    "base_cell",
    "key_pairs",
    "load_plan",
    "own_items",
    "prompting_name",
    "promptings_of",
    "schema",
    "source_of",
    "unfold",
]
