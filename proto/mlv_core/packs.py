"""Packs: many frames in one blob, with an index at its end that is rebuilt from the frames' own headers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from blake3 import blake3

from mlv_core.codecs import Codec, Encoded, decode
from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, LimitExceeded
from mlv_core.hashing import HASH_LENGTH, ContentHash, hash_content

if TYPE_CHECKING:
    from typing_extensions import Buffer

MEBIBYTE = 1024 * 1024

# The largest plain segment: a recipe of 1.6 million segments, the largest that one blob is ever needed for.
SEGMENT_LIMIT = 64 * MEBIBYTE
# The plain bytes of a frame, and its blob: one largest segment; what a decoder must be ready to hold.
FRAME_LIMIT = SEGMENT_LIMIT
# A frame of small chunks: 4 MiB of plain bytes at the shortest chunk are 1,024; small files are smaller still.
MEMBERS_LIMIT = 4096
# A patch's base: the old chunks between two anchors, at most 8 MiB at the shortest chunk, and short last ones.
BASES_LIMIT = 4096
# A builder closes a pack here: one request, one fsync, one object.
PACK_TARGET = 48 * MEBIBYTE
# A server refuses larger ones: target + one largest frame + headers fit.
PACK_HARD = 128 * MEBIBYTE

PACK_MAGIC = b"MLVP"
PACK_VERSION = 1
PACK_HEADER = PACK_MAGIC + bytes([PACK_VERSION, 0, 0, 0])

_FRAME = struct.Struct("<2sBBHHI")
_FRAME_TAG = b"FR"
_FOOTER_HEAD = struct.Struct("<2sxxI")
_FOOTER_TAG = b"IX"
_FOOTER_TAIL = struct.Struct("<32sI4s")
_FOOTER_MAGIC = b"MLVE"
_ENTRY = struct.Struct("<II")
_ID_CONTEXT = "mlv v1 pack"
_TAIL_READ = 64 * 1024

ReadRange = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded blob that decodes to its members' bytes, one after the other.

    `codec` is the id; `bases` the names of the segments whose concatenation the blob was coded against; `members`
    the (name, plain length) of each segment inside.
    """

    codec: int
    bases: tuple[ContentHash, ...]
    members: tuple[tuple[ContentHash, int], ...]
    blob: bytes | memoryview

    @property
    def plain_length(self) -> int:
        """Plain bytes of all members."""
        return sum(length for _, length in self.members)


@dataclass(frozen=True, slots=True)
class PlacedFrame:
    """A frame and where it lies in its pack: `offset` of its header, `header_length` bytes before the blob.

    `raw` are the bytes of both, which the frame's blob is a part of.
    """

    frame: Frame
    offset: int
    header_length: int
    raw: memoryview

    @property
    def length(self) -> int:
        """Bytes of header and blob."""
        return self.header_length + len(self.frame.blob)


@dataclass(frozen=True, slots=True)
class FrameEntry:
    """A row of a pack's index: the header lies at `offset`, the blob right after it."""

    offset: int
    header_length: int
    blob_length: int


def frame_of(encoded: Encoded, bases: tuple[ContentHash, ...], members: tuple[tuple[ContentHash, int], ...]) -> Frame:
    """The frame of a coded blob; the bases are named only when its codec needs them to decode."""
    needs_bases = encoded.codec in (Codec.DELTA, Codec.PATCH)
    return Frame(encoded.codec, bases if needs_bases else (), members, encoded.blob)


def encode_frame_header(frame: Frame) -> bytes:
    """The self-describing header that precedes the frame's blob. Raises: LimitExceeded."""
    _check_limits(len(frame.members), len(frame.bases), frame.plain_length, len(frame.blob))
    return b"".join(
        (
            _FRAME.pack(_FRAME_TAG, frame.codec, 0, len(frame.members), len(frame.bases), len(frame.blob)),
            struct.pack(f"<{len(frame.members)}I", *(length for _, length in frame.members)),
            *(name for name, _ in frame.members),
            *frame.bases,
        )
    )


