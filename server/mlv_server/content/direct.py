"""Making a direct delta: the new file's segments coded against the old file that a client has."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mlv_core.framing import encode_plan, plan_frames
from mlv_core.hashing import ContentHash
from mlv_core.recipes import Recipe
from mlv_server.content.deltas import DirectDelta
from mlv_server.metadata.packs import NewPack

if TYPE_CHECKING:
    from mlv_server.content.store import ContentStore

File = tuple[ContentHash, Recipe]


def make_direct_delta(
    store: ContentStore, domain_id: int, old: File, new: File, needed: Collection[ContentHash]
) -> DirectDelta:
    """Code the `needed` segments of `new` against `old` and keep the result. For worker threads.

    Raises: NotFound, DamagedContent, DiskFull.
    """
    new_segments, old_segments = new[1].segments(), old[1].segments()
    packs: list[NewPack] = []
    writer = store.deltas.writer(domain_id)
    try:
        for plan in plan_frames(new[1], old[1], needed):
            members = tuple(new_segments[index].hash for index in plan.members)
            bases = tuple(old_segments[index].hash for index in plan.bases)
            plain = store.reader.read_joined(domain_id, members)
            base = store.reader.read_joined(domain_id, bases) if bases else None
            writer.copy(encode_plan(plan, new[1], old[1], plain, base))
            if writer.full:
                packs.append(writer.seal())
                writer = store.deltas.writer(domain_id)
        if not writer.empty:
            packs.append(writer.seal())
    finally:
        writer.discard()
    return store.deltas.keep(domain_id, old[0], new[0], packs)
