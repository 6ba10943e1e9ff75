"""How small functions that read are run: all that came meanwhile in one transaction, on one thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from mlv_core.errors import MlvError

if TYPE_CHECKING:
    from mlv_server.metadata.unit_of_work import Transaction

T = TypeVar("T")
Ask = Callable[["Transaction"], Any]

JOINED_LIMIT = 256
"""Functions in one transaction, so that none waits long for the others."""


class JoiningReader:
    """Runs functions one after the other, those that wait at the same time in one transaction that began later.

    `read(fn)` runs a function in a transaction of its own and raises what it raises.
    """

    def __init__(self, read: Callable[[Ask], Any], threads: ThreadPoolExecutor) -> None:
        self._read = read
        self._threads = threads
        self._guard = threading.Lock()
        self._waiting: deque[_Asked] = deque()
        self._serving = False

    async def ask(self, fn: Callable[[Transaction], T]) -> T:
        """The result of `fn`. Raises: what `fn` and the database raise."""
        loop = asyncio.get_running_loop()
        asked = _Asked(fn, loop, loop.create_future())
        with self._guard:
            self._waiting.append(asked)
            starts, self._serving = not self._serving, True
        if starts:
            self._threads.submit(self._serve)
        result: T = await asked.future
        return result

    def _serve(self) -> None:
        while some := self._take():
            self._run(some)
            for loop in {asked.loop for asked in some}:
                loop.call_soon_threadsafe(_deliver, [asked for asked in some if asked.loop is loop])

    def _take(self) -> list[_Asked]:
        with self._guard:
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), JOINED_LIMIT))]
            self._serving = bool(some)
        return some

    def _run(self, some: list[_Asked]) -> None:
        """Run all in one transaction; where one fails otherwise than by a refusal, each in its own."""

        def together(tx: Transaction) -> None:
            for asked in some:
                asked.run(tx)

        try:
            self._read(together)
        except BaseException as error:  # noqa: BLE001 - raised again where the function was handed in
            if len(some) == 1:
                some[0].error = error
                return
            for asked in some:
                self._run([asked])


class _Asked:
    """A function, who waits for it, and what came of it."""

    __slots__ = ("error", "fn", "future", "loop", "result")

    def __init__(self, fn: Ask, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
        self.fn = fn
        self.loop = loop
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, tx: Transaction) -> None:
        """Run; a refusal is kept. Raises: any other failure."""
        self.result, self.error = None, None
        try:
            self.result = self.fn(tx)
        except MlvError as error:
            self.error = error


def _deliver(some: list[_Asked]) -> None:
    for asked in some:
        if asked.future.cancelled():
            continue
        if asked.error is None:
            asked.future.set_result(asked.result)
        else:
            asked.future.set_exception(asked.error)
