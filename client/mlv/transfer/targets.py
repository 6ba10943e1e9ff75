"""The files that a download puts together: written piece by piece in any order, by several threads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mlv_core.requests import Piece

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class Target:
    """A file of `size` bytes in the making. With `held` it stays open until `close`, else it is opened for each use."""

    def __init__(self, file: str, size: int, *, held: bool) -> None:
        self.file = file
        self.resumes = os.path.exists(file)
        self._held = -1
        if held or self.resumes or not size:
            self._held = os.open(file, _FLAGS, 0o600)
            os.ftruncate(self._held, size)
        if not held:
            self.close()

    def write(self, data: memoryview, position: int) -> None:
        """Put `data` at `position`. Raises: OSError."""
        with self._opened() as handle:
            while data:
                written = os.pwrite(handle, data, position)
                data, position = data[written:], position + written

    def read(self, parts: Sequence[tuple[int, int]]) -> bytes:
        """What lies there at (position, length) of `parts`, one after the other."""
        with self._opened() as handle:
            return b"".join(os.pread(handle, length, position) for position, length in parts)

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
