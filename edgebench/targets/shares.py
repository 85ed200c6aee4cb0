"""How many tokens each chunk of an answer holds, where only the whole is counted: by its share of the text.

Servers that send several tokens an event (speculative decoding, buffering gateways) say how many there were in all, in
``usage``, and not how many in an event. TPOT needs those of the first: ``(done − first) / (n_out − n_first)``. Taking
them for one would be wrong by ``(k − 1) / (n_out − 1)``. Bytes per token vary, so the share of a chunk of k tokens is
right to about ``1 / sqrt(k)`` of itself, which among many chunks is little: with 40 chunks of 4, under 1 % of TPOT.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgebench.records import Usage
from edgebench.targets.replies import Piece

#: Below this many tokens a chunk, a chunk is a token: the end of the answer and split characters make it no integer.
LEAST = 1.5


def tokens(pieces: Sequence[Piece], usage: Usage | None) -> list[int | None]:
    """Tokens of each piece: as the server said, else by share; None where a piece can be one token, or nobody counted.

    Shares are rounded so that they add up to the tokens that were to be seen: without reasoning nobody was shown.
    """
    said = [piece.tokens for piece in pieces]
    if usage is None or usage.output_tokens is None or any(count is not None for count in said):
        return said
    shown = any(piece.channel == "reasoning" for piece in pieces)
    seen = usage.output_tokens - (0 if shown else usage.reasoning_tokens or 0)
    if len(pieces) < 2 or seen < LEAST * len(pieces):
        return said
    whole, read, given, out = sum(_size(piece) for piece in pieces), 0, 0, list[int | None]()
    for piece in pieces:
        read += _size(piece)
        reached = round(seen * read / whole)
        out.append(reached - given)
        given = reached
    return out


def _size(piece: Piece) -> int:
    return len(piece.text.encode("utf-8", "surrogatepass"))
