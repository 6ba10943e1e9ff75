"""Bells: a wake-up for nothing is allowed, a lost one is not."""

from __future__ import annotations

import asyncio

import pytest

from mlv_core.errors import Unreachable
from mlv_server.metadata.bells import EVERYBODY, Bells


def test_a_bell_hears_of_its_repository_alone_and_one_for_everybody_of_all() -> None:
    async def run() -> None:
        bells = Bells()
        with bells.hung(1) as own, bells.hung(EVERYBODY) as every:
            bells.ring((2,))
            assert await every.wait(10)
            assert not await own.wait(0.01)
            every.answer()
            bells.ring((1,))
            assert await own.wait(10)
            assert await every.wait(10)

    asyncio.run(run())


def test_whoever_changes_everything_rings_all() -> None:
    async def run() -> None:
        bells = Bells()
        with bells.hung(7) as own, bells.hung(EVERYBODY) as every:
            bells.ring((EVERYBODY,))
            assert await own.wait(10)
            assert await every.wait(10)

    asyncio.run(run())


def test_a_ring_after_the_answer_is_not_lost_however_many_came_before() -> None:
    async def run() -> None:
        bells = Bells()
        with bells.hung(1) as bell:
            for _ in range(100):
                bells.ring((1,))
            assert await bell.wait(10)
            bell.answer()
            assert not bell.rung
            await asyncio.to_thread(bells.ring, (1,))
            assert await bell.wait(10)

    asyncio.run(run())


def test_closing_wakes_everybody_and_lets_nobody_wait_again() -> None:
    async def run() -> None:
        bells = Bells()
        with bells.hung(EVERYBODY) as bell:
            bells.close()
            assert await bell.wait(10)
            with pytest.raises(Unreachable):
                bells.check_open()

    asyncio.run(run())
