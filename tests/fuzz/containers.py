"""Targets: containers of tensors. An input is a file with a hole in it, so that 64 KiB of content cost nothing.

Its first four bytes say how many zeros are missing (18 bits) and how many of the last bytes come after them (14 bits).
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import numpy as np
from tests.containers import ALIGN_64, PAIRS, field, gguf_model, onnx_model, onnx_tensor
from tests.fuzz.target import MEBIBYTE, Target, promise

from mlv_core.segments import Layout, advice_for, plan_layout
from mlv_core.segments.formats.torch_pickle import storage_elements

_HOLE_BITS = 18
_PREFIX = struct.Struct("<I")
BIG = 17_500
"""Numbers of four bytes that make a tensor large enough to be cut by its type."""


def with_hole(data: bytes) -> bytes:
    """The input for a file whose longest run of zeros is left out."""
    zeros = 65_536
    at = data.find(bytes(zeros))
    while at >= 0 and data[at + zeros : at + 2 * zeros] == bytes(zeros):
        zeros *= 2
    if at < 0:
        return _PREFIX.pack(0) + data
    head, tail = data[:at], data[at + zeros :]
    if len(tail) >= 1 << 32 - _HOLE_BITS:
        return _PREFIX.pack(0) + data
    return _PREFIX.pack(zeros | len(tail) << _HOLE_BITS) + head + tail


class _Holed:
    """The file of an input, and how much of it was asked for."""

    def __init__(self, data: bytes) -> None:
        (packed,) = _PREFIX.unpack(data[:4].ljust(4, b"\0"))
        self._hole = packed & (1 << _HOLE_BITS) - 1
        body = data[4:]
        self._at = max(0, len(body) - (packed >> _HOLE_BITS))
        self._body = body
        self.size = len(body) + self._hole

    def read(self, offset: int, length: int) -> bytes:
        promise(offset >= 0 and length >= 0 and offset + length <= self.size, "a read over the end of the file")
        end, hole_end = offset + length, self._at + self._hole
        parts = [self._body[offset : min(end, self._at)]]
        parts.append(bytes(max(0, min(end, hole_end) - max(offset, self._at))))
        if end > hole_end:
            parts.append(self._body[max(offset - self._hole, self._at) : end - self._hole])
        return b"".join(parts)


def _run(data: bytes) -> None:
    file = _Holed(data)
    layout = plan_layout("model.bin", file.size, file.read)
    advice_for("model.npz", data[4:68])
    if layout is not None:
        _whole(layout, file.size)


def _whole(layout: Layout, size: int) -> None:
    """The two streams cover each byte of the file once, in the order that the runs say."""
    covered = sorted((extent.offset, extent.length) for cut in (*layout.typed, *layout.rest) for extent in cut.extents)
    end = 0
    for offset, length in covered:
        promise(offset == end and length > 0, "the cuts do not cover the file once")
        end = offset + length
    promise(end == size == layout.size == sum(layout.runs), "the cuts and runs do not make the file")
    for cut in (*layout.typed, *layout.rest):
        promise(sum(extent.length for extent in cut.extents) == cut.length, "a cut has another length than its extents")


def _safetensors_seeds() -> list[bytes]:
    headers: list[object] = [
        {"w": {"dtype": "F32", "shape": [BIG], "data_offsets": [0, 4 * BIG]}},
        {
            "__metadata__": {"format": "pt"},
            "b": {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]},
            "w": {"dtype": "BF16", "shape": [2, BIG], "data_offsets": [16, 16 + 4 * BIG]},
            "x": {"dtype": "I64", "shape": [], "data_offsets": [16 + 4 * BIG, 24 + 4 * BIG]},
            "e": {"dtype": "F8_E4M3", "shape": [0], "data_offsets": [16, 16]},
        },
    ]
    made = []
    for header in headers:
        text = json.dumps(header).encode()
        made.append(with_hole(struct.pack("<Q", len(text)) + text + bytes(4 * BIG + 24)))
    return made


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npy_seeds() -> list[bytes]:
    arrays = (np.zeros(BIG, "<f4"), np.zeros((3, BIG), "<u2"), np.zeros(4 * BIG, bool), np.zeros((BIG, 1, 2), "<c8").T)
    return [with_hole(_npy(array)) for array in arrays]


def torch_pickle() -> bytes:
    """What `torch.save` writes of two storages, in protocol 2."""
    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x0atQ"
    return b"\x80\x02}q\x00(X\x01\0\0\0w" + storage + b"X\x01\0\0\0vh\x00" + storage + b"u."


def _zip_seeds() -> list[bytes]:
    made = []
    for members in (
        {"m/data.pkl": torch_pickle(), "m/data/0": bytes(4 * BIG), "m/version": b"3\n"},
        {"a.npy": _npy(np.zeros(BIG, "<f4")), "b.npy": _npy(np.zeros(4, "<i8"))},
        {"m/data.pkl": pickle.dumps({"x": 1}), "m/data/0": bytes(4 * BIG), "big.txt": bytes(4 * BIG)},
    ):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        made.append(with_hole(stream.getvalue()))
    return made


def _onnx_seeds() -> list[bytes]:
    tensors = [onnx_tensor("w", 1, [BIG], bytes(4 * BIG)), onnx_tensor("b", 10, [4], bytes(8))]
    packed = field(1, b"\x02\x02") + field(2, 1) + field(8, b"p") + field(4, bytes(16))
    return [with_hole(onnx_model(tensors)), with_hole(onnx_model([*tensors, packed], after=field(14, b"x")))]


def _gguf_seeds() -> list[bytes]:
    tensors = [("w", 0, [BIG], bytes(4 * BIG)), ("q", 8, [32, 4], bytes(136)), ("h", 1, [8], bytes(16))]
    return [
        with_hole(gguf_model(tensors)),
        with_hole(gguf_model(tensors, pairs=[*PAIRS, ALIGN_64], alignment=64, version=2)),
    ]


def _pickle_seeds() -> list[bytes]:
    return [torch_pickle(), *(pickle.dumps({"a": [1, "x", 2.5, b"b", None]}, protocol) for protocol in range(6))]


_JSON = (
    b'"dtype":', b'"shape":', b'"data_offsets":', b'"F32"', b'"BF16"', b'"U8"', b"[0,", b"]", b"{", b"}", b'"\\ud800"',
    b"9223372036854775807", b"-1", b"1e400", b"[" * 500, b'{"a":' * 500, b"null", b"true", b"1" * 4400,
)  # fmt: skip
_NPY = (b"'descr': ", b"'<f4'", b"'|O8'", b"'fortran_order': False", b"'shape': (", b"1" * 40, b", ", b"), }", b"True")
_ZIP = (
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x01\x00\x18\x00", b"\xff" * 4,
    b"/data.pkl", b"m/data/0", b".npy",
)  # fmt: skip
_PICKLE = (
    b"X",
    b"Q",
    b"h\x00",
    b"q\x00",
    b"c",
    b"\n",
    b"(",
    b"t",
    b"j\xff\xff\xff\xff",
    b"g99\n",
    b"L1L\n",
    b"S'\\x'\n",
    b"\x8a\xff",
)

TARGETS = (
    Target("safetensors", _run, _safetensors_seeds, (), _JSON, memory=32 * MEBIBYTE),
    Target("npy", _run, _npy_seeds, (), _NPY),
    Target("zip", _run, _zip_seeds, (), _ZIP + _NPY, memory=32 * MEBIBYTE),
    Target("onnx", _run, _onnx_seeds, (), (b"\x08\x08", b"\x3a", b"\x2a", b"\x4a", b"\x0a", b"\x80" * 9 + b"\x01")),
    Target("gguf", _run, _gguf_seeds, (), (b"general.alignment", b"GGUF", b"\x09\0\0\0", b"\x08\0\0\0", b"\x04\0\0\0")),
    Target("torch pickle", storage_elements, _pickle_seeds, (), _PICKLE),
)
