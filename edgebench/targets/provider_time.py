"""What a provider says its own work took, read from the headers of its answer.

It is kept beside our stamps and never judged or trusted as ours: nobody but the provider knows what it counts.
Known headers, the most direct first, all in milliseconds:

- ``openai-processing-ms`` (OpenAI's API reference, "Debugging requests"; llama-cpp-python's server sends it too)
- ``x-inference-time`` (Hugging Face's text-generation-inference, router)
- ``x-envoy-upstream-service-time`` (Envoy's HTTP router filter: the host behind the proxy and the network to it)
- ``x-litellm-response-duration-ms`` (LiteLLM proxy, "Response Headers": the call behind it)
- ``server-timing: name;dur=12.3`` (W3C Server Timing): the longest entry, as the others are parts of it

With a streamed answer the headers leave before the answer is made, so it is then about the time to the first byte.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

HEADERS = (
    "openai-processing-ms",
    "x-inference-time",
    "x-envoy-upstream-service-time",
    "x-litellm-response-duration-ms",
)
MOST_MS = 86_400_000.0  # a day: more than that is no duration, but a time stamp or a joke
_DURATION = re.compile(r";\s*dur\s*=\s*\"?([0-9.eE+-]+)", re.IGNORECASE)
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:ms)?\s*")


def said_ns(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """Nanoseconds by the first header that makes sense; None where there is none."""
    found: dict[str, list[str]] = {}
    for key, value in headers:
        found.setdefault(key.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    for name in HEADERS:
        for text in found.get(name, ()):
            if (match := _NUMBER.fullmatch(text)) and (said := _ns(match[1])) is not None:
                return said
    spans = [_ns(text) for text in _DURATION.findall(",".join(found.get("server-timing", ())))]
    return max((span for span in spans if span is not None), default=None)


def _ns(text: str) -> int | None:
    try:
        milliseconds = float(text)
    except ValueError:
        return None
    sane = math.isfinite(milliseconds) and 0 <= milliseconds <= MOST_MS
    return round(milliseconds * 1e6) if sane else None
