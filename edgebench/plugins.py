"""A name becomes an object: one table of our own parts, then installed entry points.

A plug-in package offers ``[project.entry-points."edgebench.targets"] name = "module:factory"`` (or
``edgebench.scorers``, ``edgebench.promptings``). Nothing is imported until its name is asked for.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from edgebench.errors import MissingExtra, UsageError, did_you_mean
from edgebench.records import Named

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
        "chain-of-thought": "edgebench.workloads.prompting:chain_of_thought",
        "multi-step": "edgebench.workloads.prompting:multi_step",
        "self-consistency": "edgebench.workloads.prompting:self_consistency",
        "best-of-n": "edgebench.workloads.prompting:best_of_n",
        "structured-output": "edgebench.workloads.prompting:structured_output",
        "lab": "edgebench.workloads.prompting:lab",
        "by-likelihood": "edgebench.workloads.benchmarks.likeliest:by_likelihood",
    },
    "perturbations": {
        "keyboard-typos": "edgebench.workloads.perturbations.characters:keyboard_typos",
        "letter-slips": "edgebench.workloads.perturbations.characters:letter_slips",
        "no-punctuation": "edgebench.workloads.perturbations.marks:no_punctuation",
        "lower-case": "edgebench.workloads.perturbations.marks:lower_case",
        "no-diacritics": "edgebench.workloads.perturbations.marks:no_diacritics",
        "chat-spelling": "edgebench.workloads.perturbations.lexical:chat_spelling",
        "autocorrect": "edgebench.workloads.perturbations.lexical:autocorrect",
        "code-mix": "edgebench.workloads.perturbations.lexical:code_mix",
        "dialect": "edgebench.workloads.perturbations.lexical:dialect",
        "simple-words": "edgebench.workloads.perturbations.lexical:simple_words",
        "romanised": "edgebench.workloads.perturbations.scripts:romanised",
        "truncated": "edgebench.workloads.perturbations.wholes:truncated",
        "dictation": "edgebench.workloads.perturbations.wholes:dictation",
        "pasted": "edgebench.workloads.perturbations.wholes:pasted",
        "swap-names": "edgebench.workloads.perturbations.people:swap_names",
        "swap-pronouns": "edgebench.workloads.perturbations.people:swap_pronouns",
        "signed": "edgebench.workloads.perturbations.people:signed",
        "other-values": "edgebench.workloads.perturbations.values:other_values",
        "no-evidence": "edgebench.workloads.perturbations.evidence:no_evidence",
    },
    "scorers": {
        "label": "edgebench.workloads.scorers:label",
        "text": "edgebench.workloads.scorers:text",
        "contains": "edgebench.workloads.scorers:contains",
        "regex": "edgebench.workloads.scorers:regex",
        "number": "edgebench.workloads.scorers:number",
        "json-fields": "edgebench.workloads.scorers:json_fields",
        "choice-letter": "edgebench.workloads.scorers:choice_letter",
        "code": "edgebench.workloads.execution:code",
        "set-f1": "edgebench.workloads.scorers:set_f1",
        "json-schema": "edgebench.workloads.scorers:json_schema",
        "tool-call": "edgebench.workloads.scorers:tool_call",
        "ordinal": "edgebench.workloads.scorers:ordinal",
        "grounded": "edgebench.workloads.scorers:grounded",
        "rubric": "edgebench.workloads.scorers:rubric",
        "accessible": "edgebench.workloads.scorers:accessible",
        "language": "edgebench.workloads.scorers:language",
        "taxonomy": "edgebench.workloads.scorers:taxonomy",
        "python": "edgebench.workloads.scorers:python",
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
    "py3langid": "language",
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
            hint = did_you_mean(name, names(shelf))
            raise UsageError(f"no {shelf.rstrip('s')} is called {name!r}", hint=hint)
        place = found[0].value
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def part_name(shelf: str, spec: Named) -> str:
    """What a part will call itself, without building it: ``zero-shot``, ``few-shot(5)``, ``zero-shot(wording=2)``.

    The first parameter is always shown, by its value; the others by name, and only where they are not the default.
    Which wording is used is one of the others wherever it stands; ``of`` is a part of the same shelf.
    """
    name, given = (spec, {}) if isinstance(spec, str) else next(iter(spec.items()))
    words = []
    for place, (key, parameter) in enumerate(inspect.signature(find(shelf, name)).parameters.items()):
        usual = _word(shelf, key, parameter.default)
        word = _word(shelf, key, (given or {}).get(key, parameter.default))
        if place == 0 and key != "wording":
            words.append(word)
        elif word != usual:
            words.append(f"{key}={word}")
    return f"{name}({', '.join(words)})" if words else str(name)


def _word(shelf: str, key: str, value: Any) -> str:
    if value is None:
        return "all"
    if key == "of" and isinstance(value, (str, Mapping)):
        return part_name(shelf, value)
    return f"{value:g}" if isinstance(value, float) else str(value)


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
