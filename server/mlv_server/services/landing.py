"""What every act that makes a changeset shares: what it stands on, and the one transaction in which it lands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from mlv_core.changes import Row
from mlv_core.changesets import changeset_id
from mlv_core.deferred import dataclass
from mlv_core.entities import Branch, Change, Changeset, Environment, FileState, Lock, Operation, Records
from mlv_core.errors import PathClash, UnknownEnvironment
from mlv_core.hashing import HASH_LENGTH
from mlv_core.hooks import Moment
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RepositoryName, WorkspaceId
from mlv_core.records import environment_digest, store_environment, store_records
from mlv_core.requests import Published
from mlv_server.domain import commits as rules
from mlv_server.domain import lock_intents
from mlv_server.domain.checking import Subject
from mlv_server.domain.events import EventKind, commit_event, lock_event
from mlv_server.domain.lock_reach import Holder, LockGround
from mlv_server.metadata.changesets import ChangesetRow
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, consulting, freezes, reading
from mlv_server.services.call import Call
from mlv_server.services.sights import Shows, View, ref_of

_ROW_BYTES = 200
"""What a changeset takes besides its message, records and lists: its row, its index entries, audit and event."""


class Asked(NamedTuple):
    """Which right an act needs on each path that it touches, and whether the caller named these paths."""

    action: str
    named: bool


COMMIT = Asked("write", named=True)
UNDO = Asked("write", named=False)
MERGE = Asked("merge", named=False)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a commit stands on: repository, branch and head, the newest changeset, what is at the paths in question.

    `shows` tells which paths of the branch its maker may see, None: all; `limited`: they may read only a part of the
    repository, and are not told what it grew by, which tells what was there (P5).
    """

    repository: RepositoryRow
    branch: Branch
    shows: Shows | None
    limited: bool
    newest: ChangesetNumber
    last_file_id: FileId
    rows: Mapping[str, Row]
    current: Mapping[str, FileState]
    locks: LockGround


@dataclass(frozen=True, slots=True)
class Landing:
    """A decided changeset: how it came about, its list, the counter of file ids after it, and what is said of it.

    `merged` is the version whose changes it takes over, its second parent.
    """

    act: str
    changes: tuple[Change, ...]
    last_file_id: FileId
    message: str
    prepared: tuple[ChangesetNumber, ChangesetNumber]
    records: Records
    released: tuple[Lock, ...]
    workspace: WorkspaceId
    pack_bytes: int = 0
    merged: ChangesetNumber | None = None


def load(
    tx: Transaction,
    call: Call,
    name: RepositoryName,
    branch_name: str,
    workspace: WorkspaceId,
    paths: Collection[str],
    known: Ground | None = None,
    asked: Asked = COMMIT,
) -> Ground:
    """What stands at `paths` in the head of a branch, and who locks it, after the right to do so was checked again.

    It is checked on the branch and on every path.
    `known` was loaded for the same paths a moment ago: where the head is still the same, so is what stands there.
    Raises: NotFound, Denied, BranchAbandoned, Frozen (L12).
    """
    repository = tx.repositories.get(name)
    view = View(tx, call, repository)
    branch = view.branch(branch_name)
    access.check(tx, call, asked.action, repository, ref_of(branch.name))
    view.check_paths(asked.action, branch, paths, named=asked.named)
    freezes.check_branch(tx, call, repository.id, branch, paths)
    newest = tx.changesets.newest(repository.id)
    if known is not None and known.branch.head == branch.head:
        rows = known.rows
    else:
        rows = tx.versions.rows(repository.id, branch.head, paths)
    current = {path: state for path, row in rows.items() if (state := row.state) is not None}
    registered = tx.workspaces.find(repository.id, workspace) if workspace else None
    host = registered.workspace.host if registered is not None else ""
    held = tx.locks.on_files(repository.id, {state.file_id for state in current.values()})
    held += tx.locks.on_folders(repository.id)
    whole = view.whole(branch)
    return Ground(
        repository=repository,
        branch=branch,
        shows=view.shows_on(ref_of(branch.name)),
        limited=reading.is_limited(view),
        newest=ChangesetNumber(0) if newest is None else newest.number,
        last_file_id=FileId(0) if newest is None else newest.last_file_id,
        rows=rows,
        current=current,
        locks=LockGround(
            holder=Holder(call.principal.user, workspace, host, hidden=view.hidden_locks(held)),
            branch=whole,
            branches=tx.branches.with_branch(repository.id, whole, (lock.branch for lock in held)),
            held=held,
            rules=tx.lock_rules.of(repository.id),
            now=call.now,
        ),
    )


