"""ONNX: one protobuf message; the initializers of its graph are the tensors. Only the few fields that matter are read.

Weights that lie beside the model (external data) are files of their own, and no containers.
"""

from __future__ import annotations

from math import prod

from mlv_core.segments.elements import (
    BF16,
    BOOL,
    F8_E4M3,
    F8_E5M2,
    F8_E8M0,
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    ElementType,
)
from mlv_core.segments.formats.cursor import Cursor
from mlv_core.segments.layout import KEY_LIMIT, TENSOR_LIMIT, Layout, NotThisFormat, ReadAt, Tensor, layout_of

_RANK_LIMIT = 64
# Protobuf: how a field's content is written, and how many groups of seven bits a number may have.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_LIMIT = 10
# Fields of ModelProto, GraphProto and TensorProto.
_GRAPH = 7
_INITIALIZER = 5
_DIMS, _TYPE, _FLOATS, _NAME, _RAW, _DOUBLES = 1, 2, 4, 8, 9, 10
_FLOAT, _DOUBLE = 1, 11

# Element type, and bytes of one number as a fraction: four-bit numbers are packed in pairs.
_ELEMENTS: dict[int, tuple[ElementType, int, int]] = {
    1: (F32, 4, 1), 2: (U8, 1, 1), 3: (I8, 1, 1), 4: (U16, 2, 1), 5: (I16, 2, 1), 6: (I32, 4, 1), 7: (I64, 8, 1),
    9: (BOOL, 1, 1), 10: (F16, 2, 1), 11: (F64, 8, 1), 12: (U32, 4, 1), 13: (U64, 8, 1), 14: (F32, 8, 1),
    15: (F64, 16, 1), 16: (BF16, 2, 1), 17: (F8_E4M3, 1, 1), 18: (F8_E4M3, 1, 1), 19: (F8_E5M2, 1, 1),
    20: (F8_E5M2, 1, 1), 21: (U8, 1, 2), 22: (U8, 1, 2), 23: (U8, 1, 2), 24: (F8_E8M0, 1, 1), 25: (U8, 1, 4),
    26: (U8, 1, 4),
}  # fmt: skip


def looks_like(head: bytes) -> bool:
    """Whether a file may be a model: it begins with the format's version (field 1) and another field of ModelProto."""
    return len(head) > 2 and head[0] == 1 << 3 and 0 < head[1] < 0x80 and head[2] in _SECOND_TAGS  # noqa: PLR2004


# Producer's name and version, domain, model version, doc string, graph, opset imports, metadata.
_SECOND_TAGS = frozenset(
    field << 3 | kind for field, kind in ((2, 2), (3, 2), (4, 2), (5, 0), (6, 2), (7, 2), (8, 2), (14, 2))
)


def parse(size: int, read_at: ReadAt) -> Layout:
    """The layout of an ONNX model. Raises: NotThisFormat."""
    cursor = Cursor(size, read_at)
    tensors: list[Tensor] = []
    graphs = 0
    while cursor.position < size:
        field, kind, end = _field(cursor, size)
        if field == _GRAPH and kind == _BYTES:
            graphs += 1
            tensors += _graph(cursor, end)
        cursor.skip(end - cursor.position)
    if graphs != 1:
        raise NotThisFormat("not one graph")
    return layout_of(size, tensors, "onnx")


def _graph(cursor: Cursor, end: int) -> list[Tensor]:
    tensors: list[Tensor] = []
    while cursor.position < end:
        field, kind, field_end = _field(cursor, end)
        if field == _INITIALIZER and kind == _BYTES:
            tensor = _initializer(cursor, field_end)
            if tensor is not None:
                tensors.append(tensor)
            if len(tensors) > TENSOR_LIMIT:
                raise NotThisFormat("too many tensors")
        cursor.skip(field_end - cursor.position)
    return tensors


def _initializer(cursor: Cursor, end: int) -> Tensor | None:
    """The tensor of one TensorProto; None where its numbers lie elsewhere or are no array of bytes."""
    shape: list[int] = []
    element_type, name = 0, b""
    data: tuple[int, int, int] | None = None
    while cursor.position < end:
        field, kind, field_end = _field(cursor, end)
        if field == _DIMS:
            shape += _dimensions(cursor, kind, field_end)
        elif field == _TYPE and kind == _VARINT:
            element_type = _varint(cursor, field_end)
        elif field == _NAME and kind == _BYTES:
            name = cursor.take(min(field_end - cursor.position, KEY_LIMIT + 1))
        elif field in (_RAW, _FLOATS, _DOUBLES) and kind == _BYTES:
            if data is not None:
                raise NotThisFormat("a tensor has its numbers twice")
            data = field, cursor.position, field_end - cursor.position
        if len(shape) > _RANK_LIMIT:
            raise NotThisFormat("too many dimensions")
        cursor.skip(field_end - cursor.position)
    if data is None or data[2] == 0:
        return None
    element = _element(element_type, data[0], prod(shape), data[2])
    text = f"{element_type}:" + ",".join(map(str, shape))
    return Tensor(data[1], data[2], cursor.text(name), text, element)


def _element(element_type: int, field: int, count: int, length: int) -> ElementType:
    expected = {_FLOATS: _FLOAT, _DOUBLES: _DOUBLE}.get(field, element_type)
    if expected != element_type:
        # Complex numbers, written as pairs of floats: bytes are what is sure of them.
        return U8
    if element_type not in _ELEMENTS:
        return U8
    element, size, packed = _ELEMENTS[element_type]
    if -(-count * size // packed) != length:
        raise NotThisFormat("shape and length differ")
    return element


def _dimensions(cursor: Cursor, kind: int, end: int) -> list[int]:
    """One dimension, or several packed together."""
    if kind == _VARINT:
        return [_varint(cursor, end)]
    if kind != _BYTES or end - cursor.position > _RANK_LIMIT * _VARINT_LIMIT:
        raise NotThisFormat("dimensions are no numbers")
    found = []
    while cursor.position < end:
        found.append(_varint(cursor, end))
    return found


def _field(cursor: Cursor, end: int) -> tuple[int, int, int]:
    """The next field: its number, how it is written, and where its content ends; the cursor stands at its start."""
    tag = _varint(cursor, end)
    field, kind = tag >> 3, tag & 7
    if kind == _BYTES:
        length = _varint(cursor, end)
    elif kind == _VARINT:
        start = cursor.position
        _varint(cursor, end)
        length = cursor.position - start
        cursor.position = start
    elif kind in (_FIXED64, _FIXED32):
        length = 8 if kind == _FIXED64 else 4
    else:
        raise NotThisFormat("a field of no known kind")
    if field == 0 or length > end - cursor.position:
        raise NotThisFormat("a field reaches over its end")
    return field, kind, cursor.position + length


def _varint(cursor: Cursor, end: int) -> int:
    value = 0
    for shift in range(0, 7 * _VARINT_LIMIT, 7):
        if cursor.position >= end:
            break
        byte = cursor.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follow
            return value
    raise NotThisFormat("a number reaches over its end")
