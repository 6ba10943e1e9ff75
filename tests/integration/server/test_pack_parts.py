"""A pack shows part by part; what a failure between two parts leaves of it is sound, and the same pack completes it."""

from __future__ import annotations

import pytest
from tests.integration.server.content_kit import (
    DOMAIN,
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

from mlv_core import failpoints
from mlv_server.metadata import packs
from mlv_server.metadata.packs import NewFrame, NewPack


@pytest.fixture(autouse=True)
def disarmed(monkeypatch: pytest.MonkeyPatch):
    """A part of each frame, and no point armed afterwards."""
    monkeypatch.setattr(packs, "PART_SEGMENTS", 1)
    yield
    failpoints.arm("", int, float)


def test_parts_are_the_pack(monkeypatch):
    monkeypatch.setattr(packs, "PART_SEGMENTS", 3)
    counts = (2, 2, 9, 1, 1)
    frames = tuple(
        NewFrame(n, 1, n, 8, 0, (), tuple((bytes([n, at]) * 16, 1) for at in range(count)), b"")
        for n, count in enumerate(counts)
    )
    parts = list(NewPack(b"p", 99, frames).parts())
    assert [frame for part in parts for frame in part.frames] == list(frames)
    assert {part.others + sum(frame.length for frame in part.frames) for part in parts} == {
        sum(frame.length for frame in frames)
    }
    assert len(parts) > 1
    assert all(sum(len(frame.members) for frame in part.frames[:-1]) < 3 for part in parts)
    assert not list(NewPack(b"p", 99, ()).parts())


def test_what_a_failure_between_parts_leaves_is_sound_and_the_same_pack_completes_it(tmp_path):
    async def body():
        first = model()
        frames = frames_for(first)
        assert len(frames) > 2
        async with open_store(tmp_path) as store:
            failpoints.arm("database.committing=error@3", int, float)
            with pytest.raises(OSError, match="a failpoint"):
                await put(store, frames)
            failpoints.arm("", int, float)
        async with open_store(tmp_path) as store:
            names = [name for frame in frames for name, _ in frame.members]
            shown = await store.db.read(lambda tx: tx.segments.find(DOMAIN, names))
            assert set(names[: len(frames[0].members)]) <= shown.keys() < set(names)
            (row,) = await store.db.read(lambda tx: tx.packs.list_all(DOMAIN))
            assert 0 < row.live_bytes < row.frame_bytes
            _, stored = await put(store, frames)
            assert stored == len(pack_of(frames))
            (row,) = await store.db.read(lambda tx: tx.packs.list_all(DOMAIN))
            assert row.live_bytes == row.frame_bytes
            await commit(store, first)
            forget(store)
            store.materialized.drop(DOMAIN, first.name)
            assert await read(store, first) == first.plain

    run(body)
