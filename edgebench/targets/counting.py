"""What the client itself can count of an answer, and whether the provider's count can be true beside it.

Without the model's own tokenizer nobody can count tokens from a text. What can be counted honestly is

- with log-probabilities asked for: their entries, one a token of the content;
- without: the non-empty chunks, of any channel. A server that streams what it decodes sends at least one token a
  chunk, so this is a lower bound, and a weak one where chunks hold many tokens (or the answer came whole).

Both counts are kept (``Call.usage``, ``Call.client_output_tokens``) and neither is corrected. The answer gets the
notice ``usage_contradicts`` when the provider's count cannot be, or can hardly be, true of what was received:

- *too few*: fewer tokens than were heard, less a tenth (at least ``SPLIT``), as one token's text may come in two
  chunks (half a character, a gateway that cuts anew);
- *too many*: more than there are bytes in the text (no visible token is shorter than a byte) or, where every token of
  the content is listed, more than were listed; plus the reasoning tokens the provider owns up to, plus
  ``UNSEEN`` for tokens that end or mark an answer, plus ``PER_TOOL`` for the syntax around each tool call.

Reasoning tokens that exceed the output tokens were counted apart from them (some providers do): they are added first.
A count of nothing beside a text is too few even within the allowance.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgebench.records import Usage
from edgebench.targets.replies import Piece

SPLIT = 2
UNSEEN = 16
PER_TOOL = 32


def heard(pieces: Sequence[Piece], logprobs: int) -> int:
    """Tokens the client counts: ``logprobs`` entries for the content where there are any, else non-empty chunks."""
    others = sum(piece.channel != "content" for piece in pieces)
    return others + logprobs if logprobs else len(pieces)


def contradicts(usage: Usage | None, pieces: Sequence[Piece], logprobs: int) -> bool:
    """Whether the provider's count of output tokens cannot be true of these pieces of an answer."""
    if usage is None or usage.output_tokens is None or not pieces:
        return False
    reasoning, said = usage.reasoning_tokens or 0, usage.output_tokens
    if reasoning > said:
        said += reasoning
    least = heard(pieces, logprobs)
    if said == 0 or said < least - max(SPLIT, least // 10):
        return True
    return said - reasoning > _most(pieces, logprobs)


def _most(pieces: Sequence[Piece], logprobs: int) -> int:
    """More tokens than this, beside those owned up to as reasoning, no text like this is made of."""
    size = {"content": 0, "reasoning": 0, "tool": 0}
    for piece in pieces:
        size[piece.channel] += len(piece.text.encode("utf-8", "surrogatepass"))
    tools = sum(piece.channel == "tool" for piece in pieces)
    return (logprobs or size["content"]) + size["reasoning"] + size["tool"] + UNSEEN + PER_TOOL * tools
