"""Stored lists: header, index and leaves in one blob, read whole or a leaf at a time."""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate

import zstandard

from mlv_core.changes.leaves import Columns, ascending, decode_leaf, encode_leaf
from mlv_core.changes.rows import Row
from mlv_core.errors import DamagedContent
from mlv_core.hashing import HASH_LENGTH, hash_structured

MAGIC = b"MLVC"
VERSION = 1
LEAF_ROWS = 1024
"""Rows of one leaf: a look-up decodes about 40 KiB."""
LEAF_BREAK = 1024 * 1024
"""A leaf also ends after the row with which its paths and properties pass this many characters."""
PLAIN_LIMIT = 64 * 1024 * 1024
"""Uncompressed bytes of an index or of one leaf's columns that a reader is ready to hold."""

_HEADER = struct.Struct("<4sBBxxII")
_LEAF_ENTRY = struct.Struct("<III")
_LEVEL = 3

ReadRange = Callable[[int, int], bytes]


class ListKind(IntEnum):
    """What a list is: the changes between two versions, or every file of one."""

    CHANGES = 1
    SNAPSHOT = 2


@dataclass(frozen=True, slots=True)
class EncodedList:
    """A list as it is stored: `id` names its canonical bytes, `blob` is this encoder's form of them."""

    id: bytes
    blob: bytes
    count: int


