"""The one clock: system-wide monotonic nanoseconds, the same epoch in every process of a machine.

``time.monotonic_ns`` is CLOCK_MONOTONIC on Linux and macOS and the performance counter on Windows: it never
steps and it does not count time asleep. Wall time is taken once per segment, as a label.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

now_ns = time.monotonic_ns


def wall_label() -> str:
    """The wall clock, to the second, ISO 8601 in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
