"""Reading history and versions: what a revision names, changesets, files, what differs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import TypeVar

from mlv_core.changes import states_of
from mlv_core.deferred import maker
from mlv_core.entities import VERSION_PATH, Change, Changeset, Environment, Records
from mlv_core.errors import DamagedContent, InvalidRequest, InvalidRevision, NotFound
from mlv_core.ids import ChangesetNumber, RepositoryName, Revision, RevisionKind, escape
from mlv_core.records import load_environment, load_records
from mlv_core.requests import FileRow, VersionDifference
from mlv_server.domain.changes import ROW_BYTES, told_bytes
from mlv_server.domain.lock_rules import Needs
from mlv_server.metadata.changesets import ChangesetRow
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.versions import Difference
from mlv_server.services.call import Call
from mlv_server.services.sights import Shows, View, told_changes

T = TypeVar("T")
BATCH_ROWS = 2000
"""Rows of one message of a stream: about 200 KB."""
BATCH_BYTES = 2 * 1024 * 1024
"""Bytes of one message of a stream, where paths are long or properties many."""
PAGE_ROWS = 8_000
"""Rows read in one transaction: enough that finding one's place again costs little; few enough that what is made of
them comes and goes between two looks of the garbage collector."""
PATHS_LIMIT = 10_000
"""Paths that one request may name: more are a directory, or everything."""


async def resolve(call: Call, repository: RepositoryName, revision: str, branch: str) -> tuple[ChangesetNumber, str]:
    """The changeset that `revision` names, and the branch it names or was made on.

    `head`, `prev` and times speak of `branch` ('': main). A time means the last changeset of the branch's history at
    its end: of that day, minute or second, UTC. Raises: InvalidRevision, NotFound naming what is not there.
    """
    parsed = Revision.parse(revision)

    def work(tx: Transaction) -> tuple[ChangesetNumber, str]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        number, on = _resolve(tx, row, view, parsed, branch)
        view.version("meta.read", number)
        return number, on

    return await call.db.read(work)


async def get(call: Call, repository: RepositoryName, number: ChangesetNumber) -> tuple[Changeset, tuple[Change, ...]]:
    """A changeset and its change list.

    Raises: NotFound.
    """

    def work(tx: Transaction) -> tuple[Changeset, tuple[Change, ...]]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        view.check_changeset(number)
        (changeset,) = entities(tx, row, (tx.changesets.get(row.id, number),))
        changes = told_changes(tx.versions.own_changes(row.id, number), view.shows(number))
        return view.told(changeset), tuple(changes)

    return await call.db.read(work)


async def list_files(
    call: Call, repository: RepositoryName, number: ChangesetNumber, paths: Sequence[str]
) -> AsyncIterator[tuple[FileRow, ...]]:
    """The files of a version in path order, all or those at and below `paths`, in batches.

    The path '.' stands for the entry that holds the version's own properties. Raises: NotFound, InvalidRequest.
    """
    under = _under(paths)
    start: str | None = ""
    while start is not None:
        rows, start = await call.db.read(lambda tx, start=start: _file_page(tx, call, repository, number, under, start))  # type: ignore[misc]
        for batch in batches(rows, _file_bytes):
            yield batch


async def diff_versions(
    call: Call, repository: RepositoryName, first: ChangesetNumber, second: ChangesetNumber, paths: Sequence[str]
) -> AsyncIterator[tuple[VersionDifference, ...]]:
    """What differs between two versions, in path order, all or at and below `paths`, in batches.

    Raises: NotFound, InvalidRequest.
    """
    under = _under(paths)

    def seen(tx: Transaction, paths: Sequence[str], start: str = "") -> Iterator[Difference]:
        row, shows = _with_versions(tx, call, repository, (first, second))
        return _seen(tx.versions.difference(row.id, first, second, paths, start=start), *shows)

    def page(tx: Transaction, start: str) -> list[Difference]:
        return list(islice(seen(tx, under, start), PAGE_ROWS))

    def left(tx: Transaction) -> dict[int, str]:
        return _left(seen(tx, ()))

    found = await call.db.read(lambda tx: page(tx, ""))
    gone = _left(found) if len(found) < PAGE_ROWS and not under else await call.db.read(left)
    while found:
        told = [_version_difference(one, gone) for one in found]
        for batch in batches(told, lambda one: told_bytes(one.path + one.moved_from, one.before, one.after)):
            yield batch
        start = found[-1].path + "\0"
        found = await call.db.read(lambda tx, start=start: page(tx, start)) if len(found) == PAGE_ROWS else []  # type: ignore[misc]


def batches(rows: Sequence[T], weigh: Callable[[T], int]) -> Iterator[tuple[T, ...]]:
    """`rows` cut so that each batch fits into a message, whatever their properties say."""
    start = 0
    while start < len(rows):
        batch = tuple(rows[start : start + BATCH_ROWS])
        totals = list(accumulate(map(weigh, batch)))
        if totals[-1] > BATCH_BYTES:
            batch = batch[: max(1, bisect_right(totals, BATCH_BYTES))]
        yield batch
        start += len(batch)


def _resolve(
    tx: Transaction, repository: RepositoryRow, view: View, revision: Revision, branch_name: str
) -> tuple[ChangesetNumber, str]:
    asked = view.branch(branch_name) if branch_name else None
    if revision.kind is RevisionKind.NAME:
        return _named(tx, repository, view, revision.text)
    if revision.kind is RevisionKind.NUMBER and revision.number:
        number = ChangesetNumber(revision.number)
        return number, _branch_of(tx, repository, view, number)
    branch = asked or view.main()
    if revision.kind is RevisionKind.HAVE:
        raise InvalidRevision("Only the workspace knows which version it has.", advice="Name the version: @42, @main.")
    if revision.kind is RevisionKind.HEAD:
        return branch.head, branch.name
    if revision.kind is RevisionKind.PREV:
        if not branch.head:
            raise NotFound(f"The branch {branch.name} has no version yet.")
        return tx.changesets.get(repository.id, branch.head).first_parent, branch.name
    if revision.kind is RevisionKind.NUMBER:
        return ChangesetNumber(0), branch.name
    end = _end_of(revision.text)
    reached = tx.changesets.until(repository.id, tx.changesets.ancestors(repository.id, branch.head), end)
    if reached is None:
        raise NotFound(f"The branch {branch.name} has no version as old as {revision}.")
    return reached, branch.name


def _named(tx: Transaction, repository: RepositoryRow, view: View, name: str) -> tuple[ChangesetNumber, str]:
    branch = view.find_branch(name)
    if branch is not None:
        return branch.head, branch.name
    label = view.find_label(name)
    if label is None:
        raise NotFound(
            f"There is no branch or label '{escape(name)}'.", advice="'mlv branches' and 'mlv labels' show them."
        )
    return label.changeset, _branch_of(tx, repository, view, label.changeset)


def _branch_of(tx: Transaction, repository: RepositoryRow, view: View, number: ChangesetNumber) -> str:
    """The branch that a version was made on, '' where the caller may not know of it."""
    name = tx.branches.by_id(repository.id, tx.changesets.get(repository.id, number).branch_id).name
    return name if view.find_branch(name) is not None else ""


def _end_of(text: str) -> int:
    """The last millisecond of a day, minute or second in UTC. Raises: InvalidRevision."""
    body = text.removesuffix("Z")
    try:
        begin = datetime.fromisoformat(body).replace(tzinfo=UTC)
        length = {10: timedelta(days=1), 16: timedelta(minutes=1), 19: timedelta(seconds=1)}[len(body)]
        end = begin + length
    except (ValueError, OverflowError) as error:
        raise InvalidRevision(f"'@{escape(text)}' is no date or time.") from error
    return int(end.timestamp()) * 1000 - 1


def entities(tx: Transaction, repository: RepositoryRow, rows: Sequence[ChangesetRow]) -> tuple[Changeset, ...]:
    """The changesets of stored rows, with the names of their branches and labels."""
    names = {branch.id: branch.name for branch in tx.branches.list_all(repository.id)}
    labels = tx.labels.of_changesets(repository.id, [row.number for row in rows])
    records = _records(tx, repository, rows)
    return tuple(
        Changeset(
            number=row.number,
            id=row.id,
            parents=row.parents,
            branch=names[row.branch_id],
            author=row.author,
            time=row.time,
            message=row.message,
            prepared_min=row.prepared_min,
            prepared_max=row.prepared_max,
            records=records[row.number],
            files_changed=row.files_changed,
            labels=labels.get(row.number, ()),
        )
        for row in rows
    )


def _records(
    tx: Transaction, repository: RepositoryRow, rows: Sequence[ChangesetRow]
) -> dict[ChangesetNumber, Records]:
    """The records of stored rows, with the environments that they name."""
    stored = {row.number: load_records(row.records) for row in rows}
    named = {records.environment.digest for records in stored.values()}
    known = tx.environments.find(repository.id, named)
    if lost := named - set(known) - {b""}:
        raise DamagedContent(f"The environment {min(lost).hex()[:16]} is missing in the server's database.")
    environments = {digest: load_environment(blob, digest) for digest, blob in known.items()}
    empty = Environment()
    return {
        number: replace(records, environment=environments.get(records.environment.digest, empty))
        for number, records in stored.items()
    }


def _seen(found: Iterable[Difference], first: Shows | None, second: Shows | None) -> Iterator[Difference]:
    """Differences at paths that are shown in either version, each side as far as it is shown."""
    for one in found:
        if first is None and second is None:
            yield one
            continue
        before = one.before if first is None or first(one.path) else None
        after = one.after if second is None or second(one.path) else None
        if (before and before.state) != (after and after.state):
            yield Difference(one.path, before, after)


def _with_versions(
    tx: Transaction, call: Call, name: RepositoryName, numbers: Sequence[ChangesetNumber]
) -> tuple[RepositoryRow, list[Shows | None]]:
    """The repository, in which all of `numbers` exist, and what each shows. Raises: NotFound."""
    row = tx.repositories.get(name)
    view = View(tx, call, row)
    return row, [view.shows(number) for number in numbers]


def _under(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths that a listing is limited to. Raises: InvalidRequest."""
    if len(paths) > PATHS_LIMIT:
        raise InvalidRequest(f"paths: {len(paths):,} are named; {PATHS_LIMIT:,} are allowed.")
    return tuple(path.rstrip("/") for path in paths)


