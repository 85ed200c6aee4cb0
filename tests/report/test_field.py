"""From the lab to the field: slopes, the gap of each prompting, and whether targets keep their order."""

from __future__ import annotations

import dataclasses

import pytest

from edgebench.decide.study.gaps import LAB_TO_FIELD
from edgebench.records import Estimate, FieldStudy, Gap, RankFlip
from edgebench.report import field, scaffolding
from edgebench.report.cells import read, readable, told, varied
from edgebench.report.looks import looks
from edgebench.report.marks import Curve, Dot
from tests.report.studies import ALL_NOISE, asked, given, small, study_of

RUN, STUDY, FOUND = small()


def with_gap(target: str, factor: str, **fields: object) -> FieldStudy:
    """The study with one gap changed; ``value`` and ``p``: of its difference in being right."""
    return dataclasses.replace(
        STUDY,
        gaps=tuple(
            changed(one, **fields) if (one.target, one.factor) == (target, factor) else one for one in STUDY.gaps
        ),
    )


def changed(gap: Gap, *, value: float | None = None, p: float | None = 0.004, **fields: object) -> Gap:
    right = gap.differences["accuracy"]
    item = right.difference if value is None else Estimate(value, value - 0.03, value + 0.03, 250)
    differences = {**gap.differences, "accuracy": dataclasses.replace(right, difference=item, p_value=p)}
    return dataclasses.replace(gap, differences=differences, **fields)  # type: ignore[arg-type]


def test_a_slope_for_each_target_with_its_intervals() -> None:
    """Two ends and a line each, the interval at both, side by side where they would cover each other."""
    figure = field.figure(given())
    assert figure is not None
    dots = [mark for mark in figure.marks if isinstance(mark, Dot)]
    lines = [mark for mark in figure.marks if isinstance(mark, Curve)]
    assert len(dots) == 6 and len(lines) == 3
    assert all(dot.y_low is not None and dot.y_high is not None and dot.y_low < dot.y < dot.y_high for dot in dots)
    assert len({dot.x for dot in dots}) == 6 and len({dot.colour for dot in dots}) == 3
    assert [line.dash for line in lines] == ["", "2 3", ""]  # the one at chance says nothing
    assert "Lab: few-shot (5) or chain of thought on clean messages" in figure.subtitle
    assert "keyboard typos (5 %) + no punctuation + chat spelling (80 %)" in figure.subtitle


def test_the_title_says_who_loses_what_and_who_cannot_be_read() -> None:
    """Largest loss first, with its interval; a target at chance is named, never interpreted."""
    assert field.slope_finding(given()) == (
        "loopback loses 30 points [25 to 34] from lab to field; minilm-int8 27 points [22 to 31]; "
        "n = 250; smollm2-135m is at chance: its slope says nothing"
    )


def test_a_loss_that_is_not_told_apart_is_no_finding() -> None:
    """By the corrected p, even where the interval of this one gap leaves out zero."""
    gaps = tuple(changed(one, p=0.2) if one.factor == LAB_TO_FIELD else one for one in STUDY.gaps)
    title = field.slope_finding(given(dataclasses.replace(STUDY, gaps=gaps)))
    assert title.startswith("No loss from lab to field is shown at n = 250: what there is may be chance")
    assert not told(changed(STUDY.gaps[0], p=0.2))
    assert told(changed(STUDY.gaps[0], value=0.2, p=None)) and not told(changed(STUDY.gaps[0], value=0.01, p=None))


def test_who_falls_down_to_chance_has_lost_at_least_so_much() -> None:
    """A difference that leads to a bound is said with it; one between two bounds is not read."""
    cells = tuple(
        dataclasses.replace(one, bound="floor") if one.arm == f"minilm-int8 · zero-shot · {ALL_NOISE}" else one
        for one in STUDY.cells
    )
    fallen = dataclasses.replace(with_gap("minilm-int8", LAB_TO_FIELD, interpretable=False), cells=cells)
    assert "minilm-int8 27 points [22 to 31], down to chance" in field.slope_finding(given(fallen))
    way = next(one for one in STUDY.gaps if one.target == "smollm2-135m" and one.factor == LAB_TO_FIELD)
    assert not readable(given(), way)
    assert not readable(given(), changed(way, value=-0.2, p=0.001))


def test_no_corner_no_slope() -> None:
    """A run that has no noise has no field, and a target not judged there has no slope."""
    plain = dataclasses.replace(STUDY, cells=tuple(dataclasses.replace(one, corners=()) for one in STUDY.cells))
    assert field.figure(given(plain)) is None and field.corners_table(given(plain)) is None
    none = Estimate.absent("nothing was judged")
    mute = dataclasses.replace(
        STUDY,
        cells=tuple(
            dataclasses.replace(one, accuracy=none) if one.corners == ("field",) and one.target == "loopback" else one
            for one in STUDY.cells
        ),
    )
    assert [lab.target for lab, _ in field.corners(given(mute))] == ["minilm-int8", "smollm2-135m"]


