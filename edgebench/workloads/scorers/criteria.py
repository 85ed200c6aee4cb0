"""The scorer of rubrics: every criterion that has a rule gets a level, and the answer their weighted mean.

Rules and what they look at; a criterion with several takes the lowest level any of them gives:

==================  ================================================================================================
covers: KEY         groups under that key of the reference; a group is covered when any of its texts is in the
                    answer (case and spaces do not matter). The level by the share covered, rounded down
sentences: N        N sentences; one level less for each too many or too few
numbers_from_input  every number of the answer occurs in the input. The level by the share that does
avoids: KEY, LIST   none of the texts is in the answer (a text alone is a key of the reference, where there is one
                    of that name); one level less for each that is
max_words, min_words  so many words between spaces: the top level or none
language            ``same`` (the item's tag, else the input's) or a code: the top level or none
contains: LIST      all of the texts. The level by the share that is there
any_of: LIST        at least one of them: the top level or none
==================  ================================================================================================

A criterion without a rule, or whose rule cannot be applied (no such key in the reference, a language nobody can tell),
has no level: the weights of the others are taken as a whole, and the explanation says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from edgebench.contracts import Scorer
from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, Task
from edgebench.workloads import prose, rubrics, spoken, understand
from edgebench.workloads.rubrics import Criterion, Rubric
from edgebench.workloads.scorers.rule import Rule

VERSION = "1"
Level = tuple[int | None, str]  # None: cannot be judged; and why, in words


def rubric(
    *,
    name: str | None = None,
    version: str | int = "1",
    criteria: Sequence[Mapping[str, Any]] | None = None,
    domain_terms: Mapping[str, Any] | None = None,
    file: str | None = None,
) -> Scorer:
    """How far the answer fulfils a rubric (see :mod:`edgebench.workloads.rubrics`): Σ weight · level / top level.

    The label is "complete" at 1 and "incomplete" below; the explanation lists the criteria with their levels.
    ``file`` is read by :func:`inlined` when a workload is loaded, which puts its content into the other options.

    Raises
    ------
    UsageError: the rubric cannot be; or the file was not read.
    """
    if file is not None and criteria is None:
        raise UsageError(f"scorer rubric: {file} has not been read", hint="a workload's `scorers:` reads it")
    given = {"name": name or "rubric", "version": version, "criteria": criteria, "domain_terms": domain_terms}
    checked = rubrics.made(given)
    needs = any("covers" in each.rule for each in checked.criteria)
    says = f" {spoken.known_by()}" if any("language" in each.rule for each in checked.criteria) else ""
    versioned = f"{VERSION} {checked.name} {checked.version} sha256:{checked.digest[:12]}{says}"
    return Rule("rubric", versioned, partial(_judged, rubric=checked), needs_reference=needs)


def _judged(item: Item, task: Task, answer: str, *, rubric: Rubric) -> Judgement:
    text = understand.said(answer)
    found = {each.name: _level(item, text, each, rubric) for each in rubric.criteria}
    value = rubric.value({name: level for name, (level, _) in found.items()})
    words = "; ".join(_told(each, *found[each.name]) for each in rubric.criteria)
    if value is None:
        return Judgement(None, None, words)
    value = 1.0 if value > 1 - 1e-12 else value
    return Judgement(value, "complete" if value == 1 else "incomplete", words)


def _told(criterion: Criterion, level: int | None, why: str) -> str:
    mark = f"{level}/{criterion.top}" if level is not None else "not judged"
    return f"{criterion.name} {mark}" + (f" ({why})" if why else "")


def _level(item: Item, answer: str, criterion: Criterion, rubric: Rubric) -> Level:
    """The lowest level any of a criterion's rules gives."""
    if not criterion.rule:
        return None, "no rule"
    if not answer:
        return 0, "an empty answer"
    found = [CHECKS[key](item, answer, setting, criterion.top, rubric) for key, setting in criterion.rule.items()]
    levels = [level for level, _ in found if level is not None]
    words = ", ".join(why for level, why in found if why and (level is None or level < criterion.top))
    return (min(levels) if levels else None), words


# --------------------------------------------------------------------------------------------------- the rules


