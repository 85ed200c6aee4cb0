"""What crosses between the test and the generated program: values as they are, and nothing that could do harm."""

from __future__ import annotations

import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.workloads.execution import crossing
from edgebench.workloads.execution.crossing import Gone, Opaque, Uncrossable, Wire, pack, unpack

NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False), st.complex_numbers(allow_nan=False))
SIMPLE = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(), st.binary())
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(SIMPLE, max_size=4),
        st.frozensets(SIMPLE, max_size=4),
        st.dictionaries(SIMPLE, inner, max_size=4),
        st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3)),
    ),
    max_leaves=12,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from([*crossing.UNPACKERS, "x"]), inner, max_size=2)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_comes_back_equal_and_of_its_type(value):
    """Through JSON and back, nested in any way."""
    back = unpack(json.loads(json.dumps(pack(value, strict=True))))
    assert back == value and type(back) is type(value)


@given(JSON)
def test_whatever_comes_over_is_a_value_or_is_refused(packed):
    """Nothing a program may send does anything else to the test's side."""
    try:
        unpack(packed)
    except Gone as error:
        assert "no value" in str(error)


def test_what_is_no_value_crosses_only_towards_the_test():
    """An object of the program is opaque and equals nothing; one of the test's is not handed over."""
    packed = pack([object(), {"a": len}], strict=False)
    first, second = unpack(packed)
    assert isinstance(first, Opaque) and first != first.kind and second["a"].kind == "builtin_function_or_method"
    with pytest.raises(Uncrossable, match="a object"):
        pack([object()], strict=True)


@pytest.mark.parametrize(
    "sent",
    [b"", b"\x00\x00", b"\x00\x00\x00\x05{", b"\xff\xff\xff\xff", b"\x00\x00\x00\x01[", b"\x00\x00\x00\x02[]",
     (20_000).to_bytes(4, "big") + b"[" * 20_000],
)  # fmt: skip
def test_a_broken_message_ends_the_conversation(sent):
    """Cut off, too long, no JSON, nested without end: the other side is gone, and says why where it can."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(Gone):
            Wire(ours).receive()


def test_an_answer_too_large_is_said_to_be_so(monkeypatch):
    """In its place goes the failure it is."""
    monkeypatch.setattr(crossing, "LARGEST_BYTES", 100)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Wire(ours).send({"value": "x" * 200})
        assert Wire(theirs).receive()["raised"] == "MemoryError"
