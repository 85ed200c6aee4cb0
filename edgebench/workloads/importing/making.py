"""Making an evaluation set: logs in, items and what is to be said of them out. Pure but for reading the logs.

Read, redact, drop near-duplicates, group, draw, and look what is left out: in this order, because texts may become
alike only by what redaction takes out of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgebench.errors import DataError
from edgebench.records import Message, digest
from edgebench.workloads import subset
from edgebench.workloads.choices import lettered
from edgebench.workloads.importing import alike, cleaning, coverage, gathering, strata, vectors
from edgebench.workloads.importing.gathering import Case, Gathered
from edgebench.workloads.importing.strata import Stratum
from edgebench.workloads.importing.vectors import Embed

MOST_EMBEDDED = 10_000  # different messages a model embeds; of more, a sample is the log from then on
SHORT = 25  # characters; a shorter message is grouped by what came before it, too
REFERENCE = "reference"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """How the set is to be made."""

    items: int = 250
    by: str | None = None  # a tag, or "reference"; None: by clusters
    seed: int = 1
    format: str = "auto"
    text: str | None = None  # columns of a table
    reference: str | None = None
    keep_texts: bool = False
    own_names: frozenset[str] = frozenset()
    model: str = ""  # name of what ``embed`` is


@dataclass(frozen=True)
class Kept:
    """One different message of the log, and how many near-duplicates it stands for (itself among them)."""

    case: Case
    messages: int
    marks: Counter[str]
    stratum: str = ""


@dataclass(frozen=True)
class Made:
    """The set, and everything that is said of it."""

    wanted: Wanted
    chosen: tuple[Kept, ...]  # in the order of the log
    gathered: Gathered
    different: int  # messages that are left when near-duplicates are dropped
    grouped: int  # of these, what was grouped and drawn from
    disagreeing: int  # messages with several references, none of which leads
    instruction: str
    strata: tuple[Stratum, ...]
    method: str  # of the strata
    coverage: coverage.Coverage
    thin_in_uniform: int  # strata of two or more messages of which a uniform sample of as many holds fewer than two
    marks: Counter[str]  # in the chosen items
    tags_left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def near_duplicates(self) -> int:
        return len(self.gathered.cases) - self.different


def make(
    paths: Sequence[Path],
    wanted: Wanted,
    *,
    embed: Embed | None = None,
    say: Say = lambda line: None,
    progress: gathering.Progress = lambda name, cases, about: None,
) -> Made:
    """An evaluation set from logs.

    Parameters
    ----------
    embed: texts to vectors of length 1, shape (n, d); None: messages are grouped by their letters.
    say: receives a line at the beginning of each step.

    Raises
    ------
    DataError: nothing that can be used, no such tag or column, fewer than one item asked for.
    """
    if wanted.items < 1:
        raise DataError(f"--items {wanted.items} measures nothing", hint="--items 250")
    gathered = gathering.gather(
        paths, format=wanted.format, text=wanted.text, reference=wanted.reference, progress=progress
    )
    shared = cleaning.instruction(gathered.cases)
    tags, left_out = gathering.tags_kept(gathered.cases, wanted.by)
    say("redacting" if not wanted.keep_texts else "keeping texts as they are")
    clean = cleaning.as_it_is if wanted.keep_texts else cleaning.cleaner(wanted.own_names)
    unique = _redacted(_same(cleaning.without(gathered.cases, shared)), clean, tags)
    say("looking for near-duplicates")
    kept, disagreeing = _deduplicated(unique)
    population = _population(kept, wanted, embed)
    say("grouping")
    points = vectors.points([_grouped_by(one) for one in population], embed, wanted.model)
    by_answer = wanted.by == REFERENCE or wanted.by in gathered.references
    placed, method = _placed(population, points, replace(wanted, by=REFERENCE if by_answer else wanted.by), left_out)
    chosen, uniform, sizes = _drawn(placed, wanted)
    say("measuring coverage")
    seen = coverage.covered(
        points,
        np.array(chosen),
        np.array(uniform),
        np.array([one.messages for one in placed]),
        [one.stratum for one in placed],
        [one.case.found.asked for one in placed],
    )
    picked, notes = _settled([placed[n] for n in chosen], shared if wanted.keep_texts else clean(shared)[0])
    return Made(
        wanted=wanted,
        chosen=tuple(picked),
        gathered=gathered,
        different=len(kept),
        grouped=len(population),
        disagreeing=disagreeing,
        instruction=clean(shared)[0],
        strata=sizes,
        method=method,
        coverage=seen,
        thin_in_uniform=_thin([placed[n].stratum for n in uniform], sizes),
        marks=sum((one.marks for one in picked), Counter()),
        tags_left_out=left_out,
        notes=tuple(notes),
    )


# --------------------------------------------------------------------------------------------------- the same twice


def _before(case: Case) -> str:
    return "\n".join(turn.content for turn in case.found.turns[:-1])


def _asked(case: Case) -> str:
    return "\n".join([case.found.asked, *case.found.choices])


@dataclass
class _Group:
    """Cases that say exactly the same: the first of them, how many they are, and their references."""

    first: Case
    messages: int = 0
    references: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def add(self, reference: Any, times: int = 1) -> None:
        if reference is not None:
            key = gathering.reference_key(reference)
            self.references[key] = reference, self.references.get(key, (None, 0))[1] + times

    def settled(self) -> tuple[Any, bool]:
        """The reference that most give, and whether none leads."""
        ordered = sorted(self.references.items(), key=lambda pair: (-pair[1][1], pair[0]))
        if len(ordered) > 1 and ordered[0][1][1] == ordered[1][1][1]:
            return None, True
        return (ordered[0][1][0] if ordered else None), False


def _same(cases: Sequence[Case]) -> list[_Group]:
    """Cases put together that are the same to the letter, so that each text is redacted once."""
    groups: dict[tuple[Any, ...], _Group] = {}
    for case in cases:
        group = groups.setdefault((case.found.turns, case.found.choices), _Group(case))
        group.messages += 1
        group.add(case.found.reference)
    return list(groups.values())


def _redacted(
    groups: Sequence[_Group], clean: cleaning.Clean, tags: frozenset[str]
) -> list[tuple[_Group, Counter[str]]]:
    references = [reference for group in groups for reference, times in group.references.values() for _ in range(times)]
    free = not cleaning.are_labels(references)
    out = []
    for group in groups:
        done = cleaning.cleaned(group.first, clean, tags)
        fresh = _Group(done.case, group.messages)
        personal = free and not group.first.found.choices
        for reference, times in group.references.values():
            fresh.add(cleaning.reference(reference, clean) if personal else reference, times)
        out.append((fresh, done.marks))
    return out


def _deduplicated(unique: Sequence[tuple[_Group, Counter[str]]]) -> tuple[list[Kept], int]:
    """The first of every group of near-duplicates, with what most of its exact likenesses give for a reference."""
    texts = [alike.Text(_asked(group.first), _before(group.first)) for group, _ in unique]
    leader = alike.leaders(texts)
    plains = [(alike.plain(text.asked), alike.plain(text.before)) for text in texts]
    messages: Counter[int] = Counter()
    for place, (group, _) in enumerate(unique):
        messages[leader[place]] += group.messages
        first = unique[leader[place]][0]
        if group is not first and plains[place] == plains[leader[place]]:
            for reference, times in group.references.values():
                first.add(reference, times)
    kept, disagreeing = [], 0
    for place in sorted(messages):
        group, marks = unique[place]
        reference, drawn = group.settled()
        disagreeing += drawn
        case = replace(group.first, found=replace(group.first.found, reference=reference))
        kept.append(Kept(case, messages[place], marks))
    return kept, disagreeing


# --------------------------------------------------------------------------------------------------- who is drawn


def _population(kept: Sequence[Kept], wanted: Wanted, embed: Embed | None) -> list[Kept]:
    """What is drawn from: everything, or as much as a model can embed in a few minutes."""
    if embed is None or len(kept) <= MOST_EMBEDDED:
        return list(kept)
    order = _shuffled(range(len(kept)), kept, wanted.seed)
    return [kept[n] for n in sorted(order[:MOST_EMBEDDED])]


def _grouped_by(one: Kept) -> str:
    text = one.case.found.asked
    return text if len(text) >= SHORT or len(one.case.found.turns) < 2 else f"{_before(one.case)[-500:]}\n{text}"


def _placed(
    population: Sequence[Kept], points: vectors.Points, wanted: Wanted, left_out: Mapping[str, str]
) -> tuple[list[Kept], str]:
    """The population with its strata, and what they are."""
    if wanted.by is None:
        k = strata.number_of_clusters(len(population), wanted.items)
        found = strata.clusters(points.vectors, k, wanted.seed)
        named = strata.names(found, [one.case.found.asked for one in population])
        return [replace(one, stratum=name) for one, name in zip(population, named, strict=True)], (
            f"{len(set(named))} clusters of {points.method}"
        )
    if wanted.by == REFERENCE:
        values = [_short(one.case.found.reference) for one in population]
    else:
        values = [one.case.found.tags.get(wanted.by, "") for one in population]
    if not any(values):
        known = sorted({tag for one in population for tag in one.case.found.tags})
        why = f" ({left_out[wanted.by]})" if wanted.by in left_out else ""
        raise DataError(
            f"no message has the tag {wanted.by!r} to stratify by{why}",
            hint=f"there is: {', '.join([REFERENCE, *known])}; without --by, like messages are grouped",
        )
    return [replace(one, stratum=value or "(none)") for one, value in zip(population, values, strict=True)], (
        f"the tag {wanted.by}" if wanted.by != REFERENCE else "the reference"
    )


def _short(reference: Any) -> str:
    return "" if reference is None else str(reference)[: cleaning.LONGEST_LABEL]


def _shuffled(places: Sequence[int], population: Sequence[Kept], seed: int) -> list[int]:
    """Places in an order that depends on the seed and on what is said there, not on where it stands."""
    order = subset.shuffled(
        list(places),
        rng=np.random.default_rng(seed),
        digest=lambda n: digest([population[n].case.found.turns, list(population[n].case.found.choices)]),
    )
    return list(order)


def _drawn(placed: Sequence[Kept], wanted: Wanted) -> tuple[list[int], list[int], tuple[Stratum, ...]]:
    """(places of the items, places of a uniform sample of as many, the strata with their items)."""
    order = _shuffled(range(len(placed)), placed, wanted.seed)
    held: dict[str, list[int]] = {}
    for n in order:
        held.setdefault(placed[n].stratum, []).append(n)
    given = strata.seats({name: len(members) for name, members in held.items()}, wanted.items)
    chosen = sorted(n for name, members in held.items() for n in members[: given[name]])
    uniform = sorted(order[: len(chosen)])
    sizes = [
        Stratum(name, len(members), sum(placed[n].messages for n in members), given[name])
        for name, members in held.items()
    ]
    return chosen, uniform, tuple(sorted(sizes, key=lambda one: (-one.messages, one.name)))


def _thin(uniform: Sequence[str], sizes: Sequence[Stratum]) -> int:
    held = Counter(uniform)
    return sum(held[one.name] < min(strata.LEAST_EACH, one.different) for one in sizes)


# --------------------------------------------------------------------------------------------------- as items


def _settled(chosen: Sequence[Kept], instruction: str) -> tuple[list[Kept], list[str]]:
    """The chosen cases in a form that is one task: choices for all or none, references that tell something apart."""
    notes = []
    out = list(chosen)
    with_choices = [one for one in out if one.case.found.choices]
    if 0 < len(with_choices) < len(out):
        out = [_written_out(one) for one in out]
        notes.append(f"{len(with_choices)} of {len(out)} items have choices: these are written into their questions")
    words = [one.case.found.reference for one in out if one.case.found.reference is not None]
    if len(words) > 1 and not with_choices and len({gathering.reference_key(word) for word in words}) == 1:
        out = [replace(one, case=replace(one.case, found=replace(one.case.found, reference=None))) for one in out]
        notes.append(f"every reference is {str(words[0])[:60]!r}, which tells no two answers apart: it is left out")
    if instruction:
        notes.append("the instruction that nearly all requests share is in the sheet, not in the items")
    return out, notes


def _written_out(one: Kept) -> Kept:
    found = one.case.found
    if not found.choices:
        return one
    asked = Message("user", f"{found.asked}\n\n{lettered(found.choices)}")
    return replace(one, case=replace(one.case, found=replace(found, turns=(*found.turns[:-1], asked), choices=())))
