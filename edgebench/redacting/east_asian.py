"""Names in Chinese, Japanese and Korean, which no blank sets apart: a listed family name beside words that need one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from edgebench.redacting.table import table

_ANY = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")


def find(text: str) -> Iterator[tuple[int, int]]:
    """Where such names stand."""
    if not _ANY.search(text):
        return
    no_names = table().hangul_not
    for pattern in _patterns():
        for match in pattern.finditer(text):
            if match[1] and match[1] not in no_names and match[1][:2] not in no_names:
                yield match.span(1)


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    names = table()
    han, hangul = f"[{names.han}]", f"[{names.hangul}]"
    titles, introductions = "|".join(names.han_titles), "|".join(names.han_introductions)
    kanji = "|".join(sorted(names.kanji, key=len, reverse=True))
    return (
        re.compile(f"(?:{introductions})({han}[\u4e00-\u9fff]{{1,2}})"),
        re.compile(f"({han}[\u4e00-\u9fff]{{0,2}}?)(?:{titles})"),
        re.compile(f"((?:{kanji})[\u3040-\u30ff\u4e00-\u9fff]{{0,3}}?)(?:さん|様|氏|と申します|といいます|です)"),
        re.compile(f"(?<![\uac00-\ud7a3])({hangul}[\uac00-\ud7a3]{{2}})(?:입니다|이에요|예요|라고|씨|님)"),
    )