def parse_frame(data: Buffer) -> Frame:
    """The frame of one fetched range, which holds its header and blob and nothing else. Raises: DamagedContent."""
    view = memoryview(data).cast("B")
    if len(view) < _FRAME.size:
        raise DamagedContent("a frame ends early")
    header_length, blob_length = _measure(view)
    if len(view) != header_length + blob_length:
        raise DamagedContent("a frame has another length than its header says")
    return _frame(view, header_length)


def decode_frame(
    frame: Frame, base: Buffer | None, limit: int = FRAME_LIMIT, wanted: Container[ContentHash] | None = None
) -> list[memoryview]:
    """The plain bytes of each member, or of those that are `wanted`, every one checked against its name.

    `base` is the concatenation of the plain content of `frame.bases`, None when there are none. Raises:
    LimitExceeded when the frame is longer than `limit`; DamagedContent naming the segment that is not as it should.
    """
    if bool(frame.bases) != (base is not None):
        raise DamagedContent("a frame and its bases do not agree", items=(frame.members[0][0].hex(),))
    try:
        plain = memoryview(decode(frame.codec, frame.blob, frame.plain_length, base, limit))
    except DamagedContent as error:
        raise DamagedContent(error.message, items=(frame.members[0][0].hex(),)) from error
    found: list[memoryview] = []
    at = 0
    for name, length in frame.members:
        if wanted is None or name in wanted:
            part = plain[at : at + length]
            if hash_content(part) != name:
                raise DamagedContent("a segment's content does not match its name", items=(name.hex(),))
            found.append(part)
        at += length
    return found


class PackBuilder:
    """Writes a pack piece by piece: each call gives the bytes to append. It holds no blob."""

    __slots__ = ("_entries", "_hasher", "pack_id", "size")

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._hasher = blake3(derive_key_context=_ID_CONTEXT)
        self.size = 0
        self.pack_id: bytes | None = None

    @property
    def frames(self) -> int:
        """Frames so far."""
        return len(self._entries)

    def start(self) -> bytes:
        """The first bytes of the pack."""
        self.size = len(PACK_HEADER)
        return PACK_HEADER

    def add(self, frame: Frame) -> bytes:
        """The bytes of one more frame. Raises: LimitExceeded."""
        return self.head(frame) + frame.blob

    def head(self, frame: Frame) -> bytes:
        """The bytes of one more frame that go before its blob, which is to follow. Raises: LimitExceeded."""
        header = encode_frame_header(frame)
        grown = self.size + len(header) + len(frame.blob)
        if grown + _footer_length(len(self._entries) + 1) > PACK_HARD:
            raise LimitExceeded(f"a pack would grow over {PACK_HARD} bytes")
        self._entries.append(_ENTRY.pack(len(header), len(frame.blob)))
        self._hasher.update(header)
        self.size = grown
        return header

    def finish(self) -> bytes:
        """The last bytes of the pack; `pack_id` and `size` are final then."""
        self.pack_id = self._hasher.digest()
        footer = _footer(self._entries, self.pack_id)
        self.size += len(footer)
        return footer


