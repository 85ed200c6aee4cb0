"""Rubrics as data: what an answer should fulfil, on which levels, with which weight.

::

    name: ticket summary
    version: 1
    criteria:
      - name: matter
        weight: 0.6                # all weights sum to 1; none given: all weigh the same
        question: Is everything that matters in it?
        levels: {0: nothing, 1: a part, 2: all of it}
        rule: {covers: matter}     # how a rule judges it; without one only a person or a judge can
    domain_terms:
      SLA: service level agreement            # what it means, for whoever judges
      card: [debit card, plastic]             # or other words for it, which count as it

The value of an answer is Σ weight · level / top level. The same data are judged by the rules
(:mod:`edgebench.workloads.scorers.criteria`), by a model, and by people.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgebench.records import digest
from edgebench.workloads.sheets import Loc, Misfit, all_known

TOP = ("name", "version", "criteria", "domain_terms")
CRITERION = ("name", "weight", "question", "levels", "rule")
YES_OR_NO: Mapping[str, str] = {"0": "not met", "1": "met"}
WITHIN = 1e-6  # of the sum of the weights
MOST_LEVELS = 101

#: key of a rule → what its value must be
RULES: Mapping[str, str] = {
    "covers": "key",
    "sentences": "count",
    "numbers_from_input": "flag",
    "avoids": "key or texts",
    "max_words": "count",
    "min_words": "count",
    "language": "word",
    "contains": "texts",
    "any_of": "texts",
}


@dataclass(frozen=True)
class Criterion:
    """One thing an answer should fulfil."""

    name: str
    weight: float
    question: str = ""
    levels: tuple[str, ...] = ("not met", "met")  # in words, from level 0 to the top
    rule: Mapping[str, Any] = field(default_factory=dict)

    @property
    def top(self) -> int:
        return len(self.levels) - 1


@dataclass(frozen=True)
class Rubric:
    """A checked rubric."""

    name: str
    version: str
    criteria: tuple[Criterion, ...]
    terms: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON data that :func:`made` reads again: what is stored with a run."""
        criteria = [
            {
                "name": each.name,
                "weight": each.weight,
                "question": each.question,
                "levels": {str(level): words for level, words in enumerate(each.levels)},
                "rule": dict(each.rule),
            }
            for each in self.criteria
        ]
        terms = {term: means if isinstance(means, str) else list(means) for term, means in self.terms.items()}
        return {"name": self.name, "version": self.version, "criteria": criteria, "domain_terms": terms}

    @property
    def digest(self) -> str:
        return digest(self.plain())

    def synonyms(self, term: str) -> tuple[str, ...]:
        """The term and the other words for it."""
        for name, words in self.terms.items():
            if not isinstance(words, str) and term.casefold() == name.casefold():
                return (term, *words)
        return (term,)

    def value(self, levels: Mapping[str, int | None]) -> float | None:
        """Σ weight · level / top over the criteria that have a level, as a share of their weight; None: none has."""
        known = [(each, level) for each in self.criteria if (level := levels.get(each.name)) is not None]
        if not known:
            return None
        total = math.fsum(each.weight for each, _ in known)
        return min(1.0, math.fsum(each.weight * level / each.top for each, level in known) / total)


def made(options: Any) -> Rubric:
    """A rubric from plain data.

    Raises
    ------
    Misfit: an unknown key (with the nearest), no criteria, weights that do not sum to 1 ± 1e-6, levels that are not
        0, 1, 2, …, a rule that cannot be; with its place in the data.
    """
    if not isinstance(options, Mapping):
        raise Misfit((), "a rubric is a mapping with `name` and `criteria`")
    all_known(options, TOP, ())
    given = options.get("criteria")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise Misfit(("criteria",), "there are no criteria", hint="criteria: [{name: …, levels: {0: …, 1: …}}]")
    weights = _weights(given)
    criteria = tuple(_criterion(each, weights[place], ("criteria", place)) for place, each in enumerate(given))
    for place, each in enumerate(criteria):
        if each.name in [other.name for other in criteria[:place]]:
            raise Misfit(("criteria", place, "name"), f"two criteria are called {each.name!r}")
    name, version = options.get("name"), options.get("version", "1")
    if not isinstance(name, str) or not name.strip():
        raise Misfit(("name",), "a rubric needs a name", hint="name: ticket summary")
    return Rubric(name.strip(), str(version), criteria, _terms(options.get("domain_terms")))


