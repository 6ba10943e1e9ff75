"""Who waits for background work waits for that work alone, and keeps no thread from others."""

from __future__ import annotations

import asyncio
import threading

import pytest
from tests.integration.server.content_kit import make_settings, open_store, run

from mlv_core.ids import RepositoryName
from mlv_server.services.background import Background

WAITING = 100
"""More than there are threads for what calls do beside the event loop."""


@pytest.fixture
def held(monkeypatch):
    """A re-basing that stands still until the event is set."""
    begun, go_on = threading.Event(), threading.Event()
    rebase = Background._rebase

    def held_up(self, repository_id):
        begun.set()
        assert go_on.wait(60)
        rebase(self, repository_id)

    monkeypatch.setattr(Background, "_rebase", held_up)
    yield begun, go_on
    go_on.set()


def ran(tmp_path, work):
    async def inner():
        async with open_store(tmp_path) as store:
            row = await store.db.write(lambda tx: tx.repositories.create(RepositoryName("a", "b"), "", "ann", 1))
            background = Background(make_settings(tmp_path), store.db, store)
            try:
                await asyncio.wait_for(work(background, row.id), 60)
            finally:
                await background.close()

    run(inner)


def test_calls_that_wait_for_the_rebasing_take_no_thread_from_others(tmp_path, held):
    begun, go_on = held

    async def work(background, repository_id):
        waiting = [asyncio.ensure_future(background.done("rebase", repository_id)) for _ in range(WAITING)]
        assert await asyncio.to_thread(begun.wait, 60)
        assert await asyncio.to_thread(lambda: "at once") == "at once"
        assert not any(one.done() for one in waiting)
        go_on.set()
        await asyncio.gather(*waiting)

    ran(tmp_path, work)


def test_work_that_comes_later_is_not_waited_for(tmp_path, held):
    begun, go_on = held

    async def work(background, repository_id):
        background.kick("fold", repository_id)
        await background.done("fold", repository_id)
        behind = asyncio.ensure_future(background.done("rebase", repository_id))
        assert await asyncio.to_thread(begun.wait, 60)
        again = asyncio.ensure_future(background.done("rebase", repository_id))
        await asyncio.sleep(0)
        assert not behind.done()
        go_on.set()
        await behind
        await again

    ran(tmp_path, work)


def test_who_waits_is_let_go_when_the_server_stops(tmp_path, held):
    begun, go_on = held

    async def work(background, repository_id):
        running = asyncio.ensure_future(background.done("rebase", repository_id))
        assert await asyncio.to_thread(begun.wait, 60)
        queued = [asyncio.ensure_future(background.done(kind, repository_id)) for kind in ("rebase", "fold")]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(background.close())
        await asyncio.gather(*queued)
        assert not running.done()
        go_on.set()
        await asyncio.gather(running, closing)
        await background.done("fold", repository_id)

    ran(tmp_path, work)


def test_a_call_that_is_cut_off_meanwhile_does_no_harm(tmp_path, held):
    begun, go_on = held

    async def work(background, repository_id):
        gone, stays = (asyncio.ensure_future(background.done("rebase", repository_id)) for _ in range(2))
        assert await asyncio.to_thread(begun.wait, 60)
        gone.cancel()
        go_on.set()
        await stays
        await background.done("fold", repository_id)

    ran(tmp_path, work)
