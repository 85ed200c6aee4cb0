"""Hypothesis strategies for every noun of ``records.py``, made from their type hints."""

from __future__ import annotations

import collections.abc
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from edgebench.records import FAILURE_KINDS, Failure

LARGE = 2**62

#: every character there is, half ones (lone surrogates) and NUL too: models say such things
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
NAME = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
WHOLE = st.integers(-LARGE, LARGE)
REAL = st.floats(allow_nan=False)
ANY = st.recursive(
    st.none() | st.booleans() | WHOLE | REAL | TEXT | st.decimals(allow_nan=False, places=3) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXT | st.just("$") | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=6,
)
_LEAVES: Mapping[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: WHOLE,
    float: REAL,
    bool: st.booleans(),
    Any: ANY,
    types.NoneType: st.none(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=4),
}


@cache
def noun(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type: of a dataclass, with every field drawn."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _LEAVES:
        return _LEAVES[kind]
    if kind is Failure:  # its kind is one of ours, never a model's word
        return st.builds(Failure, kind=st.sampled_from(FAILURE_KINDS), message=TEXT)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{f.name: noun(hints[f.name]) for f in fields(kind)})
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(noun(arguments[0]), max_size=3).map(tuple)
    if origin in (Union, types.UnionType):
        return st.one_of(*(noun(argument) for argument in arguments))
    assert origin in (dict, collections.abc.Mapping), kind
    return st.dictionaries(TEXT, noun(arguments[1]), max_size=2)
