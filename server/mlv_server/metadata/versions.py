"""The state of a version as a fold of stored lists: look paths up, list files, compare, ask who changed what."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain

from sqlalchemy import Connection, bindparam, insert, select

from mlv_core.changes import ListReader, Row, Shelf, encode_changes
from mlv_core.deferred import dataclass
from mlv_core.entities import Change, FileState, Operation
from mlv_core.ids import ChangesetNumber, FileId
from mlv_core.paths import parents
from mlv_server.metadata.file_contents import FileContents
from mlv_server.metadata.lists import OWN_LEVEL, ListRow, Lists, missing_list
from mlv_server.metadata.prepared import IN_LIMIT, Prepared
from mlv_server.metadata.tables_history import path_changes

ROWS_LIMIT = 4096
"""Entries of a list up to which each changed path gets a row; beyond, the list itself is searched."""
_BATCH = 1024
_ROW_BYTES = 32
"""What a changed path's row takes besides the path, which stands in it and in its index."""
_CONTENT_BYTES = 96
"""What the row of a file's content takes: two hashes and numbers."""
_DELETE = int(Operation.DELETE)
_ADD_ROW = Prepared(insert(path_changes), path_changes.c.keys())
_PATHS_OF = Prepared(
    select(path_changes.c.path).where(
        path_changes.c.repository_id == bindparam("repository"), path_changes.c.file_id == bindparam("file")
    )
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A path that is not the same in two versions; None where it does not exist."""

    path: str
    before: Row | None
    after: Row | None


class Versions:
    """The versions of all repositories, within one transaction. Changeset 0 is the empty version."""

    def __init__(self, connection: Connection, shelf: Shelf | None = None) -> None:
        self._connection = connection
        self._shelf = shelf
        self._lists: dict[int, Lists] = {}
        self.contents = FileContents(connection)

    def lists(self, repository_id: int) -> Lists:
        """The stored lists of a repository."""
        if repository_id not in self._lists:
            self._lists[repository_id] = Lists(self._connection, repository_id, self._shelf)
        return self._lists[repository_id]

    def lookup(self, repository_id: int, changeset: ChangesetNumber, paths: Iterable[str]) -> dict[str, FileState]:
        """What stands at each of `paths` in a version; paths without a file are absent."""
        rows = self.rows(repository_id, changeset, paths)
        return {path: state for path, row in rows.items() if (state := row.state) is not None}

    def rows(self, repository_id: int, changeset: ChangesetNumber, paths: Iterable[str]) -> dict[str, Row]:
        """The last change of each of `paths` up to a version; a path deleted long ago may be absent."""
        found: dict[str, Row] = {}
        if not changeset:
            return found
        lists = self.lists(repository_id)
        wanted = sorted(set(paths))
        for step in lists.way(changeset):
            if not wanted:
                break
            there = lists.reader(step).lookup_all(wanted)
            if there:
                found.update(there)
                wanted = [path for path in wanted if path not in there]
        return found

    def files(
        self, repository_id: int, changeset: ChangesetNumber, under: Collection[str] = (), *, start: str = ""
    ) -> Iterator[Row]:
        """The files of a version in path order: those at or below `under` (empty: all), from the path `start` on."""
        lists = self.lists(repository_id)
        readers = [lists.reader(step) for step in lists.way(changeset)]
        found = chain.from_iterable(_newest(readers, max(low, start), high) for low, high in _spans(under))
        return (row for row in found if row.operation != _DELETE)

    def own_changes(self, repository_id: int, changeset: ChangesetNumber, *, below: str = "") -> Iterator[Change]:
        """The change list of one changeset in path order, or what of it is at or below a path.

        Raises: DamagedContent.
        """
        lists = self.lists(repository_id)
        step = lists.find(changeset, OWN_LEVEL)
        if step is None:
            raise missing_list(changeset)
        yield from (row.change for row in lists.reader(step).below(below))

    def list_id(self, repository_id: int, changeset: ChangesetNumber) -> bytes:
        """The name of a changeset's list: a hash over its canonical bytes. Raises: DamagedContent."""
        lists = self.lists(repository_id)
        step = lists.find(changeset, OWN_LEVEL)
        if step is None:
            raise missing_list(changeset)
        return lists.reader(step).id

    def difference(
        self,
        repository_id: int,
        first: ChangesetNumber,
        second: ChangesetNumber,
        under: Collection[str] = (),
        *,
        start: str = "",
    ) -> Iterator[Difference]:
        """The paths, in order, at which two versions differ: O(changes since their common ancestor).

        Limited to those at or below `under` (empty: all), from the path `start` on.
        """
        lists = self.lists(repository_id)
        common = lists.common(first, second)
        ways = (tuple(lists.way(first, common)), tuple(lists.way(second, common)))
        for low, high in _spans(under):
            before = _newest([lists.reader(step) for step in ways[0]], max(low, start), high)
            after = _newest([lists.reader(step) for step in ways[1]], max(low, start), high)
            for batch in _batches(_side_by_side(before, after)):
                missing = [path for path, old, new in batch if old is None or new is None]
                known = self.rows(repository_id, common, missing) if missing and common else {}
                for path, old, new in batch:
                    was, now = _alive(old or known.get(path)), _alive(new or known.get(path))
                    if (was and was.state) != (now and now.state):
                        yield Difference(path, was, now)

    def last_changes(
        self, repository_id: int, head: ChangesetNumber, paths: Iterable[str]
    ) -> dict[str, ChangesetNumber]:
        """The changeset that last changed each of `paths` (deletes too) on the way to `head`."""
        wanted = list(paths)
        rows = self.rows(repository_id, head, wanted)
        found = {path: ChangesetNumber(row.changed_in) for path, row in rows.items()}
        for path in wanted:
            if path not in found and (number := self._last_row(repository_id, head, path)):
                found[path] = number
        return found

    def is_ancestor(self, repository_id: int, older: ChangesetNumber, newer: ChangesetNumber) -> bool:
        """Whether `newer` leads on from `older` along first parents, or is it."""
        return older <= newer and self.lists(repository_id).common(older, newer) == older

    def around(
        self, repository_id: int, changeset: ChangesetNumber, paths: Iterable[str], gone: Collection[str]
    ) -> list[str]:
        """Files, not in `gone`, that suffice to see whether one of the new `paths` clashes with the version (F2).

        For each path one file of every entry of the deepest folder that exists: all others were compared before.
        """
        lists = self.lists(repository_id)
        readers = [lists.reader(step) for step in lists.way(changeset)]
        folders: dict[str, list[str]] = {}
        for path in paths:
            for folder in (*parents(path), ""):
                if folder not in folders:
                    folders[folder] = _entries(readers, folder, gone)
                if folders[folder]:
                    break
        return sorted({path for entries in folders.values() for path in entries})

    def add(
        self,
        repository_id: int,
        changeset: ChangesetNumber,
        parent: ChangesetNumber,
        changes: Collection[Change],
        before: Mapping[str, Row],
    ) -> int:
        """Store the version that `changes` make of `parent`; the bytes that it took.

        `before` holds the parent's rows at least of the paths and sources of `changes`.
        """
        encoded = encode_changes(changes, changeset)
        self.lists(repository_id).put(changeset, OWN_LEVEL, parent, encoded)
        rows = 0
        for change in changes if before else ():
            row = before.get(change.source if change.operation is Operation.MOVE else change.path)
            old = None if row is None else row.state
            if row is None or old is None or change.state is None or old.content == change.state.content:
                continue
            if old.file_id == change.file_id:
                earlier = (old.content, ChangesetNumber(row.changed_in))
                rows += self.contents.extend(repository_id, change.file_id, earlier, (change.state.content, changeset))
        return len(encoded.blob) + _CONTENT_BYTES * rows + self._add_rows(repository_id, changeset, changes)

    def ids_at(self, repository_id: int, path: str) -> tuple[FileId, ...]:
        """The files that ever stood at `path` and have a row, those of the newest changesets first."""
        statement = (
            select(path_changes.c.file_id)
            .where(path_changes.c.repository_id == repository_id, path_changes.c.path == path)
            .order_by(path_changes.c.changeset.desc())
        )
        return tuple(dict.fromkeys(self._connection.execute(statement).scalars()))

    def had_below(self, repository_id: int, folder: str) -> bool:
        """Whether any path below `folder` has a row."""
        statement = (
            select(path_changes.c.path)
            .where(
                path_changes.c.repository_id == repository_id,
                path_changes.c.path >= f"{folder}/",
                path_changes.c.path < f"{folder}0",
            )
            .limit(1)
        )
        return self._connection.execute(statement).first() is not None

    def paths_of(self, repository_id: int, file_id: FileId) -> frozenset[str]:
        """Every path that has a row of this file."""
        return frozenset(path for (path,) in _PATHS_OF.rows(self._connection, repository=repository_id, file=file_id))

    def paths_of_each(self, repository_id: int, files: Iterable[FileId]) -> frozenset[str]:
        """Every path that has a row of one of these files."""
        wanted = sorted(files)
        found: set[str] = set()
        for start in range(0, len(wanted), IN_LIMIT):
            rows = select(path_changes.c.path).where(
                path_changes.c.repository_id == repository_id,
                path_changes.c.file_id.in_(wanted[start : start + IN_LIMIT]),
            )
            found.update(path for (path,) in self._connection.execute(rows))
        return frozenset(found)

    def _add_rows(self, repository_id: int, changeset: ChangesetNumber, changes: Collection[Change]) -> int:
        """Write a row for each changed path, unless they are too many; the bytes that it took."""
        if not changes or len(changes) > ROWS_LIMIT:
            return 0
        rows = [
            {
                "repository_id": repository_id,
                "file_id": change.file_id,
                "changeset": changeset,
                "path": change.path,
                "operation": int(change.operation),
            }
            for change in changes
        ]
        _ADD_ROW.run_many(self._connection, rows)
        return sum(2 * len(change.path.encode()) + _ROW_BYTES for change in changes)

    def _last_row(self, repository_id: int, head: ChangesetNumber, path: str) -> ChangesetNumber | None:
        statement = (
            select(path_changes.c.changeset)
            .where(
                path_changes.c.repository_id == repository_id,
                path_changes.c.path == path,
                path_changes.c.changeset <= head,
            )
            .order_by(path_changes.c.changeset.desc())
        )
        numbers = self._connection.execute(statement).scalars()
        return next((number for number in numbers if self.is_ancestor(repository_id, number, head)), None)


def newest_rows(lists: Lists, steps: Iterable[ListRow]) -> Iterator[Row]:
    """The fold of `steps`, given newest first: the last row of every path in order, deletes included."""
    return _newest([lists.reader(step) for step in steps], "", "")


def _newest(readers: Collection[ListReader], low: str, high: str) -> Iterator[Row]:
    """The last row of every path with `low` <= path < `high`; `readers` are given newest first."""
    if len(readers) == 1:
        return next(iter(readers)).between(low, high)
    return _merged([_tagged(reader.between(low, high), age) for age, reader in enumerate(readers)])


def _merged(tagged: Iterable[Iterator[tuple[str, int, Row]]]) -> Iterator[Row]:
    last = None
    for path, _, row in heapq.merge(*tagged):
        if path != last:
            last = path
            yield row


def _tagged(rows: Iterable[Row], age: int) -> Iterator[tuple[str, int, Row]]:
    return ((row.path, age, row) for row in rows)


def _spans(under: Collection[str]) -> Iterator[tuple[str, str]]:
    """Spans of paths, in order and apart from each other, that hold what lies at or below `under` (empty: all)."""
    if not under or "" in under:
        yield "", ""
        return
    spans = sorted({(path, f"{path}\0") for path in under} | {(f"{path}/", f"{path}0") for path in under})
    end = ""
    for low, high in spans:
        # A span inside an earlier one: a file or folder below a folder that is also named.
        if high > end:
            yield low, high
            end = high


def _side_by_side(before: Iterator[Row], after: Iterator[Row]) -> Iterator[tuple[str, Row | None, Row | None]]:
    """Rows of two sorted sequences, those of one path together."""
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        path = min(row.path for row in (old, new) if row is not None)
        pair = tuple(row if row is not None and row.path == path else None for row in (old, new))
        yield path, pair[0], pair[1]
        old = old if pair[0] is None else next(before, None)
        new = new if pair[1] is None else next(after, None)


def _batches(
    rows: Iterator[tuple[str, Row | None, Row | None]],
) -> Iterator[list[tuple[str, Row | None, Row | None]]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _alive(row: Row | None) -> Row | None:
    return None if row is None or row.operation == _DELETE else row


def _entries(readers: Collection[ListReader], folder: str, gone: Collection[str]) -> list[str]:
    """One file, not in `gone`, of each entry of `folder`; leaps over what lies below an entry once it has one."""
    prefix = f"{folder}/" if folder else ""
    end = f"{folder}0" if folder else ""
    found: list[str] = []
    low = prefix
    while True:
        living = (row.path for row in _newest(readers, low, end) if row.operation != _DELETE)
        path = next((path for path in living if path not in gone), None)
        if path is None:
            return found
        found.append(path)
        name, slash, _ = path[len(prefix) :].partition("/")
        low = f"{prefix}{name}0" if slash else f"{path}\0"
