"""The form of a request is the client's own: what we send is, byte for byte, what the client would."""

from __future__ import annotations

import asyncio
import json

import pytest

from edgebench.records import Message, Parts, Request, TargetSpec
from edgebench.targets.openai_compatible import target
from tests.servers import Received, Server, chat

HEADERS = {"X-Extra": "1"}


def ours(server: Server) -> None:
    async def scene() -> None:
        spec = TargetSpec(kind="openai", model="m", base_url=server.base_url, timeout_s=33.0,
                          options={"headers": HEADERS, "stream": False})  # fmt: skip
        async with target(Parts("t", spec, api_key="k")) as open_target:
            for text in ("grüß", "a longer one"):
                request = Request(messages=(Message("user", text),), text=text, timeout_s=33.0, max_tokens=7)
                assert [chunk.text async for chunk in open_target.answer(request)] == ["yes"]

    asyncio.run(scene())


def theirs(server: Server, bodies: list[bytes]) -> None:
    import httpx2
    import openai

    async def scene() -> None:
        headers = {**HEADERS, "Accept-Encoding": "identity"}
        async with openai.AsyncOpenAI(
            api_key="k", base_url=server.base_url, max_retries=0, default_headers=headers
        ) as client:
            for body in bodies:
                content = json.loads(body)  # posted as it is: the typed method puts the fields in an order of its own
                await client.post("/chat/completions", cast_to=httpx2.Response, body=content, options={"timeout": 33.0})

    asyncio.run(scene())


def test_it_is_what_the_client_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Request line, headers and body of every request equal the client's own for the same content."""
    monkeypatch.delenv("OPENAI_ORG_ID", raising=False)
    monkeypatch.delenv("OPENAI_PROJECT_ID", raising=False)
    with Server([chat("yes")]) as server:
        ours(server)
        made: list[Received] = list(server.ledger.requests)
        theirs(server, [one.body for one in made])
        wanted = server.ledger.requests[len(made) :]
    assert len(made) == len(wanted) == 2
    for one, other in zip(made, wanted, strict=True):
        assert (one.method, one.target, one.body) == (other.method, other.target, other.body)
        assert one.headers == other.headers
