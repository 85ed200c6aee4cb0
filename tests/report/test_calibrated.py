"""Confidence, worst slices, judges and levels on the page."""

from __future__ import annotations

import dataclasses

from edgebench.records import Estimate, JudgeNote, Ordinal, ReliabilityBin
from edgebench.report import calibrated, judged, svg, tables, worst
from edgebench.report.looks import looks
from edgebench.report.marks import Curve, Dot
from tests.report.studies import ALL_NOISE, around, given, near, small

RUN, STUDY, FOUND = small()
FIRST = "minilm-int8 · zero-shot"


def test_a_reliability_curve_has_its_bars_and_the_line_on_which_it_would_mean_what_it_says() -> None:
    """A panel for each of six arms, the recommended one first; n a point is said."""
    panels = calibrated.panels(given(), FIRST)
    assert len(panels) == 6 and panels[0].name == FIRST
    marks = panels[0].figure.marks
    diagonal = marks[0]
    assert isinstance(diagonal, Curve) and (diagonal.xs, diagonal.ys) == ((0.0, 1.0), (0.0, 1.0))
    dots = [mark for mark in marks if isinstance(mark, Dot)]
    assert len(dots) == 8 and all(dot.y_low is not None and dot.y_high is not None for dot in dots)
    assert panels[0].figure.subtitle == "n = 31 a point, confidence: label-likelihood"
    drawn = svg.draw(panels[0].figure, 300.0, 12.0)
    assert "<title>says 35 %: 27 % [12–43] right, n = 31</title>" in drawn  # small, and yet with words on hover


def bins(*pairs: tuple[float, float]) -> tuple[ReliabilityBin, ...]:
    return tuple(ReliabilityBin(at - 0.01, at + 0.01, 200, at, near(right, 200)) for at, right in pairs)


def test_the_title_says_what_the_surest_answers_are_worth() -> None:
    """Too sure, too modest, or not told from what it says; by the interval, not by rounding."""
    one = dataclasses.replace(STUDY.calibration[0], bins=bins((0.5, 0.5), (0.95, 0.7)))
    said = calibrated.finding(given(calibration=(one,)), FIRST)
    assert said == (
        "Where minilm-int8 · zero-shot is surest, it says 95 % and is right in 70 % [64–76], n = 200: it is too sure"
    )
    modest = dataclasses.replace(one, bins=bins((0.6, 0.9)))
    assert calibrated.finding(given(calibration=(modest,)), FIRST).endswith("it is too modest")
    fair = dataclasses.replace(one, bins=bins((0.95, 0.93)))
    assert calibrated.finding(given(calibration=(fair,)), FIRST).endswith("the two can't be told apart")
    nearly = dataclasses.replace(one, bins=bins((0.999, 0.985)))
    assert "too sure" not in calibrated.finding(given(calibration=(nearly,)), FIRST)


def test_who_gives_no_confidence_is_absent_with_the_reason() -> None:
    """In the table beside the others; without any there is no section."""
    made = calibrated.summary_table(given())
    assert made is not None
    assert [cell.text for cell in made.rows[0]] == [FIRST, "248", "13 %", "0.74", "3.6 %", "label-likelihood"]
    assert [cell.text for cell in made.rows[3]][2:] == ["—", "—", "—", "it gives no confidence"]
    assert len(calibrated.bins_table(given(), FIRST).rows) == 6 * 8  # type: ignore[union-attr]
    assert (
        calibrated.summary_table(given(calibration=())) is None and calibrated.panels(given(calibration=()), None) == []
    )
    assert calibrated.finding(given(calibration=()), None) == "No target says how sure it is"


def test_a_slice_told_apart_is_named_with_its_distance_from_the_rest() -> None:
    """First in the table, with sign and word; the others follow by p, all of them unfold."""
    assert worst.finding(given()) == (
        "minilm-int8 · zero-shot is weakest where tone is angry: 61 % [49–73] right, 21 points [6.0 to 36] below the "
        "rest, n = 60"
    )
    made, more = worst.worst_table(given()), worst.rest_table(given())
    assert made is not None and more is not None
    assert [cell.text for cell in made.rows[0]][1:] == [
        "tone = angry",
        "60",
        "61 %",
        "80 %",
        "−21",
        "0.0040",
        "▼ worse",
    ]
    assert len(made.rows) == 8 and len(more.rows) == 24 - 8


