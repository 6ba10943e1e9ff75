"""Files are put together while their segments arrive, and what comes out is what reading them through would give."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
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
    read,
    run,
)

from mlv_core.errors import DamagedContent, NotFound
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import Frame
from mlv_core.recipes import generic
from mlv_server.content import arrivals, assembly
from mlv_server.content.store import ContentStore

UPLOAD = "an upload"
NOISE = cut(np.random.default_rng(7).integers(0, 256, 6 << 20, np.uint8).tobytes())
TEXT = cut(b"".join(b"%d,%d\n" % (n, n * n) for n in range(100_000)))


async def send(store: ContentStore, frames: list[Frame]) -> None:
    await store.put_pack(DOMAIN, UPLOAD, chunks_of(pack_of(frames)))


def recipe_first(new: File, base: File | None = None) -> list[Frame]:
    """What a client sends for a file of several segments, in its order."""
    frames = frames_for(new, base)
    return [frames[-1], *frames[:-1]]


def made(store: ContentStore, file: File) -> ContentHash | None:
    """What the server has already found that a file's recipe gives."""
    found = store._assemblies._done.get((DOMAIN, hash_content(file.recipe.encode())))
    return None if found is None else found.content


@pytest.mark.parametrize("file", [model(), TEXT, NOISE], ids=["model", "text", "noise"])
def test_a_file_is_proved_when_its_last_segment_is_there(tmp_path: Path, file: File):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            await send(store, recipe_first(file))
            assert made(store, file) == file.name
            await store.prove(DOMAIN, [file.item])
            await store.db.write(lambda tx: tx.contents.record(DOMAIN, [file.item]))
            forget(store)
            assert await read(store, file) == file.plain

    run(body)


def test_a_copy_is_kept_unless_packs_hold_the_bytes_as_they_are(tmp_path: Path):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            await send(store, [*recipe_first(TEXT), *recipe_first(NOISE)])
            assert store.materialized.holds(DOMAIN, TEXT.name)
            assert not store.materialized.holds(DOMAIN, NOISE.name)

    run(body)


def test_unchanged_segments_are_taken_from_the_store(tmp_path: Path):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            old, new = model(), model(steps=3)
            await commit(store, old)
            await send(store, recipe_first(new, old))
            assert made(store, new) == new.name
            edited = cut(TEXT.plain[:200_000] + b"inserted" + TEXT.plain[200_000:])
            await commit(store, TEXT)
            await send(store, recipe_first(edited, TEXT))
            assert made(store, edited) == edited.name

    run(body)


def test_segments_that_came_in_two_packs_or_in_no_order(tmp_path: Path):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            first, *rest = recipe_first(NOISE)
            await send(store, [first, *rest[:2]])
            await send(store, rest[:1:-1])
            assert made(store, NOISE) == NOISE.name

    run(body)


