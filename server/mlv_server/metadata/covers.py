"""Second copies, as indexes, of every column that nothing else proves: SQLite's own check compares rows with indexes.

A bit that flips in a row or in its copy is told by `PRAGMA integrity_check`. What is proved by a hash needs no copy:
lists and messages (ids of changesets), audit rows (their chain), frames and segments (the packs), recipes and sizes of
contents. Columns of primary keys and of other indexes have a copy already. PostgreSQL has checksums of its pages.
"""

from __future__ import annotations

from sqlalchemy import Index

from mlv_server.metadata import (
    tables,
    tables_content,
    tables_history,
    tables_hooks,
    tables_releases,
    tables_shelves,
    tables_waiting,
)
from mlv_server.metadata.schema import metadata

PREFIX = "whole_"
COVERED: dict[str, tuple[str, ...]] = {
    **{
        table.name: tuple(column.name for column in table.columns if not column.primary_key)
        for table in (
            tables.users,
            tables.tokens,
            tables.groups,
            tables.rules,
            tables.policy_versions,
            tables.approvals,
            tables.domains,
            tables.repositories,
            tables.lock_counters,
            tables.lock_rules,
            tables.names,
            tables.branches,
            tables.labels,
            tables.workspaces,
            tables.locks,
            tables.ended_locks,
            tables.divergences,
            tables.events,
            tables.requests,
            tables_history.folded,
            tables_history.uploads,
            tables_content.packs,
            tables_content.rebased,
            tables_content.sweeps,
            tables_hooks.webhooks,
            tables_hooks.deliveries,
            tables_hooks.checks,
            tables_releases.freezes,
            tables_releases.label_history,
            tables_releases.label_reservations,
            tables_waiting.lock_requests,
            tables_waiting.lock_request_files,
            tables_waiting.lock_request_folders,
            tables_shelves.shelves,
        )
    },
    "changesets": (
        "depth",
        "second_parent",
        "prepared_min",
        "prepared_max",
        "files_changed",
        "raw_bytes",
        "stored_bytes",
        "last_file_id",
    ),
    "frames": ("live", "damaged"),
    "change_lists": ("before", "entries", "bytes"),
}
"""The columns of each table that have their copy in an index of their own."""

for _name, _columns in COVERED.items():
    Index(f"{PREFIX}{_name}", *(metadata.tables[_name].c[column] for column in _columns)).ddl_if(dialect="sqlite")
