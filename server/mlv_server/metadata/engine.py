"""The metadata database: `read` and `write` run a plain function of a transaction, on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from mlv_core.errors import Unreachable
from mlv_server.metadata.bells import Bells, after_commit
from mlv_server.metadata.copies import copy_sqlite
from mlv_server.metadata.failures import translated
from mlv_server.metadata.joining_reader import JoiningReader
from mlv_server.metadata.prepared import run_plain
from mlv_server.metadata.rules import PolicyCache
from mlv_server.metadata.shelf import DecodedParts
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.writer import JoiningWriter, PoolWriter, Writer

T = TypeVar("T")

READERS = 4
"""Threads and connections for reading: SQLite reads hold the interpreter's lock half of the time."""
POSTGRES_CONNECTIONS = 8
BUSY_SECONDS = 10
"""How long a connection waits for another process, such as a command on the host."""


class Database:
    """The metadata database of one server.

    A function given to `read` or `write` gets a `Transaction` and returns plain values; a `write` function may run
    more than once, so it must do nothing but use the transaction. Neither sees another's half-done work.
    """

    def __init__(self, read_engine: Engine, write_engine: Engine, writer: Writer, readers: int) -> None:
        self._read_engine = read_engine
        self._write_engine = write_engine
        self._writer = writer
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="mlv-database-reader")
        self._glances = JoiningReader(self._read, self._readers)
        self._policies = PolicyCache()
        self._shelf = DecodedParts()
        self._closing = False
        self.bells = Bells()
        """Ring after each commit that told of events."""

    @classmethod
    async def open(cls, url: str, *, readers: int = READERS, connections: int = POSTGRES_CONNECTIONS) -> Database:
        """Open the database that `url` names: `sqlite:///FILE` or `postgresql+psycopg://...`."""
        return await asyncio.to_thread(cls.open_now, url, readers=readers, connections=connections)

    @classmethod
    def open_now(cls, url: str, *, readers: int = READERS, connections: int = POSTGRES_CONNECTIONS) -> Database:
        """As `open`, for commands and tests: blocks."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            write_engine = sqlite_engine(parsed, writes=True)
            read_engine = sqlite_engine(parsed, writes=False, connections=2 * readers)
            with translated(), write_engine.connect():  # the first connection switches the file to WAL
                pass
            return cls(read_engine, write_engine, JoiningWriter(write_engine), readers)
        engine = create_engine(parsed, isolation_level="SERIALIZABLE", pool_size=connections, max_overflow=connections)
        reads = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return cls(reads, engine, PoolWriter(engine, connections), connections)

    async def glance(self, fn: Callable[[Transaction], T]) -> T:
        """As `read`, for a function of a few look-ups: those asked for at the same time share transaction and thread.

        What every call asks first costs a hand-over between threads otherwise, several times its own work.
        """
        if self._closing:
            raise Unreachable("The server is shutting down.")
        return await self._glances.ask(fn)

    async def read(self, fn: Callable[[Transaction], T]) -> T:
        """The result of `fn` over one consistent state of the database; it must not write."""
        return await asyncio.wrap_future(self._submit_read(fn))

    async def write(self, fn: Callable[[Transaction], T], *, long: bool = False) -> T:
        """The result of `fn` after all that it wrote is durable; what it raises undoes all that it wrote.

        `long`: it writes hundreds of rows, so that those who wait beside it need not wait for it too.
        Raises: what `fn` raises, DiskFull, Unreachable.
        """
        return await asyncio.wrap_future(self._submit_write(fn, long=long))

    def read_now(self, fn: Callable[[Transaction], T]) -> T:
        """As `read`, for worker threads and commands: blocks."""
        if self._closing:
            raise Unreachable("The server is shutting down.")
        return self._read(fn)

    def write_now(self, fn: Callable[[Transaction], T], *, long: bool = False) -> T:
        """As `write`, for worker threads and commands: blocks."""
        return self._submit_write(fn, long=long).result()

    def copy_now(self, target: Path) -> None:
        """Write one consistent state of a SQLite database to the new file `target`, while others write to it.

        Blocks. Raises: DiskFull, DamagedContent, Unreachable.
        """
        copy_sqlite(self._read_engine, target)

    async def close(self) -> None:
        """Refuse new work, finish what was begun, close all connections."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """As `close`, for commands: blocks."""
        self._closing = True
        self._writer.close()
        self._readers.shutdown()
        self._read_engine.dispose()
        self._write_engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_now()

    def _submit_read(self, fn: Callable[[Transaction], T]) -> Future[T]:
        if self._closing:
            raise Unreachable("The server is shutting down.")
        return self._readers.submit(self._read, fn)

    def _submit_write(self, fn: Callable[[Transaction], T], *, long: bool) -> Future[T]:
        if self._closing:
            raise Unreachable("The server is shutting down.")
        told: set[int] = set()
        written = self._writer.submit(
            lambda connection: fn(Transaction(connection, self._policies, self._shelf, writes=True, told=told)),
            long=long,
        )
        written.add_done_callback(after_commit(self.bells, told))
        return written

    def _read(self, fn: Callable[[Transaction], T]) -> T:
        # Begun at once: prepared statements pass SQLAlchemy by, which would begin at its own first statement.
        with translated(), self._read_engine.begin() as connection:
            return fn(Transaction(connection, self._policies, self._shelf, writes=False))


def sqlite_engine(url: URL, *, writes: bool, connections: int = 1) -> Engine:
    """An engine on a SQLite file: WAL, every commit synced, foreign keys checked, transactions as we begin them."""
    engine = create_engine(
        url, pool_size=connections, max_overflow=0, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = None  # the driver must not begin transactions on its own
        if writes:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
        if not writes:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        run_plain(connection, "BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
