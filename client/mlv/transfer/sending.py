"""Frames on their way to the server: dealt out into packs, or kept for Publish when they are few."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from mlv.transfer.types import INLINE_LIMIT_BYTES
from mlv_core.packs import PACK_TARGET, Frame, PackBuilder

CHUNK_BYTES = 1 << 20
"""Small frames share a message of the stream up to this size: its framing costs nothing, several can be buffered."""
CHUNK_PLAIN_BYTES = 4 << 20
"""Or until they hold so much: the server decodes while the rest is coded, however small that becomes."""
MESSAGE_BYTES = 6 << 20
"""A frame of up to this size is one message, so that neither side puts it together; a server takes 8 MiB."""
PACKS_AT_ONCE = 2
"""While the server makes one pack durable, the next is on its way."""
SENT_PACK_BYTES = PACK_TARGET // PACKS_AT_ONCE
"""What is under way together is one pack of the usual size, which is all that an interruption may cost (C5)."""


class Sending(Protocol):
    """A pack on its way."""

    def result(self) -> object:
        """Wait for the server's answer. Raises: whatever went wrong."""

    def when_done(self, act: Callable[[], None]) -> None:
        """Call `act`, in any thread, once the answer or a failure is there."""

    def cancel(self) -> None:
        """Break it off, unless it is done."""


Message = Sequence[bytes | memoryview]
"""The parts of one message, in order."""
PutPack = Callable[[Iterator[Message]], Sending]


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
        return b"".join(part for message in _pack(iter(held)) for part in message) if held else b""
    _send(_Rest(held, frames), put_pack)
    return b""


def _send(rest: _Rest, put_pack: PutPack) -> None:
    """Send all that is left. A pack begins when the one before it has no more to send, not when it is answered."""
    running: deque[Sending] = deque()
    try:
        while rest.more():
            ended = threading.Event()
            running.append(put_pack(_ending(_pack(rest.one_pack()), ended)))
            running[-1].when_done(ended.set)
            ended.wait()
            while len(running) >= PACKS_AT_ONCE:
                running[0].result()
                running.popleft()
        while running:
            running[0].result()
            running.popleft()
    except BaseException:
        for sending in running:
            sending.cancel()
        raise


def _ending(messages: Iterator[Message], ended: threading.Event) -> Iterator[Message]:
    try:
        yield from messages
    finally:
        ended.set()


def _pack(frames: Iterator[Frame]) -> Iterator[Message]:
    """The bytes of one pack in messages of whole frames; only a frame over `MESSAGE_BYTES` comes in several."""
    builder = PackBuilder()
    waiting: list[bytes | memoryview] = [builder.start()]
    size = plain = 0
    for frame in frames:
        head = builder.head(frame)
        if size and (size + len(head) + len(frame.blob) > CHUNK_BYTES or plain >= CHUNK_PLAIN_BYTES):
            yield waiting
            waiting, size, plain = [], 0, 0
        waiting += (head, frame.blob)
        size += len(head) + len(frame.blob)
        plain += frame.plain_length
        if size > MESSAGE_BYTES:
            yield from _pieces(waiting)
            waiting, size, plain = [], 0, 0
    yield [*waiting, builder.finish()]


def _pieces(parts: Message) -> Iterator[Message]:
    for part in parts:
        view = memoryview(part)
        for start in range(0, len(view), CHUNK_BYTES):
            yield (view[start : start + CHUNK_BYTES],)


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
        while size < SENT_PACK_BYTES and self.more():
            frame = self._held.popleft()
            size += len(frame.blob)
            yield frame
