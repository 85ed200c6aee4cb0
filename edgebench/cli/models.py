"""``edgebench models``: the model files, where they come from and whether they are what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgebench.cli.options import as_json, console, emit, grid, say, text
from edgebench.errors import ModelError, UsageError

if TYPE_CHECKING:
    from edgebench.records import ModelCard


@click.group("models", short_help="List, show, pull, verify or quantise model files.")
def command() -> None:
    """Model files: cards say where they are; pull brings them into the cache; verify reads every byte again."""


@command.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the model cards."""
    from edgebench.artifacts import all_cards

    rows = [_row(card) for card in all_cards().values()]
    if as_json:
        emit(rows)
        return
    table = grid("card", "kind", "quantisation", "size", "licence", "here", right=("size",))
    for row in rows:
        size = "—" if row["bytes"] is None else f"{row['bytes'] / 1e6:,.0f} MB"
        table.add_row(*(text(row[key] or "—") for key in ("card", "kind", "quantisation")), size,
                      text(row["licence"] or "—"), row["here"])  # fmt: skip
    console().print(table)
    click.echo("next:  edgebench models pull NAME", err=True)


def _row(card: ModelCard) -> dict[str, Any]:
    from edgebench.artifacts import located

    try:
        files = located(card)
    except ModelError:
        here, files = "damaged", None
    else:
        here = "yes" if files else "no"
    sizes = [source.bytes for source in card.files.values()]
    whole = sum(size for size in sizes if size is not None) if sizes and None not in sizes else None
    if files is not None:
        whole = sum(path.stat().st_size for path in files.paths.values())
    return {"card": card.name, "title": card.title, "kind": card.kind, "quantisation": card.quantisation,
            "bytes": whole, "licence": card.licence, "here": here}  # fmt: skip


@command.command("show")
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """Show all that is known of a model."""
    from edgebench.artifacts import load_card
    from edgebench.artifacts.pull import expected, path_of, wanted

    card = load_card(name)
    files = {
        role: {"path": str(path_of(card, role)), "here": path_of(card, role).is_file(), "sha256": expected(card, role)}
        for role in wanted(card)
    }
    if as_json:
        emit({"card": card, "files": files})
        return
    table = grid("", "")
    table.show_header = False
    for key, value in _facts(card):
        table.add_row(key, text(value))
    for role, file in files.items():
        table.add_row(f"file: {role}", text(file["path"] if file["here"] else f"{file['path']} (not here yet)"))
        table.add_row("  sha256", file["sha256"] or "not published; the first pull pins it")
    console().print(table)


def _facts(card: ModelCard) -> list[tuple[str, str]]:
    facts: list[tuple[str, Any]] = [
        ("card", card.name),
        ("title", card.title),
        ("kind", card.kind),
        ("licence", card.licence),
        ("parameters", f"{card.parameters / 1e6:,.1f} million" if card.parameters else None),
        ("quantisation", card.quantisation),
        ("quantised from", card.quantised_from),
        ("made from", f"{card.quantise['from']} by llama.cpp's quantiser" if card.quantise else None),
        ("context", f"{card.context} tokens" if card.context else None),
        ("least memory", f"{card.least_ram_mib} MiB" if card.least_ram_mib else None),
        ("base model", "yes: it continues text, it follows no instructions" if card.raw_completion else None),
        ("notes", card.notes),
    ]
    return [(key, str(value)) for key, value in facts if value is not None]


@command.command("pull")
@click.argument("names", nargs=-1, required=True)
@click.option("--from", "from_path", type=click.Path(path_type=Path), help="A file or folder you have, instead.")
@click.option("--again", is_flag=True, help="Fetch anew what is there already.")
@as_json
def pull(names: tuple[str, ...], from_path: Path | None, again: bool, as_json: bool) -> None:
    """Fetch the files of one or more models into the cache, checked by sha256."""
    from edgebench import artifacts

    if from_path is not None and not from_path.exists():
        raise UsageError(f"there is no {from_path}")
    pulled = [
        artifacts.pull(artifacts.load_card(name), progress=say, from_path=from_path, again=again) for name in names
    ]
    if as_json:
        emit([{"card": f.card.name, "paths": f.paths, "sha256": f.sha256, "notes": f.notes} for f in _plain(pulled)])
        return
    for files in pulled:
        for role, path in files.paths.items():
            console().print(text(f"{files.card.name} {role}: {path}  sha256 {files.sha256[role][:12]}… ok"))


def _plain(pulled: list[Any]) -> list[Any]:
    from dataclasses import replace

    return [replace(files, paths={role: str(path) for role, path in files.paths.items()}) for files in pulled]


@command.command("verify")
@click.argument("names", nargs=-1)
@as_json
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Read every byte of pulled models again (default: of all that are here)."""
    from edgebench import artifacts

    cards = [artifacts.load_card(name) for name in names] or [
        card for card in artifacts.all_cards().values() if _row(card)["here"] != "no"
    ]
    verdicts = [(card.name, verdict) for card in cards for verdict in artifacts.verify(card)]
    if as_json:
        emit([{"card": name, "role": v.role, "path": str(v.path), "expected": v.expected, "found": v.found, "ok": v.ok}
              for name, v in verdicts])  # fmt: skip
    else:
        for name, verdict in verdicts:
            found = "missing" if verdict.found is None else "ok" if verdict.ok else f"WRONG sha256 {verdict.found}"
            console().print(text(f"{name} {verdict.role}: {found}  {verdict.path}"))
        if not verdicts:
            click.echo("no model is here yet:  edgebench models pull NAME")
    bad = [name for name, verdict in verdicts if not verdict.ok]
    if bad:
        raise ModelError(
            f"not as it should be: {', '.join(dict.fromkeys(bad))}", hint=f"edgebench models pull {bad[0]} --again"
        )


@command.command("quantize")
@click.argument("source")
@click.argument("kind", metavar="TYPE")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write it (default: beside you).")
@as_json
def quantize(source: str, kind: str, out: Path | None, as_json: bool) -> None:
    """Make another quantisation of SOURCE (a GGUF file or a model card) with llama.cpp's own quantiser.

    TYPE is Q2_K, Q3_K_M, Q4_K_M, Q5_K_M, Q6_K, Q8_0, … A source that is quantised already can only lose.
    """
    from edgebench import artifacts

    origin = Path(source)
    if not origin.is_file():
        if origin.suffix == ".gguf":
            raise ModelError(f"there is no file {source}")
        origin = artifacts.pull(artifacts.load_card(source), progress=say).paths["model"]
    goal = out or Path(f"{origin.stem}.{kind}.gguf")
    if goal.exists():
        raise UsageError(f"{goal} is there already and stays as it is", hint="--out another.gguf")
    say(f"quantising {origin.name} to {kind}")
    artifacts.quantize(origin, kind, goal)
    if as_json:
        emit({"file": str(goal), "bytes": goal.stat().st_size, "from": str(origin), "type": kind})
    else:
        click.echo(f"{goal} is written: {goal.stat().st_size / 1e6:,.0f} MB. In a plan:  kind: llama.cpp, file: {goal}")
