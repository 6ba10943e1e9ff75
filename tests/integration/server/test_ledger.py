"""Audit: reads of content and failed sign-ins are written in batches, bounded, and the chain stays whole."""

from __future__ import annotations

import pytest
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.auditing import AuditFilter
from mlv_core.errors import LimitExceeded, NotSignedIn
from mlv_server.domain.audit import SERVER_CHAIN, first_fault
from mlv_server.services import auditing, ledger, memory, signing
from mlv_server.services.ledger import Bookkeeper, Ledger
from mlv_server.services.memory import Memory


def entries(house: House, action: str, repository: str = str(DETECTOR)):
    call = house.host()
    wanted = AuditFilter(repository=repository, action=action, oldest_first=True)

    async def collect():
        return [one async for page in auditing.query(call, wanted) for one in page]

    return house.run(collect())


def write(house: House, book: Ledger, now: int, *, everything: bool = True) -> None:
    async def step() -> None:
        await Bookkeeper(house.db, book, lambda: now).step(everything=everything)

    house.run(step())


def chain_of(house: House) -> int:
    return house.db.read_now(lambda tx: tx.repositories.get(DETECTOR).id)


def test_reads_of_one_version_by_one_user_are_one_entry_with_counts(detector: House) -> None:
    house, book, chain = detector, Ledger(), chain_of(detector)
    rita, bob = house.call("rita"), house.call("bob")
    for _ in range(3):
        book.read(rita, chain, f"{DETECTOR}@1", files=2)
        book.read(rita, chain, f"{DETECTOR}@1", size=100)
    book.read(bob, chain, f"{DETECTOR}@1", size=7)
    write(house, book, house.now)

    found = {(one.user, one.object): dict(one.detail) for one in entries(house, "read")}
    assert found == {
        ("rita", "fraud/detector@1"): {"reads": "6", "files": "6", "bytes": "300"},
        ("bob", "fraud/detector@1"): {"reads": "1", "bytes": "7"},
    }
    assert house.db.read_now(lambda tx: first_fault(chain, tx.audit.rows(chain))) is None
    write(house, book, house.now)
    assert len(entries(house, "read")) == 2


def test_a_batch_of_reads_is_bounded_and_loses_no_count(detector: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "READS_LIMIT", 10)
    house, book, chain = detector, Ledger(), chain_of(detector)
    rita = house.call("rita")
    for number in range(500):
        book.read(rita, chain, f"{DETECTOR}@{number}", size=1)
    write(house, book, house.now)
    found = entries(house, "read")
    assert len(found) == 11
    assert sum(int(dict(one.detail)["bytes"]) for one in found) == 500
    assert found[-1].object == f"{DETECTOR}@many"


def test_P8_failed_sign_ins_are_told_seldom_and_in_few_entries(detector: House) -> None:
    house, book = detector, Ledger()
    for number in range(1000):
        book.sign_in_failed(f"10.0.{number % 200}.1", "", "The server does not know this token.", 1000 + number)
    book.sign_in_failed("2001:db8::1", "abc", "revoked", 2000)
    book.sign_in_failed("2001:db8::2", "abc", "revoked", 2000)
    write(house, book, 2500, everything=False)
    assert entries(house, "sign-in", "") == []
    write(house, book, 1000 + ledger.SIGN_INS_MS, everything=False)
    found = entries(house, "sign-in", "")
    assert len(found) == ledger.SIGN_INS_LIMIT + 1
    assert sum(int(dict(one.detail)["attempts"]) for one in found) == 1002
    assert not any(one.allowed for one in found)
    assert house.db.read_now(lambda tx: first_fault(SERVER_CHAIN, tx.audit.rows(SERVER_CHAIN))) is None


def test_P8_a_good_token_is_let_in_at_once_where_others_fail(detector: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = detector
    waits: list[float] = []

    async def slept(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(signing.asyncio, "sleep", slept)

    async def attack() -> str:
        remembered, now = Memory(), house.now
        for _ in range(12):
            with pytest.raises(NotSignedIn):
                await signing.sign_in(house.db, remembered, "mlv_aaaaaaaaaaaa_" + "a" * 52, "10.0.0.1", now)
        calm = len(waits)
        principal = await signing.sign_in(house.db, remembered, house.tokens["rita"], "10.0.0.1", now)
        assert len(waits) == calm
        return principal.user

    assert house.run(attack()) == "rita"
    assert len(waits) == 7
    assert waits == sorted(waits)


def test_P8_only_few_refusals_wait_at_a_time(detector: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = detector
    monkeypatch.setattr(memory, "WAITING_LIMIT", 1)

    async def attack() -> None:
        remembered, now = Memory(), house.now
        for _ in range(5):
            with pytest.raises(NotSignedIn):
                await signing.sign_in(house.db, remembered, "nothing", "10.0.0.1", now)
        await remembered.waiting.acquire()
        with pytest.raises(LimitExceeded):
            await signing.sign_in(house.db, remembered, "nothing", "10.0.0.1", now)

    house.run(attack())


def test_a_stop_that_comes_while_a_batch_is_written_loses_nothing(
    detector: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PERIOD_SECONDS", 0.001)
    house, book, batches = detector, Ledger(), []
    book.sign_in_failed("192.0.2.1", "aaaaaaaaaaaa", "no such token", house.now)

    def now() -> int:
        batches.append(house.now)
        keeper.stop()
        return house.now

    keeper = Bookkeeper(house.db, book, now)
    house.run(keeper.run())
    assert len(batches) == 2
    peers = [one.peer for one in entries(house, "sign-in", repository="")]
    assert peers == ["192.0.2.1"]
