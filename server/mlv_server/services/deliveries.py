"""Tells webhooks what happened: each from its own place in the events, in order, at least once, until it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mlv_core.errors import MlvError, Unreachable
from mlv_core.failpoints import failpoint
from mlv_core.hooks import Delivery, HookState
from mlv_server.domain.audit import AuditEntry
from mlv_server.domain.delivering import Letter, Progress, after_attempt
from mlv_server.domain.events import webhook_event
from mlv_server.metadata.bells import EVERYBODY, Bell
from mlv_server.metadata.engine import Database
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.webhooks import WebhookRow
from mlv_server.outgoing.caller import Caller
from mlv_server.services import letters
from mlv_server.services.lasting import lasting
from mlv_server.telemetry import logger

AT_ONCE = 16
"""Webhooks that are sent to at the same time; one that does not answer holds its place for 10 s at most."""
TURN = 100
"""Events sent to one webhook before it stands in line again: one that is far behind must not hold up the others."""
GATHERING_SECONDS = 0.05
"""Between two looks for what happened, so that a busy moment costs one look and not a thousand."""
IDLE_SECONDS = 60.0
HELD_MS = 60_000
"""Until a webhook is looked at again whose progress could not be written: the disk may be full."""
SERVER = "server"
"""Whom the audit trail names for what nobody asked for."""

Key = tuple[int, str]


class Deliveries:
    """The task that serves all webhooks of a server. `now` gives the time in ms, `jitter` a random number from 0 to 1.

    The database alone says what is to be sent: a start after a kill goes on where the last success was written, so
    that an event may be sent twice and none is left out.
    """

    def __init__(self, db: Database, caller: Caller, now: Callable[[], int], jitter: Callable[[], float]) -> None:
        self._db = db
        self._caller = caller
        self._now = now
        self._jitter = jitter
        self._places = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[Key, asyncio.Task[None]] = {}
        self._held: dict[Key, int] = {}

    async def run(self) -> None:
        """Serve until the server stops or the task is cancelled."""
        try:
            with self._db.bells.hung(EVERYBODY) as bell:
                while True:
                    self._db.bells.check_open()
                    bell.answer()
                    await bell.wait(await self._begin_or_wait(bell))
                    await asyncio.sleep(GATHERING_SECONDS)
        except Unreachable:
            return  # the server is stopping
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def sweep(self) -> None:
        """Send all that is due now, and wait until that is done."""
        await self._begin(None)
        await asyncio.gather(*self._under_way.values())

    async def _begin_or_wait(self, bell: Bell) -> float:
        """As `_begin`; where that fails, as on a busy database, the next look comes later."""
        seconds = IDLE_SECONDS
        with lasting("webhooks not served"):
            seconds = await self._begin(bell)
        return seconds  # noqa: RET504 - the step may have failed

    async def _begin(self, bell: Bell | None) -> float:
        """Serve every webhook that is due, each in a task of its own; the seconds until the next one is."""
        now = self._now()
        seconds = IDLE_SECONDS
        for repository, webhook, next_at in await self._db.glance(lambda tx: tx.webhooks.behind()):
            key = (repository, webhook)
            due = max(next_at or 0, self._held.get(key, 0))
            if due > now:
                seconds = min(seconds, (due - now) / 1000)
            elif key not in self._under_way:
                self._held.pop(key, None)
                task = asyncio.create_task(self._serve(key))
                self._under_way[key] = task
                task.add_done_callback(lambda done, key=key: self._ended(done, key, bell))  # type: ignore[misc]
        return seconds

    def _ended(self, task: asyncio.Task[None], key: Key, bell: Bell | None) -> None:
        self._under_way.pop(key, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._held[key] = self._now() + HELD_MS
            logger().error("webhook not served", webhook=key[1], exc_info=error)
        if bell is not None:
            bell.ring()

    async def _serve(self, key: Key) -> None:
        """Send to one webhook what is next, and next, until nothing is, an attempt fails, or it is others' turn."""
        async with self._places:
            for _ in range(TURN):
                try:
                    if not await self._step(key):
                        return
                except MlvError as error:
                    self._held[key] = self._now() + HELD_MS
                    logger().warning("webhook not served", webhook=key[1], code=error.code)
                    return

    async def _step(self, key: Key) -> bool:
        """One look and, where there is something, one attempt; whether to go on."""
        now = self._now()

        def look(tx: Transaction) -> tuple[WebhookRow, Letter | letters.Nothing | letters.Stop] | None:
            found = tx.webhooks.find(*key)
            if found is None or found.info.state is not HookState.ACTIVE or (found.info.next_at or 0) > now:
                return None
            return found, letters.next_of(tx, found, now)

        found = await self._db.glance(look)
        if found is None:
            return False
        hook, wanted = found
        if isinstance(wanted, letters.Nothing):
            if wanted.position > hook.info.position:
                await self._note(key, hook, Progress(wanted.position), None)
            return wanted.more
        if isinstance(wanted, letters.Stop):
            await self._note(key, hook, Progress(hook.info.position, HookState.STOPPED, wanted.reason), None)
            return False
        failpoint("webhook.sending")
        made = await letters.send(self._caller, wanted, now)
        failpoint("webhook.sent")
        info = hook.info
        before = Progress(info.position, info.state, info.reason, info.attempts, hook.failing_since, info.next_at)
        after = after_attempt(before, wanted.sequence, made.fault, self._now(), self._jitter())
        await self._note(key, hook, after, made)
        failpoint("webhook.noted")
        return not made.fault

    async def _note(self, key: Key, hook: WebhookRow, progress: Progress, made: Delivery | None) -> None:
        """Write what came of an attempt, unless somebody paused, resumed or deleted the webhook meanwhile."""
        now = self._now()

        def work(tx: Transaction) -> None:
            current = tx.webhooks.find(*key)
            if current is None:
                return
            if made is not None:
                tx.webhooks.note(*key, made)
            if replace(current.info, old_secret_until=None) != replace(hook.info, old_secret_until=None):
                return
            tx.webhooks.advance(*key, progress)
            if progress.state is not HookState.ACTIVE:
                tx.audit.append(key[0], (_stopped(key[1], progress, now),))
                tx.events.append(key[0], now, (webhook_event(key[1], progress.reason),))

        await self._db.write(work)


def _stopped(webhook: str, progress: Progress, now: int) -> AuditEntry:
    """The audit entry of a webhook that the server itself stopped."""
    return AuditEntry(
        time=now,
        user=SERVER,
        token_id="",
        peer="",
        request_id="",
        action="webhook.stop",
        object=webhook,
        allowed=True,
        reason=progress.reason,
        detail=(("attempts", str(progress.attempts)), ("after", str(progress.position))),
    )
