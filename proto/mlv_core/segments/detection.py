"""Which container a file is, told by its first bytes and never by its name alone."""

from __future__ import annotations

from mlv_core.segments.formats import gguf, npy, onnx, safetensors, zipped
from mlv_core.segments.layout import TYPED_MINIMUM, Layout, NotThisFormat, ReadAt

_HEAD = 16
_DEFLATED = 8


def plan_layout(name: str, size: int, read_at: ReadAt) -> Layout | None:
    """The typed layout of a file of `size` bytes, or None when it is to be cut by content.

    `read_at(offset, length)` gives `length` bytes, or fewer when the file ends there. Reads are bounded by the
    file's size; malformed or lying headers give None, never an error.
    """
    del name  # a suffix proves nothing; the first bytes do
    if size < TYPED_MINIMUM:
        return None
    reader = _exact(read_at, size)
    try:
        head = reader(0, _HEAD)
        if head.startswith(zipped.MAGIC):
            return zipped.parse(size, reader)
        if head.startswith(npy.MAGIC):
            return npy.parse(size, reader)
        if head.startswith(gguf.MAGIC):
            return gguf.parse(size, reader)
        if safetensors.looks_like(head, size):
            return safetensors.parse(size, reader)
        if onnx.looks_like(head):
            return onnx.parse(size, reader)
    except NotThisFormat:
        return None
    return None


def advice_for(name: str, head: bytes) -> str | None:
    """What would make this file's versions cheaper, for those kinds that are compressed already; else None.

    `head` are the file's first bytes (64 are enough).
    """
    if head.startswith(zipped.MAGIC) and name.endswith(".npz") and head[8:10] == _DEFLATED.to_bytes(2, "little"):
        return (
            f"{name} is compressed inside, so each version is stored whole: save it with savez, not savez_compressed."
        )
    if head.startswith(b"\x1f\x8b"):
        return f"{name} is gzip-compressed, so each version is stored whole: commit the plain file, mlv compresses it."
    if head.startswith((b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00")):
        return f"{name} is compressed, so each version is stored whole: commit the plain file, mlv compresses it."
    return None


def _exact(read_at: ReadAt, size: int) -> ReadAt:
    def read(offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > size:
            raise NotThisFormat("a length reaches over the end")
        data = read_at(offset, length)
        if len(data) != length:
            raise NotThisFormat("the file ends early")
        return data

    return read
