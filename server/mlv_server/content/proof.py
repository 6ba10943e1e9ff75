"""Proof of files: streams of plain bytes through a recipe, the whole-file hash, and the copy written on the way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from mlv_core.errors import DamagedContent, LimitExceeded, NotFound
from mlv_core.hashing import ContentHash, ContentHasher
from mlv_core.recipes import Piece, Recipe, RecipeSegment
from mlv_server.content.arrivals import Arrivals
from mlv_server.content.materialized import CopyDraft, MaterializedFiles
from mlv_server.content.plain import EMPTY, PlainReader
from mlv_server.metadata.contents import ContentItem
from mlv_server.metadata.engine import Database

T = TypeVar("T")

# One job of a worker thread: long enough that handing it over costs nothing, short enough to hold several.
BATCH_BYTES = 4 * 1024 * 1024
BATCH_PIECES = 1024
# Jobs of one stream in flight.
WINDOW = 3


class FileReader:
    """Reads files by their recipes and proves that a recipe gives the file it is said to give."""

    def __init__(
        self,
        db: Database,
        reader: PlainReader,
        materialized: MaterializedFiles,
        arrivals: Arrivals,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._db = db
        self._reader = reader
        self._materialized = materialized
        self._arrivals = arrivals
        self._pool = pool

    async def recipe(self, domain_id: int, name: ContentHash) -> Recipe:
        """The recipe that a segment holds. Raises: NotFound; DamagedContent naming it."""
        return await self._run(partial(self.recipe_now, domain_id, name))

    def recipe_now(self, domain_id: int, name: ContentHash) -> Recipe:
        """As `recipe`, for worker threads."""
        plain = self._reader.read(domain_id, name)
        try:
            return Recipe.decode(plain)
        except (DamagedContent, LimitExceeded) as error:
            raise DamagedContent(f"A recipe is wrong: {error.message}", items=(f"recipe {name.hex()}",)) from error

    async def stream(self, domain_id: int, recipe: Recipe, pieces: Iterable[Piece]) -> AsyncIterator[bytes]:
        """The bytes of `pieces` of a file in order, a few MiB at a time; every segment is checked before."""
        segments = recipe.segments()
        running: deque[asyncio.Future[bytes]] = deque()
        loop = asyncio.get_running_loop()
        try:
            for batch in _batches(pieces):
                running.append(loop.run_in_executor(self._pool, partial(self._read_batch, domain_id, segments, batch)))
                if len(running) == WINDOW:
                    yield await running.popleft()
            while running:
                yield await running.popleft()
        finally:
            for left in running:
                left.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def prove(self, domain_id: int, items: Sequence[ContentItem]) -> None:
        """Check that each (file hash, size, recipe hash or None) can be read whole and gives that hash and size.

        Files that are recorded already are not read again. A copy of each new file of several segments is kept.
        Raises: NotFound naming a segment that was not sent; DamagedContent naming the file that is not as it says.
        """
        known = await self._db.read(lambda tx: tx.contents.find(domain_id, [item[0] for item in items]))
        fresh = [item for item in items if item[0] not in known]
        for name, size, _ in items:
            if name in known and known[name].size != size:
                raise DamagedContent(f"A file is said to have {size} bytes.", items=(f"file {name.hex()}",))
        await self._prove_single(domain_id, [item for item in fresh if item[2] is None])
        for name, size, recipe_name in fresh:
            if recipe_name is not None:
                await self._prove_recipe(domain_id, name, size, recipe_name)

    async def _prove_single(self, domain_id: int, items: Sequence[ContentItem]) -> None:
        lengths = await self._db.read(lambda tx: tx.segments.lengths(domain_id, [item[0] for item in items]))
        lengths[EMPTY] = 0
        for name, size, _ in items:
            if name not in lengths:
                raise NotFound("A file's content was not sent.", items=(f"segment {name.hex()}",))
            if lengths[name] != size:
                raise DamagedContent(f"A file is said to have {size} bytes.", items=(f"file {name.hex()}",))

    async def _prove_recipe(self, domain_id: int, name: ContentHash, size: int, recipe_name: ContentHash) -> None:
        made = await self._run(partial(self._arrivals.finish, domain_id, recipe_name))
        recipe = await self.recipe(domain_id, recipe_name) if made is None else made.recipe
        segments = recipe.segments()
        names = [recipe_name, *(part.hash for part in segments)]
        lengths = await self._db.read(lambda tx: tx.segments.lengths(domain_id, names))
        if recipe_name not in lengths:
            raise NotFound("A file's recipe was not sent.", items=_both(name, recipe_name))
        lengths[EMPTY] = 0
        for part in segments:
            if lengths.get(part.hash, part.length) != part.length:
                raise DamagedContent("A recipe names another length than a segment has.", items=_both(name, part.hash))
            if part.hash not in lengths:
                raise NotFound("A file's segment was not sent.", items=_both(name, part.hash))
        if made is not None and made.content == name and recipe.size == size:
            return
        hasher = ContentHasher()
        draft = await self._run(partial(self._materialized.draft, size))
        try:
            async for data in self.stream(domain_id, recipe, recipe.pieces()):
                await self._run(partial(_take, hasher, draft, data))
            if recipe.size != size or hasher.digest() != name:
                raise DamagedContent("A recipe gives another file than it is said to give.", items=_both(name))
            if draft is not None:
                await self._run(partial(self._materialized.keep, draft, domain_id, name, recipe))
        finally:
            if draft is not None:
                await self._run(draft.discard)

    def _read_batch(self, domain_id: int, segments: Sequence[RecipeSegment], batch: list[Piece]) -> bytes:
        plains = self._reader.read_all(domain_id, (segments[piece.index].hash for piece in batch))
        if len(batch) == 1 and batch[0].length == segments[batch[0].index].length:
            return plains[segments[batch[0].index].hash]
        return b"".join(
            memoryview(plains[segments[piece.index].hash])[piece.offset : piece.offset + piece.length]
            for piece in batch
        )

    async def _run(self, fn: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, fn)


def _batches(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    total = 0
    for piece in pieces:
        if batch and (total + piece.length > BATCH_BYTES or len(batch) == BATCH_PIECES):
            yield batch
            batch, total = [], 0
        batch.append(piece)
        total += piece.length
    if batch:
        yield batch


def _take(hasher: ContentHasher, draft: CopyDraft | None, data: bytes) -> None:
    hasher.update(data)
    if draft is not None:
        draft.write(data)


def _both(name: ContentHash, segment: ContentHash | None = None) -> tuple[str, ...]:
    file = (f"file {name.hex()}",)
    return file if segment is None else (*file, f"segment {segment.hex()}")
