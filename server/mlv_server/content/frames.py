"""Stored frames: read as they lie, told sound or damaged by their checksum, parsed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from blake3 import blake3

from mlv_core.errors import DamagedContent, LimitExceeded, NotFound
from mlv_core.hashing import ContentHash
from mlv_core.packs import Frame, parse_frame
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.metadata.packs import ReadBases
from mlv_server.metadata.segments import FramePlace

CHECKSUM_BYTES = 16


def checksum(frame_bytes: bytes | memoryview) -> bytes:
    """What the database keeps of a frame's header and blob, to tell damage later."""
    return blake3(frame_bytes).digest(CHECKSUM_BYTES)


class DamagedFrame(Exception):
    """A stored frame that is not what was written: `frame` says which. It leaves the store as DamagedContent."""

    def __init__(self, message: str, frame: FramePlace, items: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.frame = frame
        self.items = items


def read_raw(blobs: LocalBlobs, domain_id: int, place: FramePlace) -> bytes:
    """Header and blob of a frame, checked. Raises: DamagedFrame naming pack and offset."""
    where = f"pack {place.pack_id.hex()} at {place.offset}"
    try:
        raw = blobs.read(domain_id, place.pack_id, place.offset, place.length)
    except NotFound as error:
        raise DamagedFrame(f"Stored content is gone: {where}.", place) from error
    except OSError as error:
        raise DamagedFrame(f"Stored content cannot be read ({error.strerror}): {where}.", place) from error
    if checksum(raw) != place.checksum:
        raise DamagedFrame(f"Stored content is damaged: {where}.", place)
    return raw


def read_run(blobs: LocalBlobs, domain_id: int, places: Sequence[FramePlace]) -> bytes:
    """Header and blob of frames that lie one after the other in a pack, each checked. Raises: DamagedFrame."""
    start, end = places[0].offset, places[-1].offset + places[-1].length
    try:
        raw = blobs.read(domain_id, places[0].pack_id, start, end - start)
    except (NotFound, OSError):
        raw = b""
    with memoryview(raw) as view:
        cuts = ((place, place.offset - start) for place in places)
        if all(checksum(view[at : at + place.length]) == place.checksum for place, at in cuts):
            return raw
    # One by one, so that the one that is wrong is named.
    return b"".join(read_raw(blobs, domain_id, place) for place in places)


def read_frame(blobs: LocalBlobs, domain_id: int, place: FramePlace) -> Frame:
    """A stored frame, checked and parsed. Raises: DamagedFrame."""
    raw = read_raw(blobs, domain_id, place)
    try:
        return parse_frame(raw)
    except (DamagedContent, LimitExceeded) as error:
        raise DamagedFrame(error.message, place, error.items) from error


def bases_from(blobs: LocalBlobs, domain_id: int) -> ReadBases:
    """A function that reads a frame's bases from its header on disk; none where it is damaged."""
    return partial(_read_bases, blobs, domain_id)


def _read_bases(blobs: LocalBlobs, domain_id: int, place: FramePlace) -> tuple[ContentHash, ...]:
    try:
        return read_frame(blobs, domain_id, place).bases
    except DamagedFrame:
        return ()
