"""What a server says when it does not answer: statuses, error objects and waits become failures of a named kind."""

from __future__ import annotations

import email.utils
import json
import math
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from edgebench.errors import TargetError
from edgebench.targets.exchange import Exchange

MAX_MESSAGE = 300  # characters of a server's message that are kept

_CONTEXT = re.compile(
    r"context[ _-]?(length|window|size)|maximum context|too many tokens|prompt is too long|exceed\w* .{0,40}context"
    r"|input is too long|reduce the length",
    re.IGNORECASE,
)
_MASKED_KEY = re.compile(r"\b(?:sk|gsk|xai|pk|key)-[A-Za-z0-9_\-*.…]{4,}")


def refusal(exchange: Exchange, path: str, model: str, *, now_s: float) -> TargetError:
    """The failure behind a status other than 200. ``now_s``: wall-clock seconds, for a ``Retry-After`` date."""
    status = exchange.status or 0
    said = _said(exchange)
    wait = retry_after(exchange, now_s)
    if status in (401, 403):
        return TargetError(
            "unauthorized", f"the key was not accepted (HTTP {status}): {said}", fatal=True, status=status
        )
    if status == 404:
        message = f"HTTP 404 at {path}: no such path (check base_url) or no model called {model!r}: {said}"
        return TargetError("not_found", message, fatal=True, status=status)
    if 300 <= status < 400:
        place = clean(exchange.header("location") or "elsewhere")
        message = f"HTTP {status} at {path}: the server sends us to {place}; give that as base_url"
        return TargetError("not_found", message, fatal=True, status=status)
    if status == 429:
        spent = "insufficient_quota" in said or b"insufficient_quota" in exchange.body
        message = f"{'the quota is used up' if spent else 'too many requests'} (HTTP 429): {said}"
        return TargetError("rate_limited", message, retryable=not spent, fatal=spent, retry_after_s=wait, status=status)
    if _CONTEXT.search(said) or b"context_length_exceeded" in exchange.body:
        return TargetError("context_overflow", f"the prompt does not fit (HTTP {status}): {said}", status=status)
    if status >= 500:
        message = f"HTTP {status}: {said}"
        return TargetError("server_error", message, retryable=True, retry_after_s=wait, status=status)
    if status == 408:
        return TargetError("timeout", f"the server gave up waiting (HTTP 408): {said}", retryable=True, status=status)
    if 400 <= status < 500:
        return TargetError("bad_request", f"HTTP {status}: {said}", status=status)
    return TargetError("malformed", f"HTTP {status} is no answer to a question", status=status)


def _said(exchange: Exchange) -> str:
    try:
        return words(json_object(bytes(exchange.body)))
    except TargetError:
        return clean(bytes(exchange.body[:4000]).decode("utf-8", "replace")) or "nothing more was said"


def words(content: Mapping[str, Any]) -> str:
    """The words of an error object, in the shapes servers give it."""
    error = content.get("error") or content
    if isinstance(error, dict):
        words = [error.get(name) for name in ("message", "detail", "msg", "code", "type")]
        texts = [word for word in words if isinstance(word, str) and word]
        return clean(texts[0] if texts else json.dumps(error))
    return clean(error if isinstance(error, str) else json.dumps(error))


def retry_after(exchange: Exchange, now_s: float) -> float | None:
    """Seconds the server asks us to wait: ``retry-after-ms``, or ``Retry-After`` as seconds or as a date."""
    if (milliseconds := _seconds(exchange.header("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = exchange.header("retry-after")
    if (seconds := _seconds(value)) is not None or value is None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def _seconds(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def clean(text: str) -> str:
    """A server's words on one line, without control characters."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))


def scrub(text: str, secret: str | None) -> str:
    """``text`` without the key, however it was quoted, and no longer than we keep.

    Cutting comes last: half a key is one too.
    """
    if secret:
        for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], urllib.parse.quote(secret, safe="")):
            text = text.replace(form, "[key]")
    text = _MASKED_KEY.sub("[key]", text)
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def json_object(data: bytes) -> dict[str, Any]:
    """A JSON object, or ``malformed`` with the beginning of what came instead."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise TargetError("malformed", f"not JSON: {clean(data[:4000].decode('utf-8', 'replace'))!r}") from None
    if not isinstance(content, dict):
        raise TargetError("malformed", f"not a JSON object: {clean(data[:4000].decode('utf-8', 'replace'))!r}")
    return content
