"""The canonical bytes of a changeset and its id, which binds the whole history before it."""

from __future__ import annotations

from collections.abc import Sequence

from mlv_core.entities import Changeset
from mlv_core.hashing import HASH_LENGTH, hash_structured
from mlv_core.records import Writer, canonical_records

MAGIC = b"MLVS"
VERSION = 1


def canonical_changeset(changeset: Changeset, parent_ids: Sequence[bytes], change_list_id: bytes) -> bytes:
    """Everything a changeset holds: number, parents, branch, author, time, message, what it was prepared on, records.

    `parent_ids` are the ids of `changeset.parents` in order, `change_list_id` names its list of changes. Its own
    `id` and its `labels` are left out: the one is made from these bytes, the others come later.
    """
    if len(parent_ids) != len(changeset.parents) or any(len(name) != HASH_LENGTH for name in parent_ids):
        raise ValueError("a changeset needs the id of each of its parents")
    writer = Writer()
    writer.data(MAGIC)
    writer.number("B", VERSION)
    writer.number("Q", changeset.number)
    writer.number("I", len(parent_ids))
    for number, name in zip(changeset.parents, parent_ids, strict=True):
        writer.number("Q", number)
        writer.data(name)
    writer.text(changeset.branch)
    writer.text(changeset.author)
    writer.number("q", changeset.time)
    writer.text(changeset.message)
    writer.data(change_list_id)
    writer.number("Q", changeset.files_changed)
    writer.number("Q", changeset.prepared_min)
    writer.number("Q", changeset.prepared_max)
    writer.data(canonical_records(changeset.records))
    return writer.bytes()


def changeset_id(changeset: Changeset, parent_ids: Sequence[bytes], change_list_id: bytes) -> bytes:
    """The 32-byte id: a hash over the canonical bytes and so, through the parents' ids, over all history."""
    return hash_structured("changeset", canonical_changeset(changeset, parent_ids, change_list_id))
