"""The canonical bytes of one leaf of a change list: columns as byte planes, front-coded paths, raw hashes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from operator import lt

import numpy as np

from mlv_core.changes.rows import Row, RowColumns
from mlv_core.entities import FileMode, Operation, Properties
from mlv_core.errors import DamagedContent
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_core.ids import ChangesetNumber, FileId

_DELETE = int(Operation.DELETE)
_MODE_BITS, _TEXT, _SOURCE, _PROPERTIES = 3, 4, 8, 16
_ALL_FLAGS = _MODE_BITS | _TEXT | _SOURCE | _PROPERTIES
_TEXTS = tuple(bool(flags & _TEXT) for flags in range(256))
_MODES = bytes(flags & _MODE_BITS for flags in range(256))
_OPERATIONS = frozenset(int(operation) for operation in Operation)
_row = partial(tuple.__new__, Row)
_U64 = 0xFFFF_FFFF_FFFF_FFFF


def encode_leaf(rows: RowColumns) -> tuple[bytes, bytes]:
    """The canonical columns and hashes of sorted rows; numbers as byte planes, so that like bytes lie together."""
    paths, operations, file_ids, modes, texts, sizes, contents, properties, sources, changed = rows
    prefixes, suffixes = _front_code([path.encode() for path in paths])
    flags = _bytes(modes) | _TEXT * _bytes(texts)
    if any(sources) or any(properties):
        flags |= _SOURCE * _bytes(map(bool, sources)) | _PROPERTIES * _bytes(map(bool, properties))
    moved = [source.encode() for source in sources if source]
    columns = b"".join(
        (
            _planes("H", prefixes),
            _planes("H", list(map(len, suffixes))),
            bytes(operations),
            flags.tobytes(),
            _planes("Q", _differences(file_ids)),
            _planes("Q", sizes),
            _planes("Q", changed),
            b"".join(suffixes),
            struct.pack(f"<{len(moved)}H", *map(len, moved)),
            b"".join(moved),
            b"".join(_encode_properties(pairs) for pairs in properties if pairs),
        )
    )
    return columns, b"".join(contents)


def decode_leaf(data: bytes, hashes: bytes, count: int) -> list[Row]:
    """The `count` rows of a leaf. Raises: DamagedContent."""
    columns = Columns(data)
    prefixes = columns.planes("H", 2, count)
    lengths = columns.planes("H", 2, count)
    operations = columns.take(count)
    flags = columns.take(count)
    file_ids = np.cumsum(np.array(columns.planes("Q", 8, count), np.uint64)).tolist()
    sizes = columns.planes("Q", 8, count)
    changed = columns.planes("Q", 8, count)
    paths = _front_decode(columns, prefixes, lengths)
    kinds = set(flags)
    with_source = [at for at in range(count) if flags[at] & _SOURCE] if any(flag & _SOURCE for flag in kinds) else []
    source_lengths = struct.unpack(f"<{len(with_source)}H", columns.take(2 * len(with_source)))
    sources = [""] * count
    for at, length in zip(with_source, source_lengths, strict=True):
        sources[at] = columns.text(length)
    properties: list[Properties] = [()] * count
    if any(flag & _PROPERTIES for flag in kinds):
        for at in range(count):
            if flags[at] & _PROPERTIES:
                properties[at] = _decode_properties(columns)
    columns.finish()
    deleted = operations.count(_DELETE)
    if (
        not _OPERATIONS.issuperset(operations)
        or len(hashes) != (count - deleted) * HASH_LENGTH
        or any(flag & ~_ALL_FLAGS or flag & _MODE_BITS > FileMode.SYMLINK for flag in kinds)
        or (
            deleted
            and any(flag or size for op, flag, size in zip(operations, flags, sizes, strict=True) if op == _DELETE)
        )
        or not ascending(paths)
    ):
        raise DamagedContent("a leaf of a change list holds values that cannot be")
    contents: Iterable[bytes] = [hashes[at : at + HASH_LENGTH] for at in range(0, len(hashes), HASH_LENGTH)]
    if deleted:
        present = iter(contents)
        contents = [b"" if operation == _DELETE else next(present) for operation in operations]
    modes = flags.translate(_MODES)
    texts = map(_TEXTS.__getitem__, flags)
    return list(
        map(
            _row,
            zip(paths, operations, file_ids, modes, texts, sizes, contents, properties, sources, changed, strict=True),
        )
    )


def find_row(data: bytes, hashes: bytes, count: int, path: str) -> Row | None:
    """The row of one path in a leaf, or None, without making the others: several times cheaper than `decode_leaf`.

    What the other rows hold is not checked. Raises: DamagedContent.
    """
    columns = Columns(data)
    prefixes = columns.planes("H", 2, count)
    lengths = columns.planes("H", 2, count)
    operations = columns.take(count)
    flags = columns.take(count)
    numbers = columns.take(3 * 8 * count)
    suffixes = columns.take(sum(lengths))
    at = _find_path(suffixes, prefixes, lengths, path.encode("utf-8", "surrogatepass"))
    if at is None:
        return None
    flag, operation = flags[at], operations[at]
    if flag & (_SOURCE | _PROPERTIES):
        return decode_leaf(data, hashes, count)[at]
    place = HASH_LENGTH * (at - operations.count(_DELETE, 0, at))
    content = b"" if operation == _DELETE else hashes[place : place + HASH_LENGTH]
    if operation not in _OPERATIONS or flag & ~_ALL_FLAGS or flag & _MODE_BITS > FileMode.SYMLINK:
        raise DamagedContent("a leaf of a change list holds values that cannot be")
    if operation != _DELETE and len(content) != HASH_LENGTH:
        raise DamagedContent("a change list ends early")
    file_id = FileId(sum(Columns(numbers).planes("Q", 8, count)[: at + 1]) & _U64)
    size, changed = (
        int.from_bytes(numbers[column * 8 * count + at : (column + 1) * 8 * count : count], "little")
        for column in (1, 2)
    )
    mode, text = flag & _MODE_BITS, bool(flag & _TEXT)
    return Row(path, operation, file_id, mode, text, size, ContentHash(content), (), "", ChangesetNumber(changed))


def _find_path(suffixes: bytes, prefixes: Sequence[int], lengths: Sequence[int], path: bytes) -> int | None:
    """Which of front-coded sorted paths is `path`."""
    before = b""
    at = 0
    for number, (shared, length) in enumerate(zip(prefixes, lengths, strict=True)):
        before = before[:shared] + suffixes[at : at + length]
        if before >= path:
            return number if before == path else None
        at += length
    return None


def _front_code(paths: list[bytes]) -> tuple[list[int], list[bytes]]:
    """Of each path, how many bytes it shares with the one before, and the rest."""
    lengths = np.fromiter(map(len, paths), np.int64, len(paths))
    width = max(int(lengths.max()), 1)
    # At most 256 paths of 64 KiB, what their lengths are told in; for real ones some 10 KiB.
    characters = np.array(paths, f"S{width}").view(np.uint8).reshape(len(paths), width)
    unlike = characters[1:] != characters[:-1]
    first_unlike = np.where(unlike.any(axis=1), unlike.argmax(axis=1), width)
    shared = np.minimum(first_unlike, np.minimum(lengths[1:], lengths[:-1]))
    prefixes = [0, *shared.tolist()]
    return prefixes, [path[prefix:] for path, prefix in zip(paths, prefixes, strict=True)]


def _front_decode(columns: Columns, prefixes: Sequence[int], lengths: Sequence[int]) -> list[str]:
    data = columns.take(sum(lengths))
    paths: list[str] = []
    before = b""
    at = 0
    try:
        for shared, length in zip(prefixes, lengths, strict=True):
            if shared > len(before):
                raise DamagedContent("a path of a change list refers to more than the one before it")
            before = before[:shared] + data[at : at + length]
            at += length
            paths.append(before.decode())
    except UnicodeDecodeError as error:
        raise DamagedContent("a path of a change list is no text") from error
    return paths


def _encode_properties(pairs: Properties) -> bytes:
    parts = [struct.pack("<H", len(pairs))]
    for key, value in pairs:
        key_bytes, value_bytes = key.encode(), value.encode()
        parts += (struct.pack("<HI", len(key_bytes), len(value_bytes)), key_bytes, value_bytes)
    return b"".join(parts)


def _decode_properties(columns: Columns) -> Properties:
    pairs: list[tuple[str, str]] = []
    for _ in range(columns.number("<H", 2)):
        key_length, value_length = struct.unpack("<HI", columns.take(6))
        pairs.append((columns.text(key_length), columns.text(value_length)))
    return tuple(pairs)


def _differences(values: Sequence[int]) -> list[int]:
    """Each value less the one before, as 64-bit two's complement."""
    numbers = np.array(values, np.uint64)
    numbers[1:] -= numbers[:-1].copy()
    found: list[int] = numbers.tolist()
    return found


