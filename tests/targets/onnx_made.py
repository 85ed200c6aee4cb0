"""Tiny ONNX files, written field by field (onnx.proto3), for tests of what is accepted and what is not."""

from __future__ import annotations

from collections.abc import Sequence

FLOAT, INT64 = 1, 7
Shape = Sequence[int | str]


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes | str) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def value_info(name: str, kind: int, shape: Shape) -> bytes:
    dims = b"".join(message(1, number(1, size) if isinstance(size, int) else message(2, size)) for size in shape)
    return message(1, name) + message(2, message(1, number(1, kind) + message(2, dims)))


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], *attributes: bytes) -> bytes:
    return (
        b"".join(message(1, name) for name in inputs)
        + b"".join(message(2, name) for name in outputs)
        + message(4, operator)
        + b"".join(message(5, attribute) for attribute in attributes)
    )


def integer(name: str, value: int) -> bytes:
    return message(1, name) + number(3, value) + number(20, 2)


def integers(name: str, values: Sequence[int]) -> bytes:
    return message(1, name) + b"".join(number(8, value) for value in values) + number(20, 7)


def constant(name: str, shape: Sequence[int], values: Sequence[float]) -> bytes:
    import struct

    dims = b"".join(number(1, size) for size in shape)
    return dims + number(2, FLOAT) + message(8, name) + message(9, struct.pack(f"<{len(values)}f", *values))


def model(
    nodes: Sequence[bytes],
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    constants: Sequence[bytes] = (),
    opset: int = 13,
) -> bytes:
    graph = (
        b"".join(message(1, part) for part in nodes)
        + message(2, "g")
        + b"".join(message(5, part) for part in constants)
        + b"".join(message(11, part) for part in inputs)
        + b"".join(message(12, part) for part in outputs)
    )
    return number(1, 8) + message(7, graph) + message(8, message(1, "") + number(2, opset))


def pixels() -> bytes:
    """A model of images: one float input that no text classifier has."""
    return model(
        [node("Identity", ["pixel_values"], ["y"])],
        [value_info("pixel_values", FLOAT, ["n", 3])],
        [value_info("y", FLOAT, ["n", 3])],
    )


def classifier(weights: Sequence[float]) -> bytes:
    """A sequence classifier: logits = mean token id × weights, one a label."""
    return model(
        [
            node("Cast", ["input_ids"], ["f"], integer("to", FLOAT)),
            node("ReduceMean", ["f"], ["m"], integers("axes", [1]), integer("keepdims", 1)),
            node("Mul", ["m", "w"], ["logits"]),
        ],
        [value_info("input_ids", INT64, ["batch", "sequence"])],
        [value_info("logits", FLOAT, ["batch", len(weights)])],
        [constant("w", [1, len(weights)], weights)],
    )
