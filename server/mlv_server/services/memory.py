"""What one server process remembers between calls, none of it needed to be right after a restart; all of it bounded."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import field

from mlv_core.deferred import dataclass
from mlv_core.hashing import ContentHash
from mlv_server.domain.attempts import Attempts
from mlv_server.services.ledger import Ledger

READABLE_MILLISECONDS = 10_000
"""For so long it is remembered what a caller may read of a version: the parts of one download ask again and again."""
READABLE_LIMIT = 1_000_000
"""Contents in all remembered answers, some hundred bytes each."""
WAITING_LIMIT = 32
"""Refused sign-ins that wait at the same time, of the places that all calls share; more are told to come later."""
OFFERED_LIMIT = 1_000_000
"""Segments that callers who may read only a part have sent: more than the uploads in flight hold."""


class Readable:
    """Which contents of a version a caller may read."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: OrderedDict[Hashable, frozenset[ContentHash]] = OrderedDict()
        self._held = 0

    def get(self, key: Hashable) -> frozenset[ContentHash] | None:
        """What was remembered."""
        with self._guard:
            return self._known.get(key)

    def put(self, key: Hashable, contents: frozenset[ContentHash]) -> None:
        """Remember, and forget the oldest answers when there are too many contents."""
        with self._guard:
            if key in self._known:
                return
            self._known[key] = contents
            self._held += len(contents)
            while self._held > READABLE_LIMIT and len(self._known) > 1:
                _, gone = self._known.popitem(last=False)
                self._held -= len(gone)


class Offered:
    """Segments that callers have sent, by user."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: OrderedDict[tuple[int, ContentHash], None] = OrderedDict()

    def note(self, user_id: int, names: Iterable[ContentHash]) -> None:
        """Remember that the user has sent these."""
        with self._guard:
            for name in names:
                self._known[user_id, name] = None
            while len(self._known) > OFFERED_LIMIT:
                self._known.popitem(last=False)

    def holds(self, user_id: int, name: ContentHash) -> bool:
        """Whether the user has sent it; False also where that was forgotten: then it is to be sent again."""
        with self._guard:
            return (user_id, name) in self._known


@dataclass(frozen=True, slots=True)
class Memory:
    """All that is remembered."""

    readable: Readable = field(default_factory=Readable)
    offered: Offered = field(default_factory=Offered)
    ledger: Ledger = field(default_factory=Ledger)
    attempts: Attempts = field(default_factory=Attempts)
    waiting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WAITING_LIMIT))