def _weights(given: Sequence[Any]) -> list[float]:
    said = [each.get("weight") if isinstance(each, Mapping) else None for each in given]
    if all(weight is None for weight in said):
        return [1 / len(given)] * len(given)
    for place, weight in enumerate(said):
        real = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not real or not 0 < float(weight or 0) <= 1:
            raise Misfit(
                ("criteria", place, "weight"), "a weight is a number above 0 and at most 1", hint="weight: 0.25"
            )
    weights = [float(weight) for weight in said if weight is not None]
    if abs(math.fsum(weights) - 1) > WITHIN:
        listed = " + ".join(f"{weight:g}" for weight in weights)
        raise Misfit(
            ("criteria",),
            f"the weights sum to {math.fsum(weights):g}, not to 1 ({listed})",
            hint="change them, or leave all of them out: then all criteria weigh the same",
        )
    return weights


def _criterion(given: Any, weight: float, loc: Loc) -> Criterion:
    if not isinstance(given, Mapping):
        raise Misfit(loc, "a criterion is a mapping with `name`, `weight` and `levels`")
    all_known(given, CRITERION, loc)
    name, question = given.get("name"), given.get("question", "")
    if not isinstance(name, str) or not name.strip():
        raise Misfit((*loc, "name"), "a criterion needs a name", hint="name: brevity")
    if not isinstance(question, str):
        raise Misfit((*loc, "question"), "a question is a text")
    return Criterion(
        name.strip(), weight, question.strip(), _levels(given.get("levels"), (*loc, "levels")), _rule(given, loc)
    )


def _levels(given: Any, loc: Loc) -> tuple[str, ...]:
    """The words of each level. Keys are 0, 1, 2, …, in any order."""
    told = YES_OR_NO if given is None else given
    hint = "levels: {0: not at all, 1: in part, 2: fully}"
    if isinstance(told, Sequence) and not isinstance(told, str):
        told = {str(level): words for level, words in enumerate(told)}
    if not isinstance(told, Mapping):
        raise Misfit(loc, "levels map 0, 1, 2, … to words", hint=hint)
    words = {str(level).strip(): text for level, text in told.items()}
    scale = [str(level) for level in range(len(words))]
    if not 2 <= len(words) <= MOST_LEVELS or set(words) != set(scale):
        listed = ", ".join(words) or "none"
        raise Misfit(loc, f"not an ordered scale: {listed} (wanted: 0, 1, and so on to the top)", hint=hint)
    for level, text in words.items():
        if not isinstance(text, (str, int, float)) or isinstance(text, bool):
            raise Misfit((*loc, level), "a level is described in words", hint=hint)
    return tuple(str(words[level]).strip() for level in scale)


def _rule(criterion: Mapping[str, Any], criterion_loc: Loc) -> dict[str, Any]:
    given, loc = criterion.get("rule"), (*criterion_loc, "rule")
    if given is None or given == {}:
        return {}
    if not isinstance(given, Mapping):
        raise Misfit(loc, "a rule is a mapping", hint=f"known: {', '.join(RULES)}")
    all_known(given, RULES, loc, "rule")
    return {str(key): _setting(str(key), value, (*loc, str(key))) for key, value in given.items()}


def _setting(key: str, value: Any, loc: Loc) -> Any:
    """The value of one key of a rule, if it is of the kind it must be."""
    kind = RULES[key]
    if kind == "count" and isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if kind == "flag" and value is True:
        return value
    if kind in ("key", "word", "key or texts") and isinstance(value, str) and value.strip():
        return value.strip()
    if kind in ("texts", "key or texts"):
        texts = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else []
        if texts and all(isinstance(text, str) and text.strip() for text in texts):
            return texts
    wanted = {
        "key": "is a key of the reference, such as `matter`",
        "word": "is a language code, or `same`: the language of the item",
        "count": "is a whole number from 1",
        "flag": "is `true`, or is left out",
        "texts": "is a text or a list of texts, none of them empty",
        "key or texts": "is a key of the reference, or a list of texts",
    }[kind]
    raise Misfit(loc, f"{key} {wanted}")


def _terms(given: Any) -> dict[str, str | tuple[str, ...]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Misfit(("domain_terms",), "domain terms map a term to what it means, or to other words for it")
    out: dict[str, str | tuple[str, ...]] = {}
    for term, means in given.items():
        listed = isinstance(means, (list, tuple)) and all(isinstance(word, str) and word.strip() for word in means)
        if not listed and not (isinstance(means, str) and means.strip()):
            raise Misfit(("domain_terms", str(term)), "is a text (what it means) or a list of other words for it")
        out[str(term)] = means.strip() if isinstance(means, str) else tuple(means)
    return out
