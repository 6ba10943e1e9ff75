"""Moving content: content.proto."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from google.protobuf.message import DecodeError

from mlv_core.errors import InvalidRequest
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber
from mlv_core.requests import (
    Piece,
    PlannedChange,
    PlannedSegment,
    PlanPart,
    PlanRequest,
    Range,
    RangeKind,
)
from mlv_proto.convert import checks
from mlv_proto.convert.values import changes_from_wire, changes_to_wire, needs_from_wire, needs_to_wire
from mlv_proto.v1 import content_pb2 as pb

SEGMENT_LIMIT = 2**32 - 1
"""A recipe keeps lengths of segments in 32 bits."""

_DATA_TAG = 0x0A
"""Field 1, length-delimited."""
_VARINT_BYTES = 5
"""Of a length below 2^35: far above the largest message."""


def chunk_to_bytes(data: bytes | memoryview) -> bytes:
    """A Chunk message of `data`, by hand: protobuf's own bytes for a third of its work."""
    return chunk_of_parts((data,))


def chunk_of_parts(parts: Sequence[bytes | memoryview]) -> bytes:
    """A Chunk message of `parts`, one after the other; each of their bytes is copied once."""
    length = sum(map(len, parts))
    if not length:
        return b""
    head = bytearray([_DATA_TAG])
    while length > 0x7F:  # noqa: PLR2004 - seven bits a byte
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return b"".join((head, *parts))


def chunk_from_bytes(message: bytes) -> bytes:
    """The data of a Chunk message, in whatever way it was encoded. Raises: InvalidRequest."""
    return bytes(chunk_view(message))


def chunk_view(message: bytes) -> memoryview:
    """As `chunk_from_bytes`, but a part of the message where it can be, so that nothing is copied."""
    if message[:1] == b"\x0a":
        length = 0
        for at in range(1, min(len(message), 1 + _VARINT_BYTES)):
            byte = message[at]
            length |= (byte & 0x7F) << 7 * (at - 1)
            if byte < 0x80:  # noqa: PLR2004 - the last byte of a length has no high bit
                if len(message) - at - 1 == length:
                    return memoryview(message)[at + 1 :]
                break
    try:
        return memoryview(pb.Chunk.FromString(message).data)
    except DecodeError as error:
        raise InvalidRequest("data: the message is no Chunk.") from error


def ranges_to_wire(ranges: Sequence[Range]) -> pb.Ranges:
    """Ranges as columns."""
    return pb.Ranges(
        kinds=[checks.wire_enum(item.kind) for item in ranges],
        ids=b"".join(item.id for item in ranges),
        offsets=[item.offset for item in ranges],
        lengths=[item.length for item in ranges],
    )


def ranges_from_wire(message: pb.Ranges, field: str = "ranges") -> tuple[Range, ...]:
    """The ranges of columns. Raises: InvalidRequest."""
    count = len(message.kinds)
    ids = checks.hashes(message.ids, count, f"{field}.ids")
    offsets = checks.bounded(message.offsets, count, f"{field}.offsets")
    lengths = checks.bounded(message.lengths, count, f"{field}.lengths")
    found = []
    for kind, name, offset, length in zip(message.kinds, ids, offsets, lengths, strict=True):
        checks.number(offset + length, f"{field}.lengths")
        found.append(Range(checks.enum(RangeKind, kind, f"{field}.kinds"), name, offset, length))
    return tuple(found)


def plan_request_to_wire(request: PlanRequest) -> pb.PlanDownloadRequest:
    """What to bring where."""
    return pb.PlanDownloadRequest(
        repository=str(request.repository),
        base=request.base,
        target=request.target,
        paths=request.paths,
        only=request.only,
        exclude=request.exclude,
        codecs=sorted(request.codecs),
        other_paths=[path for path, _ in request.others],
        other_bases=[number for _, number in request.others],
        without_content=request.without_content,
        without_old=request.without_old,
    )


def plan_request_from_wire(message: pb.PlanDownloadRequest) -> PlanRequest:
    """What to bring where. Raises: InvalidRequest."""
    numbers = checks.bounded(message.other_bases, len(message.other_paths), "other_bases")
    paths = checks.texts(message.other_paths, "other_paths")
    return PlanRequest(
        repository=checks.repository(message.repository, "repository"),
        base=checks.changeset(message.base, "base"),
        target=checks.changeset(message.target, "target"),
        codecs=checks.codecs(message.codecs, "codecs"),
        paths=checks.texts(message.paths, "paths"),
        only=checks.texts(message.only, "only"),
        exclude=checks.texts(message.exclude, "exclude"),
        others=tuple(zip(paths, map(ChangesetNumber, numbers), strict=True)),
        without_old=checks.texts(message.without_old, "without_old"),
        without_content=message.without_content,
    )


