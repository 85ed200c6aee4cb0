"""What is asked: a file or a built-in job becomes items, a task, examples and scorers.

=============  ====================================================================
decoding       the bytes of a file as text
readers        that text as numbered rows
columns        rows as items
duplicates     rows that say the same twice
tasks          the kind of answer, the labels, the words it is asked in
subset         the same smaller set of items on every machine
loading        all of these, in order: :func:`load`
builtin        the jobs shipped with EdgeBench
prompting      an item as a request
understand     what a free answer says
scorers        whether that is right
agreement      how far two JSON objects agree
=============  ====================================================================
"""

from edgebench.workloads.builtin import names as builtin_names
from edgebench.workloads.builtin import read as read_builtin
from edgebench.workloads.loading import load

__all__ = ["builtin_names", "load", "read_builtin"]
