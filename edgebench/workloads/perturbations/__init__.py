"""What happens to a text between the person and the target: seeded, deterministic, the same on every machine.

=============  ====================================================================
draws          numbers from SHA-256: no generator a library could change
protected      what no perturbation touches
passages       a text with its words, its language, and what of it stays
forms          a perturbation made of one pure function; its name and its sentence
tables         keyboards, spellings, words, names: read when needed
swapping       words put in the place of others
characters     keyboard-typos, letter-slips
marks          no-punctuation, lower-case, no-diacritics
lexical        chat-spelling, autocorrect, code-mix, dialect, simple-words
scripts        romanised
wholes         truncated, dictation, pasted
people         swap-names, swap-pronouns, signed
values         other-values: the answer must change with the text
evidence       no-evidence: the answer must become that there is none
chaining       by name from a plan; several, one after the other
=============  ====================================================================
"""

from edgebench.workloads.perturbations.chaining import as_asked, build, chain
from edgebench.workloads.perturbations.forms import ABOUT

__all__ = ["ABOUT", "as_asked", "build", "chain"]
