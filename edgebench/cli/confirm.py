"""Keys: which a plan asks for, to which host each would go, and whether the person agreed to that once."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click
import yaml

from edgebench import catalog
from edgebench.cli.failing import printable
from edgebench.errors import UsageError
from edgebench.records import Plan

Pair = tuple[str, str]  # (variable, host)


def confirm(pairs: Iterable[Pair], *, yes: bool) -> None:
    """See that every (variable, host) pair was agreed to, now or before; what is agreed is kept.

    Raises
    ------
    UsageError: a pair is new and there is nobody to ask, or the person said no.
    """
    known = confirmed()
    fresh = [pair for pair in dict.fromkeys(pairs) if pair not in known]
    for variable, host in fresh:
        if yes:
            continue
        sentence = f"the key in {variable} would be sent to {printable(host)}"
        if not sys.stdin.isatty():
            raise UsageError(f"{sentence}, which nobody has confirmed yet", hint="add --yes to agree")
        if not click.confirm(f"{sentence[0].upper()}{sentence[1:]}. Agree (asked once)?", err=True):
            raise UsageError(f"{sentence}, and you did not agree", hint="name another host or key in the plan")
    if fresh:
        _keep([*known, *fresh])


def confirmed() -> list[Pair]:
    """Pairs agreed to before."""
    try:
        content = yaml.safe_load(_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise UsageError(f"{_file()}: not YAML any more", hint="delete it; you will be asked again") from exc
    pairs = content.get("pairs", []) if isinstance(content, dict) else []
    return [(str(pair["key"]), str(pair["host"])) for pair in pairs if isinstance(pair, dict) and len(pair) == 2]


def _keep(pairs: list[Pair]) -> None:
    _file().parent.mkdir(parents=True, exist_ok=True)
    content = {"pairs": [{"key": variable, "host": host} for variable, host in pairs]}
    head = "# Which key may go to which host. Delete a line to be asked again.\n"
    _file().write_text(head + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _file() -> Path:
    return catalog.home() / "confirmed.yaml"


def resolve_keys(plan: Plan, environ: Mapping[str, str]) -> dict[str, str]:
    """Target → key, from the variables the plan names.

    Raises
    ------
    UsageError: a variable is not set or empty, or holds what no header can carry.
    """
    keys: dict[str, str] = {}
    for target, spec in plan.targets.items():
        if spec.key is None:
            continue
        value = environ.get(spec.key, "").strip()
        if not value:
            raise UsageError(
                f"target {target!r} needs the key in {spec.key}, which is not set", hint=f"export {spec.key}=…"
            )
        if not value.isascii() or not value.isprintable():
            raise UsageError(
                f"the key in {spec.key} holds characters that no key has", hint=f"export {spec.key}=… again"
            )
        keys[target] = value
    return keys
