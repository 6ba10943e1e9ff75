"""npy: a magic, a Python-literal header, one array."""

from __future__ import annotations

import re
from math import prod

from mlv_core.segments.elements import (
    BOOL,
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
from mlv_core.segments.layout import Layout, NotThisFormat, ReadAt, Tensor, layout_of

MAGIC = b"\x93NUMPY"
_HEADER_LIMIT = 64 * 1024

_HEADER = re.compile(
    rb"\s*\{\s*'descr':\s*'([<>|=][a-zA-Z]\d{1,3})',\s*'fortran_order':\s*(?:True|False),"
    rb"\s*'shape':\s*\(((?:\d{1,19}(?:,\s*|(?=\)))){0,64})\),?\s*\}\s*"
)
_ELEMENTS = {
    "<f8": F64, "<f4": F32, "<f2": F16, "<i8": I64, "<i4": I32, "<i2": I16, "|i1": I8, "<u8": U64, "<u4": U32,
    "<u2": U16, "|u1": U8, "|b1": BOOL, "<c8": F32, "<c16": F64,
}  # fmt: skip


def parse(size: int, read_at: ReadAt) -> Layout:
    """The layout of an npy file. Raises: NotThisFormat."""
    return layout_of(size, [find_array(0, size, read_at, "array")], "npy")


def find_array(start: int, length: int, read_at: ReadAt, name: str) -> Tensor:
    """The array of the npy data in `length` bytes of a file from `start`. Raises: NotThisFormat."""
    head = read_at(start, min(length, 12))
    if len(head) < 12 or not head.startswith(MAGIC):  # noqa: PLR2004 - magic, version, longest length
        raise NotThisFormat("no npy magic")
    prefix, width = (10, 2) if head[6] == 1 else (12, 4)
    header_length = int.from_bytes(head[8 : 8 + width], "little")
    if head[6] not in (1, 2, 3) or header_length > min(_HEADER_LIMIT, length - prefix):
        raise NotThisFormat("npy header length")
    match = _HEADER.fullmatch(read_at(start + prefix, header_length))
    if match is None:
        raise NotThisFormat("npy header")
    descr = match[1].decode()
    shape = [int(part) for part in re.findall(rb"\d+", match[2])]
    content = length - prefix - header_length
    if prod(shape) * int(descr[2:]) != content:
        raise NotThisFormat("shape and length differ")
    element = _element(descr)
    text = descr + ":" + ",".join(map(str, shape))
    return Tensor(start + prefix + header_length, content, name, text, element)


def _element(descr: str) -> ElementType:
    return _ELEMENTS.get(descr.replace("=", "<"), U8)
