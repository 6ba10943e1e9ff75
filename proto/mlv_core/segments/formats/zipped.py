"""zip with stored members: PyTorch's `.pt` and numpy's `.npz`. Nothing is ever unpickled."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mlv_core.deferred import dataclass
from mlv_core.segments.elements import OPAQUE, U8, ElementType
from mlv_core.segments.formats import npy, torch_pickle
from mlv_core.segments.layout import TENSOR_LIMIT, TYPED_MINIMUM, Layout, NotThisFormat, ReadAt, Tensor, layout_of

MAGIC = b"PK\x03\x04"
_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_COMMENT_LIMIT = 65535
_DIRECTORY_LIMIT = 256 * 1024 * 1024
_PICKLE_LIMIT = 64 * 1024 * 1024
_STORED = 0
_MASK16 = 0xFFFF
_MASK32 = 0xFFFFFFFF
_ZIP64_EXTRA = 1


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    offset: int
    length: int


def parse(size: int, read_at: ReadAt) -> Layout:
    """The layout of a zip file whose tensors are stored, not deflated. Raises: NotThisFormat."""
    try:
        members = list(_members(size, read_at))
    except (struct.error, UnicodeDecodeError) as error:
        raise NotThisFormat("zip directory") from error
    elements = _torch_elements(members, read_at)
    tensors = [tensor for member in members if (tensor := _tensor(member, elements, read_at)) is not None]
    if all(tensor.element == OPAQUE for tensor in tensors):
        raise NotThisFormat("no tensors")
    return layout_of(size, tensors, "zip")


def _tensor(member: _Member, elements: dict[str, ElementType] | None, read_at: ReadAt) -> Tensor | None:
    if member.name.endswith(".npy"):
        try:
            return npy.find_array(member.offset, member.length, read_at, member.name)
        except NotThisFormat:
            return None
    if elements is not None:
        # The archive's top folder is named after the file, so the tensor's name leaves it out.
        inner = member.name.partition("/")[2]
        if inner.startswith("data/"):
            element = elements.get(inner.removeprefix("data/"), U8)
            return Tensor(member.offset, member.length, inner, str(member.length), element)
    if member.length >= TYPED_MINIMUM and not member.name.endswith(".pkl"):
        return Tensor(member.offset, member.length, member.name, str(member.length), OPAQUE)
    return None


def _torch_elements(members: list[_Member], read_at: ReadAt) -> dict[str, ElementType] | None:
    for member in members:
        if member.name.endswith("/data.pkl") and member.length <= _PICKLE_LIMIT:
            return torch_pickle.storage_elements(read_at(member.offset, member.length))
    return None


def _members(size: int, read_at: ReadAt) -> Iterator[_Member]:
    start, length, count = _directory(size, read_at)
    if count > TENSOR_LIMIT or length > min(_DIRECTORY_LIMIT, size) or start + length > size:
        raise NotThisFormat("zip directory size")
    directory = read_at(start, length)
    position = 0
    for _ in range(count):
        fields = _CENTRAL.unpack_from(directory, position)
        if fields[0] != b"PK\x01\x02":
            raise NotThisFormat("zip directory entry")
        position += _CENTRAL.size
        name_length, extra_length, comment_length = fields[10:13]
        name = directory[position : position + name_length].decode()
        extra = directory[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        stored, plain, offset = _wide(extra, fields[8], fields[9], fields[16])
        if fields[4] == _STORED and stored == plain and not fields[3] & 1:
            yield _Member(name, _content_offset(offset, start, read_at), plain)


def _content_offset(offset: int, limit: int, read_at: ReadAt) -> int:
    if offset + _LOCAL.size > limit:
        raise NotThisFormat("zip member offset")
    fields = _LOCAL.unpack(read_at(offset, _LOCAL.size))
    if fields[0] != MAGIC:
        raise NotThisFormat("zip member header")
    return offset + _LOCAL.size + int(fields[9]) + int(fields[10])


def _wide(extra: bytes, stored: int, plain: int, offset: int) -> tuple[int, int, int]:
    """The member's sizes and offset, from the zip64 field where the narrow ones are full."""
    values = [plain, stored, offset]
    if _MASK32 not in values:
        return stored, plain, offset
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == _ZIP64_EXTRA:
            field = position + 4
            for index, value in enumerate(values):
                if value == _MASK32:
                    (values[index],) = struct.unpack_from("<Q", extra[: position + 4 + length], field)
                    field += 8
            break
        position += 4 + length
    return values[1], values[0], values[2]


def _directory(size: int, read_at: ReadAt) -> tuple[int, int, int]:
    """Offset, length and number of entries of the central directory."""
    tail_length = min(size, _COMMENT_LIMIT + _END.size + _END64_LOCATOR.size)
    tail = read_at(size - tail_length, tail_length)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise NotThisFormat("no zip directory")
    fields = _END.unpack_from(tail, at)
    count, length, start = fields[4], fields[5], fields[6]
    if count == _MASK16 or _MASK32 in (length, start):
        signature, _, wide, _ = _END64_LOCATOR.unpack_from(tail, at - _END64_LOCATOR.size)
        if signature != b"PK\x06\x07" or wide + _END64.size > size:
            raise NotThisFormat("zip64 locator")
        end64 = _END64.unpack(read_at(wide, _END64.size))
        if end64[0] != b"PK\x06\x06":
            raise NotThisFormat("zip64 directory")
        count, length, start = end64[7], end64[8], end64[9]
    return int(start), int(length), int(count)
