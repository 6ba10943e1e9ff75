"""Frames on their way to the server: dealt out into packs, or kept for Publish when they are few."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from mlv.transfer.types import INLINE_LIMIT_BYTES
from mlv_core.packs import PACK_TARGET, Frame, PackBuilder

CHUNK_BYTES = 1 << 20
"""One message of the stream: large enough that its framing costs nothing, small enough to be buffered twice."""

PutPack = Callable[[Iterator[bytes]], object]


def send_frames(frames: Iterator[Frame], put_pack: PutPack | None) -> bytes:
    """Send the frames in packs; or give the one pack back when it is small or there is no `put_pack`.

    b'' when it was sent, or there is nothing to send.
    """
    held: list[Frame] = []
    size = 0
    for frame in frames:
        held.append(frame)
        size += len(frame.blob)
        if put_pack is not None and size > INLINE_LIMIT_BYTES:
            break
    else:
        return b"".join(_pack(iter(held))) if held else b""
    rest = _Rest(held, frames)
    while rest.more():
        put_pack(_pack(rest.one_pack()))
    return b""


def _pack(frames: Iterator[Frame]) -> Iterator[bytes]:
    """The bytes of one pack in pieces of at most 1 MiB."""
    builder = PackBuilder()
    waiting = bytearray(builder.start())
    for frame in frames:
        waiting += builder.add(frame)
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    waiting += builder.finish()
    for start in range(0, len(waiting), CHUNK_BYTES):
        yield bytes(waiting[start : start + CHUNK_BYTES])


class _Rest:
    """Frames dealt out a pack at a time."""

    def __init__(self, held: list[Frame], frames: Iterator[Frame]) -> None:
        self._held = deque(held)
        self._frames = frames

    def more(self) -> bool:
        """Whether a frame is left."""
        if not self._held:
            frame = next(self._frames, None)
            if frame is not None:
                self._held.append(frame)
        return bool(self._held)

    def one_pack(self) -> Iterator[Frame]:
        """The frames of the next pack."""
        size = 0
        while size < PACK_TARGET and self.more():
            frame = self._held.popleft()
            size += len(frame.blob)
            yield frame
