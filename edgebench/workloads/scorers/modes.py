"""Failure modes: in which way a wrong answer is wrong, told by rules of which the first that fits holds.

The order: empty, refusal, truncated; then what the first scorer understood (several answers, nothing it could read,
something outside the label set, or the mode it names itself); then by what was asked for (a wrong label, number,
fields); another language than the item's; an answer wrong in no way that a rule knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from edgebench.contracts import Scorer
from edgebench.records import MODES, Item, Judgement, Mode, Task
from edgebench.workloads import spoken, understand
from edgebench.workloads.refusals import refuses
from edgebench.workloads.scorers.calls import called
from edgebench.workloads.scorers.rule import acceptable, storable

MODE = "mode"  # the scorer's name
MODE_VERSION = "1"
CUT = ("length", "max_tokens", "max_output_tokens")  # finish reasons of an answer that ran into its limit
WHOLE = 1 - 1e-9  # values from here on are right

#: labels by which scorers say that they could read nothing, or several things
SEVERAL = ("several labels", "several letters", "several levels")
UNREAD = ("not a label", "not a letter", "not a level")
UNPARSED = ("not a number", "not JSON", "no call")
ASKING = frozenset(
    {"ask back", "ask", "clarify", "ask user", "request clarification"}
)  # functions that ask back, plain
#: grounded answers: a sentence that the text is silent sounds like a refusal
SAYS_SO = frozenset({"not_in_text_claimed", "asked_back"})
SENTENCE = re.compile(
    r"^(?:i|i'm|i’m|it|it's|this|that|there|we|you|the|sorry|please|yes|no|hello|hi|thank|thanks|based|here|sure|ok)\b"
    r"|[.!?]\s|\?$",
    re.IGNORECASE,
)


def mode_version(first: Scorer) -> str:
    """The version of the modes told from one scorer's verdicts."""
    return f"{MODE_VERSION} after {first.name} {first.version}"


def right(first: Judgement) -> bool:
    """Whether a verdict calls the answer wholly right."""
    return first.value is not None and first.value >= WHOLE


def mode_of(item: Item, task: Task, answer: str, first: Judgement, finish_reason: str | None) -> tuple[str | None, str]:
    """The failure mode of an answer (a name of :data:`edgebench.records.MODES`) and why, in words.

    ``first``: what the workload's first scorer says of it; ``finish_reason``: how the call that was served ended. None
    where the answer is right, or where that scorer could not judge it.
    """
    if first.value is None:
        return None, "not judged"
    if right(first):
        return None, "right"
    mode, words = _mode(item, task, answer, first, finish_reason)
    told = storable(Judgement(None, mode, "; ".join(part for part in (words, *understand.overlooked(answer)) if part)))
    return mode, told.explanation or ""


def _mode(item: Item, task: Task, answer: str, first: Judgement, finish_reason: str | None) -> tuple[Mode, str]:
    text, cut = understand.said(answer), finish_reason in CUT
    if not text:
        if cut and understand.still_thinking(answer):
            return "truncated", "cut off while it was thinking"
        return "empty", "nothing but thinking, or nothing that shows" if answer.strip() else "nothing was said"
    if first.label not in SAYS_SO and (declined := refuses(answer)) is not None:
        return "refusal", f"says {declined!r}"
    if cut:
        return "truncated", "ended by the token limit"
    return _understood(item, task, text, first) or _by_task(item, task, text, first)


# --------------------------------------------------------------------------------------- by what the scorer understood


def _understood(item: Item, task: Task, text: str, first: Judgement) -> tuple[Mode, str] | None:
    label = first.label or ""
    if label in SEVERAL:
        return "several_answers", label
    if label == "wrong_function" and (asked := _asking(item, text)) is not None:
        return asked
    named = _named(label)
    if named is not None:
        return named, first.explanation or label
    if label in UNREAD:
        return _unread(item, task, text, label)
    if label in UNPARSED:
        return "off_format", label
    return None


def _named(label: str) -> Mode | None:
    """The mode a scorer names by its label."""
    return label if label in MODES else None  # type: ignore[return-value]


def _unread(item: Item, task: Task, text: str, label: str) -> tuple[Mode, str]:
    """A short answer that names something is outside the set; anything longer is not in the form asked for."""
    named = _one_value(text)
    if label == "not a letter":
        outside = understand.ALONE.match(named) is not None
    else:
        longest = max((len(choice) for choice in item.choices or task.choices), default=0)
        words = named.replace("_", " ").replace("-", " ").split()
        short = "\n" not in named and len(words) <= 5 and len(named) <= max(40, longest + 10)
        outside = short and any(char.isalpha() for char in named) and not SENTENCE.search(named)
    return ("outside_labels", f"says {named[:60]!r}") if outside else ("off_format", label)


def _one_value(text: str) -> str:
    """The text itself without a lead-in, or the only text of a small JSON object."""
    found = understand.json_found(text)
    values = [] if found is None else [value for value in found.value.values() if isinstance(value, str)]
    return (values[0] if len(values) == 1 else understand.LEAD_IN.sub("", text, count=1)).strip(understand.EDGES)


def _asking(item: Item, text: str) -> tuple[Mode, str] | None:
    """A call that asks back where another was due, or the reverse."""
    found = understand.json_found(text)
    got = None if found is None else called(found.value)
    wanted = [each for value in acceptable(item.reference) if isinstance(value, Mapping) and (each := called(value))]
    due = any(_plain(name) in ASKING for name, _ in wanted)
    asked = got is not None and _plain(got[0]) in ASKING
    if asked and not due:
        return "asked_back", "asked back where a call was due"
    return ("did_not_ask_back", f"called {got[0][:60]}, where to ask back was due") if got and due else None


def _plain(name: str) -> str:
    return understand.plain(name.replace("_", " "))


# ------------------------------------------------------------------------------------------- by what was asked for


def _by_task(item: Item, task: Task, text: str, first: Judgement) -> tuple[Mode, str]:
    if task.output == "choice":
        return "wrong_label", f"says {first.label}" if first.label else ""
    if task.output == "json" or isinstance(item.reference, Mapping):
        return _fields(text, first)
    if task.output == "number" or (first.label and understand.is_number(first.label)):
        return "wrong_number", f"says {first.label}" if first.label else ""
    if language := item.tags.get("language"):
        another, words = spoken.another_script(text, language)
        if another:
            return "wrong_language", words
    return "wrong", first.explanation or ""


def _fields(text: str, first: Judgement) -> tuple[Mode, str]:
    objects = understand.json_objects(text)
    if not objects:
        return ("wrong", first.explanation or "") if first.label else ("off_format", "no JSON object")
    if any(each != objects[0] for each in objects[1:]):
        return "several_answers", f"{len(objects)} JSON objects"
    return "wrong_fields", first.explanation or ""
