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
languages      the same cases in other languages
perturbations  what happens to a text on its way: typing, dictating, pasting, other names
permission     whether code may run that came from elsewhere
benchmarks     public test sets, read from the files their makers publish
importing      logs and other tools' test sets made into an evaluation set of one's own
prompting      an item as one request or several, and their answers as one
understand     what a free answer says
scorers        whether that is right, and which kind of wrong it is
agreement      how far two JSON values agree
rubrics        what an answer should fulfil, as data
sheets         YAML files of a person's own, every mistake with its line
prose          words and sentences
reading        the school years a text asks for
spoken         which language a text is in
refusals       whether an answer declines to answer
execution      the scorer that runs the program in an answer, and where it runs it
=============  ====================================================================
"""

from edgebench.workloads.builtin import names as builtin_names
from edgebench.workloads.builtin import read as read_builtin
from edgebench.workloads.loading import load

__all__ = ["builtin_names", "load", "read_builtin"]
