"""The three or four sentences a first screen needs, hedged by what the data can bear.

What cannot be told from nothing is said to be so, with its n; what is at its floor or ceiling is named, not read.
P-values are those corrected over all gaps of a kind, so that the largest of many is not taken for a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edgebench.decide import terms
from edgebench.decide.study.design import CLEAN
from edgebench.decide.study.gaps import GROUPS, LAB_TO_FIELD
from edgebench.decide.wording import moved, number, percent, signed
from edgebench.metrics.modes import CONFIDENT
from edgebench.records import Cell, Estimate, FieldStudy, Gap, Harm, WorstSlice

MOST = 4
ALPHA = 0.05
LIKELY = 0.2  # from this probability on a change of the order is worth a sentence
FROM_THE_LAB = "From the lab"  # how the finding of the lab-to-field discount begins


def findings(study: FieldStudy, base_arms: Sequence[str]) -> tuple[str, ...]:
    """The sentences, most important first. ``base_arms``: the arms decisions are made on."""
    cells = {cell.arm: cell for cell in study.cells}
    beside = [*_noise(study, cells), *_directed(study, cells), *_groups(study, cells)]
    told = sorted(beside, key=lambda one: not one[0])  # what was found before what was not
    kept = [*_field(study, cells), *(sentence for _, sentence in told), *_swaps(study, cells)]
    if len(kept) < 2:
        kept += list(_prompting(study, cells))
    last = [*_slice(study), *_harm(study, base_arms), *_confident(study, base_arms)]
    return tuple((kept[: max(2, MOST - len(last))] + last)[:MOST])


# ------------------------------------------------------------------------------------------------------------ gaps


def _field(study: FieldStudy, cells: Mapping[str, Cell]) -> Iterator[str]:
    """The lab-to-field discount of each target, and whether their order changes."""
    mine = [gap for gap in study.gaps if gap.factor == LAB_TO_FIELD]
    if told := [_told(gap, cells) for gap in mine]:
        lab, field = (_where(mine, cells, side) for side in "ab")
        yield f"{FROM_THE_LAB} ({lab}) to the field ({field}): {'; '.join(told)}"
    rank = study.rank
    if rank is None or rank.best_changes is None or rank.any_changes is None:
        return
    if rank.best_changes >= LIKELY:
        tied = " (half would be the toss of a coin)" if len(rank.in_lab) == 2 else ""
        yield (
            f"The best target in the lab ({rank.in_lab[0]}) may not be the best in the field: probability "
            f"{percent(rank.best_changes)}{tied}"
        )


def _where(gaps: Sequence[Gap], cells: Mapping[str, Cell], side: str) -> str:
    """What a corner is made of, where it is the same for all targets."""
    found = [cells[gap.a if side == "a" else gap.b] for gap in gaps]
    words = {f"{cell.prompting}, {_noisy(cell)}" for cell in found}
    return words.pop() if len(words) == 1 else ("clean" if side == "a" else "noisy")


def _noisy(cell: Cell) -> str:
    if cell.perturbation == CLEAN:
        return "clean"
    several = cell.perturbation.split(" + ")
    return terms.perturbation(cell.perturbation) if len(several) < 3 else f"{len(several)} perturbations together"


def _noise(study: FieldStudy, cells: Mapping[str, Cell]) -> Iterator[tuple[bool, str]]:
    """The perturbation, and the language, that takes most from any target; whether that was found, and the sentence."""
    for factor, opening in (("perturbation", "Under"), ("language", "In")):
        mine = [gap for gap in study.gaps if gap.factor == factor and _known(gap) and gap.test_type != "DIR"]
        if not mine:
            continue
        found = [gap for gap in mine if _is_found(gap) and _apart(gap) < 0]
        worst = min(found or [gap for gap in mine if gap.interpretable], key=_apart, default=mine[0])
        named = getattr(cells[worst.b], factor)
        words = terms.perturbation(named) if factor == "perturbation" else terms.language(named)
        if found:
            same = (gap for gap in mine if getattr(cells[gap.b], factor) == named)
            yield True, f"{opening} {words}: {'; '.join(_told(gap, cells) for gap in same)}"
        else:
            n = worst.differences["accuracy"].difference.n
            nothing = f"No {factor} can be shown to cost accuracy at n = {n}"
            yield False, f"{nothing}; {opening.lower()} {words}: {_told(worst, cells)}"


def _directed(study: FieldStudy, cells: Mapping[str, Cell]) -> Iterator[tuple[bool, str]]:
    """Who follows least where another answer became right; whether somebody does not, and the sentence."""
    mine = [gap for gap in study.gaps if gap.followed is not None and gap.followed.value is not None]
    if mine:
        least = min(mine, key=lambda gap: (gap.followed.value if gap.followed else None) or 0.0)
        named = _capital(terms.perturbation(cells[least.b].perturbation))
        unled = least.followed is not None and (least.followed.high or 0.0) < 1
        yield unled, f"{named}, so that another answer is right: {_following(least)}"


def _following(gap: Gap) -> str:
    """``minilm follows in 62 % [50 % to 73 %] of what it had right (n = 60)``."""
    found = gap.followed or Estimate.absent("not asked")
    span = (
        f" [{percent(found.low)} to {percent(found.high)}]" if found.low is not None and found.high is not None else ""
    )
    return f"{gap.target} follows in {percent(found.value or 0.0)}{span} of what it had right (n = {found.n})"


def _groups(study: FieldStudy, cells: Mapping[str, Cell]) -> Iterator[tuple[bool, str]]:
    """What the names of one group change against those of another; whether that was found, and the sentence."""
    between = [gap for gap in study.gaps if gap.factor == GROUPS and gap.flipped.value is not None]
    if between:
        found = [gap for gap in between if _is_found(gap)]
        most = max(found or between, key=lambda gap: abs(_apart(gap)) if found else gap.flipped.value or 0.0)
        a, b = (cells[arm].perturbation for arm in (most.a, most.b))
        named = _capital(terms.perturbation(terms.bare(b)))
        changed = _share(most.flipped)
        groups = f"{terms.group(b)} instead of {terms.group(a)}"
        yield bool(found), f"{named}, {groups}: {_told(most, cells)}; {changed} of its answers change"


def _grouped(study: FieldStudy) -> set[str]:
    """Arms that are held against those of another group."""
    return {arm for gap in study.gaps if gap.factor == GROUPS for arm in (gap.a, gap.b)}


def _swaps(study: FieldStudy, cells: Mapping[str, Cell]) -> Iterator[str]:
    """Whether answers change with the people a message is about; not of groups that are told against each other."""
    people = _grouped(study)
    mine = [
        gap
        for gap in study.gaps
        if gap.factor == "perturbation"
        and cells[gap.b].perturbation.startswith(terms.COUNTERFACTUAL)
        and gap.b not in people
        and gap.flipped.value is not None
    ]
    if mine:
        worst = max(mine, key=lambda gap: gap.flipped.value or 0.0)
        named = _capital(terms.perturbation(cells[worst.b].perturbation))
        yield f"{named} alone change {_share(worst.flipped)} of {worst.target}'s answers"


def _share(found: Estimate) -> str:
    """``39 % [33 to 45]``."""
    low, high = found.low or 0.0, found.high or 0.0
    return f"{percent(found.value or 0.0)} [{signed(low)} to {signed(high)}]"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _prompting(study: FieldStudy, cells: Mapping[str, Cell]) -> Iterator[str]:
    """The prompting that does most for any target, and what it costs in time."""
    mine = [gap for gap in study.gaps if gap.factor == "prompting" and _known(gap)]
    if not mine:
        return
    most = max((gap for gap in mine if _is_found(gap)), key=lambda gap: abs(_apart(gap)), default=mine[0])
    named = cells[most.b].prompting
    same = [
        gap for gap in mine if cells[gap.b].prompting == named and cells[gap.a].prompting == cells[most.a].prompting
    ]
    ratio = most.differences["p50_ms"].ratio
    time = f" (× {number(ratio.value)} the median time of {most.target})" if ratio and ratio.value else ""
    yield f"With {named} instead of {cells[most.a].prompting}: {'; '.join(_told(gap, cells) for gap in same)}{time}"


def _known(gap: Gap) -> bool:
    return gap.differences["accuracy"].difference.value is not None


def _apart(gap: Gap) -> float:
    return gap.differences["accuracy"].difference.value or 0.0


def _is_found(gap: Gap) -> bool:
    p_value = gap.differences["accuracy"].p_value
    return p_value is not None and p_value < ALPHA


def _told(gap: Gap, cells: Mapping[str, Cell]) -> str:
    """``minilm loses 9 points [4 to 14]``; or why nothing can be said."""
    found, a, b = gap.differences["accuracy"].difference, cells[gap.a].bound, cells[gap.b].bound
    if found.value is None:
        return f"{gap.target} cannot be compared ({found.why_absent})"
    if _is_found(gap):
        side = ", from chance" if a == "floor" and found.value > 0 else ", down to chance" if b == "floor" else ""
        return f"{gap.target} {moved(found)}{side}"
    if a == "floor":
        return f"{gap.target} is at chance, so what it loses cannot be read"
    if a == "ceiling":
        return f"{gap.target} has (nearly) all right, so what it gains cannot be read"
    span = (
        f" [{signed(found.low)} to {signed(found.high)} points]"
        if found.low is not None and found.high is not None
        else ""
    )
    return f"{gap.target}: no difference can be told at n = {found.n}{span}"


# -------------------------------------------------------------------------------------------------- slices and harm


def _slice(study: FieldStudy) -> Iterator[str]:
    """The slice found to be worst."""
    found: list[WorstSlice] = [one for one in study.slices if one.found]
    if found:
        one = found[0]
        yield (
            f"Worst slice: {one.arm} where {one.tag} is {one.value}: {percent(one.accuracy.value or 0.0)} right "
            f"against {percent(one.rest.value or 0.0)} elsewhere ({moved(one.difference)}, n = {one.n})"
        )


def _harm(study: FieldStudy, base_arms: Sequence[str]) -> Iterator[str]:
    """Whose mistakes weigh most; and an arm that errs less and yet is severely wrong more often."""
    mine = [one for one in study.harm if one.arm in base_arms and one.loss_per_1k.value is not None]
    if not mine:
        return
    most = max(mine, key=lambda one: one.loss_per_1k.value or 0.0)
    modes = [
        one for one in study.modes if one.arm == most.arm and one.mode != CONFIDENT and one.loss_per_1k is not None
    ]
    heaviest = max(modes, key=lambda one: (one.loss_per_1k.value if one.loss_per_1k else None) or 0.0, default=None)
    by = f", most of it by “{terms.mode(heaviest.mode).words}”" if heaviest is not None else ""
    severe = (
        f"; {percent(most.severe_rate.value)} of its requests go wrong at stakes 4" if most.severe_rate.value else ""
    )
    yield f"Most harm: {most.arm}, {_weight(most)} per 1,000 requests{by}{severe}{_contrary(mine)}"


def _weight(one: Harm) -> str:
    low, high = one.loss_per_1k.low, one.loss_per_1k.high
    span = f" [{number(low)} to {number(high)}]" if low is not None and high is not None else ""
    return f"{number(one.loss_per_1k.value or 0.0)} harm points{span}"


def _contrary(harm: Sequence[Harm]) -> str:
    """An arm with fewer errors than another and more severe ones."""
    known = [one for one in harm if one.severe_rate.value is not None and one.error_rate.value is not None]
    for one in known:
        for other in known:
            errs, severe = (one.error_rate.value or 0.0, one.severe_rate.value or 0.0)
            if errs < (other.error_rate.value or 0.0) and severe > (other.severe_rate.high or 1.0):
                return f"; {one.arm} errs less often than {other.arm}, and more severely"
    return ""


def _confident(study: FieldStudy, base_arms: Sequence[str]) -> Iterator[str]:
    """Who is wrong most often while sure of itself."""
    mine = [one for one in study.calibration if one.arm in base_arms and one.confidently_wrong.value]
    if mine:
        most = max(mine, key=lambda one: one.confidently_wrong.value or 0.0)
        yield f"{most.arm} is wrong and sure of it in {_share(most.confidently_wrong)} of its requests"
