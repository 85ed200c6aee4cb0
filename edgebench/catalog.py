"""Finds what is shipped and what a person keeps beside it: profiles and model cards.

A name is looked for in this order: the folder given, ``$EDGEBENCH_HOME`` (default ``~/.config/edgebench``),
then what is shipped (inside the package when installed, beside it in a checkout).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import yaml

from edgebench.errors import UsageError, did_you_mean

Shelf = Literal["plans", "devices", "networks", "prices", "traces", "curves", "models"]


def home() -> Path:
    """The person's own folder."""
    return Path(os.environ.get("EDGEBENCH_HOME", "~/.config/edgebench")).expanduser()


def cache() -> Path:
    """Where model files are kept."""
    root = os.environ.get("EDGEBENCH_CACHE")
    return Path(root).expanduser() if root else Path("~/.cache/edgebench").expanduser()


def shelf(name: Shelf) -> Path:
    """The shipped folder of that name: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parent
    inside = Path("models") if name == "models" else Path("profiles") / name
    for root in (package / "shelf", package.parent):
        if (root / inside).is_dir():
            return root / inside
    raise FileNotFoundError(f"this installation ships no {inside}")


def places(name: Shelf) -> list[Path]:
    """Folders of a shelf that exist, nearest first."""
    own = home() / name
    return [folder for folder in (own, shelf(name)) if folder.is_dir()]


def names(name: Shelf, suffix: str = ".yaml") -> list[str]:
    return sorted({path.stem for folder in places(name) for path in folder.glob(f"*{suffix}")})


def path(name: Shelf, entry: str, suffix: str = ".yaml") -> Path:
    """The file of an entry, by name or by path."""
    given = Path(entry).expanduser()
    if given.suffix == suffix and given.is_file():
        return given
    for folder in places(name):
        candidate = folder / f"{entry}{suffix}"
        if candidate.is_file():
            return candidate
    raise UsageError(f"{name} has no entry called {entry!r}", hint=did_you_mean(entry, names(name, suffix)))


def read(name: Shelf, entry: str) -> dict[str, Any]:
    """A YAML entry as a dict."""
    file = path(name, entry)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise UsageError(f"{file}: is not a mapping")
    return content
