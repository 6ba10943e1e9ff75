"""The content store: packs in, verified; files and frames out, verified; everything by content domain."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from mlv_core.errors import DamagedContent, LimitExceeded, NotFound
from mlv_core.hashing import ContentHash
from mlv_core.recipes import Recipe, single
from mlv_server.content import recovery
from mlv_server.content.arrivals import Arrivals
from mlv_server.content.assembly import Assemblies
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.chains import trace
from mlv_server.content.deltas import DirectDeltas
from mlv_server.content.frames import DamagedFrame, bases_from, read_run
from mlv_server.content.intake import Intake
from mlv_server.content.materialized import MaterializedFiles
from mlv_server.content.memory import PlainCache
from mlv_server.content.plain import EMPTY, PlainReader
from mlv_server.content.proof import FileReader
from mlv_server.metadata.contents import ContentItem, ContentRow
from mlv_server.metadata.engine import Database
from mlv_server.metadata.segments import FramePlace, SegmentPlace
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.settings import Settings

T = TypeVar("T")

MEMORY_BYTES = 48 * 1024 * 1024
"""Plain segments kept in memory: the bases and segments of one large model's upload in flight."""
DELTAS_SHARE = 8
"""Direct deltas may fill this fraction of the cache."""
COPIED_BYTES = 4 * 1024 * 1024
"""One read of a plain copy: as much as a plan joins to one range."""
RECIPE_SEGMENTS = 50_000
"""Segments of all decoded recipes that are kept, about 400 bytes each: range reads ask for the same few files."""


