"""What folds leave out: a large first version is not written again with each level."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from mlv_core.entities import Branch, BranchKind, Change, FileMode, FileState, Operation
from mlv_core.hashing import hash_content
from mlv_core.ids import BranchId, ChangesetNumber, FileId, RepositoryName
from mlv_server.metadata import folding, tables_content
from mlv_server.metadata.changesets import ChangesetRow
from mlv_server.metadata.engine import Database
from mlv_server.metadata.schema import metadata
from mlv_server.metadata.tables_history import change_lists
from mlv_server.metadata.unit_of_work import Transaction

assert tables_content  # defines its tables
FILES = 200
MAIN = Branch(BranchId(1), "main", BranchKind.MAIN, "", ChangesetNumber(0), ChangesetNumber(0), "ann", 1)


def _commit(tx: Transaction, repository: int, number: int, changes: list[Change]) -> None:
    parent = ChangesetNumber(number - 1)
    before = tx.versions.rows(repository, parent, [change.path for change in changes])
    tx.versions.add(repository, ChangesetNumber(number), parent, changes, before)
    tx.changesets.add(
        ChangesetRow(
            repository_id=repository,
            number=ChangesetNumber(number),
            id=bytes(32),
            first_parent=parent,
            second_parent=None,
            depth=number,
            branch_id=MAIN.id,
            author="ann",
            time=number,
            message="",
            prepared_min=parent,
            prepared_max=parent,
            files_changed=len(changes),
            raw_bytes=0,
            stored_bytes=0,
            last_file_id=FileId(FILES),
            records=b"",
        )
    )


def _change(number: int, said: bytes, operation: Operation) -> Change:
    state = FileState(FileId(number), FileMode.REGULAR, text=True, size=len(said), content=hash_content(said))
    return Change(f"f{number:03d}", operation, FileId(number), state)


def test_an_import_is_not_folded_again_and_versions_stay_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "FAN_IN", 3)
    monkeypatch.setattr(folding, "SNAPSHOT_ENTRIES", 4)
    with Database.open_now(f"sqlite:///{tmp_path / 'metadata.db'}") as db:
        db.write_now(lambda tx: metadata.create_all(tx.connection))

        def make(tx: Transaction) -> int:
            row = tx.repositories.create(RepositoryName("a", "b"), "", "ann", 1)
            tx.branches.add(row.id, MAIN)
            _commit(tx, row.id, 1, [_change(n, b"first", Operation.ADD) for n in range(1, FILES + 1)])
            for number in range(2, 28):
                _commit(tx, row.id, number, [_change(number, b"%d" % number, Operation.MODIFY)])
            return row.id

        repository = db.write_now(make)
        folding.fold_pending(db, repository)

        def look(tx: Transaction) -> tuple[list[tuple[int, int]], list[bytes], int]:
            lists = select(change_lists.c.level, change_lists.c.entries).where(change_lists.c.level > 0)
            files = [row.content for row in tx.versions.files(repository, ChangesetNumber(27))]
            steps = len(list(tx.versions.lists(repository).way(ChangesetNumber(27))))
            return [(level, entries) for level, entries in tx.connection.execute(lists)], files, steps

        folds, contents, steps = db.read_now(look)
    assert {level for level, _ in folds} == {1, 2, 3}
    assert max(entries for _, entries in folds) <= 26
    assert steps == 2
    expected = [b"%d" % n if 2 <= n <= 27 else b"first" for n in range(1, FILES + 1)]
    assert contents == [hash_content(said) for said in expected]
