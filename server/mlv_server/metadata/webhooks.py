"""Webhooks: whom to tell of a repository's events, how far each has come, and the last deliveries."""

from __future__ import annotations

from sqlalchemy import Connection, Select, bindparam, delete, exists, func, insert, select, update

from mlv_core.deferred import dataclass
from mlv_core.errors import NotFound
from mlv_core.hooks import Delivery, HookState, Webhook
from mlv_core.ids import escape
from mlv_server.domain.delivering import Progress
from mlv_server.metadata.prepared import Prepared, Row
from mlv_server.metadata.tables import events, users
from mlv_server.metadata.tables_hooks import deliveries, webhooks

KEPT_DELIVERIES = 200
"""Of each webhook: some 200 KB, and a day of retries many times over."""

_COLUMNS = [column for column in webhooks.c if column.name != "last_delivery"]
_SELECT: Select[Row] = select(*_COLUMNS, users.c.name.label("created_by")).join(
    users, users.c.id == webhooks.c.created_by_id
)
_OF = webhooks.c.repository_id == bindparam("repository")
_ONE = _SELECT.where(_OF, webhooks.c.id == bindparam("webhook"))
_KNOWN = Prepared(_ONE)
_ALL = Prepared(_SELECT.where(_OF).order_by(webhooks.c.created_at, webhooks.c.id))
_BEHIND = Prepared(
    select(webhooks.c.repository_id, webhooks.c.id, webhooks.c.next_at).where(
        webhooks.c.state == int(HookState.ACTIVE),
        exists().where(events.c.repository_id == webhooks.c.repository_id, events.c.sequence > webhooks.c.position),
    )
)


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook with what the server alone knows of it; `secrets` as they stand, also one that has run out."""

    repository_id: int
    info: Webhook
    creator_id: int
    secret: str
    old_secret: str
    failing_since: int | None

    def secrets(self, now: int) -> tuple[str, ...]:
        """What signs at `now` (ms): the newest first."""
        until = self.info.old_secret_until
        return (self.secret, self.old_secret) if until is not None and now < until else (self.secret,)


class Webhooks:
    """Webhooks by repository."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository_id: int, creator_id: int, hook: Webhook, secret: str) -> None:
        """Keep a new webhook."""
        self._connection.execute(
            insert(webhooks).values(
                repository_id=repository_id,
                id=hook.id,
                url=hook.url,
                kinds=list(hook.kinds),
                paths=list(hook.paths),
                branch=hook.branch,
                secret=secret,
                old_secret="",
                old_secret_until=None,
                created_by_id=creator_id,
                created_at=hook.created_at,
                state=int(hook.state),
                reason=hook.reason,
                position=hook.position,
                attempts=0,
                failing_since=None,
                next_at=None,
                last_delivery=0,
            )
        )

    def find(self, repository_id: int, webhook: str) -> WebhookRow | None:
        """The webhook of an id, or None."""
        row = _KNOWN.first(self._connection, repository=repository_id, webhook=webhook)
        return None if row is None else _webhook(row)

    def get(self, repository_id: int, webhook: str) -> WebhookRow:
        """The webhook of an id. Raises: NotFound."""
        found = self.find(repository_id, webhook)
        if found is None:
            raise NotFound(
                f"There is no webhook '{escape(webhook[:40])}'.", advice="'mlv webhook list REPO' shows them."
            )
        return found

    def list_all(self, repository_id: int) -> tuple[WebhookRow, ...]:
        """Every webhook of a repository, oldest first."""
        return tuple(_webhook(row) for row in _ALL.rows(self._connection, repository=repository_id))

    def behind(self) -> list[tuple[int, str, int | None]]:
        """Every active webhook that has not come to the end of its repository's events: (repository, id, next_at)."""
        return [(repository, webhook, at) for repository, webhook, at in _BEHIND.rows(self._connection)]

    def count(self, repository_id: int) -> int:
        """How many a repository has."""
        found = select(func.count()).where(webhooks.c.repository_id == repository_id)
        return self._connection.scalar(found) or 0

    def advance(self, repository_id: int, webhook: str, progress: Progress) -> None:
        """Keep how far a webhook has come."""
        self._change(
            repository_id,
            webhook,
            state=int(progress.state),
            reason=progress.reason,
            position=progress.position,
            attempts=progress.attempts,
            failing_since=progress.failing_since,
            next_at=progress.next_at,
        )

    def rotate(self, row: WebhookRow, secret: str, old_until: int) -> None:
        """Sign with `secret` from now on, and until `old_until` (ms) with the one before it too."""
        self._change(row.repository_id, row.info.id, secret=secret, old_secret=row.secret, old_secret_until=old_until)

    def remove(self, repository_id: int, webhook: str) -> None:
        """Forget a webhook and its deliveries."""
        of_it = (deliveries.c.repository_id == repository_id, deliveries.c.webhook == webhook)
        self._connection.execute(delete(deliveries).where(*of_it))
        self._connection.execute(
            delete(webhooks).where(webhooks.c.repository_id == repository_id, webhooks.c.id == webhook)
        )

    def note(self, repository_id: int, webhook: str, made: Delivery) -> int:
        """Keep a delivery, drop the oldest beyond the bound; its number."""
        counted = (
            update(webhooks)
            .where(webhooks.c.repository_id == repository_id, webhooks.c.id == webhook)
            .values(last_delivery=webhooks.c.last_delivery + 1)
            .returning(webhooks.c.last_delivery)
        )
        number = int(self._connection.execute(counted).scalar_one())
        self._connection.execute(
            insert(deliveries).values(
                repository_id=repository_id,
                webhook=webhook,
                number=number,
                sequence=made.sequence,
                kind=made.kind,
                time=made.time,
                attempt=made.attempt,
                status=made.status,
                milliseconds=made.milliseconds,
                fault=made.fault,
                answer=made.answer,
            )
        )
        self._connection.execute(
            delete(deliveries).where(
                deliveries.c.repository_id == repository_id,
                deliveries.c.webhook == webhook,
                deliveries.c.number <= number - KEPT_DELIVERIES,
            )
        )
        return number

    def deliveries(self, repository_id: int, webhook: str) -> tuple[Delivery, ...]:
        """What was delivered last, newest first."""
        columns = [column for column in deliveries.c if column.name not in {"repository_id", "webhook"}]
        found = (
            select(*columns)
            .where(deliveries.c.repository_id == repository_id, deliveries.c.webhook == webhook)
            .order_by(deliveries.c.number.desc())
        )
        return tuple(Delivery(**row._mapping) for row in self._connection.execute(found))  # noqa: SLF001 - public API

    def _change(self, repository_id: int, webhook: str, **values: object) -> None:
        one = update(webhooks).where(webhooks.c.repository_id == repository_id, webhooks.c.id == webhook)
        self._connection.execute(one.values(**values))


def _webhook(row: Row) -> WebhookRow:
    said = dict(zip((*(column.name for column in _COLUMNS), "created_by"), row, strict=True))
    info = Webhook(
        id=said["id"],
        url=said["url"],
        kinds=tuple(said["kinds"]),
        paths=tuple(said["paths"]),
        branch=said["branch"],
        state=HookState(said["state"]),
        reason=said["reason"],
        position=said["position"],
        attempts=said["attempts"],
        next_at=said["next_at"],
        old_secret_until=said["old_secret_until"],
        created_by=said["created_by"],
        created_at=said["created_at"],
    )
    return WebhookRow(
        said["repository_id"], info, said["created_by_id"], said["secret"], said["old_secret"], said["failing_since"]
    )
