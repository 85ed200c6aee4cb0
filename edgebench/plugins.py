"""A name becomes an object: one table of our own parts, then installed entry points.

A plug-in package offers ``[project.entry-points."edgebench.targets"] name = "module:factory"`` (or
``edgebench.scorers``, ``edgebench.promptings``). Nothing is imported until its name is asked for.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from edgebench.errors import MissingExtra, UsageError

#: shelf → name → "module:attribute"
TABLE: Mapping[str, Mapping[str, str]] = {
    "targets": {
        "llama.cpp": "edgebench.targets.llama_cpp:target",
        "onnxruntime": "edgebench.targets.onnx:target",
        "openai": "edgebench.targets.openai_compatible:target",
        "recorded": "edgebench.targets.recorded:target",
        "fake": "edgebench.targets.fake:target",
        "cascade": "edgebench.targets.cascade:target",
    },
    "target_options": {
        "llama.cpp": "edgebench.targets.llama_cpp:Options",
        "onnxruntime": "edgebench.targets.onnx:Options",
        "openai": "edgebench.targets.openai_compatible:Options",
        "recorded": "edgebench.targets.recorded:Options",
        "fake": "edgebench.targets.fake:Options",
        "cascade": "edgebench.targets.cascade:Options",
    },
    "promptings": {
        "raw": "edgebench.workloads.prompting:raw",
        "zero-shot": "edgebench.workloads.prompting:zero_shot",
        "few-shot": "edgebench.workloads.prompting:few_shot",
    },
    "scorers": {
        "label": "edgebench.workloads.scorers:label",
        "text": "edgebench.workloads.scorers:text",
        "contains": "edgebench.workloads.scorers:contains",
        "regex": "edgebench.workloads.scorers:regex",
        "number": "edgebench.workloads.scorers:number",
        "json-fields": "edgebench.workloads.scorers:json_fields",
        "choice-letter": "edgebench.workloads.scorers:choice_letter",
    },
}

#: import name → extra that brings it
EXTRAS: Mapping[str, str] = {
    "llama_cpp": "llama",
    "onnxruntime": "onnx",
    "tokenizers": "onnx",
    "openai": "hosted",
    "httpx2": "hosted",
    "httptools": "hosted",
    "genai_prices": "hosted",
    "huggingface_hub": "hub",
    "jinja2": "report",
    "plotly": "report",
    "psycopg": "postgres",
}


def names(shelf: str) -> list[str]:
    """Every name on a shelf, ours and installed."""
    return sorted({*TABLE.get(shelf, {}), *(entry.name for entry in entry_points(group=f"edgebench.{shelf}"))})


def find(shelf: str, name: str) -> Any:
    """The object behind a name.

    Raises
    ------
    UsageError: no such name (with the nearest one).
    MissingExtra: its package is not installed.
    """
    place = TABLE.get(shelf, {}).get(name)
    if place is None:
        found = [entry for entry in entry_points(group=f"edgebench.{shelf}") if entry.name == name]
        if not found:
            near = difflib.get_close_matches(name, names(shelf), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names(shelf))}"
            raise UsageError(f"no {shelf.rstrip('s')} is called {name!r}", hint=hint)
        place = found[0].value
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def need(module: str) -> Any:
    """Import an optional package, or say in one sentence how to get it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] != module.partition(".")[0]:
            raise
        extra = EXTRAS.get(module.partition(".")[0], "all")
        raise MissingExtra(
            f"the Python package {module!r} is not installed", hint=f"pip install 'edgebench[{extra}]'"
        ) from exc
