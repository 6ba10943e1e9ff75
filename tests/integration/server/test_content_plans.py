"""A plan names what to fetch so that the files come out bit for bit, for few bytes, for every kind of client."""

from __future__ import annotations

import pytest
from tests.integration.server.content_kit import DOMAIN, commit, cut, frames_for, model, open_store, put, run, table
from tests.integration.server.plan_kit import RAW_ONLY, follow, plan, wish

from mlv_core.errors import DamagedContent
from mlv_core.requests import RangeKind
from mlv_server.content.check import check_content

NO_CACHE = "[storage]\ncache = 0\n"


async def chain_of(store, versions):
    for n, version in enumerate(versions):
        await commit(store, version, versions[n - 1] if n else None)


def test_a_first_checkout_brings_everything(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            weights, rows = model(), table()
            await commit(store, weights)
            await commit(store, rows)
            part = await plan(store, [wish("a", weights), wish("b", rows)])
            files, _ = await follow(store, part, {})
            assert files == {0: weights.plain, 1: rows.plain}

    run(body)


def test_an_update_fetches_only_what_changed(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            first, second = table(), table(edits=3)
            await chain_of(store, [first, second])
            part = await plan(store, [wish("a", second, first)])
            files, fetched = await follow(store, part, {0: first.plain})
            assert files == {0: second.plain}
            assert fetched < 2000

    run(body)


def test_a_delta_comes_against_the_old_file_and_not_its_base_again(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            versions = [model(steps=n) for n in range(4)]
            await chain_of(store, versions)
            part = await plan(store, [wish("a", versions[3], versions[2])])
            files, fetched = await follow(store, part, {0: versions[2].plain})
            assert files == {0: versions[3].plain}
            assert fetched < 0.75 * len(versions[3].plain)

    run(body)


def test_a_long_way_becomes_one_direct_delta_that_is_kept(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            versions = [model(steps=n) for n in range(5)]
            await chain_of(store, versions)
            for _ in range(2):
                part = await plan(store, [wish("a", versions[4], versions[0])])
                files, fetched = await follow(store, part, {0: versions[0].plain})
                assert files == {0: versions[4].plain}
                assert fetched < 0.75 * len(versions[4].plain)
            assert store.deltas.total_bytes() > 0
            before = await store.stored_bytes(DOMAIN)
            assert before == sum(path.stat().st_size for path in store.blobs.root.glob("[0-9]*/packs/*/*"))

    run(body)


def test_going_back_works_as_going_forward(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            versions = [model(steps=n) for n in range(3)]
            await chain_of(store, versions)
            part = await plan(store, [wish("a", versions[0], versions[2])])
            files, _ = await follow(store, part, {0: versions[2].plain})
            assert files == {0: versions[0].plain}

    run(body)


def test_plain_bytes_are_sent_where_the_chain_would_cost_more(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            versions = [model(steps=n) for n in range(4)]
            await chain_of(store, versions)
            part = await plan(store, [wish("a", versions[3])])
            files, fetched = await follow(store, part, {})
            assert files == {0: versions[3].plain}
            assert fetched <= len(versions[3].plain)
            assert any(one.kind is RangeKind.FILE for one in part.ranges)

    run(body)


def test_without_the_cache_the_whole_chain_comes_in_decoding_order(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_CACHE) as store:
            versions = [model(steps=n) for n in range(4)]
            await chain_of(store, versions)
            part = await plan(store, [wish("a", versions[3])])
            files, _ = await follow(store, part, {})
            assert files == {0: versions[3].plain}

    run(body)


def test_a_client_that_knows_only_raw_gets_plain_bytes(tmp_path):
    async def body():
        for extra in ("", NO_CACHE):
            async with open_store(tmp_path / (extra and "bare"), extra) as store:
                versions, rows = [model(steps=n) for n in range(3)], table()
                await chain_of(store, versions)
                await commit(store, rows)
                part = await plan(store, [wish("a", versions[2], versions[1]), wish("b", rows)], RAW_ONLY)
                files, _ = await follow(store, part, {0: versions[1].plain}, RAW_ONLY)
                assert files == {0: versions[2].plain, 1: rows.plain}
                assert all(one.kind is RangeKind.FILE for one in part.ranges)
                assert all(one.length <= 4 << 20 for one in part.ranges)

    run(body)


def test_many_small_files_share_few_frames(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            files = [cut(b"note %d\n" % n * 40) for n in range(300)]
            frames = [frame for file in files for frame in frames_for(file)]
            await put(store, frames)
            items = [file.item for file in files]
            await store.prove(DOMAIN, items)
            await store.db.write(lambda tx: tx.contents.record(DOMAIN, items))
            part = await plan(store, [wish(f"f{n}", file) for n, file in enumerate(files)])
            got, _ = await follow(store, part, {})
            assert [got[n] for n in range(300)] == [file.plain for file in files]

    run(body)


def test_the_same_content_at_two_paths_is_fetched_once(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            file = model()
            await commit(store, file)
            once = sum(one.length for one in (await plan(store, [wish("a", file)])).ranges)
            part = await plan(store, [wish("a", file), wish("b", file)])
            files, fetched = await follow(store, part, {})
            assert fetched == once
            assert files == {0: file.plain, 1: file.plain}

    run(body)


def test_an_empty_file_has_no_pieces(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            part = await plan(store, [wish("a", cut(b""))])
            assert (part.pieces, part.ranges, len(part.changes)) == ((), (), 1)

    run(body)


def test_F4_a_damaged_frame_is_never_planned_for(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            first, second = model(), model(steps=1)
            await chain_of(store, [first, second])
            pack = max(store.blobs.root.glob("*/packs/*/*"), key=lambda path: path.stat().st_size)
            pack.write_bytes(bytes(pack.stat().st_size))
            report = await check_content(store)
            # The copies are sound, also those of segments that lie in several extents: they answer for the pack.
            assert report.dropped == []
            part = await plan(store, [wish("a", first)])
            files, _ = await follow(store, part, {})
            assert files == {0: first.plain}
            store.materialized.drop(DOMAIN, first.name)
            with pytest.raises(DamagedContent) as caught:
                await plan(store, [wish("a", first)])
            assert caught.value.items == (f"file {first.name.hex()}",)

    run(body)
