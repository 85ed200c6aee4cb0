"""Own evaluation sets: production logs, and other tools' test sets, become items that can be measured.

=============  ====================================================================
found          a case, a broken line, a part passed over, a remark
logs           a file as entries, whatever it is; tolerant: tables with broken rows
recognise      which kind of log it is, in a sentence
chats          messages of a chat, however they are written
openai_chat    requests and responses, batches, conversations for tuning
otel           OpenTelemetry gen_ai spans and events
tables         messages in rows
promptfoo      its tests
foreign        OpenAI evals, Inspect, lm-evaluation-harness, HELM, Label Studio
gathering      all logs together: cases, broken lines, what was passed over
cleaning       personal data taken out
alike          near-duplicates
vectors        texts as points
strata         groups of like messages, and how many items each gets
coverage       what the items stand for, and what they leave out
sizes          the differences that so many items can show
making         all of these, in order: :func:`make`
writing        items and their sheet, frozen with a digest: :func:`written`
=============  ====================================================================
"""

from edgebench.workloads.importing.making import Made, Wanted, make
from edgebench.workloads.importing.recognise import FORMATS, WRITTEN
from edgebench.workloads.importing.writing import places, written

__all__ = ["FORMATS", "WRITTEN", "Made", "Wanted", "make", "places", "written"]
