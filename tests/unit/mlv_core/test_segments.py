"""Containers are understood as what they are, lying ones as plain bytes."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest

from mlv_core.segments import (
    BF16,
    F16,
    F32,
    HEADER_KEY,
    I64,
    OPAQUE,
    U8,
    advice_for,
    average_chunk_size,
    chunk_boundaries,
    plan_layout,
)
from mlv_core.segments.formats.torch_pickle import storage_elements


def layout_of(data: bytes, name: str = "model.safetensors"):
    return plan_layout(name, len(data), lambda offset, length: data[offset : offset + length])


def safetensors(header: object, content: bytes = bytes(200_000)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def entry(begin: int, end: int, dtype: str = "F32", shape: object = None) -> dict[str, object]:
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


def test_a_large_tensor_is_cut_every_two_mebibytes_from_its_own_start():
    size = 5 * 1024 * 1024
    data = safetensors({"w": entry(40, 40 + size), "b": entry(0, 40)}, bytes(40 + size))
    layout = layout_of(data)
    start = len(data) - size
    assert [cut.extents[0].offset - start for cut in layout.typed] == [0, 2 << 20, 4 << 20]
    assert {(cut.key, cut.element) for cut in layout.typed} == {(f"w\x1ff32\x1f{size // 4}", F32)}
    assert layout.runs == (start, size)
    assert [(cut.key, cut.element) for cut in layout.rest] == [(HEADER_KEY, OPAQUE), ("\x1frest\x1ff32\x1f40", F32)]


def test_element_types_come_from_the_header():
    data = safetensors({"a": entry(0, 80_000, "BF16", [40_000]), "b": entry(80_000, 200_000, "I64", [15_000])})
    assert [cut.element for cut in layout_of(data).typed] == [BF16, I64]


def test_an_unknown_element_type_is_cut_as_bytes():
    layout = layout_of(safetensors({"a": entry(0, 200_000, "F4_X9", [400_000])}))
    assert [cut.element for cut in layout.typed] == [U8]


LYING = {
    "over the end": {"w": entry(0, 300_000)},
    "overlap": {"a": entry(0, 100_000), "b": entry(99_996, 199_996)},
    "negative": {"w": entry(-8, 199_992)},
    "huge": {"w": entry(0, 2**63)},
    "backwards": {"w": entry(100_000, 0)},
    "wrong shape": {"w": entry(0, 200_000, "F32", [7])},
    "huge shape": {"w": entry(0, 200_000, "F32", [2**62, 2**62])},
    "float offsets": {"w": {"dtype": "F32", "shape": [50_000], "data_offsets": [0, 200_000.0]}},
    "boolean offsets": {"w": {"dtype": "U8", "shape": [1], "data_offsets": [False, True]}},
    "no dtype": {"w": {"shape": [50_000], "data_offsets": [0, 200_000]}},
    "list": [1, 2],
    "entry is text": {"w": "tensor"},
    "long name": {"w" * 5000: entry(0, 200_000)},
    "surrogate name": b'{"\\ud800": {"dtype": "U8", "shape": [200000], "data_offsets": [0, 200000]}}',
    "deep nesting": b'{"a":' * 50_000,
    "not text": b"{\xff\xfe}",
    "a huge number": b'{"a": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("header", LYING.values(), ids=LYING.keys())
def test_a_lying_header_is_plain_bytes(header):
    assert layout_of(safetensors(header)) is None


def test_a_header_longer_than_the_file_is_plain_bytes_and_is_not_read():
    data = struct.pack("<Q", 2**62) + b"{" + bytes(100_000)
    reads: list[int] = []

    def read_at(offset: int, length: int) -> bytes:
        reads.append(length)
        return data[offset : offset + length]

    assert plan_layout("m.safetensors", len(data), read_at) is None
    assert sum(reads) < 100


def test_a_million_tensors_are_plain_bytes():
    header = b"{" + b",".join(b'"%d":0' % number for number in range(1_000_002)) + b"}"
    assert layout_of(safetensors(header)) is None


def saved(save, *arrays, **named) -> bytes:
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def test_npy_is_typed():
    layout = layout_of(saved(np.save, np.zeros((300, 400), np.float32)), "x.npy")
    assert layout.format == "npy"
    assert [(cut.key, cut.element) for cut in layout.typed] == [("array\x1ff32\x1f<f4:300,400", F32)]


def test_npy_of_objects_records_or_the_other_byte_order_is_never_misread():
    records = np.zeros(20_000, [("a", "<f4"), ("b", "<i8")])
    assert layout_of(saved(np.save, records), "x.npy") is None
    big = layout_of(saved(np.save, np.zeros(50_000, ">f4")), "x.npy")
    assert [cut.element for cut in big.typed] == [U8]


def test_npz_by_savez_is_typed_and_by_savez_compressed_is_not():
    arrays = {"first": np.zeros(50_000, np.float16), "second": np.zeros(3)}
    layout = layout_of(saved(np.savez, **arrays), "x.npz")
    assert [(cut.key, cut.element) for cut in layout.typed] == [("first.npy\x1ff16\x1f<f2:50000", F16)]
    assert layout_of(saved(np.savez_compressed, **arrays), "x.npz") is None


def with_zip64(data: bytes) -> bytes:
    """The same archive of one member as it looks when it is over 4 GiB: narrow fields full, wide ones beside."""
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    directory = bytearray(data[start:end])
    stored, plain = struct.unpack_from("<2L", directory, 20)
    (name_length,) = struct.unpack_from("<H", directory, 28)
    struct.pack_into("<2L", directory, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", directory, 30, 28)
    struct.pack_into("<L", directory, 42, 0xFFFFFFFF)
    directory[46 + name_length :] = struct.pack("<2H3Q", 1, 24, plain, stored, 0)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(directory), 1)
    narrow = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:start] + directory + wide + locator + narrow


def test_zip64_is_understood():
    content = saved(np.save, np.zeros(50_000, np.float16))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", content)
    layout = layout_of(with_zip64(buffer.getvalue()), "x.npz")
    (tensor,) = layout.typed
    assert (tensor.element, tensor.length) == (F16, 100_000)


def test_a_zip_of_anything_else_is_cut_by_content():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("image.jpg", bytes(200_000))
    assert layout_of(buffer.getvalue(), "images.zip") is None


class FloatStorage:
    """Stands where PyTorch's storage class stands in a pickle."""


