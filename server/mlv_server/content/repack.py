"""Repacking: living frames of packs with dead bytes, and of many small packs, are copied into new packs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from mlv_core.hashing import ContentHash
from mlv_core.packs import PACK_TARGET
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.frames import DamagedFrame, read_frame
from mlv_server.content.packer import PackWriter, index_sealed, remove_retired, remove_unused
from mlv_server.metadata.engine import Database
from mlv_server.metadata.packs import PackRow
from mlv_server.metadata.segments import FramePlace

# A pack with this share of dead bytes is copied; a smaller share may stay while the domain's total is small.
DEAD_SHARE = 0.2
# The share of a domain's bytes that may be dead at rest.
DEAD_TOTAL = 0.02
# Packs under this are joined once there are so many of about one size: each wastes half a disk block and a file
# handle's time. What was joined is larger, and not copied again with every few that come: each frame moves up a size.
SMALL_PACK = 1024 * 1024
SMALL_MANY = 8
SIZE_BITS = 3


def choose(rows: Sequence[PackRow]) -> list[PackRow]:
    """The packs of one domain to copy now; those without a living frame only wait for their unlinking."""
    living = [row for row in rows if row.live_bytes]
    total = sum(row.length for row in living)
    dead = sum(row.dead_bytes for row in living)
    chosen = [row for row in living if row.dead_bytes > DEAD_SHARE * row.length]
    if dead > DEAD_TOTAL * total:
        chosen = [row for row in living if row.dead_bytes > DEAD_TOTAL / 2 * row.length]
    known = {row.id for row in chosen}
    sizes: dict[int, list[PackRow]] = defaultdict(list)
    for row in living:
        if row.length < SMALL_PACK:
            sizes[row.length.bit_length() // SIZE_BITS].append(row)
    for small in sizes.values():
        if len(small) >= SMALL_MANY:
            chosen += [row for row in small if row.id not in known]
    return chosen


class Repacker:
    """Copies living frames and unlinks what nothing points at. For worker threads."""

    def __init__(self, db: Database, blobs: LocalBlobs) -> None:
        self._db = db
        self._blobs = blobs

    def repack(self, domain_id: int, now: int) -> int:
        """Copy the living frames of the chosen packs of a domain; how many packs were copied.

        A kill at any moment leaves each frame pointed at in its old pack or in its new one. Damaged frames stay
        where they are, for whoever heals them. Raises: DiskFull.
        """
        rows = self._db.read_now(lambda tx: tx.packs.list_all(domain_id))
        chosen = choose(rows)
        emptied = 0
        group: list[PackRow] = []
        for row in chosen:
            if group and sum(one.live_bytes for one in group) + row.live_bytes > PACK_TARGET:
                emptied += self._copy(domain_id, group, now)
                group = []
            group.append(row)
        if group and (len(group) > 1 or group[0].dead_bytes):
            emptied += self._copy(domain_id, group, now)
        return emptied

    def unlink(self, before: int) -> int:
        """Remove packs that were replaced at `before` (milliseconds since 1970 UTC) or earlier; how many."""
        rows = self._db.read_now(lambda tx: tx.packs.retired(before))
        for row in rows:
            self._db.write_now(partial(remove_retired, blobs=self._blobs, row=row))
        return len(rows)

    def _copy(self, domain_id: int, group: Sequence[PackRow], now: int) -> int:
        writer = PackWriter(self._blobs, domain_id)
        take: dict[ContentHash, tuple[int, int]] = {}
        try:
            for row in group:
                for place in self._living(row):
                    self._copy_frame(domain_id, place, writer, take)
            if writer.empty:
                return 0
            pack = writer.seal()
        finally:
            writer.discard()
        self._db.write_now(lambda tx: index_sealed(tx, self._blobs, domain_id, pack, now, take, copies=True), long=True)
        self._db.write_now(lambda tx: remove_unused(tx, self._blobs, domain_id, pack.pack_id))
        return len(group)

    def _living(self, row: PackRow) -> list[FramePlace]:
        return self._db.read_now(lambda tx: tx.packs.frames_of(row.id))

    def _copy_frame(
        self, domain_id: int, place: FramePlace, writer: PackWriter, take: dict[ContentHash, tuple[int, int]]
    ) -> None:
        try:
            frame = read_frame(self._blobs, domain_id, place)
        except DamagedFrame:
            self._db.write_now(lambda tx: tx.packs.mark_damaged((place.id,)))
            return
        names = [name for name, _ in frame.members]
        now_at = self._db.read_now(lambda tx: tx.segments.find(domain_id, names))
        offset = writer.copy(frame)
        take.update((name, (place.id, offset)) for name, at in now_at.items() if at.frame.id == place.id)
