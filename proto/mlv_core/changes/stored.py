"""Stored lists: header, index and leaves in one blob, read whole or a leaf at a time."""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import accumulate, chain, islice
from operator import add, attrgetter
from typing import Any, Protocol, TypeVar

import zstandard

from mlv_core.changes.leaves import Columns, ascending, decode_leaf, encode_leaf, find_row
from mlv_core.changes.rows import Row, RowColumns, columns_of
from mlv_core.deferred import dataclass
from mlv_core.entities import Change
from mlv_core.errors import DamagedContent
from mlv_core.hashing import HASH_LENGTH, hash_structured
from mlv_core.ids import ChangesetNumber

MAGIC = b"MLVC"
VERSION = 1
LEAF_ROWS = 256
"""Rows of one leaf: a look-up decodes about 12 KiB, and the index of a million files has 4,000 entries."""
LEAF_BREAK = 1024 * 1024
"""A leaf also ends after the row with which its paths and properties pass this many characters."""
PLAIN_LIMIT = 64 * 1024 * 1024
"""Uncompressed bytes of an index or of one leaf's columns that a reader is ready to hold."""

_HEADER = struct.Struct("<4sBBxxII")
_LEAF_ENTRY = struct.Struct("<III")
_LEVEL = 3
_PATH = attrgetter("path")
_MANY = 8
"""Paths for which all rows of a leaf are looked at once, instead of searching for each."""
_PLAIN = b"plain"
_PLAIN_SHARE = 6
"""The plain bytes of a row take this much less memory than the row."""

T = TypeVar("T")
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
    return _encode(_leaves(rows, lambda some: tuple(zip(*some, strict=True))), kind)


def encode_changes(changes: Iterable[Change], changed_in: ChangesetNumber) -> EncodedList:
    """The stored form of the changes of one changeset, in any order: that of their rows."""
    ordered = sorted(changes, key=_PATH)
    return _encode(_leaves(ordered, lambda some: columns_of(some, changed_in)), ListKind.CHANGES)


