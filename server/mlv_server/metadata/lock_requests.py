"""Who asked for locks, in the database (L10): the queue survives restarts."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from mlv_core.ids import BranchId, ChangesetNumber, FileId
from mlv_server.domain.lock_queue import Request
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables import branches, users
from mlv_server.metadata.tables_waiting import lock_request_files as files
from mlv_server.metadata.tables_waiting import lock_request_folders as folders
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
        trees: dict[int, dict[str, ChangesetNumber]] = {}
        if len(asked) < len(rows):
            for number, path, base in _FOLDERS.rows(self._connection, repository=repository_id):
                trees.setdefault(number, {})[path] = ChangesetNumber(base)
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
                files={file: (path, token) for file, path, token, _ in asked.get(number, ())},
                bases={file: ChangesetNumber(base) for file, _, _, base in asked.get(number, ())},
                asked_at=asked_at,
                seen=seen,
                until=until,
                counted_from=counted_from,
                denied_by=denied_by,
                denied_why=denied_why,
                denied_at=denied_at,
                folders=trees.get(number, {}),
                behind=behind,
            )
            for number, user, owner_id, workspace, host, branch, reason, waits, asked_at, seen, until, counted_from,
            denied_by, denied_why, denied_at, behind in rows
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
            behind=new.behind,
        )
        known = {"repository_id": repository_id, "number": number}
        if new.files:
            asked = new.files.items()
            rows = [
                {**known, "file_id": file, "path": path, "token": token, "base": new.bases[file]}
                for file, (path, token) in asked
            ]
            _ADD_FILE.run_many(self._connection, rows)
        if new.folders:
            trees = [{**known, "path": path, "base": base} for path, base in new.folders.items()]
            _ADD_FOLDER.run_many(self._connection, trees)
        return number

    def seen(self, repository_id: int, number: int, now: int, until: int) -> None:
        """Note a sign of life of who waits, and until when it will."""
        _SEEN.run(self._connection, repository=repository_id, known=number, now=now, end=until)

    def denied(self, repository_id: int, number: int, by: str, why: str, now: int) -> None:
        """Note that the request was denied."""
        _DENIED.run(self._connection, repository=repository_id, known=number, by=by, why=why, now=now)

    def passed(self, repository_id: int, numbers: Iterable[int], token: int) -> None:
        """Note that the locks up to this fencing token went before these requests, by their place."""
        late = [{"repository": repository_id, "known": number, "last": token} for number in numbers]
        if late:
            _PASSED.run_many(self._connection, late)

    def remove(self, repository_id: int, numbers: Iterable[int]) -> None:
        """Forget requests."""
        gone = [{"repository": repository_id, "known": number} for number in numbers]
        if gone:
            _REMOVE_FILES.run_many(self._connection, gone)
            _REMOVE_FOLDERS.run_many(self._connection, gone)
            _REMOVE.run_many(self._connection, gone)

    def forget(self, owner_id: int) -> None:
        """Forget all that a user asked for, in every repository: they have no say any more."""
        for repository_id, number in _OF_OWNER.rows(self._connection, owner=owner_id):
            self.remove(repository_id, (number,))

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
        requests.c.behind,
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
_FOLDERS = Prepared(
    select(folders.c.number, folders.c.path, folders.c.base)
    .where(folders.c.repository_id == bindparam("repository"))
    .order_by(folders.c.number, folders.c.path)
)
_OF_OWNER = Prepared(
    select(requests.c.repository_id, requests.c.number).where(requests.c.owner_id == bindparam("owner"))
)
_ADD = Prepared(insert(requests), requests.c.keys())
_ADD_FILE = Prepared(insert(files), files.c.keys())
_ADD_FOLDER = Prepared(insert(folders), folders.c.keys())
_PASSED = Prepared(update(requests).where(*_KNOWN).values(behind=bindparam("last")))
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
_REMOVE_FOLDERS = Prepared(
    delete(folders).where(folders.c.repository_id == bindparam("repository"), folders.c.number == bindparam("known"))
)
_BACK = Prepared(update(requests).where(requests.c.waits).values(seen=bindparam("now"), counted_from=bindparam("now")))
