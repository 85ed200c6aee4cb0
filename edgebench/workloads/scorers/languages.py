"""The scorer of languages: whether the answer speaks the one it should."""

from __future__ import annotations

from functools import partial

from edgebench.contracts import Scorer
from edgebench.records import Item, Judgement, Task
from edgebench.workloads import spoken
from edgebench.workloads.scorers.rule import Rule


def language(*, language: str | None = None) -> Scorer:
    """1 when the answer is in the language given, or else in the one of the item's tag ``language``; 0 when not.

    Of a JSON answer its texts are read. A value of None says why nobody can tell: no tag, too short, or a script many
    languages share while py3langid (extra ``language``) is not installed. The label is the language, or
    ``wrong_language``. See :mod:`edgebench.workloads.spoken`; what tells languages apart is part of the version.
    """
    version = " ".join(["1", *([f"language={language}"] if language else []), spoken.known_by()])
    return Rule("language", version, partial(_speaks, language=language), needs_reference=False)


def _speaks(item: Item, task: Task, answer: str, *, language: str | None) -> Judgement:
    wanted = language or item.tags.get("language")
    if not wanted:
        return Judgement(None, explanation="the item has no tag `language`")
    speaks, words = spoken.speaks(spoken.wording(answer), wanted)
    if speaks is None:
        return Judgement(None, explanation=words)
    return Judgement(float(speaks), wanted if speaks else "wrong_language", words)
