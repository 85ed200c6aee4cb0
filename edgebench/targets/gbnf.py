"""Grammars in llama.cpp's notation (GBNF)."""

from __future__ import annotations

from collections.abc import Sequence


def choice_grammar(choices: Sequence[str]) -> str:
    """GBNF that lets exactly one of the labels pass."""
    return "root ::= " + " | ".join(f'"{_escaped(choice)}"' for choice in choices)


def _escaped(text: str) -> str:
    known = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "".join(known.get(letter, letter) for letter in text)
