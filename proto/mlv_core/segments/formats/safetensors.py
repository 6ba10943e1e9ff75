"""safetensors: an 8-byte length, a JSON header, then the tensors."""

from __future__ import annotations

import json
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
)
from mlv_core.segments.layout import TENSOR_LIMIT, Layout, NotThisFormat, ReadAt, Tensor, layout_of

# The format's own limit on its header.
HEADER_LIMIT = 100_000_000
_PREFIX = 8
_RANK_LIMIT = 64

_ELEMENTS = {
    "F64": F64, "F32": F32, "F16": F16, "BF16": BF16, "F8_E4M3": F8_E4M3, "F8_E5M2": F8_E5M2, "F8_E8M0": F8_E8M0,
    "I64": I64, "I32": I32, "I16": I16, "I8": I8, "U64": U64, "U32": U32, "U16": U16, "U8": U8, "BOOL": BOOL,
}  # fmt: skip


def looks_like(head: bytes, size: int) -> bool:
    """Whether `head`, a file's first bytes, begins like a safetensors file of `size` bytes."""
    return len(head) > _PREFIX and head[_PREFIX : _PREFIX + 1] == b"{" and _header_length(head) <= size - _PREFIX


def parse(size: int, read_at: ReadAt) -> Layout:
    """The layout of a safetensors file. Raises: NotThisFormat."""
    length = _header_length(read_at(0, _PREFIX))
    if not 0 < length <= min(HEADER_LIMIT, size - _PREFIX):
        raise NotThisFormat("header length")
    try:
        header = json.loads(read_at(_PREFIX, length))
    except (ValueError, RecursionError) as error:
        raise NotThisFormat("header is no JSON") from error
    if not isinstance(header, dict) or len(header) > TENSOR_LIMIT + 1:
        raise NotThisFormat("header is no object")
    start = _PREFIX + length
    tensors = [_tensor(name, entry, start) for name, entry in header.items() if name != "__metadata__"]
    return layout_of(size, tensors, "safetensors")


def _header_length(head: bytes) -> int:
    return int.from_bytes(head[:_PREFIX], "little")


def _tensor(name: str, entry: object, start: int) -> Tensor:
    if not isinstance(entry, dict):
        raise NotThisFormat("entry is no object")
    shape, dtype = _numbers(entry.get("shape")), entry.get("dtype")
    offsets = _numbers(entry.get("data_offsets"))
    if len(offsets) != 2 or len(shape) > _RANK_LIMIT or not isinstance(dtype, str):  # noqa: PLR2004 - begin and end
        raise NotThisFormat("entry is incomplete")
    begin, end = offsets
    if end < begin:
        raise NotThisFormat("offsets run backwards")
    element = _ELEMENTS.get(dtype)
    if element is not None and prod(shape) * element.width != end - begin:
        raise NotThisFormat("shape and length differ")
    text = ",".join(map(str, shape))
    if element is None:
        return Tensor(start + begin, end - begin, name, f"{dtype}:{text}", U8)
    return Tensor(start + begin, end - begin, name, text, element)


def _numbers(value: object) -> list[int]:
    if not isinstance(value, list):
        raise NotThisFormat("not a list")
    numbers: list[int] = []
    for item in value:
        if type(item) is not int or not 0 <= item < 2**63:
            raise NotThisFormat("not a number")
        numbers.append(item)
    return numbers
