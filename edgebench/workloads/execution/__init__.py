"""Generated programs, tried where they can do no harm: the scorer ``code`` and the enclosure it runs them in.

=============  ====================================================================
scorer         the judgement, and why there is none where programs may not run
programs       what program an answer means
launching      one process for one program
enclosure      that process: namespaces, limits, time
syscalls       what the kernel is not to be asked from inside
trial          inside it: the examiner and the candidate
crossing       the values that pass between the two
=============  ====================================================================

``enclosure``, ``syscalls``, ``trial`` and ``crossing`` run inside, on the standard library alone.
"""

from edgebench.workloads.execution.scorer import code, obstacle
from edgebench.workloads.permission import ALLOWED

__all__ = ["ALLOWED", "code", "obstacle"]
