"""`mlv-server verify`: reads every pack, recipe, list, changeset and audit row, and names what is damaged."""

from __future__ import annotations

import asyncio
from dataclasses import field

from mlv_core.changesets import changeset_id
from mlv_core.deferred import dataclass
from mlv_core.errors import MlvError
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, escape
from mlv_core.paths import show_path
from mlv_server.content.check import ContentReport, check_content
from mlv_server.content.store import ContentStore
from mlv_server.metadata.changesets import ChangesetRow
from mlv_server.metadata.engine import Database
from mlv_server.metadata.inspection import Contents
from mlv_server.metadata.migrations import fresh_schema
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import history


@dataclass(frozen=True, slots=True)
class Report:
    """What verify found.

    `foreign` are files in the store that mlv did not put there, `dropped` copies in the cache that were torn or damaged
    and are made again when they are wanted: neither is damage.
    """

    damaged: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    packs: int = 0
    segments: int = 0
    bytes: int = 0
    max_depth: int = 0
    changesets: int = 0


async def verify(db: Database, store: ContentStore) -> Report:
    """Read everything. What is named as damaged is never delivered; everything else is as it was committed (F4).

    Raises: OSError when the store cannot be read at all.
    """
    damaged = await db.read(lambda tx: tx.inspection.database_faults())
    if damaged:
        # Nothing else can be told: everything is found through rows, and those may say anything now.
        return Report(damaged=[f"database: {one}" for one in damaged])
    expected = await asyncio.to_thread(fresh_schema)
    damaged = await db.read(
        lambda tx: tx.inspection.schema_faults(expected) + tx.inspection.audit_faults() + tx.inspection.counter_faults()
    )
    content: ContentReport = await check_content(store)
    count = 0
    for repository in await db.read(lambda tx: tx.repositories.list_all()):
        broken = {name for domain, name in content.damaged_files if domain == repository.domain_id}
        faults, changesets = await db.read(lambda tx, one=repository, bad=broken: _history(tx, one, bad))  # type: ignore[misc]
        damaged += [f"{repository.name}: {fault}" for fault in faults]
        count += changesets
    return Report(
        damaged=damaged + content.damaged,
        foreign=content.foreign,
        dropped=content.dropped,
        packs=content.packs,
        segments=content.segments,
        bytes=content.bytes,
        max_depth=content.max_depth,
        changesets=count,
    )


def _history(tx: Transaction, repository: RepositoryRow, broken: set[ContentHash]) -> tuple[list[str], int]:
    """What is wrong with the history of one repository, and how many changesets it has.

    `broken` are the contents that the store cannot give any more; each is named by a path and changeset that has it.
    """
    faults: list[str] = []
    lists = tx.inspection.reading(repository.id)
    contents: Contents = {}
    for row, list_id in tx.inspection.lists(repository.id):
        fault, found = tx.inspection.list_fault(lists, row, list_id)
        for name, place in found.items():
            contents.setdefault(name, place)
        if fault:
            faults.append(fault)
    newest = tx.changesets.newest(repository.id)
    last = 0 if newest is None else newest.number
    numbers = [ChangesetNumber(number) for number in range(1, last + 1)]
    rows = tx.changesets.find(repository.id, numbers)
    faults += [f"changeset @{number} is missing" for number in numbers if number not in rows]
    faults += [f"changeset @{row.number}" for row in rows.values() if not _is_whole(tx, repository, row, rows)]
    faults += [
        f"branch {branch.name} names @{branch.head}, which is missing"
        for branch in tx.branches.list_all(repository.id)
        if branch.head and branch.head not in rows
    ]
    faults += [
        f"label {label.name} names @{label.changeset}, which is missing"
        for label in tx.labels.list_all(repository.id)
        if label.changeset and label.changeset not in rows
    ]
    faults += _shelves(tx, repository, broken)
    known = tx.contents.find(repository.domain_id, contents)
    lost = (contents.keys() - known.keys()) | (contents.keys() & broken)
    faults += [f"{show_path(contents[name][0])}@{contents[name][1]}: content {name.hex()}" for name in sorted(lost)]
    return faults, len(rows)


def _shelves(tx: Transaction, repository: RepositoryRow, broken: set[ContentHash]) -> list[str]:
    """The shelves of a repository whose list is damaged, and their files whose content is lost."""
    faults = []
    for row in tx.shelves.list_all(repository.id):
        name = f"shelf {escape(row.shelf.owner)}/{escape(row.shelf.name)}"
        try:
            rows = [one for one in tx.shelves.rows(row) if one.size]
        except MlvError:
            faults.append(f"{name}: its change list")
            continue
        known = tx.contents.find(repository.domain_id, {ContentHash(one.content) for one in rows})
        faults += [
            f"{name}, {show_path(one.path)}: content {one.content.hex()}"
            for one in rows
            if one.content not in known or one.content in broken
        ]
    return faults


def _is_whole(
    tx: Transaction, repository: RepositoryRow, row: ChangesetRow, rows: dict[ChangesetNumber, ChangesetRow]
) -> bool:
    """Whether a changeset still hashes to its id."""
    try:
        list_id = tx.inspection.list_of(tx.inspection.reading(repository.id), row.number)
        parents = [rows[number].id for number in row.parents]
        (changeset,) = history.entities(tx, repository, [row])
        return list_id is not None and changeset_id(changeset, parents, list_id) == row.id
    except (MlvError, KeyError, TypeError, ValueError):
        return False
