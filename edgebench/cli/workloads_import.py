"""``edgebench workloads import``: production logs become an evaluation set."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgebench.cli.options import as_json, console, emit, grid, say, text
from edgebench.errors import DataError, UsageError

if TYPE_CHECKING:
    from edgebench.workloads.importing import Made
    from edgebench.workloads.importing.vectors import Embed

#: what can be read, as edgebench.workloads.importing.FORMATS has it (which would be slow to import for --help)
FORMATS = ("messages", "openai-chat", "otel", "promptfoo", "inspect", "lm-eval", "openai-evals", "helm", "label-studio")
EVERY_S = 2.0  # between two signs of life
MOST_KINDS = 15  # strata told one by one
MOST_PASSED = 5  # reasons told


@click.command("import", short_help="Make an evaluation set from production logs.")
@click.argument("logs", nargs=-1, required=True, metavar="LOG…", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Where the items go: FILE.jsonl (and FILE.yaml)."
)
@click.option("--format", "format_", type=click.Choice(("auto", *FORMATS)), default="auto", show_default=True,
              help="What the logs are; recognised by their content.")  # fmt: skip
@click.option(
    "--items", type=click.IntRange(1), default=250, show_default=True, help="How many items; 200 to 300 serve most."
)
@click.option("--by", metavar="TAG", help="Stratify by this tag (or reference) instead of by groups of like messages.")
@click.option("--embed", metavar="CARD", help="Group by meaning with this embedding model, such as minilm-l6-int8.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of clusters and of what is drawn.")
@click.option("--names", type=click.Path(path_type=Path), help="A file of names to be replaced too, one a line.")
@click.option("--keep-texts", is_flag=True, help="Replace no personal data.")
@click.option(
    "--input", "column", metavar="COLUMN", help="Of a table: the column of messages, if its name does not tell."
)
@click.option(
    "--reference", metavar="COLUMN", help="Of a table: the column of right answers, if its name does not tell."
)
@click.option("--force", is_flag=True, help="Overwrite the set that is there.")
@as_json
def command(
    logs: tuple[Path, ...],
    out: Path,
    format_: str,
    items: int,
    by: str | None,
    embed: str | None,
    seed: int,
    names: Path | None,
    keep_texts: bool,
    column: str | None,
    reference: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make an evaluation set from LOG… (messages, chats, spans, or other tools' test sets).

    Near-duplicates are dropped, personal data is replaced by marks, rare kinds of messages get their share, and a sheet
    beside the items says what was done, what is left out, and which differences so many items can show. A log with
    broken lines is read past them; they are counted and the first ones named. Nothing leaves this machine.
    """
    from edgebench.workloads import importing

    importing.places(out, force=force)  # before the work, not after it
    embedding = None if embed is None else _embedder(embed)
    wanted = importing.Wanted(
        items=items,
        by=by,
        seed=seed,
        format=format_,
        text=column,
        reference=reference,
        keep_texts=keep_texts,
        own_names=frozenset() if names is None else _own_names(names),
        model=embed or "",
    )
    made = importing.make(logs, wanted, embed=embedding, say=_step, progress=_Progress())
    sheet = importing.written(made, out, today=datetime.date.today().isoformat(), force=force)
    if as_json:
        emit({"items_file": str(out), "sheet_file": str(out.with_suffix(".yaml")), **sheet})
    else:
        _print(made, sheet, out)


def _step(line: str) -> None:
    say(f"{line} …")


class _Progress:
    """A line now and then while a large log is read."""

    def __init__(self) -> None:
        self._spoke = time.monotonic()

    def __call__(self, name: str, cases: int, about: int) -> None:
        if time.monotonic() - self._spoke >= EVERY_S:
            self._spoke = time.monotonic()
            say(f"{name}: {cases:,} cases so far, in about {about:,} lines")


