"""Which language a text is in: by its script, where that decides; else by py3langid, where it is installed.

Nothing is guessed: a short text, a script that many languages share without py3langid, or a language neither knows is
unknown, and says why. A tag of two languages ("hi-en", a code-mix) accepts either; so does a text in both of them.
"""

from __future__ import annotations

import importlib.util
from bisect import bisect_right
from collections import Counter
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from edgebench.workloads import understand

READ = 4_000  # characters looked at
FEW = 20  # letters below which a language is not identified
SURE = 0.9  # py3langid's probability from which its word is taken
MOSTLY = 0.6  # share of the letters that makes a script the text's own

#: first code point of each block of letters, and its script; gaps belong to nobody
_BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x41, 0x5A, "Latin"), (0x61, 0x7A, "Latin"), (0xAA, 0xAA, "Latin"), (0xB5, 0xB5, ""), (0xBA, 0xBA, "Latin"),
    (0xC0, 0x24F, "Latin"), (0x250, 0x2AF, "Latin"), (0x370, 0x3FF, "Greek"), (0x400, 0x52F, "Cyrillic"),
    (0x531, 0x58F, "Armenian"), (0x590, 0x5FF, "Hebrew"), (0x600, 0x6FF, "Arabic"), (0x750, 0x77F, "Arabic"),
    (0x900, 0x97F, "Devanagari"), (0x980, 0x9FF, "Bengali"), (0xA00, 0xA7F, "Gurmukhi"), (0xA80, 0xAFF, "Gujarati"),
    (0xB00, 0xB7F, "Oriya"), (0xB80, 0xBFF, "Tamil"), (0xC00, 0xC7F, "Telugu"), (0xC80, 0xCFF, "Kannada"),
    (0xD00, 0xD7F, "Malayalam"), (0xD80, 0xDFF, "Sinhala"), (0xE00, 0xE7F, "Thai"), (0xE80, 0xEFF, "Lao"),
    (0x1000, 0x109F, "Myanmar"), (0x10A0, 0x10FF, "Georgian"), (0x1100, 0x11FF, "Hangul"), (0x1200, 0x139F, "Ethiopic"),
    (0x1780, 0x17FF, "Khmer"), (0x1E00, 0x1EFF, "Latin"), (0x1F00, 0x1FFF, "Greek"), (0x3040, 0x30FF, "Kana"),
    (0x3400, 0x4DBF, "Han"), (0x4E00, 0x9FFF, "Han"), (0xAC00, 0xD7AF, "Hangul"), (0xFB50, 0xFEFC, "Arabic"),
)  # fmt: skip
_STARTS = [first for first, _, _ in _BLOCKS]

_LATIN = (
    "af ca cs cy da de en es et eu fi fr ga gl ha hr hu id ig is it lt lv ms mt nl no pcm pl pt ro sco sk sl so sq sv "
    "sw tl tr vi xh yo zu"
)
#: language → the scripts it is written in; a language not named here is not judged by its script
SCRIPTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_LATIN.split(), frozenset({"Latin"})),
    **dict.fromkeys(("be", "bg", "mk", "ru", "uk"), frozenset({"Cyrillic"})),
    **dict.fromkeys(("ar", "fa", "ur", "ps"), frozenset({"Arabic"})),
    **dict.fromkeys(("hi", "mr", "ne"), frozenset({"Devanagari"})),
    **dict.fromkeys(("bn", "as"), frozenset({"Bengali"})),
    "am": frozenset({"Ethiopic"}), "el": frozenset({"Greek"}), "gu": frozenset({"Gujarati"}),
    "he": frozenset({"Hebrew"}), "hy": frozenset({"Armenian"}), "ja": frozenset({"Kana", "Han"}),
    "ka": frozenset({"Georgian"}), "km": frozenset({"Khmer"}), "kn": frozenset({"Kannada"}),
    "ko": frozenset({"Hangul", "Han"}), "lo": frozenset({"Lao"}), "ml": frozenset({"Malayalam"}),
    "my": frozenset({"Myanmar"}), "or": frozenset({"Oriya"}), "pa": frozenset({"Gurmukhi"}),
    "si": frozenset({"Sinhala"}), "ta": frozenset({"Tamil"}), "te": frozenset({"Telugu"}), "th": frozenset({"Thai"}),
    "zh": frozenset({"Han"}),
}  # fmt: skip

