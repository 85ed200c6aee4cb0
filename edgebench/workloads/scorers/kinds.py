"""A taxonomy of the person's own: wrong answers sorted into their kinds of failure, by rules of theirs.

::

    name: billing faults
    version: 1
    kinds:
      - name: promised a refund
        stakes: 4                      # of such an answer, above the item's own
        when: {regex: "refund(ed)? (today|now)", reference: [dispute, chargeback]}
      - name: sent to the wrong desk
        when: {answer_label: other, longer_than: 200}
      - name: anything else            # no `when`: matches every wrong answer; must be the last

All conditions of a kind must hold; of a list, any one of it. ``contains`` and ``regex`` look at the answer,
``reference`` at the item's (each of its labels), ``answer_label`` at what the first scorer understood, ``mode`` at the
failure mode by the built-in rules, ``longer_than`` at the answer's characters, ``tag`` at the item's tags by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgebench.errors import UsageError, did_you_mean
from edgebench.records import MODES, Item, Judgement, Task, digest
from edgebench.workloads import understand
from edgebench.workloads.scorers.modes import mode_of, right
from edgebench.workloads.scorers.rule import acceptable, storable
from edgebench.workloads.scorers.texts import LONGEST_FOR_REGEX, compiled
from edgebench.workloads.sheets import Loc, Misfit, all_known

TOP = ("name", "version", "kinds")
KIND = ("name", "stakes", "when")
WHEN = ("contains", "regex", "reference", "answer_label", "mode", "longer_than", "tag")


@dataclass(frozen=True)
class Kind:
    """One kind of failure."""

    name: str
    stakes: int | None = None
    when: Mapping[str, Any] = field(default_factory=dict)  # condition → number, texts, or {tag: texts}


@dataclass(frozen=True)
class Taxonomy:
    """A checked taxonomy. A scorer of wrong answers: it has no value, and needs the first scorer's judgement."""

    title: str
    edition: str
    kinds: tuple[Kind, ...]
    name: str = "taxonomy"

    @property
    def version(self) -> str:
        return f"1 {self.title} {self.edition} sha256:{digest(self.plain())[:12]}"

    def __call__(self, item: Item, task: Task, answer: str) -> Judgement:
        return Judgement(None, explanation="a taxonomy sorts wrong answers: which are wrong, the first scorer says")

    def sort(self, item: Item, task: Task, answer: str, first: Judgement, finish_reason: str | None) -> Judgement:
        """The first kind that matches a wrong answer, as the label; the explanation names the others that do.

        No label: the answer is right or not judged, or no kind matches ("matches none").
        """
        if first.value is None or right(first):
            return Judgement(None, explanation="not judged" if first.value is None else "right")
        mode, _ = mode_of(item, task, answer, first, finish_reason)
        matched = [kind.name for kind in self.kinds if _matches(kind, item, answer, first, mode)]
        if not matched:
            return Judgement(None, explanation="matches none")
        # what has no condition matches everything: to name it beside another kind would say nothing
        also = [kind.name for kind in self.kinds if kind.name in matched[1:] and kind.when]
        return storable(Judgement(None, matched[0], f"also: {', '.join(also)}" if also else None))

    def plain(self) -> dict[str, Any]:
        """As JSON data that :func:`made` reads again: what is stored with a run."""
        kinds = [
            {"name": kind.name, **({"stakes": kind.stakes} if kind.stakes else {}), "when": dict(kind.when)}
            for kind in self.kinds
        ]
        return {"name": self.title, "version": self.edition, "kinds": kinds}


def taxonomy(
    *,
    name: str | None = None,
    version: str | int = "1",
    kinds: Sequence[Mapping[str, Any]] | None = None,
    file: str | None = None,
) -> Taxonomy:
    """It sorts wrong answers into kinds of your own, by rules; whether one is wrong the first scorer says.

    ``file`` holds what the other options would say; it is read when a workload is loaded.

    Raises
    ------
    UsageError: it cannot be (see :func:`made`), or the file was not read.
    """
    if file is not None and kinds is None:
        raise UsageError(f"taxonomy: {file} has not been read", hint="workload: {taxonomy: FILE} reads it")
    return made({"name": name or "taxonomy", "version": version, "kinds": kinds})


