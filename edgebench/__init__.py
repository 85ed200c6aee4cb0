"""EdgeBench: should this job run on the device or in the cloud — on your own traffic, with error bars?"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: name → where it lives; handed on lazily (PEP 562), so that ``import edgebench`` and ``--help`` stay light
_NAMES: dict[str, str] = {
    "load_plan": "edgebench.plan:load_plan",  # a YAML file → Plan
    "load_workload": "edgebench.workloads:load",  # WorkloadSpec → Workload
    "open_store": "edgebench.store:open_store",  # a path or URL → Store
    "run": "edgebench.run",  # Plan, Store → Run (the room itself can be called)
    "score_run": "edgebench.run.scoring:score_run",  # judge a stored run anew
    "summarise": "edgebench.metrics.summary:summarise",  # Run → Summary: every arm in numbers with intervals
    "frontier": "edgebench.decide.conclude:frontier",  # Run → Front
    "compare": "edgebench.decide.compare:compare",  # Run, two arms → Comparison
    "conclude": "edgebench.decide.conclude:conclude",  # Run → Conclusion, with the recommendation
    "render": "edgebench.report.page:render",  # Run, Conclusion → one HTML page
    "export_bundle": "edgebench.store.interchange:export_bundle",
    "import_bundle": "edgebench.store.interchange:import_bundle",
    "merge": "edgebench.store.interchange:merge",  # Runs of the same items → one Run
}

__all__ = [*_NAMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        module, _, attribute = _NAMES[name].partition(":")
        found = import_module(module)
        return getattr(found, attribute) if attribute else found
    raise AttributeError(f"module 'edgebench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