class ContentStore:
    """All content of one server. Parts that others build on: `blobs`, `reader`, `files`, `materialized`, `deltas`."""

    def __init__(self, settings: Settings, db: Database, clock: Callable[[], int]) -> None:
        root = settings.content_folder
        self.db = db
        self.clock = clock
        self.blobs = LocalBlobs(root)
        self.pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="mlv-content")
        self.memory = PlainCache(MEMORY_BYTES)
        share = settings.cache_bytes // DELTAS_SHARE
        self.materialized = MaterializedFiles(root / "cache" / "files", settings.cache_bytes - share)
        self.reader = PlainReader(db, self.blobs, self.memory, self.materialized)
        self._assemblies = Assemblies(self.reader, self.materialized, self._stored)
        self._arrivals = Arrivals(self._assemblies, self.memory)
        self.files = FileReader(db, self.reader, self.materialized, self._arrivals, self.pool)
        self.deltas = DirectDeltas(root / "cache" / "deltas", share)
        self._intake = Intake(db, self.blobs, self.memory, self._arrivals, self.reader, self.pool, clock)
        self._recipes: OrderedDict[tuple[int, ContentHash], Recipe] = OrderedDict()
        self._recipe_segments = 0

    @classmethod
    async def open(cls, settings: Settings, db: Database, clock: Callable[[], int] | None = None) -> ContentStore:
        """The store in the settings' content folder. `clock` gives milliseconds since 1970 UTC."""
        return cls(settings, db, clock or _now)

    async def recover(self) -> list[str]:
        """Set right what an earlier process left behind, once, before calls are served; what was done, a line each.

        Temporary files go; packs that no row knows are indexed, or cut to their last whole frame, or removed.
        """
        await self.run(self.deltas.clear)
        return await recovery.recover(self.blobs, self.db, self.put_pack, self.run)

    async def close(self) -> None:
        """Wait for the work of all threads."""
        await self._intake.close()
        await asyncio.to_thread(self.pool.shutdown)
        self._arrivals.close()

    async def find_missing(self, domain_id: int, hashes: Sequence[ContentHash]) -> list[bool]:
        """For each segment, whether it is to be sent: not there, or only damaged (F4)."""
        missing = await self.db.read(lambda tx: tx.segments.missing(domain_id, hashes))
        return [gone and name != EMPTY for gone, name in zip(missing, hashes, strict=True)]

    async def put_pack(
        self, domain_id: int, upload: str, chunks: AsyncIterator[bytes | memoryview]
    ) -> tuple[bytes, int]:
        """Verify and store one pack that comes in pieces; its id, and the bytes kept: 0 when nothing in it was new.

        When this returns, the pack is durable. Raises: DamagedContent, LimitExceeded naming upload and segment, when
        anything in the pack is wrong: then nothing of it is kept; DiskFull.
        """
        try:
            return await self._intake.take(domain_id, upload, chunks)
        except (DamagedContent, LimitExceeded) as error:
            if upload:
                error.items = (*error.items, f"upload {upload}")
            raise

    async def prove(self, domain_id: int, items: Sequence[ContentItem]) -> None:
        """Check that each (file hash, size, recipe hash or None) can be read whole and gives that hash and size.

        Raises: NotFound naming a segment that was not sent; DamagedContent naming the file that is not as it says.
        """
        await self.files.prove(domain_id, items)

    async def read_range(
        self, domain_id: int, file_hash: ContentHash, offset: int, length: int
    ) -> AsyncIterator[bytes]:
        """`length` bytes of a file from `offset`, cut at its end; each segment is checked before its bytes leave.

        Raises: NotFound when the domain has no such file; DamagedContent naming file and segment (F4).
        """
        recipe = await self.recipe_of(domain_id, file_hash)
        end = min(offset + length, recipe.size)
        while offset < end:
            part = min(COPIED_BYTES, end - offset)
            data = await self.run(partial(self.materialized.read_some, domain_id, file_hash, offset, part))
            if data is None:
                break
            yield data
            offset += len(data)
        try:
            async for data in self.files.stream(domain_id, recipe, recipe.slice(offset, end - offset)):
                yield data
        except DamagedContent as error:
            raise DamagedContent(error.message, items=(f"file {file_hash.hex()}", *error.items)) from error

    async def read_frames(self, domain_id: int, ranges: Sequence[tuple[bytes, int, int]]) -> list[bytes]:
        """Stored frames as they lie: for each (pack id, offset, length), which covers whole frames, its bytes, checked.

        Packs of the cache of direct deltas count as well. The caller bounds the sum of the lengths.
        Raises: NotFound when a range is not one of whole frames; DamagedContent.
        """
        return await self.run(lambda: [self._read_frames(domain_id, *one) for one in ranges])

    async def split_frames(
        self, domain_id: int, pack_id: bytes, offset: int, length: int, limit: int
    ) -> list[tuple[bytes, int, int]]:
        """A range of whole frames as ranges of whole frames of at most `limit` bytes; a longer frame stands alone.

        Raises: NotFound.
        """
        lengths = self.deltas.lengths(domain_id, pack_id, offset, length)
        if not lengths:
            places = await self.run(partial(self._places, domain_id, pack_id, offset, length))
            lengths = [place.length for place in places]
        parts: list[tuple[bytes, int, int]] = []
        start, total = offset, 0
        for one in lengths:
            if total and total + one > limit:
                parts.append((pack_id, start, total))
                start, total = start + total, 0
            total += one
        return [*parts, (pack_id, start, total)]

    def _read_frames(self, domain_id: int, pack_id: bytes, offset: int, length: int) -> bytes:
        cached = self.deltas.read(domain_id, pack_id, offset, length)
        if cached is not None:
            return cached
        try:
            return read_run(self.blobs, domain_id, self._places(domain_id, pack_id, offset, length))
        except DamagedFrame as error:
            self.reader.mark(error.frame)
            raise DamagedContent(error.message, items=error.items) from error

    def _places(self, domain_id: int, pack_id: bytes, offset: int, length: int) -> list[FramePlace]:
        places = self.db.read_now(lambda tx: tx.packs.frames_between(domain_id, pack_id, offset, offset + length))
        end = offset
        for place in places:
            end = place.offset + place.length if place.offset == end else -1
        if not places or end != offset + length:
            raise NotFound(
                f"There are no whole frames at {offset} to {offset + length} of pack {pack_id.hex()}.",
                advice="Type the command again: content moves to other packs at times.",
            )
        return places

    async def recipe_of(self, domain_id: int, name: ContentHash) -> Recipe:
        """How a file of the domain, or a single segment, is put together. Raises: NotFound, DamagedContent."""
        return (await self.recipes_of(domain_id, (name,)))[name]

    async def recipes_of(self, domain_id: int, names: Collection[ContentHash]) -> dict[ContentHash, Recipe]:
        """The recipe of each file or single segment of the domain. Raises: NotFound naming one, DamagedContent."""
        found = {name: self._recipes[domain_id, name] for name in names if (domain_id, name) in self._recipes}
        rest = [name for name in names if name not in found]
        if not rest:
            return found
        rows, places = await self.db.read(lambda tx: _named(tx, domain_id, rest))
        for name in rest:
            row = rows.get(name)
            if row is not None and row.recipe is not None:
                found[name] = await self.files.recipe(domain_id, row.recipe)
                self._keep_recipe(domain_id, name, found[name])
            elif row is not None or name in places:
                found[name] = single(name, row.size if row is not None else places[name].length)
            else:
                raise NotFound("There is no such content.", items=(f"file {name.hex()}",))
        return found

    def _stored(self, domain_id: int, names: Collection[ContentHash]) -> Collection[ContentHash]:
        """Those of `names` that can be read: durable, or taken in just now."""
        kept = {name for name in names if (domain_id, name) in self.memory}
        rest = [name for name in names if name not in kept]
        return kept.union(self.db.read_now(lambda tx: tx.segments.lengths(domain_id, rest)))

    def _keep_recipe(self, domain_id: int, name: ContentHash, recipe: Recipe) -> None:
        count = len(recipe.segments())
        if count > RECIPE_SEGMENTS or (domain_id, name) in self._recipes:
            return
        self._recipes[domain_id, name] = recipe
        self._recipe_segments += count
        while self._recipe_segments > RECIPE_SEGMENTS:
            _, gone = self._recipes.popitem(last=False)
            self._recipe_segments -= len(gone.segments())

    async def depth_of(self, domain_id: int, recipes: Sequence[Recipe]) -> int:
        """The longest chain of deltas under any segment of `recipes`; 0 when none is a delta."""
        names = [segment.hash for recipe in recipes for segment in recipe.segments()]
        read_bases = bases_from(self.blobs, domain_id)
        chain = await self.db.read(lambda tx: trace(tx, domain_id, names, read_bases))
        return max((depth for _, depth in chain.frames(names)), default=0)

    async def stored_bytes(self, domain_id: int) -> int:
        """Bytes of the domain's packs on disk."""
        return await self.db.read(lambda tx: tx.packs.stored_bytes(domain_id))

    async def cache_bytes(self) -> int:
        """Bytes of all caches on disk: plain files and direct deltas."""
        return await self.run(lambda: self.materialized.total_bytes() + self.deltas.total_bytes())

    async def run(self, fn: Callable[[], T]) -> T:
        """Run blocking work in the store's threads."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, fn)


def _named(
    tx: Transaction, domain_id: int, names: Sequence[ContentHash]
) -> tuple[dict[ContentHash, ContentRow], dict[ContentHash, SegmentPlace]]:
    """The files among `names`, and the segments among the rest."""
    rows = tx.contents.find(domain_id, names)
    return rows, tx.segments.find(domain_id, [name for name in names if name not in rows])


def _now() -> int:
    return time.time_ns() // 1_000_000