def made(options: Any) -> Taxonomy:
    """A taxonomy from plain data.

    Raises
    ------
    Misfit: an unknown key or condition (with the nearest), no kinds, two of one name, a condition that cannot be, or a
        kind that matches everything before others; with its place in the data.
    """
    if not isinstance(options, Mapping):
        raise Misfit((), "a taxonomy is a mapping with `name` and `kinds`")
    all_known(options, TOP, ())
    given, name = options.get("kinds"), options.get("name")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise Misfit(("kinds",), "there are no kinds", hint="kinds: [{name: …, when: {contains: …}}]")
    if not isinstance(name, str) or not name.strip():
        raise Misfit(("name",), "a taxonomy needs a name", hint="name: billing faults")
    kinds = tuple(_kind(each, ("kinds", place)) for place, each in enumerate(given))
    for place, kind in enumerate(kinds):
        if kind.name in [other.name for other in kinds[:place]]:
            raise Misfit(("kinds", place, "name"), f"two kinds are called {kind.name!r}")
        if not kind.when and place < len(kinds) - 1:
            raise Misfit(
                ("kinds", place), f"{kind.name!r} matches everything: no kind after it ever could", hint="move it last"
            )
    return Taxonomy(name.strip(), str(options.get("version", "1")), kinds)


def _kind(given: Any, loc: Loc) -> Kind:
    if not isinstance(given, Mapping):
        raise Misfit(loc, "a kind is a mapping with `name` and `when`")
    all_known(given, KIND, loc)
    name, stakes, when = given.get("name"), given.get("stakes"), given.get("when")
    if not isinstance(name, str) or not name.strip():
        raise Misfit((*loc, "name"), "a kind needs a name", hint="name: promised a refund")
    if stakes is not None and (isinstance(stakes, bool) or stakes not in (1, 2, 3, 4)):
        raise Misfit((*loc, "stakes"), "stakes are 1 (harmless) to 4 (severe)")
    if when is not None and not isinstance(when, Mapping):
        raise Misfit((*loc, "when"), "is a mapping of conditions", hint=f"known: {', '.join(WHEN)}")
    all_known(when or {}, WHEN, (*loc, "when"), "condition")
    conditions = {
        str(key): _condition(str(key), value, (*loc, "when", str(key))) for key, value in (when or {}).items()
    }
    return Kind(name.strip(), stakes, conditions)


def _condition(key: str, value: Any, loc: Loc) -> Any:
    """The value of a condition, if it is of the kind it must be."""
    if key == "longer_than":
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise Misfit(loc, "longer_than is a whole number of characters", hint="longer_than: 200")
        return value
    if key == "tag":
        if not isinstance(value, Mapping) or not value:
            raise Misfit(loc, "tag maps a tag to a value or a list of them", hint="tag: {language: [es, hi]}")
        return {str(tag): _texts(each, (*loc, str(tag))) for tag, each in value.items()}
    texts = _texts(value, loc)
    for text in texts:
        if key == "mode" and text not in MODES:
            raise Misfit(loc, f"no failure mode is called {text!r}", hint=did_you_mean(text, MODES))
        if key == "regex":
            try:
                compiled(text, ignore_case=True)
            except UsageError as exc:
                raise Misfit(loc, str(exc).removeprefix("scorer regex: "), hint=exc.hint) from exc
    return texts


def _texts(value: Any, loc: Loc) -> list[str]:
    given = list(value) if isinstance(value, (list, tuple)) else [value]
    texts = [understand.as_text(each) for each in given if not isinstance(each, (dict, list)) and each is not None]
    if not texts or len(texts) < len(given) or any(not text.strip() for text in texts):
        raise Misfit(loc, "is a text or a list of texts, none of them empty")
    return texts


# --------------------------------------------------------------------------------------------------- what matches


def _matches(kind: Kind, item: Item, answer: str, first: Judgement, mode: str | None) -> bool:
    return all(_holds(key, wanted, item, answer, first, mode) for key, wanted in kind.when.items())


def _holds(key: str, wanted: Any, item: Item, answer: str, first: Judgement, mode: str | None) -> bool:
    if key == "longer_than":
        return len(answer.strip()) > int(wanted)
    if key == "tag":
        return all(item.tags.get(tag) in values for tag, values in wanted.items())
    if key == "mode":
        return mode in wanted
    if key == "answer_label":
        return first.label is not None and _plain(first.label) in map(_plain, wanted)
    if key == "reference":
        there = {_plain(understand.as_text(each)) for each in acceptable(item.reference)}
        return any(_plain(each) in there for each in wanted)
    text = understand.said(answer)
    if key == "regex":
        return any(compiled(each, ignore_case=True).search(text[:LONGEST_FOR_REGEX]) for each in wanted)
    even = understand.plain(text, punctuation=True)
    return any(re.search(understand.edged(understand.plain(each, punctuation=True)), even) for each in wanted)


def _plain(text: str) -> str:
    return understand.plain(text, punctuation=True) or text
