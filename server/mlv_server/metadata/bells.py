"""Wakes those who wait for a repository's next event; the database alone says what happened."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from mlv_core.errors import Unreachable

EVERYBODY = 0
"""Stands for all repositories: where it is not known whom a change concerns, or for who waits for any of them."""


def concerning(repository_id: int) -> int:
    """What stands for events of a repository that concern somebody by name, among those that are rung for."""
    return -repository_id


class Bell:
    """One who waits. It may ring for nothing; once it rang it stays rung until it is answered."""

    __slots__ = ("_loop", "_rung", "_waiting")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None

    @property
    def rung(self) -> bool:
        """Whether it rang since it was last answered; from any thread."""
        return self._rung

    def answer(self) -> None:
        """Forget that it rang: what is read from now on is newer than all that it rang for."""
        self._rung = False

    async def wait(self, seconds: float) -> bool:
        """Wait until it rings, at most `seconds`; whether it rang since it was last answered."""
        if not self._rung:
            self._waiting = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._end)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        return self._rung

    def ring(self) -> None:
        """Ring, in the loop that it belongs to."""
        self._rung = True
        self._end()

    def _end(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Bells:
    """The bells of all repositories. A wake-up for nothing is allowed, a lost one is not.

    Whoever waits hangs a bell up, answers it and only then reads; whoever writes rings after the commit. So either
    the reading saw the commit, or the bell rang after it was answered.
    """

    def __init__(self) -> None:
        self._hung: dict[int, set[Bell]] = {}
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._concerned: dict[int, int] = {}

    def concerned(self, repository_id: int) -> int:
        """How many times it was rung for events of the repository that concern somebody by name; from any thread."""
        return self._concerned.get(repository_id, 0)

    @contextmanager
    def hung(self, repository_id: int) -> Iterator[Bell]:
        """A bell that rings after each commit of events of the repository, or of any for EVERYBODY.

        Raises: Unreachable when closing.
        """
        self.check_open()
        bell = Bell()
        with self._guard:
            self._loop = asyncio.get_running_loop()
            self._hung.setdefault(repository_id, set()).add(bell)
        try:
            yield bell
        finally:
            with self._guard:
                others = self._hung[repository_id]
                others.discard(bell)
                if not others:
                    del self._hung[repository_id]

    def ring(self, repository_ids: Iterable[int]) -> None:
        """Ring for these repositories; from any thread, after what happened is durable.

        A bell that is rung needs no second ring: whoever answers it reads afterwards.
        """
        with self._guard:
            every = EVERYBODY in (wanted := {*repository_ids})
            for place in wanted:
                if place < 0:
                    self._concerned[-place] = self._concerned.get(-place, 0) + 1
            wanted.add(EVERYBODY)
            hung = self._hung.items() if self._hung else ()
            some = [b for place, bells in hung if every or place in wanted for b in bells if not b.rung]
            loop = self._loop
        if some and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_ring, some)

    def close(self) -> None:
        """Wake everybody for the last time."""
        self._closed = True
        self.ring((EVERYBODY,))

    def check_open(self) -> None:
        """Raises: Unreachable when closing."""
        if self._closed:
            raise Unreachable("The server is shutting down.")


def after_commit(bells: Bells, told: set[int]) -> Callable[[object], None]:
    """What a writer calls when a function that told of events in `told` is done, whatever became of it."""
    return lambda _: bells.ring(told) if told else None


def _ring(bells: list[Bell]) -> None:
    for bell in bells:
        bell.ring()