def _bytes(values: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(bytes(values), np.uint8)


def _planes(code: str, values: Sequence[int]) -> bytes:
    width = struct.calcsize(f"<{code}")
    raw = struct.pack(f"<{len(values)}{code}", *values)
    return b"".join(raw[at::width] for at in range(width))


def ascending(texts: Sequence[str]) -> bool:
    """Whether each text is greater than the one before it."""
    return all(map(lt, texts, islice(texts, 1, None)))


class Columns:
    """Bytes that are taken from the front, never beyond the end."""

    __slots__ = ("_data", "position")

    def __init__(self, data: bytes) -> None:
        self._data, self.position = data, 0

    def take(self, length: int) -> bytes:
        """The next `length` bytes. Raises: DamagedContent."""
        part = self._data[self.position : self.position + length]
        if len(part) != length:
            raise DamagedContent("a change list ends early")
        self.position += length
        return part

    def number(self, code: str, width: int) -> int:
        """The next number of a struct code and width. Raises: DamagedContent."""
        value: int = struct.unpack(code, self.take(width))[0]
        return value

    def text(self, length: int) -> str:
        """The next `length` bytes as UTF-8. Raises: DamagedContent."""
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as error:
            raise DamagedContent("a change list holds something that is no text") from error

    def planes(self, code: str, width: int, count: int) -> tuple[int, ...]:
        """A column of `count` numbers that lies as byte planes. Raises: DamagedContent."""
        data = self.take(width * count)
        raw = bytearray(width * count)
        for at in range(width):
            raw[at::width] = data[at * count : (at + 1) * count]
        return struct.unpack(f"<{count}{code}", raw)

    def finish(self) -> None:
        """Check that nothing is left. Raises: DamagedContent."""
        if self.position != len(self._data):
            raise DamagedContent("a change list holds bytes that belong to nothing")
