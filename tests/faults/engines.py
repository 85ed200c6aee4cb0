"""An engine with a child of its own, as some runtimes have."""

from __future__ import annotations

import subprocess
import sys
import time

from edgebench.records import Parts
from edgebench.targets.engine import Stop
from edgebench.targets.fake import FakeEngine


class Parent(FakeEngine):
    """Echoes like its parent class; while it lives, so does a process it started."""

    def __init__(self, parts: Parts, stop: Stop) -> None:
        self._parts, self._stop = parts, stop
        from edgebench.targets.fake import EngineOptions

        self._options = EngineOptions()

    def load(self) -> None:
        self._child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        time.sleep(0.05)
