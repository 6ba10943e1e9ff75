"""A repository as dictionaries against the stored one: random commits over branches, before and after folding."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlv_core.entities import Branch, BranchKind, FileMode, FileState
from mlv_core.hashing import hash_content
from mlv_core.ids import BranchId, ChangesetNumber, FileId, RepositoryName
from mlv_core.paths import find_clashes, is_below
from mlv_server.domain.changes import changes_between
from mlv_server.metadata import folding
from mlv_server.metadata.changesets import ChangesetRow
from mlv_server.metadata.engine import Database
from mlv_server.metadata.schema import metadata
from mlv_server.metadata.unit_of_work import Transaction

State = dict[str, FileState]
PATHS = [f"{folder}{name}" for folder in ("", "a/", "a/b/", "c/") for name in ("x", "y.bin", "z", "é")]


class Model:
    """Every version as a plain dictionary, and its parent."""

    def __init__(self) -> None:
        self.versions: dict[int, State] = {0: {}}
        self.parents: dict[int, int] = {}
        self.depths: dict[int, int] = {0: 0}
        self.changed_in: dict[int, dict[str, int]] = {0: {}}
        self.next_id = 1

    def ancestors(self, number: int) -> list[int]:
        found = [number]
        while number:
            number = self.parents[number]
            found.append(number)
        return found


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    # Small limits reach many levels of folds and snapshots with few commits.
    monkeypatch.setattr(folding, "FAN_IN", 3)
    monkeypatch.setattr(folding, "SNAPSHOT_ENTRIES", 8)
    from mlv_server.metadata import tables, tables_content, tables_history  # noqa: F401, PLC0415 - defines the tables

    database = Database.open_now(f"sqlite:///{tmp_path / 'metadata.db'}")
    database.write_now(lambda tx: metadata.create_all(tx.connection))
    yield database
    database.close_now()


NAMES = itertools.count()  # an example may be run again in the same database


def make_repository(db: Database) -> int:
    name = f"r{next(NAMES)}"

    def work(tx: Transaction) -> int:
        repository = tx.repositories.create(RepositoryName("model", name), "", "ann", 1)
        main = Branch(BranchId(1), "main", BranchKind.MAIN, "", ChangesetNumber(0), ChangesetNumber(0), "ann", 1)
        tx.branches.add(repository.id, main)
        return repository.id

    return db.write_now(work)


def edit(model: Model, before: State, choice: random.Random) -> State:
    after = dict(before)
    for _ in range(choice.randint(0, 5)):
        path = choice.choice(PATHS)
        act = choice.choice(["put", "put", "delete", "move", "meta"])
        if act == "put":
            old = after.get(path)
            file_id = old.file_id if old else FileId(model.next_id)
            model.next_id += not old
            content = hash_content(bytes([choice.randint(0, 3)]))
            after[path] = FileState(file_id, FileMode.REGULAR, text=True, size=1, content=content)
        elif act == "delete":
            after.pop(path, None)
        elif path in after and act == "move":
            after[choice.choice(PATHS)] = after.pop(path)
        elif path in after:
            state = after[path]
            properties = (("rows", str(choice.randint(0, 9))),)
            after[path] = FileState(state.file_id, state.mode, state.text, state.size, state.content, properties)
    return after


def commit(db: Database, repository_id: int, model: Model, parent: int, after: State) -> None:
    number = ChangesetNumber(len(model.versions))
    before = model.versions[parent]
    changes = changes_between(before, after)
    depth = model.depths[parent] + 1

    def work(tx: Transaction) -> None:
        row = ChangesetRow(
            repository_id=repository_id, number=number, id=b"", first_parent=ChangesetNumber(parent),
            second_parent=None, depth=depth, branch_id=BranchId(1), author="ann", time=1, message="",
            prepared_min=number, prepared_max=number, files_changed=len(changes), raw_bytes=0, stored_bytes=0,
            last_file_id=FileId(0), records=b"",
        )  # fmt: skip
        tx.changesets.add(row)
        touched = {change.path for change in changes} | {change.source for change in changes}
        known = tx.versions.rows(repository_id, ChangesetNumber(parent), touched)
        tx.versions.add(repository_id, number, ChangesetNumber(parent), changes, known)

    db.write_now(work)
    model.versions[number] = after
    model.parents[number] = parent
    model.depths[number] = depth
    model.changed_in[number] = {**model.changed_in[parent], **{change.path: number for change in changes}}


def check(db: Database, repository_id: int, model: Model, choice: random.Random) -> None:
    def work(tx: Transaction) -> None:
        versions = tx.versions
        numbers = choice.sample(sorted(model.versions), min(8, len(model.versions)))
        for number in map(ChangesetNumber, numbers):
            state = model.versions[number]
            assert versions.lookup(repository_id, number, PATHS) == state
            assert [(row.path, row.state) for row in versions.files(repository_id, number)] == sorted(state.items())
            under = choice.sample(["a", "a/b", "x", "c", "a/b/x"], 2)
            start = choice.choice(["", "a/x", "c"])
            wanted = [p for p in sorted(state) if p >= start and any(is_below(p, folder) for folder in under)]
            assert [row.path for row in versions.files(repository_id, number, under, start=start)] == wanted
            living = {row.path: row.changed_in for row in versions.files(repository_id, number)}
            assert living == {path: model.changed_in[number][path] for path in state}
            assert versions.last_changes(repository_id, number, PATHS) == model.changed_in[number]
        for first, second in zip(numbers, reversed(numbers), strict=True):
            one, two = model.versions[first], model.versions[second]
            found = versions.difference(repository_id, ChangesetNumber(first), ChangesetNumber(second))
            expected = [(p, one.get(p), two.get(p)) for p in sorted({*one, *two}) if one.get(p) != two.get(p)]
            assert [(d.path, d.before and d.before.state, d.after and d.after.state) for d in found] == expected
            common = max(set(model.ancestors(first)) & set(model.ancestors(second)))
            assert versions.lists(repository_id).common(ChangesetNumber(first), ChangesetNumber(second)) == common
        number = ChangesetNumber(numbers[0])
        new = [path for path in ["A/x", "a/X", "x/q", "C", "a/b", "e\u0301", "d"] if path not in model.versions[number]]
        gone = choice.sample(PATHS, 3)
        kept = [path for path in sorted(model.versions[number]) if path not in gone]
        for path in new:
            seen = versions.around(repository_id, number, [path], gone)
            assert bool(find_clashes([*seen, path])) == any(path in pair for pair in find_clashes([*kept, path]))

    db.read_now(work)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stored_versions_are_those_of_the_model(db: Database, seed: int):
    choice = random.Random(seed)
    model = Model()
    repository_id = make_repository(db)
    for _ in range(choice.randint(1, 40)):
        newest = len(model.versions) - 1
        parent = newest if choice.random() < 0.8 else choice.randint(0, newest)
        commit(db, repository_id, model, parent, edit(model, model.versions[parent], choice))
    check(db, repository_id, model, choice)
    folding.fold_pending(db, repository_id)
    check(db, repository_id, model, choice)
    assert folding.fold_pending(db, repository_id) == 0
    deepest = ChangesetNumber(max(model.depths, key=lambda number: model.depths[number]))
    steps = db.read_now(lambda tx: list(tx.versions.lists(repository_id).way(deepest)))
    assert len(steps) <= 10


@given(seed=st.integers(0, 2**32))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_folding_can_stop_after_any_transaction(db: Database, seed: int):
    choice = random.Random(seed)
    model = Model()
    repository_id = make_repository(db)
    for number in range(20):
        commit(db, repository_id, model, number, edit(model, model.versions[number], choice))
    write_now, left = db.write_now, choice.randint(0, 10)

    def fail_later(fn):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError("stopped")
        return write_now(fn)

    db.write_now = fail_later
    try:
        with pytest.raises(OSError, match="stopped"):
            folding.fold_pending(db, repository_id)
    finally:
        db.write_now = write_now
    check(db, repository_id, model, choice)
    folding.fold_pending(db, repository_id)
    check(db, repository_id, model, choice)