def _file_page(
    tx: Transaction, call: Call, name: RepositoryName, number: ChangesetNumber, under: tuple[str, ...], start: str
) -> tuple[tuple[FileRow, ...], str | None]:
    """Some files from the path `start` on, and where to go on; None at the end."""
    row, (shows,) = _with_versions(tx, call, name, (number,))
    found = list(islice(tx.versions.files(row.id, number, under, start=start), PAGE_ROWS))
    shown = [
        one
        for one in found
        if (one.path != VERSION_PATH or VERSION_PATH in under) and (shows is None or shows(one.path))
    ]
    need_of, new = Needs(tx.lock_rules.of(row.id)).of, maker(FileRow)
    rows = tuple(
        [
            new(one.path, state, one.changed_in, need_of(one.path, state))
            for one, state in zip(shown, states_of(shown), strict=True)
            if state is not None
        ]
    )
    return rows, f"{found[-1].path}\0" if len(found) == PAGE_ROWS else None


def _file_bytes(row: FileRow) -> int:
    """As `told_bytes`, which most files have no need of."""
    return told_bytes(row.path, row.state) if row.state.properties else 2 * ROW_BYTES + len(row.path)


def _left(differences: Iterable[Difference]) -> dict[int, str]:
    """By file id, the paths of the first version at which that file no longer stands."""
    return {
        one.before.file_id: one.path
        for one in differences
        if one.before is not None and (one.after is None or one.after.file_id != one.before.file_id)
    }


def _version_difference(one: Difference, gone: dict[int, str]) -> VersionDifference:
    before = None if one.before is None else one.before.state
    after = None if one.after is None else one.after.state
    moved = after is not None and (before is None or before.file_id != after.file_id)
    return VersionDifference(one.path, before, after, gone.get(after.file_id, "") if moved and after else "")
