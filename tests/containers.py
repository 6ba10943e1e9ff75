"""Models in ONNX and GGUF, written by hand: the tests need no library of either format, and can write lies."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes | int) -> bytes:
    """A protobuf field: a number, or bytes with their length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx_tensor(name: str, kind: int, shape: Sequence[int], data: bytes, *, data_field: int = 9) -> bytes:
    """A TensorProto, its fields in the order of their numbers."""
    dims = b"".join(field(1, dimension) for dimension in shape)
    fields = {2: field(2, kind), 8: field(8, name.encode()), data_field: field(data_field, data)}
    return dims + b"".join(fields[number] for number in sorted(fields))


def onnx_model(tensors: Iterable[bytes], *, nodes: int = 2, after: bytes = b"") -> bytes:
    """A ModelProto as exporters write it: version, producer, a graph of nodes and initializers, the operators' set."""
    node = field(1, field(1, b"x") + field(2, b"y") + field(4, b"Identity"))
    graph = node * nodes + field(2, b"graph") + b"".join(field(5, tensor) for tensor in tensors)
    return field(1, 8) + field(2, b"pytorch") + field(7, graph) + field(8, field(2, 17)) + after


def gguf_text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def gguf_pair(key: str, kind: int, value: bytes) -> bytes:
    return gguf_text(key) + struct.pack("<I", kind) + value


PAIRS = (
    gguf_pair("general.architecture", 8, gguf_text("bert")),
    gguf_pair("bert.layers", 4, struct.pack("<I", 6)),
    gguf_pair("scale", 12, struct.pack("<d", 0.5)),
    gguf_pair("causal", 7, b"\0"),
    gguf_pair("tokens", 9, struct.pack("<IQ", 8, 3) + b"".join(map(gguf_text, ("a", "b", "")))),
    gguf_pair("scores", 9, struct.pack("<IQ", 6, 2) + struct.pack("<2f", 1, 2)),
)
ALIGN_64 = gguf_pair("general.alignment", 4, struct.pack("<I", 64))


def gguf_model(
    tensors: Sequence[tuple[str, int, Sequence[int], bytes]],
    *,
    pairs: Sequence[bytes] = PAIRS,
    alignment: int = 32,
    version: int = 3,
) -> bytes:
    """A GGUF file of (name, type, shape, data) with key-value pairs of every sort."""
    infos, data = b"", b""
    for name, kind, shape, content in tensors:
        data += bytes(-len(data) % alignment)
        infos += gguf_text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        infos += struct.pack("<IQ", kind, len(data))
        data += content
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + infos
    return head + bytes(-len(head) % alignment) + data
