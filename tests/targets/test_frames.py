"""The pipe's language says everything it is given, and no secret."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import (
    Chunk,
    Completion,
    Example,
    Identity,
    Message,
    ModelCard,
    Parts,
    PriceSpec,
    Request,
    Source,
    TargetSpec,
    Task,
    Usage,
    canonical,
)
from edgebench.targets import frames

any_text = st.text(st.characters())  # surrogates included
requests = st.builds(
    Request,
    messages=st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), any_text)).map(tuple),
    text=any_text,
    choices=st.lists(any_text).map(tuple),
    schema=st.none() | st.dictionaries(any_text, st.integers()),
    max_tokens=st.integers(1, 9999),
    seed=st.none() | st.integers(0, 2**63),
)
completions = st.builds(
    Completion,
    usage=st.none() | st.builds(Usage, st.integers(0), st.none() | st.integers(0)),
    finish_reason=st.sampled_from([None, "stop", "length"]),
    phases=st.dictionaries(st.sampled_from(["prefill", "decode"]), st.integers(0, 2**62)),
    confidence=st.none() | st.floats(0, 1),
    scores=st.dictionaries(any_text, st.floats(0, 1)),
    notices=st.lists(st.sampled_from(["usage_missing"])).map(tuple),
)
chunks = st.builds(
    Chunk,
    text=any_text,
    channel=st.sampled_from(["content", "reasoning"]),
    at_ns=st.integers(0, 2**62),
    received_ns=st.just(7),
    tokens=st.none() | st.integers(0, 9),
    completion=st.none() | completions,
)


def over_the_pipe(event: str, **fields: object) -> frames.Frame:
    line = frames.encode(event, **fields)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    frame = frames.decode(line[:-1])
    assert frame is not None
    return frame


@given(requests)
def test_a_request_arrives_as_it_was_sent(request: Request) -> None:
    """Any text survives, line ends and half surrogates too."""
    assert frames.to_request(over_the_pipe("ask", i=1, request=canonical(request))["request"]) == request


@given(chunks)
def test_a_chunk_arrives_as_it_was_sent(chunk: Chunk) -> None:
    """Text, stamps, tokens, channel and completion all arrive."""
    assert frames.to_chunk(over_the_pipe("chunk", i=1, **frames.of_chunk(chunk)), received_ns=7) == chunk


def test_tasks_parts_and_identities_arrive_as_they_were_sent() -> None:
    """The nouns that travel once a start."""
    task = Task("choice", "i", ("a", "b"), {"a": "d"}, (Example("x", ["a"]),), {"type": "object"}, 5)
    assert frames.to_task(over_the_pipe("prepare", task=canonical(task))["task"]) == task
    card = ModelCard("m", "M", "llama.cpp", {"model": Source("m.gguf", bytes=3)}, options={"n_ctx": 64})
    parts = Parts("p", TargetSpec("llama.cpp", model="m"), {"model": "/m.gguf"}, card, {"model": "ab"}, 3, "here")
    assert frames.to_parts(over_the_pipe("open", parts=frames.of_parts(parts))["parts"]) == parts
    identity = Identity("n", "k", "device", details={"providers": ["cpu"]})
    assert frames.to_identity(over_the_pipe("ready", identity=canonical(identity))["identity"]) == identity


def test_no_key_and_no_price_goes_to_an_engine() -> None:
    """An engine's process is told neither the key nor which variable holds it."""
    spec = TargetSpec("x", key="SECRET_API_KEY", price=PriceSpec(input_per_million=Decimal("3.21")))
    line = frames.encode("open", parts=frames.of_parts(Parts("p", spec, api_key="sk-very-secret")))
    for secret in (b"very-secret", b"SECRET_API_KEY", b"3.21"):
        assert secret not in line


@given(st.binary())
def test_what_is_no_frame_is_known_as_such(line: bytes) -> None:
    """Whatever a C library prints on the pipe is None, not an exception."""
    frame = frames.decode(line)
    assert frame is None or isinstance(frame["e"], str)
