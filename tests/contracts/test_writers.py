"""What every writer of the metadata database promises, run on both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import OperationalError

from mlv_core.errors import LimitExceeded, NotFound, Unreachable
from mlv_server.metadata import writer as writers
from mlv_server.metadata.engine import sqlite_engine
from mlv_server.metadata.writer import JoiningWriter, PoolWriter, Writer


class Raced(Exception):
    """What PostgreSQL's driver raises for a transaction that lost a race."""

    sqlstate = "40001"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = sqlite_engine(make_url(f"sqlite:///{tmp_path}/w.db"), writes=True, connections=2)
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
    yield made
    made.dispose()


@pytest.fixture(params=[JoiningWriter, lambda engine: PoolWriter(engine, 2)], ids=["joining", "pool"])
def writer(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Writer]:
    made = request.param(engine)
    yield made
    made.close()


def add(number: int) -> Callable[[Connection], int]:
    def fn(connection: Connection) -> int:
        connection.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": number})
        return number

    return fn


def stored(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return sorted(connection.scalars(text("SELECT number FROM numbers")))


def test_a_result_is_told_when_it_is_stored(writer: Writer, engine: Engine) -> None:
    futures = [writer.submit(add(number)) for number in range(20)]
    assert [future.result() for future in futures] == list(range(20))
    assert stored(engine) == list(range(20))


def test_what_raises_leaves_nothing_and_is_raised_to_the_caller(writer: Writer, engine: Engine) -> None:
    def fail(connection: Connection) -> None:
        add(7)(connection)
        raise NotFound("nothing there")

    futures = [writer.submit(fail if number % 2 else add(number)) for number in range(6)]
    for number, future in enumerate(futures):
        if number % 2:
            with pytest.raises(NotFound, match="nothing there"):
                future.result()
        else:
            assert future.result() == number
    assert stored(engine) == [0, 2, 4]


def test_closing_finishes_what_waits_and_refuses_what_comes(writer: Writer, engine: Engine) -> None:
    go = threading.Event()
    writer.submit(lambda _: go.wait())
    late = writer.submit(add(1))
    closing = threading.Thread(target=writer.close)
    closing.start()
    go.set()
    closing.join()
    assert late.result() == 1
    with pytest.raises(Unreachable):
        writer.submit(add(2))
    assert stored(engine) == [1]


def test_N7_the_queue_has_a_bound(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "WAITING_LIMIT", 2)
    for made in (JoiningWriter(engine), PoolWriter(engine, 1)):
        begun, go = threading.Event(), threading.Event()
        made.submit(lambda _, begun=begun, go=go: (begun.set(), go.wait()))
        begun.wait()
        with pytest.raises(LimitExceeded):
            [made.submit(add(number)) for number in range(3)]
        go.set()
        made.close()


def test_a_transaction_that_lost_a_race_runs_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "FIRST_PAUSE_SECONDS", 0)
    runs: list[int] = []

    def races(lost: int) -> Callable[[Connection], int]:
        def fn(connection: Connection) -> int:
            add(len(runs))(connection)
            runs.append(1)
            if len(runs) <= lost:
                raise OperationalError("COMMIT", {}, Raced())
            return len(runs)

        return fn

    writer = PoolWriter(engine, 1)
    assert writer.submit(races(3)).result() == 4
    assert stored(engine) == [3]
    runs.clear()
    with pytest.raises(OperationalError):
        writer.submit(races(99)).result()
    assert len(runs) == writers.ATTEMPTS
    writer.close()


def test_long_functions_stand_alone_and_take_turns_with_the_others(engine: Engine) -> None:
    writer, go, begun, order = JoiningWriter(engine), threading.Event(), threading.Event(), []

    def noted(name: str) -> Callable[[Connection], int]:
        def fn(connection: Connection) -> int:
            order.append((name, int(connection.exec_driver_sql("SELECT count(*) FROM numbers").scalar_one())))
            return add(1)(connection)

        return fn

    def wait(connection: Connection) -> None:
        begun.set()
        go.wait()

    first = writer.submit(wait)
    begun.wait()
    waiting = [writer.submit(noted(f"long {number}"), long=True) for number in range(3)]
    waiting += [writer.submit(noted(f"short {number}")) for number in range(2)]

    def one_more(_: object) -> None:
        waiting.append(writer.submit(noted("short 2")))

    waiting[0].add_done_callback(one_more)
    go.set()
    assert [future.result(60) for future in list(waiting)] == [1] * 5
    writer.close()
    assert first.done()
    assert waiting[-1].result() == 1
    assert [name for name, _ in order] == ["long 0", "short 0", "short 1", "short 2", "long 1", "long 2"]
    assert [count for _, count in order] == list(range(6))


def test_a_long_function_that_raises_undoes_itself_alone(engine: Engine) -> None:
    def fail(connection: Connection) -> None:
        add(7)(connection)
        raise NotFound("nothing there")

    writer = JoiningWriter(engine)
    futures = [writer.submit(fail, long=True), writer.submit(add(1)), writer.submit(add(2), long=True)]
    writer.close()
    with pytest.raises(NotFound):
        futures[0].result()
    assert [future.result() for future in futures[1:]] == [1, 2]
    assert stored(engine) == [1, 2]
