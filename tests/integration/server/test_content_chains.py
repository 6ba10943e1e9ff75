"""Background work: chains get short, replaced bytes go, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import random

import pytest
from tests.integration.server.content_kit import (
    File,
    commit,
    cut,
    forget,
    frames_for,
    make_settings,
    model,
    open_store,
    run,
    table,
)

from mlv_core.ids import RepositoryName
from mlv_server.content.rebase import allowed_depth
from mlv_server.services.background import Background

NO_GRACE = '[storage]\nunlink_after = 0\ncache = "64 MiB"\n'


async def repository(store):
    row = await store.db.write(lambda tx: tx.repositories.create(RepositoryName("a", "b"), "", "ann", 1))
    return row.id, row.domain_id


async def history(store, repository_id, domain_id, versions: list[File], first: int = 0):
    """Commit versions of one file, each against the one before, as Publish notes them."""
    for n, version in enumerate(versions):
        if n < first:
            continue
        before = versions[n - 1] if n else None
        await commit(store, version, before, domain_id)
        if before is not None:
            await store.db.write(
                lambda tx, n=n, before=before, version=version: tx.versions.contents.extend(
                    repository_id, 7, (before.name, n), (version.name, n + 1)
                )
            )


async def settled(store, folder, repository_id):
    background = Background(make_settings(folder, NO_GRACE), store.db, store)
    background.kick("rebase", repository_id)
    await background.settle()
    await background.close()


def on_disk(store):
    return sum(path.stat().st_size for path in store.blobs.root.glob("*/packs/*/*"))


async def content(store, domain_id, file):
    return b"".join([part async for part in store.read_range(domain_id, file.name, 0, len(file.plain))])


async def check_everything(store, domain_id, versions):
    for version in versions:
        store.materialized.drop(domain_id, version.name)
    forget(store)
    for version in versions:
        assert await content(store, domain_id, version) == version.plain


def model_chain(count):
    return [model(rows=80, steps=n) for n in range(count)]


def table_chain(count):
    lines = table(rows=8000).plain.split(b"\n")
    rng = random.Random(5)
    found = [cut(b"\n".join(lines))]
    for n in range(count - 1):
        for _ in range(5):
            lines[rng.randrange(len(lines) - 1)] = b"%d,edited,%d" % (n, rng.randrange(1 << 30))
        found.append(cut(b"\n".join(lines)))
    return found


@pytest.mark.parametrize("chain", [model_chain, table_chain])
def test_chains_follow_the_rule_after_the_background_has_settled(tmp_path, chain):
    async def body():
        async with open_store(tmp_path, NO_GRACE) as store:
            repository_id, domain_id = await repository(store)
            versions = chain(22)
            await history(store, repository_id, domain_id, versions)
            await settled(store, tmp_path, repository_id)
            for n, version in enumerate(versions):
                assert await store.depth_of(domain_id, [version.recipe]) <= allowed_depth(n) <= 9
            await check_everything(store, domain_id, versions)

    run(body)


def test_replaced_bytes_leave_the_disk(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_GRACE) as store:
            repository_id, domain_id = await repository(store)
            versions = model_chain(14)
            await history(store, repository_id, domain_id, versions)
            before = on_disk(store)
            await settled(store, tmp_path, repository_id)
            stored = await store.stored_bytes(domain_id)
            assert on_disk(store) == stored
            assert stored < 1.3 * before
            rows = await store.db.read(lambda tx: tx.packs.list_all(domain_id))
            assert sum(row.dead_bytes for row in rows) <= 0.02 * stored
            assert len(rows) < 8
            await check_everything(store, domain_id, versions)

    run(body)


def test_replaced_packs_wait_for_their_grace_period(tmp_path):
    async def body():
        patient = "[storage]\nunlink_after = 3600\n"
        async with open_store(tmp_path, patient) as store:
            repository_id, domain_id = await repository(store)
            versions = model_chain(9)
            await history(store, repository_id, domain_id, versions)
            rows = await store.db.read(lambda tx: tx.packs.list_all(domain_id))
            plans = {row.pack_id: await store.db.read(lambda tx, row=row: tx.packs.frames_of(row.id)) for row in rows}
            background = Background(make_settings(tmp_path, patient), store.db, store)
            background.kick("rebase", repository_id)
            await background.settle()
            await background.close()
            after = await store.db.read(lambda tx: tx.packs.list_all(domain_id))
            assert any(row.retired_at is not None for row in after)
            for pack_id, frames in plans.items():
                wanted = [(pack_id, frame.offset, frame.length) for frame in frames]
                assert [len(data) for data in await store.read_frames(domain_id, wanted)] == [w[2] for w in wanted]

    run(body)


def test_settling_twice_changes_nothing(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_GRACE) as store:
            repository_id, domain_id = await repository(store)
            await history(store, repository_id, domain_id, model_chain(6))
            await settled(store, tmp_path, repository_id)
            first = await store.db.read(lambda tx: tx.packs.list_all(domain_id))
            await settled(store, tmp_path, repository_id)
            assert await store.db.read(lambda tx: tx.packs.list_all(domain_id)) == first

    run(body)


def test_work_that_a_stop_left_is_done_after_the_next_start(tmp_path):
    async def body():
        versions = model_chain(9)
        async with open_store(tmp_path, NO_GRACE) as store:
            repository_id, domain_id = await repository(store)
            await history(store, repository_id, domain_id, versions)
            background = Background(make_settings(tmp_path, NO_GRACE), store.db, store)
            background.kick("rebase", repository_id)
            await background.close()
        async with open_store(tmp_path, NO_GRACE) as store:
            await store.recover()
            await settled(store, tmp_path, repository_id)
            assert await store.depth_of(domain_id, [versions[8].recipe]) <= allowed_depth(8)
            await check_everything(store, domain_id, versions)

    run(body)


def test_a_content_that_comes_back_never_becomes_its_own_base(tmp_path):
    async def body():
        async with open_store(tmp_path, NO_GRACE) as store:
            repository_id, domain_id = await repository(store)
            one = model_chain(5)
            await history(store, repository_id, domain_id, one)
            # Another file of the same repository has the same contents in the opposite order.
            await store.db.write(
                lambda tx: [
                    tx.versions.contents.extend(repository_id, 8, (before.name, 20 + n), (after.name, 21 + n))
                    for n, (before, after) in enumerate(zip(one[::-1], one[::-1][1:], strict=False))
                ]
            )
            await settled(store, tmp_path, repository_id)
            await check_everything(store, domain_id, one)

    run(body)


def test_readers_and_background_work_at_the_same_time(tmp_path):
    async def body():
        async with open_store(tmp_path, "[storage]\nunlink_after = 1\ncache = 0\n") as store:
            repository_id, domain_id = await repository(store)
            versions = model_chain(13)
            await history(store, repository_id, domain_id, versions)
            background = Background(make_settings(tmp_path, NO_GRACE.replace("= 0", "= 1")), store.db, store)
            background.kick("rebase", repository_id)

            async def reader(version):
                forget(store)
                assert await content(store, domain_id, version) == version.plain

            await asyncio.gather(*(reader(version) for version in versions))
            await background.settle()
            await background.close()
            assert frames_for(versions[1], versions[0])

    run(body)
