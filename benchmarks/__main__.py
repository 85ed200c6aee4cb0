"""``python -m benchmarks [NAME …]``: run all, or those named; all of them rewrite RESULTS.md."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.result import Result, markdown
from edgebench.load.clock import wall_label
from edgebench.meters.host import fingerprint
from edgebench.run.execute import versions

ALL = ("startup", "harness", "store_speed", "decode", "report_page")


def main(names: list[str]) -> None:
    """Run the benchmarks named (all, when none is) and print their tables."""
    sections: list[str] = []
    for name in names or ALL:
        module = import_module(f"benchmarks.{name}")
        results: list[Result] = module.measure()
        title = (module.__doc__ or name).splitlines()[0]
        sections.append(f"## {title}\n\n{markdown(results)}\n")
        print(sections[-1], flush=True)
    if not names:
        Path(__file__).with_name("RESULTS.md").write_text("\n".join([_head(), *sections]), encoding="utf-8")


def _head() -> str:
    host = fingerprint()
    machine = f"{host['cpu']}, {host['cores']} cores, {host['memory_bytes'] / 2**30:.0f} GiB, {host['system']}"
    kinds = f"{machine}{', a virtual machine' if host.get('virtual') else ''}; Python {host['python']}"
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    when = f"Measured {wall_label()[:10]} by `make bench` on: {kinds}."
    return f"# What EdgeBench itself costs\n\n{when}\nWith {packages}.\n"


if __name__ == "__main__":
    main(sys.argv[1:])
