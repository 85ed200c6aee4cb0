"""EdgeBench: should this job run on the device or in the cloud — on your own traffic, with error bars?"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: name → module; handed on lazily (PEP 562), so that ``import edgebench`` and ``--help`` stay light
_NAMES: dict[str, str] = {}

__all__ = [*_NAMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'edgebench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
