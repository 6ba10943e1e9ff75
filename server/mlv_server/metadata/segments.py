"""Where segments lie: the rows that lead from a segment's name to its frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from mlv_core.deferred import dataclass, maker
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_server.metadata.prepared import PreparedAmong
from mlv_server.metadata.tables_content import frames, packs, segments


@dataclass(frozen=True, slots=True)
class FramePlace:
    """A frame in a pack. `bases` is None where they are to be read from the frame's own header."""

    id: int
    pack_id: bytes
    offset: int
    header_length: int
    blob_length: int
    plain_length: int
    codec: int
    bases: tuple[ContentHash, ...] | None
    checksum: bytes
    damaged: bool

    @property
    def length(self) -> int:
        """Bytes of header and blob."""
        return self.header_length + self.blob_length


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """A segment of `length` plain bytes at `offset` of its frame's plain bytes."""

    frame: FramePlace
    offset: int
    length: int


class Segments:
    """The segment rows of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, domain_id: int, hashes: Iterable[ContentHash]) -> dict[ContentHash, SegmentPlace]:
        """The places of those of `hashes` that the domain has, damaged ones too."""
        found: dict[ContentHash, SegmentPlace] = {}
        known: dict[int, FramePlace] = {}
        wanted = list(dict.fromkeys(hashes))
        new = maker(SegmentPlace)
        for row in _PLACES.rows(self._connection, wanted, domain=domain_id):
            name, inner, length = row[:_OWN_COLUMNS]
            frame = known.get(row[_OWN_COLUMNS])
            if frame is None:
                frame = frame_place(row[_OWN_COLUMNS:])
                known[frame.id] = frame
            found[name] = new(frame, inner, length)
        return found

    def lengths(self, domain_id: int, hashes: Iterable[ContentHash]) -> dict[ContentHash, int]:
        """The plain lengths of those of `hashes` that the domain has undamaged."""
        wanted = list(dict.fromkeys(hashes))
        return {ContentHash(name): length for name, length in _LENGTHS.rows(self._connection, wanted, domain=domain_id)}

    def missing(self, domain_id: int, hashes: Sequence[ContentHash]) -> list[bool]:
        """For each of `hashes`, whether it is to be sent: it is not there, or only damaged (F4)."""
        there = self.lengths(domain_id, hashes)
        return [name not in there for name in hashes]

    def names(self, domain_id: int, after: bytes, limit: int) -> list[ContentHash]:
        """Up to `limit` segment names of a domain in order, those after the name `after`."""
        query = select(segments.c.hash).where(segments.c.domain_id == domain_id, segments.c.hash > after)
        return [ContentHash(name) for name in self._connection.scalars(query.order_by(segments.c.hash).limit(limit))]

    def places_after(self, domain_id: int, after: bytes, limit: int) -> list[tuple[ContentHash, bytes]]:
        """Up to `limit` segments of a domain in order, those after the name `after`, and the pack that each lies in."""
        query = _PACKS.where(segments.c.domain_id == domain_id, segments.c.hash > after)
        rows = self._connection.execute(query.order_by(segments.c.hash).limit(limit))
        return [(ContentHash(row.hash), row.pack_id) for row in rows]


def frame_place(row: Sequence[Any]) -> FramePlace:
    """The frame of a row of FRAME_COLUMNS."""
    number, pack_id, offset, header, blob, plain, codec, bases, checksum, damaged = row
    names = None if bases is None else split_names(bases)
    return FramePlace(number, pack_id, offset, header, blob, plain, codec, names, checksum, damaged)


def split_names(joined: bytes) -> tuple[ContentHash, ...]:
    """Names that were written back to back."""
    return tuple(ContentHash(joined[at : at + HASH_LENGTH]) for at in range(0, len(joined), HASH_LENGTH))


FRAME_COLUMNS = (
    frames.c.id,
    packs.c.pack_id,
    frames.c.offset,
    frames.c.header_length,
    frames.c.blob_length,
    frames.c.plain_length,
    frames.c.codec,
    frames.c.bases,
    frames.c.checksum,
    frames.c.damaged,
)
_OWN_COLUMNS = 3
"""Of a segment, before those of its frame."""
_DOMAIN = segments.c.domain_id == bindparam("domain")
_PLACES = PreparedAmong(
    lambda names: (
        select(segments.c.hash, segments.c.inner_offset, segments.c.length, *FRAME_COLUMNS)
        .join(frames, frames.c.id == segments.c.frame)
        .join(packs, packs.c.id == frames.c.pack)
        .where(_DOMAIN, segments.c.hash.in_(names))
    )
)
_LENGTHS = PreparedAmong(
    lambda names: (
        select(segments.c.hash, segments.c.length)
        .join(frames, frames.c.id == segments.c.frame)
        .where(_DOMAIN, segments.c.hash.in_(names), ~frames.c.damaged)
    )
)

_PACKS = (
    select(segments.c.hash, packs.c.pack_id)
    .join(frames, frames.c.id == segments.c.frame)
    .join(packs, packs.c.id == frames.c.pack)
)
