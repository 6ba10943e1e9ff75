"""The metadata database: what is joined, what is undone, what is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mlv_core.entities import User
from mlv_core.errors import AlreadyExists, DamagedContent, DiskFull, LimitExceeded, Unreachable
from mlv_server.metadata import migrations
from mlv_server.metadata.engine import Database
from mlv_server.metadata.unit_of_work import Transaction


def user(name: str) -> User:
    return User(name, server_admin=False, disabled=False, created_at=1, created_by="test")


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path}/mlv.db"
    migrations.upgrade(address)
    return address


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    database = Database.open_now(url)
    yield database
    database.close_now()


def names(db: Database) -> set[str]:
    return {found.name for found in db.read_now(lambda tx: tx.users.list_all())}


def stall(db: Database) -> threading.Event:
    """Keep the writer busy until the event is set, so that what comes next is joined."""
    begun, go = threading.Event(), threading.Event()

    def wait(_: Transaction) -> None:
        begun.set()
        go.wait()

    threading.Thread(target=lambda: db.write_now(wait)).start()
    begun.wait()
    return go


def test_a_failing_function_does_not_undo_its_neighbours(db: Database) -> None:
    def work(number: int) -> None:
        def add(tx: Transaction) -> None:
            tx.users.add(user(f"u{number}"))
            if number % 3 == 0:
                tx.users.add(user(f"u{number}"))

        db.write_now(add)

    async def all_at_once() -> list[object]:
        go = stall(db)
        waiting = [asyncio.create_task(asyncio.to_thread(work, number)) for number in range(12)]
        asyncio.get_running_loop().call_soon(go.set)
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    results = asyncio.run(all_at_once())
    assert [isinstance(result, AlreadyExists) for result in results] == [number % 3 == 0 for number in range(12)]
    assert names(db) == {f"u{number}" for number in range(12) if number % 3}


def test_joined_functions_see_each_other_and_share_one_transaction(db: Database) -> None:
    async def body() -> list[int]:
        go = stall(db)
        waiting = [
            asyncio.ensure_future(
                db.write(lambda tx, n=number: (tx.users.add(user(f"u{n}")), len(tx.users.list_all()))[1])
            )
            for number in range(8)
        ]
        await asyncio.sleep(0)
        go.set()
        return list(await asyncio.gather(*waiting))

    assert sorted(asyncio.run(body())) == list(range(1, 9))


def test_readers_never_see_what_is_not_committed(db: Database) -> None:
    seen: list[set[str]] = []

    def work(tx: Transaction) -> None:
        tx.users.add(user("half"))
        seen.append(names(db))

    db.write_now(work)
    assert seen == [set()]
    assert names(db) == {"half"}


def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises(OperationalError, match="readonly"):
        db.read_now(lambda tx: tx.users.add(user("x")))


def test_every_commit_is_synced_to_the_disk_before_it_is_told(db: Database) -> None:
    """C2: acknowledged means durable."""
    pragmas = db.write_now(
        lambda tx: [tx.connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
    )
    assert pragmas == ["wal", 2]


def test_a_full_disk_refuses_the_large_and_keeps_the_small(db: Database) -> None:
    def limit(tx: Transaction) -> None:
        pages = tx.connection.execute(text("PRAGMA page_count")).scalar()
        tx.connection.execute(text(f"PRAGMA max_page_count = {pages + 20}"))

    def large(tx: Transaction) -> None:
        tx.connection.execute(text("CREATE TABLE big (data BLOB)"))
        tx.connection.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))

    async def body() -> list[object]:
        go = stall(db)
        waiting = [
            asyncio.ensure_future(db.write(fn))
            for fn in (lambda tx: tx.users.add(user("before")), large, lambda tx: tx.users.add(user("after")))
        ]
        await asyncio.sleep(0)
        go.set()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    db.write_now(limit)
    first, second, third = asyncio.run(body())
    assert (first, third) == (1, 2)
    assert isinstance(second, DiskFull)
    assert names(db) == {"before", "after"}


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlv.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(DamagedContent, match="metadata database is damaged"):
        Database.open_now(f"sqlite:///{tmp_path}/mlv.db")


def test_a_closed_database_refuses_new_work_and_finishes_the_old(url: str) -> None:
    async def body() -> object:
        db = await Database.open(url)
        late = asyncio.ensure_future(db.write(lambda tx: tx.users.add(user("late"))))
        await asyncio.sleep(0)
        await db.close()
        for refused in (db.write, db.read):
            with pytest.raises(Unreachable):
                await refused(lambda tx: tx.users.list_all())
        return await late

    assert asyncio.run(body()) == 1


def test_what_was_told_is_there_after_a_restart(url: str) -> None:
    db = Database.open_now(url)
    db.write_now(lambda tx: tx.users.add(user("kept")))
    db.close_now()
    again = Database.open_now(url)
    assert names(again) == {"kept"}
    again.close_now()


def test_a_write_whose_caller_went_away_while_it_waited_is_not_done(db: Database) -> None:
    async def body() -> None:
        go = stall(db)
        gone = asyncio.ensure_future(db.write(lambda tx: tx.users.add(user("gone"))))
        kept = asyncio.ensure_future(db.write(lambda tx: tx.users.add(user("kept"))))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        go.set()
        await kept

    asyncio.run(body())
    assert names(db) == {"kept"}


def test_N7_the_queue_of_the_writer_has_a_bound(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlv_server.metadata.writer.WAITING_LIMIT", 3)

    async def body() -> list[object]:
        go = stall(db)
        waiting = [asyncio.ensure_future(db.write(lambda tx, n=n: tx.users.add(user(f"u{n}")))) for n in range(5)]
        await asyncio.sleep(0)
        go.set()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    results = asyncio.run(body())
    assert [isinstance(result, LimitExceeded) for result in results] == [False, False, False, True, True]
