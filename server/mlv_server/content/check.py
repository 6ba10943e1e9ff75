"""Checking everything that is stored: every pack byte, every row that leads to one, every recipe, every chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import partial
from pathlib import Path

from blake3 import blake3

from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, LimitExceeded, NotFound
from mlv_core.hashing import ContentHash
from mlv_core.packs import PackParser
from mlv_core.recipes import Recipe
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.chains import trace
from mlv_server.content.frames import bases_from, checksum
from mlv_server.content.materialized import MAP_ROW, MaterializedFiles
from mlv_server.content.memory import PlainCache
from mlv_server.content.plain import EMPTY, PlainReader
from mlv_server.content.store import ContentStore
from mlv_server.metadata.contents import ContentRow
from mlv_server.metadata.engine import Database
from mlv_server.metadata.packs import INLINE_BASES, PackRow
from mlv_server.metadata.segments import FramePlace
from mlv_server.metadata.unit_of_work import Transaction

PAGE = 4096
_CHUNK = 4 * 1024 * 1024


@dataclass(slots=True)
class ContentReport:
    """What was read and what is wrong with it.

    `damaged` holds a line each, naming pack, segment or file; `damaged_files` the (domain, file hash) that cannot be
    read whole; `foreign` pack files that no row knows; `dropped` copies in the cache that were not as they should and
    were removed, which a power cut may do as well as a disk.
    """

    packs: int = 0
    segments: int = 0
    bytes: int = 0
    max_depth: int = 0
    damaged: list[str] = field(default_factory=list)
    damaged_files: set[tuple[int, ContentHash]] = field(default_factory=set)
    foreign: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Header:
    """What a frame's header says: lengths of header, blob and plain bytes, and codec; bases; names and lengths."""

    numbers: tuple[int, int, int, int]
    bases: tuple[ContentHash, ...]
    members: tuple[tuple[ContentHash, int], ...]


async def check_content(store: ContentStore) -> ContentReport:
    """Read every pack, row and recipe of every domain; damaged frames are marked, so that clients may heal them."""
    return await store.run(partial(_Checker(store.db, store.blobs).check))