def _own_names(file: Path) -> frozenset[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise DataError(f"{file} cannot be read: {why}", hint="one name a line") from exc
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _embedder(name: str) -> Embed | None:
    """The embedding model of a card; None, and a line that says so, when its files are not here."""
    from edgebench.artifacts import load_card, located
    from edgebench.errors import TargetError
    from edgebench.records import Parts, TargetSpec
    from edgebench.targets.onnx import embedder

    card = load_card(name)
    if card.kind != "onnxruntime":
        raise UsageError(f"{name} is no embedding model: it runs in {card.kind}", hint="--embed minilm-l6-int8")
    files = located(card)
    if files is None:
        say(f"{name} is not here (edgebench models pull {name}): messages are grouped by their letters instead")
        return None
    paths = {role: str(path) for role, path in files.paths.items()}
    spec = TargetSpec(kind=card.kind, model=name)
    try:
        return embedder(Parts(name=name, spec=spec, card=card, files=paths, sha256=files.sha256))
    except TargetError as exc:
        raise UsageError(f"{name} cannot embed: {exc}", hint="leave --embed out to group by letters") from exc


# --------------------------------------------------------------------------------------------------- what is told


def _print(made: Made, sheet: Mapping[str, Any], out: Path) -> None:
    shown = console()
    for line in _read_lines(made):
        shown.print(text(line))
    for line in _redaction_lines(made, sheet):
        shown.print(text(line))
    shown.print()
    shown.print(_strata(made))
    for line in _strata_lines(made):
        shown.print(text(line))
    for line in _coverage_lines(made):
        shown.print(text(line))
    shown.print()
    shown.print(_differences(sheet))
    for line in sheet["notes"][len(made.gathered.sentences) :]:
        shown.print(text(f"note: {line}"))
    for line in _end(made, sheet, out):
        shown.print(text(line))


def _read_lines(made: Made) -> list[str]:
    gathered = made.gathered
    lines = list(gathered.sentences)
    broken = f", {gathered.broken:,} broken line{'s' * (gathered.broken > 1)}" if gathered.broken else ""
    lines.append(f"read {len(gathered.cases):,} cases{broken}")
    lines += [f"  {line}" for line in gathered.shown]
    if gathered.broken > len(gathered.shown):
        lines.append(f"  … and {gathered.broken - len(gathered.shown):,} more")
    lines += [f"passed over {count:,} times: {why}" for why, count in gathered.passed.most_common(MOST_PASSED)]
    share = 100 * made.near_duplicates / len(gathered.cases)
    lines.append(
        f"near-duplicates: {made.near_duplicates:,} dropped ({share:.0f} %); {made.different:,} messages are left"
    )
    if made.grouped < made.different:
        lines.append(
            f"of these a random {made.grouped:,} are grouped and drawn from: embedding all would take too long"
        )
    if made.disagreeing:
        lines.append(f"{made.disagreeing:,} messages have different references as often: these have none now")
    return lines


def _redaction_lines(made: Made, sheet: Mapping[str, Any]) -> list[str]:
    if made.wanted.keep_texts:
        return ["personal data: kept as it is (--keep-texts)"]
    put = {kind: count for kind, count in sheet["redaction"]["replaced_in_the_items"].items() if count}
    told = ", ".join(f"{kind} {count}" for kind, count in put.items()) or "nothing was found"
    return [f"replaced in the items: {told}", f"how far that goes: {sheet['redaction']['says']}"]


def _strata(made: Made) -> Any:
    table = grid("kind", "messages", "different", "items", right=("messages", "different", "items"))
    for one in made.strata[:MOST_KINDS]:
        table.add_row(text(one.name), f"{one.messages:,}", f"{one.different:,}", str(one.items))
    return table


def _strata_lines(made: Made) -> list[str]:
    rest = made.strata[MOST_KINDS:]
    lines = []
    if rest:
        items = sum(one.items for one in rest)
        lines.append(
            f"… and {len(rest)} smaller kinds with {sum(one.messages for one in rest):,} messages, {items} items"
        )
    lines.append(f"kinds: {made.method}; items by the square root of a kind's size, two at least where it has two")
    without = sum(one.items == 0 for one in made.strata)
    if without:
        lines.append(
            f"{without} kinds have no item: more kinds than items; --items {2 * len(made.strata)} would hold them"
        )
    elif made.thin_in_uniform:
        lines.append(f"a uniform sample of as many would leave {made.thin_in_uniform} kinds with fewer than two")
    if made.wanted.by is None and not made.wanted.model:
        lines.append("--embed minilm-l6-int8 groups by meaning instead of by letters; --by TAG by what you know")
    return lines


def _coverage_lines(made: Made) -> list[str]:
    seen = made.coverage
    against = "" if seen.uniform is None else f" (of a uniform sample {100 * seen.uniform:.0f} %)"
    lines = [
        f"coverage: {100 * seen.share:.0f} % of the log's messages have an item about like them{against}: "
        f"cosine of {seen.near:g} or more by {seen.method}; the median message's nearest item is at {seen.median:.2f}"
    ]
    if seen.regions:
        lines.append("least covered, with a message that none of the items is like:")
    for one in seen.regions:
        example = one.example if len(one.example) <= 120 else f"{one.example[:119]}…"
        lines.append(f"  {one.stratum}: {100 * one.covered:.0f} % of {one.messages:,} covered · “{example}”")
    return lines


def _differences(sheet: Mapping[str, Any]) -> Any:
    """What so many items can show."""
    found = sheet["detectable"]
    table = grid(f"what {sheet['items']} items can show", "if", "smallest difference", right=("smallest difference",))
    for one in found["accuracy"]:
        points = "none" if one["difference"] is None else f"{100 * one['difference']:.1f} points"
        table.add_row(
            "accuracy, paired", f"{one['items_judged_differently']:.0%} of items are judged differently", points
        )
    for one in found["latency"]:
        ratio = "too few items" if one["ratio"] is None else f"× {one['ratio']:.2f}"
        table.add_row(f"latency p{100 * one['quantile']:.0f}, ratio", f"spread (CV) {one['spread_cv']:.0%}", ratio)
    return table


def _end(made: Made, sheet: Mapping[str, Any], out: Path) -> Sequence[str]:
    from edgebench.workloads.importing import WRITTEN

    found = sheet["detectable"]
    lines = [f"at {found['at']}, one request an item; a p99 needs {found['requests_for_a_p99']} requests"]
    if sheet["without_reference"]:
        lines.append(
            f"{sheet['without_reference']} of {sheet['items']} items have no reference: write it into {out}, "
            "or let a judge compare answers"
        )
    written = sorted({source.format for source in made.gathered.sources} & set(WRITTEN))
    if written and made.marks["name"]:
        lines.append(
            f"{', '.join(written)} holds what somebody wrote as a test: names may be part of it (--keep-texts)"
        )
    lines.append(f"{out}: {sheet['items']} items, digest {sheet['digest'][:12]}; {out.with_suffix('.yaml')} says how")
    lines.append("names, addresses and more may still be in the texts: look before you share them")
    lines.append(f"next:  edgebench init plan.yaml --data {out}")
    return lines
