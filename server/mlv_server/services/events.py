"""Watching a repository: events from a number on, each page with the rights of its moment, then a wait for more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidRequest, NotFound
from mlv_core.ids import RepositoryName
from mlv_core.watching import EventFilter, EventPage, EventRecord
from mlv_server.auth.identity import identify_again
from mlv_server.domain.events import check_wanted, is_wanted
from mlv_server.metadata.bells import Bell
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call
from mlv_server.services.sights import View

PAGE = 200
"""Events read in one transaction and sent in one message: some 100 KiB."""
HEARTBEAT_SECONDS = 30.0
"""A line is silent for no longer, so that a dead one is seen; rights taken away end an idle stream by then."""


async def watch(call: Call, wanted: EventFilter, now: Callable[[], int]) -> AsyncIterator[EventPage]:
    """Pages of events, the first one empty with the number that the stream begins after.

    A page is empty where nothing that is wanted happened; each was read with the rights that the caller had then.
    `now` gives the time in ms. Raises: InvalidRequest, InvalidPath; NotFound, Denied, NotSignedIn, also later;
    Unreachable when the server stops.
    """
    check_wanted(wanted.kinds, wanted.paths)
    name = RepositoryName.parse(wanted.repository)
    repository, branch = await call.db.glance(lambda tx: _place(tx, call, name, wanted.branch))
    look = _Look(call, replace(wanted, branch=branch), name, repository, now)
    with call.db.bells.hung(repository) as bell:
        place = await call.db.glance(look.start)
        yield EventPage((), place)
        async for page in _pages(look, bell, place):
            yield page


def _place(tx: Transaction, call: Call, name: RepositoryName, branch: str) -> tuple[int, str]:
    """The repository's id, and the branch ('': all) as it is written. Raises: NotFound, also for a hidden one (P4)."""
    row = tx.repositories.get(name)
    return row.id, View(tx, call, row).branch(branch).name if branch else ""


async def _pages(look: _Look, bell: Bell, place: int) -> AsyncIterator[EventPage]:
    """The pages after `place`, read after the bell was answered: what is not in them will ring it."""
    call = look.call
    while True:
        call.db.bells.check_open()
        bell.answer()
        async with access.audited(call, "list", look.wanted.repository, look.name):
            page = await call.db.glance(lambda tx, after=place: look.page(tx, after))  # type: ignore[misc]
        moved, place = page.sequence > place, page.sequence
        if moved:
            yield page
        elif not look.wanted.follow:
            return
        elif not await bell.wait(HEARTBEAT_SECONDS):
            yield page


@dataclass(frozen=True, slots=True)
class _Look:
    """What one watcher looks for, and how it is read."""

    call: Call
    wanted: EventFilter
    name: RepositoryName
    repository: int
    now: Callable[[], int]

    def start(self, tx: Transaction) -> int:
        """The number to begin after. Raises: InvalidRequest for one that was never reached."""
        last = tx.events.last(self.repository)
        if self.wanted.after is None:
            return last
        if self.wanted.after > last:
            raise InvalidRequest(
                f"The events of '{self.name}' end at {last}, before {self.wanted.after}.",
                advice="If the server was restored from a backup, begin anew without --after.",
            )
        return self.wanted.after

    def page(self, tx: Transaction, after: int) -> EventPage:
        """What is next, for who the caller is now. Raises: NotFound, Denied, NotSignedIn."""
        now = self.now()
        call = replace(self.call, principal=identify_again(tx, self.call.principal, now), now=now)
        row = tx.repositories.find(self.name)
        if row is None or row.id != self.repository:
            raise NotFound(f"There is no repository '{self.name}'.", advice="'mlv repo list' shows yours.")
        access.check(tx, call, "list", row)
        view = View(tx, call, row)
        found, wanted = tx.events.after(self.repository, after, PAGE), self.wanted
        told = tuple(
            EventRecord(sequence, time, event.kind.value, view.told_event(event))
            for sequence, time, event in found
            if is_wanted(event, wanted.kinds, wanted.branch, wanted.paths) and view.may_hear(event)
        )
        return EventPage(told, found[-1][0] if found else after)