class _Checker:
    def __init__(self, db: Database, blobs: LocalBlobs) -> None:
        self._db = db
        self._blobs = blobs
        # No copies of files and little memory: what is checked are the packs.
        nothing = MaterializedFiles(blobs.root / "cache" / "none", 0)
        self._reader = PlainReader(db, blobs, PlainCache(16 * 1024 * 1024), nothing)
        self._report = ContentReport()
        # Where the packs themselves say that segments lie: hashes of (frame row, name, offset, length), 100 bytes each.
        self._members: set[int] = set()

    def check(self) -> ContentReport:
        """Check everything."""
        rows = self._db.read_now(lambda tx: tx.packs.list_all())
        for row in rows:
            self._check_pack(row)
        known = {(row.domain_id, row.pack_id) for row in rows}
        for place in self._blobs.list_packs():
            if (place.domain_id, place.pack_id) not in known:
                self._report.foreign.append(f"pack {place.pack_id.hex()}")
        for domain_id in sorted({row.domain_id for row in rows}):
            broken = self._check_segments(domain_id)
            self._check_files(domain_id, broken)
        self._check_copies()
        return self._report

    def _check_copies(self) -> None:
        """The plain copies of files: each is what its name says, and so is each segment that its map names."""
        for path in sorted((self._blobs.root / "cache" / "files").glob("[0-9]*/??/*")):
            beside = path.with_suffix(".map")
            if path.suffix or _is_copy(path, beside):
                continue
            path.unlink(missing_ok=True)
            beside.unlink(missing_ok=True)
            self._report.dropped.append(f"copy of file {path.name}")

    def _check_pack(self, row: PackRow) -> None:
        """Every byte of one pack: its frames by their checksums, all the rest by its own form and name.

        Then every row that says what lies in it. A retired pack's file may be gone: the rows go with the next sweep.
        """
        if not row.live_bytes and self._blobs.written_at(row.domain_id, row.pack_id) is None:
            return
        self._report.packs += 1
        places = self._db.read_now(lambda tx: tx.packs.frames_between(row.domain_id, row.pack_id, 0, row.length))
        damaged = [place for place in places if not self._is_sound(row, place)]
        for place in damaged:
            self._report.damaged.append(f"pack {row.pack_id.hex()}, frame at {place.offset}")
        ids = [place.id for place in damaged if not place.damaged]
        mended = [place.id for place in places if place.damaged and place not in damaged]
        if ids or mended:
            self._db.write_now(partial(_mark, ids, mended))
        found = None if damaged else self._parsed(row)
        if found is not None:
            self._compare(row, places, found)
        elif not damaged:
            self._report.damaged.append(f"pack {row.pack_id.hex()}, outside of its frames")

    def _is_sound(self, row: PackRow, place: FramePlace) -> bool:
        try:
            data = self._blobs.read(row.domain_id, row.pack_id, place.offset, place.length)
        except (NotFound, OSError):
            return False
        self._report.bytes += len(data)
        return checksum(data) == place.checksum

    def _parsed(self, row: PackRow) -> dict[int, _Header] | None:
        """What the headers of a pack say, by their offsets; None when it is not well formed."""
        parser = PackParser()
        found: dict[int, _Header] = {}
        try:
            for offset in range(0, row.length, _CHUNK):
                for placed in parser.feed(self._blobs.read(row.domain_id, row.pack_id, offset, _CHUNK)):
                    frame = placed.frame
                    found[placed.offset] = _Header(
                        (placed.header_length, len(frame.blob), frame.plain_length, frame.codec),
                        frame.bases,
                        frame.members,
                    )
            return found if parser.finish() == row.pack_id and parser.size == row.length else None
        except (DamagedContent, LimitExceeded, NotFound, OSError):
            return None

    def _compare(self, row: PackRow, places: list[FramePlace], found: dict[int, _Header]) -> None:
        """Whether each row of a frame says what its header says; notes where its segments lie."""
        for place in places:
            header = found.get(place.offset)
            many = header is not None and len(header.bases) > INLINE_BASES
            if (
                header is None
                or header.numbers != (place.header_length, place.blob_length, place.plain_length, place.codec)
                or place.bases != (None if many else header.bases)
            ):
                self._report.damaged.append(f"row of pack {row.pack_id.hex()}, frame at {place.offset}")
                continue
            at = 0
            for name, length in header.members:
                self._members.add(hash((place.id, name, at, length)))
                at += length

    def _check_segments(self, domain_id: int) -> set[ContentHash]:
        """Every segment of a domain: its frame is sound and so is its chain; the names of those that are not."""
        broken: set[ContentHash] = set()
        read_bases = bases_from(self._blobs, domain_id)
        for names in self._pages(domain_id):
            self._report.segments += len(names)
            chain = self._db.read_now(lambda tx, names=names: trace(tx, domain_id, names, read_bases))  # type: ignore[misc]
            bad: set[int] = set()
            try:
                ordered = chain.frames(names)
            except DamagedContent as error:
                self._report.damaged.extend(error.items)
                broken.update(names)
                continue
            for frame, depth in ordered:
                self._report.max_depth = max(self._report.max_depth, depth)
                bases = chain.bases[frame.id]
                unreadable = [base for base in bases if base != EMPTY and base not in chain.places]
                if frame.damaged or unreadable or any(chain.places[base].frame.id in bad for base in bases):
                    bad.add(frame.id)
            broken.update(name for name in names if chain.places[name].frame.id in bad)
            for name in names:
                place = chain.places[name]
                known = hash((place.frame.id, name, place.offset, place.length)) in self._members
                if not known and name not in broken and not place.frame.damaged:
                    self._report.damaged.append(f"row of segment {name.hex()}")
        self._report.damaged.extend(f"segment {name.hex()}" for name in sorted(broken))
        return broken

    def _pages(self, domain_id: int) -> Iterator[list[ContentHash]]:
        after = b""
        while names := self._names_after(domain_id, after):
            yield names
            after = names[-1]

    def _names_after(self, domain_id: int, after: bytes) -> list[ContentHash]:
        return self._db.read_now(lambda tx: tx.segments.names(domain_id, after, PAGE))

    def _check_files(self, domain_id: int, broken: set[ContentHash]) -> None:
        """Every file of a domain: its recipe can be read and all of its segments are there and sound."""
        after = b""
        while rows := self._files_after(domain_id, after):
            for row in rows:
                fault = self._fault(domain_id, row, broken)
                if fault:
                    self._report.damaged.append(f"file {row.hash.hex()}: {fault}")
                    self._report.damaged_files.add((domain_id, row.hash))
            after = rows[-1].hash

    def _files_after(self, domain_id: int, after: bytes) -> list[ContentRow]:
        return self._db.read_now(lambda tx: tx.contents.page(domain_id, after, PAGE))

    def _fault(self, domain_id: int, row: ContentRow, broken: set[ContentHash]) -> str:
        if row.hash == EMPTY:
            return ""
        segments = {row.hash: row.size}
        if row.recipe is not None:
            try:
                recipe = Recipe.decode(self._reader.read(domain_id, row.recipe))
            except (DamagedContent, LimitExceeded, NotFound) as error:
                return f"its recipe cannot be read ({error.message})"
            if recipe.size != row.size:
                return "its recipe has another size"
            segments = {segment.hash: segment.length for segment in recipe.segments()}
        lengths = self._db.read_now(lambda tx: tx.segments.lengths(domain_id, segments))
        lengths[EMPTY] = 0
        wrong = [name for name, length in segments.items() if name in broken or lengths.get(name) != length]
        return f"{len(wrong)} of its segments cannot be read" if wrong else ""


def _is_copy(path: Path, beside: Path) -> bool:
    """Whether a copy and its map are sound; one that is just being made or removed is taken for it."""
    try:
        if blake3().update_mmap(path).hexdigest() != path.name:
            return False
        rows = beside.read_bytes()
        size = path.stat().st_size
        if len(rows) % MAP_ROW.size or any(at + length > size for _, at, length in MAP_ROW.iter_unpack(rows)):
            return False
        # A segment of several extents has a row for each, in order.
        hashers: dict[bytes, blake3] = {}
        with path.open("rb") as stream:
            for name, offset, length in MAP_ROW.iter_unpack(rows):
                stream.seek(offset)
                hashers.setdefault(name, blake3()).update(stream.read(length))
        return all(hasher.digest() == name for name, hasher in hashers.items())
    except FileNotFoundError:
        pass
    return True


def _mark(damaged: list[int], sound: list[int], tx: Transaction) -> None:
    tx.packs.mark_damaged(damaged)
    tx.packs.mark_damaged(sound, damaged=False)