FloatStorage.__module__ = "torch"


class _Pickler(pickle._Pickler):
    def persistent_id(self, obj: object) -> object:
        return ("storage", *obj) if isinstance(obj, tuple) and len(obj) == 4 else None

    def save_global(self, obj: object, name: object = None) -> None:  # noqa: ARG002
        self.write(b"ctorch\n" + obj.__name__.encode() + b"\n")
        self.memoize(obj)


def torch_pickle(*storages: tuple[object, str, str, int]) -> bytes:
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, 2)
    pickler.dispatch = {**pickler.dispatch, type: _Pickler.save_global}
    pickler.dump(list(storages))
    return buffer.getvalue()


def test_storages_get_their_element_types_without_unpickling():
    half = type("BFloat16Storage", (), {})
    content = torch_pickle((FloatStorage, "0", "cpu", 10), (half, "1", "cpu", 20), (FloatStorage, "2", "cpu", 3))
    assert storage_elements(content) == {"0": F32, "1": BF16, "2": F32}
    for cut in range(len(content)):
        storage_elements(content[:cut])


def test_a_checkpoint_zip_is_typed_by_its_pickle_and_named_without_its_own_file_name():
    def checkpoint(name: str) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"{name}/data.pkl", torch_pickle((FloatStorage, "0", "cpu", 50_000)))
            archive.writestr(f"{name}/data/0", bytes(200_000))
            archive.writestr(f"{name}/version", b"3\n")
        return buffer.getvalue()

    first, second = layout_of(checkpoint("step_1"), "step_1.pt"), layout_of(checkpoint("step_20"), "step_20.pt")
    assert [(cut.key, cut.element) for cut in first.typed] == [("data/0\x1ff32\x1f200000", F32)]
    assert [cut.key for cut in second.typed] == [cut.key for cut in first.typed]


def test_chunk_sizes_follow_the_size_of_the_file():
    mebibyte = 1 << 20
    assert average_chunk_size(0) == average_chunk_size(256 * mebibyte) == 16 * 1024
    assert average_chunk_size(256 * mebibyte + 1) == 64 * 1024
    assert average_chunk_size(1 << 40) == mebibyte


def test_a_short_file_is_one_chunk_and_an_empty_one_none():
    assert chunk_boundaries(b"", 16 * 1024, final=True) == []
    assert chunk_boundaries(bytes(4096), 16 * 1024, final=True) == [4096]
    assert chunk_boundaries(bytes(4096), 16 * 1024, final=False) == []


def test_the_client_can_say_what_would_be_better():
    compressed = saved(np.savez_compressed, a=np.zeros(10))
    assert "savez" in advice_for("x.npz", compressed[:64])
    assert "gzip" in advice_for("x.csv.gz", b"\x1f\x8b\x08")
    assert advice_for("x.npz", saved(np.savez, a=np.zeros(10))[:64]) is None
    assert advice_for("photo.jpg", b"\xff\xd8\xff") is None
