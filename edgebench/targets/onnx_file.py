"""What an ONNX file says about itself without loading it: its opset. A dozen lines of protobuf."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

OPSET_IMPORT, DOMAIN, VERSION = 8, 1, 2  # field numbers in ModelProto and OperatorSetIdProto (onnx.proto3)
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


def opset(file: Path) -> int | None:
    """The version of the default operator set; None when the file does not say or is no ONNX."""
    end = file.stat().st_size
    with file.open("rb") as source:
        while source.tell() < end:
            field, content = _field(source, wanted=OPSET_IMPORT)
            if field is None:
                return None
            if field == OPSET_IMPORT and isinstance(content, bytes):
                found = _default_domain(content)
                if found is not None:
                    return found
    return None


def _default_domain(message: bytes) -> int | None:
    source, domain, version = io.BytesIO(message), b"", None
    while source.tell() < len(message):
        field, content = _field(source, wanted=DOMAIN)
        if field == DOMAIN and isinstance(content, bytes):
            domain = content
        elif field == VERSION and isinstance(content, int):
            version = content
        elif field is None:
            return None
    return version if domain in (b"", b"ai.onnx") else None


def _field(source: BinaryIO, wanted: int) -> tuple[int | None, bytes | int | None]:
    """The next field's number and content; long contents that are not wanted (the graph) are passed over."""
    key = _varint(source)
    if key is None:
        return None, None
    number, kind = key >> 3, key & 7
    if kind == VARINT:
        return number, _varint(source)
    if kind == LENGTH:
        length = _varint(source) or 0
        if number == wanted:
            return number, source.read(length)
        source.seek(length, 1)
        return number, None
    if kind in (FIXED32, FIXED64):
        source.seek(4 if kind == FIXED32 else 8, 1)
        return number, None
    return None, None


def _varint(source: BinaryIO) -> int | None:
    value = shift = 0
    while byte := source.read(1):
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7
        if shift > 63:
            return None
    return None
