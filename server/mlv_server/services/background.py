"""Work that no call waits for: re-basing, folding, repacking, eviction. The database says what is to be done."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from itertools import groupby

from mlv_core.errors import DamagedContent, NotFound
from mlv_core.ids import ChangesetNumber
from mlv_server.content.rebase import Rebaser, RebaseTask, allowed_depth, base_ordinal
from mlv_server.content.repack import Repacker
from mlv_server.content.store import ContentStore
from mlv_server.metadata.engine import Database
from mlv_server.metadata.file_contents import FileContent
from mlv_server.metadata.folding import fold_pending
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.settings import Settings
from mlv_server.telemetry import logger

# Contents looked at between two notes of how far the re-basing has come.
BATCH = 256
# Until packs that could not be unlinked are looked at again: the folder may be away for a while.
RETRY_SECONDS = 60.0


class Background:
    """One thread that does what was kicked, each kind and repository at most once in the queue.

    A kick may be lost with the process: the next start kicks every repository, and each kind finds in the database
    what is left to do.
    """

    def __init__(self, settings: Settings, db: Database, store: ContentStore, *, running: bool = True) -> None:
        self._db = db
        self._store = store
        self._running = running
        self._grace_ms = settings.unlink_after_seconds * 1000
        self._rebaser = Rebaser(db, store.blobs, store.reader)
        self._repacker = Repacker(db, store.blobs)
        self._kinds: dict[str, Callable[[int], None]] = {
            "fold": self._fold,
            "rebase": self._rebase,
            "repack": self._repack,
            "evict": self._evict,
        }
        self._changed = threading.Condition()
        self._queue: dict[tuple[str, int], list[Future[None]]] = {}
        self._busy = False
        self._closing = False
        self._unlink_at: float | None = None
        self._thread: threading.Thread | None = None

    def kick(self, kind: str, repository_id: int) -> None:
        """Have work of `kind` (fold, rebase, repack, evict) done for a repository soon. From any thread."""
        if kind not in self._kinds:
            raise ValueError(f"unknown kind of background work: {kind}")
        with self._changed:
            if not self._running or self._closing:
                return
            self._queue.setdefault((kind, repository_id), [])
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mlv-background", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    async def done(self, kind: str, repository_id: int) -> None:
        """Have that work done and wait until it is, whatever else is queued; no thread waits meanwhile."""
        waiter: Future[None] = Future()
        with self._changed:
            self.kick(kind, repository_id)
            waiters = self._queue.get((kind, repository_id))
            if waiters is None:
                return
            waiters.append(waiter)
        await asyncio.wrap_future(waiter)

    async def settle(self) -> None:
        """Wait until nothing is queued or running; what waits for its grace period is not waited for."""
        await asyncio.to_thread(self._wait)

    async def close(self) -> None:
        """Finish the item at hand and stop; the rest is done after the next start."""
        with self._changed:
            self._closing = True
            given_up = [waiter for waiters in self._queue.values() for waiter in waiters]
            self._queue.clear()
            self._changed.notify_all()
        _let_go(given_up)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or not (self._queue or self._busy))

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(self._has_work, self._seconds_to_unlink())
                if self._closing:
                    return
                item = next(iter(self._queue), None)
                waiters = [] if item is None else self._queue.pop(item)
                self._busy = True
            try:
                if item is None:
                    self._unlink()
                else:
                    self._kinds[item[0]](item[1])
            except Exception as error:  # noqa: BLE001 - the thread's outermost edge: one failure must not end all work
                logger().error("background work failed", work=item, exc_info=error)
                if item is None:
                    self._unlink_at = time.monotonic() + RETRY_SECONDS
            _let_go(waiters)

    def _stopping(self) -> bool:
        return self._closing

    def _has_work(self) -> bool:
        return self._closing or bool(self._queue)

    def _seconds_to_unlink(self) -> float | None:
        return None if self._unlink_at is None else max(0.0, self._unlink_at - time.monotonic())

    def _fold(self, repository_id: int) -> None:
        fold_pending(self._db, repository_id)

    def _evict(self, _: int) -> None:
        self._store.materialized.evict()

    def _repack(self, repository_id: int) -> None:
        domain_id = self._db.read_now(lambda tx: tx.repositories.by_id(repository_id)).domain_id
        self._repacker.repack(domain_id, self._store.clock())
        self._unlink()

    def _unlink(self) -> None:
        """Remove packs whose grace period is over, and remember when the next look is due."""
        now = self._store.clock()
        self._repacker.unlink(now - self._grace_ms)
        waiting = self._db.read_now(lambda tx: tx.packs.retired(now))
        with self._changed:
            self._unlink_at = None
            if waiting:
                first = min(row.retired_at or 0 for row in waiting)
                self._unlink_at = time.monotonic() + max(1.0, (first + self._grace_ms - now) / 1000)

    def _rebase(self, repository_id: int) -> None:
        domain_id = self._db.read_now(lambda tx: tx.repositories.by_id(repository_id)).domain_id
        while not self._stopping():
            contents, until = self._db.read_now(lambda tx: _brought(tx, repository_id))
            if not contents:
                break
            for _, group in groupby(contents, key=lambda content: content.changeset):
                if self._stopping():
                    return
                self._rebase_changeset(repository_id, domain_id, list(group))
            if self._stopping():
                return
            self._note(repository_id, until)
        self.kick("repack", repository_id)

    def _note(self, repository_id: int, until: ChangesetNumber) -> None:
        self._db.write_now(lambda tx: tx.contents.set_rebased(repository_id, until))

    def _rebase_changeset(self, repository_id: int, domain_id: int, contents: list[FileContent]) -> None:
        tasks = self._db.read_now(lambda tx: [_task(tx, repository_id, content) for content in contents])
        try:
            self._rebaser.rebase(domain_id, tasks, self._store.clock(), self._stopping)
            return
        except (DamagedContent, NotFound) as error:
            logger().warning("content cannot be re-based", reason=error.message, items=error.items)
        for task in tasks:
            try:
                self._rebaser.rebase(domain_id, (task,), self._store.clock(), self._stopping)
            except (DamagedContent, NotFound) as error:
                logger().warning("content cannot be re-based", reason=error.message, items=error.items)


def _let_go(waiters: Iterable[Future[None]]) -> None:
    """Tell those who wait, unless they have gone meanwhile."""
    for waiter in waiters:
        if waiter.set_running_or_notify_cancel():
            waiter.set_result(None)


def _brought(tx: Transaction, repository_id: int) -> tuple[list[FileContent], ChangesetNumber]:
    """All contents of the next changesets that were not looked at, and the last of these changesets."""
    after = tx.contents.rebased_until(repository_id)
    limit = BATCH
    while True:
        found = list(tx.versions.contents.brought_after(repository_id, after, limit))
        if len(found) < limit:
            return found, found[-1].changeset if found else after
        whole = [content for content in found if content.changeset < found[-1].changeset]
        if whole:
            return whole, whole[-1].changeset
        limit *= 2


def _task(tx: Transaction, repository_id: int, content: FileContent) -> RebaseTask:
    ordinal = base_ordinal(content.ordinal)
    base = None if ordinal is None else tx.versions.contents.ancestor(repository_id, content, ordinal)
    return RebaseTask(
        content.content, None if base is None else base.content, 0 if base is None else allowed_depth(content.ordinal)
    )
