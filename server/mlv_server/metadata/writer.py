"""How functions that write are run: joined by one thread on SQLite, each for itself on PostgreSQL."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from mlv_core.errors import LimitExceeded, Unreachable
from mlv_core.failpoints import failpoint
from mlv_server.metadata.failures import is_serialization_failure, translate, translated
from mlv_server.metadata.prepared import run_plain

T = TypeVar("T")

JOINED_LIMIT = 256
"""Functions in one transaction: by then the cost of its sync is spread thin, and nobody waits long for the others."""
WAITING_LIMIT = 20_000
"""Functions that may wait: as many as the server lets requests wait."""


ATTEMPTS = 10
"""Runs of one function on PostgreSQL before its serialization failure is given up on."""
FIRST_PAUSE_SECONDS = 0.005
"""Before the second run, at most; doubled with each."""


class Writer(Protocol):
    """Runs functions of a connection, each whole or not at all; what they return is handed out when it is durable.

    A function may run again when its transaction failed, so it must do nothing but use its connection.
    """

    def submit(self, fn: Callable[[Connection], T], *, long: bool = False) -> Future[T]:
        """Queue `fn`; the future gets its result once it is durable. `long`: others need not wait until it is done.

        Raises: Unreachable when closing, LimitExceeded when too many wait.
        """

    def close(self) -> None:
        """Refuse new functions, finish those that wait."""


class JoiningWriter:
    """Runs functions of a connection one after the other, several to a transaction, each in its own savepoint.

    A function that raises undoes only itself. Results are handed out after COMMIT is durable. A long function has a
    transaction of its own, and of what waits the others go first, but never twice in a row: so a lock waits for one
    pack at most, and a pack for those who are there when its turn comes.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: deque[_Job] = deque()
        self._long: deque[_Job] = deque()
        self._turn_of_long = False
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="mlv-database-writer", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[Connection], T], *, long: bool = False) -> Future[T]:
        """Queue `fn`; the future gets its result once it is durable.

        Raises: Unreachable when closing, LimitExceeded when too many wait.
        """
        job = _Job(fn)
        with self._changed:
            if self._closing:
                raise _closed()
            if len(self._waiting) + len(self._long) >= WAITING_LIMIT:
                raise _too_many()
            (self._long if long else self._waiting).append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Refuse new functions, finish those that wait, end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _serve(self) -> None:
        while jobs := self._take():
            started = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if started:
                self._run(started)

    def _take(self) -> list[_Job]:
        """The next jobs to join; empty when closed and all is done."""
        with self._changed:
            while not (self._waiting or self._long or self._closing):
                self._changed.wait()
            if self._long and (self._turn_of_long or not self._waiting):
                self._turn_of_long = False
                return [self._long.popleft()]
            self._turn_of_long = True
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), JOINED_LIMIT))]

    def _run(self, jobs: list[_Job]) -> None:
        """Run `jobs` in one transaction; if that fails as a whole, one by one, so that none harms its neighbours."""
        try:
            with self._engine.begin() as connection:
                for job in jobs:
                    if len(jobs) == 1:
                        job.result = job.fn(connection)
                    else:
                        job.run_in_savepoint(connection)
                failpoint("database.committing")
            failpoint("database.committed")
        except BaseException as error:  # noqa: BLE001 - raised again where the function was handed in
            if len(jobs) > 1:
                for job in jobs:
                    self._run([job])
                return
            jobs[0].error = error
        for job in jobs:
            job.deliver()


class PoolWriter:
    """Runs each function in a serializable transaction of its own, again when it lost a race (PostgreSQL)."""

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mlv-database-writer")
        self._free = threading.BoundedSemaphore(WAITING_LIMIT)
        self._closing = False

    def submit(self, fn: Callable[[Connection], T], *, long: bool = False) -> Future[T]:  # noqa: ARG002 - none waits for it
        """Queue `fn`; the future gets its result once it is durable.

        Raises: Unreachable when closing, LimitExceeded when too many wait.
        """
        if self._closing:
            raise _closed()
        if not self._free.acquire(blocking=False):
            raise _too_many()
        future = self._pool.submit(self._run, fn)
        future.add_done_callback(lambda _: self._free.release())
        return future

    def close(self) -> None:
        """Refuse new functions, finish those that wait."""
        self._closing = True
        self._pool.shutdown()

    def _run(self, fn: Callable[[Connection], T]) -> T:
        with translated():
            for attempt in range(1, ATTEMPTS):
                try:
                    return self._run_once(fn)
                except DBAPIError as error:
                    if not is_serialization_failure(error):
                        raise
                time.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311 - jitter, no secret
            return self._run_once(fn)

    def _run_once(self, fn: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return fn(connection)


def _closed() -> Unreachable:
    return Unreachable("The server is shutting down.")


def _too_many() -> LimitExceeded:
    return LimitExceeded(
        f"More than {WAITING_LIMIT:,} requests wait for the database.", advice="Try again in a moment."
    )


class _Job:
    """A function, and what came of it."""

    __slots__ = ("error", "fn", "future", "result")

    def __init__(self, fn: Callable[[Connection], Any]) -> None:
        self.fn = fn
        self.future: Future[Any] = Future()
        self.result: Any = None
        self.error: BaseException | None = None

    def run_in_savepoint(self, connection: Connection) -> None:
        """Run; an error is kept and undoes this function alone.

        Raises: what the database raises when it has given up the whole transaction.
        """
        self.result, self.error = None, None
        # Plain statements: SQLAlchemy's own savepoints cost as much as all that a small function does.
        run_plain(connection, "SAVEPOINT job")
        try:
            self.result = self.fn(connection)
        except BaseException as error:  # noqa: BLE001 - raised again where the function was handed in
            run_plain(connection, "ROLLBACK TO job")
            self.error = error
        run_plain(connection, "RELEASE job")

    def deliver(self) -> None:
        """Hand the outcome to whoever waits."""
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(translate(self.error))
