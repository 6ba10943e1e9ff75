"""Direct deltas between two versions of a file, made when a client asks and kept in a bounded cache of packs."""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from mlv_core.deferred import dataclass
from mlv_core.errors import NotFound
from mlv_core.hashing import ContentHash
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.frames import checksum
from mlv_server.content.packer import PackWriter
from mlv_server.metadata.packs import NewFrame, NewPack

_Pair = tuple[int, ContentHash, ContentHash]


@dataclass(frozen=True, slots=True)
class DirectDelta:
    """Frames that lead from one file to another, by the packs they lie in."""

    packs: tuple[NewPack, ...]

    @property
    def length(self) -> int:
        """Bytes of all frames."""
        return sum(frame.length for pack in self.packs for frame in pack.frames)

    def frames(self) -> Iterable[tuple[bytes, NewFrame]]:
        """Every frame with its pack's name, in decoding order."""
        return ((pack.pack_id, frame) for pack in self.packs for frame in pack.frames)


class DirectDeltas:
    """The cache under `root`, at most `limit_bytes`; its index lives in memory and it starts empty.

    May be used from any thread.
    """

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self._root = root
        self._blobs = LocalBlobs(root)
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Pair, DirectDelta] = OrderedDict()
        self._frames: dict[tuple[int, bytes], dict[int, NewFrame]] = {}

    def clear(self) -> None:
        """Remove what earlier processes left."""
        shutil.rmtree(self._root, ignore_errors=True)

    def find(self, domain_id: int, old: ContentHash, new: ContentHash) -> DirectDelta | None:
        """The delta from `old` to `new`, when it is kept."""
        with self._lock:
            found = self._kept.get((domain_id, old, new))
            if found is not None:
                self._kept.move_to_end((domain_id, old, new))
            return found

    def writer(self, domain_id: int) -> PackWriter:
        """Begins a pack of the cache."""
        return PackWriter(self._blobs, domain_id)

    def keep(self, domain_id: int, old: ContentHash, new: ContentHash, packs: Iterable[NewPack]) -> DirectDelta:
        """Take sealed packs; the deltas used longest ago go when room is short."""
        delta = DirectDelta(tuple(packs))
        with self._lock:
            self._kept[domain_id, old, new] = delta
            for pack in delta.packs:
                self._frames[domain_id, pack.pack_id] = {frame.offset: frame for frame in pack.frames}
            while len(self._kept) > 1 and self._total() > self._limit:
                (domain, _, _), gone = self._kept.popitem(last=False)
                still = {pack.pack_id for kept in self._kept.values() for pack in kept.packs}
                for pack in gone.packs:
                    if pack.pack_id not in still:
                        self._frames.pop((domain, pack.pack_id), None)
                        self._blobs.delete(domain, pack.pack_id)
        return delta

    def read(self, domain_id: int, pack_id: bytes, offset: int, length: int) -> bytes | None:
        """Whole frames of the cache, checked; None when they are not there or not sound."""
        frames = self._frames_in(domain_id, pack_id, offset, length)
        if not frames:
            return None
        try:
            data = memoryview(self._blobs.read(domain_id, pack_id, offset, length))
        except NotFound:
            return None
        parts = (data[frame.offset - offset : frame.offset - offset + frame.length] for frame in frames)
        sound = all(checksum(part) == frame.checksum for part, frame in zip(parts, frames, strict=True))
        return bytes(data) if sound else None

    def lengths(self, domain_id: int, pack_id: bytes, offset: int, length: int) -> list[int]:
        """The lengths of the whole frames that a range of the cache covers; empty when it is not one of such."""
        return [frame.length for frame in self._frames_in(domain_id, pack_id, offset, length)]

    def _frames_in(self, domain_id: int, pack_id: bytes, offset: int, length: int) -> list[NewFrame]:
        with self._lock:
            known = self._frames.get((domain_id, pack_id), {})
            frames: list[NewFrame] = []
            at = offset
            while at < offset + length and at in known:
                frames.append(known[at])
                at += known[at].length
        return frames if at == offset + length else []

    def total_bytes(self) -> int:
        """Bytes of all packs of the cache."""
        with self._lock:
            return self._total()

    def _total(self) -> int:
        return sum(pack.length for delta in self._kept.values() for pack in delta.packs)