def plan_part_to_wire(part: PlanPart) -> pb.PlanDownloadResponse:
    """A part of a plan as columns."""
    old = [(number, *extent) for number, segment in enumerate(part.segments) for extent in segment.old]
    return pb.PlanDownloadResponse(
        changes=changes_to_wire([row.change for row in part.changes]),
        lock_needs=needs_to_wire(row.need for row in part.changes),
        changed_in=[row.changed_in for row in part.changes],
        segment_hashes=b"".join(segment.hash for segment in part.segments),
        segment_lengths=[segment.length for segment in part.segments],
        segment_ranges=[0 if segment.range is None else segment.range + 1 for segment in part.segments],
        segment_offsets=[segment.offset for segment in part.segments],
        old_segments=[item[0] for item in old],
        old_rows=[item[1] for item in old],
        old_offsets=[item[2] for item in old],
        old_lengths=[item[3] for item in old],
        ranges=ranges_to_wire(part.ranges),
        piece_rows=[piece.change for piece in part.pieces],
        piece_segments=[piece.segment for piece in part.pieces],
        piece_offsets=[piece.offset for piece in part.pieces],
        piece_lengths=[piece.length for piece in part.pieces],
        target=part.target,
        start=part.start,
        more=part.more,
        withheld=part.withheld,
    )


def plan_part_from_wire(message: pb.PlanDownloadResponse) -> PlanPart:
    """A part of a plan, every index checked. Raises: InvalidRequest."""
    changes = changes_from_wire(message.changes)
    count = len(changes)
    needs = needs_from_wire(message.lock_needs, count, "lock_needs")
    changed = checks.bounded(message.changed_in, count, "changed_in")
    ranges = ranges_from_wire(message.ranges)
    segments = _segments(message, count, len(ranges))
    if (message.start or message.more) and count != 1:
        raise InvalidRequest(f"start and more speak of one file, but there are {count} changes.")
    return PlanPart(
        checks.changeset(message.target, "target"),
        tuple(
            PlannedChange(change, need, ChangesetNumber(number))
            for change, need, number in zip(changes, needs, changed, strict=True)
        ),
        segments,
        ranges,
        _pieces(message, count, segments),
        checks.number(message.start, "start"),
        message.more,
        message.withheld,
    )


def _segments(message: pb.PlanDownloadResponse, rows: int, ranges: int) -> tuple[PlannedSegment, ...]:
    count = len(message.segment_lengths)
    hashes: list[ContentHash] = checks.hashes(message.segment_hashes, count, "segment_hashes")
    lengths = checks.bounded(message.segment_lengths, count, "segment_lengths", SEGMENT_LIMIT)
    sources = checks.bounded(message.segment_ranges, count, "segment_ranges", ranges)
    offsets = checks.bounded(message.segment_offsets, count, "segment_offsets")
    old = _old_extents(message, count, rows)
    found = []
    for number, (name, length, source, offset) in enumerate(zip(hashes, lengths, sources, offsets, strict=True)):
        extents = old.get(number, ())
        if source == 0 and sum(extent[2] for extent in extents) != length:
            raise InvalidRequest(f"old_lengths do not add up to the length of segment {number}.")
        found.append(PlannedSegment(name, length, source - 1 if source else None, offset, extents))
    return tuple(found)


def _old_extents(
    message: pb.PlanDownloadResponse, segments: int, rows: int
) -> dict[int, tuple[tuple[int, int, int], ...]]:
    count = len(message.old_segments)
    numbers = checks.bounded(message.old_segments, count, "old_segments", max(segments - 1, 0))
    old_rows = checks.bounded(message.old_rows, count, "old_rows", max(rows - 1, 0))
    offsets = checks.bounded(message.old_offsets, count, "old_offsets")
    lengths = checks.bounded(message.old_lengths, count, "old_lengths", SEGMENT_LIMIT)
    if count and not (segments and rows):
        raise InvalidRequest("old_segments names a segment or row that is not there.")
    table = zip(numbers, old_rows, offsets, lengths, strict=True)
    found: dict[int, tuple[tuple[int, int, int], ...]] = {}
    for number, extents in groupby(table, key=itemgetter(0)):
        if number in found:
            raise InvalidRequest(f"old_segments does not keep the extents of segment {number} together.")
        found[number] = tuple((row, offset, length) for _, row, offset, length in extents)
    return found


def _pieces(message: pb.PlanDownloadResponse, rows: int, segments: Sequence[PlannedSegment]) -> tuple[Piece, ...]:
    count = len(message.piece_rows)
    numbers = checks.column(message.piece_segments, count, "piece_segments")
    offsets = checks.column(message.piece_offsets, count, "piece_offsets")
    lengths = checks.column(message.piece_lengths, count, "piece_lengths")
    found = []
    for row, number, offset, length in zip(message.piece_rows, numbers, offsets, lengths, strict=True):
        if row >= rows:
            raise InvalidRequest(f"piece_rows holds {row}, but there are {rows} changes.")
        if number >= len(segments) or offset + length > segments[number].length:
            raise InvalidRequest(f"piece_offsets: segment {number} has no bytes {offset} to {offset + length}.")
        found.append(Piece(row, number, offset, length))
    return tuple(found)