# ------------------------------------------------------------------------------------------- does the number hold


def in_one_word(study: FieldStudy) -> dict[str, tuple[str, str]]:
    return {one.look.short: (one.word, one.sentence) for one in field.verdicts(given(study))}


def test_each_target_has_a_verdict_with_both_numbers_the_difference_and_n() -> None:
    """What is lost and told is a no; at chance nothing can be said; every number has its interval."""
    said = in_one_word(STUDY)
    assert said["loopback"] == (
        "no",
        "Right in 83 % [78–88] in the lab, 53 % [47–59] in the field: loses 30 points [25 to 34], n = 250",
    )
    word, sentence = said["smollm2-135m"]
    assert word == "cannot be said" and sentence.endswith("n = 250; at chance, so the difference says nothing")


@pytest.mark.parametrize(
    ("value", "p", "word"),
    [
        (-0.2, 0.001, "no"),
        (-0.2, 0.2, "not known"),
        (0.2, 0.001, "yes"),  # better there: at most so much is lost
        (-0.01, 0.4, "yes"),  # [−4 … +2]: no more than five points are lost
        (-0.01, 0.001, "yes"),
        (-0.021, 0.4, "not known"),  # [−5.1 … +0.9]
    ],
)
def test_a_number_holds_only_where_the_interval_leaves_no_room_for_a_loss(value: float, p: float, word: str) -> None:
    """That no loss is shown is not enough: it may be that too few were asked."""
    assert in_one_word(with_gap("loopback", LAB_TO_FIELD, value=value, p=p))["loopback"][0] == word


def test_what_was_not_compared_is_not_known_to_hold() -> None:
    """Both numbers are shown all the same, with the reason."""
    none = Estimate.absent("the two share no item")
    gaps = tuple(
        dataclasses.replace(
            one,
            differences={
                **one.differences,
                "accuracy": dataclasses.replace(one.differences["accuracy"], difference=none, p_value=None),
            },
        )
        for one in STUDY.gaps
    )
    word, sentence = in_one_word(dataclasses.replace(STUDY, gaps=gaps))["loopback"]
    assert word == "cannot be said" and sentence.endswith("53 % [47–59] in the field; the two share no item")
    bare = dataclasses.replace(STUDY, gaps=())
    assert in_one_word(bare)["loopback"][1].endswith("the two were not compared")


def test_the_sentence_that_the_verdicts_say_already_is_not_said_twice() -> None:
    """It is there where no target has both corners; the others always are."""
    way = "From the lab (clean) to the field (noisy): loopback loses 30 points"
    both = dataclasses.replace(STUDY, findings=(way, "another"))
    assert field.beside_verdicts(given(both)) == ["another"]
    cells = tuple(dataclasses.replace(one, corners=()) for one in STUDY.cells)
    assert field.beside_verdicts(given(dataclasses.replace(both, cells=cells))) == [way, "another"]


def test_a_sentence_of_the_study_names_its_cells_in_words() -> None:
    """The longest name first; the arms decisions are made on keep theirs, and so does what is no name."""
    said = given().told
    arm = f"minilm-int8 · zero-shot · {ALL_NOISE}"
    assert (
        said(f"Worst: {arm} where tone is angry")
        == "Worst: minilm-int8 · zero-shot · 3 noises at once where tone is angry"
    )
    assert said("loopback · zero-shot · es (chance)") == "loopback · zero-shot · Spanish (chance)"
    assert said("minilm-int8 · zero-shot, loopback") == "minilm-int8 · zero-shot, loopback"
    assert said("loopback · zero-shot · es-en, not es") == "loopback · zero-shot · es-en, not es"
    assert given(FieldStudy()).told(arm) == arm


def test_the_gap_table_has_the_base_in_numbers_and_all_else_in_differences() -> None:
    """Target by target: base, every prompting, lab → field; with what each takes in time, dollars, calls and tokens."""
    made = scaffolding.changes(given())
    assert made is not None
    names = [(row[0].text, row[1].text) for row in made.rows]
    assert names[:3] == [("minilm-int8", "zero-shot"), ("minilm-int8", "few-shot(5)"), ("minilm-int8", "lab → field")]
    assert len(names) == 3 + 4 + 4
    cot = next(row for row in made.rows if (row[0].text, row[1].text) == ("loopback", "chain-of-thought"))
    assert (cot[2].text, cot[2].muted) == ("+12", "[+7.5 … +16]")
    assert (cot[3].text, cot[3].word) == ("+2.8 s", "4.2×")
    assert [cell.text for cell in cot[6:]] == ["2", "61", "gains"]
    chance = next(row for row in made.rows if (row[0].text, row[1].text) == ("smollm2-135m", "chain-of-thought"))
    assert chance[-1].text == "at chance: not interpreted" and chance[2].tone == "faded"


