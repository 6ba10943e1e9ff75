"""Packs that the server writes itself: verified frames, a seal, and what the index must know of them."""

from __future__ import annotations

from mlv_core.errors import DamagedContent
from mlv_core.packs import PACK_TARGET, Frame, PackBuilder, decode_frame
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.frames import checksum
from mlv_server.metadata.packs import NewFrame, NewPack


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
