"""Packs and the frames in them: taken in, pointed at, replaced, retired, each step in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from mlv_core.deferred import dataclass
from mlv_core.hashing import ContentHash, hash_content
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.segments import FRAME_COLUMNS, FramePlace, SegmentPlace, Segments, frame_place
from mlv_server.metadata.tables_content import frames, packs, segments

# More bases than this are read from the frame's own header: a patch may have thousands, 32 bytes each.
INLINE_BASES = 4
PART_SEGMENTS = 256
"""Segments of a new pack that are made visible at once, about: some 3 ms of CPU, for which whoever locks waits."""
PRINT_BYTES = 8
"""Of the hash that tells one state of a pack's frames from another."""

Taken = Mapping[ContentHash, tuple[int, int]]
"""Segments to be turned to a new pack: the frame id that each was copied from, its frame's offset in the pack."""
ReadBases = Callable[[FramePlace], tuple[ContentHash, ...]]


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A verified frame of a sealed pack; `checksum` as in the table."""

    offset: int
    header_length: int
    blob_length: int
    plain_length: int
    codec: int
    bases: tuple[ContentHash, ...]
    members: tuple[tuple[ContentHash, int], ...]
    checksum: bytes

    @property
    def length(self) -> int:
        """Bytes of header and blob."""
        return self.header_length + self.blob_length


@dataclass(frozen=True, slots=True)
class NewPack:
    """A sealed pack file of `length` bytes whose frames were all decoded and checked.

    `others`: bytes of its frames that are not in `frames`.
    """

    pack_id: bytes
    length: int
    frames: tuple[NewFrame, ...]
    others: int = 0

    def parts(self) -> Iterator[NewPack]:
        """The pack with some of its frames after the others, in order; no part takes the writer long."""
        total = self.others + sum(frame.length for frame in self.frames)
        before = accumulate((len(frame.members) for frame in self.frames), initial=0)
        for _, group in groupby(zip(before, self.frames, strict=False), key=lambda one: one[0] // PART_SEGMENTS):
            some = tuple(frame for _, frame in group)
            yield NewPack(self.pack_id, self.length, some, total - sum(frame.length for frame in some))


@dataclass(frozen=True, slots=True)
class PackRow:
    """A pack that the database knows; `retired_at` in milliseconds since 1970 UTC."""

    id: int
    domain_id: int
    pack_id: bytes
    length: int
    frame_bytes: int
    live_bytes: int
    retired_at: int | None

    @property
    def dead_bytes(self) -> int:
        """Bytes of frames that nothing points at."""
        return self.frame_bytes - self.live_bytes


class Packs:
    """The pack and frame rows of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._segments = Segments(connection)

    def find(self, domain_id: int, pack_id: bytes) -> PackRow | None:
        """The row of a pack, None where there is none."""
        row = _NAMED.first(self._connection, domain=domain_id, pack_id=pack_id)
        return None if row is None else PackRow(*row)

    def list_all(self, domain_id: int | None = None) -> list[PackRow]:
        """All packs, of one domain or of every one."""
        query = select(packs).order_by(packs.c.id)
        if domain_id is not None:
            query = query.where(packs.c.domain_id == domain_id)
        return [PackRow(*row) for row in self._connection.execute(query)]

    def stored_bytes(self, domain_id: int) -> int:
        """Bytes of all pack files of a domain."""
        query = select(func.coalesce(func.sum(packs.c.length), 0)).where(packs.c.domain_id == domain_id)
        return int(self._connection.execute(query).scalar_one())

    def frames_between(self, domain_id: int, pack_id: bytes, start: int, end: int) -> list[FramePlace]:
        """The frames whose headers lie from `start` on and before `end` of a pack, replaced ones too, in order."""
        query = _FRAMES.where(
            packs.c.domain_id == domain_id,
            packs.c.pack_id == pack_id,
            frames.c.offset >= start,
            frames.c.offset < end,
        )
        return [frame_place(row) for row in self._connection.execute(query.order_by(frames.c.offset))]

    def prints(self) -> dict[int, bytes]:
        """For each pack's row id a hash of its frames' checksums: the same only where all known frames are the same."""
        query = select(frames.c.pack, frames.c.offset, frames.c.checksum).order_by(frames.c.pack, frames.c.offset)
        rows = self._connection.execute(query.execution_options(yield_per=4096))
        return {
            pack_row: hash_content(b"".join(row.checksum for row in group))[:PRINT_BYTES]
            for pack_row, group in groupby(rows, key=lambda row: row.pack)
        }

    def frames_of(self, pack_row: int) -> list[FramePlace]:
        """The frames of a pack that are pointed at, in order."""
        query = _FRAMES.where(frames.c.pack == pack_row, frames.c.live > 0).order_by(frames.c.offset)
        return [frame_place(row) for row in self._connection.execute(query)]

    def mark_damaged(self, frame_ids: Iterable[int], *, damaged: bool = True) -> None:
        """Remember that these frames cannot be read, so that their segments count as missing (F4)."""
        rows = [{"frame": frame_id} for frame_id in frame_ids]
        if rows:
            query = update(frames).where(frames.c.id == bindparam("frame")).values(damaged=damaged)
            self._connection.execute(query, rows)

    def wanted(self, domain_id: int, pack: NewPack) -> bool:
        """Whether the pack holds a segment that the domain has not, or has only damaged."""
        names = [name for frame in pack.frames for name, _ in frame.members]
        return any(self._segments.missing(domain_id, names))

    def index(
        self,
        domain_id: int,
        pack: NewPack,
        now: int,
        read_bases: ReadBases,
        take: Taken | None = None,
        *,
        copies: bool = False,
    ) -> set[ContentHash]:
        """Let segment rows point into a durable pack; the names of those that do now.

        Rows that are absent are made; rows of damaged frames are turned to the pack. So are those in `take`, unless
        they point elsewhere than they did. A row is not turned where that would make a segment its own base;
        `copies` says that the frames are the old ones byte for byte, so that this cannot be, and that no row is made.
        """
        take = take or {}
        names = [name for frame in pack.frames for name, _ in frame.members]
        places = self._segments.find(domain_id, names)
        turned = {
            name
            for name, place in places.items()
            if place.frame.damaged or (name in take and take[name][0] == place.frame.id)
        }
        if not copies:
            turned -= self._circular(domain_id, pack, turned, read_bases)
        # A copy of a frame must not bring back segments that were collected while it was made.
        taken = {name for name in names if name in turned or (name not in places and not copies)}
        if not taken:
            return taken
        row = self._pack_row(domain_id, pack)
        owners = {name: take[name][1] for name in taken if name in take}
        self._point(domain_id, row, _chosen(pack, taken, owners), places, now)
        return taken

    def pointers(self, frame_ids: Collection[int]) -> dict[int, int]:
        """How many segments point at each of these frames."""
        found: dict[int, int] = {}
        ids = list(frame_ids)
        for start in range(0, len(ids), 900):
            query = select(frames.c.id, frames.c.live).where(frames.c.id.in_(ids[start : start + 900]))
            found.update((row.id, row.live) for row in self._connection.execute(query))
        return found

    def drop(self, domain_id: int, names: Iterable[ContentHash], now: int) -> int:
        """Forget segments that no version needs; how many there were. Their frames become dead, their packs retired."""
        places = self._segments.find(domain_id, names)
        gone = [{"name": name} for name in places]
        if gone:
            query = delete(segments).where(segments.c.domain_id == domain_id, segments.c.hash == bindparam("name"))
            self._connection.execute(query, gone)
            left = Counter(place.frame.id for place in places.values())
            self._count({frame_id: -count for frame_id, count in left.items()}, now)
        return len(gone)

    def retired(self, before: int) -> list[PackRow]:
        """Packs that nothing has pointed at since `before` (milliseconds since 1970 UTC)."""
        query = select(packs).where(packs.c.live_bytes == 0, packs.c.retired_at <= before)
        return [PackRow(*row) for row in self._connection.execute(query)]

    def forget(self, pack_row: int) -> bool:
        """Drop the rows of a retired pack; False when something points at it again."""
        empty = select(packs.c.id).where(packs.c.id == pack_row, packs.c.live_bytes == 0)
        self._connection.execute(delete(frames).where(frames.c.pack.in_(empty)))
        gone = delete(packs).where(packs.c.id == pack_row, packs.c.live_bytes == 0).returning(packs.c.id)
        return self._connection.execute(gone).first() is not None

    def _pack_row(self, domain_id: int, pack: NewPack) -> int:
        """The id of the pack's row. A pack whose file was just replaced by the same frames is whole again."""
        known = self.find(domain_id, pack.pack_id)
        if known is None:
            frame_bytes = pack.others + sum(frame.length for frame in pack.frames)
            values = {
                "domain_id": domain_id,
                "pack_id": pack.pack_id,
                "length": pack.length,
                "frame_bytes": frame_bytes,
                "live_bytes": 0,
            }
            return int(self._connection.execute(insert(packs).values(values).returning(packs.c.id)).scalar_one())
        there = self._offsets(known.id, pack.frames)
        rows = [{"at": frame.offset, "checksum": frame.checksum} for frame in pack.frames if frame.offset in there]
        if rows:
            query = update(frames).where(frames.c.pack == known.id, frames.c.offset == bindparam("at"))
            self._connection.execute(query.values(checksum=bindparam("checksum"), damaged=False), rows)
        return known.id

    def _offsets(self, pack_row: int, among: Sequence[NewFrame]) -> dict[int, int]:
        """The ids of a pack's frames by their offsets, from the first of `among` to the last."""
        first, last = among[0].offset, among[-1].offset
        return dict(_OFFSETS.rows(self._connection, pack=pack_row, first=first, last=last))

    def _point(
        self,
        domain_id: int,
        pack_row: int,
        chosen: list[tuple[NewFrame, list[tuple[ContentHash, int, int]]]],
        places: Mapping[ContentHash, SegmentPlace],
        now: int,
    ) -> None:
        """Make or turn the rows of the members chosen of each frame: (name, offset in the frame, length)."""
        gains: Counter[int] = Counter()
        ids = self._frame_ids(pack_row, [(frame, len(members)) for frame, members in chosen], gains)
        rows: list[dict[str, Any]] = []
        for frame, members in chosen:
            frame_id = ids[frame.offset]
            rows.extend(
                {"domain_id": domain_id, "hash": name, "frame": frame_id, "inner_offset": inner, "length": length}
                for name, inner, length in members
            )
        for row in rows:
            if row["hash"] in places:
                gains[places[row["hash"]].frame.id] -= 1
        turned = [
            {"name": row["hash"], "to": row["frame"], "inner": row["inner_offset"]}
            for row in rows
            if row["hash"] in places
        ]
        fresh = [row for row in rows if row["hash"] not in places]
        if fresh:
            fresh.sort(key=itemgetter("hash"))  # neighbours lie in the same pages
            _ADD_SEGMENT.run_many(self._connection, fresh)
        if turned:
            query = update(segments).where(segments.c.domain_id == domain_id, segments.c.hash == bindparam("name"))
            self._connection.execute(query.values(frame=bindparam("to"), inner_offset=bindparam("inner")), turned)
        self._count(gains, now, pack_row)

    def _frame_ids(self, pack_row: int, wanted: Sequence[tuple[NewFrame, int]], gains: Counter[int]) -> dict[int, int]:
        """The ids of a pack's frames by their offsets. `wanted`: frames, and how many more pointers each gets.

        Those that have no row get one that counts them; of the others `gains` counts them, by their ids.
        """
        among = [frame for frame, _ in wanted]
        known = self._offsets(pack_row, among)
        fresh = [_frame_row(pack_row, frame, more) for frame, more in wanted if frame.offset not in known]
        gains.update({known[frame.offset]: more for frame, more in wanted if frame.offset in known})
        if fresh:
            _ADD_FRAME.run_many(self._connection, fresh)
            known = self._offsets(pack_row, among)
        return known

    def _count(self, gains: Mapping[int, int], now: int, *packs_touched: int) -> None:
        """Apply changes of the frames' numbers of pointers; retire packs in which nothing is pointed at.

        `packs_touched`: the rows of packs whose numbers changed besides.
        """
        changed = [{"frame": frame_id, "gain": gain} for frame_id, gain in gains.items() if gain]
        if changed:
            query = update(frames).where(frames.c.id == bindparam("frame"))
            self._connection.execute(query.values(live=frames.c.live + bindparam("gain")), changed)
        touched = set(packs_touched)
        ids = list(gains)
        for start in range(0, len(ids), 900):
            some = frames.c.id.in_(ids[start : start + 900])
            touched.update(self._connection.scalars(select(frames.c.pack).where(some).distinct()))
        for pack_row in touched:
            live = int(_LIVING.scalar(self._connection, pack=pack_row))
            _TURN.run(self._connection, pack=pack_row, live=live, retired=None if live else now)

    def _circular(
        self, domain_id: int, pack: NewPack, turned: Collection[ContentHash], read_bases: ReadBases
    ) -> set[ContentHash]:
        """Members of frames whose bases lead, over any number of steps, to a name in `turned`."""
        if not turned:
            return set()
        own = {name: frame for frame in pack.frames for name, _ in frame.members if name in turned}
        edges: dict[ContentHash, tuple[ContentHash, ...]] = {}
        waiting = {base for frame in own.values() for base in frame.bases}
        while waiting:
            for name, place in self._segments.find(domain_id, waiting).items():
                edges[name] = place.frame.bases if place.frame.bases is not None else read_bases(place.frame)
            found = {base for name in waiting for base in edges.setdefault(name, ())}
            waiting = found - edges.keys()
        if not edges.keys() & turned:
            return set()
        return {name for name, frame in own.items() if _reaches(frame.bases, edges, turned)}