class PackParser:
    """Takes a pack in pieces of any length and gives its frames as they become complete.

    It holds at most one frame. `finish` says whether the whole was a pack; until then no frame is proved to be
    listed in an index, though each one's members can be checked by their names.
    """

    __slots__ = ("_entries", "_footer", "_hasher", "_held", "_position", "_wanted", "pack_id", "size")

    def __init__(self) -> None:
        self._held = bytearray()
        self._entries: list[bytes] = []
        self._hasher = blake3(derive_key_context=_ID_CONTEXT)
        self._position = 0
        self._wanted = len(PACK_HEADER)
        self._footer = False
        self.pack_id: bytes | None = None
        self.size = 0

    def feed(self, data: Buffer) -> list[PlacedFrame]:
        """Take the next bytes; the frames that they complete. Raises: DamagedContent, LimitExceeded."""
        view = memoryview(data).cast("B")
        self.size += len(view)
        if self.size > PACK_HARD:
            raise LimitExceeded(f"a pack is longer than {PACK_HARD} bytes")
        if self._held or not view.readonly:
            self._held += view
            found, used = self._frames_of(self._held)
            if used:
                del self._held[:used]
            return found
        # Frames that came whole are parts of what came: nothing is copied.
        found, used = self._frames_of(view)
        self._held += view[used:]
        return found

    def finish(self) -> bytes:
        """The pack's id, once all bytes were fed. Raises: DamagedContent when the pack is cut short or wrong."""
        digest = self._hasher.digest()
        if not self._footer or bytes(self._held) != _footer(self._entries, digest):
            raise DamagedContent("a pack ends early or its index does not match its frames")
        self.pack_id = digest
        return digest

    def _frames_of(self, data: bytearray | memoryview) -> tuple[list[PlacedFrame], int]:
        found: list[PlacedFrame] = []
        start = 0
        while len(data) - start >= self._wanted:
            placed, used = self._step(data, start)
            start += used
            self._position += used
            if placed is not None:
                found.append(placed)
        return found, start

    def _step(self, data: bytearray | memoryview, start: int) -> tuple[PlacedFrame | None, int]:
        """Read what is wanted at `start`; how many bytes are done with. Sets what is wanted next."""
        if self._position == 0:
            _check_pack_header(data)
            self._wanted = _FOOTER_HEAD.size
            return None, len(PACK_HEADER)
        tag = bytes(data[start : start + 2])
        if tag == _FOOTER_TAG:
            self._footer = True
            length = _footer_length(len(self._entries))
            if len(data) - start > length:
                raise DamagedContent("a pack holds bytes after its index")
            self._wanted = length + 1
            return None, 0
        if tag != _FRAME_TAG:
            raise DamagedContent("a pack holds something that is no frame")
        if self._wanted < _FRAME.size:
            self._wanted = _FRAME.size
            return None, 0
        header_length, blob_length = _measure(memoryview(bytes(data[start : start + _FRAME.size])))
        whole = header_length + blob_length
        if self._wanted < whole:
            self._wanted = whole
            return None, 0
        if isinstance(data, memoryview):
            raw = data[start : start + whole]
        else:
            with memoryview(data) as held:
                raw = memoryview(bytes(held[start : start + whole]))
        placed = PlacedFrame(_frame(raw, header_length), self._position, header_length, raw)
        self._hasher.update(raw[:header_length])
        self._entries.append(_ENTRY.pack(header_length, blob_length))
        self._wanted = _FOOTER_HEAD.size
        return placed, whole


def read_index(size: int, read_range: ReadRange) -> tuple[list[FrameEntry], bytes]:
    """The index of a pack of `size` bytes and its id, from its last bytes.

    `read_range(offset, length)` gives bytes of the pack. Raises: DamagedContent.
    """
    tail_length = min(size, _TAIL_READ)
    tail = read_range(size - tail_length, tail_length)
    if len(tail) != tail_length or tail_length < len(PACK_HEADER) + _footer_length(0):
        raise DamagedContent("a pack is too short")
    pack_id, length, magic = _FOOTER_TAIL.unpack_from(tail, tail_length - _FOOTER_TAIL.size)
    if magic != _FOOTER_MAGIC or not _footer_length(0) <= length <= size - len(PACK_HEADER):
        raise DamagedContent("a pack has no index at its end")
    footer = tail[-length:] if length <= tail_length else read_range(size - length, length)
    tag, count = _FOOTER_HEAD.unpack_from(footer)
    if tag != _FOOTER_TAG or len(footer) != length or _footer_length(count) != length:
        raise DamagedContent("a pack's index is not well formed")
    entries: list[FrameEntry] = []
    offset = len(PACK_HEADER)
    for header_length, blob_length in _ENTRY.iter_unpack(footer[_FOOTER_HEAD.size : length - _FOOTER_TAIL.size]):
        entries.append(FrameEntry(offset, header_length, blob_length))
        offset += header_length + blob_length
    if offset + length != size:
        raise DamagedContent("a pack's index does not match its length")
    return entries, pack_id


