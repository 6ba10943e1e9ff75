"""Bad packs: refused as a whole on arrival, named by the check at rest, cut to what is whole after a crash."""

from __future__ import annotations

import errno
import os
import struct

import pytest
from tests.integration.server.content_kit import (
    DOMAIN,
    chunks_of,
    commit,
    frames_for,
    model,
    open_store,
    pack_of,
    put,
    read,
    run,
)

from mlv_core.codecs import Codec, encode_group
from mlv_core.errors import DamagedContent, DiskFull, LimitExceeded, MlvError
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import Frame, PackBuilder, frame_of
from mlv_server.content import intake
from mlv_server.content.check import check_content

NO_CACHE = "[storage]\ncache = 0\n"


def files_of(store):
    return [path for path in store.blobs.root.rglob("*") if path.is_file() and "cache" not in path.parts]


async def refused(store, data: bytes, error: type[MlvError] | tuple[type[MlvError], ...]) -> MlvError:
    """The pack is refused and nothing of it shows or stays."""
    with pytest.raises(error) as caught:
        await store.put_pack(DOMAIN, "upload-7", chunks_of(data, 4096))
    assert files_of(store) == []
    assert await store.db.read(lambda tx: tx.packs.list_all()) == []
    assert await store.stored_bytes(DOMAIN) == 0
    return caught.value


def small_pack() -> bytes:
    parts = [os.urandom(3000), b"text " * 900, bytes(5000)]
    return pack_of(frame_of(encode_group(p), (), ((hash_content(p), len(p)),)) for p in parts)


def test_a_flipped_bit_anywhere_is_refused_on_arrival(tmp_path):
    async def body():
        data = small_pack()
        async with open_store(tmp_path, NO_CACHE) as store:
            # Bytes 3 of a frame header are reserved: they bear no meaning, though the pack's name covers them.
            for at in range(0, len(data), 13):
                flipped = bytearray(data)
                flipped[at] ^= 0x10
                await refused(store, bytes(flipped), (DamagedContent, LimitExceeded))

    run(body)


def test_a_truncated_pack_is_refused_at_every_length(tmp_path):
    async def body():
        data = small_pack()
        async with open_store(tmp_path, NO_CACHE) as store:
            for length in (*range(80), *range(80, len(data), 97)):
                await refused(store, data[:length], DamagedContent)

    run(body)


