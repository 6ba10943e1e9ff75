"""ONNX and GGUF models are understood as what they are, lying ones as plain bytes."""

from __future__ import annotations

import struct
from itertools import count

import pytest
from tests.containers import ALIGN_64, PAIRS, field, gguf_model, gguf_pair, gguf_text, onnx_model, onnx_tensor, varint

from mlv_core.segments import (
    BF16,
    BOOL,
    F8_E4M3,
    F16,
    F32,
    F64,
    HEADER_KEY,
    I8,
    I64,
    OPAQUE,
    REST_KEY,
    U8,
    U16,
    plan_layout,
)

BIG = bytes(range(256)) * 300  # 76,800 bytes


def layout_of(data: bytes, name: str = "model"):
    return plan_layout(name, len(data), lambda offset, length: data[offset : offset + length])


def typed(data: bytes) -> list[tuple[str, object, bytes]]:
    """Key, element type and content of each typed piece."""
    layout = layout_of(data)
    assert layout is not None
    return [
        (cut.key, cut.element, data[cut.extents[0].offset : cut.extents[0].offset + cut.length]) for cut in layout.typed
    ]


# --- ONNX --------------------------------------------------------------------------------------------------------


def test_initializers_are_typed_and_what_lies_before_them_is_the_header():
    small = onnx_tensor("bias", 1, [10], bytes(40))
    data = onnx_model([onnx_tensor("weight", 1, [19_200], BIG), small])
    layout = layout_of(data)
    assert layout.format == "onnx"
    assert typed(data) == [("weight\x1ff32\x1f1:19200", F32, BIG)]
    assert [cut.element for cut in layout.rest] == [OPAQUE, F32]
    assert layout.rest[0].key == HEADER_KEY
    assert layout.rest[1].key.startswith(REST_KEY)
    assert layout.rest[0].length == data.index(BIG)


@pytest.mark.parametrize(
    ("kind", "numbers", "element"),
    [
        (2, 76_800, U8), (3, 76_800, I8), (7, 9_600, I64), (9, 76_800, BOOL), (10, 38_400, F16), (11, 9_600, F64),
        (14, 9_600, F32), (15, 4_800, F64), (16, 38_400, BF16), (17, 76_800, F8_E4M3), (21, 153_599, U8),
        (22, 153_600, U8), (26, 307_197, U8), (99, 5, U8),
    ],
)  # fmt: skip
def test_element_types_come_from_the_model(kind, numbers, element):
    assert typed(onnx_model([onnx_tensor("w", kind, [numbers], BIG)])) == [
        (f"w\x1f{element.name}\x1f{kind}:{numbers}", element, BIG)
    ]


def test_fields_may_come_in_any_order_and_dimensions_packed():
    name, raw, kind = field(8, b"w"), field(9, BIG), field(2, 16)
    packed = field(1, varint(192) + varint(200))
    expected = [("w\x1fbf16\x1f16:192,200", BF16, BIG)]
    assert typed(onnx_model([raw + packed + kind + name])) == expected
    assert typed(onnx_model([field(12, b"doc") + kind + field(1, 192) + name + field(1, 200) + raw])) == expected


def test_floats_in_a_field_of_their_own_are_floats():
    assert typed(onnx_model([onnx_tensor("w", 1, [19_200], BIG, data_field=4)]))[0][1] == F32
    assert typed(onnx_model([onnx_tensor("w", 11, [9_600], BIG, data_field=10)]))[0][1] == F64
    assert typed(onnx_model([onnx_tensor("w", 14, [9_600], BIG, data_field=4)]))[0][1] == U8


def test_a_model_whose_weights_lie_beside_it_is_plain_bytes():
    external = field(1, 19_200) + field(2, 1) + field(8, b"w") + field(13, field(1, b"location")) + field(14, 1)
    assert layout_of(onnx_model([external], after=field(6, bytes(70_000)))) is None


