"""The files that a download puts together: written piece by piece in any order, by several threads."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from typing import cast

from mlv_core.deferred import dataclass
from mlv_core.hashing import ContentHash, ContentHasher
from mlv_core.requests import Piece

WRITEBACK_BYTES = 16 << 20
"""So much is left to the system's cache before its way to the disk begins: the sync at the end then finds little."""
READ_BACK_BYTES = 1 << 20
"""One read of what is hashed later: it stays in the processor's cache until then."""
PARTS_AT_ONCE = 1024
"""What the system takes in one call."""
_SYNC_FILE_RANGE_WRITE = 2
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class RunningHash:
    """The hash of a file that is being written in any order, by several threads.

    What comes where the hash has come to is hashed as it was written; the rest is read back when its turn comes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hasher = ContentHasher()
        self._front = 0
        self._beyond: dict[int, int] = {}
        self._busy = False
        self._twice = False

    def written(self, start: int, parts: Sequence[memoryview], read: Callable[[int, int], bytes]) -> None:
        """The bytes from `start` on were written; `read` reads (position, length) of the file."""
        end = start + sum(map(len, parts))
        with self._lock:
            # Bytes written a second time may be others than those that were hashed.
            self._twice = self._twice or start < self._front or start in self._beyond
            if self._twice or self._busy or start != self._front:
                self._beyond[start] = end
                return
            self._busy = True
        for part in parts:
            self._hasher.update(part)
        while True:
            with self._lock:
                self._front = end
                end = self._beyond.pop(end, 0)
                self._busy = bool(end)
                if not end:
                    return
            for at in range(self._front, end, READ_BACK_BYTES):
                self._hasher.update(read(at, min(READ_BACK_BYTES, end - at)))

    def digest(self, size: int) -> ContentHash | None:
        """The hash of all `size` bytes; None when it is not certain, or not all were written."""
        with self._lock:
            return None if self._twice or self._beyond or self._front != size else self._hasher.digest()


class Target:
    """A file of `size` bytes in the making. With `held` it stays open until `close`, else it is opened for each use.

    One that is written `at_once` does not go on with what lies there. `resumes`: an earlier attempt left something.
    `straight`: bytes were written of which no segment was checked, so that the file is checked as a whole.
    `running` hashes what is written, where that is asked for.
    """

    def __init__(
        self, file: str, size: int, *, held: bool, at_once: bool = False, running: RunningHash | None = None
    ) -> None:
        self.file = file
        self.at_once = at_once
        self.resumes = not at_once and os.path.exists(file)
        self.straight = False
        self.running = running
        self._cached = 0
        self._held = -1
        if held or self.resumes or not size:
            self._held = os.open(file, _FLAGS, 0o600)
            os.ftruncate(self._held, size)
        if not held:
            self.close()

    def write(self, parts: Sequence[memoryview], position: int) -> None:
        """Put `parts` at `position`, one after the other. Raises: OSError."""
        at = position
        handle = self._open()
        try:
            for first in range(0, len(parts), PARTS_AT_ONCE):
                at = _write(handle, parts[first : first + PARTS_AT_ONCE], at)
        finally:
            self._rest(handle)
        self._cached += at - position
        if self._held >= 0 and self._cached >= WRITEBACK_BYTES:
            self.write_back()
        if self.running is not None:
            self.running.written(position, parts, lambda start, length: self.read(((start, length),)))

    def read(self, parts: Sequence[tuple[int, int]]) -> bytes:
        """What lies there at (position, length) of `parts`, one after the other."""
        handle = self._open()
        try:
            return b"".join(os.pread(handle, length, position) for position, length in parts)
        finally:
            self._rest(handle)

    def write_back(self) -> None:
        """Let what was written start on its way to the disk, where the system has a call for it; waits for nothing."""
        self._cached = 0
        if _sync_file_range is not None and self._held >= 0:
            _sync_file_range(self._held, 0, 0, _SYNC_FILE_RANGE_WRITE)

    def close(self) -> None:
        """Give the file handle back."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _open(self) -> int:
        """The handle that is held, or one for this use alone."""
        return self._held if self._held >= 0 else os.open(self.file, _FLAGS, 0o600)

    def _rest(self, handle: int) -> None:
        """Give back what `_open` gave."""
        if handle != self._held:
            os.close(handle)


def _write(handle: int, parts: Sequence[memoryview], position: int) -> int:
    """Write all of `parts`; the position behind them."""
    left = list(parts)
    while left:
        written = os.pwritev(handle, left, position)
        position += written
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]
    return position


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece of a segment goes: `position` in `target`."""

    target: Target
    position: int
    piece: Piece


def write_runs(pieces: Sequence[tuple[Target, int, memoryview]]) -> None:
    """Write pieces, neighbours in one call."""
    parts: list[memoryview] = []
    start = end = 0
    for number, (target, position, data) in enumerate(pieces):
        start = start if parts else position
        parts.append(data)
        end = position + len(data)
        following = pieces[number + 1] if number + 1 < len(pieces) else None
        if following is None or following[0] is not target or following[1] != end:
            target.write(parts, start)
            parts = []


def _found_sync_file_range() -> Callable[..., int] | None:
    found = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if found is not None:
        found.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return cast("Callable[..., int] | None", found)


_sync_file_range = _found_sync_file_range()


def read_back(places: Sequence[Place], length: int) -> bytes | None:
    """The segment of `length` bytes as it lies in its places; None when no file holds it whole."""
    by_target: dict[int, list[Place]] = {}
    for place in places:
        by_target.setdefault(id(place.target), []).append(place)
    for mine in by_target.values():
        parts: list[tuple[int, int]] = []
        end = 0
        for place in sorted(mine, key=lambda place: place.piece.offset):
            if place.piece.offset == end:
                parts.append((place.position, place.piece.length))
                end += place.piece.length
        if end == length:
            return mine[0].target.read(parts)
    return None
