"""A content store on a real disk and a real database, and clients' packs to put into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from safetensors.numpy import save
from sqlalchemy import create_engine

from mlv_core.codecs import encode_group, encode_patch
from mlv_core.framing import encode_plan, plan_frames
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import Frame, PackBuilder, frame_of
from mlv_core.recipes import Recipe, from_layout, generic, needs_recipe
from mlv_core.segments import Chunker, average_chunk_size, plan_layout
from mlv_server.content.store import ContentStore
from mlv_server.metadata import tables, tables_content, tables_history  # noqa: F401 - they fill the MetaData
from mlv_server.metadata.engine import Database
from mlv_server.metadata.schema import metadata
from mlv_server.settings import Settings, load_settings

T = TypeVar("T")
DOMAIN = 1


def run(body: Callable[[], Awaitable[T]]) -> T:
    """Run an asynchronous test body."""
    return asyncio.run(body())


def make_settings(folder: Path, extra: str = "") -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "mlv-server.toml"
    file.write_text("[server]\nplaintext = true\n" + extra)
    return load_settings(file, {})


def create_tables(settings: Settings) -> None:
    engine = create_engine(settings.database_url)
    metadata.create_all(engine)
    engine.dispose()


@asynccontextmanager
async def open_store(folder: Path, extra: str = "") -> AsyncIterator[ContentStore]:
    """The store of a server's folder; opened again on the same folder it is the same store after a restart."""
    settings = make_settings(folder, extra)
    create_tables(settings)
    db = await Database.open(settings.database_url)
    store = await ContentStore.open(settings, db)
    try:
        yield store
    finally:
        await store.close()
        await db.close()


@dataclass(frozen=True)
class File:
    """A file cut as a client cuts it."""

    plain: bytes
    recipe: Recipe

    @property
    def name(self) -> ContentHash:
        return hash_content(self.plain)

    @property
    def item(self) -> tuple[ContentHash, int, ContentHash | None]:
        recipe = hash_content(self.recipe.encode()) if needs_recipe(self.recipe) else None
        return self.name, len(self.plain), recipe

    def segment(self, index: int) -> bytes:
        return b"".join(
            self.plain[extent.offset : extent.offset + extent.length] for extent in self.recipe.offsets_in_file()[index]
        )


def cut(plain: bytes) -> File:
    layout = plan_layout("file", len(plain), lambda offset, length: plain[offset : offset + length])
    if layout is None:
        chunker = Chunker(average_chunk_size(len(plain)))
        chunks = [bytes(chunk) for chunk in (*chunker.feed(plain), *chunker.finish())]
        return File(plain, generic(len(plain), [(hash_content(chunk), len(chunk)) for chunk in chunks]))

    def names(cuts):
        return [hash_content(b"".join(plain[e.offset : e.offset + e.length] for e in one.extents)) for one in cuts]

    return File(plain, from_layout(layout, names(layout.typed), names(layout.rest)))


def frames_for(new: File, base: File | None = None, *, missing: set[ContentHash] | None = None) -> list[Frame]:
    """What a client that has `base` sends for `new`: its new segments and its recipe."""
    old = {segment.hash for segment in base.recipe.segments()} if base else set()
    wanted = {segment.hash for segment in new.recipe.segments()} - old if missing is None else missing
    frames = []
    for plan in plan_frames(new.recipe, base.recipe if base else None, wanted):
        plain = b"".join(new.segment(index) for index in plan.members)
        base_plain = b"".join(base.segment(index) for index in plan.bases) if base and plan.bases else None
        frames.append(encode_plan(plan, new.recipe, base.recipe if base else None, plain, base_plain))
    if needs_recipe(new.recipe):
        frames.append(_recipe_frame(new, base))
    return frames


def _recipe_frame(new: File, base: File | None) -> Frame:
    plain = new.recipe.encode()
    members = ((hash_content(plain), len(plain)),)
    if base is None or not needs_recipe(base.recipe):
        return frame_of(encode_group(plain), (), members)
    old = base.recipe.encode()
    return frame_of(encode_patch(plain, old), (hash_content(old),), members)


def pack_of(frames: Iterable[Frame]) -> bytes:
    builder = PackBuilder()
    return b"".join([builder.start(), *(builder.add(frame) for frame in frames), builder.finish()])


async def chunks_of(data: bytes, size: int = 1 << 20) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def put(store: ContentStore, frames: Iterable[Frame], domain_id: int = DOMAIN) -> tuple[bytes, int]:
    return await store.put_pack(domain_id, "upload-1", chunks_of(pack_of(frames)))


async def commit(store: ContentStore, new: File, base: File | None = None, domain_id: int = DOMAIN) -> None:
    """Send and prove a file, as Begin to Publish do."""
    await put(store, frames_for(new, base), domain_id)
    await store.prove(domain_id, [new.item])
    await store.db.write(lambda tx: tx.contents.record(domain_id, [new.item]))


def forget(store: ContentStore) -> None:
    """Leave only what lies in packs and copies."""
    store.memory.clear()
    store._assemblies.close()


async def read(store: ContentStore, file: File, offset: int = 0, length: int | None = None) -> bytes:
    size = len(file.plain) if length is None else length
    return b"".join([part async for part in store.read_range(DOMAIN, file.name, offset, size)])


def model(seed: int = 0, rows: int = 400, steps: int = 0, scale: float = 1e-4) -> File:
    """A small float32 checkpoint after `steps` steps of something like training."""
    rng = np.random.default_rng(seed)
    tensors = {f"layer.{n}.weight": rng.standard_normal((rows, 256)).astype(np.float32) for n in range(3)}
    tensors |= {f"layer.{n}.bias": rng.standard_normal(64).astype(np.float32) for n in range(3)}
    walk = np.random.default_rng(seed + 1)
    for _ in range(steps):
        for name in tensors:
            tensors[name] = tensors[name] + (scale * walk.standard_normal(tensors[name].shape)).astype(np.float32)
    return cut(save(tensors))


def table(seed: int = 0, rows: int = 20_000, edits: int = 0) -> File:
    """A CSV with `edits` changed rows."""
    rng = np.random.default_rng(seed)
    lines = [f"{n},{a:.6f},{b:.6f}\n" for n, (a, b) in enumerate(rng.standard_normal((rows, 2)))]
    walk = np.random.default_rng(seed + 1)
    for row in walk.integers(0, rows, edits):
        lines[row] = f"{row},{walk.standard_normal():.6f},edited\n"
    return cut("".join(lines).encode())
