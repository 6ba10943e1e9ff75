"""Composition root: checked settings in, running server out; the only module that names every part."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mlv_core.errors import InvalidSettings, LimitExceeded
from mlv_core.heap import keep_buffers
from mlv_core.ids import ServerAddress
from mlv_server import telemetry
from mlv_server.auth import certificates
from mlv_server.content.store import ContentStore
from mlv_server.domain.policy import Principal
from mlv_server.metadata import migrations
from mlv_server.metadata.claim import claimed
from mlv_server.metadata.engine import Database
from mlv_server.outgoing.caller import Caller
from mlv_server.rpc import server as rpc
from mlv_server.rpc.chain import Parts
from mlv_server.services import recovery, seals
from mlv_server.services.background import Background
from mlv_server.services.clock import Clock
from mlv_server.services.contacts import Contacts
from mlv_server.services.deliveries import Deliveries
from mlv_server.services.ledger import Bookkeeper
from mlv_server.services.notices import NoticeBoard
from mlv_server.services.upkeep import Upkeep

if TYPE_CHECKING:
    from mlv_server.settings import Settings

COLLECTOR_THRESHOLDS = (50_000, 20, 100)
"""Objects more than before a look at the youngest, and looks at them before one at the older ones."""
SIGNAL_EXIT = 128
"""What a shell adds to the number of the signal that ended a process."""


@asynccontextmanager
async def open_parts(
    settings: Settings, *, background: bool = True, clock: Clock | None = None
) -> AsyncIterator[Parts]:
    """The database, content store and background work of one server folder, closed in the reverse order.

    With `background` False nothing is done but what the caller does: for commands beside a running server.

    Raises: InvalidSettings when the folder holds no server, one of another version, or one that another process runs;
    DamagedContent when the disk has changed its files.
    """
    if background:
        await asyncio.to_thread(seals.check, settings)
    migrations.check(settings.database_url)
    if background:
        with claimed(settings.database_url):
            opened = _opened(settings, clock or Clock(), background=True)
            async with _unsealed(settings, contextlib.nullcontext()), opened as parts:
                yield parts
    elif await asyncio.to_thread(seals.faults, settings):
        async with _opened(settings, clock or Clock(), background=False) as parts:
            yield parts
    else:
        alone = claimed(settings.database_url)
        async with _unsealed(settings, alone), _opened(settings, clock or Clock(), background=False) as parts:
            yield parts


@asynccontextmanager
async def _unsealed(settings: Settings, alone: AbstractContextManager[None]) -> AsyncIterator[None]:
    """No seal stands while the files may change; afterwards there is one, unless `alone` says that a server runs."""
    await asyncio.to_thread(seals.remove, settings)
    yield
    with contextlib.suppress(InvalidSettings), alone:
        await asyncio.to_thread(seals.seal, settings)


@asynccontextmanager
async def _opened(settings: Settings, clock: Clock, *, background: bool) -> AsyncIterator[Parts]:
    db = await Database.open(settings.database_url)
    try:
        store = await ContentStore.open(settings, db, clock.now)
        work = Background(settings, db, store, running=background)
        caller = Caller(settings)
        try:
            anonymous = Principal.anonymous()
            news = NoticeBoard(db)
            yield Parts(db, store, work, settings, telemetry.Metrics(), caller, anonymous, clock, Contacts(), news)
        finally:
            await work.close()
            caller.close()
            await store.close()
    finally:
        await db.close()


async def serve(settings: Settings, ready: Callable[[str, str], None], clock: Clock | None = None) -> None:
    """Run a server until SIGTERM or SIGINT; `ready(url, fingerprint)` is called once it listens.

    `clock` None: the machine's.

    A stop refuses new calls and lets those in flight finish within the grace time; a second signal ends the process
    at once, which loses nothing that was acknowledged (C2).
    Raises: InvalidSettings, LimitExceeded when the address is taken.
    """
    await asyncio.to_thread(seals.check, settings)
    fingerprint = ""
    if not settings.plaintext:
        if certificates.ensure_leaf(settings, (settings.host,), dt.datetime.now(dt.UTC)):
            telemetry.logger().info("certificate issued", path=str(settings.certificate))
        fingerprint = certificates.fingerprint(certificates.authority_der(settings))
    async with open_parts(settings, clock=clock) as parts:
        await recovery.after_start(parts.db, parts.store, parts.background, parts.clock.now())
        server, health = await rpc.build(parts)
        try:
            port = rpc.listen(server, settings)
        except OSError as error:
            message = f"Cannot listen on {settings.host}:{settings.port}: {error}."
            raise LimitExceeded(message, advice="Stop what uses the port, or name another with --listen.") from error
        if settings.metrics_port:
            parts.metrics.serve(settings.metrics_host, settings.metrics_port)
        stop = _stop_signal()
        tune_collector()
        await server.start()
        webhooks = asyncio.create_task(_tell(parts))
        webhooks.add_done_callback(_log_end)
        upkeep = Upkeep(parts.db, parts.contacts, parts.clock)
        kept_up = asyncio.create_task(upkeep.run())
        bookkeeper = Bookkeeper(parts.db, parts.memory.ledger, parts.clock.now)
        booked = asyncio.create_task(bookkeeper.run())
        url = str(ServerAddress(settings.host, port, plaintext=settings.plaintext))
        telemetry.logger().info("listening", url=url, fingerprint=fingerprint)
        ready(url, fingerprint)
        await stop.wait()
        telemetry.logger().info("stopping", grace_seconds=settings.grace_seconds)
        await health.enter_graceful_shutdown()
        parts.db.bells.close()  # who watches would wait for all of the grace time
        await server.stop(settings.grace_seconds)
        await asyncio.wait((webhooks,))
        upkeep.stop()
        bookkeeper.stop()
        await booked
        await kept_up
    telemetry.logger().info("stopped")


def _log_end(task: asyncio.Task[None]) -> None:
    """Say at once why a task ended that should not."""
    if not task.cancelled() and (error := task.exception()) is not None:
        telemetry.logger().error("webhooks are told no more until the next start", exc_info=error)


async def _tell(parts: Parts) -> None:
    """Tell webhooks what happens, until the server stops."""
    if parts.settings.outgoing_webhooks:
        await Deliveries(parts.db, parts.outgoing, parts.clock.now, random.random).run()


def run(settings: Settings, ready: Callable[[str, str], None], clock: Clock | None = None) -> None:
    """Run `serve` on the fastest event loop there is, with the allocator set for large buffers."""
    telemetry.configure_logging(settings)
    keep_buffers()
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms
    except ImportError:
        asyncio.run(serve(settings, ready, clock))
    else:
        uvloop.run(serve(settings, ready, clock))


def tune_collector() -> None:
    """Look for cycles seldom: a list of 100,000 files is a million objects, and each look stops the event loop.

    Measured with such a commit: half of the time, and the longest stop of the loop 60 ms instead of 330.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def with_listen(settings: Settings, host: str, port: int) -> Settings:
    """`settings` listening elsewhere.

    Raises: InvalidSettings for plaintext outside of the loopback.
    """
    from mlv_server.settings import is_loopback  # noqa: PLC0415 - keeps the type-only import above type-only

    if settings.plaintext and not is_loopback(host):
        message = f"Plaintext is served on loopback only, not on {host}."
        raise InvalidSettings(message, advice="Listen on 127.0.0.1, or leave TLS on.")
    return replace(settings, host=host, port=port)


def _stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; made before the server listens, so that no stop comes too early."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if stopped.is_set():
            os._exit(SIGNAL_EXIT + number)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    return stopped
