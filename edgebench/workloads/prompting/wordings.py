"""Other ways to say an instruction: how much a result hangs on the words chosen is measured by saying it differently.

A task's own wordings come first (a person wrote them for it); after those, frames of ours around the instruction that
leave its meaning as it is. Sclar et al., "Quantifying Language Models' Sensitivity to Spurious Features in Prompt
Design" (2024), found spreads of tens of accuracy points between prompts that mean the same.
"""

from __future__ import annotations

from dataclasses import replace

from edgebench.errors import UsageError
from edgebench.records import Task

#: What is put before and after an instruction.
FRAMES: tuple[tuple[str, str], ...] = (
    ("Please do the following with what I send you. ", ""),
    ("Your task: ", "\nKeep to this exactly."),
    ("You are at work in an office, and this is what your colleagues expect of you. ", ""),
    ("", " Thank you!"),
    ("Read the instruction twice before you begin.\n\nInstruction: ", ""),
    ("I would like your help with something. ", " That is all there is to do."),
)


def numbered(wording: int) -> int:
    """The number of a wording, if it can be one. 0: the instruction as it is.

    Raises
    ------
    UsageError: it is below 0.
    """
    if wording < 0:
        raise UsageError(f"wordings are numbered from 0, the instruction as it is, not {wording}", hint="wording: 1")
    return wording


def worded(task: Task, wording: int) -> Task:
    """The task with its instruction said in the ``wording``-th way.

    Raises
    ------
    UsageError: there are not so many ways, or no instruction to word.
    """
    if wording == 0:
        return task
    own, frame = len(task.wordings), wording - len(task.wordings) - 1
    if frame < 0:
        return replace(task, instruction=task.wordings[wording - 1])
    if not task.instruction.strip():
        raise UsageError("the task has no instruction that could be worded otherwise", hint="wording: 0")
    if frame >= len(FRAMES):
        most = own + len(FRAMES)
        raise UsageError(
            f"the instruction has {most} other wordings, {own} of its own and {len(FRAMES)} frames around it",
            hint=f"wording: {most}, or more under the workload's `wordings:`",
        )
    before, after = FRAMES[frame]
    return replace(task, instruction=f"{before}{task.instruction.strip()}{after}")