def test_a_file_that_waits_with_too_much_is_read_through_at_publish(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(assembly, "HELD_BYTES", 1 << 20)

    async def body() -> None:
        async with open_store(tmp_path) as store:
            first, *rest = recipe_first(NOISE)
            await send(store, [first, *rest[::-1]])
            assert made(store, NOISE) is None
            assert store._assemblies._held == 0
            await store.prove(DOMAIN, [NOISE.item])

    run(body)


def test_a_recipe_that_gives_another_file_is_refused(tmp_path: Path):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            await send(store, recipe_first(TEXT))
            _, size, recipe = TEXT.item
            with pytest.raises(DamagedContent, match="another file"):
                await store.prove(DOMAIN, [(hash_content(b"something else"), size, recipe)])
            with pytest.raises(DamagedContent):
                await store.prove(DOMAIN, [(TEXT.name, size + 1, recipe)])

    run(body)


def test_what_was_put_together_from_a_refused_pack_is_not_there(tmp_path: Path):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            pack = pack_of(recipe_first(TEXT))
            with pytest.raises(DamagedContent):
                await store.put_pack(DOMAIN, UPLOAD, chunks_of(pack[:-4]))
            with pytest.raises(NotFound):
                await store.prove(DOMAIN, [TEXT.item])
            await send(store, recipe_first(TEXT))
            await store.prove(DOMAIN, [TEXT.item])

    run(body)


def test_uploads_that_end_early_leave_nothing_open(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(assembly, "OPEN_LIMIT", 2)

    async def body() -> None:
        async with open_store(tmp_path) as store:
            files = [cut(bytes([n]) + TEXT.plain) for n in range(5)]
            for file in files:
                await send(store, recipe_first(file)[:2])
            assert len(store._assemblies._open) == 2
            with pytest.raises(DamagedContent):
                await store.put_pack(DOMAIN, UPLOAD, chunks_of(b"no pack"))
            assert not store._assemblies._open
            assert not store._assemblies._waiting
            assert store._assemblies._held == 0
            assert list((store.materialized._root / "tmp").glob("*")) == []

    run(body)


def test_a_file_that_only_begins_like_a_recipe_is_content(tmp_path: Path):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            false = cut(b"MLVR" + bytes(1000))
            wrong = generic(len(false.plain), [(false.name, len(false.plain))])
            await store.put_pack(DOMAIN, UPLOAD, chunks_of(pack_of(frames_for(File(false.plain, wrong)))))
            await store.prove(DOMAIN, [(false.name, len(false.plain), None)])

    run(body)


def test_F4_a_damaged_copy_of_a_base_does_not_refuse_a_sound_delta(tmp_path: Path):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            old, new = model(), model(steps=1)
            await send(store, recipe_first(old))
            await store.prove(DOMAIN, [old.item])
            copy = store.materialized._path(DOMAIN, old.name)
            copy.write_bytes(bytes(len(old.plain)))
            forget(store)
            await send(store, recipe_first(new, old))
            await store.prove(DOMAIN, [new.item])
            assert made(store, new) == new.name
            assert not copy.exists()

    run(body)


@pytest.mark.parametrize("file", [TEXT, NOISE], ids=["text", "noise"])
def test_noise_whose_recipe_comes_last_is_proved_with_it_and_what_is_coded_gets_its_copy(tmp_path: Path, file: File):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            await send(store, [*recipe_first(model()), *frames_for(file)])
            assert made(store, file) == file.name or file is TEXT
            await store.prove(DOMAIN, [file.item])
            assert store.materialized.holds(DOMAIN, file.name) == (file is TEXT)
            await store.db.write(lambda tx: tx.contents.record(DOMAIN, [file.item]))
            forget(store)
            assert await read(store, file) == file.plain

    run(body)


def test_packs_that_run_into_each_other_are_one_file_in_the_order_of_their_begin(tmp_path: Path):
    frames = frames_for(NOISE)
    first, second = pack_of(frames[:3]), pack_of(frames[3:])

    async def body() -> None:
        async with open_store(tmp_path) as store:
            began, rest = asyncio.Event(), asyncio.Event()

            async def slow() -> AsyncIterator[bytes]:
                yield first[:-100]
                began.set()
                await rest.wait()
                yield first[-100:]

            begun = asyncio.create_task(store.put_pack(DOMAIN, UPLOAD, slow()))
            await began.wait()
            await store.put_pack(DOMAIN, UPLOAD, chunks_of(second))
            assert made(store, NOISE) is None
            rest.set()
            await begun
            await store.prove(DOMAIN, [NOISE.item])
            assert made(store, NOISE) == NOISE.name

    run(body)


@pytest.mark.parametrize("swapped", [True, False], ids=["another order", "one short"])
def test_a_recipe_that_names_other_segments_than_came_before_it_proves_nothing(tmp_path: Path, swapped: bool):
    *frames, recipe = frames_for(NOISE)
    sent = [*frames[::-1], recipe] if swapped else [*frames[1:], recipe]

    async def body() -> None:
        async with open_store(tmp_path) as store:
            await send(store, sent)
            if swapped:
                await store.prove(DOMAIN, [NOISE.item])
                assert made(store, NOISE) in {None, NOISE.name}
            else:
                with pytest.raises(NotFound):
                    await store.prove(DOMAIN, [NOISE.item])

    run(body)


def test_a_pack_that_never_ends_holds_back_only_so_much_of_those_after_it(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(arrivals, "WAITING_BYTES", 1 << 20)
    frames = frames_for(NOISE)

    async def body() -> None:
        async with open_store(tmp_path) as store:
            late = store._arrivals.begin(DOMAIN, UPLOAD)
            await send(store, frames)
            assert late.line.waiting_bytes <= 1 << 20
            assert late.line.queues == deque() or not late.waiting
            await store.prove(DOMAIN, [NOISE.item])
            store._arrivals.put(late, late.draw(), arrivals.Arrived(((TEXT.name, 1),), (memoryview(b"x"),), raw=True))

    run(body)


def test_publish_waits_for_what_came_and_not_for_what_others_go_on_sending(tmp_path: Path):
    async def body() -> None:
        async with open_store(tmp_path) as store:
            await send(store, frames_for(NOISE))
            others = store._arrivals.begin(DOMAIN, "others").line
            others.busy = True
            await store.prove(DOMAIN, [NOISE.item])
            assert made(store, NOISE) == NOISE.name
            others.busy = False

    run(body)
