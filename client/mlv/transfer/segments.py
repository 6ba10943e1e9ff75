"""The segments of one plan part on their way: decoded once, verified, written to every place that needs them."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, cast

from mlv.transfer.targets import Place, Target, read_back, write_runs
from mlv_core.errors import DamagedContent, Interrupted, Unreachable
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.ids import escape
from mlv_core.packs import decode_frame, parse_frame
from mlv_core.requests import Piece, PlanPart, Range, RangeKind

if TYPE_CHECKING:
    from collections.abc import Generator

    from mlv.remote.service import Server
    from mlv.transfer.reading import FileSource
    from mlv_core.ids import RepositoryName

CACHE_BYTES = 48 << 20
"""Decoded ranges kept as bases for those that follow; a chain's links follow each other closely."""
WAIT_SECONDS = 600.0
"""How long one stream waits for a base that an earlier one fetches, before it fetches the base itself."""
RANGES_AT_ONCE = 20_000
"""Ranges in one request: about 1 MiB of a message's 8 MiB."""
JOINED_BYTES = 4 << 20
"""The longest range made of several: what a server holds in memory at a time for one."""
BYTES_AT_ONCE = 8 << 30
"""Bytes in one request, far below what a server gives in one."""


class Segments:
    """Where the segments of a part come from and go to; used by several threads at once."""

    def __init__(self, server: Server, repository: RepositoryName, part: PlanPart, old: dict[int, FileSource]) -> None:
        self._server = server
        self._repository = repository
        self._part = part
        self._old = old
        self._by_hash = {segment.hash: number for number, segment in enumerate(part.segments)}
        self._in_range: dict[int, list[int]] = {}
        for number, segment in enumerate(part.segments):
            if segment.range is not None:
                self._in_range.setdefault(segment.range, []).append(number)
        self._places: dict[int, list[Place]] = {}
        self._there: set[int] = set()
        self._cache: OrderedDict[int, tuple[int, dict[int, memoryview]]] = OrderedDict()
        self._cached_bytes = 0
        self._coming: dict[int, int] = {}
        self._changed = threading.Condition()
        self._stopped = False

    def add_target(self, target: Target, pieces: Sequence[Piece], start: int = 0) -> None:
        """Put `target` together from `pieces`, which begin at `start` of it.

        Of what an earlier attempt left in it the good segments are kept.
        """
        position = start
        mine: dict[int, list[Place]] = {}
        for piece in pieces:
            mine.setdefault(piece.segment, []).append(Place(target, position, piece))
            position += piece.length
        for number, places in mine.items():
            known = self._places.setdefault(number, [])
            whole = target.resumes and self._lies_in(number, places)
            if whole and (not known or number in self._there):
                self._there.add(number)
            elif not whole:
                self._there.discard(number)
            known.extend(places)

    def ranges_needed(self) -> list[int]:
        """The ranges to fetch, in order.

        Ranges that hold bases alone stand right before the range that is built on them: they are left out with it.
        A base that is missing then is fetched when a frame asks for it.
        """
        in_files = {piece.segment for piece in self._part.pieces}
        needed: list[int] = []
        bases: list[int] = []
        for number in range(len(self._part.ranges)):
            targets = [segment for segment in self._in_range.get(number, ()) if segment in in_files]
            if not targets:
                bases.append(number)
                continue
            if any(segment in self._places and segment not in self._there for segment in targets):
                needed += [*bases, number]
            bases = []
        return needed

    def work_of(self, number: int) -> int:
        """What a range costs to bring, in bytes: those that come and those that it decodes to."""
        plain = sum(self._part.segments[member].length for member in self._in_range.get(number, ()))
        return self._part.ranges[number].length + plain

    def expect(self, shards: Sequence[Sequence[int]]) -> None:
        """The runs of ranges that `take` will be called with, each by a thread of its own."""
        self._coming = {number: shard for shard, numbers in enumerate(shards) for number in numbers}

    def take(self, shard: int, numbers: Sequence[int], advance: Callable[[int], None]) -> None:
        """Fetch the ranges `numbers`, decode what they hold and write it where it belongs.

        A connection that breaks is taken up again as long as each new one brings something.
        Raises: DamagedContent, and whatever the server refuses with.
        """
        left = deque(numbers)
        while left:
            before = len(left)
            try:
                self._take_stream(left, shard, advance)
            except Unreachable:
                if len(left) == before:
                    raise

    def _take_stream(self, left: deque[int], shard: int, advance: Callable[[int], None]) -> None:
        """One stream of the ranges `left`, each of which is removed when it is where it belongs."""
        held: list[memoryview] = []
        straight: Place | None = None
        current, start = -1, 0
        with closing(self._stream(list(left))) as stream:
            for number, at, data, more in stream:
                if self._stopped:
                    raise Interrupted("The transfer was stopped.")
                if number != current:
                    current, start, straight = number, at, self._straight(number)
                if straight is not None:
                    straight.target.straight = True
                    straight.target.write((data,), straight.position + at)
                else:
                    held.append(data)
                if not more:
                    if straight is None:
                        self._deliver(number, start, held, shard)
                        held.clear()
                    self._arrived(number)
                    left.popleft()
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
        for number in self._places:
            if self._part.segments[number].range is None and number not in self._there:
                write_runs(self._placed(number, self._from_old(number)))

    def damaged_in(self, target: Target) -> None:
        """Name what is wrong in a file that is not what it should be, and is kept for its good segments.

        Raises: DamagedContent when a segment is wrong.
        """
        for number, places in self._places.items():
            mine = [place for place in places if place.target is target]
            plain = read_back(mine, self._part.segments[number].length)
            if plain is not None:
                self._checked(number, memoryview(plain))

    def _straight(self, number: int) -> Place | None:
        """Where a range of plain bytes goes as it comes: it fills one place of one file, which is checked as a whole.

        None: its segments go to several places, or are checked one by one.
        """
        if self._part.ranges[number].kind is not RangeKind.FILE:
            return None
        start: Place | None = None
        filled = 0
        for member in self._in_range.get(number, ()):
            segment = self._part.segments[member]
            places = self._places.get(member, ())
            if len(places) != 1 or (places[0].piece.offset, places[0].piece.length) != (0, segment.length):
                return None
            at = places[0].position - segment.offset
            start = start or Place(places[0].target, at, places[0].piece)
            if (places[0].target, at, segment.offset) != (start.target, start.position, filled):
                return None
            filled += segment.length
        return start if filled == self._part.ranges[number].length else None

    def _missing(self, number: int) -> tuple[int, int]:
        """From where to where a range is needed: of plain bytes those are left out that an earlier attempt brought."""
        one = self._part.ranges[number]
        if self._there and one.kind is RangeKind.FILE:
            members = self._in_range.get(number, ())
            lacking = [self._part.segments[member] for member in members if member not in self._there]
            if lacking:
                ends = (segment.offset + segment.length for segment in lacking)
                return min(segment.offset for segment in lacking), max(ends)
        return 0, one.length

    def _stream(self, numbers: Sequence[int], *, whole: bool = False) -> Generator[tuple[int, int, memoryview, int]]:
        """What is missing of the ranges, or all, as it comes: range, place in it, bytes, and how many more follow."""
        for some in _requests(numbers, self._part.ranges):
            parts = [(0, self._part.ranges[number].length) if whole else self._missing(number) for number in some]
            ranges = [_cut(self._part.ranges[number], *part) for number, part in zip(some, parts, strict=True)]
            at = done = 0
            # What the port gives is a generator: closing it ends the call.
            answers = cast(
                "Generator[memoryview]", self._server.get_ranges(self._repository, self._part.target, merged(ranges))
            )
            with closing(answers):
                for data in answers:
                    view = data
                    while view and at < len(ranges):
                        mine = view[: ranges[at].length - done]
                        view = view[len(mine) :]
                        done += len(mine)
                        yield some[at], parts[at][0] + done - len(mine), mine, ranges[at].length - done
                        if done == ranges[at].length:
                            at, done = at + 1, 0
                    if view:
                        raise _ended()
            if at < len(ranges):
                raise _ended()

    def _deliver(self, number: int, start: int, data: Sequence[memoryview], shard: int) -> None:
        found: list[tuple[Target, int, memoryview]] = []
        for segment, content in self._decoded(number, start, _joined(data), shard).items():
            if segment not in self._there:
                found += self._placed(segment, content)
        write_runs(found)

    def _arrived(self, number: int) -> None:
        with self._changed:
            self._coming.pop(number, None)
            self._changed.notify_all()

    def _decoded(self, number: int, start: int, data: memoryview, shard: int) -> dict[int, memoryview]:
        """The segments in the bytes of a range from `start` on, verified, and remembered as bases for others."""
        members = self._in_range.get(number, [])
        found: dict[int, memoryview] = {}
        whole = len(data)
        if self._part.ranges[number].kind is RangeKind.FILE:
            for member in members:
                segment = self._part.segments[member]
                at = segment.offset - start
                if at >= 0 and at + segment.length <= len(data):
                    found[member] = self._checked(member, data[at : at + segment.length])
        else:
            by_hash = self._decoded_frame(number, data, shard)
            whole = sum(len(plain) for plain in by_hash.values())
            for member in members:
                plain = by_hash.get(self._part.segments[member].hash)
                if plain is None:
                    raise self._damaged((member,), "lacks a segment")
                found[member] = plain
        with self._changed:
            self._remember(number, whole, found)
        return found

    def _decoded_frame(self, number: int, data: memoryview, shard: int) -> dict[ContentHash, memoryview]:
        try:
            frame = parse_frame(data)
            base = b"".join(self._plain(name, shard) for name in frame.bases) if frame.bases else None
            decoded = decode_frame(frame, base)
        except DamagedContent as error:
            raise self._damaged(self._in_range.get(number, ()), error.message, error.items) from error
        return {name: plain for (name, _), plain in zip(frame.members, decoded, strict=True)}

    def _plain(self, name: ContentHash, shard: int) -> memoryview:
        """The plain bytes of a base: in an old file, remembered, coming on an earlier stream, on disk, or fetched."""
        number = self._by_hash.get(name)
        if number is None:
            raise DamagedContent(f"The plan lacks the base {name.hex()[:16]}.", advice="Type the same command again.")
        place = self._part.segments[number].range
        if place is None:
            return self._from_old(number)
        kept = self._remembered(number, place, shard)
        if kept is not None:
            return kept
        on_disk = read_back(self._places.get(number, ()), self._part.segments[number].length)
        if on_disk is not None and hash_content(on_disk) == name:
            return memoryview(on_disk)
        with closing(self._stream([place], whole=True)) as stream:
            data = [part for _, _, part, _ in stream]
        return self._decoded(place, 0, _joined(data), shard)[number]

    def _remembered(self, number: int, place: int, shard: int) -> memoryview | None:
        """Waits for earlier streams only, so that no two ever wait for each other."""
        with self._changed:
            while True:
                kept = self._cache.get(place)
                if kept is not None and number in kept[1]:
                    self._cache.move_to_end(place)
                    return kept[1][number]
                if self._stopped:
                    raise Interrupted("The transfer was stopped.")
                if self._coming.get(place, shard) >= shard or not self._changed.wait(WAIT_SECONDS):
                    return None

    def _from_old(self, number: int) -> memoryview:
        segment = self._part.segments[number]
        plain = b"".join(bytes(self._old[row].read(offset, length)) for row, offset, length in segment.old)
        if hash_content(plain) != segment.hash:
            changes = (self._part.changes[row].change for row in {row for row, _, _ in segment.old})
            raise DamagedContent(
                "A file of the workspace is not what its version says, and its time stamp does not show it.",
                advice="'mlv update --verify' reads every file and brings the right bytes.",
                items=tuple(escape(change.source or change.path) for change in changes),
            )
        return memoryview(plain)

    def _remember(self, place: int, size: int, found: dict[int, memoryview]) -> None:
        """Keep a decoded range; `size` is what its buffers hold in memory, needed or not."""
        if place in self._cache:
            return
        self._cache[place] = (size, found)
        self._cached_bytes += size
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            _, (dropped, _) = self._cache.popitem(last=False)
            self._cached_bytes -= dropped

    def _placed(self, number: int, plain: memoryview) -> list[tuple[Target, int, memoryview]]:
        """The pieces of a segment, each with its target and its position there."""
        return [
            (place.target, place.position, plain[place.piece.offset : place.piece.offset + place.piece.length])
            for place in self._places.get(number, ())
        ]

    def _lies_in(self, number: int, places: Sequence[Place]) -> bool:
        segment = self._part.segments[number]
        plain = read_back(places, segment.length)
        return (
            plain is not None
            and hash_content(plain) == segment.hash
            and sum(place.piece.length for place in places) == segment.length
        )

    def _checked(self, number: int, plain: memoryview) -> memoryview:
        if hash_content(plain) != self._part.segments[number].hash:
            raise self._damaged((number,), "is not what its name says")
        return plain

    def _damaged(self, numbers: Sequence[int], why: str, items: tuple[str, ...] = ()) -> DamagedContent:
        """The error that names the paths that the segments belong to (F4)."""
        mine = set(numbers)
        rows = sorted({piece.change for piece in self._part.pieces if piece.segment in mine})
        names = tuple(f"segment {self._part.segments[number].hash.hex()}" for number in numbers[:3])
        paths = tuple(
            f"{escape(change.change.path)} (changeset @{change.changed_in})"
            for change in (self._part.changes[row] for row in rows[:5])
        )
        return DamagedContent(f"Content did not arrive as it was committed: {why}.", items=(*paths, *names, *items))


