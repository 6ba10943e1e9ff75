"""The event stream of each repository as an outbox: rows written in the transaction that they tell of."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, bindparam, func, insert, select

from mlv_server.domain.events import Event, EventKind
from mlv_server.domain.noticing import is_personal
from mlv_server.metadata.bells import concerning
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables import events

_LAST = Prepared(select(func.max(events.c.sequence)).where(events.c.repository_id == bindparam("repository")))
_AFTER = Prepared(
    select(events.c.sequence, events.c.time, events.c.kind, events.c.data)
    .where(events.c.repository_id == bindparam("repository"), events.c.sequence > bindparam("after"))
    .order_by(events.c.sequence)
    .limit(bindparam("most"))
)
_ADD = Prepared(insert(events), events.c.keys())


class Events:
    """Events, numbered from 1 per repository."""

    def __init__(self, connection: Connection, told: set[int]) -> None:
        self._connection = connection
        self._told = told

    def append(self, repository_id: int, time: int, happened: tuple[Event, ...]) -> None:
        """Add events at the end of the repository's stream; `time` in ms."""
        if not happened:
            return
        self._told.add(repository_id)
        if any(is_personal(event) for event in happened):
            self._told.add(concerning(repository_id))
        last = self.last(repository_id)
        _ADD.run_many(
            self._connection,
            [
                {
                    "repository_id": repository_id,
                    "sequence": last + place,
                    "time": time,
                    "kind": event.kind.value,
                    "data": dict(event.data),
                }
                for place, event in enumerate(happened, start=1)
            ],
        )

    def last(self, repository_id: int) -> int:
        """The number of the newest event; 0 before the first."""
        return _LAST.scalar(self._connection, repository=repository_id) or 0

    def after(self, repository_id: int, sequence: int, limit: int) -> tuple[tuple[int, int, Event], ...]:
        """At most `limit` events after number `sequence`, oldest first: (number, time in ms, event)."""
        found = _AFTER.rows(self._connection, repository=repository_id, after=sequence, most=limit)
        return tuple((number, time, Event(EventKind(kind), data)) for number, time, kind, data in found)

    def of_kinds(
        self, repository_id: int, sequence: int, kinds: Collection[EventKind]
    ) -> Iterator[tuple[int, int, Event]]:
        """The events of some kinds after number `sequence`, oldest first: (number, time in ms, event)."""
        wanted = (
            select(events.c.sequence, events.c.time, events.c.kind, events.c.data)
            .where(events.c.repository_id == repository_id, events.c.sequence > sequence)
            .where(events.c.kind.in_(sorted(kind.value for kind in kinds)))
            .order_by(events.c.sequence)
        )
        for number, time, kind, data in self._connection.execute(wanted):
            yield number, time, Event(EventKind(kind), data)
