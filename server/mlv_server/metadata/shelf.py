"""Decoded parts of change lists, shared by all transactions: what is looked up again need not be decoded again."""

from __future__ import annotations

import threading
from collections import OrderedDict

ENTRIES_LIMIT = 65_536
"""Rows and index entries of all parts together, about 500 bytes each: 32 MB, the leaves of 65,000 files."""


class DecodedParts:
    """Parts by the hash of what they hold, the least lately used forgotten first; for use from any thread."""

    def __init__(self, limit: int = ENTRIES_LIMIT) -> None:
        self._limit = limit
        self._entries = 0
        self._parts: OrderedDict[bytes, tuple[object, int]] = OrderedDict()
        self._guard = threading.Lock()

    def find(self, name: bytes) -> object | None:
        """What was kept under `name`; None if it is there no more."""
        with self._guard:
            found = self._parts.get(name)
            if found is None:
                return None
            self._parts.move_to_end(name)
            return found[0]

    def keep(self, name: bytes, part: object, entries: int) -> None:
        """Keep a part that holds so many entries; one that fills more than an eighth of the room is not kept."""
        if entries > self._limit // 8:
            return
        with self._guard:
            if name in self._parts:
                return
            self._parts[name] = (part, entries + 1)
            self._entries += entries + 1
            while self._entries > self._limit:
                _, (_, weight) = self._parts.popitem(last=False)
                self._entries -= weight
