"""Requests that come in several messages and answers that go in several, with a bound on what waits to be whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from mlv_core.errors import LimitExceeded
from mlv_proto.convert.slices import Gathering, Sliced
from mlv_server.rpc.methods import Unreadable

T = TypeVar("T")
LONG_LIST = 1_000
"""Entries from which on reading or writing a list takes milliseconds, in which the event loop serves others."""
REQUEST_BYTES = 512 << 20
"""Bytes of one request's messages: a million files of long paths, or fewer with many properties."""
HELD_BYTES = 1 << 30
"""Bytes of all such requests together; as values they take a few times as much."""


class Held:
    """The bytes of requests in several messages that are on their way, over all calls of the server."""

    def __init__(self) -> None:
        self._all = 0

    @contextmanager
    def counting(self) -> Iterator[Callable[[int], None]]:
        """A function that counts the bytes of one call's further messages; they are given back at the end.

        It raises: LimitExceeded when the call or all calls hold too many.
        """
        mine = 0

        def count(size: int) -> None:
            nonlocal mine
            mine += size
            self._all += size
            if mine > REQUEST_BYTES:
                most = f"The request has more than {REQUEST_BYTES:,} bytes."
                raise LimitExceeded(most, advice="Do it in parts: name folders or files.")
            if self._all > HELD_BYTES:
                raise LimitExceeded("The server is busy with other large requests.", advice="Try again in a minute.")

        try:
            yield count
        finally:
            self._all -= mine


async def gather(
    kind: Sliced[Any, Any], first: object, rest: AsyncIterator[Any], limit: int, count: Callable[[int], None]
) -> Any:  # noqa: ANN401 - any request of the contract
    """The request whose first message is `first`, when the last one has come; no list has more than `limit` entries.

    Raises: InvalidRequest, LimitExceeded: as soon as a message says so, so that no more is held.
    """
    gathering = Gathering(kind, limit)
    message: Any = first
    while message is not None:
        if isinstance(message, Unreadable):
            raise message.error
        size = message.ByteSize()
        if message is not first:
            count(size)
        await aside(size // 64, gathering.add, message)
        message = await anext(rest, None)
    return gathering.whole()


async def told(kind: Sliced[Any, Any], value: object, rows: int) -> AsyncIterator[Any]:
    """The messages of an answer of `rows` entries."""
    messages = kind.cut(value)
    while (message := await aside(rows, next, messages, None)) is not None:
        yield message


async def aside(rows: int, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - as `work` takes them
    """`work(*values)`, in a thread of its own where it concerns many rows."""
    return work(*values) if rows < LONG_LIST else await asyncio.to_thread(work, *values)
