"""Setting right what a killed process left in the content folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from mlv_core.errors import DamagedContent, LimitExceeded
from mlv_core.packs import PACK_HEADER, FrameEntry, footer_for
from mlv_core.packs import recover as whole_frames
from mlv_server.content.blobs.local import LocalBlobs, PackPlace
from mlv_server.content.packer import remove_unused
from mlv_server.metadata.engine import Database

_CHUNK = 1024 * 1024


class Put(Protocol):
    """`ContentStore.put_pack`."""

    def __call__(self, domain_id: int, upload: str, chunks: AsyncIterator[bytes]) -> Awaitable[tuple[bytes, int]]:
        """Store one pack."""


Run = Callable[[Callable[[], Any]], Awaitable[Any]]


async def recover(blobs: LocalBlobs, db: Database, put: Put, run: Run) -> list[str]:
    """Remove temporary files; index packs without rows, or their whole frames; what was done, a line each.

    Packs that build on each other are taken in any order: it goes on as long as something could be taken in. A pack
    in which nothing is whole is removed; one that stands on content that is not there is left as it is.
    """
    done: list[str] = []
    drafts = await run(blobs.clear_drafts)
    if drafts:
        done.append(f"removed {drafts} files of broken uploads")
    rows = await db.read(lambda tx: tx.packs.list_all())
    known = {(row.domain_id, row.pack_id) for row in rows}
    found = await run(lambda: list(blobs.list_packs()))
    strange = [place for place in found if (place.domain_id, place.pack_id) not in known]
    while strange:
        left = [place for place in strange if not await _take(blobs, db, put, run, place, done)]
        if len(left) == len(strange):
            done.extend(f"left pack {place.pack_id.hex()}: it stands on content that is not here" for place in left)
            return done
        strange = left
    return done


async def _take(blobs: LocalBlobs, db: Database, put: Put, run: Run, place: PackPlace, done: list[str]) -> bool:
    """Index one pack as far as it is whole; False when its bases are not there (yet)."""
    read = partial(blobs.read, place.domain_id, place.pack_id)
    name = place.pack_id.hex()
    try:
        await put(place.domain_id, "", _whole(run, read, place.length))
        done.append(f"indexed pack {name}")
    except (DamagedContent, LimitExceeded):
        entries, _ = await run(partial(whole_frames, place.length, read))
        if entries:
            try:
                await put(place.domain_id, "", _cut(run, read, entries))
            except (DamagedContent, LimitExceeded):
                return False
            done.append(f"kept the {len(entries)} whole frames of pack {name}")
        else:
            done.append(f"removed pack {name}: nothing in it was whole")
    await db.write(lambda tx: remove_unused(tx, blobs, place.domain_id, place.pack_id))
    return True


async def _whole(run: Run, read: Callable[[int, int], bytes], length: int) -> AsyncIterator[bytes]:
    for offset in range(0, length, _CHUNK):
        yield await run(partial(read, offset, min(_CHUNK, length - offset)))


async def _cut(run: Run, read: Callable[[int, int], bytes], entries: list[FrameEntry]) -> AsyncIterator[bytes]:
    """The bytes of a pack of just these frames."""
    headers: list[tuple[bytes, int]] = []
    yield PACK_HEADER
    for entry in entries:
        data = await run(partial(read, entry.offset, entry.header_length + entry.blob_length))
        headers.append((data[: entry.header_length], entry.blob_length))
        yield data
    footer, _ = footer_for(headers)
    yield footer