def with_lost(tx: Transaction, ground: Ground, tokens: Iterable[FencingToken]) -> Ground:
    """`ground`, which also knows how those locks ended whose tokens are presented and not held any more (L9)."""
    lost = {token for token in tokens if token} - {lock.token for lock in ground.locks.held}
    if not lost:
        return ground
    return replace(ground, locks=replace(ground.locks, ended=tx.ended_locks.find(ground.repository.id, lost)))


def culprits(tx: Transaction, ground: Ground, paths: Iterable[str]) -> rules.Culprits:
    """Which changeset last changed each of `paths` on the branch, and its author."""
    repository_id = ground.repository.id
    numbers = tx.versions.last_changes(repository_id, ground.branch.head, paths)
    authors = tx.changesets.find(repository_id, frozenset(numbers.values()))
    return {path: (number, authors[number].author) for path, number in numbers.items()}


def check_clashes(tx: Transaction, ground: Ground, changes: tuple[Change, ...]) -> None:
    """Check the new paths of `changes` against the branch's head (F2). Raises: PathClash."""
    if not ground.branch.head:
        return  # nothing is there, and the new paths were compared with each other
    new = [change.path for change in changes if change.operation in {Operation.ADD, Operation.MOVE}]
    if new:
        gone = rules.vacated_paths(changes)
        around = tx.versions.around(ground.repository.id, ground.branch.head, new, gone)
        if ground.shows is None:
            rules.check_clashes(changes, around)
            return
        rules.check_clashes(changes, filter(ground.shows, around))
        try:
            rules.check_clashes(changes, around)
        except PathClash:
            raise PathClash("A new path clashes with one that you may not see.", advice="Use another name.") from None


def land(tx: Transaction, call: Call, ground: Ground, landing: Landing) -> Published:
    """Write the changeset and all that belongs to it, and move the head (C1): all in this transaction.

    Raises: HeadMoved when the branch's head is no longer the one of `ground`; ChecksDue.
    """
    repository, branch = ground.repository, ground.branch
    _consult(tx, call, ground, landing)
    number = ChangesetNumber(ground.newest + 1)
    numbers = [one for one in (branch.head, landing.merged) if one]
    parents = [tx.changesets.get(repository.id, one) for one in numbers]
    list_bytes = tx.versions.add(repository.id, number, branch.head, landing.changes, ground.rows)
    changeset = Changeset(
        number=number,
        id=bytes(HASH_LENGTH),
        parents=tuple(numbers),
        branch=branch.name,
        author=call.principal.user,
        time=call.now,
        message=landing.message,
        prepared_min=landing.prepared[0],
        prepared_max=landing.prepared[1],
        records=landing.records,
        files_changed=len(landing.changes),
    )
    list_id = tx.versions.list_id(repository.id, number)
    changeset = replace(changeset, id=changeset_id(changeset, tuple(one.id for one in parents), list_id))
    environment_bytes = _keep_environment(tx, repository.id, landing.records.environment)
    records = store_records(landing.records)
    row = ChangesetRow(
        repository_id=repository.id,
        number=number,
        id=changeset.id,
        first_parent=branch.head,
        second_parent=landing.merged,
        depth=1 if not branch.head else parents[0].depth + 1,
        branch_id=branch.id,
        author=changeset.author,
        time=changeset.time,
        message=changeset.message,
        prepared_min=changeset.prepared_min,
        prepared_max=changeset.prepared_max,
        files_changed=changeset.files_changed,
        raw_bytes=rules.raw_bytes_of(landing.changes, ground.current),
        stored_bytes=landing.pack_bytes
        + list_bytes
        + environment_bytes
        + len(records)
        + len(changeset.message.encode())
        + _ROW_BYTES,
        last_file_id=landing.last_file_id,
        records=records,
    )
    tx.changesets.add(row)
    tx.branches.advance(repository.id, branch.id, branch.head, number)
    _move_workspace(tx, call, ground, landing, number)
    _end_locks(tx, ground, landing)
    _tell(tx, call, ground, changeset, landing)
    told = published(row, branch.name, tuple(lock.path for lock in landing.released), landing.changes)
    return replace(told, stored_bytes=0) if ground.limited else told