def recover(size: int, read_range: ReadRange) -> tuple[list[FrameEntry], int]:
    """The whole frames at the start of a pack that was cut short, and the length that they and the header fill.

    Frames are judged by their headers only: before use, each is decoded and its members are checked. A pack whose
    own header is damaged has no frames and length 0.
    """
    head = read_range(0, len(PACK_HEADER)) if size >= len(PACK_HEADER) else b""
    if head != PACK_HEADER:
        return [], 0
    entries: list[FrameEntry] = []
    offset = len(PACK_HEADER)
    while offset + _FRAME.size <= size:
        try:
            header_length, blob_length = _measure(memoryview(read_range(offset, _FRAME.size)))
        except (DamagedContent, LimitExceeded):
            break
        if offset + header_length + blob_length > size:
            break
        entries.append(FrameEntry(offset, header_length, blob_length))
        offset += header_length + blob_length
    return entries, offset


def footer_for(headers: list[tuple[bytes, int]]) -> tuple[bytes, bytes]:
    """The footer and pack id for frames given by (header bytes, blob length), as when a cut pack is sealed again."""
    hasher = blake3(derive_key_context=_ID_CONTEXT)
    for header, _ in headers:
        hasher.update(header)
    pack_id = hasher.digest()
    return _footer([_ENTRY.pack(len(header), blob_length) for header, blob_length in headers], pack_id), pack_id


def _check_pack_header(held: bytearray | memoryview) -> None:
    head = bytes(held[: len(PACK_HEADER)])
    if head[:4] != PACK_MAGIC:
        raise DamagedContent("the bytes are no pack")
    if head != PACK_HEADER:
        raise DamagedContent(f"a pack has format version {head[4]}; version {PACK_VERSION} is known")


def _check_limits(members: int, bases: int, plain_length: int, blob_length: int) -> None:
    for what, value, limit in (
        ("members", members, MEMBERS_LIMIT),
        ("bases", bases, BASES_LIMIT),
        ("plain bytes", plain_length, FRAME_LIMIT),
        ("blob bytes", blob_length, FRAME_LIMIT),
    ):
        if value > limit:
            raise LimitExceeded(f"a frame has {value} {what}; the limit is {limit}")


def _measure(view: memoryview) -> tuple[int, int]:
    """Lengths of a frame's header and blob from the first bytes of the header."""
    tag, _, reserved, members, bases, blob_length = _FRAME.unpack_from(view)
    if tag != _FRAME_TAG or reserved or members == 0:
        raise DamagedContent("a pack holds something that is no frame")
    _check_limits(members, bases, 0, blob_length)
    return _FRAME.size + members * (HASH_LENGTH + 4) + bases * HASH_LENGTH, blob_length


def _frame(view: memoryview, header_length: int) -> Frame:
    _, codec, _, members, bases, blob_length = _FRAME.unpack_from(view)
    lengths = struct.unpack_from(f"<{members}I", view, _FRAME.size)
    _check_limits(members, bases, sum(lengths), blob_length)
    at = _FRAME.size + members * 4
    names = [ContentHash(bytes(view[start : start + HASH_LENGTH])) for start in range(at, header_length, HASH_LENGTH)]
    return Frame(
        codec,
        tuple(names[members:]),
        tuple(zip(names[:members], lengths, strict=True)),
        view[header_length : header_length + blob_length],
    )


def _footer_length(count: int) -> int:
    return _FOOTER_HEAD.size + count * _ENTRY.size + _FOOTER_TAIL.size


def _footer(entries: list[bytes], pack_id: bytes) -> bytes:
    return b"".join(
        (
            _FOOTER_HEAD.pack(_FOOTER_TAG, len(entries)),
            *entries,
            _FOOTER_TAIL.pack(pack_id, _footer_length(len(entries)), _FOOTER_MAGIC),
        )
    )
