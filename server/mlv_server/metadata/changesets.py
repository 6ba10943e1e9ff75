"""Changesets as rows: what was committed when, by whom, on what; which of them are ancestors of which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, or_, select

from mlv_core.deferred import dataclass
from mlv_core.errors import NotFound
from mlv_core.ids import BranchId, ChangesetNumber, FileId
from mlv_server.metadata.prepared import IN_LIMIT, Prepared
from mlv_server.metadata.tables_history import changesets, path_changes


@dataclass(frozen=True, slots=True)
class ChangesetRow:
    """A changeset as stored; `first_parent` is 0 for the first one, `records` are their canonical bytes."""

    repository_id: int
    number: ChangesetNumber
    id: bytes
    first_parent: ChangesetNumber
    second_parent: ChangesetNumber | None
    depth: int
    branch_id: BranchId
    author: str
    time: int
    message: str
    prepared_min: ChangesetNumber
    prepared_max: ChangesetNumber
    files_changed: int
    raw_bytes: int
    stored_bytes: int
    last_file_id: FileId
    records: bytes

    @property
    def parents(self) -> tuple[ChangesetNumber, ...]:
        """The versions it was made from; none for the first changeset of a repository."""
        first = (self.first_parent,) if self.first_parent else ()
        return first if self.second_parent is None else (*first, self.second_parent)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which changesets are wanted: `within` maps branches to the last number that counts (None: all of them).

    `files` and `below` narrow to changesets with a row for one of these file ids, or for a path below a directory;
    `also` are numbers that count as well, `only` the only ones that may; those of the branches `hidden` never count.
    Bounds are inclusive, 0 is open.
    """

    within: Mapping[BranchId, ChangesetNumber] | None = None
    author: str = ""
    first: int = 0
    last: int = 0
    files: Collection[FileId] | None = None
    below: str = ""
    also: Collection[ChangesetNumber] = ()
    only: Collection[ChangesetNumber] | None = None
    hidden: Collection[BranchId] = ()


