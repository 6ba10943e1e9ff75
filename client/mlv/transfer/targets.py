"""The files that a download puts together: written piece by piece in any order, by several threads."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from mlv_core.deferred import dataclass
from mlv_core.requests import Piece

WRITEBACK_BYTES = 16 << 20
"""So much is left to the system's cache before its way to the disk begins: the sync at the end then finds little."""
_SYNC_FILE_RANGE_WRITE = 2
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class Target:
    """A file of `size` bytes in the making. With `held` it stays open until `close`, else it is opened for each use.

    One that is written `at_once` does not go on with what lies there. `resumes`: an earlier attempt left something.
    `straight`: bytes were written of which no segment was checked, so that the file is checked as a whole.
    """

    def __init__(self, file: str, size: int, *, held: bool, at_once: bool = False) -> None:
        self.file = file
        self.at_once = at_once
        self.resumes = not at_once and os.path.exists(file)
        self.straight = False
        self._cached = 0
        self._held = -1
        if held or self.resumes or not size:
            self._held = os.open(file, _FLAGS, 0o600)
            os.ftruncate(self._held, size)
        if not held:
            self.close()

    def write(self, data: memoryview, position: int) -> None:
        """Put `data` at `position`. Raises: OSError."""
        with self._opened() as handle:
            self._cached += len(data)
            while data:
                written = os.pwrite(handle, data, position)
                data, position = data[written:], position + written
        if self._held >= 0 and self._cached >= WRITEBACK_BYTES:
            self.write_back()

    def read(self, parts: Sequence[tuple[int, int]]) -> bytes:
        """What lies there at (position, length) of `parts`, one after the other."""
        with self._opened() as handle:
            return b"".join(os.pread(handle, length, position) for position, length in parts)

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

    @contextmanager
    def _opened(self) -> Iterator[int]:
        if self._held >= 0:
            yield self._held
            return
        handle = os.open(self.file, _FLAGS, 0o600)
        try:
            yield handle
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece of a segment goes: `position` in `target`."""

    target: Target
    position: int
    piece: Piece


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
