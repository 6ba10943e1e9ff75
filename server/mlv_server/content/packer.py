"""Packs that the server writes itself: verified frames, a seal, and what the index must know of them."""

from __future__ import annotations

from mlv_core.errors import DamagedContent, Unreachable
from mlv_core.hashing import ContentHash
from mlv_core.packs import PACK_TARGET, Frame, PackBuilder, decode_frame
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.frames import bases_from, checksum
from mlv_server.metadata.packs import NewFrame, NewPack, PackRow, Taken
from mlv_server.metadata.unit_of_work import Transaction


class PackWriter:
    """Writes one pack of a domain under a temporary name. For worker threads."""

    def __init__(self, blobs: LocalBlobs, domain_id: int) -> None:
        self._blobs = blobs
        self._domain_id = domain_id
        self._builder = PackBuilder()
        self._frames: list[NewFrame] = []
        self._draft = blobs.draft()
        self._draft.write(self._builder.start())

    @property
    def full(self) -> bool:
        """Whether the pack has reached its target size."""
        return self._builder.size >= PACK_TARGET

    @property
    def empty(self) -> bool:
        """Whether nothing was added."""
        return not self._frames

    def add(self, frame: Frame, base: bytes | None) -> int:
        """Append a frame after decoding it; its offset. Raises: DamagedContent when it does not decode; DiskFull."""
        decode_frame(frame, base)
        return self.copy(frame)

    def copy(self, frame: Frame) -> int:
        """Append a frame that is known to decode; its offset. Raises: DiskFull."""
        offset = self._builder.size
        data = self._builder.add(frame)
        self._draft.write(data)
        self._frames.append(
            NewFrame(
                offset,
                len(data) - len(frame.blob),
                len(frame.blob),
                frame.plain_length,
                frame.codec,
                frame.bases,
                frame.members,
                checksum(data),
            )
        )
        return offset

    def seal(self) -> NewPack:
        """Make the pack durable in its place; it is not indexed yet. Raises: DiskFull."""
        self._draft.write(self._builder.finish())
        pack_id = self._builder.pack_id
        if pack_id is None:
            raise DamagedContent("A pack was sealed without a name.")
        self._draft.seal(self._blobs.path(self._domain_id, pack_id))
        return NewPack(pack_id, self._builder.size, tuple(self._frames))

    def discard(self) -> None:
        """Remove what was written, if it is not sealed."""
        self._draft.discard()


def index_sealed(
    tx: Transaction,
    blobs: LocalBlobs,
    domain_id: int,
    pack: NewPack,
    now: int,
    take: Taken | None = None,
    *,
    copies: bool = False,
) -> set[ContentHash]:
    """Let segment rows point into a sealed pack (`Packs.index`), which must still lie in its place.

    Packs are removed inside of write transactions only, and those run one after the other: a file seen here stays.
    Raises: Unreachable when a pack of that very name was being removed meanwhile; trying again helps.
    """
    if not blobs.path(domain_id, pack.pack_id).exists():
        raise Unreachable(f"Pack {pack.pack_id.hex()} was being replaced at the same moment.")
    return tx.packs.index(domain_id, pack, now, bases_from(blobs, domain_id), take, copies=copies)


def remove_retired(tx: Transaction, blobs: LocalBlobs, row: PackRow) -> bool:
    """Remove a pack and its rows, unless something points at it again; whether it was removed."""
    if not tx.packs.forget(row.id):
        return False
    blobs.delete(row.domain_id, row.pack_id)
    return True


def remove_unused(tx: Transaction, blobs: LocalBlobs, domain_id: int, pack_id: bytes) -> bool:
    """Remove the file of a pack that no row came to know; whether it was removed."""
    if tx.packs.find(domain_id, pack_id) is not None:
        return False
    blobs.delete(domain_id, pack_id)
    return True
