"""What a provider says its work took: read where it is documented, and never made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import Parts, Request, TargetSpec
from edgebench.targets.openai_compatible import target
from edgebench.targets.provider_time import MOST_MS, said_ns
from tests import servers

MS = 1_000_000


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"openai-processing-ms": "417"}, 417 * MS),
        ({"OpenAI-Processing-Ms": " 12.5 "}, 12_500_000),
        ({"x-envoy-upstream-service-time": "96"}, 96 * MS),
        ({"x-inference-time": "31"}, 31 * MS),
        ({"x-litellm-response-duration-ms": "88.25"}, 88_250_000),
        ({"server-timing": "db;dur=53, app;dur=47.2"}, 53 * MS),
        ({"server-timing": 'cache;desc="hit";dur=2, total;dur="61"'}, 61 * MS),
        ({"x-envoy-upstream-service-time": "96", "openai-processing-ms": "90"}, 90 * MS),  # the most direct one
        ({"openai-processing-ms": "soon", "x-envoy-upstream-service-time": "7"}, 7 * MS),
        ({"openai-processing-ms": "-4"}, None),
        ({"openai-processing-ms": "1790000000000"}, None),  # a moment, not a duration
        ({"server-timing": "miss, cfCacheStatus;desc=MISS"}, None),
        ({"server-timing": "a;dur=1e999, b;dur=nan, c;dur=..."}, None),
        ({}, None),
    ],
)
def test_the_headers_that_are_known(headers: dict[str, str], expected: int | None) -> None:
    """Milliseconds in any of the documented forms; nonsense is nothing."""
    assert said_ns([(name.encode(), value.encode()) for name, value in headers.items()]) == expected


@given(st.lists(st.tuples(st.sampled_from([b"openai-processing-ms", b"server-timing", b"x"]), st.binary(max_size=40))))
def test_no_header_breaks_the_reading(headers: list[tuple[bytes, bytes]]) -> None:
    """Bytes of any kind give a sane duration or none."""
    said = said_ns(headers)
    assert said is None or 0 <= said <= MOST_MS * 1e6


async def test_it_is_kept_beside_our_own_phases() -> None:
    """As a phase of its own, for streams, documents and embeddings; without the header there is none."""
    headers = {"openai-processing-ms": "3"}
    data = {"data": [{"index": 0, "embedding": [1.0, 0.0]}], "usage": {"prompt_tokens": 3}}
    cases: list[tuple[servers.Reply, dict[str, object], int | None]] = [
        (servers.stream(["hi"], headers=headers), {}, 3 * MS),
        (servers.stream(["hi"]), {}, None),
        (servers.document(data, headers=headers), {"api": "embeddings"}, 3 * MS),
    ]
    for reply, options, expected in cases:
        with servers.Server([reply]) as server:
            spec = TargetSpec("openai", model="m", base_url=server.base_url, options=options)
            async with target(Parts("cloud", spec)) as opened:
                request = Request((), "hi", output="choice", choices=("a",), timeout_s=5.0)
                (*_, last) = [chunk async for chunk in opened.answer(request)]
        assert last.completion is not None
        assert last.completion.phases.get("provider") == expected
        assert "server_think" in last.completion.phases
