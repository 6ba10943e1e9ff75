"""The server's time: the wall clock as of the start, counted on steadily, so that no jump ends a lease (L8)."""

from __future__ import annotations

import time
from collections.abc import Callable

_PER_MILLISECOND = 1_000_000
JUMP_MS = 2_000
"""What the wall clock and the steady one may be apart: less is no jump, and shortens no lease that matters."""


class Clock:
    """Milliseconds since 1970 UTC. `wall` and `steady` give nanoseconds; the second never jumps."""

    def __init__(self, wall: Callable[[], int] = time.time_ns, steady: Callable[[], int] = time.monotonic_ns) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()

    def now(self) -> int:
        """The time of a call."""
        return (self._steady() + self._offset) // _PER_MILLISECOND

    def jump(self) -> int:
        """By how many ms the wall clock was set forward (below 0: back) and this one has not followed; else 0."""
        apart = (self._wall() - self._steady() - self._offset) // _PER_MILLISECOND
        return apart if abs(apart) >= JUMP_MS else 0

    def follow(self, milliseconds: int) -> None:
        """Go with the wall clock, which was set forward by so much."""
        self._offset += milliseconds * _PER_MILLISECOND
