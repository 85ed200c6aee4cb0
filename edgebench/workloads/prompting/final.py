"""The answer at the end of a chain of thought: what follows the last "Answer:". Never raises, whatever the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgebench.records import Output
from edgebench.workloads.understand import LONGEST, json_object

_WORDS = (
    "answer|respuesta|resposta|réponse|reponse|risposta|antwort|antwoord|odpowiedź|ответ|відповідь|jibu|jawaban|cevap|"
    "đáp án|उत्तर|जवाब|উত্তর|సమాధానం|الجواب|الإجابة|الاجابة"
)
_UNSPACED = "答案|答え|回答|답|정답|คำตอบ"  # written without spaces around them
_SIGNS = r"[*_`]*"
#: "Answer:" in any case and the languages test sets are written in, in bold or not: **Answer:**, **Answer**:, ANSWER ：
MARK = re.compile(rf"(?:(?<!\w)(?:{_WORDS})|{_UNSPACED})\s?{_SIGNS}\s?[:：]{_SIGNS}", re.IGNORECASE)
#: the words of those who write no such line
IS = re.compile(r"(?<!\w)(?:answer\s+is|respuesta\s+es)\b\s?:?", re.IGNORECASE)
TRIES = 20  # marks looked at, from the last one back


def final(text: str, output: Output = "text") -> str:
    """What follows the last "Answer:" (else the last "the answer is"); the whole text where there is neither.

    A mark with nothing behind it does not count. Of a label, a letter or a number only the first line is taken; of a
    JSON answer the last mark before an object counts, because a field may hold that word too.
    """
    for mark in (MARK, IS):
        rests = list(_rests(text[-LONGEST:], mark))
        if output == "json":
            rests.sort(
                key=lambda rest: json_object(rest) is None
            )  # stable: the last one that holds an object comes first
        for rest in rests:
            if found := _first_line(rest) if output in ("choice", "number") else rest.strip():
                return found
    return text


def _rests(text: str, mark: re.Pattern[str]) -> Iterator[str]:
    ends = [match.end() for match in mark.finditer(text)]
    return (text[end:] for end in reversed(ends[-TRIES:]))


def _first_line(text: str) -> str:
    lines = (line.strip(" \t\r*_`#>") for line in text.split("\n"))
    return next((line for line in lines if line), "")
