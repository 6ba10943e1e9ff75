"""Small reads that come together share a transaction; each gets its own answer or failure."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlv_core.errors import NotFound
from mlv_server.metadata.joining_reader import JoiningReader


class Source:
    """Gives each transaction a number; the first waits until it is told to go on."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.reading = threading.Event()
        self.go = threading.Event()

    def read(self, fn: Any) -> Any:
        self.begun.append(len(self.begun))
        self.reading.set()
        return fn(self.begun[-1])


def refuse(_: Any) -> None:
    raise NotFound("nothing there")


def test_what_waits_together_is_read_together_and_after_it_was_asked():
    source = Source()

    def first(number: Any) -> Any:
        source.go.wait()
        return number

    async def body() -> None:
        with ThreadPoolExecutor(1) as threads:
            reader = JoiningReader(source.read, threads)
            begun = asyncio.create_task(reader.ask(first))
            await asyncio.to_thread(source.reading.wait)
            later = [asyncio.create_task(reader.ask(fn)) for fn in (lambda n: n, refuse, lambda n: n)]
            await asyncio.sleep(0)
            source.go.set()
            assert await begun == 0
            answers = await asyncio.gather(*later, return_exceptions=True)
        assert (answers[0], answers[2]) == (1, 1)
        assert isinstance(answers[1], NotFound)

    asyncio.run(body())
    assert source.begun == [0, 1]


def test_a_failure_of_one_is_not_the_others():
    source = Source()

    def fail(_: Any) -> None:
        raise ZeroDivisionError

    async def body() -> None:
        with ThreadPoolExecutor(1) as threads:
            reader = JoiningReader(source.read, threads)
            answers = await asyncio.gather(
                reader.ask(lambda _: "a"), reader.ask(fail), reader.ask(lambda _: "b"), return_exceptions=True
            )
            with pytest.raises(NotFound):
                await reader.ask(refuse)
        assert (answers[0], answers[2]) == ("a", "b")
        assert isinstance(answers[1], ZeroDivisionError)

    asyncio.run(body())
