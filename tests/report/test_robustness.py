"""Language × noise on the page, what each of them takes away, pairs treated alike, other wordings."""

from __future__ import annotations

import dataclasses

from edgebench.records import Estimate
from edgebench.report import noise_costs, robustness, sensitivity
from edgebench.report.tables import Table
from tests.report.studies import asked, given, small, study_of

RUN, STUDY, FOUND = small()


def texts(made: Table | None) -> list[list[str]]:
    assert made is not None
    return [[cell.text for cell in row] for row in made.rows]


def test_one_factor_at_a_time_stands_in_one_table_targets_side_by_side() -> None:
    """Clean first, then noises, then languages, in words; numbers with intervals, the lowest with sign and word."""
    made = robustness.grid(given())
    assert made is not None and not made.dense and len(made.tables) == 1
    rows = made.tables[0].rows
    assert [row[0].text for row in rows] == [
        "clean",
        "keyboard typos (5 %)",
        "no punctuation",
        "chat spelling (80 %)",
        "other names",
        "keyboard typos (5 %) + no punctuation + chat spelling (80 %)",
        "Spanish",
        "Hindi",
        "Nigerian Pidgin",
    ]
    assert rows[0][0].muted == "in English"
    assert (rows[0][1].text, rows[0][1].muted, rows[0][1].heat) == ("78 %", "[71–85]", 0.78)  # the simultaneous one
    worst = [cell for row in rows for cell in row if cell.word]
    assert [cell.word for cell in worst] == ["▼ worst"] * 3
    assert all(column.look is not None for column in made.tables[0].columns[1:])  # placement signs


def test_every_combination_makes_a_grid_of_each_target() -> None:
    """Languages down, noises across; a cell the plan does not have is "—" and says so."""
    dense = study_of(asked(full=True), RUN)
    made = robustness.grid(given(dense))
    assert made is not None and made.dense and len(made.tables) == 3
    first = made.tables[0]
    assert [column.name for column in first.columns][:4] == [
        "minilm-int8",
        "clean",
        "keyboard typos (5 %)",
        "no punctuation",
    ]
    assert [row[0].text for row in first.rows] == ["English", "Spanish", "Hindi", "Nigerian Pidgin"]
    assert first.rows[1][4].text == "—" and first.notes == ("the plan has no such cell",)


def test_a_run_without_noise_has_no_grid() -> None:
    """The base cell alone is no grid."""
    plain = study_of([one for one in asked() if one.role in ("base", "prompting")], RUN)
    assert robustness.grid(given(plain)) is None
    assert noise_costs.changes_table(given(plain)) is None
    assert noise_costs.fairness(given(plain)) is None and noise_costs.accessibility(given(plain)) is None


def test_the_title_of_the_grid_says_what_is_left_at_worst() -> None:
    """Of each target, where it is lowest, in words."""
    assert robustness.finding(given()) == (
        "At worst, minilm-int8 is 60 % [51–69] right with 3 noises at once; loopback 51 % [42–60] in Spanish; "
        "smollm2-135m 26 % [18–34] in Spanish; n = 250"
    )


def test_what_is_taken_away_stands_target_beside_target() -> None:
    """Points with interval, drop rate and changed answers; at chance nothing is read; whether the meaning was kept."""
    made = noise_costs.changes_table(given())
    assert made is not None
    typos = next(row for row in made.rows if row[0].text == "keyboard typos (5 %)")
    assert typos[0].muted == "meaning kept"
    assert (typos[1].text, typos[1].muted, typos[1].tone) == ("−6.0", "[−11 … −1.5]", "bad")
    assert typos[1].word.replace("\u00a0", " ") == "drop 7.7 % · 18 % changed"
    assert (typos[2].word, typos[2].tone) == ("at chance: not interpreted", "faded")
    names = next(row for row in made.rows if row[0].text == "other names")
    assert names[1].tone == ""  # not told apart from none
    full = noise_costs.every_change(given())
    assert full is not None and len(full.rows) == 24
    assert full.rows[0][4].word == "n = 250"


def test_the_title_says_the_largest_loss_that_is_told() -> None:
    """And who is at chance, so that it cannot be read; or that nothing is told, with n."""
    assert noise_costs.finding(given()) == (
        "loopback loses most in Spanish: 20 points [15 to 24], n = 250; "
        "smollm2-135m is at chance, so its loss can't be read"
    )
    flat = tuple(
        dataclasses.replace(
            one,
            differences={
                **one.differences,
                "accuracy": dataclasses.replace(one.differences["accuracy"], p_value=0.3),
            },
        )
        for one in STUDY.gaps
    )
    assert noise_costs.finding(given(dataclasses.replace(STUDY, gaps=flat))).startswith(
        "No language and no noise is shown to cost a target anything at n = 250"
    )