def test_a_slice_of_the_field_corner_is_named_by_what_was_asked_there() -> None:
    """The first screen may speak of it, so the table has it too."""
    noisy = given(slices=(dataclasses.replace(STUDY.slices[0], arm=f"{FIRST} · {ALL_NOISE}"),))
    made = worst.worst_table(noisy)
    assert made is not None and made.rows[0][0].text == "minilm-int8 · zero-shot · 3 noises at once"
    assert worst.finding(noisy).startswith("minilm-int8 · zero-shot · 3 noises at once is weakest where tone is angry")


def test_that_no_slice_is_told_apart_is_said() -> None:
    """With how many were judged together, so that nobody reads the lowest for a finding."""
    none = tuple(dataclasses.replace(one, found=False) for one in STUDY.slices)
    assert worst.finding(given(slices=none)) == (
        "No slice is shown to be worse than the rest of its target, of 24 judged together, n = 60 each"
    )
    assert worst.finding(given(slices=())) == "No slice is large enough to be judged"
    assert worst.worst_table(given(slices=())) is None


def test_n_of_a_slice_is_said_once_where_it_is_the_same_for_all() -> None:
    """Beside the slice's name; where targets differ, beside each number."""
    made = tables.slices(FOUND, looks(FOUND.summary))
    assert made is not None and made.rows
    assert all(row[0].muted.startswith("n = ") and not any(cell.word for cell in row[1:]) for row in made.rows)
    arm = FOUND.summary.arms[0]
    (tag, values), *_ = arm.slices.items()
    (value, item), *_ = values.items()
    fewer = {**arm.slices, tag: {**values, value: dataclasses.replace(item, n=item.n - 1)}}
    arms = (dataclasses.replace(arm, slices=fewer), *FOUND.summary.arms[1:])
    other = dataclasses.replace(FOUND, summary=dataclasses.replace(FOUND.summary, arms=arms))
    row = tables.slices(other, looks(other.summary)).rows[0]  # type: ignore[union-attr]
    assert row[0].muted == "" and [row[1].word, row[2].word] == [f"n = {item.n - 1}", f"n = {item.n}"]


def test_judges_are_an_opinion_and_their_steadiness_is_shown() -> None:
    """Mean, consistency, which order is preferred, time and dollars; of pairs what it was held against."""
    made = judged.judges_table(given())
    assert made is not None
    assert [cell.text for cell in made.rows[1]] == [
        *("strict", FIRST, "60", "55 %", "70 %", "63 %"),
        *("1.20 s", "$0.70", "0"),
    ]
    assert made.rows[1][1].muted == "against loopback · chain-of-thought"
    assert made.rows[0][5].text == "—"  # one at a time, nothing stands first
    assert "held against people" in judged.UNHELD
    assert judged.finding(given()).startswith("Asked again, the judge strict says the same of 70 % [58–82]")


def test_verdicts_on_other_cells_unfold() -> None:
    """A judge of every cell would else be a wall of numbers."""
    cell = f"{FIRST} · es"
    notes = (*STUDY.judged, JudgeNote("strict", cell, None, 9, near(0.5), near(0.9), None, around(9.0), around(0.1)))
    more = judged.elsewhere(given(judged=notes))
    assert more is not None and more.rows[0][1].text == "minilm-int8 · zero-shot · Spanish"
    assert judged.elsewhere(given()) is None and judged.judges_table(given(judged=())) is None


def test_levels_show_exact_and_adjacent_agreement_and_kappa() -> None:
    """Kappa is a plain number, absent with its reason."""
    made = judged.ordinal_table(given())
    assert made is not None
    assert [cell.text for cell in made.rows[0]] == [FIRST, "120", "62 %", "93 %", "0.71"]
    none = Ordinal(FIRST, "ordinal", 3, near(1.0), near(1.0), Estimate.absent("one level only"))
    assert judged.ordinal_table(given(ordinal=(none,))).notes == ("one level only",)  # type: ignore[union-attr]
    assert "62 % [56–68], or one beside it in 93 % [90–96], n = 120" in judged.ordinal_finding(given())