WEIGHT = onnx_tensor("w", 1, [19_200], BIG)
LYING_ONNX = {
    "shape and length differ": onnx_model([onnx_tensor("w", 1, [19_201], BIG)]),
    "huge shape": onnx_model([onnx_tensor("w", 1, [2**62] * 3, BIG)]),
    "many dimensions": onnx_model([onnx_tensor("w", 1, [1] * 65 + [19_200], BIG)]),
    "numbers twice": onnx_model([WEIGHT + field(9, BIG)]),
    "long name": onnx_model([onnx_tensor("w" * 5000, 1, [19_200], BIG)]),
    "name is no text": onnx_model([WEIGHT + field(8, b"\xff\xfe")]),
    "two graphs": onnx_model([WEIGHT]) + field(7, b""),
    "no graph": field(1, 8) + field(2, BIG),
    "graph is a number": field(1, 8) + field(7, 5) + field(2, BIG),
    "no large tensor": onnx_model([onnx_tensor("w", 1, [10], bytes(40))], after=field(6, bytes(70_000))),
    "ends early": onnx_model([WEIGHT])[:-1],
    "bytes after the end": onnx_model([WEIGHT]) + b"\xff",
    "a group": onnx_model([WEIGHT], after=varint(30 << 3 | 3)),
    "field zero": onnx_model([WEIGHT], after=field(0, 1)),
    "endless number": onnx_model([WEIGHT], after=varint(30 << 3) + b"\x80" * 20),
    "length over the end": onnx_model([WEIGHT], after=varint(30 << 3 | 2) + varint(2**63)),
    "packed dimensions without an end": onnx_model([field(1, b"\x80" * 700) + WEIGHT]),
    "broken packed dimensions": onnx_model([field(1, b"\x80\x80") + WEIGHT]),
    "dimensions are fixed numbers": onnx_model([varint(1 << 3 | 5) + bytes(4) + WEIGHT]),
    "initializer over the graph": field(1, 8) + field(7, varint(5 << 3 | 2) + varint(len(BIG))) + BIG,
}


@pytest.mark.parametrize("data", LYING_ONNX.values(), ids=LYING_ONNX.keys())
def test_a_lying_model_is_plain_bytes(data):
    assert len(data) > 64 * 1024
    assert layout_of(data) is None


def test_unknown_fields_of_every_kind_are_passed_over():
    unknown = varint(40 << 3 | 1) + bytes(8) + varint(41 << 3 | 5) + bytes(4) + field(42, 2**63) + field(43, b"more")
    assert typed(onnx_model([unknown + WEIGHT], after=unknown))[0][2] == BIG


# --- GGUF --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 3])
def test_tensors_are_found_behind_pairs_of_every_sort(version):
    data = gguf_model([("a", 0, [96, 200], BIG), ("b", 0, [3], bytes(12)), ("c", 30, [38_400], BIG)], version=version)
    layout = layout_of(data)
    assert layout.format == "gguf"
    assert typed(data) == [("a\x1ff32\x1f0:96,200", F32, BIG), ("c\x1fbf16\x1f30:38400", BF16, BIG)]
    assert layout.rest[0].key == HEADER_KEY
    assert layout.rest[0].length == data.index(BIG)


def test_the_alignment_is_the_one_that_the_file_names():
    tensors = [("b", 0, [3], bytes(12)), ("a", 0, [19_200], BIG)]
    assert typed(gguf_model(tensors, pairs=(*PAIRS, ALIGN_64), alignment=64))[0][2] == BIG
    assert layout_of(gguf_model(tensors, pairs=(*PAIRS, ALIGN_64), alignment=32)) is None


@pytest.mark.parametrize(
    ("kind", "numbers", "size", "element"),
    [
        (2, 32, 18, U16), (3, 32, 20, U16), (6, 32, 22, U16), (7, 32, 24, U16), (8, 32, 34, U16), (10, 256, 84, U16),
        (11, 256, 110, U16), (12, 256, 144, U16), (13, 256, 176, U16), (14, 256, 210, U16), (39, 32, 17, U8),
    ],
)  # fmt: skip
def test_quantized_blocks_are_coded_as_16_bit_numbers_where_they_can(kind, numbers, size, element):
    rows = next(number for number in count(1) if number * 4 * size >= 64 * 1024)
    content = (BIG * 2)[: rows * 4 * size]
    assert typed(gguf_model([("q", kind, [4 * numbers, rows], content)])) == [
        (f"q\x1f{element.name}\x1f{kind}:{4 * numbers},{rows}", element, content)
    ]


