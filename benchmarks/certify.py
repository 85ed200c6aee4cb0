"""The certificate in full: every figure `edgebench certify` prints, on the machine of these benchmarks"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from benchmarks.result import Result
from edgebench.run.certify import certify


def measure() -> list[Result]:
    certificate = asyncio.run(certify(short=False))
    return [_row(check) for check in certificate["checks"]]


def _row(check: Mapping[str, Any]) -> Result:
    """The reference client's figure, taken in the same minutes, stands where other tables have a range."""
    reference, limit = check["reference"], check["limit"]
    return Result(
        check["name"],
        check["value"],
        check["unit"],
        check["n"],
        spread="" if reference is None else f"bare client {reference:.4g}",
        goal="" if limit is None else f"≤ {limit:g}",
        reached=check["passed"],
        note=check["note"],
    )
