"""Leases on a real database: signs of life, expiry told once, a set clock, stealing on record (L8, L9, L11, L17)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.integration.server.test_locks import DATA, DETECTOR, MODEL, ask, let_go, take

from mlv_core.entities import Lock, LockNeed
from mlv_core.errors import Denied, LockHeld, NotFound, Unreachable
from mlv_core.hashing import hash_content
from mlv_core.ids import WorkspaceId
from mlv_core.noticing import line_of
from mlv_server.domain.lock_ends import LockEnd
from mlv_server.domain.lock_rules import HOUR, LEASE, LONGEST_LEASE, LockRule
from mlv_server.services import identity, ledger, locks, notices, workspaces
from mlv_server.services import upkeep as upkeep_module
from mlv_server.services.clock import Clock
from mlv_server.services.contacts import Contacts
from mlv_server.services.upkeep import Upkeep

if TYPE_CHECKING:
    from tests.integration.server.conftest import House


ROWS = b"\0rows"
BOTH = replace(ask(MODEL, DATA), have=(hash_content(b"\0one"), hash_content(ROWS)))


def lock_on(house: House, path: str = MODEL) -> Lock:
    found = house.run(locks.list_all(house.call("alice"), DETECTOR, "", (path,), ""))
    assert len(found) == 1
    return found[0]


def kinds(house: House) -> list[str]:
    events = house.db.read_now(lambda tx: tx.events.after(1, 0, 1000))
    return [event.kind.value for _, _, event in events if event.kind.value.startswith("lock.")]


class Watch:
    """A clock in a test's hand, in ms, of a house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.wall_ahead = 0

    def clock(self) -> Clock:
        return Clock(lambda: (self.house.now + self.wall_ahead) * 1_000_000, lambda: self.house.now * 1_000_000)


def upkeep(house: House, contacts: Contacts | None = None) -> Upkeep:
    return Upkeep(house.db, contacts or Contacts(), Watch(house).clock())


def test_L1_L8_who_loses_a_folder_by_its_lease_is_told_to_take_the_folder_again(detector: House) -> None:
    take(detector, "alice", replace(ask("data"), tree=True))
    held = lock_on(detector, "data")

    def told() -> list[str]:
        found = detector.run(notices.list_new(detector.call("alice"), DETECTOR, WorkspaceId("wa"), 0))
        return [line_of(one) for one in found.notices]

    detector.now = (held.limit or 0) - held.ttl // 5
    assert [line.partition("'")[2] for line in told()] == ["mlv lock --tree data' takes it anew."]
    detector.now = held.limit or 0
    detector.run(upkeep(detector).step())
    assert [line.partition("'")[2] for line in told()] == ["mlv lock --tree data' takes it again."]


