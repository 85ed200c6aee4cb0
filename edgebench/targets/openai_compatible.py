"""Any endpoint that speaks OpenAI's protocol: chat, completions, or embeddings under our own classifier head.

The ``openai`` client makes URL, headers and body; our wire sends them and stamps what comes; the answer is read from
bytes and stamps after it has ended (see wire.py, replies.py). So the chunks of ``answer`` are handed on when the
stream is over, with the stamps of their arrival: between the first byte and the last this process only receives.
Retries are not made here (``max_retries=0``): every failure has a kind, and says whether another try may help.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from edgebench import plugins
from edgebench.contracts import MOMENT, Target
from edgebench.errors import TargetError, UsageError
from edgebench.records import (
    FORBID_EXTRA,
    Chunk,
    Completion,
    Identity,
    Parts,
    Placement,
    Request,
    Task,
)
from edgebench.targets import counting, refusals, replies, shares
from edgebench.targets.connection import Proxy, is_loopback
from edgebench.targets.embeddings_api import Embedder
from edgebench.targets.engine import checked
from edgebench.targets.exchange import Exchange
from edgebench.targets.gbnf import choice_grammar
from edgebench.targets.replies import Piece, Reply

DEFAULT_URL = "https://api.openai.com/v1"
PATHS = {"chat": "/chat/completions", "completions": "/completions", "embeddings": "/embeddings"}
WRAPPER_TOKENS = 16  # what {"label": "…"} takes beside the label
_SECRET_HEADER = re.compile(r"authorization|api[-_]?key|token|secret|cookie|password", re.IGNORECASE)
_PLAIN_KEY = re.compile(r"[!#-&(-\[\]-~]+")  # printable ASCII without quotes and backslash


@dataclass(frozen=True, slots=True)
class Serve:
    """A server of our own on loopback, started for this target. Only engines we know: a plan must not name commands."""

    __pydantic_config__ = FORBID_EXTRA
    model: str | None = None  # a model card; or the target's own ``file``
    engine: Literal["llama_cpp.server"] = "llama_cpp.server"
    model_role: str = "model"  # which of the target's files it serves
    n_ctx: int = 2048
    n_threads: int | None = None  # None: as the engine sees fit
    chat_format: str | None = None  # None: as the model file says
    start_timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Options:
    """How an endpoint is spoken to."""

    __pydantic_config__ = FORBID_EXTRA
    api: Literal["chat", "completions", "embeddings"] = "chat"
    stream: bool = True
    temperature: float | None = 0.0  # None: not sent (some reasoning models refuse it)
    seed: int | None = None  # sent when given
    stop: tuple[str, ...] = ()
    # how choices and schemas are enforced; "+schema" and "grammar" (labels only) are what llama.cpp's servers read
    structured: Literal["none", "json_schema", "json_object", "json_object+schema", "grammar"] = "none"
    logprobs: bool = False  # asked for; confidence = exp(mean log-probability of the answer's tokens)
    top_logprobs: int | None = None
    # "auto": max_completion_tokens at api.openai.com (its newer models refuse the other), max_tokens elsewhere
    max_tokens_field: Literal["auto", "max_tokens", "max_completion_tokens"] = "auto"
    include_usage: bool = True  # stream_options.include_usage
    prompt_cache: Literal["as-is", "cold"] = "as-is"  # "cold": a nonce comes first, so that no cached prefix fits
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # never the key's
    ca_file: str | None = None
    proxy: str | None = None  # http://host:port; "" = none; None = as the environment says
    dimensions: int | None = None  # of embeddings, where the model can shorten them
    serve: Serve | None = None


def target(parts: Parts) -> Target:
    """The endpoint a plan names; with option ``serve``, a loopback server that lives as long as the target is open."""
    card_is_ours = parts.card is not None and parts.card.kind == "openai"
    options, _ = checked(Options, parts if card_is_ours else replace(parts, card=None))
    check(parts, options)
    for module in ("openai", "httpx2", "httptools"):
        plugins.need(module)
    if options.serve is not None:
        from edgebench.targets.served import served  # it opens one of us

        return served(parts, options, options.serve)
    return OpenAICompatible(parts, options)


def check(parts: Parts, options: Options) -> None:
    """Refuse what cannot work, before anything is sent.

    Raises
    ------
    UsageError: no model, a base_url that is none, a key among the headers, a missing ca_file, a proxy that is none.
    """
    name = f"target {parts.name!r}"
    if options.serve is None and not parts.spec.model:
        raise UsageError(f"{name}: no model is named", hint="model: the name the endpoint knows it by")
    url = urlsplit(parts.spec.base_url or DEFAULT_URL)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise UsageError(f"{name}: base_url is no web address", hint="base_url: https://api.example.com/v1")
    if url.username or url.password or _SECRET_HEADER.search(url.query):
        raise UsageError(f"{name}: base_url carries a password or key", hint="key: NAME_API_KEY names a variable")
    for header, value in options.headers.items():
        if _SECRET_HEADER.search(header):
            hint = "key: NAME_API_KEY names the variable that holds it"
            raise UsageError(f"{name}: options.headers.{header}: a key does not belong in a plan", hint=hint)
        if not re.fullmatch(r"[!-~]+", header) or not value.isascii() or not value.isprintable():
            raise UsageError(f"{name}: options.headers.{header}: only plain text fits into a header")
    if options.ca_file is not None:
        _check_authority(name, options.ca_file)
    if options.proxy:
        try:
            Proxy.parse(options.proxy)
        except ValueError as exc:
            raise UsageError(f"{name}: options.proxy: {exc}") from None


def _check_authority(name: str, file: str) -> None:
    if not Path(file).is_file():
        raise UsageError(f"{name}: options.ca_file: there is no file {file}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError as exc:
        raise UsageError(f"{name}: options.ca_file: {file} holds no certificates in PEM form") from exc


class OpenAICompatible:
    """An endpoint behind the Target protocol. Any number of answers at once; belongs to one event loop while open."""

    makes_ready = True  # the wire waits for the moment a request of an open loop is due

    def __init__(self, parts: Parts, options: Options) -> None:
        self.name = parts.name
        self._parts, self._options = parts, options
        self._key = (parts.api_key or "").strip() or None
        self._url = urlsplit(parts.spec.base_url or DEFAULT_URL)
        self._model = parts.spec.model or ""
        self._task = Task()
        self._client: Any = None
        self._wire: Any = None
        self._forms: dict[float, Any] = {}  # seconds allowed → the client's request
        self._forming = asyncio.Lock()
        self._seen: dict[str, str] = {}
        self._embedder = Embedder(
            self._send,
            model=self._model,
            dimensions=options.dimensions,
            scrub=self._scrubbed,
            seen=self._seen,
        )

    # ----------------------------------------------------------------------------------------------- open and close

    async def __aenter__(self) -> Self:
        self._check_credentials()
        self._check_process()
        openai = plugins.need("openai")
        from edgebench.targets.wire import Wire

        self._wire = Wire(ca_file=self._options.ca_file, proxy=self._options.proxy)
        # redirects would carry texts to a host nobody agreed to; proxies are the wire's own business
        http = openai.DefaultAsyncHttpxClient(transport=self._wire, follow_redirects=False, trust_env=False)
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self._url.geturl(),
            max_retries=0,
            http_client=http,
            default_headers={**self._without_ambient(openai.Omit()), **self._options.headers},
        )
        # the client takes these from the environment; another provider has no business knowing them
        self._client.organization = self._client.project = self._client.admin_api_key = None
        self._client.webhook_secret = None
        await self._form(self._parts.spec.timeout_s)
        return self

    async def __aexit__(self, *exc: object) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _check_credentials(self) -> None:
        if self._key is None and self._parts.spec.key is not None:
            raise TargetError("unauthorized", f"the environment variable {self._parts.spec.key} is not set", fatal=True)
        if self._key is not None and not _PLAIN_KEY.fullmatch(self._key):
            message = f"the key in {self._parts.spec.key or 'use'} holds characters that no key has"
            raise TargetError("unauthorized", message, fatal=True)

    def _check_process(self) -> None:
        if self._parts.spec.pid is None:
            return
        import psutil

        if not psutil.pid_exists(self._parts.spec.pid):
            message = f"there is no process {self._parts.spec.pid} whose memory could be watched (pid)"
            raise TargetError("load_failed", message, fatal=True)

    def _without_ambient(self, omit: object) -> dict[str, Any]:
        """Our own fixed headers, and every header that ``OPENAI_CUSTOM_HEADERS`` would add left out."""
        lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
        ambient = {line.partition(":")[0].strip(): omit for line in lines if ":" in line}
        ambient = {name: value for name, value in ambient.items() if name.lower() != "authorization"}
        return {**ambient, "Accept-Encoding": "identity", "Authorization": f"Bearer {self._key or 'none'}"}

    async def _form(self, timeout_s: float) -> Any:
        """What the client makes of a request: URL, headers, limits. Made once and kept, as only its body changes."""
        import httpx2

        if timeout_s not in self._forms:
            async with self._forming:
                with self._wire.rehearsal() as made:
                    path, body = PATHS[self._options.api], {"model": self._model}
                    await self._client.post(path, cast_to=httpx2.Response, body=body, options={"timeout": timeout_s})
                self._forms[timeout_s] = self._wire.form(made[0])
        return self._forms[timeout_s]

    # --------------------------------------------------------------------------------------------------- the Target

    async def prepare(self, task: Task) -> None:
        self._task = task
        if self._embeds:
            await self._embedder.prepare(task)

    async def answer(self, request: Request) -> AsyncIterator[Chunk]:
        """Chunks with the stamps of their arrival. A failed answer gives what came of it, then raises."""
        if self._client is None:
            raise RuntimeError(f"target {self.name!r} is not open")
        if self._embeds:
            yield await self._embedder.classify(request)
            return
        exchange, failure = await self._exchange(lambda: self._call(request), request.timeout_s)
        if moment := MOMENT.get():
            await moment.calm()  # what is to be sent comes before what is to be read
        elif is_loopback(self._url.hostname or ""):
            await self._wire.settled()
        reply = self._read(exchange, failure)
        failure = failure or reply.failure
        chunks, completion = self._chunks(exchange, reply, request)
        failure = failure or _emptiness(reply, completion)
        if not chunks and exchange.sent_ns is not None:
            chunks = [Chunk(at_ns=exchange.end_ns or time.monotonic_ns())]
        for chunk in chunks[:-1]:
            yield chunk
        if chunks:
            yield replace(chunks[-1], completion=completion)
        if failure is not None:
            raise self._scrubbed(failure)

    def identity(self) -> Identity:
        placement = self._placement()
        details = {
            "base_url": self._url.geturl(),
            **{
                name: value
                for name, value in dataclasses.asdict(self._options).items()
                if name not in ("headers", "proxy", "ca_file", "serve")
            },
            "headers": sorted(self._options.headers),
            **self._seen,
        }
        place = self._url.netloc
        return Identity(
            name=self.name,
            kind="openai",
            placement=placement,
            model=self._model,
            device=place if placement == "hosted" else self._parts.device,
            engine=place,
            details=details,
        )

    def _placement(self) -> Placement:
        """What the plan says; else this machine's own server stands in for a cloud, and all others are hosted."""
        return self._parts.spec.placement or ("stand-in" if is_loopback(self._url.hostname or "") else "hosted")

    def endpoint(self) -> tuple[str, int]:
        """Host and port its requests go to."""
        return self._url.hostname or "", self._url.port or (443 if self._url.scheme == "https" else 80)

    async def go_through(self, proxy: Proxy) -> None:
        """From now on every connection leads through our relay (through.py)."""
        self._wire.go_through(proxy)
        self._forms.clear()  # they know the way they were made for
        await self._form(self._parts.spec.timeout_s)

    def pids(self) -> tuple[int, ...]:
        return () if self._parts.spec.pid is None else (self._parts.spec.pid,)

    def load_ns(self) -> int | None:
        return None

    def resident_before_load(self) -> int | None:
        return None

    # ------------------------------------------------------------------------------------------------------- asking

    def _call(self, request: Request) -> Awaitable[Any]:
        """The client's own call for this request. Nothing happens until it is awaited."""
        if self._options.api == "completions":
            prompt = "\n\n".join(message["content"] for message in self._messages(request))
            return self._post({**self._body(request), "prompt": prompt}, request.timeout_s)
        return self._post({**self._body(request), "messages": self._messages(request)}, request.timeout_s)

    @property
    def _embeds(self) -> bool:
        return self._options.api == "embeddings"

    async def _send(self, body: Mapping[str, Any], timeout_s: float) -> tuple[Exchange, TargetError | None]:
        return await self._exchange(lambda: self._post(body, timeout_s), timeout_s)

    async def _post(self, body: Mapping[str, Any], timeout_s: float) -> None:
        """Send a body in the form the client gives its requests, written as the client writes it."""
        form = await self._form(timeout_s)
        content = json.dumps(
            {**body, **self._options.extra_body}, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        await self._wire.send(form, content.encode())

    def _messages(self, request: Request) -> list[dict[str, str]]:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        if self._options.prompt_cache == "cold":  # not from a seed: a resumed run would meet its own nonces again
            messages[0]["content"] = f"[{secrets.token_hex(8)}]\n{messages[0]['content']}"
        return messages

    def _body(self, request: Request) -> dict[str, Any]:
        options = self._options
        temperature = options.temperature if request.temperature is None else request.temperature
        seed = options.seed if request.seed is None else request.seed
        body: dict[str, Any] = {"model": self._model}
        limit = request.max_tokens + (WRAPPER_TOKENS if self._wraps(request) else 0)
        if options.api == "completions":
            body |= {"max_tokens": limit, "logprobs": (options.top_logprobs or 1) if options.logprobs else None}
        else:
            body |= {self._limit_field(): limit, "response_format": self._format(request)}
            body |= {"logprobs": options.logprobs or None, "top_logprobs": options.top_logprobs}
        if options.structured == "grammar" and request.output == "choice" and self._choices(request):
            body["grammar"] = choice_grammar(self._choices(request))
        body |= {"temperature": temperature, "seed": seed, "stop": list(options.stop) or None}
        body |= {"stream": options.stream or None}
        if options.stream and options.include_usage:
            body["stream_options"] = {"include_usage": True}
        return {name: value for name, value in body.items() if value is not None}

    def _limit_field(self) -> str:
        if self._options.max_tokens_field != "auto":
            return self._options.max_tokens_field
        return "max_completion_tokens" if self._url.hostname == "api.openai.com" else "max_tokens"

    def _wraps(self, request: Request) -> bool:
        """Whether a choice comes inside a JSON object that is ours, not the user's."""
        structured = self._options.structured not in ("none", "grammar") and self._options.api == "chat"
        return structured and request.output == "choice" and bool(self._choices(request))

    def _choices(self, request: Request) -> tuple[str, ...]:
        return request.choices or self._task.choices

    def _format(self, request: Request) -> dict[str, Any] | None:
        """``response_format``: the labels as an enumeration, or the schema of a JSON answer."""
        kind = self._options.structured
        schema = dict(request.schema) if request.output == "json" and request.schema else None
        if self._wraps(request):
            label = {"type": "string", "enum": list(self._choices(request))}
            schema = {"type": "object", "properties": {"label": label}, "required": ["label"]}
            schema["additionalProperties"] = False
        if kind in ("none", "grammar") or (schema is None and request.output != "json"):
            return None
        if kind == "json_object" or schema is None:
            return {"type": "json_object"}
        if kind == "json_object+schema":
            return {"type": "json_object", "schema": schema}
        strict = schema.get("additionalProperties") is False
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}}

    async def _exchange(
        self, call: Callable[[], Awaitable[Any]], timeout_s: float
    ) -> tuple[Exchange, TargetError | None]:
        """Let the client make its call over our wire; returns what the wire saw, and how the call failed if it did."""
        openai = plugins.need("openai")
        from edgebench.targets.wire import EXCHANGE, silence

        exchange, failure = Exchange(), None
        token = EXCHANGE.set(exchange)
        try:
            async with asyncio.timeout(timeout_s):
                await call()
        except TimeoutError:
            failure = TargetError("timeout", silence(exchange, timeout_s), retryable=True)
        except TargetError as error:
            failure = error
        except openai.OpenAIError as error:
            failure = TargetError("malformed", f"the client could not use the answer ({type(error).__name__})")
        except (ValueError, TypeError) as error:
            failure = TargetError("bad_request", f"the request cannot be written as JSON ({type(error).__name__})")
        finally:
            EXCHANGE.reset(token)
        if failure is None and exchange.status != 200:
            path = self._url.path.rstrip("/") + PATHS[self._options.api]
            failure = refusals.refusal(exchange, path, self._model, now_s=time.time())
        return exchange, failure

    # ------------------------------------------------------------------------------------------------------ hearing

    def _read(self, exchange: Exchange, failure: TargetError | None) -> Reply:
        if exchange.status != 200 or (failure is not None and failure.kind == "malformed"):
            return Reply()
        api: replies.Api = "completions" if self._options.api == "completions" else "chat"
        reply = replies.read(exchange, api, streamed=self._options.stream)
        for name, value in (("served_model", reply.model), ("system_fingerprint", reply.fingerprint)):
            if value:
                self._seen.setdefault(name, value)
        return reply

    def _chunks(self, exchange: Exchange, reply: Reply, request: Request) -> tuple[list[Chunk], Completion]:
        pieces, span, notices = reply.pieces, None, []
        if self._wraps(request) and reply.content and reply.failure is None:
            unwrapped = replies.unwrap(reply.content)
            if unwrapped is None:
                notices.append("not_json")
            else:
                pieces, span = _one_label(pieces, unwrapped[0]), unwrapped[1]
        if reply.usage is None and exchange.status == 200 and reply.failure is None:
            notices.append("usage_missing")
        if reply.failure is None and counting.contradicts(reply.usage, reply.pieces, len(reply.logprobs)):
            notices.append("usage_contradicts")
        sure = replies.confidence(reply.logprobs, span) if self._options.logprobs else None
        chunks = [
            Chunk(piece.text, piece.channel, exchange.at(piece.end), tokens=tokens)
            for piece, tokens in zip(pieces, shares.tokens(pieces, reply.usage), strict=True)
        ]
        completion = Completion(
            usage=reply.usage,
            finish_reason=reply.finish_reason,
            sent_ns=exchange.sent_ns,
            end_ns=exchange.end_ns,
            phases=replies.phases(exchange),
            confidence=sure,
            confidence_method=None if sure is None else "logprob",
            connection=exchange.connection,
            served_model=reply.model,
            stamp="kernel" if exchange.kernel and exchange.reads else "user",
            notices=tuple(notices),
            client_output_tokens=counting.heard(reply.pieces, len(reply.logprobs)) if reply.pieces else None,
        )
        return chunks, completion

    def _scrubbed(self, failure: TargetError) -> TargetError:
        """The same failure, its words without the key and not too long. In place: no copy keeps the old ones."""
        failure.message = refusals.scrub(failure.message, self._key)
        failure.args = (failure.message,)
        return failure


def _one_label(pieces: list[Piece], label: str) -> list[Piece]:
    """A label in JSON is one indivisible piece, there when its JSON closes: half of one is of no use to anybody."""
    content = [piece for piece in pieces if piece.channel == "content"]
    tokens = None if any(piece.tokens is None for piece in content) else sum(piece.tokens or 0 for piece in content)
    others = [piece for piece in pieces if piece.channel != "content"]
    return [*others, *([Piece(label, "content", content[-1].end, tokens)] if label else [])]


def _emptiness(reply: Reply, completion: Completion) -> TargetError | None:
    if reply.content.strip() or any(piece.channel == "tool" for piece in reply.pieces):
        return None
    spent = "all tokens went into reasoning" if reply.pieces else "nothing was said"
    return TargetError("empty", f"the answer is empty: {spent} (finish reason {completion.finish_reason!r})")
