"""A file of a version as a file object that reads ranges from the server."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlv.transfer.ranges import read_range
from mlv_core.entities import FileState
from mlv_core.ids import ChangesetNumber, RepositoryName

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from mlv.remote import Server

FIRST_READ_BYTES = 64 << 10
"""The least that one call fetches: what a header or footer needs."""
READ_AHEAD_BYTES = 1 << 20
"""The most that is fetched ahead of a reader who goes straight on: one message."""


class RemoteFile(io.RawIOBase):
    """Read-only and seekable; it holds at most 1 MiB of the file. Use it from one thread at a time.

    Reading raises NotFound, DamagedContent and Unreachable where they apply. Libraries that read by many small steps
    are served best through `io.BufferedReader`.
    """

    def __init__(
        self, server: Server, repository: RepositoryName, changeset: ChangesetNumber, path: str, state: FileState
    ) -> None:
        super().__init__()
        self._server = server
        self._repository = repository
        self._changeset = changeset
        self._state = state
        self._position = 0
        self._held = b""
        self._held_at = 0
        self._ahead = FIRST_READ_BYTES
        self.name = path

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._state.size

    @property
    def mode(self) -> str:
        """How it is open."""
        return "rb"

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be sought in."""
        return True

    def tell(self) -> int:
        """The position of the next read."""
        self._check_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position; nothing is fetched. Raises: ValueError for one before the file's start."""
        self._check_open()
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}
        if whence not in origin:
            raise ValueError(f"whence {whence} is not 0, 1 or 2")
        position = origin[whence] + offset
        if position < 0:
            raise ValueError(f"position {position} lies before the file's start")
        self._position = position
        return position

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill `buffer` as far as the file goes; how many bytes that were."""
        self._check_open()
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self.size - self._position))
        done = self._take_held(view, wanted)
        if wanted - done >= READ_AHEAD_BYTES:
            self._stream_into(view[done:wanted])
        elif done < wanted:
            self._fill(wanted - done)
            self._take_held(view[done:], wanted - done)
        return wanted

    def readall(self) -> bytes:
        """The rest of the file in one call."""
        rest = bytearray(max(0, self.size - self._position))
        self.readinto(rest)
        return bytes(rest)

    def _take_held(self, view: memoryview, wanted: int) -> int:
        start = self._position - self._held_at
        if not 0 <= start < len(self._held):
            return 0
        part = self._held[start : start + wanted]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _fill(self, wanted: int) -> None:
        """Hold what is wanted and, for a reader who goes straight on, twice as much ahead as the last time."""
        straight_on = self._position == self._held_at + len(self._held) and self._held
        self._ahead = min(2 * self._ahead, READ_AHEAD_BYTES) if straight_on else FIRST_READ_BYTES
        self._held_at = self._position
        self._held = b"".join(self._range(self._position, max(wanted, self._ahead)))

    def _stream_into(self, view: memoryview) -> None:
        at = 0
        for data in self._range(self._position, len(view)):
            view[at : at + len(data)] = data
            at += len(data)
        self._position += at

    def _range(self, offset: int, length: int) -> Iterator[bytes]:
        return read_range(self._server, self._repository, self._changeset, self._state, offset, length)

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the file is closed")
