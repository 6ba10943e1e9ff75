"""Cuts cover each byte once, do not depend on how bytes arrive, and lying headers are plain bytes."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.containers import PAIRS, gguf_model, onnx_model, onnx_tensor

from mlv_core.segments import Chunker, Layout, average_chunk_size, chunk_boundaries, plan_layout
from mlv_core.segments.layout import SEGMENT_BYTES


def layout_of(data: bytes, name: str = "model.safetensors") -> Layout | None:
    return plan_layout(name, len(data), lambda offset, length: data[offset : offset + length])


def rebuilt(data: bytes, layout: Layout) -> bytes:
    """The file put together again from its two streams."""
    streams = []
    for cuts in (layout.rest, layout.typed):
        parts = []
        for cut in cuts:
            part = b"".join(data[extent.offset : extent.offset + extent.length] for extent in cut.extents)
            assert len(part) == cut.length <= SEGMENT_BYTES
            parts.append(part)
        streams.append(io.BytesIO(b"".join(parts)))
    out = b"".join(streams[number % 2].read(run) for number, run in enumerate(layout.runs))
    assert not streams[0].read()
    assert not streams[1].read()
    return out


def covered(layout: Layout) -> list[tuple[int, int]]:
    extents = sorted((e.offset, e.length) for cut in layout.typed + layout.rest for e in cut.extents)
    position = 0
    for offset, length in extents:
        assert offset == position
        position += length
    assert position == layout.size
    return extents


def safetensors(shapes: list[tuple[str, list[int]]], seed: int = 0, metadata: bool = True) -> bytes:
    widths = {"F32": 4, "BF16": 2, "F16": 2, "I64": 8, "U8": 1, "F8_E4M3": 1}
    header: dict[str, object] = {"__metadata__": {"format": "pt"}} if metadata else {}
    offset = 0
    for number, (dtype, shape) in enumerate(shapes):
        length = int(np.prod(shape)) * widths[dtype]
        header[f"layer.{number}"] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + length]}
        offset += length
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + np.random.default_rng(seed).bytes(offset)


shape_lists = st.lists(
    st.tuples(
        st.sampled_from(["F32", "BF16", "F16", "I64", "U8", "F8_E4M3"]),
        st.one_of(
            st.lists(st.integers(0, 40), max_size=3),
            st.tuples(st.integers(100, 300), st.integers(300, 1000)).map(list),
        ),
    ),
    max_size=6,
)


@given(shape_lists, st.integers(0, 5))
def test_typed_layout_covers_each_byte_exactly_once(shapes, seed):
    data = safetensors(shapes, seed)
    layout = layout_of(data)
    if layout is None:
        assert not any(np.prod(shape) >= 64 * 1024 for _, shape in shapes)
        return
    covered(layout)
    assert rebuilt(data, layout) == data


@given(shape_lists, st.data())
def test_damaged_safetensors_never_raise_and_still_cover(shapes, data):
    content = bytearray(safetensors([*shapes, ("F32", [200, 400])]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 700) - 1))] = data.draw(st.integers(0, 255))
    kept = bytes(content[: data.draw(st.integers(0, len(content)))]) if data.draw(st.booleans()) else bytes(content)
    layout = layout_of(kept)
    if layout is not None:
        covered(layout)
        assert rebuilt(kept, layout) == kept


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """A zip of arrays and other members, some deflated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(draw(st.integers(0, 4))):
            array = np.zeros(draw(st.sampled_from([3, 20_000, 700_000])), draw(st.sampled_from(["<f4", "<f2", ">i2"])))
            content = io.BytesIO()
            np.save(content, array)
            method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
            archive.writestr(f"array{number}.npy", content.getvalue(), method)
            archive.writestr(f"note{number}.txt", b"text" * draw(st.integers(0, 100)))
        archive.comment = draw(st.binary(max_size=30))
    return buffer.getvalue()


