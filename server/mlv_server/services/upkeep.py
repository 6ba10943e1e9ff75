"""What a running server does by the clock: writes down signs of life, tells of expired locks, follows a set clock."""

from __future__ import annotations

import asyncio

from mlv_core.entities import Lock, LockMode
from mlv_server.domain.audit import AuditEntry
from mlv_server.domain.events import EventKind, lock_event
from mlv_server.metadata.engine import Database
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services.clock import Clock
from mlv_server.services.contacts import Contacts
from mlv_server.services.lasting import lasting
from mlv_server.telemetry import logger

PERIOD_SECONDS = 10.0
"""Between two looks. With what `Contacts` leaves out, a sign of life is written down within 40 s."""
SERVER = "server"
"""Whom audit and events name for what nobody did."""


class Upkeep:
    """The task of one running server."""

    def __init__(self, db: Database, contacts: Contacts, clock: Clock) -> None:
        self._db = db
        self._contacts = contacts
        self._clock = clock
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Do what is due, again and again, until `stop`; what failed, as on a busy database, is due the next time."""
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(PERIOD_SECONDS):
                    await self._stopping.wait()
            except TimeoutError:
                await self._done()
        await self._done()

    async def _done(self) -> None:
        with lasting("upkeep failed"):
            await self.step()

    def stop(self) -> None:
        """Let `run` end once it has written down what it knows."""
        self._stopping.set()

    async def step(self) -> None:
        """Do what is due now. Raises: DiskFull, Unreachable."""
        await self._follow()
        await self._write_contacts()
        now = self._clock.now()
        if await self._db.read(lambda tx: tx.locks.ended(now)):
            await self._db.write(lambda tx: _tell_expired(tx, now))

    async def _follow(self) -> None:
        """Where the wall clock was set, move leases with it (L8): meanwhile they are too long rather than too short."""
        jump = self._clock.jump()
        if not jump:
            return
        logger().warning("the clock was set", milliseconds=jump)
        if jump < 0:
            self._clock.follow(jump)
        await self._db.write(lambda tx: tx.locks.move_clock(jump))
        if jump > 0:
            self._clock.follow(jump)

    async def _write_contacts(self) -> None:
        taken = self._contacts.take()
        if not taken:
            return
        try:
            await self._db.write(lambda tx: tx.workspaces.seen_many(taken))
        except BaseException:
            self._contacts.put_back(taken)
            raise


def _tell_expired(tx: Transaction, now: int) -> None:
    """Note every lease that has ended, once; those that a sign of life has led further are written as they are."""
    for repository_id, lock in tx.locks.ended(now):
        if not lock.has_expired(now):
            tx.locks.renew(repository_id, (lock,))
        else:
            if lock.mode is LockMode.INTENT:
                tx.locks.remove(repository_id, [lock.token])  # nobody has to renew what blocks nobody (L2)
            else:
                tx.locks.note_expired(repository_id, [lock.token], now)
            tx.audit.append(repository_id, (_entry(lock, now),))
            tx.events.append(repository_id, now, (lock_event(EventKind.LOCK_EXPIRED, lock, SERVER),))


def _entry(lock: Lock, now: int) -> AuditEntry:
    detail = (("owner", lock.owner), ("branch", lock.branch), ("token", str(lock.token)))
    return AuditEntry(
        time=now,
        user=SERVER,
        token_id="",
        peer="",
        request_id="",
        action=EventKind.LOCK_EXPIRED.value,
        object=lock.path,
        allowed=True,
        detail=detail,
    )
