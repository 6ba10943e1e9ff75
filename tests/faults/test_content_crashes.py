"""A server killed between any two durable steps loses nothing that was acknowledged and keeps nothing twice."""

from __future__ import annotations

import pytest
from tests.integration.server.content_kit import (
    DOMAIN,
    chunks_of,
    commit,
    forget,
    frames_for,
    model,
    open_store,
    pack_of,
    put,
    read,
    run,
)

from mlv_server.content import intake, rebase, repack
from mlv_server.content.check import check_content
from mlv_server.content.rebase import Rebaser, RebaseTask
from mlv_server.content.repack import Repacker

BARE = "[storage]\ncache = 0\nunlink_after = 0\n"
LATER = 1 << 50


class Killed(BaseException):
    """Stands for SIGKILL: no handler of errors sees it, and what follows is a new process on the same folder."""


def killed_at(patch, module, step):
    def die(*_args, **_more):
        raise Killed(step)

    patch.setattr(module, step, die)


async def sound(store, versions):
    """All versions read back, nothing is damaged, foreign or kept beside the packs that the database knows."""
    forget(store)
    for version in versions:
        assert await read(store, version) == version.plain
    report = await check_content(store)
    assert (report.damaged, report.foreign) == ([], [])
    on_disk = sum(path.stat().st_size for path in store.blobs.root.rglob("*") if path.is_file())
    assert on_disk == await store.stored_bytes(DOMAIN)


def tidy_up(store):
    repacker = Repacker(store.db, store.blobs)
    repacker.repack(DOMAIN, 1)
    repacker.unlink(LATER)


def chain():
    return [model(rows=80, steps=n) for n in range(5)]


async def committed(store, versions):
    for n, version in enumerate(versions):
        await commit(store, version, versions[n - 1] if n else None)


@pytest.mark.parametrize("step", ["index_sealed", "failpoint"])
def test_N1_an_upload_killed_after_its_seal_is_taken_in_at_the_next_start(tmp_path, monkeypatch, step):
    async def body():
        file = model(rows=80)
        async with open_store(tmp_path, BARE) as store:
            with monkeypatch.context() as patch:
                killed_at(patch, intake, step)
                with pytest.raises(Killed):
                    await put(store, frames_for(file))
        async with open_store(tmp_path, BARE) as store:
            await store.recover()
            _, stored = await put(store, frames_for(file))
            assert stored == 0
            await store.prove(DOMAIN, [file.item])
            await store.db.write(lambda tx: tx.contents.record(DOMAIN, [file.item]))
            await sound(store, [file])

    run(body)


def test_N2_an_upload_killed_before_its_seal_leaves_nothing(tmp_path, monkeypatch):
    async def body():
        async with open_store(tmp_path, BARE) as store:
            draft = store.blobs.draft()
            draft.write(pack_of(frames_for(model(rows=80)))[:1000])
        async with open_store(tmp_path, BARE) as store:
            assert await store.recover() == ["removed 1 files of broken uploads"]
            await sound(store, [])

    run(body)


@pytest.mark.parametrize("step", ["index_sealed", "remove_unused", "encode_plan"])
def test_N1_rebasing_killed_at_any_step_is_done_again(tmp_path, monkeypatch, step):
    async def body():
        versions = chain()
        task = RebaseTask(versions[4].name, versions[0].name, 1)
        async with open_store(tmp_path, BARE) as store:
            await committed(store, versions)
            with monkeypatch.context() as patch:
                killed_at(patch, rebase, step)
                with pytest.raises(Killed):
                    Rebaser(store.db, store.blobs, store.reader).rebase(DOMAIN, [task], 1)
        async with open_store(tmp_path, BARE) as store:
            await store.recover()
            Rebaser(store.db, store.blobs, store.reader).rebase(DOMAIN, [task], 1)
            assert await store.depth_of(DOMAIN, [versions[4].recipe]) == 1
            tidy_up(store)
            await sound(store, versions)

    run(body)


@pytest.mark.parametrize("step", ["index_sealed", "remove_unused", "remove_retired"])
def test_N1_repacking_killed_at_any_step_is_done_again(tmp_path, monkeypatch, step):
    async def body():
        versions = chain()
        async with open_store(tmp_path, BARE) as store:
            await committed(store, versions)
            Rebaser(store.db, store.blobs, store.reader).rebase(DOMAIN, [RebaseTask(versions[3].name, None, 0)], 1)
            monkeypatch.setattr(repack, "SMALL_MANY", 2)
            with monkeypatch.context() as patch:
                killed_at(patch, repack, step)
                with pytest.raises(Killed):
                    tidy_up(store)
        async with open_store(tmp_path, BARE) as store:
            await store.recover()
            tidy_up(store)
            await sound(store, versions)
            assert len(await store.db.read(lambda tx: tx.packs.list_all(DOMAIN))) == 1

    run(body)


def test_a_pack_that_is_removed_while_the_same_arrives_again_is_not_lost(tmp_path):
    async def body():
        file = model(rows=80)
        async with open_store(tmp_path, BARE) as store:
            await commit(store, file)
            (row,) = await store.db.read(lambda tx: tx.packs.list_all(DOMAIN))
            place = store.blobs.path(DOMAIN, row.pack_id)
            data = place.read_bytes()
            place.write_bytes(bytes(len(data)))
            assert (await check_content(store)).damaged
            await store.put_pack(DOMAIN, "", chunks_of(data))
            Repacker(store.db, store.blobs).unlink(LATER)
            await sound(store, [file])

    run(body)
