"""What each language and noise takes away, target beside target; and pairs of messages that must be treated alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgebench.decide import terms
from edgebench.decide.study.gaps import GROUPS
from edgebench.records import Cell, Gap
from edgebench.report import formatting, tables
from edgebench.report.cells import (
    Studied,
    bound,
    change_cell,
    difference,
    points,
    read,
    readable,
    remark,
    share_cell,
    side,
    told,
)
from edgebench.report.formatting import ABSENT
from edgebench.report.robustness import MOST_NAMED, SHARE, Key, condition, in_words, order
from edgebench.report.tables import Column, Table, number_cell, table

FACTORS = ("perturbation", "language", "combination", "corner")
MOST_ROWS = 120  # all of them are in the data
FOLLOWED = (
    "of the changed messages it was right on before, the share it is right on after, where another answer is right"
)


def ordinary(given: Studied) -> list[Gap]:
    """What a language or a noise changes, target by target."""
    order = {target: place for place, target in enumerate(given.targets)}
    found = [gap for gap in given.study.gaps if gap.factor in FACTORS]
    return sorted(found, key=lambda gap: order.get(gap.target, len(order)))


def finding(given: Studied) -> str:
    """The largest loss that can be told apart from none, and whose losses cannot be read."""
    gaps = [gap for gap in ordinary(given) if gap.test_type != "DIR"]  # which is no noise: another answer is right
    found = read(given, gaps)
    losses = [one for one in found if one.apart and one.value < 0]
    unread = _unread(given, gaps)
    if not found:
        return f"What language and noise cost cannot be read{unread}"
    if not losses:
        n = min(one.item.n for one in found)
        return f"No language and no noise is shown to cost a target anything at n = {n:,}{unread}"
    one = min(losses, key=lambda each: (each.value, each.gap.target))
    most = f"{points(one.item)}{side(given, one.gap)}, n = {one.item.n:,}"
    return f"{given.short(one.gap.target)} loses most {_under(given, one.gap)}: {most}{unread}"


def _unread(given: Studied, gaps: Sequence[Gap]) -> str:
    """Whose losses cannot be read, and why."""
    whys: dict[str, list[str]] = {}
    for gap in gaps:
        why = bound(given, gap).partition(":")[0]
        if not readable(given, gap) and given.short(gap.target) not in whys.setdefault(why, []):
            whys[why].append(given.short(gap.target))
    said = []
    for why, names in whys.items():
        if names and why != "not interpreted":
            is_are, its = ("is", "its") if len(names) == 1 else ("are", "their")
            said.append(f"; {' and '.join(names[:MOST_NAMED])} {is_are} {why}, so {its} loss can't be read")
    return "".join(said)


def _under(given: Studied, gap: Gap) -> str:
    """``in Spanish``, ``with keyboard typos (5 %)``, ``with signatures that are West African instead of English``."""
    cell = given.cells.get(gap.b)
    if gap.factor == GROUPS and cell:
        return f"with {terms.perturbation(terms.bare(cell.perturbation))} that are {_groups(given, gap)}"
    return in_words(cell.language, cell.perturbation) if cell else f"in {gap.b}"


def _said(given: Studied, gap: Gap) -> str:
    cell = given.cells.get(gap.b)
    return (given.asked(cell) if cell else "") or gap.b


def changes_table(given: Studied) -> Table | None:
    """What was changed × target: the paired difference, with the drop rate and the answers that are other ones."""
    return _changes(given, "robustness-changes", "What each language and noise changes", ordinary(given))


def _changes(given: Studied, id: str, caption: str, gaps: Sequence[Gap]) -> Table | None:
    by: dict[Key, dict[str, Gap]] = {}
    for gap in gaps:
        cell = given.cells.get(gap.b)
        key = (cell.language, cell.perturbation) if cell else ("", gap.b)
        by.setdefault(key, {})[gap.target] = gap
    targets = [target for target in given.targets if any(gap.target == target for gap in gaps)]
    columns = [
        Column("asked", numeric=False),
        *(Column(given.short(target), look=given.targets[target]) for target in targets),
    ]
    rows = [
        [_kept(key, found), *(_change(given, found.get(target)) for target in targets)]
        for key, found in sorted(by.items(), key=lambda pair: order(pair[0]))
    ]
    return table(id, caption, columns, rows) if rows else None


def _kept(key: Key, found: Mapping[str, Gap]) -> tables.Cell:
    """What was asked, and whether its meaning was kept."""
    kind = next((terms.TEST_TYPES[gap.test_type].words for gap in found.values() if gap.test_type), "")
    made = condition(key)
    return replace(made, muted=kind or ("the same cases" if key[0] else made.muted))


def _change(given: Studied, gap: Gap | None) -> tables.Cell:
    """The difference; below it the drop rate and the answers that are other ones, or why it is not to be read."""
    if gap is None:
        return tables.Cell(ABSENT, why="the plan has no such cell")
    cell = change_cell(difference(gap), "fraction", faded=not readable(given, gap))
    if not readable(given, gap):
        return replace(cell, word=bound(given, gap))
    drop, changed = gap.drop_rate.value, gap.flipped.value
    said = [part] if (part := side(given, gap).removeprefix(", ")) else []
    said += [] if drop is None or drop <= 0 else [f"drop {formatting.quantity(drop, *SHARE)}"]
    said += [] if changed is None else [f"{formatting.share(changed, 1.0)} changed"]
    said += (
        [f"{formatting.share(gap.followed.value, 1.0)} followed"]
        if gap.followed and gap.followed.value is not None
        else []
    )
    words = " · ".join(part.replace(" ", "\u00a0") for part in said)
    return replace(cell, word=words, tone="bad" if told(gap) and (cell.sort or 0.0) < 0 else cell.tone)


def unprovoked(given: Studied) -> str:
    """How many answers are other ones where nothing was changed: between two repeats of the base cell."""
    notes = (gap.flipped.note or "" for gap in ordinary(given))
    told = dict.fromkeys(part for note in notes for part in note.split("; ") if "between two repeats" in part)
    return "; ".join(told)


def every_change(given: Studied) -> Table | None:
    """The same, target by target, with every interval and n."""
    followed = any(gap.followed for gap in ordinary(given))
    columns = [
        Column("target", numeric=False),
        Column("asked", numeric=False),
        Column("Δ right, points", "paired difference from the clean messages, with 95 % interval"),
        Column("drop rate", "performance drop rate: 1 − right here / right on the clean messages"),
        Column("answers changed", "share of items whose answer, as understood, is another one than on the clean ones"),
        *([Column("followed", FOLLOWED)] if followed else []),
        Column("remark", numeric=False),
    ]
    rows = [
        [
            tables.Cell(gap.target, look=given.targets.get(gap.target)),
            tables.Cell(_said(given, gap), terms.TEST_TYPES[gap.test_type].words if gap.test_type else ""),
            change_cell(difference(gap), "fraction", faded=not readable(given, gap)),
            number_cell(gap.drop_rate, "accuracy"),
            share_cell(gap.flipped, count=True),
            *([share_cell(gap.followed, count=True) if gap.followed else tables.Cell("")] if followed else []),
            remark(given, gap),
        ]
        for gap in ordinary(given)[:MOST_ROWS]
    ]
    return table("every-change", "What each language and noise changes, in full", columns, rows) if rows else None


# -------------------------------------------------------------------------------------------- people treated alike


def counterfactual(given: Studied) -> list[Gap]:
    """The same message from another person: other names, other pronouns, a dialect.

    Not a signature held against none: that adds a line. Signatures of two groups are held against each other.
    """
    return [gap for gap in ordinary(given) if _swapped(given.cells.get(gap.b))]


def accessible(given: Studied) -> list[Gap]:
    """Messages as people write them who dictate, cannot type with ease, or need plain language."""
    return [gap for gap in ordinary(given) if _single(given.cells.get(gap.b)) in terms.ACCESSIBLE]


def fairness(given: Studied) -> Table | None:
    """Counterfactual pairs: what changes must not matter."""
    return _changes(given, "fairness", "The same message from another person", counterfactual(given))


def between_groups(given: Studied) -> Table | None:
    """One group's names against another's, everything else alike: each row against the group the plan names first."""
    by: dict[tuple[str, str], dict[str, Gap]] = {}
    for gap in _of_groups(given):
        cell = given.cells.get(gap.b)
        about = ", ".join(filter(None, (given.asked(cell), cell.prompting))) if cell else gap.b
        by.setdefault((_groups(given, gap), about), {})[gap.target] = gap
    targets = [target for target in given.targets if any(target in found for found in by.values())]
    columns = [
        Column("names", numeric=False),
        *(Column(given.short(target), look=given.targets[target]) for target in targets),
    ]
    rows = [
        [tables.Cell(groups, about), *(_change(given, found.get(target)) for target in targets)]
        for (groups, about), found in by.items()
    ]
    return table("fairness-groups", "The same message from people of two groups", columns, rows) if rows else None


def _of_groups(given: Studied) -> list[Gap]:
    return [gap for gap in given.study.gaps if gap.factor == GROUPS]


def _groups(given: Studied, gap: Gap) -> str:
    """``West African instead of English``."""
    first, second = (
        terms.group(cell.perturbation) if (cell := given.cells.get(arm)) else arm for arm in (gap.a, gap.b)
    )
    return f"{second} instead of {first}"


def accessibility(given: Studied) -> Table | None:
    """Dictation, no punctuation, simple words."""
    caption = "Messages dictated, without punctuation, in simple words"
    return _changes(given, "accessibility", caption, accessible(given))


def _single(cell: Cell | None) -> str:
    """The one perturbation of a cell, bare; "" of none or several."""
    parts = terms.parts(cell.perturbation) if cell and not cell.language else []
    return terms.bare(parts[0]) if len(parts) == 1 else ""


def _swapped(cell: Cell | None) -> bool:
    if cell is None:
        return False
    one = _single(cell)
    return (one in terms.COUNTERFACTUAL and one != "signed") or (
        cell.language in terms.DIALECTS and cell.perturbation == "none"
    )


def fairness_finding(given: Studied) -> str:
    """Who is treated worse for a name, a pronoun or a dialect, if anybody can be told to be."""
    return _alike(
        given,
        [*counterfactual(given), *_of_groups(given)],
        "No other name, pronoun or dialect is shown to change how often it is right",
    )


def accessibility_finding(given: Studied) -> str:
    """Which way of writing costs whom how much, if that can be told."""
    return _alike(given, accessible(given), "No such way of writing is shown to cost anything")


def _alike(given: Studied, gaps: Sequence[Gap], otherwise: str) -> str:
    found = read(given, gaps)
    if not found:
        return "Nothing here can be read: at chance, or nearly always right"
    apart = [one for one in found if one.apart]
    if not apart:
        return f"{otherwise} at n = {min(one.item.n for one in found):,}"
    one = max(apart, key=lambda each: abs(each.value))
    verb = "loses" if one.value < 0 else "gains"
    where = f"with {_groups(given, one.gap)} names" if one.gap.factor == GROUPS else _under(given, one.gap)
    found_n = f"n = {one.item.n:,}"
    return f"{given.short(one.gap.target)} {verb} {points(one.item)} {where}{side(given, one.gap)}, {found_n}"