def _cut(one: Range, start: int, end: int) -> Range:
    return Range(one.kind, one.id, one.offset + start, end - start)


def _joined(data: Sequence[memoryview]) -> memoryview:
    return data[0] if len(data) == 1 else memoryview(b"".join(data))


def _ended() -> DamagedContent:
    return DamagedContent("The server's stream ended early.", advice="Type the same command again.")


def merged(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """The same bytes in the same order, with neighbours in the same pack or file asked for as one of some MiB."""
    joined: list[Range] = []
    for one in ranges:
        last = joined[-1] if joined else None
        touches = (
            last is not None
            and (last.kind, last.id) == (one.kind, one.id)
            and last.offset + last.length == one.offset
            and last.length + one.length <= JOINED_BYTES
        )
        if last is not None and touches:
            joined[-1] = Range(last.kind, last.id, last.offset, last.length + one.length)
        else:
            joined.append(one)
    return tuple(joined)


def _requests(numbers: Sequence[int], ranges: Sequence[Range]) -> Iterator[list[int]]:
    """The same ranges in as many requests as a server takes."""
    some: list[int] = []
    total = 0
    for number in numbers:
        length = ranges[number].length
        if some and (len(some) == RANGES_AT_ONCE or total + length > BYTES_AT_ONCE):
            yield some
            some, total = [], 0
        some.append(number)
        total += length
    if some:
        yield some
