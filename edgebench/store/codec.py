"""The codec between our frozen nouns and JSON, made from their type hints.

``decode(cls, encode(value)) == value`` for every dataclass of ``records.py``. Fields that hold nothing (None, "", 0,
False, an empty tuple or mapping, when that is also their default) are left out. What is read is checked against the
hints, because bundles come from strangers: anything unexpected is a :class:`ValueError` that names the field.
"""

from __future__ import annotations

import collections.abc
import datetime
import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Coder = Callable[[Any], Any]

_TAG = "$"  # marks what plain JSON cannot say, inside values typed Any
_ODD_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def dumps(value: object) -> str:
    """Compact, strict JSON that any database and file can hold: no lone surrogates, no NaN."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_foreign)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, as a model cut off in the middle can say
        text = json.dumps(value, separators=(",", ":"), allow_nan=False, default=_foreign)
    return text


def loads(text: str | bytes) -> Any:
    """Strict JSON back again; anything else is a ValueError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as exc:
        raise ValueError("JSON nested too deeply") from exc


def encode(value: object) -> Any:
    """JSON-ready form of a noun."""
    kind: Any = type(value)
    return _encoder(kind)(value)


def decode(kind: type[T], data: Any) -> T:
    """The noun again.

    Raises
    ------
    ValueError: data that is not what this class looks like, with the field's name.
    """
    known: Any = kind
    noun: T = _decoder(known)(data)
    return noun


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _foreign(value: Any) -> Any:
    """A number of another library (an engine's float32) as Python's own."""
    item = getattr(value, "item", None)
    if item is None:
        raise TypeError(f"{type(value).__name__} cannot be stored")
    plain = item()
    return _encode_float(plain) if isinstance(plain, float) else plain


# --------------------------------------------------------------------------------------------------- writing


@cache
def _encoder(kind: Any) -> Coder:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is float:
        return _encode_float
    if kind in (str, int, bool, types.NoneType) or origin is Literal:
        return _same
    if kind is Decimal:
        return str
    if is_dataclass(kind):
        return _dataclass_encoder(kind)
    if origin is tuple:
        return _tuple_encoder(arguments[0])
    if origin in (dict, Mapping, collections.abc.Mapping):
        return _mapping_encoder(arguments[1])
    if origin in (Union, types.UnionType):
        return _union_encoder(arguments)
    return _encode_any


def _same(value: Any) -> Any:
    return value


def _encode_float(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _holds_nothing(field: Field[Any]) -> Any:
    """The default of a field when it says "nothing"; MISSING for all other fields, which are always written."""
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return default if default is None or default in ("", 0, (), {}) else MISSING


def _dataclass_encoder(kind: Any) -> Coder:
    hints = get_type_hints(kind)
    plan = [(f.name, _encoder(hints[f.name]), _holds_nothing(f)) for f in fields(kind)]

    def write(value: Any) -> dict[str, Any]:
        out = {}
        for name, code, nothing in plan:
            part = getattr(value, name)
            if part != nothing:
                out[name] = part if part is None or code is _same else code(part)
        return out

    return write


def _tuple_encoder(kind: Any) -> Coder:
    code = _encoder(kind)
    return list if code is _same else lambda value: [code(part) for part in value]


def _mapping_encoder(kind: Any) -> Coder:
    code = _encoder(kind)
    return dict if code is _same else lambda value: {key: code(part) for key, part in value.items()}


def _union_encoder(kinds: tuple[Any, ...]) -> Coder:
    """Unions in ``records.py`` are told apart by their shape: none, text, number, list, mapping, noun."""
    some = [kind for kind in kinds if kind is not types.NoneType]
    if len(some) == 1:
        return _encoder(some[0])
    by_shape = {_shape(kind): _encoder(kind) for kind in some}

    def write(value: Any) -> Any:
        shape: Any = list if isinstance(value, (list, tuple)) else dict if isinstance(value, Mapping) else type(value)
        return by_shape[shape](value)

    return write


def _encode_any(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_TAG: "float", "v": str(value)}
    if isinstance(value, list):
        return [_encode_any(part) for part in value]
    if isinstance(value, tuple):
        return {_TAG: "tuple", "v": [_encode_any(part) for part in value]}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value) and _TAG not in value:
            return {key: _encode_any(part) for key, part in value.items()}
        return {_TAG: "dict", "v": [[_encode_any(key), _encode_any(part)] for key, part in value.items()]}
    for name, kind in _TAGGED_TEXT.items():
        if type(value) is kind:
            return {_TAG: name, "v": str(value) if kind is Decimal else value.isoformat()}
    return _foreign(value)


_TAGGED_TEXT: Mapping[str, Any] = {"decimal": Decimal, "date": datetime.date, "datetime": datetime.datetime}


