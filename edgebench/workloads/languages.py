"""Languages: which rows speak which, and which rows of two languages are one case.

A built-in job keeps its parallel versions in files of their own (``support-triage.es.jsonl``), each row with the id of
the case it is a version of. A file of one's own tells by the tag ``language``; rows of one cluster are one case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgebench.errors import DataError, did_you_mean
from edgebench.records import Columns, Item, WorkloadSpec
from edgebench.workloads import columns, duplicates, readers, subset
from edgebench.workloads.columns import Case

TAG = "language"


def of_a_job(cases: Sequence[Case], spec: WorkloadSpec, own: str, parallel: Mapping[str, Path]) -> tuple[Case, ...]:
    """The cases of a built-in job in the languages asked for; ``own``: the language of ``cases``.

    Raises
    ------
    DataError: the job has no such language (with the nearest one).
    """
    asked = spec.language or own
    if asked == own and not spec.languages:
        return tuple(cases)
    spoken = {language: _read(language, own, parallel, cases) for language in (asked, *spec.languages)}
    return tuple(case for each in spoken.values() for case in each)


def _read(language: str, own: str, parallel: Mapping[str, Path], cases: Sequence[Case]) -> list[Case]:
    if language == own:
        return [replace(case, item=_tagged(case.item, own, case.item.id)) for case in cases]
    if language not in parallel:
        known = [own, *sorted(parallel)]
        hint = did_you_mean(language, known, f"there is: {', '.join(known)}")
        raise DataError(f"this job has no items in the language {language!r}", hint=hint)
    file = parallel[language]
    wanted = Columns(reference="reference", tags=("tags",), stakes="stakes", id="id", cluster="parallel")
    found = columns.cases(readers.table(file, format="jsonl"), wanted, file.name)
    return list(duplicates.settled(found, "refuse", file.name).cases)


def of_a_file(cases: Sequence[Case], spec: WorkloadSpec, name: str) -> tuple[Case, ...]:
    """The cases of a file in the languages asked for, told by their tag.

    Raises
    ------
    DataError: languages are asked for and the own one is not named, or one of them has no row.
    """
    if spec.language is None and not spec.languages:
        return tuple(cases)
    if spec.language is None:
        raise DataError(
            f"{name}: other languages are asked for, and its own one is not named",
            hint="workload: {language: en, languages: [es], columns: {tags: [language]}}",
        )
    wanted = (spec.language, *spec.languages)
    spoken = {case.item.tags.get(TAG, "") for case in cases}
    if missing := [language for language in wanted if language not in spoken]:
        known = ", ".join(sorted(one for one in spoken if one)) or "no tag `language` at all"
        raise DataError(
            f"{name} has no row in the language {missing[0]!r}",
            hint=f"there is: {known}; the tag is named under `columns: {{tags: [language]}}`",
        )
    return tuple(case for case in cases if case.item.tags.get(TAG) in wanted)


def parted(items: Sequence[Item], spec: WorkloadSpec) -> tuple[list[Item], dict[str, list[Item]]]:
    """The items of the own language, and those of each other one."""
    others = {language: [item for item in items if item.tags.get(TAG) == language] for language in spec.languages}
    return [item for item in items if item.tags.get(TAG) not in others], others


def cases_of_all(own: Sequence[Item], others: Mapping[str, Sequence[Item]]) -> list[Item]:
    """Items of the own language whose case is there in every other one: a subset is drawn from these first."""
    if not others:
        return []
    shared = set.intersection(*({item.cluster for item in each if item.cluster} for each in others.values()))
    return [item for item in own if item.cluster in shared]


def beside(
    chosen: Sequence[Item], others: Mapping[str, Sequence[Item]], *, key: Callable[[Item], str], seed: int
) -> list[Item]:
    """The items of the other languages that go with the chosen ones: the same cases, or as many others."""
    drawn = {item.cluster for item in chosen if item.cluster}
    out: list[Item] = []
    for each in others.values():
        same = [item for item in each if item.cluster in drawn]
        out += same or subset.stratified(each, len(chosen), rng=np.random.default_rng(seed), key=key)
    return out


def _tagged(item: Item, language: str, cluster: str) -> Item:
    return replace(item, tags={**item.tags, TAG: language}, cluster=item.cluster or cluster)
