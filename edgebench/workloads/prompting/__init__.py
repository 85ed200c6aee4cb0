"""Promptings: how an item is put into words, and several answers become one.

Parameters outside, (workload, rng) next, one item at a time last. Every one of them sends the words of the user apart
as ``Request.text`` and the choices as ``Request.choices``, for targets that read no instruction. A question with
choices of its own is asked by letter: A), B), …. Every request goes through ``ask``, so that all of them are counted.

=================  =======================================================  =============
prompting          is                                                       its calls
=================  =======================================================  =============
raw                the user's words, and a bare line with the labels        answer
zero-shot          the engineered prompt                                    answer
few-shot           with solved cases before                                 answer
chain-of-thought   reasons first (Wei et al. 2022; Kojima et al. 2022)      (step) answer
multi-step         takes apart, settles, puts together (Khot et al. 2023)   step … answer
self-consistency   draws, and what most of them say (Wang et al. 2023)      draw …
best-of-n          draws, and the one judged best (Cobbe et al. 2021)       draw … rerank
structured-output  a JSON object by a schema                                answer
lab                the set-up in which the literature reports a benchmark   as that one's
=================  =======================================================  =============

chat, shown, wordings   the turns of a chat, the examples in it, other ways to say the instruction
final, verdicts         the answer at the end of a chain of thought; what several answers have in common
sampling                draws, each with its seed
"""

from edgebench.workloads.prompting.building import build
from edgebench.workloads.prompting.lab import lab
from edgebench.workloads.prompting.once import SHOWN, OneRequest, few_shot, instruction, raw, zero_shot
from edgebench.workloads.prompting.several import best_of_n, self_consistency
from edgebench.workloads.prompting.structured import structured_output
from edgebench.workloads.prompting.thinking import chain_of_thought, multi_step

__all__ = [
    "SHOWN",
    "OneRequest",
    "best_of_n",
    "build",
    "chain_of_thought",
    "few_shot",
    "instruction",
    "lab",
    "multi_step",
    "raw",
    "self_consistency",
    "structured_output",
    "zero_shot",
]
