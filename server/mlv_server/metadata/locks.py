"""Locks in the database (L1): they survive restarts, and their fencing tokens only grow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from mlv_core.deferred import dataclass
from mlv_core.entities import Lock, LockMode, LockScope
from mlv_core.ids import BranchId, FencingToken, FileId, WorkspaceId
from mlv_server.domain.leases import lease_end
from mlv_server.metadata.prepared import IN_LIMIT, Prepared, Row
from mlv_server.metadata.tables import branches, lock_counters, locks, users, workspaces
from mlv_server.metadata.tables_waiting import lock_requests

ENDED_LIMIT = 1_000
"""Expired locks told of at once: the writer stands still for about 0.2 s."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What every request for locks looks at: the last token, the user's locks and intents, whether anybody asked."""

    last_token: FencingToken
    owned: int
    asked: bool


class Locks:
    """Locks by repository and fencing token."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last_token(self, repository_id: int) -> FencingToken:
        """The highest fencing token that was ever given out; 0 before the first."""
        return FencingToken(_LAST.scalar(self._connection, repository=repository_id))

    def add(self, repository_id: int, owner_id: int, branch_id: BranchId, new: tuple[Lock, ...]) -> None:
        """Keep new locks of one owner on one branch, whose tokens follow each other from `last_token` on."""
        if not new:
            return
        _ADD.run_many(self._connection, [_columns(repository_id, owner_id, branch_id, lock) for lock in new])
        _COUNT_ON.run(self._connection, repository=repository_id, token=max(lock.token for lock in new))

    def renew(self, repository_id: int, held: tuple[Lock, ...]) -> None:
        """Write scope, reason, base and lease of locks that are held already; they have not expired any more."""
        if held:
            told = [
                (lock.token, int(lock.scope), lock.reason, lock.base, lock.lease_until, lock.ttl, lock.limit)
                for lock in held
            ]
            names = ("known", "new_scope", "new_reason", "new_base", "new_lease", "new_ttl", "new_limit")
            _RENEW.run_many(
                self._connection, [{"repository": repository_id, **dict(zip(names, one, strict=True))} for one in told]
            )

    def on_files(self, repository_id: int, files: Iterable[FileId]) -> tuple[Lock, ...]:
        """Every lock on these files, on whatever branch."""
        wanted = sorted(set(files))
        if len(wanted) == 1:
            return _locks(_ON_FILE.rows(self._connection, repository=repository_id, file=wanted[0]))
        found: list[Lock] = []
        for start in range(0, len(wanted), IN_LIMIT):
            found.extend(self._select(repository_id, locks.c.file_id.in_(wanted[start : start + IN_LIMIT])))
        return tuple(found)

    def on_folders(self, repository_id: int) -> tuple[Lock, ...]:
        """Every lock on a folder."""
        return _locks(_ON_FOLDERS.rows(self._connection, repository=repository_id))

    def of_workspace(self, repository_id: int, workspace: WorkspaceId) -> tuple[Lock, ...]:
        """Every lock that a workspace holds."""
        return self._select(repository_id, locks.c.workspace == workspace)

    def standing(self, repository_id: int, owner_id: int) -> Standing:
        """How it stands before a user is given locks in the repository."""
        row = _STANDING.first(self._connection, repository=repository_id, owner=owner_id)
        token, owned, asked = row or (0, 0, False)
        return Standing(FencingToken(token), owned, bool(asked))

    def at_paths(self, repository_id: int, paths: Iterable[str]) -> tuple[Lock, ...]:
        """Every lock that shows under one of these paths, on whatever branch."""
        wanted = sorted(set(paths))
        found: list[Lock] = []
        for start in range(0, len(wanted), IN_LIMIT):
            found.extend(self._select(repository_id, locks.c.path.in_(wanted[start : start + IN_LIMIT])))
        return tuple(found)

    def below(self, repository_id: int, folder: str) -> tuple[Lock, ...]:
        """Every lock that shows under a path below the folder, on whatever branch."""
        prefix = f"{folder}/"
        return tuple(self._select(repository_id, func.substr(locks.c.path, 1, len(prefix)) == prefix))

    def expire(self, owner_id: int, now: int) -> None:
        """End the lease of every lock of a user by `now` (ms) for good: they show, and block nobody."""
        mine = update(locks).where(locks.c.owner_id == owner_id)
        until, limit = (
            case((column < now, column), else_=now) for column in (locks.c.lease_until, locks.c.lease_limit)
        )
        self._connection.execute(mine.values(lease_until=until, lease_limit=limit))

    def ended(self, now: int) -> list[tuple[int, Lock]]:
        """Locks whose lease, as it was written, has ended by `now` (ms), and their repositories; of very many some.

        None of which that was told, unless a sign of life leads the lease beyond the time at which it was.
        """
        due = _SELECT.add_columns(locks.c.repository_id).where(locks.c.lease_until <= now, _UNTOLD)
        rows = self._connection.execute(due.limit(ENDED_LIMIT))
        return [(row[-1], _lock(tuple(row)[:-1])) for row in rows]

    def untold(self, repository_id: int, held: Sequence[Lock]) -> tuple[Lock, ...]:
        """Those of `held` of which it was not told yet that their lease has ended, as it stands now."""
        wanted = sorted(lock.token for lock in held)
        told: dict[int, int] = {}
        for start in range(0, len(wanted), IN_LIMIT):
            some = locks.c.token.in_(wanted[start : start + IN_LIMIT])
            rows = select(locks.c.token, locks.c.expired_at).where(
                locks.c.repository_id == repository_id, locks.c.expired_at.is_not(None), some
            )
            told.update((row[0], row[1]) for row in self._connection.execute(rows))
        return tuple(lock for lock in held if told.get(lock.token, -1) < (lock.lease_until or 0))

    def note_expired(self, repository_id: int, tokens: Iterable[FencingToken], now: int) -> None:
        """Note that it was told at `now` (ms) that the leases of these locks have ended."""
        _NOTE.run_many(
            self._connection, [{"repository": repository_id, "known": token, "moment": now} for token in tokens]
        )

    def move_clock(self, milliseconds: int) -> None:
        """Move every lease, and when holders were last heard of, with the clock, which was set forward by so much."""
        held = select(locks.c.workspace).where(locks.c.repository_id == workspaces.c.repository_id)
        self._connection.execute(
            update(workspaces).where(workspaces.c.id.in_(held)).values(last_seen=workspaces.c.last_seen + milliseconds)
        )
        self._connection.execute(
            update(locks).values(
                lease_until=locks.c.lease_until + milliseconds,
                lease_limit=locks.c.lease_limit + milliseconds,
                expired_at=locks.c.expired_at + milliseconds,
            )
        )

    def list_all(self, repository_id: int) -> tuple[Lock, ...]:
        """Every lock of the repository."""
        return self._select(repository_id)

    def remove(self, repository_id: int, tokens: Iterable[FencingToken]) -> None:
        """End the locks that these tokens name."""
        gone = [{"repository": repository_id, "known": token} for token in tokens]
        if gone:
            _REMOVE.run_many(self._connection, gone)

    def renamed(self, repository_id: int, branch_id: int, file_id: FileId, path: str) -> None:
        """Show the locks on a file of a branch under its new path there; on other branches it may have another."""
        mine = (locks.c.repository_id == repository_id, locks.c.branch_id == branch_id, locks.c.file_id == file_id)
        self._connection.execute(update(locks).where(*mine).values(path=path))

    def _select(self, repository_id: int, *conditions: ColumnElement[bool]) -> tuple[Lock, ...]:
        found = _SELECT.where(locks.c.repository_id == repository_id, *conditions).order_by(locks.c.path, locks.c.token)
        return _locks(map(tuple, self._connection.execute(found)))


_SELECT = (
    select(
        locks.c.file_id,
        locks.c.path,
        users.c.name.label("owner"),
        locks.c.workspace,
        locks.c.host,
        locks.c.mode,
        locks.c.scope,
        branches.c.name.label("branch"),
        locks.c.base,
        locks.c.reason,
        locks.c.acquired_at,
        locks.c.lease_until,
        locks.c.token,
        locks.c.tree,
        locks.c.ttl,
        locks.c.lease_limit,
        workspaces.c.last_seen,
    )
    .join(users, users.c.id == locks.c.owner_id)
    .join(branches, (branches.c.repository_id == locks.c.repository_id) & (branches.c.id == locks.c.branch_id))
    .outerjoin(
        workspaces, (workspaces.c.repository_id == locks.c.repository_id) & (workspaces.c.id == locks.c.workspace)
    )
)
_UNTOLD = or_(
    locks.c.expired_at.is_(None),
    (locks.c.ttl > 0)
    & (workspaces.c.last_seen + locks.c.ttl > locks.c.expired_at)
    & or_(locks.c.lease_limit.is_(None), locks.c.lease_limit > locks.c.expired_at),
)
"""The lease of `lease_end` ends after the time at which it was told that one had ended, if ever it was."""
_MINE = locks.c.repository_id == bindparam("repository")
_ON_FILE = Prepared(_SELECT.where(_MINE, locks.c.file_id == bindparam("file")).order_by(locks.c.path, locks.c.token))
_ON_FOLDERS = Prepared(_SELECT.where(_MINE, locks.c.file_id.is_(None)).order_by(locks.c.path, locks.c.token))
_OWNED = select(func.count()).select_from(locks).where(_MINE, locks.c.owner_id == bindparam("owner"))
_ASKED = exists().where(lock_requests.c.repository_id == bindparam("repository"))
_STANDING = Prepared(
    select(lock_counters.c.last_token, _OWNED.scalar_subquery(), _ASKED).where(
        lock_counters.c.repository_id == bindparam("repository")
    )
)
_ADD = Prepared(insert(locks), locks.c.keys())
_REMOVE = Prepared(delete(locks).where(_MINE, locks.c.token == bindparam("known")))
_RENEW = Prepared(
    update(locks)
    .where(_MINE, locks.c.token == bindparam("known"))
    .values(
        scope=bindparam("new_scope"),
        reason=bindparam("new_reason"),
        base=bindparam("new_base"),
        lease_until=bindparam("new_lease"),
        ttl=bindparam("new_ttl"),
        lease_limit=bindparam("new_limit"),
        expired_at=null(),
    )
)
_NOTE = Prepared(update(locks).where(_MINE, locks.c.token == bindparam("known")).values(expired_at=bindparam("moment")))
_LAST = Prepared(select(lock_counters.c.last_token).where(lock_counters.c.repository_id == bindparam("repository")))
_COUNT_ON = Prepared(
    update(lock_counters)
    .where(lock_counters.c.repository_id == bindparam("repository"))
    .values(last_token=bindparam("token"))
)


def _columns(repository_id: int, owner_id: int, branch_id: BranchId, lock: Lock) -> dict[str, object]:
    return {
        "repository_id": repository_id,
        "token": lock.token,
        "file_id": lock.file_id or None,
        "path": lock.path,
        "tree": lock.tree,
        "mode": int(lock.mode),
        "scope": int(lock.scope),
        "branch_id": branch_id,
        "owner_id": owner_id,
        "workspace": lock.workspace,
        "host": lock.host,
        "base": lock.base,
        "reason": lock.reason,
        "acquired_at": lock.acquired_at,
        "lease_until": lock.lease_until,
        "ttl": lock.ttl,
        "lease_limit": lock.limit,
        "expired_at": None,
    }


def _locks(rows: Iterable[Row]) -> tuple[Lock, ...]:
    return tuple(map(_lock, rows))


def _lock(row: Row) -> Lock:
    file_id, path, owner, workspace, host, mode, scope, branch, base, reason, acquired, until, *rest = row
    token, tree, ttl, limit, seen = rest
    lease = lease_end(until, ttl, limit, seen)
    place = (file_id or FileId(0), path, owner, workspace, host, LockMode(mode), LockScope(scope), branch, base)
    return Lock(*place, reason, acquired, lease, token, tree, ttl, limit)
