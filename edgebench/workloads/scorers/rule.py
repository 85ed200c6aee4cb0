"""What a scorer is made of: one pure function, its name, and a version that holds every option but the defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edgebench.contracts import Scorer
from edgebench.records import Item, Judgement, ScorerSpec, Task, digest
from edgebench.workloads import understand
from edgebench.workloads.options import made

Judge = Callable[[Item, Task, str], Judgement]
LONGEST_LABEL = 300
LONGEST_EXPLANATION = 2_000  # characters: an explanation quotes answers, and an answer may be a megabyte


@dataclass(frozen=True, slots=True)
class Rule:
    """A scorer made of one pure function."""

    name: str
    version: str
    judge: Judge
    needs_reference: bool = True

    def __call__(self, item: Item, task: Task, answer: str) -> Judgement:
        if self.needs_reference and item.reference is None:
            return Judgement(None, explanation="no reference")
        return storable(self.judge(item, task, answer))


def build(spec: ScorerSpec) -> Scorer:
    """The scorer a spec names, or a UsageError saying which option is wrong."""
    scorer: Scorer = made("scorers", spec.name, spec.options)
    return scorer


def versioned(number: int, factory: Callable[..., object], **options: object) -> str:
    """The number, followed by the options that are not the factory's defaults."""
    defaults = inspect.signature(factory).parameters
    changed = {name: value for name, value in options.items() if value != defaults[name].default}
    return " ".join([str(number), *(f"{name}={understand.as_text(value)}" for name, value in changed.items())])


def brief(value: Any) -> str:
    """What stands in a version for an option too long to be written there."""
    return f"sha256:{digest(value)[:12]}"


def acceptable(reference: Any) -> list[Any]:
    """The references of which any is right."""
    return list(reference) if isinstance(reference, (list, tuple)) else [reference]


def storable(judgement: Judgement) -> Judgement:
    """The judgement with words every store can keep: not too long, and no half of a character."""
    label, words = _kept(judgement.label, LONGEST_LABEL), _kept(judgement.explanation, LONGEST_EXPLANATION)
    if label is judgement.label and words is judgement.explanation:
        return judgement
    return replace(judgement, label=label, explanation=words)


def _kept(text: str | None, longest: int) -> str | None:
    if text is None or (text.isascii() and len(text) <= longest and "\0" not in text):
        return text
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return cut.encode("utf-8", "replace").decode().replace("\0", "�")
