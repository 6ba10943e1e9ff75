"""Plain copies of whole files, kept while there is room: losing all of them loses nothing.

Beside each copy lies its map: rows of (segment name, offset, length), so that the bases of deltas are read from it.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import uuid
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path

from mlv_core.hashing import HASH_LENGTH, ContentHash, hash_content
from mlv_core.recipes import Recipe
from mlv_core.segments import Extent

MAP_ROW = struct.Struct(f"<{HASH_LENGTH}sQI")
"""Of the map beside a copy: name, offset and length of a segment."""
# About 250 bytes of memory each; 200,000 segments of 2 MiB are 400 GB of models.
SEGMENTS_LIMIT = 200_000
# Eviction goes on to this share of the limit, so that it is not needed at every new file.
_LOW_WATER = 0.9

# Tables of copies that are being read: about 200 bytes a segment, of which a large one has tens of thousands.
TABLES_KEPT = 8

_File = tuple[int, ContentHash]
_Extents = tuple[tuple[int, int], ...]


class CopyDraft:
    """A copy being written. Errors of the disk only make it void: it is a cache."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = None
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("xb", buffering=0)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`, if the draft is still good."""
        if self._stream is None:
            return
        try:
            view = memoryview(data)
            while view:
                view = view[self._stream.write(view) or 0 :]
        except OSError:
            self.discard()

    def place(self, final: Path, rows: bytes) -> bool:
        """Give the copy its name and write its map; whether that worked."""
        if self._stream is None:
            return False
        self._stream.close()
        self._stream = None
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_suffix(".map")
            beside.write_bytes(rows)
            self._path.rename(final)
            beside.rename(final.with_suffix(".map"))
        except OSError:
            self.discard()
            return False
        return True

    def discard(self) -> None:
        """Give the draft up."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.with_suffix(".map").unlink(missing_ok=True)


class _Rows:
    """The segments of a copy that lie in one piece, in the order of their places; from the bytes of its map."""

    def __init__(self, rows: bytes) -> None:
        found = list(MAP_ROW.iter_unpack(rows))
        extents = Counter(name for name, _, _ in found)
        self._rows = sorted((row for row in found if extents[row[0]] == 1), key=itemgetter(1))
        self._starts = [offset for _, offset, _ in self._rows]

    def run(self, offset: int, limit: int) -> list[tuple[bytes, int, int]]:
        """(name, offset, length) of neighbours without a gap from `offset` on, at most `limit` bytes of them."""
        run: list[tuple[bytes, int, int]] = []
        end = offset
        for at in range(bisect_left(self._starts, offset), len(self._rows)):
            _, start, length = self._rows[at]
            if start != end or end + length > offset + limit:
                break
            run.append(self._rows[at])
            end += length
        return run


class MaterializedFiles:
    """The copies under `root`, at most `limit_bytes` of them. May be used from any thread."""

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self._root = root
        self._limit = limit_bytes
        self._lock = threading.RLock()
        self._where: dict[tuple[int, ContentHash], tuple[ContentHash, _Extents]] = {}
        self._known: OrderedDict[_File, tuple[ContentHash, ...]] = OrderedDict()
        self._tables: OrderedDict[_File, _Rows] = OrderedDict()
        self._segments = 0
        self._loaded = False
        # What the copies take, as far as this process knows; counted anew before anything is dropped.
        self._bytes: int | None = None

    def draft(self, size: int) -> CopyDraft | None:
        """Begin a copy of `size` bytes, with room made for it; None when it would never fit."""
        if size > self._limit * _LOW_WATER:
            return None
        self.evict(size)
        return CopyDraft(self._root / "tmp" / uuid.uuid4().hex)

    def keep(self, draft: CopyDraft, domain_id: int, file_hash: ContentHash, recipe: Recipe) -> None:
        """Take a finished copy of the file that `recipe` builds."""
        places: dict[ContentHash, tuple[Extent, ...]] = {}
        for segment, extents in zip(recipe.segments(), recipe.offsets_in_file(), strict=True):
            places.setdefault(segment.hash, extents)
        rows = [(name, extent.offset, extent.length) for name, extents in places.items() for extent in extents]
        if draft.place(self._path(domain_id, file_hash), b"".join(MAP_ROW.pack(*row) for row in rows)):
            self._learn((domain_id, file_hash), rows)
            with self._lock:
                if self._bytes is not None:
                    self._bytes += recipe.size + len(rows) * MAP_ROW.size

    def holds(self, domain_id: int, file_hash: ContentHash) -> bool:
        """Whether a copy of the file is there."""
        self._load()
        with self._lock:
            return (domain_id, file_hash) in self._known

    def touch(self, domain_id: int, file_hash: ContentHash) -> None:
        """Say that the copy was of use, so that others go first."""
        with contextlib.suppress(OSError):
            os.utime(self._path(domain_id, file_hash))

    def read_segment(self, domain_id: int, name: ContentHash, *, checked: bool = True) -> bytes | None:
        """A segment out of a copy; None when no copy has it. A copy that is found wrong is dropped."""
        self._load()
        with self._lock:
            found = self._where.get((domain_id, name))
        if found is None:
            return None
        file_hash, extents = found
        try:
            plain = _read(self._path(domain_id, file_hash), extents)
        except OSError:
            plain = b""
        if (checked or not plain) and hash_content(plain) != name:
            self.drop(domain_id, file_hash)
            return None
        return plain

    def read_some(self, domain_id: int, file_hash: ContentHash, offset: int, limit: int) -> bytes | None:
        """The whole segments of a file that lie one after the other from `offset` on, up to `limit` bytes, checked.

        None when no copy is there, or no segment of at most `limit` bytes begins there. A copy that is wrong is
        dropped.
        """
        if not self.holds(domain_id, file_hash):
            return None
        if not offset:
            self.touch(domain_id, file_hash)
        try:
            rows = self._rows_of((domain_id, file_hash)).run(offset, limit)
            length = sum(size for _, _, size in rows)
            plain = _read(self._path(domain_id, file_hash), ((offset, length),)) if rows else b""
        except (OSError, struct.error):
            return None
        with memoryview(plain) as view:
            if all(hash_content(view[at - offset : at - offset + size]) == name for name, at, size in rows):
                return plain or None
        self.drop(domain_id, file_hash)
        return None

    def _rows_of(self, file: _File) -> _Rows:
        with self._lock:
            found = self._tables.get(file)
            if found is not None:
                self._tables.move_to_end(file)
                return found
        found = _Rows(self._path(*file).with_suffix(".map").read_bytes())
        with self._lock:
            self._tables[file] = found
            while len(self._tables) > TABLES_KEPT:
                self._tables.popitem(last=False)
        return found

    def drop(self, domain_id: int, file_hash: ContentHash) -> None:
        """Remove a copy."""
        with self._lock:
            self._forget((domain_id, file_hash))
            path = self._path(domain_id, file_hash)
            path.unlink(missing_ok=True)
            path.with_suffix(".map").unlink(missing_ok=True)

    def total_bytes(self) -> int:
        """Bytes of all copies and their maps."""
        return sum(size for _, size, _ in self._files())

    def evict(self, room: int = 0) -> None:
        """Drop the copies used longest ago until `room` bytes more fit."""
        with self._lock:
            if self._bytes is not None and self._bytes + room <= self._limit:
                return
            files = sorted(self._files(), key=lambda item: item[2])
            self._bytes = sum(size for _, size, _ in files)
            if self._bytes + room <= self._limit:
                return
            for path, size, _ in files:
                if self._bytes + room <= self._limit * _LOW_WATER:
                    return
                self._bytes -= size
                if path.suffix:
                    path.unlink(missing_ok=True)
                else:
                    self.drop(int(path.parent.parent.name), ContentHash(bytes.fromhex(path.name)))

    def _files(self) -> Iterator[tuple[Path, int, float]]:
        for path in self._root.glob("[0-9]*/??/*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                yield path, status.st_size, status.st_mtime

    def _path(self, domain_id: int, file_hash: ContentHash) -> Path:
        name = file_hash.hex()
        return self._root / str(domain_id) / name[:2] / name

    def _load(self) -> None:
        """Learn the copies of earlier processes, once."""
        with self._lock:
            if self._loaded:
                return
            self._loaded = True
            for path in (self._root / "tmp").glob("*"):
                path.unlink(missing_ok=True)
            for path in sorted(self._root.glob("[0-9]*/??/*.map"), key=lambda path: path.stat().st_mtime):
                if not path.with_suffix("").exists():
                    path.unlink()
                    continue
                rows = path.read_bytes()
                file = int(path.parent.parent.name), ContentHash(bytes.fromhex(path.stem))
                whole = len(rows) // MAP_ROW.size * MAP_ROW.size
                self._learn(file, list(MAP_ROW.iter_unpack(rows[:whole])))

    def _learn(self, file: _File, rows: Iterable[tuple[ContentHash, int, int]]) -> None:
        places: dict[ContentHash, _Extents] = {}
        for name, offset, length in rows:
            places[name] = (*places.get(name, ()), (offset, length))
        with self._lock:
            self._forget(file)
            self._known[file] = tuple(places)
            self._segments += len(places)
            for name, extents in places.items():
                self._where[file[0], name] = (file[1], extents)
            while self._segments > SEGMENTS_LIMIT and len(self._known) > 1:
                self._forget(next(iter(self._known)))

    def _forget(self, file: _File) -> None:
        names = self._known.pop(file, ())
        self._tables.pop(file, None)
        self._segments -= len(names)
        for name in names:
            if self._where.get((file[0], name), (None,))[0] == file[1]:
                del self._where[file[0], name]


def _read(path: Path, extents: _Extents) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if any(offset + length > size for offset, length in extents):
            return b""  # a damaged map: nothing is asked of the system that it may refuse, and nothing is allocated
        parts = [os.pread(descriptor, length, offset) for offset, length in extents]
    finally:
        os.close(descriptor)
    return parts[0] if len(parts) == 1 else b"".join(parts)
