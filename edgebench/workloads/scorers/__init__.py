"""Scorers: pure judges of one answer, each versioned; the options that are not the defaults are part of the version.

Every scorer returns a value from 0 to 1, or None when the item has no reference it could judge by. A reference that is
a list means "any of these is right" (for ``set-f1`` and ``grounded``: what their own pages say). None of them raises,
whatever the answer is.

==============  ======================================================================
rule            what a scorer is made of, and :func:`build`
labels          label, choice-letter, set-f1
texts           text, contains, regex
numbers         number
objects         json-fields, json-schema
calls           tool-call
levels          ordinal
grounding       grounded
criteria        rubric
accessibility   accessible
languages       language
custom          python
modes           the failure mode of a wrong answer, from the first scorer's verdict
kinds           taxonomy: kinds of failure of the person's own
inlining        files that scorers name
==============  ======================================================================
"""

from edgebench.workloads.permission import ALLOWED as ALLOW_CODE
from edgebench.workloads.scorers.accessibility import accessible
from edgebench.workloads.scorers.calls import tool_call
from edgebench.workloads.scorers.criteria import rubric
from edgebench.workloads.scorers.custom import python
from edgebench.workloads.scorers.grounding import grounded
from edgebench.workloads.scorers.inlining import inlined, rubric_of
from edgebench.workloads.scorers.kinds import Taxonomy, taxonomy
from edgebench.workloads.scorers.labels import choice_letter, label, set_f1
from edgebench.workloads.scorers.languages import language
from edgebench.workloads.scorers.levels import ordinal
from edgebench.workloads.scorers.modes import mode_of, mode_version
from edgebench.workloads.scorers.numbers import number
from edgebench.workloads.scorers.objects import json_fields, json_schema, schema_fault
from edgebench.workloads.scorers.rule import Rule, build
from edgebench.workloads.scorers.texts import compiled, contains, regex, text

__all__ = [
    "ALLOW_CODE",
    "Rule",
    "Taxonomy",
    "accessible",
    "build",
    "choice_letter",
    "compiled",
    "contains",
    "grounded",
    "inlined",
    "json_fields",
    "json_schema",
    "label",
    "language",
    "mode_of",
    "mode_version",
    "number",
    "ordinal",
    "python",
    "regex",
    "rubric",
    "rubric_of",
    "schema_fault",
    "set_f1",
    "taxonomy",
    "text",
    "tool_call",
]
