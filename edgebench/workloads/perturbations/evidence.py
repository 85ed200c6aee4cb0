"""The sentences that hold an answer are taken out of a text: what is right then is that the text does not say."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from edgebench.records import Item
from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.forms import Directed, directed
from edgebench.workloads.perturbations.passages import Passage
from edgebench.workloads.perturbations.protected import Span

QUESTION = "\n\nQuestion:"  # where the text ends and the question begins, as for the scorer "grounded"
TAG, SILENT = "without_quotes", "silent"
ABSENT = "not-in-text"
LISTS = ("answers", "quotes", "asks_about")  # of a reference; a text that does not say has none of them

#: Where a sentence ends: a mark, what closes with it, a blank, and a beginning; or a line's end.
_END = re.compile(r"[.!?…]+[\"'”’»)\]]*[ \t]+(?=[^\sa-z])|[ \t]*(?:\r?\n)+")
_WORD = re.compile(r"[^\W\d_]")


def no_evidence() -> Directed:
    """The sentences of the text that hold the ``quotes`` of the reference are gone, and ``kind`` is "not-in-text".

    A directional test: who answered from those sentences must now say that the text does not. It is for answers from
    a text (scorer "grounded"): the text stands before a blank line and "Question:", and the question is never touched.
    Only items with the tag ``without_quotes: silent`` change: with it somebody says, having read it, that what is left
    of the text does not settle the question. No rule could tell: where the sentence was an exception, the general
    rule that remains answers too. Every other item, with nothing to be found out or to be asked back, stays as it is.
    """
    return directed("no-evidence", _silenced)


def _silenced(item: Item, given: Passage, draws: Draws) -> tuple[str, Any] | None:
    reference, tagged = item.reference, item.tags.get(TAG) == SILENT
    if not tagged or not isinstance(reference, Mapping) or reference.get("kind") != "answer":
        return None
    quotes = [one for one in reference.get("quotes") or () if isinstance(one, str) and one.strip()]
    text, question, asked = given.text.partition(QUESTION)
    spans = [span for quote in quotes for span in _holding(text, quote)]
    left = _without(text, spans)
    if not question or not spans or any(quote in left for quote in quotes) or not _WORD.search(left):
        return None
    emptied: dict[str, list[str]] = {name: [] for name in LISTS if name in reference}
    return left + question + asked, {**reference, "kind": ABSENT, **emptied}


def _holding(text: str, quote: str) -> Iterator[Span]:
    """The whole sentences around each place of a quote, with the blanks behind them but not the end of the line."""
    ends = list(_END.finditer(text))
    places = [end.end() for end in ends]
    for match in re.finditer(re.escape(quote), text):
        first, last = bisect_right(places, match.start()), bisect_left(places, match.end())
        end = len(text) if last == len(ends) else ends[last].start() if "\n" in ends[last][0] else places[last]
        yield places[first - 1] if first else 0, end


def _without(text: str, spans: list[Span]) -> str:
    """The text without the spans; a line of which only its bullet or its number is left goes as well."""
    gone = bytearray(len(text))
    for start, end in spans:
        gone[start:end] = b"\1" * (end - start)
    out, at = [], 0
    for line in text.splitlines(keepends=True):
        kept = "".join(sign for place, sign in enumerate(line, at) if not gone[place])
        touched = len(kept) < len(line)
        if not touched:
            out.append(line)
        elif _WORD.search(kept):
            out.append(kept.rstrip() + ("\n" if line.endswith("\n") else ""))
        at += len(line)
    return "".join(out).rstrip()
