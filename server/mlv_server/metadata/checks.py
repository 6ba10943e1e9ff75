"""External checks: who outside is asked before what is written."""

from __future__ import annotations

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from mlv_core.deferred import dataclass
from mlv_core.errors import AlreadyExists, NotFound
from mlv_core.hooks import Check, Moment
from mlv_core.ids import escape
from mlv_server.metadata.prepared import Prepared, Row
from mlv_server.metadata.tables import users
from mlv_server.metadata.tables_hooks import checks

_COLUMNS = [column for column in checks.c if column.name != "created_by_id"]
_SELECT: Select[Row] = select(*_COLUMNS, users.c.name.label("created_by")).join(
    users, users.c.id == checks.c.created_by_id
)
_ALL = Prepared(_SELECT.where(checks.c.repository_id == bindparam("repository")).order_by(checks.c.name))


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check and what signs its questions: `old_secret` as it stands, also one that has run out."""

    info: Check
    secret: str
    old_secret: str

    def secrets(self, now: int) -> tuple[str, ...]:
        """What signs at `now` (ms): the newest first."""
        until = self.info.old_secret_until
        return (self.secret, self.old_secret) if until is not None and now < until else (self.secret,)


class Checks:
    """Checks by repository."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository_id: int, creator_id: int, check: Check, secret: str) -> None:
        """Keep a new check. Raises: AlreadyExists for a name that is taken."""
        if any(one.info.name == check.name for one in self.list_all(repository_id)):
            raise AlreadyExists(f"There is a check '{escape(check.name)}' already.", advice="Give another --name.")
        self._connection.execute(
            insert(checks).values(
                repository_id=repository_id,
                id=check.id,
                name=check.name,
                url=check.url,
                moments=[int(moment) for moment in check.moments],
                ref=check.ref,
                paths=list(check.paths),
                deadline=check.deadline,
                fail_open=check.fail_open,
                secret=secret,
                old_secret="",
                old_secret_until=None,
                created_by_id=creator_id,
                created_at=check.created_at,
            )
        )

    def list_all(self, repository_id: int) -> tuple[CheckRow, ...]:
        """Every check of a repository, by name."""
        return tuple(_check(row) for row in _ALL.rows(self._connection, repository=repository_id))

    def get(self, repository_id: int, check: str) -> CheckRow:
        """The check of an id or name. Raises: NotFound."""
        for row in self.list_all(repository_id):
            if check in {row.info.id, row.info.name}:
                return row
        raise NotFound(f"There is no check '{escape(check[:40])}'.", advice="'mlv check list REPO' shows them.")

    def count(self, repository_id: int) -> int:
        """How many a repository has."""
        found = select(func.count()).where(checks.c.repository_id == repository_id)
        return self._connection.scalar(found) or 0

    def rotate(self, repository_id: int, row: CheckRow, secret: str, old_until: int) -> None:
        """Sign with `secret` from now on, and until `old_until` (ms) with the one before it too."""
        mine = update(checks).where(checks.c.repository_id == repository_id, checks.c.id == row.info.id)
        self._connection.execute(mine.values(secret=secret, old_secret=row.secret, old_secret_until=old_until))

    def remove(self, repository_id: int, check: str) -> None:
        """Forget the check of an id."""
        self._connection.execute(delete(checks).where(checks.c.repository_id == repository_id, checks.c.id == check))


def _check(row: Row) -> CheckRow:
    said = dict(zip((*(column.name for column in _COLUMNS), "created_by"), row, strict=True))
    info = Check(
        id=said["id"],
        name=said["name"],
        url=said["url"],
        moments=tuple(Moment(moment) for moment in said["moments"]),
        ref=said["ref"],
        paths=tuple(said["paths"]),
        deadline=said["deadline"],
        fail_open=bool(said["fail_open"]),
        created_by=said["created_by"],
        created_at=said["created_at"],
        old_secret_until=said["old_secret_until"],
    )
    return CheckRow(info, said["secret"], said["old_secret"])