def _frame_row(pack_row: int, frame: NewFrame, live: int) -> dict[str, Any]:
    return {
        "pack": pack_row,
        "offset": frame.offset,
        "header_length": frame.header_length,
        "blob_length": frame.blob_length,
        "plain_length": frame.plain_length,
        "codec": frame.codec,
        "bases": b"".join(frame.bases) if len(frame.bases) <= INLINE_BASES else None,
        "checksum": frame.checksum,
        "live": live,
        "damaged": False,
    }


def _chosen(
    pack: NewPack, taken: Collection[ContentHash], owners: Mapping[ContentHash, int]
) -> list[tuple[NewFrame, list[tuple[ContentHash, int, int]]]]:
    """Of each frame the members whose rows shall point at it: those of which it is the owner, else the first frame."""
    done: set[ContentHash] = set()
    found: list[tuple[NewFrame, list[tuple[ContentHash, int, int]]]] = []
    for frame in pack.frames:
        at, members = 0, []
        for name, length in frame.members:
            if name in taken and name not in done and owners.get(name, frame.offset) == frame.offset:
                members.append((name, at, length))
                done.add(name)
            at += length
        if members:
            found.append((frame, members))
    return found


_NAMED = Prepared(
    select(packs).where(packs.c.domain_id == bindparam("domain"), packs.c.pack_id == bindparam("pack_id"))
)
_LIVING = Prepared(
    select(func.coalesce(func.sum(frames.c.header_length + frames.c.blob_length), 0)).where(
        frames.c.pack == bindparam("pack"), frames.c.live > 0
    )
)
_TURN = Prepared(
    update(packs)
    .where(packs.c.id == bindparam("pack"))
    .values(live_bytes=bindparam("live"), retired_at=bindparam("retired"))
)
_FRAMES = select(*FRAME_COLUMNS).join(packs, packs.c.id == frames.c.pack)
_OFFSETS = Prepared(
    select(frames.c.offset, frames.c.id).where(
        frames.c.pack == bindparam("pack"), frames.c.offset.between(bindparam("first"), bindparam("last"))
    )
)
_ADD_FRAME = Prepared(insert(frames), [name for name in frames.c.keys() if name != "id"])  # noqa: SIM118 - no mapping
_ADD_SEGMENT = Prepared(insert(segments), segments.c.keys())


def _reaches(
    start: tuple[ContentHash, ...], edges: Mapping[ContentHash, tuple[ContentHash, ...]], goal: Collection[ContentHash]
) -> bool:
    waiting, seen = list(start), set(start)
    while waiting:
        name = waiting.pop()
        if name in goal:
            return True
        fresh = [base for base in edges.get(name, ()) if base not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return False
