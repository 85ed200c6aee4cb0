"""``python -m benchmarks [NAME …]``: run all, or those named, and write their sections of RESULTS.md anew.

Sections nobody named stay as they are: each carries its own date. The head describes the machine; on a machine of
another kind only a run of all may write, because a table of two machines compares nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from benchmarks.result import markdown
from edgebench.load.clock import wall_label
from edgebench.meters.host import fingerprint
from edgebench.run.execute import versions

ALL = (
    "startup",
    "harness",
    "store_speed",
    "decode",
    "observer",
    "stream_cpu",
    "stamp_error",
    "rate",
    "queueing",
    "capacity_replay",
    "certify",
    "shaper",
    "report_page",
    "pricing",
    "scoring",
    "front",
    "cascade",
)
FILE = Path(__file__).with_name("RESULTS.md")
_MARK = "<!-- benchmark: {} -->"
_SECTION = re.compile(r"<!-- benchmark: (\w+) -->\n(.*?)(?=<!-- benchmark: |\Z)", re.DOTALL)


def main(names: list[str]) -> int:
    """Run the benchmarks named (all, when none is), print their tables and keep them."""
    if unknown := [name for name in names if name not in ALL]:
        print(f"no benchmark is called {unknown[0]!r}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    before = FILE.read_text(encoding="utf-8") if FILE.is_file() else ""
    kept = sections(before) if names else {}
    writes = not kept or machine() in before
    for name in names or ALL:
        if find_spec(f"benchmarks.{name}") is None:
            print(f"{name}: not written yet", file=sys.stderr)
            continue
        kept[name] = section(name)
        print(kept[name], flush=True)
        if writes:  # after each, so that a later one's fault loses nothing
            FILE.write_text(document(kept), encoding="utf-8")
    if not writes:
        print("RESULTS.md is of another machine and stays as it is: `make bench` measures all anew", file=sys.stderr)
    return 0


def section(name: str) -> str:
    """A benchmark's heading, date and table, measured now."""
    module = import_module(f"benchmarks.{name}")
    title, _, words = (module.__doc__ or name).strip().partition("\n")
    explained = f"{' '.join(words.split())}\n\n" if words.strip() else ""
    return f"## {title.strip()}\n\n{explained}{markdown(module.measure())}\n\nMeasured {wall_label()[:10]}.\n"


def sections(text: str) -> dict[str, str]:
    """The sections of a RESULTS.md by the names in their marks."""
    return {name: body.strip() + "\n" for name, body in _SECTION.findall(text)}


def document(kept: Mapping[str, str]) -> str:
    """The whole file: head, then the sections in the order of ``ALL``."""
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    head = (
        f"# What EdgeBench itself costs\n\nMeasured by `make bench` on: {machine()}.\nWith {packages}.\n"
        "Peers run beside us in the same minutes; what a row needs to be understood stands under its table.\n"
    )
    return "\n".join([head, *(f"{_MARK.format(name)}\n{kept[name]}" for name in ALL if name in kept)])


def machine() -> str:
    """The class of this machine, not its name."""
    host = fingerprint()
    size = f"{host['cpu']}, {host['cores']} cores, {host['memory_bytes'] / 2**30:.0f} GiB, {host['system']}"
    return f"{size}{', a virtual machine' if host.get('virtual') else ''}; Python {host['python']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
