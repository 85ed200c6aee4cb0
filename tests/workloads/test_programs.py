"""What program an answer means, however it is written."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.workloads.execution.programs import MOST, readings
from edgebench.workloads.execution.trial import define

BEFORE = "from typing import List\n\n\ndef helper(a):\n    return a + 1\n\n\n"
PROMPT = f'{BEFORE}def total(xs: List[int]) -> int:\n    """ Add. """\n'
BODY = "    n = 0\n    for x in xs:\n        n += x\n    return n\n"
WHOLE = f"def total(xs: List[int]) -> int:\n{BODY}"


def result(answer: str, prompt: str = PROMPT) -> Any:
    """What the program of an answer returns for [1, 2, 3]; or the kind of what is wrong with it."""
    scope: dict[str, Any] = {"__name__": "program"}
    failed = define(readings(answer, prompt, "total"), "total", scope)
    return failed["kind"] if failed else scope["total"]([1, 2, 3])


@pytest.mark.parametrize(
    "answer",
    [
        BODY,
        f"\n{BODY}\n\ndef main():\n    total(1, 2)\n\nif __name__ == '__main__':\n    main()\n",
        f"{BODY}\nprint(total([1]))\nassert total([1]) == 2\n",
        f"{BODY}\n# try it\nprint(total([1]))\n",
        BODY.lstrip(),  # a server that trims
        BODY.replace("    ", "  "),
        BODY.replace("    ", "\t"),
        BODY.replace("\n", "\r\n"),
        "n = 0\nfor x in xs:\n    n += x\nreturn n\n",
        "n = 0\nfor x in xs:\n    n += x\nreturn n\n\nprint(total([1, 2]))",
        "import math\nreturn int(math.fsum(xs))",
        "return sum(xs)",
        "    return sum(\n        xs\n)\n",
        WHOLE,
        f"{WHOLE}\n\nprint(total(5))\ntotal(None)\nassert False\nx = total(3, 4)\nfor i in 1: pass\n",
        f"{WHOLE}\n\nThis function adds the numbers up.",
        f"Here is the function:\n\n{WHOLE}\n\nIt adds them up.",
        f"```python\n{WHOLE}```",
        f"Sure!\n\n```py\n{WHOLE}\n```\n\nUse it like this:\n\n```python\nprint(total([1, 2]))\n```\n",
        f"Use it so:\n```\ntotal([1])\n```\nwhere\n```\n{WHOLE}\n```",
        f"```python\n{WHOLE}",  # cut off before the fence ends
        f"```\n{BODY}```",
        f"  1. First:\n     ```python\n     {WHOLE.replace(chr(10), chr(10) + '     ')}\n     ```",
        f"<think>def total(xs): return 7</think>\n{WHOLE}",
        f"{PROMPT}{BODY}",
        f"```python\n{PROMPT}{BODY}```",
        "def total(xs):\n    return helper(sum(xs)) - 1\n",  # leans on the prompt's own function
        "LIMIT = 6\n\ndef total(xs):\n    return more(xs)\n\ndef more(xs):\n    return min(LIMIT, sum(xs))\n",
        "import functools\n@functools.cache\ndef one():\n    return 1\n\ndef total(xs):\n    return sum(xs) * one()\n",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n\ndef total(xs):\n    return sum(xs)\n",
        "def total(xs):\n    def inner():\n        return sum(xs)\n    return inner()\n",
        "    def inner():\n        return sum(xs)\n    return inner()\n",
        "def inner():\n        return sum(xs)\n    return inner()\n",
        "def total(xs):\n    return 0\n\ndef total(xs):\n    return 6\n",
    ],
)
def test_a_right_answer_is_understood_however_it_is_written(answer):
    """Fenced or bare, whole or only the body, trimmed, indented in any way, with words and trials around it."""
    assert result(answer) == 6


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("", "syntax"),
        (" \n\n", "syntax"),
        ("I cannot do that.", "syntax"),
        ("def total(xs:\n    return 1", "syntax"),
        ("def add(xs):\n    return sum(xs)", "missing"),
        ("class Solution:\n    def total(self, xs):\n        return sum(xs)", "missing"),
        ("return return", "syntax"),
        ("import nowhere\ndef total(xs):\n    return 6", "exception"),
        ("def total(xs, n=1 // 0):\n    return 6", "exception"),
        ("def total(xs):\n    return 6\nyield 3\n", 6),
        ("def total(xs):\n    return 1\n    return 6\n  x = 3\n", "syntax"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong(answer, kind):
    """No program, broken syntax, another name, definitions that fail."""
    assert result(answer) == kind


def test_without_a_prompt_a_whole_function_is_needed():
    """Nothing can be completed where nothing was begun."""
    assert result("def total(xs):\n    return sum(xs)", "") == 6
    assert result("return 6", "") == "missing"


@given(st.text(max_size=400), st.sampled_from(["", PROMPT, "def total(xs):"]))
def test_any_text_has_a_few_readings(answer, prompt):
    """Never an error, never many."""
    found = readings(answer, prompt, "total")
    assert len(found) <= MOST and all(isinstance(one, str) for one in found)


PIECES = [
    "def total(xs):",
    "    return sum(xs)",
    "```",
    "```python",
    "\n",
    "print(1)",
    "x",
    "    ",
    "\t",
    "#",
    "return 1",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("\n".join))
def test_pieces_of_code_in_any_order_have_a_few_readings(answer):
    """The same for what looks like code."""
    assert len(readings(answer, PROMPT, "total")) <= MOST


@pytest.mark.parametrize(
    "text", ["```\n" * 5000, "def total(\n" * 2000, " " * 20_000 + "x", "x\n" * 10_000, "`" * 20_000]
)
def test_a_long_answer_is_read_quickly(text):
    """What reading costs grows with the length, not with its square."""
    started = time.perf_counter()
    readings(text * 60, PROMPT, "total")  # a megabyte; only its beginning is read
    assert time.perf_counter() - started < 2.0
