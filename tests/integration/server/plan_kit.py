"""A client that follows a download plan to the letter and checks all that it is promised."""

from __future__ import annotations

from tests.integration.server.content_kit import DOMAIN, File

from mlv_core.codecs import Codec
from mlv_core.entities import Change, FileMode, FileState, LockNeed, Operation
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.ids import ChangesetNumber, FileId
from mlv_core.packs import decode_frame, parse_frame
from mlv_core.requests import PlannedChange, PlanPart, RangeKind
from mlv_server.content.plans import PartPlanner, Wish
from mlv_server.content.store import ContentStore

ALL = frozenset(int(codec) for codec in Codec)
RAW_ONLY = frozenset({0})


def wish(path: str, new: File, old: File | None = None) -> Wish:
    state = FileState(FileId(1), FileMode.REGULAR, False, len(new.plain), new.name)
    change = Change(path, Operation.MODIFY if old else Operation.ADD, FileId(1), state)
    planned = PlannedChange(change, LockNeed.NONE, ChangesetNumber(2))
    return Wish(planned, old.name if old else None, content=True)


async def plan(
    store: ContentStore, wishes: list[Wish], codecs: frozenset[int] = ALL, domain_id: int = DOMAIN
) -> PlanPart:
    planner = PartPlanner(store, domain_id, ChangesetNumber(2), codecs)
    (part,) = [part async for part in planner.plan(wishes)]
    return part


async def follow(
    store: ContentStore, part: PlanPart, olds: dict[int, bytes], codecs: frozenset[int] = ALL, domain_id: int = DOMAIN
) -> tuple[dict[int, bytes], int]:
    """The files of the part by row, and the bytes that were fetched."""
    by_range: dict[int, list[int]] = {}
    plains: dict[ContentHash, bytes] = {}
    fetched = 0
    for number, segment in enumerate(part.segments):
        if segment.range is not None:
            by_range.setdefault(segment.range, []).append(number)
        else:
            assert segment.old
            data = b"".join(olds[row][offset : offset + length] for row, offset, length in segment.old)
            _keep(plains, segment.hash, segment.length, data)
    for number, one in enumerate(part.ranges):
        fetched += one.length
        if one.kind is RangeKind.PACK:
            (data,) = await store.read_frames(domain_id, [(one.id, one.offset, one.length)])
            frame = parse_frame(data)
            assert frame.codec in codecs
            base = b"".join(plains[name] for name in frame.bases) if frame.bases else None
            plain = b"".join(decode_frame(frame, base))
        else:
            plain = b"".join(
                [p async for p in store.read_range(domain_id, ContentHash(one.id), one.offset, one.length)]
            )
            assert len(plain) == one.length
        for index in by_range.get(number, ()):
            segment = part.segments[index]
            _keep(plains, segment.hash, segment.length, plain[segment.offset : segment.offset + segment.length])
    files: dict[int, bytearray] = {}
    for piece in part.pieces:
        plain = plains[part.segments[piece.segment].hash]
        files.setdefault(piece.change, bytearray()).extend(plain[piece.offset : piece.offset + piece.length])
    return {row: bytes(data) for row, data in files.items()}, fetched


def _keep(plains: dict[ContentHash, bytes], name: ContentHash, length: int, data: bytes) -> None:
    assert len(data) == length
    assert hash_content(data) == name
    plains[name] = data
