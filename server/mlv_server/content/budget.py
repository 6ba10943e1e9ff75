"""A bound on the bytes that work in flight may hold."""

from __future__ import annotations

import asyncio
from collections import deque


class ByteBudget:
    """`limit` bytes shared by everything in flight; who wants more waits, first come first served.

    A single wish over the limit is given when nothing else is in flight, so that none waits for ever.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, amount: int) -> None:
        """Wait until `amount` bytes are free, and take them."""
        if not self._waiting and self._fits(amount):
            self._used += amount
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(amount)
            raise

    def give(self, amount: int) -> None:
        """Give `amount` bytes back."""
        self._used -= amount
        while self._waiting:
            wish, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
                continue
            if not self._fits(wish):
                return
            self._waiting.popleft()
            self._used += wish
            turn.set_result(None)

    def _fits(self, amount: int) -> bool:
        return self._used == 0 or self._used + amount <= self._limit
