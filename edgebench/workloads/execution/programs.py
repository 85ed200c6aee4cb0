"""What program an answer means: fenced or bare, a whole function or only its body, with words around it.

Nothing is parsed here, for parsing may exhaust the stack and an answer may be anything: an answer becomes a few
*readings*, likeliest first, and the candidate takes the first one that is a program (``trial.define``).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from edgebench.workloads.understand import LONGEST, THINKING

MOST = 8  # readings of one answer
FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
#: Where a body that begins at the margin ends: the stops of Chen et al. 2021, and a fence.
STOPS = re.compile(r"^(?:class\s|def\s|async def\s|@|#|if __name__|print\b|assert\b|```)", re.MULTILINE)
CODE = re.compile(r"(?:import|from|def|async def|class|@)(?:\s|\w)")
OTHER = re.compile(r"(?:async\s+)?def\s|class\s|@")
INDENT = "    "


def readings(answer: str, prompt: str, entry_point: str) -> tuple[str, ...]:
    """Programs the answer may mean, likeliest first, each with what the prompt has before the function.

    Parameters
    ----------
    prompt: the function's beginning as it was asked, with its imports; may be empty.
    entry_point: the name of the function.
    """
    text = THINKING.sub("", answer[:LONGEST], count=1).expandtabs(8).replace("\r\n", "\n")
    if not text.strip():
        return ()
    pieces = FENCE.findall(text) or [text]
    whole = [piece for piece in pieces if _header(entry_point).search(piece)]
    found = [reading for piece in whole for reading in _wholes(piece, prompt, entry_point)]
    if not whole and prompt:
        found = [reading for piece in pieces for reading in _bodies(piece, prompt)]
    return tuple(dict.fromkeys(found or pieces))[:MOST]


def _header(name: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*(?:async\s+)?def\s+{re.escape(name)}\b", re.MULTILINE)


# --------------------------------------------------------------------------------------------------- whole functions


def _wholes(piece: str, prompt: str, name: str) -> Iterator[str]:
    """The piece as it is, from its first line of code on, and only as far as the function goes."""
    before = _before(prompt, name)
    yield before + textwrap.dedent(piece)
    lines = textwrap.dedent(piece[_first_code(piece) :]).split("\n")
    yield before + "\n".join(lines)
    yield before + "\n".join(lines[: _end(lines, name)])


def _before(prompt: str, name: str) -> str:
    """The prompt's imports and other functions, which an answer with the whole function need not repeat."""
    header = _header(name).search(prompt)
    return prompt[: header.start()] if header else ""


def _first_code(piece: str) -> int:
    place = 0
    for line in piece.split("\n"):
        if CODE.match(line.lstrip()):
            return place
        place += len(line) + 1
    return 0


def _end(lines: list[str], name: str) -> int:
    """The number of lines until the function is over: the first one at the margin again that is not in brackets."""
    start = next((number for number, line in enumerate(lines) if _header(name).match(line)), 0)
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line[:1].strip() and line[0] not in ")]}#" and not CODE.match(line):
            return number
    return len(lines)


# --------------------------------------------------------------------------------------------------- only the body


def _bodies(piece: str, prompt: str) -> Iterator[str]:
    """The prompt, continued. What a model's tokens or a server took off the beginning is put back."""
    start = prompt if prompt.endswith("\n") else f"{prompt}\n"
    body = piece.lstrip("\n").rstrip()
    if body[:1] == " ":
        part = _indented_part(body)
        yield from (start + part, start + textwrap.indent(textwrap.dedent(part), INDENT))
        return
    first, _, rest = body.partition("\n")
    lost = f"{start}{INDENT}{first}\n{_indented_part(rest)}"  # only the first line lost its indentation
    if OTHER.match(first):
        yield from (lost, body)  # a function within the function, or one of another name
        return
    stop = STOPS.search(body, 1)
    margin = body[: stop.start()] if stop else body
    whole = start + textwrap.indent(margin, INDENT)  # all of it stands at the margin
    yield from (whole, lost) if re.search(r"^\S", margin[len(first) :], re.MULTILINE) else (lost, whole)


def _indented_part(body: str) -> str:
    """The lines until one stands at the margin again: there the function is over."""
    over = re.search(r"^[^\s#)\]}]", body, re.MULTILINE)
    return body[: over.start()] if over else body