def test_answers_that_change_by_themselves_are_said_beside_those_that_noise_changes() -> None:
    """Two repeats of the base cell differ too; without that number a flip says little."""
    note = "compared word for word; 12 % differ between two repeats of minilm-int8 · zero-shot itself"
    gaps = tuple(dataclasses.replace(one, flipped=dataclasses.replace(one.flipped, note=note)) for one in STUDY.gaps)
    said = noise_costs.unprovoked(given(dataclasses.replace(STUDY, gaps=gaps)))
    assert said == "12 % differ between two repeats of minilm-int8 · zero-shot itself"
    assert noise_costs.unprovoked(given()) == ""


def test_pairs_that_must_be_treated_alike_have_a_table_of_their_own() -> None:
    """Other names and dialects; with a title that says who loses, or that nobody is shown to, with n."""
    assert [row[0] for row in texts(noise_costs.fairness(given()))] == ["other names", "Nigerian Pidgin"]
    assert noise_costs.fairness_finding(given()) == "loopback loses 20 points [15 to 24] in Nigerian Pidgin, n = 250"
    only = dataclasses.replace(STUDY, gaps=tuple(one for one in STUDY.gaps if one.b.endswith("swap-names")))
    assert noise_costs.fairness_finding(given(only)) == (
        "No other name, pronoun or dialect is shown to change how often it is right at n = 250"
    )


def test_senders_of_two_groups_are_held_against_each_other() -> None:
    """A row a pair of groups, and a title that names both; what a signature changes against none is no such pair."""
    pair = next(one for one in STUDY.gaps if one.target == "loopback" and one.b.endswith("pcm"))
    cell = next(one for one in STUDY.cells if one.arm == pair.b)
    cells = tuple(
        dataclasses.replace(cell, arm=f"loopback · signed({group})", language="", perturbation=f"signed({group})")
        for group in ("english", "west-african")
    )
    gap = dataclasses.replace(pair, factor="counterfactual", a=cells[0].arm, b=cells[1].arm, test_type="INV")
    study = given(dataclasses.replace(STUDY, cells=(*STUDY.cells, *cells), gaps=(gap,)))
    unsigned = dataclasses.replace(gap, factor="perturbation", a=pair.a)
    found = noise_costs.between_groups(study)
    assert noise_costs.fairness(given(dataclasses.replace(STUDY, cells=study.study.cells, gaps=(unsigned,)))) is None
    assert [row[0] for row in texts(found)] == ["West African instead of English"]
    assert noise_costs.fairness_finding(study) == (
        "loopback loses 20 points [15 to 24] with West African instead of English names, n = 250"
    )


def test_ways_of_writing_of_people_who_need_them_are_named_as_such() -> None:
    """No punctuation, dictation, simple words: alone, not as one of several noises at once."""
    assert [row[0] for row in texts(noise_costs.accessibility(given()))] == ["no punctuation"]
    assert noise_costs.accessibility_finding(given()) == (
        "minilm-int8 loses 6.0 points [1.5 to 11] with no punctuation, n = 250"
    )


def test_a_target_at_chance_everywhere_leaves_nothing_to_read() -> None:
    """A title never ranks what cannot be ranked."""
    mute = dataclasses.replace(STUDY, gaps=tuple(one for one in STUDY.gaps if one.target == "smollm2-135m"))
    assert noise_costs.finding(given(mute)).startswith(
        "What language and noise cost cannot be read; smollm2-135m is at"
    )
    unread = "Nothing here can be read: at chance, or nearly always right"
    assert noise_costs.accessibility_finding(given(mute)) == unread


def test_other_wordings_have_their_spread() -> None:
    """Lowest, highest, spread with interval, and the answers that hang on the wording."""
    assert texts(sensitivity.spreads(given())) == [["loopback", "zero-shot", "4", "66 %", "74 %", "+8.0", "21 %"]]
    assert sensitivity.finding(given()) == (
        "The same instruction worded in 4 ways leaves loopback between 66 % [60–72] and 74 % [69–79] right: "
        "8.0 points [3.0 to 14] apart, n = 250"
    )
    none = dataclasses.replace(STUDY.sensitivity[0], spread=Estimate.absent("one wording"))
    assert "cannot be said" in sensitivity.finding(given(dataclasses.replace(STUDY, sensitivity=(none,))))
    assert sensitivity.spreads(given(dataclasses.replace(STUDY, sensitivity=()))) is None
