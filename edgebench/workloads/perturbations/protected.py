"""What no perturbation touches: numbers, addresses, placeholders, code, and the words of the reference.

A *token* is a run without white space. Whole tokens are protected, with whatever is attached to them: nobody has to
guess whether the mark behind a number or an address belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

Span = tuple[int, int]

#: Scripts written without spaces (Thai to Myanmar, Khmer, Han, kana): a number there ends where the letters begin.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_NUMBER = r"[\d\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u218b\u2460-\u249b]"
_TOP = "com|org|net|edu|gov|info|app|dev|io|co|me|shop|store|example|test|in|uk|de|fr|es|mx|ar|ng|ke|tz|bd|us|eu|ca|au"
_ADDRESS = rf"://|\b[wW]{{3}}\.|[\w\-]@\w|[A-Za-z0-9\-]\.(?:{_TOP})(?![A-Za-z])"
_TELL = re.compile(rf"(?P<number>{_NUMBER})|{_ADDRESS}")

_PLACEHOLDERS = (
    r"\{\{[^{}\n]{1,200}\}\}",  # {{x}}
    r"\$?\{[^{}\n]{0,200}\}",  # {x}, ${x}, {}
    r"<[^<>\s][^<>\n]{0,200}>",  # <X>
    r"\[[^\[\]\n]{1,200}\]",  # [X]
    r"%(?:\([^()\s]{1,80}\))?[-+#]?[sdifrxXeEgGc](?![^\W_])",  # %s, %(x)s
)
_CODE = (r"```.+?```", r"`[^`\n]+`")
_MARKED = re.compile("|".join((*_CODE, *_PLACEHOLDERS)), re.DOTALL)


def spans(text: str, reference: Any = None) -> tuple[Span, ...]:
    """Stretches of ``text`` that stay as they are, in order and apart: ``[(start, end), …]``."""
    found = [*_tokens(text), *(match.span() for match in _MARKED.finditer(text)), *quoted(text, reference)]
    return _joined(found)


def strings(reference: Any) -> Iterator[str]:
    """Every string in a reference: itself, the members of a list, the values of an object, at any depth."""
    if isinstance(reference, str):
        yield reference
    elif isinstance(reference, dict):
        for value in reference.values():
            yield from strings(value)
    elif isinstance(reference, (list, tuple)):
        for value in reference:
            yield from strings(value)


def _tokens(text: str) -> Iterator[Span]:
    """Tokens that hold a digit, an e-mail address or a URL."""
    done = 0
    for match in _TELL.finditer(text):
        if match.start() < done:
            continue
        ends = _SPACE_OR_UNSPACED if match["number"] else _SPACE
        start = match.start()
        while start > done and not ends.match(text[start - 1]):
            start -= 1
        after = ends.search(text, match.end())
        done = after.start() if after else len(text)
        yield start, done


_SPACE = re.compile(r"\s")
_SPACE_OR_UNSPACED = re.compile(rf"[\s{UNSPACED}]")


def quoted(text: str, reference: Any) -> Iterator[Span]:
    """Where strings of the reference occur, in any case; those of one or two characters only as a word.

    A choice's letter is a reference too: were every "a" of a text protected, nothing of it could change.
    """
    for wanted in {string.strip() for string in strings(reference)} - {""}:
        exact = re.escape(wanted)
        pattern = exact if len(wanted) > 2 else rf"(?<!\w){exact}(?!\w)"
        for match in re.finditer(f"(?=({pattern}))", text, re.IGNORECASE):
            yield match.span(1)


def _joined(found: Iterable[Span]) -> tuple[Span, ...]:
    out: list[Span] = []
    for start, end in sorted(found):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif end > start:
            out.append((start, end))
    return tuple(out)
