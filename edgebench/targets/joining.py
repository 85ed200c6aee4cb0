"""A process that joins a control group and then becomes the command it was given: same process, clean memory.

Run as ``python -m edgebench.targets.joining FILE -- COMMAND …``, where FILE is the group's ``cgroup.procs``. Joining
before the command starts means that every byte it will ever hold is charged to the group.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgebench.targets import kernel


def main(arguments: list[str]) -> None:
    kernel.die_with_parent()
    file, _, *command = arguments
    Path(file).write_text("0", encoding="ascii")  # 0: whoever writes
    os.execv(command[0], command)  # noqa: S606  no shell is what is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
