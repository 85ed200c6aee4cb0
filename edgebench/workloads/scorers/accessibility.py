"""The scorer of accessibility: what a screen reader stumbles over, and what only those who see can follow.

Found by rules, in the order in which they are told:

===============  ===================================================================================================
ascii table      rows of cells apart by bars or drawn lines: read aloud bar by bar
ascii art        lines made of signs, or lines drawn with box characters
emoji run        three emoji or more in a row: each is read by its name
bare link        an address that is not the target of a link with words: read letter by letter
capitals         three words or more in capitals, which some voices spell out
needs colour     an instruction that tells things apart by colour alone ("the red button")
needs sight      one that points to a picture, a shape or a place on the screen ("see the picture", "top right")
reading grade    above ``max_grade``, where one is given
===============  ===================================================================================================

The words of the last two checks are known in English and Spanish, a few of them in Hindi, Swahili and Bengali. Nothing
found is no proof that an answer is accessible. After WCAG 2.2, criteria 1.3.3, 1.4.1, 2.4.4 and 3.1.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from edgebench.contracts import Scorer
from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, Task
from edgebench.workloads import reading, understand
from edgebench.workloads.scorers.rule import Rule, versioned

SHOWN = 60  # characters of what was found
FENCED = re.compile(r"(```|~~~).*?(?:\1|\Z)", re.DOTALL)

Finder = Callable[[str], Iterator[str]]


def accessible(*, language: str | None = None, max_grade: float | None = None) -> Scorer:
    """1 when none of the checks finds anything, 0 when one does; the label is the first issue, or "nothing found".

    The explanation lists all issues, and the reading grade where the language (given, or the item's tag) has a formula
    for it: Flesch–Kincaid for English, Crawford for Spanish; else why there is none. Needs no reference.

    Raises
    ------
    UsageError: ``max_grade`` is no number of years.
    """
    if max_grade is not None and not 0 < max_grade < 100:
        raise UsageError(
            "scorer accessible: `max_grade` is a number of school years", hint="accessible: {max_grade: 8}"
        )
    version = versioned(1, accessible, language=language, max_grade=max_grade)
    judge = partial(_accessible, language=language, max_grade=max_grade)
    return Rule("accessible", version, judge, needs_reference=False)


def _accessible(item: Item, task: Task, answer: str, *, language: str | None, max_grade: float | None) -> Judgement:
    text = understand.said(answer)
    issues = found(text)
    grade = reading.grade(FENCED.sub(" ", text), language or item.tags.get("language"))
    if max_grade is not None and grade.years is not None and grade.years > max_grade:
        issues.append(("reading grade", f"{grade.years:.1f} is above {max_grade:g}"))
    words = [f"{name}: {shown}" for name, shown in issues]
    if grade.years is None:
        words.append(f"no grade: {grade.why_absent}")
    else:
        ease = "" if grade.ease is None else f", ease {grade.ease:.0f} by Fernández-Huerta"
        words.append(f"grade {grade.years:.1f} ({grade.method}{ease})")
    return Judgement(float(not issues), issues[0][0] if issues else "nothing found", "; ".join(words))


def found(text: str) -> list[tuple[str, str]]:
    """(issue, what was found) for every check that finds something, the first place of each."""
    prose = FENCED.sub(" ", text)
    out = []
    for name, finder, where in CHECKS:
        first = next(finder(text if where == "all" else prose), None)
        if first is not None:
            out.append((name, " ".join(first.split())[:SHOWN]))
    return out


# --------------------------------------------------------------------------------------------------- how it is laid out

RULED = re.compile(r"^\s*(?:\+(?:[-=]{2,}\+)+|\|?\s*:?-{3,}:?\s*(?:\|\s*:?-{3,}:?\s*)+\|?)\s*$", re.MULTILINE)
ROW = re.compile(r"^\s*\|.*\|.*\|\s*$|^[^|\n]+\|[^|\n]+\|[^|\n]*$", re.MULTILINE)
DRAWN = re.compile("[\u2500-\u257f\u2580-\u259f]{4,}")
ADDRESS = re.compile(r"(?<!\w)(?:https?://|www\.)[^\s<>\")\]]+", re.IGNORECASE)
TARGET = ("](", '="', "='", "@", "/")  # before an address that is the target of a link, or a part of another
_EMOJI = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}|[#*0-9]\ufe0f?\u20e3"
    "|[\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a-\u23ff]\ufe0f?[\U0001f3fb-\U0001f3ff]?"
    "(?:\u200d[\U0001f300-\U0001faff\u2600-\u27bf]\ufe0f?[\U0001f3fb-\U0001f3ff]?){0,6})"
)
EMOJI_RUN = re.compile(rf"{_EMOJI}(?:\s?{_EMOJI}){{2,}}")
WORD = re.compile(r"[^\W\d_]{2,}")


def _tables(text: str) -> Iterator[str]:
    rows = list(ROW.finditer(text))
    if len(rows) >= 2 or (rows and RULED.search(text)):
        yield rows[0][0]
    elif ruled := RULED.search(text):
        yield ruled[0]


def _art(text: str) -> Iterator[str]:
    if drawn := DRAWN.search(text):
        yield drawn[0]
    run: list[str] = []
    for line in text.split("\n"):
        bare = "".join(line.split())
        signs = sum(not char.isalnum() and ord(char) < 0x300 for char in bare)
        if len(bare) >= 3 and signs >= 0.6 * len(bare):
            run.append(line)
            if len(run) >= 3 and len({each.strip() for each in run}) > 1 and not _is_data(text):
                yield run[0]
                return
        elif bare:
            run = []


def _is_data(text: str) -> bool:
    """Whether a text of many signs is JSON."""
    return text.lstrip()[:1] in ("{", "[") and understand.json_found(text, opening="{[") is not None


def _emoji(text: str) -> Iterator[str]:
    return (match[0] for match in EMOJI_RUN.finditer(text))


def _links(text: str) -> Iterator[str]:
    return (match[0] for match in ADDRESS.finditer(text) if not text.endswith(TARGET, 0, match.start()))


def _capitals(text: str) -> Iterator[str]:
    run: list[str] = []
    for match in WORD.finditer(text):
        apart = run and text[text.rfind(run[-1], 0, match.start()) + len(run[-1]) : match.start()].strip(" \t-'’,&/")
        if apart:
            run = []
        run = [*run, match[0]] if match[0].isupper() else []
        if len(run) == 3 and sum(map(len, run)) >= 10:  # not "USA, UK, EU"
            yield " ".join(run)


# --------------------------------------------------------------------------------------------------- what it asks for

_THING = (
    "(?:button|link|icon|box|field|tab|light|dot|arrow|line|area|section|banner|label|key|bar|circle|square|text|"
    "marker|flag|wire|cable|lever|switch|indicator|entry|entries|row|cell)"
)
_COLOUR = "(?:red|green|blue|yellow|orange|purple|pink|grey|gray|black|white|brown)"
_COSA = "(?:botón|enlace|icono|ícono|casilla|campo|pestaña|luz|punto|flecha|línea|zona|sección|etiqueta|tecla|barra|círculo|cuadro|texto|cable)"  # noqa: E501
_COLOR = (
    "(?:roj[oa]s?|verdes?|azul(?:es)?|amarill[oa]s?|naranjas?|morad[oa]s?|ros[ao]s?|gris(?:es)?|negr[oa]s?|blanc[oa]s?)"
)
COLOUR = re.compile(
    rf"\b{_COLOUR}\s+(?:[\w-]+\s+)?{_THING}s?\b"
    rf"|\b(?:marked|shown|highlighted|written|appear(?:s|ing)?|displayed|flagged|turns?|glows?|blinks?|flashes)\s+(?:in\s+)?{_COLOUR}\b"
    rf"|\b{_COSA}s?\s+(?:de\s+color\s+)?{_COLOR}\b"
    rf"|\b(?:marcad[oa]s?|resaltad[oa]s?|aparecen?|mostrad[oa]s?|se\s+pone)\s+(?:en\s+)?{_COLOR}\b"
    "|(?:लाल|हरे|हरा|नीले|नीला|पीले|पीला)\\s+(?:बटन|रंग\\s+के\\s+बटन|लिंक|बत्ती)"
    r"|\b(?:kitufe|kitufi|taa|alama)\s+(?:ya|cha)?\s*(?:chekundu|nyekundu|kijani|bluu|njano)\b"
    "|(?:লাল|সবুজ|নীল|হলুদ)\\s+(?:বোতাম|বাটন|লিঙ্ক|বাতি)",
    re.IGNORECASE,
)
_PICTURE = "(?:picture|image|photo|figure|diagram|screenshot|chart|graph|illustration|drawing|video|map)"
_IMAGEN = "(?:imagen|foto|fotografía|figura|diagrama|captura|gráfico|gráfica|ilustración|dibujo|vídeo|video|mapa)"
SIGHT = re.compile(
    rf"\b(?:see|look\s+at|view|refer\s+to|check|shown\s+in|as\s+in|pictured\s+in|according\s+to)\s+(?:the|this|that|our|my)\s+(?:[\w-]+\s+)?{_PICTURE}s?\b"
    rf"|\b{_PICTURE}\s+(?:above|below)\b|\bas\s+(?:you\s+can\s+)?see(?:n)?\s+(?:above|below|here|in\s+the\s+{_PICTURE})\b"
    r"|\bas\s+(?:shown|pictured|illustrated)\s+(?:above|below|here)\b"
    rf"|\b(?:round|square|circular|triangular|rectangular|oval|star-shaped)\s+{_THING}s?\b"
    r"|\b(?:(?:top|bottom|upper|lower)[\s-]+(?:left|right)|(?:left|right)[\s-]hand\s+(?:side|corner|column|menu))\b"
    rf"|\b{_THING}s?\s+(?:on|to|at)\s+(?:the|your)\s+(?:left|right|top|bottom)\b"
    rf"|\b(?:vea|ve|mira|mire|observa|observe|consulta|consulte)\s+(?:la|el|esta|este)\s+{_IMAGEN}\b"
    rf"|\bcomo\s+(?:se\s+(?:muestra|ve|aprecia)|puede[sn]?\s+ver)\s+(?:arriba|abajo|aquí|en\s+(?:la|el)\s+{_IMAGEN})\b"
    r"|\b(?:esquina|parte)\s+(?:superior|inferior)(?:\s+(?:izquierda|derecha))?\b"
    rf"|\b{_COSA}\s+(?:redond[oa]|cuadrad[oa]|de\s+la\s+(?:derecha|izquierda)|a\s+la\s+(?:derecha|izquierda))\b"
    "|(?:तस्वीर|चित्र|फ़ोटो|फोटो)\\s+(?:देखें|देखिए|में\\s+देखें)"
    r"|\b(?:tazama|angalia|ona)\s+(?:picha|mchoro|video)\b"
    "|(?:ছবি|চিত্র)(?:টি)?\\s+(?:দেখুন|দেখো)",
    re.IGNORECASE,
)


def _colour(text: str) -> Iterator[str]:
    return (match[0] for match in COLOUR.finditer(text))


def _sight(text: str) -> Iterator[str]:
    return (match[0] for match in SIGHT.finditer(text))


CHECKS: tuple[tuple[str, Finder, str], ...] = (
    ("ascii table", _tables, "all"),
    ("ascii art", _art, "prose"),
    ("emoji run", _emoji, "all"),
    ("bare link", _links, "prose"),
    ("capitals", _capitals, "prose"),
    ("needs colour", _colour, "prose"),
    ("needs sight", _sight, "prose"),
)