def test_a_reason_in_the_gap_table_does_not_name_its_row_again() -> None:
    """So that one reason is one footnote, however many arms have it."""
    none = Estimate.absent("minilm-int8 · zero-shot: no device profile")
    gaps = tuple(
        dataclasses.replace(
            one,
            differences={
                **one.differences,
                "usd_per_1k": dataclasses.replace(one.differences["usd_per_1k"], difference=none),
            },
        )
        for one in STUDY.gaps
    )
    made = scaffolding.changes(given(dataclasses.replace(STUDY, gaps=gaps)))
    assert made is not None and "no device profile" in made.notes


def test_the_title_of_the_gaps_says_what_a_gain_costs_only_where_it_is_told() -> None:
    """The ratio of the medians stands in it when its interval leaves out 1."""
    assert (
        scaffolding.finding(given())
        == "With chain of thought loopback is right 12 points [7.5 to 16] more often, n = 250, "
        "and takes 4.2× [4.0–4.4] as long (median)"
    )
    gaps = tuple(
        dataclasses.replace(
            one,
            differences={
                **one.differences,
                "p50_ms": dataclasses.replace(one.differences["p50_ms"], ratio=Estimate(1.1, 0.9, 1.3, 250)),
            },
        )
        for one in STUDY.gaps
    )
    assert scaffolding.finding(given(dataclasses.replace(STUDY, gaps=gaps))).endswith("more often, n = 250")
    flat = tuple(changed(one, p=0.5) for one in STUDY.gaps)
    assert scaffolding.finding(given(dataclasses.replace(STUDY, gaps=flat))) == (
        "No prompting is shown to be better or worse than the base, n = 250"
    )


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.01, "stays the best in the field; the chance of another one is 1 %"),
        (0.38, "may not be the best in the field: the chance of another one is 38 %"),
        (0.99, "Another target is best in the field"),
        (None, "cannot be said"),
    ],
)
def test_whether_the_best_stays_the_best_is_said_with_its_probability(chance: float | None, words: str) -> None:
    """Likely, unlikely, open, or unknown."""
    assert words in field.rank_finding(RankFlip(("a", "b"), ("b", "a"), chance, chance))


def test_pairs_that_change_places_have_a_table() -> None:
    """Every two targets with their probability, never rounded to nothing."""
    assert STUDY.rank is not None
    made = field.pairs_table(STUDY.rank)
    assert made is not None
    assert [[cell.text for cell in row] for row in made.rows][1] == ["loopback", "smollm2-135m", "< 1 %"]
    assert field.rank_lines(given(), STUDY.rank)[-1] == "Reckoned from the answers in lab and field, n = 250 each."
    lines = field.rank_lines(given(), RankFlip((), (), None, None, why_absent="one target only"))
    assert lines == ["one target only."]


def test_what_is_varied_and_what_is_not() -> None:
    """Several promptings on clean messages are a plain run."""
    assert varied(STUDY) and not varied(None)
    plain = study_of([one for one in asked() if one.role in ("base", "prompting")], RUN)
    assert not varied(plain)
    assert read(given(plain), plain.gaps)


def test_a_name_too_long_for_a_chart_loses_its_parameters_first() -> None:
    """Where it is then still its own; two that differ in nothing else are cut in the middle, where both have room."""
    long, first, second = (
        f"loopback · chain-of-thought({given})" for given in ("steps=2, max_tokens=96", "1" * 40, "2" * 40)
    )
    arm = FOUND.summary.arms[-1]

    def shorts(*names: str) -> list[str]:
        arms = tuple(dataclasses.replace(arm, arm=name) for name in names)
        return [one.short for one in looks(dataclasses.replace(FOUND.summary, arms=arms)).values()]

    assert shorts(long, "loopback · few-shot(5)") == ["loopback · chain-of-thought(…)", "loopback · few-shot(5)"]
    cut = shorts(first, second)
    assert cut[0] != cut[1] and all(len(name) <= 36 for name in cut)


def test_targets_get_the_first_colours_where_each_is_drawn_once() -> None:
    """Whatever number of promptings stands between them; numbers, signs and shapes stay as they are."""
    plain, apart = looks(FOUND.summary), looks(FOUND.summary, targets_first=True)
    firsts = {one.target: one.arm for one in reversed(FOUND.summary.arms)}
    assert {apart[arm].colour for arm in firsts.values()} == {"var(--arm-1)", "var(--arm-2)", "var(--arm-3)"}
    assert [one.number for one in plain.values()] == [one.number for one in apart.values()]
    assert len({(one.colour, one.dash) for one in apart.values()}) == len(apart)
