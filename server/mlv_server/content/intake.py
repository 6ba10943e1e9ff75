"""Taking packs in: every frame is decoded and checked as it arrives, and nothing shows before all of it is durable."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from functools import partial
from typing import TypeVar

from mlv_core.codecs import Codec
from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, LimitExceeded, NotFound, Unreachable
from mlv_core.failpoints import failpoint
from mlv_core.hashing import ContentHash
from mlv_core.packs import FRAME_LIMIT, Frame, PackParser, PlacedFrame, decode_frame, parse_frame
from mlv_server.content.arrivals import Arrivals, Arrived, Queue
from mlv_server.content.blobs.local import Draft, LocalBlobs
from mlv_server.content.budget import ByteBudget
from mlv_server.content.chains import trace
from mlv_server.content.frames import bases_from, checksum
from mlv_server.content.memory import PlainCache
from mlv_server.content.packer import index_sealed, remove_unused
from mlv_server.content.plain import EMPTY, PlainReader
from mlv_server.metadata.engine import Database
from mlv_server.metadata.packs import NewFrame, NewPack
from mlv_server.metadata.unit_of_work import Transaction

T = TypeVar("T")

# What all uploads together may hold of coded frames and their plain bytes; bases and the codecs' own arrays come on
# top, so that the whole stays under 128 MiB.
FLIGHT_BYTES = 64 * 1024 * 1024
# Deeper uploads are refused: twice what Publish lets through, so that a lagging re-base never stops a client.
UPLOAD_DEPTH = 32
SEAL_LOCKS = 64
# No frame is looked at before the one so many ahead of it is done: what comes out of order stays little, and a recipe
# is known before more than memory keeps has come after it.
FRAMES_AHEAD = 10


@dataclass(slots=True)
class _Upload:
    """One pack on its way in."""

    domain_id: int
    name: str
    draft: Draft
    sweeps: int
    queue: Queue
    parser: PackParser = field(default_factory=PackParser)
    own: dict[ContentHash, tuple[int, int]] = field(default_factory=dict)
    """Members of frames so far, and where their frame lies in the draft."""
    running: deque[asyncio.Task[NewFrame]] = field(default_factory=deque)
    frames: list[NewFrame] = field(default_factory=list)
    writing: asyncio.Future[None] | None = None
    """The last chunk on its way to the draft; one at a time."""

    async def written(self) -> None:
        """Wait until all that came is in the draft. Raises: DiskFull."""
        if self.writing is not None:
            await asyncio.shield(self.writing)


class Intake:
    """Verifies and stores packs that clients send."""

    def __init__(
        self,
        db: Database,
        blobs: LocalBlobs,
        memory: PlainCache,
        arrivals: Arrivals,
        reader: PlainReader,
        pool: ThreadPoolExecutor,
        clock: Callable[[], int],
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._memory = memory
        self._arrivals = arrivals
        self._reader = reader
        self._pool = pool
        self._clock = clock
        self._budget = ByteBudget(FLIGHT_BYTES)
        self._finishing: set[asyncio.Task[tuple[bytes, int]]] = set()
        self._sealing = tuple(asyncio.Lock() for _ in range(SEAL_LOCKS))

    async def take(self, domain_id: int, name: str, chunks: AsyncIterator[bytes | memoryview]) -> tuple[bytes, int]:
        """Store one pack of the upload `name`; its id and the bytes kept (0 when all of it was there already).

        A pack that came whole is kept even if the caller goes away meanwhile. Raises: DamagedContent, LimitExceeded
        naming the frame's segment when anything is wrong: then nothing of the pack is kept; DiskFull.
        """
        queue = self._arrivals.begin(domain_id, name)
        try:
            sweeps = await self._db.read(lambda tx: tx.sweeps.count(domain_id))
            upload = _Upload(domain_id, name, await self._run(self._begin), sweeps, queue)
        except BaseException:
            await self._give_up(domain_id, name)
            raise
        try:
            async for chunk in chunks:
                await self._feed(upload, chunk)
            pack_id = upload.parser.finish()
        except BaseException:
            await asyncio.shield(self._end(upload))
            await self._give_up(domain_id, name)
            raise
        finishing = asyncio.create_task(self._finish(upload, pack_id))
        self._finishing.add(finishing)
        finishing.add_done_callback(self._finished)
        return await asyncio.shield(finishing)

    async def close(self) -> None:
        """Wait for packs that came whole."""
        await asyncio.gather(*self._finishing, return_exceptions=True)

    def _finished(self, task: asyncio.Task[tuple[bytes, int]]) -> None:
        self._finishing.discard(task)
        if not task.cancelled():
            task.exception()  # the caller may be gone

    def _begin(self) -> Draft:
        self._blobs.need_room(0)
        return self._blobs.draft()

    async def _feed(self, upload: _Upload, chunk: bytes | memoryview) -> None:
        placed = upload.parser.feed(chunk)
        await upload.written()
        upload.writing = asyncio.get_running_loop().run_in_executor(self._pool, upload.draft.write, chunk)
        patched = (frame.frame for frame in placed if frame.frame.codec == Codec.PATCH)
        bases = {base for frame in patched for base in frame.bases} - upload.own.keys()
        if len(bases) > 1:
            await self._run(partial(self._reader.warm, upload.domain_id, bases))
        for frame in placed:
            while len(upload.running) >= FRAMES_AHEAD:
                # Its thread reads the draft: a caller that goes away must not end the wait for it.
                await asyncio.wait((upload.running[0],))
                upload.frames.append(await upload.running.popleft())
            if upload.queue.line.full:
                await self._run(upload.queue.line.settle)
            raw = frame.frame.codec == Codec.RAW
            weight = frame.length + (0 if raw else 2 * frame.frame.plain_length)
            await self._budget.take(weight)
            upload.running.append(asyncio.create_task(self._check(upload, frame, upload.queue.draw(), weight)))
            for name, _ in frame.frame.members:
                upload.own.setdefault(name, (frame.offset, frame.length))
        while upload.running and upload.running[0].done():
            upload.frames.append(await upload.running.popleft())

    async def _finish(self, upload: _Upload, pack_id: bytes) -> tuple[bytes, int]:
        try:
            while upload.running:
                upload.frames.append(await upload.running[0])
                upload.running.popleft()
            await self._run(partial(self._arrivals.end, upload.queue))
            await upload.written()
            pack = NewPack(pack_id, upload.draft.length, tuple(upload.frames))
            await self._check_bases(upload.domain_id, pack)
            return pack_id, await self._seal(upload, pack)
        except BaseException:
            await self._give_up(upload.domain_id, upload.name)
            raise
        finally:
            await self._end(upload)

    async def _give_up(self, domain_id: int, name: str) -> None:
        """An upload broke off: its files are not put together any further."""
        await asyncio.shield(self._run(partial(self._arrivals.drop, domain_id, name)))

    async def _end(self, upload: _Upload) -> None:
        """Threads still read and write the draft: they come to their end before it is closed."""
        writing = () if upload.writing is None else (upload.writing,)
        await asyncio.gather(*upload.running, *writing, return_exceptions=True)
        await self._run(upload.draft.discard)

    async def _check(self, upload: _Upload, placed: PlacedFrame, number: int, weight: int) -> NewFrame:
        try:
            if any(base in upload.own for base in placed.frame.bases):
                await upload.written()
            return await self._run(partial(self._verify, upload, placed, number))
        finally:
            self._budget.give(weight)

    def _verify(self, upload: _Upload, placed: PlacedFrame, number: int) -> NewFrame:
        frame = placed.frame
        plains = self._decode(upload, placed)
        self._arrivals.put(upload.queue, number, Arrived(frame.members, plains, frame.codec == Codec.RAW))
        return NewFrame(
            placed.offset,
            placed.header_length,
            len(frame.blob),
            frame.plain_length,
            frame.codec,
            frame.bases,
            frame.members,
            checksum(placed.raw),
        )

    def _decode(self, upload: _Upload, placed: PlacedFrame) -> list[memoryview]:
        """The members of a frame. Its base is checked only where they are not what they should be."""
        frame = placed.frame
        if len(frame.bases) == 1:
            # Whether the store still has it, or an earlier frame brings it, is asked once for the whole pack.
            base = self._reader.at_hand(upload.domain_id, frame.bases[0], checked=False)
            if base is not None:
                with contextlib.suppress(DamagedContent):
                    return decode_frame(frame, base)
        return decode_frame(frame, self._base(upload, frame, placed.offset, 0))

    def _base(self, upload: _Upload, frame: Frame, before: int, depth: int) -> bytes | None:
        """The bytes that a frame was coded against: from the store, or from frames earlier in the same pack."""
        if not frame.bases:
            return None
        member = frame.members[0][0]
        if depth > UPLOAD_DEPTH:
            raise _too_deep(member)
        if len(frame.bases) == 1:
            kept = self._reader.at_hand(upload.domain_id, frame.bases[0])
            if kept is not None:
                return kept
        lengths = self._db.read_now(lambda tx: tx.segments.lengths(upload.domain_id, frame.bases))
        _check_base_length(member, sum(lengths.get(name, 0) for name in frame.bases))
        try:
            found = self._reader.read_all(upload.domain_id, lengths)
        except NotFound as error:
            raise DamagedContent(f"A delta's base cannot be read: {error.message}", items=_named(member)) from error
        for name in frame.bases:
            if name not in found:
                found.update(self._from_same_pack(upload, name, member, before, depth))
                _check_base_length(member, sum(len(found[key]) for key in frame.bases if key in found))
        return found[frame.bases[0]] if len(frame.bases) == 1 else b"".join(found[name] for name in frame.bases)

    def _from_same_pack(
        self, upload: _Upload, name: ContentHash, member: ContentHash, before: int, depth: int
    ) -> dict[ContentHash, bytes]:
        offset, length = upload.own.get(name, (before, 0))
        if offset >= before:
            raise DamagedContent(f"A delta names an unknown base {name.hex()}.", items=_named(member))
        kept = self._memory.get((upload.domain_id, name))
        if kept is not None:
            return {name: kept}
        inner = parse_frame(upload.draft.read(offset, length))
        plains = decode_frame(inner, self._base(upload, inner, offset, depth + 1))
        return {other: bytes(plain) for (other, _), plain in zip(inner.members, plains, strict=True)}

    async def _check_bases(self, domain_id: int, pack: NewPack) -> None:
        """Refuse a pack with deltas that stand on nothing sound, on later frames, or on chains that are too long."""
        bases = {base for frame in pack.frames for base in frame.bases}
        read_bases = bases_from(self._blobs, domain_id)
        chain = await self._db.read(lambda tx: trace(tx, domain_id, bases, read_bases))
        below = {frame.id: depth for frame, depth in chain.frames(bases)}
        depths = {name: below[place.frame.id] for name, place in chain.places.items() if place.frame.id in below}
        sound = {name for name in bases & chain.places.keys() if not chain.places[name].frame.damaged}
        for frame in pack.frames:
            member = frame.members[0][0]
            absent = next((base for base in frame.bases if base not in sound), None)
            if absent is not None:
                raise DamagedContent(f"A delta names an unknown base {absent.hex()}.", items=_named(member))
            depth = 1 + max((depths.get(base, 0) for base in frame.bases), default=-1)
            if depth > UPLOAD_DEPTH:
                raise _too_deep(member)
            for name, _ in frame.members:
                depths.setdefault(name, depth)
                sound.add(name)

    async def _seal(self, upload: _Upload, pack: NewPack) -> int:
        """Make a verified pack durable, then visible."""
        domain_id = upload.domain_id
        # The same pack from two clients at once must not replace or remove the other's file.
        async with self._sealing[pack.pack_id[0] % SEAL_LOCKS]:
            if not await self._db.read(lambda tx: tx.packs.wanted(domain_id, pack)):
                return 0
            await self._run(partial(upload.draft.seal, self._blobs.path(domain_id, pack.pack_id)))
            now = self._clock()
            try:
                # Each frame stands on earlier ones, and nobody needs all of a pack at once: so whoever locks waits for
                # a part, and what a crash leaves of a pack are segments that need not be sent again.
                for part in pack.parts():
                    await self._db.write(partial(self._index, upload, part, now), long=True)
            except Unreachable:
                await self._db.write(lambda tx: remove_unused(tx, self._blobs, domain_id, pack.pack_id))
                raise
            failpoint("content.pack.indexed")
            if not await self._db.read(lambda tx: tx.packs.find(domain_id, pack.pack_id)):
                await self._db.write(lambda tx: remove_unused(tx, self._blobs, domain_id, pack.pack_id))
                return 0
        return pack.length

    def _index(self, upload: _Upload, pack: NewPack, now: int, tx: Transaction) -> None:
        """Make a sealed pack visible. Raises: Unreachable when a base was removed as garbage since it was read."""
        domain_id = upload.domain_id
        if tx.sweeps.count(domain_id) != upload.sweeps:
            own = {name for frame in pack.frames for name, _ in frame.members}
            bases = {base for frame in pack.frames for base in frame.bases} - own - {EMPTY}
            if len(tx.segments.find(domain_id, bases)) < len(bases):
                raise Unreachable("A delta's base was removed as garbage.", advice="Type the same command again.")
        index_sealed(tx, self._blobs, domain_id, pack, now)

    async def _run(self, fn: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, fn)


def _named(member: ContentHash) -> tuple[str, ...]:
    return (f"segment {member.hex()}",)


def _check_base_length(member: ContentHash, length: int) -> None:
    if length > FRAME_LIMIT:
        raise LimitExceeded(f"A delta's base is longer than {FRAME_LIMIT} bytes.", items=_named(member))


def _too_deep(member: ContentHash) -> DamagedContent:
    return DamagedContent(f"A chain of deltas would be longer than {UPLOAD_DEPTH}.", items=_named(member))
