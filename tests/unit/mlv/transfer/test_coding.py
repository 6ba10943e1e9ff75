"""Frames of a commit decode to what was committed, name what they stand on, and ride in packs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mlv.transfer.coding import RUN_BYTES, RUNS, Item, coded, is_noise, jobs_for
from mlv.transfer.reading import BytesSource, FileSource, cut_content
from mlv.transfer.sending import MESSAGE_BYTES, SENT_PACK_BYTES, send_frames
from mlv.transfer.types import INLINE_LIMIT_BYTES, Silent, UploadInput
from mlv_core.codecs import ALL_CODECS, Codec
from mlv_core.errors import FileChanging
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import Frame, PackParser, decode_frame
from mlv_core.recipes import needs_recipe

KIBIBYTE = 1024
"""In less, random bytes repeat too seldom for their entropy to show."""


def item(data: bytes, base: bytes | None = None, path: str = "file") -> Item:
    source = BytesSource(data)
    given = UploadInput(path, data, base)
    if base is None:
        return Item(given, cut_content(source, path), source)
    old = BytesSource(base)
    return Item(given, cut_content(source, path), source, cut_content(old, path), old)


def new_segments(items: list[Item]) -> set[ContentHash]:
    old = {s.hash for one in items if one.base_cut for s in one.base_cut.recipe.segments()}
    return {s.hash for one in items for s in one.cut.recipe.segments()} - old


def frames_of(items: list[Item], allowed: frozenset[Codec] = ALL_CODECS) -> list[Frame]:
    recipes = {one.cut.recipe.recipe_id(): one for one in items if needs_recipe(one.cut.recipe)}
    missing = new_segments(items) | set(recipes)
    return list(coded(jobs_for(items, recipes, missing, allowed), Silent()))


def decoded(frames: list[Frame], known: dict[ContentHash, bytes]) -> dict[ContentHash, bytes]:
    found = dict(known)
    sent: set[ContentHash] = set()
    for frame in frames:
        base = b"".join(found[name] for name in frame.bases) if frame.bases else None
        for (name, _), plain in zip(frame.members, decode_frame(frame, base), strict=True):
            assert name not in sent
            sent.add(name)
            found[name] = bytes(plain)
    return found


def base_segments(items: list[Item]) -> dict[ContentHash, bytes]:
    known: dict[ContentHash, bytes] = {}
    for one in items:
        if one.base_cut and one.base:
            for segment, extents in zip(one.base_cut.recipe.segments(), one.base_cut.extents, strict=True):
                known[segment.hash] = bytes(one.base.read_extents(extents))
            plain = one.base_cut.recipe.encode()
            known[hash_content(plain)] = plain
    return known


def rebuilt(one: Item, found: dict[ContentHash, bytes]) -> bytes:
    segments = [found[segment.hash] for segment in one.cut.recipe.segments()]
    return b"".join(segments[p.index][p.offset : p.offset + p.length] for p in one.cut.recipe.pieces())


def table(rows: int, changed: int | None = None) -> bytes:
    lines = [f"{i},{i * 7919 % 10007},value {i}\n" for i in range(rows)]
    if changed is not None:
        lines[changed] = "changed\n"
    return "".join(lines).encode()


@pytest.mark.parametrize("allowed", [ALL_CODECS, frozenset({Codec.RAW})])
def test_what_is_sent_gives_the_files_back(allowed: frozenset[Codec]):
    items = [
        item(table(30_000, changed=15_000), table(30_000), "rows.csv"),
        item(b"small one\n", path="a"),
        item(b"small two\n", path="b"),
        item(table(30_000), path="copy.csv"),
    ]
    found = decoded(frames_of(items, allowed), base_segments(items))
    for one in items:
        assert rebuilt(one, found) == one.given.source
        if needs_recipe(one.cut.recipe):
            assert found[one.cut.recipe.recipe_id()] == one.cut.recipe.encode()


def test_a_small_change_of_a_table_costs_little():
    items = [item(table(30_000, changed=15_000), table(30_000))]
    assert sum(len(frame.blob) for frame in frames_of(items)) < 2_000


def test_small_files_share_a_frame():
    items = [item(f"file {number}\n".encode(), path=str(number)) for number in range(500)]
    assert len(frames_of(items)) == 1


def test_the_same_content_is_coded_once():
    data = os.urandom(100_000)
    items = [item(data, path="one"), item(data, path="two")]
    members = [name for frame in frames_of(items) for name, _ in frame.members]
    assert len(members) == len(set(members))


@pytest.mark.parametrize("size", [20_000, 300_000])
def test_bytes_that_are_not_those_that_were_hashed_are_never_sent(size: int, tmp_path: Path):
    file = tmp_path / "log"
    file.write_bytes(b"a" * size)
    source = FileSource(str(file), "log")
    one = Item(UploadInput("log", str(file)), cut_content(source, "log"), source)
    stamp = file.stat()
    file.write_bytes(b"b" * size)
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(FileChanging, match="log"):
        frames_of([one])
    source.close()


def test_a_small_file_is_sent_as_it_was_read(tmp_path: Path):
    file = tmp_path / "log"
    file.write_bytes(b"as read")
    source = FileSource(str(file), "log")
    one = Item(UploadInput("log", str(file)), cut_content(source, "log"), source)
    file.write_bytes(b"changed")
    (frame,) = frames_of([one])
    assert [bytes(part) for part in decode_frame(frame, None)] == [b"as read"]


def random_frames(*sizes: int) -> list[Frame]:
    blobs = [np.random.default_rng(size).bytes(size) for size in sizes]
    return [Frame(Codec.RAW, (), ((hash_content(blob), len(blob)),), blob) for blob in blobs]


def test_few_bytes_come_back_to_be_sent_with_publish():
    frames = random_frames(1_000, 2_000)
    pack = send_frames(iter(frames), pytest.fail)
    parser = PackParser()
    assert [placed.frame.members for placed in parser.feed(pack)] == [frame.members for frame in frames]
    parser.finish()


def test_nothing_to_send_is_no_pack():
    assert send_frames(iter(()), pytest.fail) == b""


class Sent:
    """A pack that was taken as fast as it came."""

    def __init__(self, messages):
        self.messages = [b"".join(message) for message in messages]

    def when_done(self, act):
        act()

    def result(self):
        return None

    def cancel(self):
        pytest.fail("nothing went wrong")


def test_many_bytes_are_sent_in_packs_of_messages_that_a_server_takes():
    frames = random_frames(INLINE_LIMIT_BYTES + 1, 30 << 20, 30 << 20, 5 << 20)
    sent: list[Sent] = []

    def put_pack(messages):
        sent.append(Sent(messages))
        return sent[-1]

    assert send_frames(iter(frames), put_pack) == b""
    packs = [one.messages for one in sent]
    assert len(packs) == 3
    found = []
    for pack in packs:
        assert max(len(chunk) for chunk in pack) <= MESSAGE_BYTES + 1_000
        assert sum(len(chunk) for chunk in pack) < SENT_PACK_BYTES + (31 << 20)
        parser = PackParser()
        found += [placed.frame.members for chunk in pack for placed in parser.feed(chunk)]
        parser.finish()
    assert found == [frame.members for frame in frames]


@pytest.mark.parametrize("size", [100, 2 * RUNS * RUN_BYTES, 2 * RUNS * RUN_BYTES + 1, 3_000_001])
def test_noise_is_told_from_what_shrinks_wherever_that_lies(size: int):
    noise = os.urandom(size)
    assert is_noise(memoryview(noise)) == (size > KIBIBYTE)
    for place in range(0, size, -(-size // 4)):
        quarter = bytes(min(size - place, -(-size // 4)))
        mixed = noise[:place] + quarter + noise[place + len(quarter) :]
        assert len(mixed) == size
        assert not is_noise(memoryview(mixed))