def lying_gguf(*pairs: bytes, **changes: object) -> bytes:
    tensor = {"name": "w", "kind": 0, "shape": [19_200]} | changes
    return gguf_model([(tensor["name"], tensor["kind"], tensor["shape"], BIG)], pairs=pairs)


LYING_GGUF = {
    "version 1": gguf_model([("w", 0, [19_200], BIG)], version=1),
    "version 4": gguf_model([("w", 0, [19_200], BIG)], version=4),
    "big endian": gguf_model([("w", 0, [19_200], BIG)], version=3 << 24),
    "two million tensors": b"GGUF" + struct.pack("<IQQ", 3, 2_000_000, 0) + BIG,
    "2**63 pairs": b"GGUF" + struct.pack("<IQQ", 3, 1, 2**63) + BIG,
    "over the end": lying_gguf(shape=[19_201]),
    "huge shape": lying_gguf(shape=[2**63, 2**63]),
    "many dimensions": lying_gguf(shape=[1] * 8 + [19_200]),
    "unknown type": lying_gguf(kind=4),
    "no whole block": lying_gguf(kind=8, shape=[33]),
    "a block of no dimension": lying_gguf(kind=8, shape=[]),
    "long name": lying_gguf(name="w" * 5000),
    "name is no text": gguf_model([("w", 0, [19_200], BIG)]).replace(gguf_text("w"), gguf_text(b"\xff")),
    "long key": lying_gguf(gguf_pair("k" * 5000, 4, bytes(4))),
    "value of no known type": lying_gguf(gguf_pair("k", 13, bytes(8))),
    "list of lists": lying_gguf(gguf_pair("k", 9, struct.pack("<IQ", 9, 1) + bytes(12))),
    "list over the end": lying_gguf(gguf_pair("k", 9, struct.pack("<IQ", 10, 2**61))),
    "texts without an end": lying_gguf(gguf_pair("k", 9, struct.pack("<IQ", 8, 2**63))),
    "text over the end": lying_gguf(gguf_pair("k", 8, struct.pack("<Q", 2**63))),
    "no alignment": lying_gguf(gguf_pair("general.alignment", 4, bytes(4))),
    "odd alignment": lying_gguf(gguf_pair("general.alignment", 4, struct.pack("<I", 48))),
    "huge alignment": lying_gguf(gguf_pair("general.alignment", 4, struct.pack("<I", 1 << 31))),
    "alignment is a text": lying_gguf(gguf_pair("general.alignment", 8, gguf_text("32"))),
    "overlap": gguf_model([("a", 0, [19_200], BIG), ("b", 0, [19_200], b"")]).replace(
        gguf_text("b") + struct.pack("<IQIQ", 1, 19_200, 0, 76_800), gguf_text("b") + struct.pack("<IQIQ", 1, 8, 0, 0)
    ),
    "not aligned": gguf_model([("a", 0, [8], BIG)]).replace(
        struct.pack("<IQIQ", 1, 8, 0, 0), struct.pack("<IQIQ", 1, 8, 0, 16)
    ),
    "only the magic": b"GGUF" + bytes(70_000),
}


@pytest.mark.parametrize("data", LYING_GGUF.values(), ids=LYING_GGUF.keys())
def test_a_lying_gguf_is_plain_bytes(data):
    assert len(data) > 64 * 1024
    assert layout_of(data) is None


def test_a_list_of_millions_of_texts_is_left_alone_within_bounds():
    texts = struct.pack("<IQ", 8, 6_000_000) + bytes(8 * 6_000_000)
    data = lying_gguf(gguf_pair("k", 9, texts))
    reads: list[int] = []

    def read_at(offset: int, length: int) -> bytes:
        reads.append(length)
        return data[offset : offset + length]

    assert plan_layout("m.gguf", len(data), read_at) is None
    assert sum(reads) < 64 * 1024 * 1024
    assert max(reads) <= 16 * 1024
