"""Public benchmarks as workloads, read from the files their makers publish; nothing of them is shipped.

=============  ====================================================================
made_of        what a benchmark is made of
placing        its folder, and what a plan makes of it: :func:`place`
cells          what must stand in a row
mmlu …         one benchmark each: its reader, its task, its set-up in the literature
likeliest      the prompting HellaSwag's set-up needs
=============  ====================================================================

Each has a *raw* form (the prompting ``raw``: what a person would send) and a *lab* form (the prompting ``lab``: the
set-up of the literature, named in ``Workload.source["lab"]``). What is measured is never among the examples shown.
"""

from edgebench.workloads.benchmarks.made_of import Benchmark, Lab
from edgebench.workloads.benchmarks.placing import PLACE, Placed, about, folder_of, names, place

__all__ = ["PLACE", "Benchmark", "Lab", "Placed", "about", "folder_of", "names", "place"]
