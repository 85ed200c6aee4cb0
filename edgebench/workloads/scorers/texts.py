"""Scorers of texts: the same text, a text that contains something, a text a pattern is found in."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Literal

from edgebench.contracts import Scorer
from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, Task
from edgebench.workloads import understand
from edgebench.workloads.scorers.rule import Rule, acceptable, versioned

LONGEST_FOR_REGEX = 4_000  # characters: what a slow pattern can cost grows with the text


def text(*, ignore_case: bool = True, ignore_punctuation: bool = True, ignore_articles: bool = False) -> Scorer:
    """Right when the answer equals the reference after Unicode, spaces, and (unless told) case and punctuation."""
    version = versioned(
        2, text, ignore_case=ignore_case, ignore_punctuation=ignore_punctuation, ignore_articles=ignore_articles
    )
    rule = partial(
        understand.plain, case=not ignore_case, punctuation=not ignore_punctuation, articles=not ignore_articles
    )
    return Rule("text", version, partial(_same_text, form=rule))


def _same_text(item: Item, task: Task, answer: str, *, form: Callable[[str], str]) -> Judgement:
    got = understand.said(answer)
    for value in acceptable(item.reference):
        wanted = understand.as_text(value)
        # a text of nothing but punctuation has an empty plain form: it is compared as it stands
        if form(wanted) == form(got) if form(wanted) else wanted.strip() in (got, answer.strip()):
            return Judgement(1.0)
    return Judgement(0.0)


# --------------------------------------------------------------------------------------------------- contains


def contains(
    *,
    values: Sequence[str] | None = None,
    require: Literal["all", "any"] | None = None,
    ignore_case: bool = True,
    whole_words: bool = False,
) -> Scorer:
    """Right when the answer contains the values given, or the reference.

    ``require``: "all" of the values (default when they are given here) or "any" (default for a list of references).
    """
    if values is not None and (not values or any(not value.strip() for value in values)):
        raise UsageError("scorer contains: `values` has an empty text in it", hint="contains: {values: [word, other]}")
    required = require or ("any" if values is None else "all")
    version = versioned(2, contains, values=values, require=require, ignore_case=ignore_case, whole_words=whole_words)
    judge = partial(
        _contains,
        values=None if values is None else tuple(values),
        every=required == "all",
        ignore_case=ignore_case,
        whole_words=whole_words,
    )
    return Rule("contains", version, judge, needs_reference=values is None)


def _contains(
    item: Item,
    task: Task,
    answer: str,
    *,
    values: tuple[str, ...] | None,
    every: bool,
    ignore_case: bool,
    whole_words: bool,
) -> Judgement:
    form = partial(understand.plain, case=not ignore_case, punctuation=True)
    wanted = [understand.as_text(value) for value in (values if values is not None else acceptable(item.reference))]
    got = form(understand.said(answer))
    edge = r"(?<!\w){}(?!\w)" if whole_words else "{}"
    missing = [value for value in wanted if not _stands(value, form(value), got, answer, edge)]
    right = not missing if every else len(missing) < len(wanted)
    return Judgement(float(right), explanation=f"missing: {', '.join(missing)}" if missing else None)


def _stands(value: str, wanted: str, got: str, answer: str, edge: str) -> bool:
    if not wanted:  # nothing of it can be seen: it is looked for as it stands
        return value in answer
    return re.search(edge.format(re.escape(wanted)), got) is not None


# --------------------------------------------------------------------------------------------------- regex


def regex(*, pattern: str | None = None, ignore_case: bool = False, full: bool = False) -> Scorer:
    """Right when the pattern given (or the reference, read as one) is found in the answer; ``full``: is all of it.

    Only the first 4,000 characters of an answer are searched: what a badly written pattern costs grows with the text.
    """
    if pattern is not None:
        compiled(pattern, ignore_case=ignore_case)
    judge = partial(_regex, pattern=pattern, ignore_case=ignore_case, full=full)
    version = versioned(2, regex, pattern=pattern, ignore_case=ignore_case, full=full)
    return Rule("regex", version, judge, needs_reference=pattern is None)


def compiled(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern ready to search.

    Raises
    ------
    UsageError: it is not a regular expression.
    """
    try:
        return _compiled(pattern, re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as exc:
        raise UsageError(
            f"scorer regex: {pattern!r} is not a regular expression: {exc}", hint="escape ( ) [ ] . * + ? with \\"
        ) from exc


@lru_cache(maxsize=512)
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what "[[" may mean one day is nobody's concern here
        return re.compile(pattern, flags)


def _regex(item: Item, task: Task, answer: str, *, pattern: str | None, ignore_case: bool, full: bool) -> Judgement:
    got = understand.said(answer)[:LONGEST_FOR_REGEX]
    for value in acceptable(item.reference) if pattern is None else [pattern]:
        try:
            found = compiled(understand.as_text(value), ignore_case=ignore_case)
        except UsageError as exc:
            return Judgement(None, "bad pattern", str(exc))
        if match := found.fullmatch(got) if full else found.search(got):
            return Judgement(1.0, explanation=f"found {match[0][:80]!r}")
    return Judgement(0.0)
