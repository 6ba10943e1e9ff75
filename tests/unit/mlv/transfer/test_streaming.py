"""Large new noise is sent while it is read: what leaves gives the file back, each chunk once, and its recipe last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlv.transfer import streaming
from mlv.transfer.coding import coded
from mlv.transfer.reading import FileSource, cut_content
from mlv.transfer.streaming import FileStream, is_streamed
from mlv.transfer.types import Silent, UploadInput
from mlv_core.codecs import ALL_CODECS, Codec
from mlv_core.errors import FileChanging
from mlv_core.hashing import ContentHash
from mlv_core.packs import Frame, decode_frame
from mlv_core.recipes import Recipe

NOISE = np.random.default_rng(3).bytes(5 << 20)
TEXT = b"".join(b"%d,%d\n" % (n, n * n) for n in range(400_000))


class Shown(Silent):
    """Adds up what the progress is told."""

    def __init__(self) -> None:
        self.total = 0

    def advance(self, amount: int) -> None:
        self.total += amount


class Sent:
    """What a stream gave, to a server that has `known` already."""

    def __init__(self, file: Path, known: frozenset[ContentHash] = frozenset()) -> None:
        self.asked: list[list[ContentHash]] = []
        given = UploadInput(file.name, str(file))
        self.source = FileSource(str(file), file.name)

        def ask(names: list[ContentHash]) -> set[ContentHash]:
            self.asked.append(names)
            return set(names) - known

        self.stream = FileStream(given, self.source, ask, set())
        shown = Shown()
        self.frames = list(coded(self.stream.jobs(ALL_CODECS, shown), shown))
        self.shown = shown.total

    def plains(self) -> list[tuple[ContentHash, bytes]]:
        return [
            (name, bytes(plain))
            for frame in self.frames
            for (name, _), plain in zip(frame.members, decode_frame(frame, None), strict=True)
        ]


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SLICE_BYTES", 2 << 20)


@pytest.mark.parametrize("data", [NOISE, TEXT, NOISE + TEXT + NOISE], ids=["noise", "text", "with repeats"])
def test_what_is_sent_gives_the_file_back(data: bytes, tmp_path: Path):
    file = tmp_path / "data.bin"
    file.write_bytes(data)
    sent = Sent(file)
    *chunks, (name, plain) = sent.plains()
    recipe = Recipe.decode(plain)
    found = dict(chunks)
    assert len(found) == len(chunks), "a chunk was sent twice"
    assert b"".join(found[segment.hash] for segment in recipe.segments()) == data
    assert sent.stream.item is not None
    cut = sent.stream.item.cut
    assert cut.recipe == recipe
    assert recipe.recipe_id() == name
    assert sent.shown == len(data)
    other = cut_content(sent.source, "data.bin")
    assert (cut.content, cut.recipe, cut.text) == (other.content, other.recipe, other.text)


def test_noise_is_sent_as_it_lies(tmp_path: Path):
    file = tmp_path / "data.bin"
    file.write_bytes(NOISE)
    frames: list[Frame] = Sent(file).frames[:-1]
    assert {frame.codec for frame in frames} == {Codec.RAW}
    assert len(frames) <= 1 + len(NOISE) // (1 << 20)


def test_C5_what_the_server_has_is_not_sent(tmp_path: Path):
    file = tmp_path / "data.bin"
    file.write_bytes(NOISE)
    names = [name for name, _ in Sent(file).plains()]
    half = frozenset(names[:-1:2])
    again = Sent(file, half)
    assert {name for name, _ in again.plains()} == set(names) - half
    assert again.shown == len(NOISE)
    everything = Sent(file, frozenset(names))
    assert not everything.frames
    assert everything.shown == len(NOISE)
    assert all(everything.asked)


def test_a_file_that_changes_on_the_way_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "data.bin"
    file.write_bytes(NOISE)
    real = streaming.hash_content

    def meddling(data: memoryview) -> ContentHash:
        monkeypatch.setattr(streaming, "hash_content", real)
        with file.open("ab") as stream:
            stream.write(b"more")
        return real(data)

    monkeypatch.setattr(streaming, "hash_content", meddling)
    with pytest.raises(FileChanging, match=r"data\.bin"):
        Sent(file)


def test_only_large_new_noise_without_a_format_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "STREAMED_BYTES", 1 << 20)
    ends = NOISE[: 2 << 20] + TEXT
    for name, data in (("small.bin", b"x"), ("large.bin", NOISE), ("table.csv", TEXT), ("ends.bin", ends)):
        (tmp_path / name).write_bytes(data)
    np.save(tmp_path / "array.npy", np.frombuffer(NOISE, np.uint64))
    given = {file.name: str(file) for file in tmp_path.iterdir()}
    streamed = {name: is_streamed(UploadInput(name, file), FileSource(file, name)) for name, file in given.items()}
    assert [name for name, is_so in streamed.items() if is_so] == ["large.bin"]
    with_base = UploadInput("large.bin", given["large.bin"], given["small.bin"])
    assert not is_streamed(with_base, FileSource(given["large.bin"], "large.bin"))
