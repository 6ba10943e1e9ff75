"""What bounds memory: the cache of plain segments and the budget of bytes in flight."""

from __future__ import annotations

import asyncio

from mlv_core.hashing import ContentHash
from mlv_server.content.budget import ByteBudget
from mlv_server.content.memory import PlainCache


def key(number: int) -> tuple[int, ContentHash]:
    return 1, ContentHash(number.to_bytes(32, "big"))


def test_the_segments_used_longest_ago_go_first():
    cache = PlainCache(1000)
    for number in range(10):
        cache.put(key(number), bytes(100))
    assert cache.get(key(0)) is not None
    cache.put(key(10), bytes(100))
    assert key(0) in cache
    assert key(1) not in cache


def test_one_large_segment_does_not_push_out_all_others():
    cache = PlainCache(1000)
    cache.put(key(1), bytes(100))
    cache.put(key(2), bytes(500))
    assert key(1) in cache
    assert key(2) not in cache


def test_a_budget_is_never_exceeded_and_everybody_gets_a_turn():
    async def body():
        budget, held, most, done = ByteBudget(100), 0, 0, []

        async def work(number: int, amount: int):
            nonlocal held, most
            await budget.take(amount)
            held += amount
            most = max(most, held)
            await asyncio.sleep(0)
            held -= amount
            budget.give(amount)
            done.append(number)

        await asyncio.gather(*(work(number, 10 + 7 * (number % 9)) for number in range(50)))
        assert most <= 100
        assert len(done) == 50

    asyncio.run(body())


def test_a_wish_over_the_budget_is_given_alone():
    async def body():
        budget = ByteBudget(100)
        await budget.take(60)
        large = asyncio.create_task(budget.take(500))
        small = asyncio.create_task(budget.take(10))
        await asyncio.sleep(0)
        assert not large.done()
        budget.give(60)
        await large
        assert not small.done()
        budget.give(500)
        await small

    asyncio.run(body())


def test_who_stops_waiting_takes_nothing():
    async def body():
        budget = ByteBudget(100)
        await budget.take(100)
        gone = asyncio.create_task(budget.take(50))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        budget.give(100)
        await asyncio.wait_for(budget.take(100), 5)

    asyncio.run(body())
