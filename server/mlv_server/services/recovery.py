"""What a server does with what the last one left: packs without rows, dead uploads, queued background work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlv_server.content.store import ContentStore
    from mlv_server.metadata.engine import Database
    from mlv_server.services.background import Background


async def after_start(db: Database, store: ContentStore, background: Background, now: int) -> None:
    """Bring the content store in line with the database, then take up the background work of every repository.

    Who waits for a lock could not be heard while there was no server: its silence counts from `now` (ms) on.
    Raises: DamagedContent, OSError.
    """
    await store.recover()
    if await db.read(lambda tx: tx.lock_requests.anybody_waits_anywhere()):
        await db.write(lambda tx: tx.lock_requests.back(now))
    for repository in await db.read(lambda tx: tx.repositories.all_ids()):
        background.kick("fold", repository)
        background.kick("rebase", repository)