def test_L8_a_sign_of_life_renews_every_lock_of_its_workspace_and_no_other(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    take(detector, "bob", ask(DATA, workspace="wb", have=ROWS))
    before = lock_on(detector).lease_until, lock_on(detector, DATA).lease_until
    detector.now += 6 * HOUR
    contacts = Contacts()
    alice = detector.call("alice").principal.user_id
    heard = detector.now
    contacts.note(str(DETECTOR), "wa", alice, heard)
    contacts.note(str(DETECTOR), "wb", alice, heard)
    detector.run(upkeep(detector, contacts).step())
    assert lock_on(detector).lease_until == heard + LEASE
    assert (lock_on(detector).lease_until or 0) > (before[0] or 0)
    assert lock_on(detector, DATA).lease_until == before[1]


def test_L8_L17_an_expired_lock_is_told_once_and_again_only_after_a_sign_of_life(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    task = upkeep(detector)
    detector.now += LEASE + HOUR
    for _ in range(3):
        detector.run(task.step())
    assert kinds(detector) == ["lock.acquired", "lock.expired"]
    detector.run(locks.renew(detector.call("alice"), DETECTOR, WorkspaceId("wa")))
    detector.run(task.step())
    assert not lock_on(detector).has_expired(detector.now)
    detector.now += LEASE + HOUR
    for _ in range(3):
        detector.run(task.step())
    assert kinds(detector) == ["lock.acquired", "lock.expired", "lock.expired"]
    audit = detector.db.read_now(lambda tx: list(tx.audit.rows(1)))
    assert sum(b'"lock.expired"' in row.record for row in audit) == 2


def test_L8_L17_a_lease_that_was_told_to_have_ended_is_not_told_again_when_the_lock_is_taken(detector: House) -> None:
    take(detector, "alice", BOTH)
    task = upkeep(detector)
    detector.now += LEASE + HOUR
    detector.run(task.step())
    take(detector, "bob", ask(MODEL, workspace="wb"))
    assert kinds(detector)[2:] == ["lock.expired", "lock.expired", "lock.acquired"]
    # The loser learns of it with the next commit all the same.
    ended = detector.db.read_now(lambda tx: tx.ended_locks.of_workspace(1, WorkspaceId("wa"), 0))
    assert [(one.path, one.end, one.by) for one in ended] == [(MODEL, LockEnd.EXPIRED, "bob")]
    # One that is taken before anybody looked is told by who takes it, and by the next look no more.
    detector.now += LEASE + HOUR
    take(detector, "alice", ask(MODEL))
    assert kinds(detector)[5:] == ["lock.expired", "lock.acquired"]
    detector.run(task.step())
    assert kinds(detector)[7:] == []


def test_L8_L17_a_lease_that_was_renewed_and_ran_out_again_unseen_is_told_again(detector: House) -> None:
    """By the next look, or by who takes the lock before it; also where the holder was heard of before it was told."""
    take(detector, "alice", BOTH)
    task = upkeep(detector)
    heard = detector.now = (lock_on(detector).lease_until or 0) + 1_000
    detector.now += 20_000
    detector.run(task.step())
    assert kinds(detector)[2:] == ["lock.expired"] * 2
    alice = detector.call("alice").principal.user_id
    detector.db.write_now(lambda tx: tx.workspaces.seen(str(DETECTOR), WorkspaceId("wa"), alice, heard))
    assert not lock_on(detector).has_expired(detector.now)
    detector.now += LEASE + HOUR
    take(detector, "bob", ask(MODEL, workspace="wb"))
    assert kinds(detector)[4:] == ["lock.expired", "lock.acquired"]
    detector.run(task.step())
    detector.run(task.step())
    assert kinds(detector)[6:] == ["lock.expired"]


@pytest.mark.parametrize("jump", [48 * HOUR, -48 * HOUR])
def test_L8_L17_a_clock_that_is_set_has_no_ended_lease_told_twice_and_hides_none(detector: House, jump: int) -> None:
    take(detector, "alice", ask(MODEL))
    watch = Watch(detector)
    task = Upkeep(detector.db, Contacts(), watch.clock())
    detector.now += LEASE + HOUR
    detector.run(task.step())
    watch.wall_ahead = jump
    detector.run(task.step())
    detector.run(task.step())
    assert kinds(detector) == ["lock.acquired", "lock.expired"]
    alice = detector.call("alice").principal.user_id
    heard = detector.now + jump
    detector.db.write_now(lambda tx: tx.workspaces.seen(str(DETECTOR), WorkspaceId("wa"), alice, heard))
    detector.run(task.step())
    detector.now += LEASE + HOUR
    detector.run(task.step())
    assert kinds(detector) == ["lock.acquired", "lock.expired", "lock.expired"]


def test_L11_L17_the_expired_lock_of_a_user_who_is_disabled_is_not_told_again(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    task = upkeep(detector)
    detector.now += LEASE + HOUR
    detector.run(task.step())
    detector.now += HOUR
    detector.run(identity.disable_user(detector.host(), "alice", dry_run=False))
    detector.run(task.step())
    take(detector, "bob", ask(MODEL, workspace="wb"))
    assert kinds(detector) == ["lock.acquired", "lock.expired", "lock.acquired"]


def test_N8_a_lock_at_the_end_of_its_time_costs_nothing_however_often_its_holder_is_heard(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    task = upkeep(detector)
    detector.now += LONGEST_LEASE
    detector.run(task.step())
    assert kinds(detector) == ["lock.acquired", "lock.expired"]
    detector.now += HOUR
    detector.run(locks.renew(detector.call("alice"), DETECTOR, WorkspaceId("wa")))
    assert detector.db.read_now(lambda tx: tx.locks.ended(detector.now)) == []
    assert lock_on(detector).has_expired(detector.now)


class BusyDatabase:
    """A house's database that is busy for the first `left` times that it is asked, as while a copy is made of it."""

    def __init__(self, house: House, error: Exception, left: int) -> None:
        self.house, self.error, self.left = house, error, left
        self.asked = 0

    async def read(self, fn):
        self._come()
        return await self.house.db.read(fn)

    async def write(self, fn):
        self._come()
        return await self.house.db.write(fn)

    def _come(self) -> None:
        self.asked += 1
        if self.asked <= self.left:
            raise self.error


@pytest.mark.parametrize("error", [Unreachable("busy"), OSError("the disk")])
def test_L8_N4_a_database_that_is_busy_for_a_while_ends_neither_leases_nor_the_trail(
    detector: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(upkeep_module, "PERIOD_SECONDS", 0.001)
    monkeypatch.setattr(ledger, "PERIOD_SECONDS", 0.001)
    take(detector, "alice", ask(MODEL))
    before = lock_on(detector).lease_until or 0
    reader = detector.call("rita")
    detector.now += HOUR
    contacts, noted = Contacts(), ledger.Ledger()
    contacts.note(str(DETECTOR), "wa", detector.call("alice").principal.user_id, detector.now)
    noted.read(reader, 1, f"{DETECTOR}@1", files=1)

    async def both() -> None:
        places = BusyDatabase(detector, error, 3), BusyDatabase(detector, error, 3)
        tasks = (
            Upkeep(places[0], contacts, Watch(detector).clock()),
            ledger.Bookkeeper(places[1], noted, lambda: detector.now),
        )
        running = [asyncio.create_task(task.run()) for task in tasks]
        while any(place.asked < 6 for place in places) and not any(task.done() for task in running):
            noted.read(reader, 1, f"{DETECTOR}@1", files=1)
            await asyncio.sleep(0)
        for task in tasks:
            task.stop()
        await asyncio.gather(*running)

    detector.run(both())
    assert (lock_on(detector).lease_until or 0) > before
    assert detector.db.read_now(lambda tx: [row for row in tx.audit.rows(1) if b'"read"' in row.record])


def test_L8_a_clock_that_is_set_shortens_no_lease_and_lengthens_none(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    left = (lock_on(detector).lease_until or 0) - detector.now
    watch = Watch(detector)
    clock = watch.clock()
    task = Upkeep(detector.db, Contacts(), clock)
    for jump in (48 * HOUR, -72 * HOUR):
        before = clock.now()
        watch.wall_ahead += jump
        assert clock.now() == before
        detector.run(task.step())
        assert clock.now() == before + jump
        (lock,) = detector.db.read_now(lambda tx: tx.locks.list_all(1))
        assert abs((lock.lease_until or 0) - clock.now() - left) < 60_000


def test_L9_a_steal_is_one_transaction_on_record_and_in_the_stream(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    detector.grant("maintainer", "bob")
    outcome = take(detector, "bob", replace(ask(MODEL, workspace="wb"), steal=True, reason="urgent"))
    assert [(lock.owner, lock.token) for lock in outcome.locks] == [("bob", 2)]
    assert kinds(detector) == ["lock.acquired", "lock.stolen", "lock.acquired"]
    events = detector.db.read_now(lambda tx: tx.events.after(1, 0, 1000))
    stolen = next(event for _, _, event in events if event.kind.value == "lock.stolen")
    assert (stolen.data["owner"], stolen.data["by"], stolen.data["reason"]) == ("alice", "bob", "urgent")
    (ended,) = detector.db.read_now(lambda tx: tx.ended_locks.of_workspace(1, WorkspaceId("wa"), 0))
    assert (ended.end, ended.by, ended.reason, ended.path) == (LockEnd.STOLEN, "bob", "urgent", MODEL)


def test_L9_a_refused_steal_changes_nothing_and_is_audited(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    with pytest.raises(Denied, match=r"lock\.break"):
        take(detector, "bob", replace(ask(MODEL, DATA, workspace="wb"), steal=True, reason="mine"))
    assert lock_on(detector).owner == "alice"
    assert kinds(detector) == ["lock.acquired"]


def test_L8_L9_a_broken_lock_and_an_expired_one_that_was_taken_are_remembered_by_how_they_ended(
    detector: House,
) -> None:
    take(detector, "alice", BOTH)
    detector.grant("maintainer", "bob")
    detector.run(locks.release(detector.call("bob"), let_go(MODEL, workspace="wb", force=True, reason="away")))
    detector.now += LEASE + HOUR
    take(detector, "bob", ask(DATA, workspace="wb", have=ROWS))
    ended = detector.db.read_now(lambda tx: tx.ended_locks.of_workspace(1, WorkspaceId("wa"), 0))
    assert [(one.path, one.end) for one in ended] == [(MODEL, LockEnd.BROKEN), (DATA, LockEnd.EXPIRED)]


def test_L11_the_locks_of_a_disabled_user_expire_for_good_until_taken_anew(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    detector.run(identity.disable_user(detector.host(), "alice", dry_run=False))
    (lock,) = detector.run(locks.list_all(detector.call("bob"), DETECTOR, "", (), ""))
    assert lock.has_expired(detector.now)
    detector.db.write_now(lambda tx: tx.workspaces.seen(str(DETECTOR), WorkspaceId("wa"), 1, detector.now))
    (lock,) = detector.run(locks.list_all(detector.call("bob"), DETECTOR, "", (), ""))
    assert lock.has_expired(detector.now)
    assert take(detector, "bob", ask(MODEL, workspace="wb")).locks[0].owner == "bob"


def test_L11_a_removed_workspace_gives_its_locks_back(detector: House) -> None:
    take(detector, "alice", BOTH)
    assert detector.run(workspaces.remove(detector.call("alice"), DETECTOR, WorkspaceId("wa"))) == 2
    assert kinds(detector).count("lock.released") == 2
    assert take(detector, "bob", ask(MODEL, workspace="wb")).locks


def test_L3_L4_L8_the_rules_of_the_repository_are_what_counts(detector: House) -> None:
    rules = (LockRule(LockNeed.NONE, ttl=HOUR, max=2 * HOUR),)
    detector.db.write_now(lambda tx: tx.lock_rules.put(1, rules))
    outcome = take(detector, "alice", ask(MODEL))
    assert outcome.needs[0].name == "NONE"
    assert outcome.locks[0].lease_until == outcome.locks[0].acquired_at + HOUR
    detector.now += 2 * HOUR
    detector.run(locks.renew(detector.call("alice"), DETECTOR, WorkspaceId("wa")))
    assert lock_on(detector).has_expired(detector.now)
    detector.db.write_now(lambda tx: tx.lock_rules.put(1, None))
    assert take(detector, "alice", ask(DATA, have=ROWS)).needs[0].name == "REQUIRED"


def test_a_workspace_of_another_is_not_renewed(detector: House) -> None:
    with pytest.raises(Denied):
        detector.run(locks.renew(detector.call("bob"), DETECTOR, WorkspaceId("wa")))
    with pytest.raises(NotFound):
        detector.run(locks.renew(detector.call("alice"), DETECTOR, WorkspaceId("nowhere")))


def test_L7_the_same_user_elsewhere_is_refused_and_may_move_the_lock(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    with pytest.raises(LockHeld, match="another workspace"):
        take(detector, "alice", ask(MODEL, workspace="wa2"))
    moved = take(detector, "alice", replace(ask(MODEL, workspace="wa2"), steal=True)).locks[0]
    assert (moved.workspace, moved.token) == ("wa2", 2)