def _encode(columns_of_leaves: Iterable[RowColumns], kind: ListKind) -> EncodedList:
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    canonical: list[bytes] = []
    entries: list[bytes] = []
    leaves: list[bytes] = []
    count = 0
    for leaf in columns_of_leaves:
        columns, hashes = encode_leaf(leaf)
        packed = compressor.compress(columns)
        paths = leaf[0]
        first = paths[0].encode()
        canonical += (struct.pack("<IH", len(paths), len(first)), first, hash_structured("leaf", columns + hashes))
        entries.append(_LEAF_ENTRY.pack(len(packed), len(columns), len(hashes) // HASH_LENGTH))
        leaves += (packed, hashes)
        count += len(paths)
    index = struct.pack("<BI", kind, len(entries)) + b"".join(canonical)
    stored_index = b"".join((index, *entries))
    packed_index = compressor.compress(stored_index)
    header = _HEADER.pack(MAGIC, VERSION, kind, len(packed_index), len(stored_index))
    return EncodedList(_list_id(kind, index), b"".join((header, packed_index, *leaves)), count)


def decode(blob: bytes) -> list[Row]:
    """All rows of a stored list, each leaf verified. Raises: DamagedContent."""
    return list(ListReader.of(blob).rows())


class Shelf(Protocol):
    """Decoded indexes and leaves by the hash of what they hold, kept for readers to come; a part is never changed."""

    def find(self, name: bytes) -> Any:  # noqa: ANN401 - an index or the rows of a leaf: whatever was kept
        """What was kept under `name`; None if it is there no more."""

    def keep(self, name: bytes, part: object, entries: int) -> None:
        """Keep a part that holds so many entries."""


@dataclass(frozen=True, slots=True)
class _Index:
    """What the index of a list says of its leaves: rows, first path, hash, stored lengths and offset of each."""

    kind: ListKind
    id: bytes
    counts: tuple[int, ...]
    firsts: tuple[str, ...]
    hashes: tuple[bytes, ...]
    entries: tuple[tuple[int, int, int], ...]
    offsets: tuple[int, ...]


class ListReader:
    """A stored list of which only the index is read at once; `read_range(offset, length)` gives its bytes.

    With a `shelf`, decoded parts are taken from there and left there; `name` is then the list's id, b"" if not known.
    """

    __slots__ = ("_index", "_kept", "_read", "_searched", "_shelf", "count", "id", "kind")

    def __init__(self, read_range: ReadRange, shelf: Shelf | None = None, name: bytes = b"") -> None:
        """Read the index.

        Raises: DamagedContent.
        """
        self._read = read_range
        self._shelf = shelf
        self._kept: tuple[int, list[Row]] = (-1, [])
        self._searched = -1
        known = shelf.find(name) if shelf is not None and name else None
        self._index: _Index = known if known is not None else _read_index(read_range)
        if shelf is not None and known is None:
            shelf.keep(self._index.id, self._index, len(self._index.counts))
        self.kind = self._index.kind
        self.id = self._index.id
        self.count = sum(self._index.counts)

    @classmethod
    def of(cls, blob: bytes) -> ListReader:
        """A reader of a whole list in memory. Raises: DamagedContent."""
        return cls(lambda offset, length: blob[offset : offset + length])

    def lookup(self, path: str) -> Row | None:
        """The row of `path`, or None; reads one leaf. Raises: DamagedContent."""
        number = bisect_right(self._index.firsts, path) - 1
        if number < 0:
            return None
        # Of a leaf in which one path is looked up the other rows are not made; where the next one is, they are.
        if number not in (self._kept[0], self._searched) and not self._shelved(number):
            self._searched = number
            return find_row(*self._plain_leaf(number), self._index.counts[number], path)
        rows = self._leaf(number)
        at = bisect_left(rows, path, key=_PATH)
        return rows[at] if at < len(rows) and rows[at].path == path else None

    def lookup_all(self, paths: Sequence[str]) -> dict[str, Row]:
        """The rows of those of the sorted `paths` that have one; reads each leaf once. Raises: DamagedContent."""
        firsts = self._index.firsts
        found: dict[str, Row] = {}
        at = bisect_left(paths, firsts[0]) if firsts else len(paths)
        while at < len(paths):
            number = bisect_right(firsts, paths[at]) - 1
            end = bisect_left(paths, firsts[number + 1], at) if number + 1 < len(firsts) else len(paths)
            some = paths[at:end]
            if len(some) < _MANY:
                found.update((path, row) for path in some if (row := self.lookup(path)) is not None)
            else:
                rows = {row.path: row for row in self._leaf(number)}
                found.update((path, rows[path]) for path in some if path in rows)
            at = end
        return found

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
        return chain.from_iterable(self._slices(start, end))

    def rows(self) -> Iterator[Row]:
        """All rows in order, a leaf at a time. Raises: DamagedContent."""
        return chain.from_iterable(map(self._leaf, range(len(self._index.firsts))))

    def _slices(self, start: str, end: str) -> Iterator[list[Row]]:
        number = max(0, bisect_right(self._index.firsts, start) - 1)
        while number < len(self._index.firsts) and (not end or self._index.firsts[number] < end):
            rows = self._leaf(number)
            low = bisect_left(rows, start, key=_PATH)
            high = bisect_left(rows, end, key=_PATH) if end else len(rows)
            yield rows[low:high]
            number += 1

    def _leaf(self, number: int) -> list[Row]:
        # Paths are mostly looked up in order, so the next one lies in the same leaf.
        if self._kept[0] != number:
            name = self._index.hashes[number]
            rows: list[Row] | None = None if self._shelf is None else self._shelf.find(name)
            if rows is None:
                rows = self._decode_leaf(number)
                if self._shelf is not None:
                    self._shelf.keep(name, rows, len(rows))
            self._kept = (number, rows)
        return self._kept[1]

    def _shelved(self, number: int) -> bool:
        """Whether the rows of a leaf are there already."""
        return self._shelf is not None and self._shelf.find(self._index.hashes[number]) is not None

    def _decode_leaf(self, number: int) -> list[Row]:
        index = self._index
        columns, hashes = self._plain_leaf(number)
        rows = decode_leaf(columns, hashes, index.counts[number])
        bound = index.firsts[number + 1] if number + 1 < len(index.firsts) else None
        if rows[0].path != index.firsts[number] or (bound is not None and rows[-1].path >= bound):
            raise DamagedContent("a leaf of a change list is not where its paths belong")
        return rows

    def _plain_leaf(self, number: int) -> tuple[bytes, bytes]:
        """The verified columns and hashes of a leaf. Raises: DamagedContent."""
        name = _PLAIN + self._index.hashes[number]
        known: tuple[bytes, bytes] | None = None if self._shelf is None else self._shelf.find(name)
        if known is None:
            known = self._read_leaf(number)
            if self._shelf is not None:
                self._shelf.keep(name, known, self._index.counts[number] // _PLAIN_SHARE)
        return known

    def _read_leaf(self, number: int) -> tuple[bytes, bytes]:
        index = self._index
        packed_length, plain_length, hash_count = index.entries[number]
        blob = self._read(index.offsets[number], packed_length + hash_count * HASH_LENGTH)
        if len(blob) != packed_length + hash_count * HASH_LENGTH:
            raise DamagedContent("a change list ends early")
        columns = _decompress(blob[:packed_length], plain_length)
        hashes = blob[packed_length:]
        if hash_structured("leaf", columns + hashes) != index.hashes[number]:
            raise DamagedContent("a leaf of a change list does not match its hash", items=(index.firsts[number],))
        return columns, hashes


def _read_index(read_range: ReadRange) -> _Index:
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
    counts: list[int] = []
    firsts: list[str] = []
    hashes: list[bytes] = []
    for _ in range(leaves):
        counts.append(columns.number("<I", 4))
        firsts.append(columns.text(columns.number("<H", 2)))
        hashes.append(columns.take(HASH_LENGTH))
    list_id = _list_id(kind, index[: columns.position])
    entries = tuple(_LEAF_ENTRY.iter_unpack(columns.take(leaves * _LEAF_ENTRY.size)))
    columns.finish()
    lengths = (packed + HASH_LENGTH * count for packed, _, count in entries)
    offsets = tuple(accumulate(lengths, initial=_HEADER.size + packed_length))
    if any(not 0 < count <= LEAF_ROWS for count in counts) or not ascending(firsts):
        raise DamagedContent("a change list's index is not in order")
    return _Index(ListKind(kind), list_id, tuple(counts), tuple(firsts), tuple(hashes), entries, offsets)


def _list_id(kind: int, index: bytes) -> bytes:
    return hash_structured("change list" if kind == ListKind.CHANGES else "snapshot", index)


def _leaves(entries: Iterable[T], as_columns: Callable[[list[T]], RowColumns]) -> Iterator[RowColumns]:
    """`entries`, rows or what becomes some, cut into leaves."""
    source = iter(entries)
    some: list[T] = []
    while some := [*some, *islice(source, LEAF_ROWS - len(some))]:
        columns = as_columns(some)
        count = _fitting(columns)
        yield columns if count == len(some) else [column[:count] for column in columns]
        some = some[count:]


def _fitting(columns: RowColumns) -> int:
    """How many of the first rows go into one leaf."""
    paths, properties, sources = columns[0], columns[7], columns[8]
    if sum(map(len, paths)) + sum(map(len, sources)) <= LEAF_BREAK and not any(properties):
        return len(paths)
    pairs = (sum(len(key) + len(value) for key, value in some) for some in properties)
    totals = list(accumulate(map(add, map(add, map(len, paths), map(len, sources)), pairs)))
    return min(len(paths), bisect_right(totals, LEAF_BREAK) + 1)


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
