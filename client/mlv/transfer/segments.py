"""The segments of one plan part on their way: decoded once, verified, written to every place that needs them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mlv_core.errors import DamagedContent, Interrupted
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import decode_frame, parse_frame
from mlv_core.requests import Piece, PlanPart, Range, RangeKind

if TYPE_CHECKING:
    from mlv.remote.service import Server

    from mlv.transfer.reading import FileSource
    from mlv_core.ids import RepositoryName

CACHE_BYTES = 48 << 20
"""Decoded segments kept as bases for those that follow; a chain's links follow each other closely."""
WAIT_SECONDS = 600.0
"""How long one stream waits for a base that the other one fetches, before it is taken for hung."""


class Segments:
    """Where the segments of a part come from and go to; used by several threads at once."""

    def __init__(
        self,
        server: Server,
        repository: RepositoryName,
        part: PlanPart,
        old: dict[int, FileSource],
        stack: ExitStack,
    ) -> None:
        self._server = server
        self._repository = repository
        self._part = part
        self._old = old
        self._stack = stack
        self._by_hash = {segment.hash: number for number, segment in enumerate(part.segments)}
        self._in_range: dict[int, list[int]] = {}
        for number, segment in enumerate(part.segments):
            if segment.range is not None:
                self._in_range.setdefault(segment.range, []).append(number)
        self._targets: dict[int, list[tuple[int, int, Piece]]] = {}
        self._resumed: set[int] = set()
        self._cache: OrderedDict[ContentHash, memoryview] = OrderedDict()
        self._cached_bytes = 0
        self._coming: set[int] = set()
        self._changed = threading.Condition()
        self._stopped = False

    def add_target(self, change: int, file: str, pieces: Sequence[Piece]) -> None:
        """Put `file` together from `pieces`; of what an earlier attempt left in it the good segments are kept."""
        resumes = os.path.exists(file)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        self._stack.callback(os.close, handle)
        state = self._part.changes[change].change.state
        os.ftruncate(handle, 0 if state is None else state.size)
        position = 0
        mine: dict[int, list[tuple[int, int, Piece]]] = {}
        for piece in pieces:
            mine.setdefault(piece.segment, []).append((handle, position, piece))
            position += piece.length
        for segment, places in mine.items():
            if resumes and self._lies_there(segment, places):
                self._resumed.add(segment)
            self._targets.setdefault(segment, []).extend(places)

    def ranges_needed(self, *, everything: bool) -> list[int]:
        """The ranges to fetch, in order: all of the part, or those of the segments that are still to be written.

        A base that lies in none of the latter is fetched when a frame asks for it.
        """
        if everything and not self._resumed:
            needed = set(range(len(self._part.ranges)))
        else:
            open_segments = [self._part.segments[number] for number in self._targets if number not in self._resumed]
            needed = {segment.range for segment in open_segments if segment.range is not None}
        self._coming = set(needed)
        return sorted(needed)

    def take(self, numbers: Sequence[int], advance: Callable[[int], None]) -> None:
        """Fetch the ranges `numbers`, decode what they hold and write it where it belongs.

        Raises: DamagedContent, and whatever the server refuses with.
        """
        for number, data in self._fetch(numbers):
            if self._stopped:
                raise Interrupted("The transfer was stopped.")
            self._deliver(number, data)
            advance(len(data))

    def stop(self) -> None:
        """Let every thread that waits or fetches give up."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def copy_old(self) -> None:
        """Write the segments that lie in the workspace's old files.

        Raises: DamagedContent when an old file is not what the workspace's version says.
        """
        for number in self._targets:
            if self._part.segments[number].range is None and number not in self._resumed:
                self._write(number, self._from_old(number))

    def _fetch(self, numbers: Sequence[int]) -> Iterator[tuple[int, memoryview]]:
        """The bytes of each range, cut out of the one stream that holds them all."""
        ranges = [self._part.ranges[number] for number in numbers]
        held = bytearray()
        at = 0
        for data in self._server.get_ranges(self._repository, self._part.target, merged(ranges)):
            held += data
            while at < len(ranges) and len(held) >= ranges[at].length:
                length = ranges[at].length
                yield numbers[at], memoryview(bytes(held[:length]))
                del held[:length]
                at += 1
        if at < len(ranges) or held:
            raise DamagedContent("The server's stream ended early.", advice="Type the same command again.")

    def _deliver(self, number: int, data: memoryview) -> None:
        plain = self._decoded(number, data)
        for segment in self._in_range.get(number, ()):
            if segment not in self._resumed:
                self._write(segment, plain[segment])
        with self._changed:
            self._coming.discard(number)
            self._changed.notify_all()

    def _decoded(self, number: int, data: memoryview) -> dict[int, memoryview]:
        """The segments of a range, verified, and remembered as bases for others."""
        members = self._in_range.get(number, [])
        found: dict[int, memoryview] = {}
        if self._part.ranges[number].kind is RangeKind.FILE:
            for member in members:
                segment = self._part.segments[member]
                plain = data[segment.offset : segment.offset + segment.length]
                self._check(member, plain)
                found[member] = plain
        else:
            frame = parse_frame(data)
            base = b"".join(self._plain(name) for name in frame.bases) if frame.bases else None
            decoded = decode_frame(frame, base)
            by_hash = {name: plain for (name, _), plain in zip(frame.members, decoded, strict=True)}
            for member in members:
                plain_member = by_hash.get(self._part.segments[member].hash)
                if plain_member is None:
                    raise self._damaged(member)
                found[member] = plain_member
        with self._changed:
            for member, plain in found.items():
                self._remember(self._part.segments[member].hash, plain)
        return found

    def _plain(self, name: ContentHash) -> memoryview:
        """The plain bytes of a base: remembered, coming on another stream, in an old file, or fetched now."""
        number = self._by_hash.get(name)
        if number is None:
            raise DamagedContent(f"The plan lacks the base {name.hex()[:16]}.", advice="Type the same command again.")
        place = self._part.segments[number].range
        if place is None:
            return self._from_old(number)
        with self._changed:
            kept = self._cache.get(name)
            while kept is None and place in self._coming and not self._stopped:
                if not self._changed.wait(WAIT_SECONDS):
                    break
                kept = self._cache.get(name)
        if kept is not None:
            return kept
        if self._stopped:
            raise Interrupted("The transfer was stopped.")
        for _, data in self._fetch([place]):
            return self._decoded(place, data)[number]
        raise self._damaged(number)

    def _from_old(self, number: int) -> memoryview:
        segment = self._part.segments[number]
        plain = memoryview(b"".join(bytes(self._old[row].read(offset, length)) for row, offset, length in segment.old))
        self._check(number, plain)
        return plain

    def _remember(self, name: ContentHash, plain: memoryview) -> None:
        if name in self._cache:
            return
        self._cache[name] = plain
        self._cached_bytes += len(plain)
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= len(dropped)

    def _write(self, number: int, plain: memoryview) -> None:
        for handle, position, piece in self._targets.get(number, ()):
            _write_all(handle, plain[piece.offset : piece.offset + piece.length], position)

    def _lies_there(self, number: int, places: Sequence[tuple[int, int, Piece]]) -> bool:
        segment = self._part.segments[number]
        if sum(piece.length for _, _, piece in places) != segment.length:
            return False
        ordered = sorted(places, key=lambda place: place[2].offset)
        plain = b"".join(os.pread(handle, piece.length, position) for handle, position, piece in ordered)
        return hash_content(plain) == segment.hash

    def _check(self, number: int, plain: memoryview) -> None:
        if hash_content(plain) != self._part.segments[number].hash:
            raise self._damaged(number)

    def _damaged(self, number: int) -> DamagedContent:
        name = self._part.segments[number].hash.hex()[:16]
        paths = {self._part.changes[p.change].change.path for p in self._part.pieces if p.segment == number}
        return DamagedContent(f"Segment {name} does not match its hash.", items=tuple(sorted(paths))[:5])


def merged(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """The same bytes in the same order, with neighbours in the same pack or file asked for as one."""
    joined: list[Range] = []
    for one in ranges:
        last = joined[-1] if joined else None
        if last and (last.kind, last.id) == (one.kind, one.id) and last.offset + last.length == one.offset:
            joined[-1] = Range(last.kind, last.id, last.offset, last.length + one.length)
        else:
            joined.append(one)
    return tuple(joined)


def _write_all(handle: int, data: memoryview, position: int) -> None:
    while data:
        written = os.pwrite(handle, data, position)
        data, position = data[written:], position + written
