"""Who asked for locks, in the database (L10): the queue survives restarts."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from mlv_core.ids import BranchId, ChangesetNumber, FileId
from mlv_server.domain.lock_queue import Request
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables import branches, users
from mlv_server.metadata.tables_waiting import lock_request_files as files
from mlv_server.metadata.tables_waiting import lock_requests as requests


class LockRequests:
    """Requests by repository and number."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def anybody_waits_anywhere(self) -> bool:
        """Whether there is a queue in any repository."""
        return _ANYWHERE.first(self._connection) is not None

    def list_all(self, repository_id: int) -> tuple[Request, ...]:
        """Every request of the repository, first come first."""
        rows = _SELECT.rows(self._connection, repository=repository_id)
        asked: dict[int, list[tuple[FileId, str, int, int]]] = {}
        if rows:
            for number, *rest in _FILES.rows(self._connection, repository=repository_id):
                asked.setdefault(number, []).append(tuple(rest))
        return tuple(
            Request(
                number=number,
                user=user,
                owner_id=owner_id,
                workspace=workspace,
                host=host,
                branch=branch,
                reason=reason,
                waits=bool(waits),
                files={file: (path, token) for file, path, token, _ in asked[number]},
                bases={file: ChangesetNumber(base) for file, _, _, base in asked[number]},
                asked_at=asked_at,
                seen=seen,
                until=until,
                counted_from=counted_from,
                denied_by=denied_by,
                denied_why=denied_why,
                denied_at=denied_at,
            )
            for number, user, owner_id, workspace, host, branch, reason, waits, asked_at, seen, until, counted_from,
            denied_by, denied_why, denied_at in rows
        )  # fmt: skip

    def add(self, repository_id: int, branch_id: BranchId, new: Request) -> int:
        """Keep a new request behind all others; the number that it got."""
        number = (_LAST.scalar(self._connection, repository=repository_id) or 0) + 1
        _ADD.run(
            self._connection,
            repository_id=repository_id,
            number=number,
            owner_id=new.owner_id,
            workspace=new.workspace,
            host=new.host,
            branch_id=branch_id,
            reason=new.reason,
            waits=new.waits,
            asked_at=new.asked_at,
            seen=new.seen,
            until=new.until,
            counted_from=new.counted_from,
            denied_by="",
            denied_why="",
            denied_at=None,
        )
        _ADD_FILE.run_many(
            self._connection,
            [
                {
                    "repository_id": repository_id,
                    "number": number,
                    "file_id": file,
                    "path": path,
                    "token": token,
                    "base": new.bases[file],
                }
                for file, (path, token) in new.files.items()
            ],
        )
        return number

    def seen(self, repository_id: int, number: int, now: int, until: int) -> None:
        """Note a sign of life of who waits, and until when it will."""
        _SEEN.run(self._connection, repository=repository_id, known=number, now=now, end=until)

    def denied(self, repository_id: int, number: int, by: str, why: str, now: int) -> None:
        """Note that the request was denied."""
        _DENIED.run(self._connection, repository=repository_id, known=number, by=by, why=why, now=now)

    def remove(self, repository_id: int, numbers: Iterable[int]) -> None:
        """Forget requests."""
        gone = [{"repository": repository_id, "known": number} for number in numbers]
        if gone:
            _REMOVE_FILES.run_many(self._connection, gone)
            _REMOVE.run_many(self._connection, gone)

    def back(self, now: int) -> None:
        """Count the silence of all who wait, and of those they wait for, from `now` (ms) on: the server was away."""
        _BACK.run(self._connection, now=now)


_MINE = requests.c.repository_id == bindparam("repository")
_KNOWN = (_MINE, requests.c.number == bindparam("known"))
_ANYWHERE = Prepared(select(requests.c.number).where(requests.c.waits).limit(1))
_LAST = Prepared(select(func.max(requests.c.number)).where(_MINE))
_SELECT = Prepared(
    select(
        requests.c.number,
        users.c.name.label("owner"),
        requests.c.owner_id,
        requests.c.workspace,
        requests.c.host,
        branches.c.name.label("branch"),
        requests.c.reason,
        requests.c.waits,
        requests.c.asked_at,
        requests.c.seen,
        requests.c.until,
        requests.c.counted_from,
        requests.c.denied_by,
        requests.c.denied_why,
        requests.c.denied_at,
    )
    .join(users, users.c.id == requests.c.owner_id)
    .join(branches, (branches.c.repository_id == requests.c.repository_id) & (branches.c.id == requests.c.branch_id))
    .where(_MINE)
    .order_by(requests.c.number)
)
_FILES = Prepared(
    select(files.c.number, files.c.file_id, files.c.path, files.c.token, files.c.base)
    .where(files.c.repository_id == bindparam("repository"))
    .order_by(files.c.number, files.c.path)
)
_ADD = Prepared(insert(requests), requests.c.keys())
_ADD_FILE = Prepared(insert(files), files.c.keys())
_SEEN = Prepared(update(requests).where(*_KNOWN).values(seen=bindparam("now"), until=bindparam("end")))
_DENIED = Prepared(
    update(requests)
    .where(*_KNOWN)
    .values(denied_by=bindparam("by"), denied_why=bindparam("why"), denied_at=bindparam("now"))
)
_REMOVE = Prepared(delete(requests).where(*_KNOWN))
_REMOVE_FILES = Prepared(
    delete(files).where(files.c.repository_id == bindparam("repository"), files.c.number == bindparam("known"))
)
_BACK = Prepared(update(requests).where(requests.c.waits).values(seen=bindparam("now"), counted_from=bindparam("now")))
