"""Content-defined chunks: cuts that depend on nearby bytes only, so that an insertion moves few of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyfastcdc import FastCDC
    from typing_extensions import Buffer

MEBIBYTE = 1024 * 1024

# Each step keeps a recipe's canonical bytes (41 a chunk) well under the largest segment, so that a recipe can be
# stored and sent as one: 256 MiB / 16 KiB, 64 GiB / 64 KiB and 1 TiB / 1 MiB are about a million chunks.
_AVERAGES = ((256 * MEBIBYTE, 16 * 1024), (64 * 1024 * MEBIBYTE, 64 * 1024))
_LARGEST_AVERAGE = MEBIBYTE


def average_chunk_size(file_size: int) -> int:
    """The average chunk length in bytes for a generic file of `file_size` bytes."""
    for bound, average in _AVERAGES:
        if file_size <= bound:
            return average
    return _LARGEST_AVERAGE


def chunk_boundaries(data: Buffer, average: int, final: bool) -> list[int]:
    """End offsets of the chunks that `data`, which begins at a chunk's start, is known to hold.

    Chunks are `average` / 4 to `average` * 4 bytes long. While `final` is false, only those ends are given that no
    later byte can move; the bytes after the last of them are to be handed in again with what follows.
    """
    view = memoryview(data).cast("B")
    cutter, longest = _cutter(average)
    if not final and len(view) < longest:
        return []
    ends: list[int] = []
    for chunk in cutter.cut_buf(view):
        # The cut is a function of the `longest` bytes after the chunk's start: with fewer, more could move it.
        if not final and chunk.offset + longest > len(view):
            break
        ends.append(chunk.offset + chunk.length)
    return ends


class Chunker:
    """Cuts a stream; what it gives does not depend on how the stream was split into feeds."""

    __slots__ = ("_average", "_held", "_longest")

    def __init__(self, average: int) -> None:
        self._average = average
        self._longest = average * 4
        self._held = bytearray()

    def feed(self, data: Buffer) -> list[memoryview]:
        """Take the next bytes; the chunks that are complete now. The views stay valid."""
        self._held += memoryview(data).cast("B")
        if len(self._held) < self._longest:
            return []
        return self._split(final=False)

    def finish(self) -> list[memoryview]:
        """The chunks that remain at the end of the stream; nothing may be fed afterwards."""
        return self._split(final=True)

    def _split(self, *, final: bool) -> list[memoryview]:
        held = memoryview(bytes(self._held))
        ends = chunk_boundaries(held, self._average, final)
        starts = [0, *ends]
        self._held = bytearray(held[starts[-1] :])
        return [held[start:end] for start, end in zip(starts, ends, strict=False)]


@lru_cache(maxsize=8)
def _cutter(average: int) -> tuple[FastCDC, int]:
    from pyfastcdc import FastCDC  # noqa: PLC0415 - it takes as long to import as all of a command that cuts nothing so

    longest = average * 4
    cutter = FastCDC(average, min_size=average // 4, max_size=longest, normalized_chunking=1, seed=0)
    return cutter, longest