#: scripts that one of the languages above has (almost) to itself, and which
DECIDES: dict[str, str] = {
    "Bengali": "bn", "Devanagari": "hi", "Ethiopic": "am", "Greek": "el", "Gujarati": "gu", "Gurmukhi": "pa",
    "Hangul": "ko", "Hebrew": "he", "Kana": "ja", "Kannada": "kn", "Khmer": "km", "Lao": "lo", "Malayalam": "ml",
    "Myanmar": "my", "Oriya": "or", "Sinhala": "si", "Tamil": "ta", "Telugu": "te", "Thai": "th", "Armenian": "hy",
    "Georgian": "ka",
}  # fmt: skip

#: languages too near to each other for a short text to tell them apart
NEAR: tuple[frozenset[str], ...] = (
    frozenset({"en", "pcm", "sco"}),
    frozenset({"no", "nn", "nb", "da"}),
    frozenset({"hr", "bs", "sr", "sl"}),
    frozenset({"id", "ms"}),
    frozenset({"gl", "pt", "ext", "an", "ast"}),
    frozenset({"cs", "sk"}),
    frozenset({"xh", "zu"}),
)


def speaks(text: str, language: str) -> tuple[bool | None, str]:
    """Whether a text is in a language (a code such as ``es``, ``pt-BR``, ``hi-en``), and how that is known.

    None: nobody can say, and the words say why.
    """
    wanted = parts(language)
    wrong, words = another_script(text, language)
    if wrong:
        return False, words
    if not (counted := scripts(text)):
        return None, "no letters"
    main = counted.most_common(1)[0][0]
    found, words = identified(text)
    if found is None:
        return None, words
    if found in wanted:
        return True, words
    near = any(found in group and wanted[0] in group for group in NEAR)
    if near or len(wanted) > 1 or (main not in DECIDES and wanted[0] not in _model().labels):
        return None, f"{words}, and {language} is not told apart from it"
    return False, words


def another_script(text: str, language: str) -> tuple[bool, str]:
    """Whether most letters of a text belong to scripts the language is not written in; False where nobody can say."""
    expected: frozenset[str] = frozenset().union(*(SCRIPTS.get(part, frozenset()) for part in parts(language)))
    counted = scripts(text)
    if not expected or not counted or any(part not in SCRIPTS for part in parts(language)):
        return False, "its script says nothing"
    main, many = counted.most_common(1)[0]
    outside = sum(number for script, number in counted.items() if script not in expected)
    if outside >= MOSTLY * sum(counted.values()):
        return True, f"written in {main} ({many} of {sum(counted.values())} letters)"
    return False, f"written in {main}"


def identified(text: str) -> tuple[str | None, str]:
    """The language of a text as a code, and how that is known; None and why not."""
    counted = scripts(text)
    total = sum(counted.values())
    if not total:
        return None, "no letters"
    main, many = counted.most_common(1)[0]
    if main in DECIDES and many >= MOSTLY * total:
        return DECIDES[main], f"written in {main}"
    if total < FEW:
        return None, f"too short to tell ({total} letters, {FEW} are needed)"
    if not installed():
        return None, f"many languages are written in {main}: pip install 'edgebench[language]' tells them apart"
    found, sure = _model().classify(text[:READ])
    if sure < SURE:
        return None, f"py3langid is not sure ({found}, {sure:.2f})"
    return str(found), f"py3langid says {found}"


def scripts(text: str) -> Counter[str]:
    """How many letters of each script a text holds."""
    return Counter(script for char in text[:READ] if char.isalpha() and (script := _script(ord(char))))


def parts(language: str) -> list[str]:
    """The languages of a tag: ``pt-BR`` is one, ``hi-en`` (a mix with English) two."""
    first, *rest = language.replace("_", "-").split("-")
    return [first.casefold(), "en"] if rest and rest[-1] == "en" else [first.casefold()]


def installed() -> bool:
    """Whether py3langid is there."""
    return importlib.util.find_spec("py3langid") is not None


def known_by() -> str:
    """What tells languages apart on this machine, as it stands in a scorer's version."""
    return f"py3langid={version('py3langid')}" if installed() else "by script alone"


def wording(answer: str) -> str:
    """The words of an answer: of a JSON object its texts, else the answer as it is said."""
    found = understand.json_found(answer, opening="{[")
    if found is None:
        return understand.said(answer)
    out: list[str] = []
    waiting = [found.value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, str):
            out.append(here)
        elif isinstance(here, (dict, list)):
            waiting += reversed(list(here.values() if isinstance(here, dict) else here))
    return "\n".join(out)


def _script(point: int) -> str | None:
    place = bisect_right(_STARTS, point) - 1
    return _BLOCKS[place][2] or None if place >= 0 and point <= _BLOCKS[place][1] else None


@lru_cache(maxsize=1)
def _model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
