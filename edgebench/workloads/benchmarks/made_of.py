"""What a benchmark is made of: who made it, how it is asked, what its files hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgebench.records import Named, Output, WorkloadSpec
from edgebench.workloads.columns import Case


@dataclass(frozen=True, slots=True)
class Lab:
    """The set-up of the literature: its name with who used it, and the prompting that carries it out."""

    name: str
    prompting: Named
    shown: int = 0  # solved cases it shows of each group


@dataclass(frozen=True, slots=True)
class Material:
    """What was read from a benchmark's files: items with references in their final form, and what examples are made of.

    ``examples``: cases of a part of its own; where there is none, whatever is not measured may be shown. ``worked``:
    the way to the answer, by a case's id. ``told``: what else is said of where this comes from.
    """

    cases: tuple[Case, ...]
    files: Mapping[str, tuple[str, int]]  # name → SHA-256, bytes
    examples: tuple[Case, ...] | None = None
    worked: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, object] = field(default_factory=dict)
    lab: Lab | None = None  # instead of the benchmark's


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A public test set, read from the files its makers publish; nothing of it is shipped."""

    name: str
    title: str
    files: tuple[str, ...]  # in its folder; a pattern stands for one file or more
    licence: str
    citation: str
    read: Callable[[Path, WorkloadSpec], Material]
    output: Output
    max_tokens: int  # of an answer, the same in the raw and the lab form unless the prompting reasons
    lab: Lab
    raw: str  # what the raw prompting sends, in words
    stratify: str  # what a subset is stratified by, unless the plan says
    scorer: str
    instruction: str | None = None  # None: the kind of answer's own
    languages: tuple[str, ...] = ("en",)
