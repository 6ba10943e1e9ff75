"""A local content read once: cut into segments, hashed, its recipe made."""

from __future__ import annotations

import codecs
import errno
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from mlv.transfer.types import Stamp
from mlv_core.deferred import dataclass
from mlv_core.errors import FileChanging, LimitExceeded, MissingFile
from mlv_core.hashing import ContentHash, ContentHasher, hash_content
from mlv_core.ids import escape
from mlv_core.recipes import Recipe, from_layout, generic, needs_recipe, single
from mlv_core.segments import Extent, Layout, average_chunk_size, chunk_boundaries, plan_layout

if TYPE_CHECKING:
    from typing_extensions import Buffer

BLOCK_BYTES = 4 << 20
"""One read: large enough that the system call costs nothing, small enough that several fit in the cache."""
BLOCK_CHUNKS = 16
"""And so many chunks of average length at least: four of them are the longest that is read again."""
HELD_BYTES = 16 << 10
"""A file of up to this size is read once and kept until it is sent: opening it again costs more than its bytes."""
ASIDE_BYTES = 16 << 20
"""From this size on two threads hash a content that is read."""
BLOCKS_AHEAD = 2
_SNIFF_BYTES = 1 << 16


class Source(Protocol):
    """Bytes that can be read at any place, from several threads at once."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, length: int) -> Buffer:
        """Exactly `length` bytes at `offset`."""

    def read_extents(self, extents: Sequence[Extent]) -> Buffer:
        """The bytes of `extents`, one after the other."""

    def rest(self) -> None:
        """Hold no file handle until the next reading."""

    def close(self) -> None:
        """Give the file handle back."""


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._data)

    def read(self, offset: int, length: int) -> Buffer:
        """Exactly `length` bytes at `offset`."""
        return self._data[offset : offset + length]

    def read_extents(self, extents: Sequence[Extent]) -> Buffer:
        """The bytes of `extents`, one after the other."""
        return b"".join(self.read(extent.offset, extent.length) for extent in extents)

    def rest(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


class FileSource:
    """A file of the workspace; it must not change from the first reading to the last.

    It is held open until `rest`; after that each reading opens it anew and proves that it is still the same file, so
    that a commit of any number of files needs few handles. A small one is read at once, and may change then: what
    counts is what was read.
    Raises: MissingFile; FileChanging; LimitExceeded when no file handle is free.
    """

    def __init__(self, file: str, path: str) -> None:
        self._file = file
        self._path = path
        self._held: memoryview | None = None
        self._handle = self._open()
        self.stamp = stamp_of(os.fstat(self._handle))
        if self.stamp.size <= HELD_BYTES:
            try:
                held = memoryview(self._read(self._handle, 0, self.stamp.size))
                self.check_unchanged()
            finally:
                self.close()
            self._held = held

    @property
    def size(self) -> int:
        """Length in bytes when it was first opened."""
        return self.stamp.size

    def read(self, offset: int, length: int) -> Buffer:
        """Exactly `length` bytes at `offset`.

        Raises: FileChanging when the file is not as it was.
        """
        if self._held is not None:
            return self._held[offset : offset + length]
        with self._opened() as handle:
            return self._read(handle, offset, length)

    def read_extents(self, extents: Sequence[Extent]) -> Buffer:
        """The bytes of `extents`, one after the other; neighbours are read as one.

        Raises: FileChanging when the file is not as it was.
        """
        if self._held is not None:
            return b"".join(self._held[offset : offset + length] for offset, length in _joined(extents))
        with self._opened() as handle:
            parts = [self._read(handle, offset, length) for offset, length in _joined(extents)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def check_unchanged(self) -> None:
        """Raises: FileChanging when the file is not as it was when it was first opened."""
        if self._held is not None:
            return
        with self._opened() as handle:
            if stamp_of(os.fstat(handle)) != self.stamp:
                raise changing(self._path)

    def rest(self) -> None:
        """Hold no file handle until the next reading."""
        self.close()

    def close(self) -> None:
        """Give the file handle back."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    @contextmanager
    def _opened(self) -> Iterator[int]:
        if self._handle >= 0:
            yield self._handle
            return
        handle = self._open()
        try:
            if stamp_of(os.fstat(handle)) != self.stamp:
                raise changing(self._path)
            yield handle
        finally:
            os.close(handle)

    def _open(self) -> int:
        try:
            return os.open(self._file, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError as error:
            raise MissingFile(f"'{escape(self._path)}' is gone from the disk.") from error
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                raise LimitExceeded("No file handle is free.", advice="Close programs or raise 'ulimit -n'.") from error
            raise

    def _read(self, handle: int, offset: int, length: int) -> bytes:
        data = os.pread(handle, length, offset)
        while len(data) < length:
            more = os.pread(handle, length - len(data), offset + len(data))
            if not more:
                raise changing(self._path)
            data += more
        return data


@dataclass(frozen=True, slots=True)
class CutContent:
    """What reading a content gave: its name, its recipe, and where each segment lies in it.

    `content` is the hash of all bytes; or, of what was not read to be named, the hash of the recipe that it needs.
    """

    content: ContentHash
    recipe: Recipe
    extents: tuple[tuple[Extent, ...], ...]
    text: bool


def changing(path: str) -> FileChanging:
    """The error that says that `path` changed while it was read."""
    return FileChanging(f"'{escape(path)}' changed while it was read.")


def stamp_of(stat: os.stat_result) -> Stamp:
    """The part of a stat that tells whether a file's bytes may have changed."""
    return Stamp(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def cut_content(source: Source, path: str, *, named: bool = True) -> CutContent:
    """Read `source` from its first byte to its last, once, cut it as its format asks and hash everything.

    Without `named` only the segments are hashed where there are several: who has the old content of a file needs no
    more. Memory: a few blocks and the recipe, whatever the size.
    Raises: FileChanging, LimitExceeded.
    """
    if source.size > 0:
        layout = plan_layout(path, source.size, lambda offset, length: bytes(source.read(offset, length)))
        if layout is not None:
            return _cut_typed(source, layout, named=named)
    return _cut_generic(source, named=named)


def read_extents(source: Source, extents: tuple[Extent, ...]) -> Buffer:
    """The bytes of `extents`, one after the other."""
    if len(extents) == 1:
        return source.read(extents[0].offset, extents[0].length)
    return source.read_extents(extents)


def cut_blocks(source: Source) -> Iterator[tuple[memoryview, list[int]]]:
    """A content cut by its bytes, from first to last: blocks that end with a chunk, and the chunks' ends in each.

    What follows the last end that is certain is read again with the next block: less than a copy of every block costs.
    """
    average = average_chunk_size(source.size)
    block = max(BLOCK_BYTES, BLOCK_CHUNKS * average)
    at = 0
    while at < source.size:
        length = min(block, source.size - at)
        data = memoryview(source.read(at, length)).cast("B")
        ends = chunk_boundaries(data, average, final=at + length == source.size)
        yield data[: ends[-1]], ends
        at += ends[-1]


def _cut_generic(source: Source, *, named: bool) -> CutContent:
    if source.size <= average_chunk_size(source.size):
        return _cut_whole(source)
    whole, text = WholeHash(source.size), TextProbe()
    chunks: list[tuple[ContentHash, int]] = []
    for block, ends in cut_blocks(source):
        if named:
            whole.update(block)
        text.feed(block)
        starts = (0, *ends)
        chunks.extend((hash_content(block[at:end]), end - at) for at, end in zip(starts, ends, strict=False))
    recipe = generic(source.size, chunks) if len(chunks) > 1 else single(chunks[0][0], source.size)
    content = whole.digest() if named else _unnamed(recipe)
    return CutContent(content, recipe, tuple(recipe.offsets_in_file()), text.finish())


def _cut_whole(source: Source) -> CutContent:
    """A file no longer than one chunk on average is one: a recipe costs more than finding half of it again saves."""
    data = source.read(0, source.size)
    text = TextProbe()
    text.feed(data)
    content = hash_content(data)
    recipe = single(content, source.size)
    return CutContent(content, recipe, tuple(recipe.offsets_in_file()), text.finish())


def _cut_typed(source: Source, layout: Layout, *, named: bool) -> CutContent:
    whole = WholeHash(source.size)
    cuts = (*layout.rest, *layout.typed)
    names = [ContentHash(b"")] * len(cuts)
    parts: dict[int, list[Buffer]] = {}
    for offset, length, number in sorted((e.offset, e.length, n) for n, cut in enumerate(cuts) for e in cut.extents):
        data = source.read(offset, length)
        if named:
            whole.update(data)
        read = parts.setdefault(number, [])
        read.append(data)
        if len(read) == len(cuts[number].extents):
            names[number] = hash_content(read[0] if len(read) == 1 else b"".join(read))
            del parts[number]
    rest = len(layout.rest)
    recipe = from_layout(layout, names[rest:], names[:rest]) if len(cuts) > 1 else single(names[0], source.size)
    content = whole.digest() if named else _unnamed(recipe)
    return CutContent(content, recipe, tuple(recipe.offsets_in_file()), text=False)


class WholeHash:
    """The name of a whole content; of a large one it is made in a thread of its own, beside the names of its parts."""

    def __init__(self, size: int) -> None:
        self._hasher = ContentHasher()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mlv-hash") if size >= ASIDE_BYTES else None
        self._waiting: deque[Future[None]] = deque()

    def update(self, data: Buffer) -> None:
        """Take the next bytes; they must not change."""
        if self._thread is None:
            self._hasher.update(data)
            return
        self._waiting.append(self._thread.submit(self._hasher.update, data))
        if len(self._waiting) > BLOCKS_AHEAD:
            self._waiting.popleft().result()

    def digest(self) -> ContentHash:
        """The name, once all bytes were taken."""
        if self._thread is not None:
            self._thread.shutdown()
        return self._hasher.digest()


def _unnamed(recipe: Recipe) -> ContentHash:
    """What stands for a content whose bytes were not hashed as a whole."""
    return recipe.recipe_id() if needs_recipe(recipe) else recipe.segments()[0].hash


def _joined(extents: Sequence[Extent]) -> Iterator[tuple[int, int]]:
    """(offset, length) of the same bytes in the same order, those that touch as one."""
    offset = length = 0
    for extent in extents:
        if extent.offset == offset + length:
            length += extent.length
        else:
            if length:
                yield offset, length
            offset, length = extent.offset, extent.length
    yield offset, length


class TextProbe:
    """Finds out on the way whether bytes are UTF-8 without NUL."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = True

    def feed(self, block: Buffer) -> None:
        """Take the next bytes."""
        if not self._text:
            return
        view = memoryview(block)
        for start in range(0, len(view), _SNIFF_BYTES):
            data = bytes(view[start : start + _SNIFF_BYTES])
            try:
                self._decoder.decode(data)
            except UnicodeDecodeError:
                self._text = False
            if not self._text or b"\0" in data:
                self._text = False
                return

    def finish(self) -> bool:
        """Whether all bytes were text."""
        if self._text:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self._text = False
        return self._text
