"""The plain bytes of segments, from memory, from a materialized file or decoded along their chain; always checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress

from mlv_core.errors import DamagedContent, LimitExceeded, NotFound
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import decode_frame
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.chains import Chain, trace
from mlv_server.content.frames import DamagedFrame, bases_from, read_frame
from mlv_server.content.materialized import MaterializedFiles
from mlv_server.content.memory import PlainCache
from mlv_server.metadata.engine import Database
from mlv_server.metadata.segments import FramePlace

WARMED_SEGMENT_BYTES, WARMED_BYTES = 256 * 1024, 16 * 1024 * 1024
"""What is read before it is asked for: segments up to this length, so many bytes of them at a time."""
EMPTY = hash_content(b"")
"""The name of no bytes; it is always there."""


class PlainReader:
    """Reads segments. All methods block and are for worker threads."""

    def __init__(
        self,
        db: Database,
        blobs: LocalBlobs,
        memory: PlainCache,
        materialized: MaterializedFiles,
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._memory = memory
        self._materialized = materialized

    def read(self, domain_id: int, name: ContentHash) -> bytes:
        """One segment. Raises: as `read_all`."""
        return self.read_all(domain_id, (name,))[name]

    def read_joined(self, domain_id: int, names: Sequence[ContentHash]) -> bytes:
        """Segments one after the other. Raises: as `read_all`."""
        found = self.read_all(domain_id, names)
        return found[names[0]] if len(names) == 1 else b"".join(found[name] for name in names)

    def read_all(self, domain_id: int, names: Iterable[ContentHash]) -> dict[ContentHash, bytes]:
        """The plain bytes of each name. Frames found damaged are marked, so that others may heal them (F4).

        Raises: NotFound naming a segment that the domain does not have; DamagedContent naming one that cannot be
        read.
        """
        found: dict[ContentHash, bytes] = {}
        rest: list[ContentHash] = []
        for name in dict.fromkeys(names):
            plain = self.at_hand(domain_id, name)
            if plain is None:
                rest.append(name)
            else:
                found[name] = plain
        if rest:
            self._decode(domain_id, rest, found)
        return found

    def warm(self, domain_id: int, names: Iterable[ContentHash]) -> None:
        """Have small segments at hand that are wanted soon, by one look for all of them instead of one for each.

        Of what is not there, or damaged, nothing is said: whoever asks for it is told.
        """
        rest = [name for name in dict.fromkeys(names) if (domain_id, name) not in self._memory]
        lengths = self._db.read_now(lambda tx: tx.segments.lengths(domain_id, rest)) if rest else {}
        small: list[ContentHash] = []
        left = WARMED_BYTES
        for name, length in lengths.items():
            if length <= min(WARMED_SEGMENT_BYTES, left):
                small.append(name)
                left -= length
        if len(small) > 1:
            with suppress(NotFound, DamagedContent):
                self.read_all(domain_id, small)

    def at_hand(self, domain_id: int, name: ContentHash, *, checked: bool = True) -> bytes | None:
        """A segment that needs no decoding; the domain may have forgotten it since.

        Without `checked` it may be damaged, and is of use only for what is checked itself.
        """
        if name == EMPTY:
            return b""
        plain = self._memory.get((domain_id, name))
        if plain is None:
            plain = self._materialized.read_segment(domain_id, name, checked=checked)
            if plain is not None and checked:
                self._memory.put((domain_id, name), plain)
        return plain

    def _decode(self, domain_id: int, names: list[ContentHash], found: dict[ContentHash, bytes]) -> None:
        held: dict[ContentHash, bytes] = {}

        def have(name: ContentHash) -> bool:
            if name not in held:
                plain = self.at_hand(domain_id, name)
                if plain is not None:
                    held[name] = plain
            return name in held

        wanted = set(names)
        read_bases = bases_from(self._blobs, domain_id)
        chain = self._db.read_now(lambda tx: trace(tx, domain_id, names, read_bases, have))
        for name in names:
            if name in held:
                found[name] = held[name]
            elif name not in chain.places:
                raise NotFound("A segment is not there.", items=(f"segment {name.hex()}",))
        ordered = chain.frames(names)
        members = chain.members()
        uses = Counter(base for frame, _ in ordered for base in chain.bases[frame.id])
        for frame, _ in ordered:
            for name, plain in self._decode_frame(domain_id, frame, chain, held, members[frame.id]).items():
                if name in uses:
                    held[name] = plain
                if name in wanted:
                    found[name] = plain
            for base in chain.bases[frame.id]:
                uses[base] -= 1
                if not uses[base]:
                    held.pop(base, None)

    def _decode_frame(
        self,
        domain_id: int,
        place: FramePlace,
        chain: Chain,
        held: dict[ContentHash, bytes],
        members: Iterable[ContentHash],
    ) -> dict[ContentHash, bytes]:
        """Those of `members` that are wanted of a frame: of hundreds of small files in it often one."""
        wanted = set(members)
        try:
            frame = read_frame(self._blobs, domain_id, place)
            absent = [base for base in frame.bases if base not in held]
            if absent:
                raise DamagedContent("A delta's base is not there.", items=(f"segment {absent[0].hex()}",))
            base = b"".join(held[name] for name in frame.bases) if len(frame.bases) > 1 else None
            if len(frame.bases) == 1:
                base = held[frame.bases[0]]
            parts = decode_frame(frame, base, wanted=wanted)
        except DamagedFrame as error:
            self.mark(error.frame)
            names = [name for name, at in chain.places.items() if at.frame.id == place.id]
            raise DamagedContent(
                error.message, items=error.items or tuple(f"segment {name.hex()}" for name in names[:8])
            ) from error
        except LimitExceeded as error:
            raise DamagedContent(error.message, items=(f"pack {place.pack_id.hex()} at {place.offset}",)) from error
        plains: dict[ContentHash, bytes] = {}
        there = (name for name, _ in frame.members if name in wanted)
        for name, part in zip(there, parts, strict=True):
            plains[name] = bytes(part)
            self._memory.put((domain_id, name), plains[name])
        return plains

    def mark(self, frame: FramePlace) -> None:
        """Remember that a frame is damaged."""
        if not frame.damaged:
            self._db.write_now(lambda tx: tx.packs.mark_damaged((frame.id,)))