class Changesets:
    """The changesets of all repositories, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: ChangesetRow) -> None:
        """Store a new changeset; the caller has chosen its number as the next one of the repository."""
        _ADD.run(self._connection, **asdict(row))

    def get(self, repository_id: int, number: ChangesetNumber) -> ChangesetRow:
        """The changeset with this number.

        Raises: NotFound.
        """
        row = _ONE.first(self._connection, repository=repository_id, number=number)
        if row is None:
            raise no_changeset(number)
        return ChangesetRow(*row)

    def find(self, repository_id: int, numbers: Collection[ChangesetNumber]) -> dict[ChangesetNumber, ChangesetRow]:
        """Those of `numbers` that exist."""
        wanted = sorted(set(numbers))
        found: dict[ChangesetNumber, ChangesetRow] = {}
        for start in range(0, len(wanted), IN_LIMIT):
            statement = select(changesets).where(
                changesets.c.repository_id == repository_id,
                changesets.c.number.in_(wanted[start : start + IN_LIMIT]),
            )
            for row in self._connection.execute(statement):
                found[row.number] = ChangesetRow(**row._mapping)  # noqa: SLF001 - the row's public mapping
        return found

    def newest(self, repository_id: int) -> ChangesetRow | None:
        """The changeset with the highest number, None in an empty repository."""
        row = _NEWEST.first(self._connection, repository=repository_id)
        return None if row is None else ChangesetRow(*row)

    def count(self, repository_id: int) -> int:
        """How many changesets a repository has: their numbers leave none out."""
        newest = select(func.max(changesets.c.number)).where(changesets.c.repository_id == repository_id)
        return self._connection.scalar(newest) or 0

    def totals(self, repository_id: int) -> tuple[int, int, int]:
        """Number of changesets, and the sums of their `stored_bytes` and `raw_bytes`."""
        columns = changesets.c
        statement = select(
            func.count(),
            func.coalesce(func.sum(columns.stored_bytes), 0),
            func.coalesce(func.sum(columns.raw_bytes), 0),
        ).where(columns.repository_id == repository_id)
        count, stored, raw = self._connection.execute(statement).one()
        return int(count), int(stored), int(raw)

    def said_bytes(self, repository_id: int) -> int:
        """Bytes of what all changesets say of themselves: messages and records."""
        total = func.sum(func.length(changesets.c.message) + func.length(changesets.c.records))
        statement = select(func.coalesce(total, 0)).where(changesets.c.repository_id == repository_id)
        return int(self._connection.execute(statement).scalar_one())

    def select(self, repository_id: int, wanted: Selection, *, limit: int) -> tuple[ChangesetRow, ...]:
        """At most `limit` changesets that `wanted` describes, the newest first."""
        statement = (
            select(changesets)
            .where(changesets.c.repository_id == repository_id, *_conditions(repository_id, wanted))
            .order_by(changesets.c.number.desc())
            .limit(limit)
        )
        return tuple(ChangesetRow(**row._mapping) for row in self._connection.execute(statement))  # noqa: SLF001

    def until(
        self, repository_id: int, within: Mapping[BranchId, ChangesetNumber], time: int
    ) -> ChangesetNumber | None:
        """The last changeset among `within` that was made at `time` or before, None where there is none."""
        statement = select(func.max(changesets.c.number)).where(
            changesets.c.repository_id == repository_id, _within(within), changesets.c.time <= time
        )
        found = self._connection.execute(statement).scalar_one()
        return None if found is None else ChangesetNumber(found)

    def larger_than(self, repository_id: int, wanted: Selection, files_changed: int) -> tuple[ChangesetNumber, ...]:
        """Numbers of the changesets among `wanted` that changed more than `files_changed` files."""
        statement = select(changesets.c.number).where(
            changesets.c.repository_id == repository_id,
            changesets.c.files_changed > files_changed,
            *_conditions(repository_id, wanted),
        )
        return tuple(self._connection.execute(statement).scalars())

    def parents(
        self, repository_id: int, high: ChangesetNumber, count: int
    ) -> dict[ChangesetNumber, tuple[ChangesetNumber, ...]]:
        """The parents of the changeset `high` and of the `count` - 1 with the next lower numbers."""
        statement = select(changesets.c.number, changesets.c.first_parent, changesets.c.second_parent).where(
            changesets.c.repository_id == repository_id,
            changesets.c.number <= high,
            changesets.c.number > high - count,
        )
        return {
            ChangesetNumber(number): tuple(ChangesetNumber(parent) for parent in (first, second) if parent)
            for number, first, second in self._connection.execute(statement)
        }

    def ancestors(self, repository_id: int, head: ChangesetNumber) -> dict[BranchId, ChangesetNumber]:
        """All ancestors of `head` and itself: on each branch, those up to the given number.

        A branch's changesets form one chain, so one number a branch says it all; O(branches and merges).
        """
        reach: dict[BranchId, ChangesetNumber] = {}
        waiting = [head] if head else []
        while waiting:
            number = waiting.pop()
            branch = self.get(repository_id, number).branch_id
            known = reach.get(branch, ChangesetNumber(0))
            if number > known:
                reach[branch] = number
                waiting.extend(self._entries(repository_id, branch, known, number))
        return reach

    def count_beyond(
        self,
        repository_id: int,
        reach: Mapping[BranchId, ChangesetNumber],
        known: Mapping[BranchId, ChangesetNumber],
    ) -> int:
        """How many of the changesets that `reach` holds are not in `known`; both as `ancestors` gives them."""
        found = 0
        for branch, last in reach.items():
            after = known.get(branch, ChangesetNumber(0))
            if last > after:
                values = {"repository": repository_id, "branch": branch, "after": after, "last": last}
                found += int(_BETWEEN.scalar(self._connection, **values))
        return found

    def _entries(
        self, repository_id: int, branch: BranchId, after: ChangesetNumber, last: ChangesetNumber
    ) -> list[ChangesetNumber]:
        """Parents on other branches of the changesets of `branch` with numbers in (after, last]."""
        columns = changesets.c
        mine = and_(columns.repository_id == repository_id, columns.branch_id == branch, columns.number <= last)
        merged = self._connection.execute(
            select(columns.second_parent).where(mine, columns.number > after, columns.second_parent.is_not(None))
        ).scalars()
        found = list(merged)
        if not after:
            origin = select(columns.first_parent).where(mine).order_by(columns.number).limit(1)
            found.extend(self._connection.execute(origin).scalars())
        return [number for number in found if number]


_COLUMNS = [changesets.c[field.name] for field in fields(ChangesetRow)]
_OF_REPOSITORY = select(*_COLUMNS).where(changesets.c.repository_id == bindparam("repository"))
_ONE = Prepared(_OF_REPOSITORY.where(changesets.c.number == bindparam("number")))
_BETWEEN = Prepared(
    select(func.count()).where(
        changesets.c.repository_id == bindparam("repository"),
        changesets.c.branch_id == bindparam("branch"),
        changesets.c.number > bindparam("after"),
        changesets.c.number <= bindparam("last"),
    )
)
_NEWEST = Prepared(_OF_REPOSITORY.order_by(changesets.c.number.desc()).limit(1))
_ADD = Prepared(insert(changesets), changesets.c.keys())


def no_changeset(number: int) -> NotFound:
    """What is said of a changeset that is not there, or that the caller may not know of (P4)."""
    return NotFound(f"There is no changeset @{number}.")


def _within(within: Mapping[BranchId, ChangesetNumber]) -> ColumnElement[bool]:
    return or_(
        False,
        *(and_(changesets.c.branch_id == branch, changesets.c.number <= last) for branch, last in within.items()),
    )


def _conditions(repository_id: int, wanted: Selection) -> list[ColumnElement[bool]]:
    columns = changesets.c
    found: list[ColumnElement[bool]] = []
    if wanted.within is not None:
        found.append(_within(wanted.within))
    if wanted.hidden:
        found.append(columns.branch_id.not_in(sorted(wanted.hidden)))
    if wanted.author:
        found.append(columns.author == wanted.author)
    if wanted.first:
        found.append(columns.number >= wanted.first)
    if wanted.last:
        found.append(columns.number <= wanted.last)
    if wanted.only is not None:
        found.append(columns.number.in_(sorted(wanted.only)))
    touching = select(path_changes.c.changeset).where(path_changes.c.repository_id == repository_id)
    if wanted.files is not None:
        touched = columns.number.in_(touching.where(path_changes.c.file_id.in_(sorted(wanted.files))))
        found.append(or_(touched, columns.number.in_(sorted(wanted.also))))
    elif wanted.below:
        low, high = f"{wanted.below}/", f"{wanted.below}0"
        touched = columns.number.in_(touching.where(path_changes.c.path >= low, path_changes.c.path < high))
        found.append(or_(touched, columns.number.in_(sorted(wanted.also))))
    return found