def _covers(item: Item, answer: str, key: Any, top: int, rubric: Rubric) -> Level:
    groups = _of_reference(item, key)
    if groups is None:
        return None, f"the reference has no {key!r}"
    if not groups:
        return top, ""
    text = _folded(answer)
    missing = []
    for group in groups:
        texts = [str(each) for each in group] if isinstance(group, (list, tuple)) else [understand.as_text(group)]
        if not any(_holds(text, each, rubric) for each in texts):
            missing.append(texts[0] if texts else "")
    return _by_share(len(groups) - len(missing), len(groups), top), f"missing: {', '.join(missing)}"


def _sentences(item: Item, answer: str, count: Any, top: int, rubric: Rubric) -> Level:
    found = len(prose.sentences(answer))
    return max(0, top - abs(found - int(count))), f"{found} {'sentence' if found == 1 else 'sentences'}"


def _numbers(item: Item, answer: str, _: Any, top: int, rubric: Rubric) -> Level:
    found = understand.numbers(answer)
    if not found:
        return top, ""
    given = "\n".join([item.input] if isinstance(item.input, str) else [each.content for each in item.input])
    known = {number.value for number, _ in understand.numbers(given)}
    # as it stands as well: 12.05. in a date is read as a number on one side only when more digits follow
    made_up = [text for number, text in found if number.value not in known and text not in given]
    return _by_share(len(found) - len(made_up), len(found), top), f"not in the input: {', '.join(made_up)}"


def _avoids(item: Item, answer: str, what: Any, top: int, rubric: Rubric) -> Level:
    texts = what
    if isinstance(what, str):
        referred = _of_reference(item, what)
        texts = referred if referred is not None else [what]
    text = _folded(answer)
    flat = [str(each) for group in texts for each in (group if isinstance(group, (list, tuple)) else [group])]
    there = [each for each in flat if _holds(text, each, rubric)]
    return max(0, top - len(there)), f"says: {', '.join(there)}"


def _max_words(item: Item, answer: str, most: Any, top: int, rubric: Rubric) -> Level:
    found = len(prose.words(answer))
    return top if found <= int(most) else 0, f"{found} words"


def _min_words(item: Item, answer: str, least: Any, top: int, rubric: Rubric) -> Level:
    found = len(prose.words(answer))
    return top if found >= int(least) else 0, f"{found} words"


def _language(item: Item, answer: str, wanted: Any, top: int, rubric: Rubric) -> Level:
    language = wanted
    if wanted == "same" and not (language := item.tags.get("language")):
        language, why = spoken.identified(item.text)
        if language is None:
            return None, f"the input's language: {why}"
    speaks, why = spoken.speaks(answer, str(language))
    return None if speaks is None else top if speaks else 0, why


def _contains(item: Item, answer: str, wanted: Any, top: int, rubric: Rubric) -> Level:
    text = _folded(answer)
    missing = [each for each in wanted if not _holds(text, each, rubric)]
    return _by_share(len(wanted) - len(missing), len(wanted), top), f"missing: {', '.join(missing)}"


def _any_of(item: Item, answer: str, wanted: Any, top: int, rubric: Rubric) -> Level:
    text = _folded(answer)
    return (top, "") if any(_holds(text, each, rubric) for each in wanted) else (0, f"none of: {', '.join(wanted)}")


CHECKS: Mapping[str, Callable[[Item, str, Any, int, Rubric], Level]] = {
    "covers": _covers,
    "sentences": _sentences,
    "numbers_from_input": _numbers,
    "avoids": _avoids,
    "max_words": _max_words,
    "min_words": _min_words,
    "language": _language,
    "contains": _contains,
    "any_of": _any_of,
}


def _by_share(many: int, of: int, top: int) -> int:
    return many * top // of


def _of_reference(item: Item, key: Any) -> list[Any] | None:
    value = item.reference.get(key) if isinstance(item.reference, Mapping) else None
    return None if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def _folded(text: str) -> str:
    return understand.plain(text, punctuation=True).translate(_MARKS)


_MARKS = str.maketrans("‘’ʼ‐‑–—", "'''----")


def _holds(text: str, wanted: str, rubric: Rubric) -> bool:
    """Whether a folded text holds what is wanted, or another word for it. A number is not found within a longer one."""
    for word in rubric.synonyms(wanted):
        if (key := _folded(word)) and re.search(understand.edged(key), text) is not None:
            return True
    return False
