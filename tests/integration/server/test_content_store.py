"""The content store keeps what clients send, gives it back bit for bit, and tells damage from sound content."""

from __future__ import annotations

import os

import pytest
from tests.integration.server.content_kit import (
    DOMAIN,
    File,
    chunks_of,
    commit,
    cut,
    forget,
    frames_for,
    model,
    open_store,
    pack_of,
    put,
    read,
    run,
    table,
)

from mlv_core.codecs import encode_group, encode_patch
from mlv_core.errors import DamagedContent, NotFound
from mlv_core.hashing import hash_content
from mlv_core.packs import frame_of
from mlv_core.recipes import generic


def pack_files(store):
    return [path for path in store.blobs.root.glob("*/packs/*/*") if path.is_file()]


def test_a_chain_of_versions_reads_back_from_copies_and_without_them(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            versions = [model(steps=n) for n in range(5)]
            for n, version in enumerate(versions):
                await commit(store, version, versions[n - 1] if n else None)
            for version in versions:
                assert await read(store, version) == version.plain
            for version in versions:
                store.materialized.drop(DOMAIN, version.name)
            forget(store)
            for version in versions:
                assert await read(store, version) == version.plain
            assert await store.depth_of(DOMAIN, [versions[4].recipe]) == 4

    run(body)


@pytest.mark.parametrize("settings", ["", "[storage]\ncache = 0\n"], ids=["copies", "packs"])
def test_a_table_reads_back_by_any_range(tmp_path, settings):
    async def body():
        async with open_store(tmp_path, settings) as store:
            first, second = table(), table(edits=30)
            await commit(store, first)
            await commit(store, second, first)
            forget(store)
            for offset, length in ((0, 10), (123_456, 70_000), (len(second.plain) - 5, 100), (0, len(second.plain))):
                assert await read(store, second, offset, length) == second.plain[offset : offset + length]

    run(body)


def test_content_survives_a_restart(tmp_path):
    async def body():
        first, second = model(), model(steps=1)
        async with open_store(tmp_path) as store:
            await commit(store, first)
        async with open_store(tmp_path) as store:
            assert await store.recover() == []
            assert store.materialized.holds(DOMAIN, first.name)
            await commit(store, second, first)
            assert await read(store, second) == second.plain

    run(body)


def test_P5_an_upload_is_skipped_only_for_content_of_the_same_domain(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            file = model()
            names = [segment.hash for segment in file.recipe.segments()]
            await commit(store, file)
            assert not any(await store.find_missing(DOMAIN, names))
            assert all(await store.find_missing(DOMAIN + 1, names))
            with pytest.raises(NotFound):
                await anext(store.read_range(DOMAIN + 1, file.name, 0, 1))

    run(body)


def test_the_same_pack_twice_is_one(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            frames = frames_for(model())
            pack_id, stored = await put(store, frames)
            assert stored == len(pack_of(frames))
            assert await put(store, frames) == (pack_id, 0)
            assert len(pack_files(store)) == 1
            assert await store.stored_bytes(DOMAIN) == stored

    run(body)


def test_segments_of_two_packs_are_kept_once(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            file = model()
            frames = frames_for(file)
            await put(store, frames)
            _, stored = await put(store, frames[:1])
            assert stored == 0
            assert len(pack_files(store)) == 1

    run(body)


def test_a_base_may_come_earlier_in_the_same_pack(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            first, second = model(), model(steps=1)
            await put(store, [*frames_for(first), *frames_for(second, first)])
            await store.prove(DOMAIN, [first.item, second.item])

    run(body)


def test_proof_refuses_a_recipe_that_gives_another_file(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            file = table(rows=10_000)
            swapped = list(file.recipe.rest)
            swapped[0], swapped[1] = swapped[1], swapped[0]
            liar = File(file.plain, generic(len(file.plain), [(s.hash, s.length) for s in swapped]))
            await put(store, frames_for(file)[:-1])
            await put(store, [frame_of(encode_group(r := liar.recipe.encode()), (), ((hash_content(r), len(r)),))])
            with pytest.raises(DamagedContent) as caught:
                await store.prove(DOMAIN, [liar.item])
            assert f"file {file.name.hex()}" in caught.value.items
            assert not store.materialized.holds(DOMAIN, file.name)

    run(body)


def test_proof_names_the_segment_that_was_not_sent(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            file = model()
            frames = frames_for(file)
            await put(store, frames[1:])
            with pytest.raises(NotFound) as caught:
                await store.prove(DOMAIN, [file.item])
            assert f"segment {frames[0].members[0][0].hex()}" in caught.value.items

    run(body)


def test_small_and_empty_files_need_no_recipe(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            small, empty = cut(b"lr: 0.1\n"), cut(b"")
            await put(store, frames_for(small))
            assert await store.find_missing(DOMAIN, [empty.name]) == [False]
            items = [small.item, (empty.name, 0, None)]
            await store.prove(DOMAIN, items)
            await store.db.write(lambda tx: tx.contents.record(DOMAIN, items))
            assert await read(store, small) == small.plain
            assert await read(store, empty) == b""
            with pytest.raises(DamagedContent):
                await store.prove(DOMAIN, [(small.name, 9, None)])

    run(body)


def test_F4_a_damaged_frame_is_named_never_delivered_and_healed_by_the_same_content(tmp_path):
    async def body():
        async with open_store(tmp_path, "[storage]\ncache = 0\n") as store:
            file = model()
            await commit(store, file)
            forget(store)
            pack = pack_files(store)[0]
            with pack.open("r+b") as stream:
                stream.seek(pack.stat().st_size // 2)
                byte = stream.read(1)
                stream.seek(-1, os.SEEK_CUR)
                stream.write(bytes([byte[0] ^ 1]))
            with pytest.raises(DamagedContent) as caught:
                await read(store, file)
            assert f"file {file.name.hex()}" in caught.value.items
            assert any(item.startswith("segment ") for item in caught.value.items)
            names = [segment.hash for segment in file.recipe.segments()]
            assert sum(await store.find_missing(DOMAIN, names)) == 1
            await put(store, frames_for(file))
            assert not any(await store.find_missing(DOMAIN, names))
            assert await read(store, file) == file.plain

    run(body)


def test_a_copy_answers_with_whole_segments(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            file = table(rows=10_000)
            await commit(store, file)
            copy = store.materialized
            first, second = file.recipe.segments()[0].length, file.recipe.segments()[1].length
            assert copy.read_some(DOMAIN, file.name, 0, first + second + 1) == file.plain[: first + second]
            assert copy.read_some(DOMAIN, file.name, first, second) == file.plain[first : first + second]
            assert copy.read_some(DOMAIN, file.name, 1, len(file.plain)) is None
            assert copy.read_some(DOMAIN, file.name, 0, first - 1) is None
            assert copy.read_some(DOMAIN, hash_content(b"other"), 0, first) is None

    run(body)


def test_F4_a_damaged_copy_is_dropped_and_the_packs_answer(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            file = model()
            await commit(store, file)
            forget(store)
            copy = next(p for p in store.blobs.root.glob("cache/files/*/*/*") if not p.suffix)
            data = bytearray(copy.read_bytes())
            data[len(data) // 2] ^= 1
            copy.write_bytes(data)
            assert await read(store, file) == file.plain
            assert not store.materialized.holds(DOMAIN, file.name)

    run(body)


def test_the_cache_stays_in_its_bound(tmp_path):
    async def body():
        async with open_store(tmp_path, '[storage]\ncache = "4 MiB"\n') as store:
            versions = [model(seed=seed) for seed in range(5)]
            for version in versions:
                await commit(store, version)
            assert 0 < await store.cache_bytes() <= 4 << 20
            assert store.materialized.holds(DOMAIN, versions[-1].name)
            assert not store.materialized.holds(DOMAIN, versions[0].name)

    run(body)


def test_an_upload_in_small_pieces_is_the_same_pack(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            data = pack_of(frames_for(model()))
            whole = await store.put_pack(DOMAIN, "a", chunks_of(data))
            assert await store.put_pack(DOMAIN, "b", chunks_of(data, 1000)) == (whole[0], 0)

    run(body)


def test_a_base_of_a_refused_upload_is_no_base(tmp_path):
    """Its bytes are still at hand, but nothing would hold them: what stood on them could never be read again."""
    old = os.urandom(200_000)
    new = old + b"more"
    names = tuple((hash_content(plain), len(plain)) for plain in (old, new))
    base = frame_of(encode_group(old), (), names[:1])
    delta = frame_of(encode_patch(new, old), (names[0][0],), names[1:])
    wrong = frame_of(encode_group(old), (), ((hash_content(b"other"), len(old)),))

    async def body():
        async with open_store(tmp_path) as store:
            with pytest.raises(DamagedContent):
                await put(store, [base, wrong])
            assert store.reader.at_hand(DOMAIN, names[0][0]) == old
            for frames in ([delta], [delta, base]):
                with pytest.raises(DamagedContent, match="unknown base"):
                    await put(store, frames)
            await put(store, [base, delta])
            assert store.reader.read(DOMAIN, names[1][0]) == new

    run(body)