def test_bytes_after_the_end_are_refused(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            await refused(store, small_pack() + b"x", DamagedContent)

    run(body)


def test_an_unknown_base_is_named(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            first, second = model(), model(steps=1)
            error = await refused(store, pack_of(frames_for(second, first)), DamagedContent)
            names = {f"segment {segment.hash.hex()}" for segment in second.recipe.segments()}
            assert names & set(error.items)
            assert "upload upload-7" in error.items

    run(body)


def test_a_base_of_another_domain_is_unknown(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            first, second = model(), model(steps=1)
            await put(store, frames_for(first), DOMAIN + 1)
            with pytest.raises(DamagedContent):
                await put(store, frames_for(second, first))
            assert await store.stored_bytes(DOMAIN) == 0

    run(body)


def test_a_base_cycle_is_refused(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            one, two = hash_content(b"1" * 64), hash_content(b"2" * 64)
            blob = encode_group(b"1" * 64).blob
            cycle = [
                Frame(int(Codec.PATCH), (two,), ((one, 64),), blob),
                Frame(int(Codec.PATCH), (one,), ((two, 64),), blob),
            ]
            await refused(store, pack_of(cycle), DamagedContent)
            await refused(store, pack_of([Frame(int(Codec.PATCH), (one,), ((one, 64),), blob)]), DamagedContent)

    run(body)


def test_a_chain_over_the_limit_is_refused(tmp_path, monkeypatch):
    async def body():
        monkeypatch.setattr(intake, "UPLOAD_DEPTH", 3)
        async with open_store(tmp_path, NO_CACHE) as store:
            versions = [model(rows=80, steps=n) for n in range(6)]
            for n in range(4):
                await commit(store, versions[n], versions[n - 1] if n else None)
            with pytest.raises(DamagedContent) as caught:
                await put(store, frames_for(versions[4], versions[3]))
            assert "longer than 3" in caught.value.message
            await put(store, frames_for(versions[5]))

    run(body)


def test_a_bomb_stops_at_the_declared_size(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            huge = encode_group(bytes(60 << 20))
            assert huge.codec is Codec.ZSTD
            lie = Frame(int(Codec.ZSTD), (), ((ContentHash(bytes(32)), 100),), huge.blob)
            await refused(store, pack_of([lie]), DamagedContent)

    run(body)


def test_a_declared_size_over_the_limit_is_refused_before_anything_is_decoded(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            data = bytearray(pack_of([frame_of(encode_group(b"x" * 99), (), ((hash_content(b"x" * 99), 99),))]))
            at = data.index(struct.pack("<I", 99), 8)
            data[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
            await refused(store, bytes(data), LimitExceeded)

    run(body)


def test_a_pack_without_end_is_refused(tmp_path):
    async def endless():
        builder = PackBuilder()
        yield builder.start()
        noise = os.urandom(1 << 20)
        for n in range(200):
            part = n.to_bytes(4, "little") + noise
            yield b"".join(
                [builder.add(frame_of(encode_group(part), (), ((hash_content(part), len(part)),)))]
                if builder.size < 120 << 20
                else [part]
            )

    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            with pytest.raises((LimitExceeded, DamagedContent)):
                await store.put_pack(DOMAIN, "", endless())
            assert files_of(store) == []

    run(body)


def test_a_sender_that_goes_away_leaves_nothing(tmp_path):
    class Gone(Exception):
        pass

    async def broken(data):
        async for chunk in chunks_of(data[: len(data) // 2], 4096):
            yield chunk
        raise Gone

    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            with pytest.raises(Gone):
                await store.put_pack(DOMAIN, "", broken(pack_of(frames_for(model()))))
            assert files_of(store) == []

    run(body)


@pytest.mark.parametrize("fails", ["write", "fdatasync"])
def test_a_full_disk_is_named_and_the_same_pack_goes_in_when_there_is_room(tmp_path, monkeypatch, fails):
    async def body():
        data = pack_of(frames_for(model()))
        async with open_store(tmp_path, NO_CACHE) as store:

            def full(*_):
                raise OSError(errno.ENOSPC, "No space left on device")

            with monkeypatch.context() as patch:
                patch.setattr(os, fails, full)
                await refused(store, data, DiskFull)
            _, stored = await store.put_pack(DOMAIN, "", chunks_of(data))
            assert stored == len(data)

    run(body)


def test_the_check_names_a_flipped_bit_in_every_region_at_rest(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            file = model(rows=80)
            await commit(store, file)
            assert (await check_content(store)).damaged == []
            pack = next(iter(store.blobs.root.glob("*/packs/*/*")))
            whole = pack.read_bytes()
            for at in (0, 5, 9, 30, 200, len(whole) // 2, len(whole) - 60, len(whole) - 20, len(whole) - 1):
                flipped = bytearray(whole)
                flipped[at] ^= 1
                pack.write_bytes(flipped)
                report = await check_content(store)
                assert any(pack.name in line for line in report.damaged), at
                pack.write_bytes(whole)
                await check_content(store)
            report = await check_content(store)
            assert report.damaged == []
            assert (report.packs, report.max_depth) == (1, 0)

    run(body)


def test_the_check_names_the_files_that_a_lost_pack_takes_along(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            first, second, other = model(rows=80), model(rows=80, steps=1), model(seed=9, rows=90)
            await commit(store, first)
            await commit(store, other)
            row = (await store.db.read(lambda tx: tx.packs.list_all()))[0]
            await commit(store, second, first)
            store.blobs.delete(DOMAIN, row.pack_id)
            report = await check_content(store)
            assert report.damaged_files == {(DOMAIN, first.name), (DOMAIN, second.name)}
            await put(store, frames_for(first))
            assert (await check_content(store)).damaged == []
            assert await read(store, second) == second.plain

    run(body)


def rowless(store, data: bytes, name: bytes):
    place = store.blobs.path(DOMAIN, name)
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    return place


def pack_named(frames) -> tuple[bytes, bytes]:
    builder = PackBuilder()
    data = b"".join([builder.start(), *(builder.add(frame) for frame in frames), builder.finish()])
    return data, builder.pack_id


def test_a_pack_without_a_row_is_indexed_at_the_next_start(tmp_path):
    async def body():
        file = model(rows=80)
        data, name = pack_named(frames_for(file))
        async with open_store(tmp_path, NO_CACHE) as store:
            rowless(store, data, name)
            draft = store.blobs.draft()
            draft.write(b"half an upload")
            done = await store.recover()
            assert len(done) == 2
            assert not list(store.blobs.root.glob("tmp/*"))
            await store.prove(DOMAIN, [file.item])
            assert await store.recover() == []

    run(body)


def test_a_cut_pack_is_cut_to_its_last_whole_frame(tmp_path):
    async def body():
        file = model(rows=80)
        frames = frames_for(file)
        data, name = pack_named(frames)
        async with open_store(tmp_path, NO_CACHE) as store:
            place = rowless(store, data[: -len(frames[-1].blob) - 100], name)
            await store.recover()
            assert not place.exists()
            names = [member for frame in frames for member, _ in frame.members]
            missing = await store.find_missing(DOMAIN, names)
            assert not missing[0]
            assert missing[-1]
            assert (await check_content(store)).damaged == []

    run(body)


def test_a_pack_of_which_nothing_is_whole_is_removed(tmp_path):
    async def body():
        data, name = pack_named(frames_for(model(rows=80)))
        async with open_store(tmp_path, NO_CACHE) as store:
            place = rowless(store, data[:100], name)
            await store.recover()
            assert not place.exists()
            assert await store.stored_bytes(DOMAIN) == 0

    run(body)


def test_packs_that_stand_on_each_other_are_indexed_in_any_order(tmp_path):
    async def body():
        versions = [model(rows=80, steps=n) for n in range(4)]
        async with open_store(tmp_path / "first", NO_CACHE) as store:
            for n, version in enumerate(versions):
                await commit(store, version, versions[n - 1] if n else None)
            packs = {row.pack_id: row for row in await store.db.read(lambda tx: tx.packs.list_all())}
            saved = {pack_id: store.blobs.path(DOMAIN, pack_id).read_bytes() for pack_id in packs}
        async with open_store(tmp_path / "second", NO_CACHE) as store:
            for pack_id, data in saved.items():
                rowless(store, data, pack_id)
            await store.recover()
            await store.prove(DOMAIN, [version.item for version in versions])

    run(body)