def encode(rows: Iterable[Row], kind: ListKind = ListKind.CHANGES) -> EncodedList:
    """The stored form of `rows`, which are sorted by path, each path once; they may come from an iterator."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    canonical: list[bytes] = []
    entries: list[bytes] = []
    leaves: list[bytes] = []
    count = 0
    for leaf in _leaves(rows):
        columns, hashes = encode_leaf(leaf)
        packed = compressor.compress(columns)
        first = leaf[0].path.encode()
        canonical += (struct.pack("<IH", len(leaf), len(first)), first, hash_structured("leaf", columns + hashes))
        entries.append(_LEAF_ENTRY.pack(len(packed), len(columns), len(hashes) // HASH_LENGTH))
        leaves += (packed, hashes)
        count += len(leaf)
    index = struct.pack("<BI", kind, len(entries)) + b"".join(canonical)
    stored_index = b"".join((index, *entries))
    packed_index = compressor.compress(stored_index)
    header = _HEADER.pack(MAGIC, VERSION, kind, len(packed_index), len(stored_index))
    return EncodedList(_list_id(kind, index), b"".join((header, packed_index, *leaves)), count)


def decode(blob: bytes) -> list[Row]:
    """All rows of a stored list, each leaf verified. Raises: DamagedContent."""
    return list(ListReader.of(blob).rows())


class ListReader:
    """A stored list of which only the index is read at once; `read_range(offset, length)` gives its bytes."""

    __slots__ = ("_counts", "_entries", "_firsts", "_hashes", "_kept", "_offsets", "_read", "count", "id", "kind")

    def __init__(self, read_range: ReadRange) -> None:
        """Read the index.

        Raises: DamagedContent.
        """
        self._read = read_range
        self._kept: tuple[int, list[Row]] = (-1, [])
        head = read_range(0, _HEADER.size)
        if len(head) != _HEADER.size or head[:4] != MAGIC:
            raise DamagedContent("a change list does not begin as one")
        _, version, kind, packed_length, plain_length = _HEADER.unpack(head)
        if version != VERSION or kind not in (1, 2):
            raise DamagedContent(f"a change list has format version {version}; version {VERSION} is known")
        index = _decompress(read_range(_HEADER.size, packed_length), plain_length)
        columns = Columns(index)
        if columns.take(1)[0] != kind:
            raise DamagedContent("a change list's index belongs to another kind of list")
        leaves = columns.number("<I", 4)
        self._counts: list[int] = []
        self._firsts: list[str] = []
        self._hashes: list[bytes] = []
        for _ in range(leaves):
            count = columns.number("<I", 4)
            self._firsts.append(columns.text(columns.number("<H", 2)))
            self._hashes.append(columns.take(HASH_LENGTH))
            self._counts.append(count)
        self.kind = ListKind(kind)
        self.id = _list_id(kind, index[: columns.position])
        self._entries = list(_LEAF_ENTRY.iter_unpack(columns.take(leaves * _LEAF_ENTRY.size)))
        columns.finish()
        self.count = sum(self._counts)
        lengths = (packed + HASH_LENGTH * hashes for packed, _, hashes in self._entries)
        self._offsets = list(accumulate(lengths, initial=_HEADER.size + packed_length))
        if any(not 0 < count <= LEAF_ROWS for count in self._counts) or not ascending(self._firsts):
            raise DamagedContent("a change list's index is not in order")

    @classmethod
    def of(cls, blob: bytes) -> ListReader:
        """A reader of a whole list in memory. Raises: DamagedContent."""
        return cls(lambda offset, length: blob[offset : offset + length])

    def lookup(self, path: str) -> Row | None:
        """The row of `path`, or None; reads one leaf. Raises: DamagedContent."""
        number = bisect_right(self._firsts, path) - 1
        if number < 0:
            return None
        rows = self._leaf(number)
        at = bisect_left(rows, path, key=lambda row: row.path)
        return rows[at] if at < len(rows) and rows[at].path == path else None

    def below(self, directory: str) -> Iterator[Row]:
        """The row of `directory` itself, if it is a file, and all rows under it. Raises: DamagedContent."""
        if directory in {"", "."}:
            yield from self.rows()
            return
        own = self.lookup(directory)
        if own is not None:
            yield own
        yield from self.between(directory + "/", directory + "0")  # '0' follows '/'

    def between(self, start: str, end: str) -> Iterator[Row]:
        """The rows with `start` <= path < `end`, a leaf at a time; `end` '' is no bound. Raises: DamagedContent."""
        number = max(0, bisect_right(self._firsts, start) - 1)
        while number < len(self._firsts) and (not end or self._firsts[number] < end):
            rows = self._leaf(number)
            low = bisect_left(rows, start, key=lambda row: row.path)
            high = bisect_left(rows, end, key=lambda row: row.path) if end else len(rows)
            yield from rows[low:high]
            number += 1

    def rows(self) -> Iterator[Row]:
        """All rows in order, a leaf at a time. Raises: DamagedContent."""
        for number in range(len(self._firsts)):
            yield from self._leaf(number)

    def _leaf(self, number: int) -> list[Row]:
        # Paths are mostly looked up in order, so the next one lies in the same leaf.
        if self._kept[0] != number:
            self._kept = (number, self._decode_leaf(number))
        return self._kept[1]

    def _decode_leaf(self, number: int) -> list[Row]:
        packed_length, plain_length, hash_count = self._entries[number]
        blob = self._read(self._offsets[number], packed_length + hash_count * HASH_LENGTH)
        if len(blob) != packed_length + hash_count * HASH_LENGTH:
            raise DamagedContent("a change list ends early")
        columns = _decompress(blob[:packed_length], plain_length)
        hashes = blob[packed_length:]
        if hash_structured("leaf", columns + hashes) != self._hashes[number]:
            raise DamagedContent("a leaf of a change list does not match its hash", items=(self._firsts[number],))
        rows = decode_leaf(columns, hashes, self._counts[number])
        bound = self._firsts[number + 1] if number + 1 < len(self._firsts) else None
        if rows[0].path != self._firsts[number] or (bound is not None and rows[-1].path >= bound):
            raise DamagedContent("a leaf of a change list is not where its paths belong")
        return rows


def _list_id(kind: int, index: bytes) -> bytes:
    return hash_structured("change list" if kind == ListKind.CHANGES else "snapshot", index)


def _leaves(rows: Iterable[Row]) -> Iterator[list[Row]]:
    leaf: list[Row] = []
    weight = 0
    for row in rows:
        leaf.append(row)
        weight += len(row.path) + len(row.source)
        if row.properties:
            weight += sum(len(key) + len(value) for key, value in row.properties)
        if len(leaf) == LEAF_ROWS or weight > LEAF_BREAK:
            yield leaf
            leaf, weight = [], 0
    if leaf:
        yield leaf


def _decompress(blob: bytes, plain_length: int) -> bytes:
    if plain_length > PLAIN_LIMIT:
        raise DamagedContent(f"a part of a change list claims {plain_length} bytes; the limit is {PLAIN_LIMIT}")
    try:
        if zstandard.frame_content_size(blob) != plain_length:
            raise DamagedContent("a part of a change list has another length than its index says")
        plain = zstandard.ZstdDecompressor().decompress(blob, max_output_size=plain_length, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedContent("a part of a change list cannot be decompressed") from error
    if len(plain) != plain_length:
        raise DamagedContent("a part of a change list has another length than its index says")
    return plain