def subject_of(
    call: Call, ground: Ground, moment: Moment, act: str, message: str, changes: tuple[Change, ...]
) -> Subject:
    """What checks outside of the server are asked about `changes` that are to land on `ground`."""
    return Subject(
        moment=moment,
        act=act,
        repository=str(ground.repository.name),
        ref=f"branch/{ground.branch.name}",
        by=call.principal.user,
        base=ground.branch.head,
        message=message,
        changes=changes,
    )


def _consult(tx: Transaction, call: Call, ground: Ground, landing: Landing) -> None:
    """Go on only if the checks that concern it allowed it. Raises: ChecksDue."""
    moment = Moment.MERGE if landing.act == "merge" else Moment.PUBLISH
    subject = subject_of(call, ground, moment, landing.act, landing.message, landing.changes)
    if landing.merged is not None:
        subject = replace(subject, names=(("merged", int(landing.merged)),))
    consulting.require(tx, call, ground.repository, subject)


def _keep_environment(tx: Transaction, repository_id: int, environment: Environment) -> int:
    """Store the environment once per repository; the bytes by which that grows the database.

    Raises: UnknownEnvironment when one is named that the repository does not have.
    """
    digest = environment_digest(environment)
    if not digest:
        return 0
    if not environment.digest:
        return tx.environments.add(repository_id, digest, store_environment(environment))
    if digest not in tx.environments.find(repository_id, [digest]):
        raise UnknownEnvironment(f"The repository knows no environment {digest.hex()[:16]}.")
    return 0


def published(row: ChangesetRow, branch: str, released: tuple[str, ...], changes: tuple[Change, ...]) -> Published:
    """The answer that tells of a changeset."""
    return Published(
        changeset=row.number,
        parent=row.first_parent,
        id=row.id,
        branch=branch,
        time=row.time,
        released=released,
        changes=changes,
        stored_bytes=row.stored_bytes,
    )


def _move_workspace(tx: Transaction, call: Call, ground: Ground, landing: Landing, number: ChangesetNumber) -> None:
    """A workspace that stood on the parent now stands on the new version; a mixed one says itself where it stands."""
    head = ground.branch.head
    found = tx.workspaces.find(ground.repository.id, landing.workspace) if landing.workspace else None
    if found is None or found.owner_id != call.principal.user_id or landing.prepared != (head, head):
        return
    if (found.branch_id, found.workspace.base) == (ground.branch.id, head):
        tx.workspaces.moved(ground.repository.id, landing.workspace, ground.branch.id, number, call.now)


def _end_locks(tx: Transaction, ground: Ground, landing: Landing) -> None:
    """Release what the commit releases (L11); locks that are kept follow their files to new paths (L1)."""
    repository_id = ground.repository.id
    intents = lock_intents.of_holder(ground.locks)
    done = lock_intents.ended_by(intents, (one.file_id for one in landing.changes)) if intents else ()
    tx.locks.remove(repository_id, [lock.token for lock in (*landing.released, *done)])
    kept = {lock.file_id for lock in ground.locks.held} - {lock.file_id for lock in landing.released}
    for change in landing.changes if kept else ():
        if change.operation is Operation.MOVE and change.file_id in kept:
            tx.locks.renamed(repository_id, ground.branch.id, change.file_id, change.path)


def _tell(tx: Transaction, call: Call, ground: Ground, changeset: Changeset, landing: Landing) -> None:
    """Write the audit entry and the events."""
    repository_id, user = ground.repository.id, call.principal.user
    entry = access.audit_entry(
        call,
        landing.act,
        str(ground.repository.name),
        changeset=changeset.number,
        branch=changeset.branch,
        id=changeset.id.hex(),
        files=changeset.files_changed,
        workspace=landing.workspace,
    )
    ends = [
        access.audit_entry(
            call, EventKind.LOCK_RELEASED.value, lock.path, owner=lock.owner, branch=lock.branch, token=lock.token
        )
        for lock in landing.released
    ]
    tx.audit.append(repository_id, (entry, *ends))
    happened = commit_event(changeset.branch, changeset.number, changeset.files_changed, user, str(landing.workspace))
    ended = tuple(lock_event(EventKind.LOCK_RELEASED, lock, user) for lock in landing.released)
    tx.events.append(repository_id, call.now, (happened, *ended))
