"""What an answer says, in a form two answers can be compared in: the label understood, else its text in plain form.

Plain: NFKC, small letters, no punctuation at the edges of words, one space between them; a JSON object by its content.
Free texts are compared word for word, so that two good summaries differ; labels and numbers do not have that trouble.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence

from edgebench.metrics.table import ArmColumns

LONGEST = 20_000  # characters of an answer that are compared
EDGES = ".,;:!?\"'`*_()[]{}<>“”‘’„«»"


def understood(arm: ArmColumns) -> Sequence[str | None]:
    """One entry per record; None where there is no answer."""
    return [
        None if failed or record.answer is None else label if label is not None else plain(record.answer.text)
        for record, failed, label in zip(arm.records, arm.failed, arm.understood, strict=True)
    ]


def plain(text: str) -> str:
    """A text without what does not change its meaning."""
    text = text[:LONGEST].strip()
    if text.startswith(("{", "[")) and (content := _json(text)) is not None:
        return content
    words = (word.strip(EDGES) for word in unicodedata.normalize("NFKC", text).casefold().split())
    return " ".join(word for word in words if word) or text


def _json(text: str) -> str | None:
    try:
        return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
