"""`mlv-server gc`: removes what dead uploads left, beside running commits."""

from __future__ import annotations

import secrets
from functools import partial

from mlv_core.deferred import dataclass
from mlv_core.failpoints import failpoint
from mlv_server.content.blobs.local import LocalBlobs, PackPlace
from mlv_server.content.garbage import Ground, Marked, Marker, dead_bytes, ground_of
from mlv_server.content.packer import remove_retired, remove_unused
from mlv_server.content.repack import Repacker
from mlv_server.content.store import ContentStore
from mlv_server.domain.audit import SERVER_CHAIN, AuditEntry
from mlv_server.metadata.engine import Database
from mlv_server.metadata.packs import PackRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.settings import Settings

BATCH = 10_000
"""Segments removed in one transaction: about a tenth of a second in which no commit is written."""
_HOUR_MS = 3600 * 1000
_DAY_MS = 24 * _HOUR_MS


@dataclass(slots=True)
class GarbageReport:
    """What was removed, or would be.

    `segment_bytes` are stored bytes of frames that nothing needs any more: some left the disk at once, with whole
    packs (`removed_bytes`), the rest is copied away from and leaves with the packs it lies in.
    """

    dry_run: bool
    older_than_days: int
    segments: int = 0
    segment_bytes: int = 0
    packs: int = 0
    removed_bytes: int = 0
    stray_packs: int = 0
    stray_bytes: int = 0
    temporary_files: int = 0
    temporary_bytes: int = 0


async def collect(db: Database, store: ContentStore, settings: Settings, now: int, *, dry_run: bool) -> GarbageReport:
    """Remove what is older than the settings say and needed by no version; only tell with `dry_run`.

    `now` in milliseconds since 1970 UTC. Raises: DamagedContent when a recipe of the history cannot be read: then
    nothing of its domain is removed.
    """
    return await store.run(_Collector(db, store, settings, now, dry_run=dry_run).run)


class _Collector:
    def __init__(self, db: Database, store: ContentStore, settings: Settings, now: int, *, dry_run: bool) -> None:
        self._db = db
        self._blobs = store.blobs
        self._now = now
        self._before = now - settings.collect_after_days * _DAY_MS
        # Not even a grace of none touches what an upload may be writing at this moment.
        self._idle_before = min(self._before, now - _HOUR_MS)
        self._unlink_before = now - settings.unlink_after_seconds * 1000
        self._marker = Marker(db, store.blobs)
        self._repacker = Repacker(db, store.blobs)
        self._report = GarbageReport(dry_run, settings.collect_after_days)

    def run(self) -> GarbageReport:
        for domain_id in self._db.read_now(lambda tx: sorted({row.domain_id for row in tx.packs.list_all()})):
            marked = self._marker.mark(domain_id, self._before)
            failpoint("gc.marked")
            if self._report.dry_run:
                self._tell(marked)
            else:
                self._sweep(marked)
        for row in self._db.read_now(lambda tx: tx.packs.retired(self._unlink_before)):
            self._unlink(row)
        self._clear_strays()
        self._clear_temporary()
        failpoint("gc.cleared")
        return self._report

    def _tell(self, marked: Marked) -> None:
        self._report.segments += len(marked.names)
        self._report.segment_bytes += self._db.read_now(lambda tx: dead_bytes(tx, marked.domain_id, marked.names))

    def _sweep(self, marked: Marked) -> None:
        """Remove marked segments, batch by batch, then the packs in which nothing else ever was."""
        whole = {row.id: row for row in marked.ground.packs if row.live_bytes and not row.dead_bytes}
        ground, swept = marked.ground, 0
        for start in range(0, len(marked.names), BATCH):
            names = marked.names[start : start + BATCH]
            step = Marked(marked.domain_id, ground, marked.old, names)
            count, size, ground = self._db.write_now(partial(self._drop, step))
            failpoint("gc.dropped")
            swept += count
            self._report.segment_bytes += size
        self._report.segments += swept
        for row in ground.packs:
            # Frames that were replaced a moment ago may still be read: those packs wait as after a repack.
            if not row.live_bytes and row.id in whole and whole[row.id].pack_id == row.pack_id:
                self._unlink(row)
        if swept:
            self._repacker.repack(marked.domain_id, self._now)

    def _drop(self, step: Marked, tx: Transaction) -> tuple[int, int, Ground]:
        """Remove one batch in one transaction, but for what came to be needed since it was marked."""
        names = self._marker.still_garbage(tx, step)
        size = dead_bytes(tx, step.domain_id, names)
        count = tx.packs.drop(step.domain_id, names, self._now)
        if count:
            tx.sweeps.note(step.domain_id)
            tx.audit.append(SERVER_CHAIN, (self._entry(step.domain_id, count, size),))
        failpoint("gc.dropping")
        return count, size, ground_of(tx, step.domain_id)

    def _entry(self, domain_id: int, count: int, size: int) -> AuditEntry:
        detail = (("segments", str(count)), ("bytes", str(size)))
        return AuditEntry(
            time=self._now,
            user="host",
            token_id="",
            peer="host",
            request_id="host-" + secrets.token_hex(8),
            action="gc",
            object=f"domain {domain_id}",
            allowed=True,
            detail=detail,
        )

    def _unlink(self, row: PackRow) -> None:
        if not self._report.dry_run:
            if not self._db.write_now(partial(_remove, self._blobs, row)):
                return
            failpoint("gc.unlinked")
        self._report.packs += 1
        self._report.removed_bytes += row.length

    def _clear_strays(self) -> None:
        """Packs that no row has named for so long that no upload can be about to."""
        rows = self._db.read_now(lambda tx: tx.packs.list_all())
        known = {(row.domain_id, row.pack_id) for row in rows}
        for place in self._blobs.list_packs():
            written = self._blobs.written_at(place.domain_id, place.pack_id)
            if (place.domain_id, place.pack_id) in known or written is None or written >= self._idle_before:
                continue
            if self._report.dry_run or self._db.write_now(partial(self._remove_stray, place)):
                self._report.stray_packs += 1
                self._report.stray_bytes += place.length

    def _remove_stray(self, place: PackPlace, tx: Transaction) -> bool:
        return remove_unused(tx, self._blobs, place.domain_id, place.pack_id)

    def _clear_temporary(self) -> None:
        for path, size in self._blobs.old_drafts(self._idle_before):
            if not self._report.dry_run:
                path.unlink(missing_ok=True)
            self._report.temporary_files += 1
            self._report.temporary_bytes += size


def _remove(blobs: LocalBlobs, row: PackRow, tx: Transaction) -> bool:
    removed = remove_retired(tx, blobs, row)
    failpoint("gc.unlinking")
    return removed
