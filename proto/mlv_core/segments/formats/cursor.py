"""Read a container's header from front to back: small pieces, each within bounds, all of them within a budget."""

from __future__ import annotations

from mlv_core.segments.layout import NotThisFormat, ReadAt

# One read of the file for many small pieces.
_WINDOW = 16 * 1024
# More header than any model has: what a header may cost in memory and time here (four million pieces, some seconds).
HEADER_BUDGET = 64 * 1024 * 1024
_PIECE_COST = 16


class Cursor:
    """A place in a file of `size` bytes. Each method raises NotThisFormat over the end or the budget."""

    __slots__ = ("_budget", "_read_at", "_start", "_window", "position", "size")

    def __init__(self, size: int, read_at: ReadAt) -> None:
        self.position = 0
        self.size = size
        self._read_at = read_at
        self._budget = HEADER_BUDGET
        self._start = 0
        self._window = b""

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        end = self.position + length
        self._budget -= length + _PIECE_COST
        if not 0 <= length <= self.size - self.position or self._budget < 0:
            raise NotThisFormat("a length reaches over the end")
        if not self._start <= self.position <= end <= self._start + len(self._window):
            self._start = self.position
            self._window = self._read_at(self.position, min(max(length, _WINDOW), self.size - self.position))
        data = self._window[self.position - self._start : end - self._start]
        self.position = end
        return data

    def skip(self, length: int) -> None:
        """Go `length` bytes on without reading them."""
        if not 0 <= length <= self.size - self.position:
            raise NotThisFormat("a length reaches over the end")
        self.position += length

    def number(self, width: int) -> int:
        """The next `width` bytes as an unsigned number, lowest byte first."""
        return int.from_bytes(self.take(width), "little")

    def text(self, data: bytes) -> str:
        """`data` as text."""
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise NotThisFormat("a name is no text") from error
