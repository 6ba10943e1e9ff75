"""A local content is cut as its format asks, named by its bytes, and must not change meanwhile."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import save_file

from mlv.transfer.reading import BytesSource, CutContent, FileSource, Source, cut_content, read_extents
from mlv_core.errors import FileChanging, MissingFile
from mlv_core.hashing import hash_content
from mlv_core.recipes import needs_recipe
from mlv_core.segments import BF16, F32, Extent

KIB = 1024


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def cut_file(file: Path) -> tuple[CutContent, bytes]:
    source = FileSource(str(file), file.name)
    try:
        return cut_content(source, file.name), file.read_bytes()
    finally:
        source.close()


def rebuilt(cut: CutContent, source: Source) -> bytes:
    segments = [bytes(read_extents(source, extents)) for extents in cut.extents]
    assert [hash_content(segment) for segment in segments] == [s.hash for s in cut.recipe.segments()]
    return b"".join(segments[piece.index][piece.offset : piece.offset + piece.length] for piece in cut.recipe.pieces())


def make_safetensors(folder: Path) -> Path:
    file = folder / "model.safetensors"
    save_file({"layer.weight": numbers(1, 300, 300), "layer.bias": numbers(2, 300), "empty": numbers(3, 0)}, file)
    return file


def make_npy(folder: Path) -> Path:
    np.save(folder / "rows.npy", numbers(4, 1000, 700))
    return folder / "rows.npy"


def make_npz(folder: Path) -> Path:
    np.savez(folder / "arrays.npz", a=numbers(5, 200, 200), b=numbers(6, 30, 30))
    return folder / "arrays.npz"


def make_torch_like_zip(folder: Path) -> Path:
    file = folder / "checkpoint.pt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("checkpoint/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("checkpoint/data/0", numbers(7, 256, 256).tobytes())
        archive.writestr("checkpoint/version", b"3\n")
    return file


def make_csv(folder: Path) -> Path:
    file = folder / "rows.csv"
    file.write_text("".join(f"{i},{i * 7919 % 1000},row {i}\n" for i in range(20_000)))
    return file


def make_deflated_zip(folder: Path) -> Path:
    file = folder / "compressed.npz"
    np.savez_compressed(file, a=numbers(8, 300, 300))
    return file


MAKERS = [make_safetensors, make_npy, make_npz, make_torch_like_zip, make_csv, make_deflated_zip]


@pytest.mark.parametrize("make", MAKERS)
def test_every_format_is_put_together_again_from_its_segments(make, tmp_path: Path):
    cut, data = cut_file(make(tmp_path))
    assert cut.content == hash_content(data)
    assert cut.recipe.size == len(data)
    assert rebuilt(cut, BytesSource(data)) == data


@pytest.mark.parametrize("make", [make_safetensors, make_npy, make_npz, make_torch_like_zip])
def test_tensors_of_containers_are_segments_of_numbers(make, tmp_path: Path):
    cut, _ = cut_file(make(tmp_path))
    assert cut.recipe.typed
    assert not cut.text


def test_tensors_of_npy_know_their_element(tmp_path: Path):
    cut, _ = cut_file(make_npy(tmp_path))
    assert {segment.element for segment in cut.recipe.typed} == {F32}


def test_bf16_is_told_by_the_header(tmp_path: Path):
    raw = np.arange(64 * KIB, dtype=np.uint16).tobytes()
    header = b'{"w":{"dtype":"BF16","shape":[65536],"data_offsets":[0,131072]}}'
    file = tmp_path / "bf16.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header + raw)
    cut, _ = cut_file(file)
    assert {segment.element for segment in cut.recipe.typed} == {BF16}


@pytest.mark.parametrize("name", ["model.safetensors", "rows.npy", "arrays.npz"])
def test_a_lying_header_is_plain_bytes(name: str, tmp_path: Path):
    file = tmp_path / name
    heads = {"model.safetensors": struct.pack("<Q", 2**62) + b'{"w":', "rows.npy": b"\x93NUMPY\x01\x00\xff\xff"}
    file.write_bytes(heads.get(name, b"PK\x03\x04") + os.urandom(200 * KIB))
    cut, data = cut_file(file)
    assert not cut.recipe.typed
    assert rebuilt(cut, BytesSource(data)) == data


def test_an_empty_file_is_one_empty_segment(tmp_path: Path):
    (tmp_path / "empty").touch()
    cut, _ = cut_file(tmp_path / "empty")
    assert cut.content == hash_content(b"")
    assert cut.recipe.size == 0
    assert not needs_recipe(cut.recipe)
    assert cut.text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain words\n", True),
        ("Größe ≥ 3\n".encode(), True),
        (b"with\0zero", False),
        (b"\xff\xfe", False),
        ("cut short ≥".encode()[:-1], False),
        (("x" * 65_535 + "≥").encode() * 70, True),
        (b"a" * (5 << 20) + b"\xff", False),
    ],
)
def test_text_is_utf8_without_nul(data: bytes, text: bool):
    assert cut_content(BytesSource(data), "note").text is text


def test_the_cut_does_not_depend_on_where_blocks_end(tmp_path: Path):
    data = np.random.default_rng(3).integers(0, 50, 9 << 20, dtype=np.uint8).tobytes()
    (tmp_path / "large.bin").write_bytes(data)
    cut, _ = cut_file(tmp_path / "large.bin")
    assert cut.recipe == cut_content(BytesSource(data), "large.bin").recipe
    assert len(cut.recipe.rest) > 100


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(MissingFile, match=r"weights\.bin"):
        FileSource(str(tmp_path / "gone"), "weights.bin")


def test_a_file_that_became_shorter_is_noticed(tmp_path: Path):
    file = tmp_path / "log"
    file.write_bytes(b"x" * 100_000)
    source = FileSource(str(file), "log")
    os.truncate(file, 10_000)
    with pytest.raises(FileChanging, match="log"):
        source.read(0, 100_000)
    source.close()


@pytest.mark.parametrize("rested", [False, True])
def test_a_file_that_was_written_to_is_noticed(tmp_path: Path, rested: bool):
    file = tmp_path / "log"
    file.write_bytes(b"x" * 100_000)
    source = FileSource(str(file), "log")
    if rested:
        source.rest()
    with file.open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(FileChanging, match="log"):
        source.check_unchanged()
    source.close()


def test_a_rested_source_holds_no_handle_and_notices_another_file_in_its_place(tmp_path: Path):
    file = tmp_path / "model"
    file.write_bytes(b"first" * 10_000)
    source = FileSource(str(file), "model")
    source.rest()
    assert bytes(source.read(1, 3)) == b"irs"
    assert str(file) not in {opened.path for opened in psutil.Process().open_files()}
    (tmp_path / "other").write_bytes(b"secnd" * 10_000)
    (tmp_path / "other").replace(file)
    with pytest.raises(FileChanging):
        source.read(0, 5)


def test_extents_are_read_in_their_order(tmp_path: Path):
    (tmp_path / "letters").write_bytes(b"abcdefghij")
    extents = (Extent(0, 2), Extent(2, 1), Extent(7, 3), Extent(4, 1))
    source = FileSource(str(tmp_path / "letters"), "letters")
    assert bytes(source.read_extents(extents)) == b"abchije"
    assert bytes(BytesSource(b"abcdefghij").read_extents(extents)) == b"abchije"
    source.close()


def test_a_zip_cut_short_is_plain_bytes():
    buffer = io.BytesIO()
    np.savez(buffer, a=numbers(9, 200, 200))
    data = buffer.getvalue()[:-40]
    cut = cut_content(BytesSource(data), "arrays.npz")
    assert rebuilt(cut, BytesSource(data)) == data