@given(archives(), st.data())
def test_zip_layout_covers_each_byte_whatever_happens_to_it(content, data):
    layout = layout_of(content, "arrays.npz")
    if layout is not None:
        covered(layout)
        assert rebuilt(content, layout) == content
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(1, min(len(damaged), 600)))
        damaged[-place] = data.draw(st.integers(0, 255))
    kept = bytes(damaged)
    layout = layout_of(kept, "arrays.npz")
    if layout is not None:
        covered(layout)
        assert rebuilt(kept, layout) == kept


@st.composite
def models(draw: st.DrawFn) -> bytes:
    """An ONNX or a GGUF model of tensors of several types and sizes."""
    counts = draw(st.lists(st.sampled_from([0, 32, 96, 4096, 32_768, 65_536, 1_200_000]), max_size=4))
    if draw(st.booleans()):
        kinds = [draw(st.sampled_from([(1, 4), (7, 8), (10, 2), (2, 1)])) for _ in counts]
        tensors = [
            onnx_tensor(f"layer.{number}", kind, [count], bytes(count * width))
            for number, (count, (kind, width)) in enumerate(zip(counts, kinds, strict=True))
        ]
        return onnx_model(tensors, nodes=draw(st.integers(0, 30)))
    blocks = [draw(st.sampled_from([(0, 1, 4), (30, 1, 2), (8, 32, 34), (2, 32, 18)])) for _ in counts]
    return gguf_model(
        [
            (f"blk.{number}", kind, [count], bytes(count // numbers * size))
            for number, (count, (kind, numbers, size)) in enumerate(zip(counts, blocks, strict=True))
        ],
        pairs=draw(st.lists(st.sampled_from(PAIRS), max_size=8)),
    )


@given(models(), st.data())
def test_onnx_and_gguf_layouts_cover_each_byte_whatever_happens_to_them(content, data):
    layout = layout_of(content, "model")
    if layout is not None:
        covered(layout)
        assert rebuilt(content, layout) == content
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, min(len(damaged), 600) - 1))] = data.draw(st.integers(0, 255))
    kept = bytes(damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged)
    layout = layout_of(kept, "model")
    if layout is not None:
        covered(layout)
        assert rebuilt(kept, layout) == kept


@given(
    st.binary(min_size=64, max_size=400),
    st.sampled_from([b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"\x80\0\0\0\0\0\0\0{", b"GGUF\x03\0\0\0", b"\x08\x08\x3a"]),
)
def test_arbitrary_bytes_after_a_magic_are_plain_bytes(tail, magic):
    assert layout_of(magic + tail + bytes(70_000)) is None


@given(st.integers(0, 400_000), st.integers(0, 3), st.lists(st.integers(1, 90_000), min_size=1, max_size=12))
def test_chunks_do_not_depend_on_how_the_stream_was_split(length, seed, feeds):
    data = np.random.default_rng(seed).bytes(length) if seed else b"same line\n" * (length // 10)
    whole = chunk_boundaries(data, 16 * 1024, final=True)
    chunker = Chunker(16 * 1024)
    chunks: list[bytes] = []
    position = turn = 0
    while position < len(data):
        step = feeds[turn % len(feeds)]
        chunks += [bytes(chunk) for chunk in chunker.feed(data[position : position + step])]
        position, turn = position + step, turn + 1
    chunks += [bytes(chunk) for chunk in chunker.finish()]
    assert b"".join(chunks) == data
    assert np.cumsum([len(chunk) for chunk in chunks]).tolist() == whole
    assert all(4096 <= len(chunk) <= 65536 for chunk in chunks[:-1])


@given(st.integers(0, 2_000_000), st.binary(min_size=1, max_size=200))
def test_an_insertion_moves_few_chunks(place, inserted):
    data = np.random.default_rng(7).bytes(2_000_000)
    edited = data[:place] + inserted + data[place:]
    assert len(chunk_set(edited) - chunk_set(data)) <= 8


def chunk_set(data: bytes) -> set[bytes]:
    ends = chunk_boundaries(data, average_chunk_size(len(data)), final=True)
    return {data[start:end] for start, end in zip([0, *ends], ends, strict=False)}
