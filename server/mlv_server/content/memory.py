"""Plain segments kept in memory: those used last, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from mlv_core.hashing import ContentHash

Key = tuple[int, ContentHash]
"""Content domain and segment name."""


class PlainCache:
    """Segments by domain and name, the least recently used dropped first. May be used from any thread."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._total = 0

    def get(self, key: Key) -> bytes | None:
        """The segment, None when it is not kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return key in self._kept

    def put(self, key: Key, plain: bytes) -> None:
        """Keep a verified segment; one larger than an eighth of the room is not kept."""
        if len(plain) * 8 > self._limit:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = plain
            self._total += len(plain)
            while self._total > self._limit:
                _, old = self._kept.popitem(last=False)
                self._total -= len(old)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._total = 0
