"""Finds the tensors of a container without any library of machine learning and without unpickling."""

from __future__ import annotations

import ast
import io
import json
import math
import pickletools
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

LAYOUTS = {
    "F64": (8, 52),
    "F32": (4, 23),
    "F16": (2, 10),
    "BF16": (2, 7),
    "I64": (8, 0),
    "I32": (4, 0),
    "I16": (2, 0),
    "I8": (1, 0),
    "U8": (1, 0),
    "BOOL": (1, 0),
}
_STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
_NUMPY = {"<f8": "F64", "<f4": "F32", "<f2": "F16", "<i8": "I64", "<i4": "I32", "<i2": "I16", "|i1": "I8", "|u1": "U8"}
_LOCAL_HEADER = struct.Struct("<26xHH")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's place in its file, in bytes, and its element type (a key of LAYOUTS)."""

    key: str
    start: int
    length: int
    element: str


def tensors(data: bytes) -> list[Tensor]:
    """The tensors of a safetensors file, an npy array or a zip with stored members, in file order.

    Raises: ValueError for any other file.
    """
    if data[:6] == b"\x93NUMPY":
        return [_npy(data)]
    if data[:4] == b"PK\x03\x04":
        return sorted(_zip(data), key=lambda tensor: tensor.start)
    if data[8:9] == b"{":
        return sorted(_safetensors(data), key=lambda tensor: tensor.start)
    raise ValueError("no container that the reference knows")


def _safetensors(data: bytes) -> list[Tensor]:
    (header_bytes,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + header_bytes])
    body = 8 + header_bytes
    return [
        Tensor(
            name, body + entry["data_offsets"][0], entry["data_offsets"][1] - entry["data_offsets"][0], entry["dtype"]
        )
        for name, entry in header.items()
        if name != "__metadata__"
    ]


def _npy(data: bytes) -> Tensor:
    wide = data[6] > 1
    (header_bytes,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    start = (12 if wide else 10) + header_bytes
    header = ast.literal_eval(data[start - header_bytes : start].decode("latin-1"))
    element = _NUMPY[header["descr"]]
    return Tensor("array", start, math.prod(header["shape"]) * LAYOUTS[element][0], element)


def _zip(data: bytes) -> list[Tensor]:
    found = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        elements = _storages(archive.read(pickles[0])) if pickles else {}
        for info in archive.infolist():
            folder, _, key = info.filename.rpartition("/")
            if info.compress_type == zipfile.ZIP_STORED and folder.endswith("/data") and key in elements:
                name_bytes, extra_bytes = _LOCAL_HEADER.unpack_from(data, info.header_offset)
                start = info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
                found.append(Tensor(key, start, info.file_size, elements[key]))
    return found


def _storages(pickled: bytes) -> dict[str, str]:
    """Element type of each storage key: the opcodes are read, never run."""
    memo: dict[int, Any] = {}
    recent: list[Any] = []
    elements = {}
    for opcode, argument, _ in pickletools.genops(pickled):
        name = opcode.name
        if name in {"BINPUT", "LONG_BINPUT", "MEMOIZE"}:
            memo[len(memo) if argument is None else int(argument)] = recent[-1] if recent else None
        elif name in {"BINGET", "LONG_BINGET"}:
            recent.append(memo[int(argument or 0)])
        elif name == "BINPERSID":
            kind, key = _persistent_id(recent)
            elements[key] = _STORAGES[kind]
            recent.append(None)
        elif name != "PROTO":
            recent.append(argument)
    return elements


def _persistent_id(recent: list[Any]) -> tuple[str, str]:
    """Storage class and key of `("storage", class, key, location, size)`, the tuple that was just built."""
    at = max(i for i, value in enumerate(recent) if value == "storage")
    return str(recent[at + 1]).rpartition(" ")[2], str(recent[at + 2])
