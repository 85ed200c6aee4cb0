"""The one formatter."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import Estimate
from edgebench.report import formatting


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (22.04, "ms", "22.0 ms"),
        (1240.0, "ms", "1.24 s"),
        (999.9, "ms", "1.00 s"),
        (0.83, "fraction", "83 %"),
        (0.025, "fraction", "2.5 %"),
        (0.9996, "fraction", "99.9 %"),
        (0.0001, "fraction", "0.01 %"),
        (1.0, "fraction", "100 %"),
        (0.0, "fraction", "0 %"),
        (0.0041, "$", "$0.00410"),
        (Decimal("1240"), "$", "$1,240"),
        (-0.5, "$", "−$0.500"),
        (94.6, "MiB", "94.6 MiB"),
        (1536.0, "MiB", "1.50 GiB"),
        (0.004, "J", "4.00 mJ"),
        (12.0, "tok/s", "12.0 tok/s"),
    ],
)
def test_a_quantity_has_a_readable_unit(value: float, unit: str, text: str) -> None:
    """Units scale to what a person reads; money, percent and thousands have their own form."""
    assert formatting.quantity(value, unit) == text


def test_value_and_interval_share_unit_and_digits() -> None:
    """An interval that crosses a second stays in the unit of its value."""
    shown = formatting.show(Estimate(980.0, 900.0, 1100.0, 50), "ms")
    assert (shown.value, shown.interval, shown.word) == ("980 ms", "[900–1,100]", "measured")


def test_shares_show_a_decimal_only_where_the_interval_supports_it() -> None:
    """64 % of 80 items has no decimal, 64.2 % of 40,000 does."""
    assert formatting.show(Estimate(0.642, 0.53, 0.74, 80), "fraction").value == "64 %"
    assert formatting.show(Estimate(0.642, 0.637, 0.647, 40000), "fraction").value == "64.2 %"


def test_an_absent_number_is_a_dash_that_keeps_its_reason() -> None:
    """Absent is never zero; what is known of it (a lower bound) is said."""
    shown = formatting.show(Estimate.absent("76 of 368 requests", low=120.0), "ms")
    assert (shown.value, shown.interval, shown.why_absent) == ("—", "≥ 120 ms", "76 of 368 requests")
    assert shown.absent
    assert formatting.difference(Estimate.absent("no pairs"), "ms").absent


@pytest.mark.parametrize(
    ("item", "unit", "text"),
    [
        (Estimate(0.15, 0.02, 0.28), "fraction", "+15 points [+2.0 … +28]"),
        (Estimate(-12.0, -20.0, 3.0), "ms", "−12 ms [−20 … +3.0]"),
        (Estimate(-0.002, -0.003, -0.001), "$", "−$0.0020 [−0.0030 … −0.0010]"),
        (Estimate(0.0, -1.0, 1.0), "ms", "0 ms [−1.0 … +1.0]"),
    ],
)
def test_a_difference_has_its_sign(item: Estimate, unit: str, text: str) -> None:
    """Differences are signed, differences of shares are points."""
    assert str(formatting.difference(item, unit)) == text


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(2, 3))
def test_numbers_keep_their_digits_and_never_use_powers_of_ten(value: float, digits: int) -> None:
    """What is read back is within half a unit of the last significant digit."""
    text = formatting.number(value, digits)
    assert "e" not in text
    read = float(text.replace(",", "").replace("−", "-"))
    assert math.isclose(read, value, rel_tol=0.51 * 10 ** (1 - digits), abs_tol=1e-12)


@given(st.integers(0, 2000), st.integers(1, 2000))
def test_a_share_is_never_rounded_to_none_or_all(part: int, more: int) -> None:
    """Only nothing is 0 % and only everything is 100 %."""
    text = formatting.share(part, part + more)
    assert (text == "0 %") == (part == 0)
    assert text != "100 %"


@given(st.text())
def test_visible_text_hides_nothing(text: str) -> None:
    """No control, bidi, zero-width or surrogate sign survives, and the text can always be written."""
    shown = formatting.visible(text)
    shown.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", shown)


def test_terminal_sequences_become_visible() -> None:
    """An answer cannot colour a terminal, retitle its window or turn its text around."""
    assert formatting.visible("\x1b[31mred\x1b]0;title\x07 \u202egnp") == "\\x1b[31mred\\x1b]0;title\\x07 \\u202egnp"
    assert formatting.visible("two\r\nlines\tand 👩‍🚀 नि‍") == "two\nlines\tand 👩‍🚀 नि‍"


def test_long_names_lose_their_middle() -> None:
    """Ends tell quantisations apart, so they stay."""
    assert formatting.shorten("smollm2-135m-instruct-q4_1", 16) == "smollm2-…ct-q4_1"
    assert len(formatting.shorten("x" * 100, 36)) <= 36


def test_a_change_is_signed_and_in_a_readable_unit() -> None:
    """Value and ends share the unit of the largest; points, dollars and what has no larger unit stay as they are."""
    assert str(formatting.change(Estimate(2752.0, 2400.0, -60.0, 9), "ms")) == "+2.8 s [+2.4 … −0.060]"
    assert str(formatting.change(Estimate(-1.5, -2.0, 0.4, 9), "ms")) == "−1.5 ms [−2.0 … +0.40]"
    assert str(formatting.change(Estimate(0.12, 0.05, 0.19, 9), "fraction")) == "+12 points [+5.0 … +19]"
    assert formatting.change(Estimate.absent("not paired"), "ms").why_absent == "not paired"