# --------------------------------------------------------------------------------------------------- reading


@cache
def _decoder(kind: Any) -> Coder:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _LEAVES:
        return _LEAVES[kind]
    if origin is Literal:
        return _literal_decoder(arguments)
    if is_dataclass(kind):
        return _dataclass_decoder(kind)
    if origin is tuple:
        return _tuple_decoder(arguments[0])
    if origin in (dict, Mapping, collections.abc.Mapping):
        return _mapping_decoder(arguments[1])
    if origin in (Union, types.UnionType):
        return _union_decoder(arguments)
    return _decode_any


def _wrong(value: Any, wanted: str) -> ValueError:
    return ValueError(f"{str(value)[:40]!r} is not {wanted}")


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise _wrong(value, "text")
    return value


def _whole(value: Any) -> Any:
    if type(value) is not int:
        raise _wrong(value, "a whole number")
    return value


def _number(value: Any) -> Any:
    if type(value) is float or type(value) is int:
        return value
    if type(value) is str and value in _ODD_FLOATS:
        return _ODD_FLOATS[value]
    raise _wrong(value, "a number")


def _truth(value: Any) -> Any:
    if type(value) is not bool:
        raise _wrong(value, "true or false")
    return value


def _money(value: Any) -> Decimal:
    try:
        return Decimal(_text(value))
    except InvalidOperation:
        raise _wrong(value, "a decimal number") from None


def _decode_any(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode_any(part) for part in value]
    if isinstance(value, dict):
        return _tagged(value) if _TAG in value else {key: _decode_any(part) for key, part in value.items()}
    return value


def _tagged(value: dict[str, Any]) -> Any:
    tag, inner = value[_TAG], value.get("v")
    if tag == "float":
        return _number(inner)
    if tag == "tuple" and isinstance(inner, list):
        return tuple(_decode_any(part) for part in inner)
    if tag == "dict" and isinstance(inner, list):
        return _pairs(inner)
    if tag == "decimal":
        return _money(inner)
    if tag in _TAGGED_TEXT:
        return _TAGGED_TEXT[tag].fromisoformat(_text(inner))
    raise _wrong(value, "a value we write")


def _pairs(pairs: list[Any]) -> dict[Any, Any]:
    try:
        return {_decode_any(key): _decode_any(part) for key, part in pairs}
    except TypeError:
        raise _wrong(pairs, "a mapping") from None


_LEAVES: Mapping[Any, Coder] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    Decimal: _money,
    Any: _decode_any,
}


def _literal_decoder(allowed: tuple[Any, ...]) -> Coder:
    def read(value: Any) -> Any:
        if value not in allowed:
            raise _wrong(value, f"one of {', '.join(map(str, allowed))}")
        return value

    return read


def _dataclass_decoder(kind: Any) -> Coder:
    hints = get_type_hints(kind)
    coders = {f.name: _decoder(hints[f.name]) for f in fields(kind)}
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}

    def read(data: Any) -> Any:
        if type(data) is not dict:
            raise _wrong(data, f"a {kind.__name__}")
        missing = needed - data.keys()
        if missing:
            raise ValueError(f"{kind.__name__} has no {', '.join(sorted(missing))}")
        out, name = {}, ""
        try:
            for name, value in data.items():
                out[name] = coders[name](value)
        except KeyError as exc:
            raise ValueError(f"{kind.__name__}.{name} is unknown to this version of EdgeBench") from exc
        except ValueError as exc:
            raise ValueError(f"{kind.__name__}.{name}: {exc}") from exc
        return kind(**out)

    return read


def _tuple_decoder(kind: Any) -> Coder:
    code = _decoder(kind)

    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _wrong(value, "a list")
        return tuple([code(part) for part in value])

    return read


def _mapping_decoder(kind: Any) -> Coder:
    code = _decoder(kind)

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _wrong(value, "a mapping")
        return {key: code(part) for key, part in value.items()}

    return read


def _shape(kind: Any) -> Any:
    """What JSON shows of a type: list, dict, or the scalar itself."""
    origin = get_origin(kind)
    if origin is tuple:
        return list
    if is_dataclass(kind) or origin in (dict, Mapping, collections.abc.Mapping):
        return dict
    return kind


def _union_decoder(kinds: tuple[Any, ...]) -> Coder:
    some = [kind for kind in kinds if kind is not types.NoneType]
    may_be_none = len(some) < len(kinds)
    by_shape = {_shape(kind): _decoder(kind) for kind in some}
    only = _decoder(some[0]) if len(some) == 1 else None

    def read(value: Any) -> Any:
        if value is None and may_be_none:
            return None
        code = only or by_shape.get(type(value))
        if code is None:
            raise _wrong(value, "of a kind that fits here")
        return code(value)

    return read
