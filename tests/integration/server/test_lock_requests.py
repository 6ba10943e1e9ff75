"""Asking for locks on a real database, with the clock in the test's hands (L10)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.integration.server.sight_kit import branch
from tests.integration.server.test_locks import DATA, DETECTOR, MODEL, ask, let_go, take
from tests.integration.server.test_sights import hide

from mlv_core.asking import Answer, AnswerRequest, Asked, AskRequest, LockRequest, WithdrawRequest
from mlv_core.entities import LockNeed, LockScope
from mlv_core.errors import Denied, InvalidRequest, LimitExceeded, LockDenied, LockHeld, NotFound, StaleBase
from mlv_core.ids import ChangesetNumber, WorkspaceId
from mlv_server.domain import lock_queue
from mlv_server.domain.lock_rules import LockRule
from mlv_server.services import lock_answers, lock_requests, locks, workspaces

if TYPE_CHECKING:
    from tests.integration.server.conftest import House

MINUTE = 60_000
HOUR = 60 * MINUTE


def wish(workspace: str, *paths: str, waits: bool = True, again: bool = False, reason: str = "") -> AskRequest:
    return AskRequest(
        repository=DETECTOR,
        branch="main",
        workspace=WorkspaceId(workspace),
        paths=paths or (MODEL,),
        bases=tuple(ChangesetNumber(1) for _ in paths or (MODEL,)),
        reason=reason,
        waits=waits,
        wait_ms=HOUR if waits else 0,
        again=again,
    )


def say(house: House, user: str, request: AskRequest) -> Asked:
    return house.run(lock_requests.ask(house.call(user), request))


def answer(house: House, user: str, asker: str, what: Answer, reason: str = "") -> None:
    request = AnswerRequest(DETECTOR, "main", (MODEL,), asker, what, reason)
    house.run(lock_answers.answer(house.call(user), request))


def shown(house: House) -> tuple[LockRequest, ...]:
    return house.run(lock_requests.list_all(house.call("rita"), DETECTOR, "", ()))


def events(house: House) -> list[str]:
    return house.db.read_now(lambda tx: [event.kind.value for _, _, event in tx.events.after(1, 0, 1000)])


def test_L10_policy_gives_the_lock_of_a_silent_holder_to_the_first_who_waits(detector: House) -> None:
    rules = (LockRule(LockNeed.REQUIRED, grant_after=10 * MINUTE),)
    detector.db.write_now(lambda tx: tx.lock_rules.put(1, rules))
    detector.add_workspace("bob", "wb2")
    take(detector, "alice", ask(MODEL))
    assert not say(detector, "bob", wish("wb")).turn
    assert not say(detector, "bob", wish("wb2")).turn
    with pytest.raises(LockHeld, match="alice"):
        take(detector, "bob", ask(MODEL, workspace="wb"))
    detector.now += 12 * MINUTE
    assert say(detector, "bob", wish("wb", again=True)).turn
    assert not say(detector, "bob", wish("wb2", again=True)).turn
    with pytest.raises(LockHeld):
        take(detector, "bob", ask(MODEL, workspace="wb2"))
    assert take(detector, "bob", ask(MODEL, workspace="wb")).locks[0].token == 2
    assert events(detector)[-2:] == ["lock.broken", "lock.acquired"]
    assert [one.workspace for one in shown(detector)] == ["wb2"]


def test_L10_who_asks_again_for_several_of_which_one_is_held_has_asked_once(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    for _ in range(2):
        say(detector, "bob", wish("wb", MODEL, DATA, waits=False))
    assert [(one.path, one.workspace) for one in shown(detector)] == [(MODEL, "wb")]
    assert events(detector).count("lock.requested") == 1
    take(detector, "alice", ask(DATA, have=b"\0rows"))
    say(detector, "bob", wish("wb", MODEL, DATA, waits=False))
    assert events(detector).count("lock.requested") == 3


def test_L10_a_holder_who_is_heard_keeps_the_lock(detector: House) -> None:
    rules = (LockRule(LockNeed.REQUIRED, grant_after=10 * MINUTE),)
    detector.db.write_now(lambda tx: tx.lock_rules.put(1, rules))
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb"))
    detector.now += 8 * MINUTE
    detector.run(locks.renew(detector.call("alice"), DETECTOR, WorkspaceId("wa")))
    detector.now += 8 * MINUTE
    told = say(detector, "bob", wish("wb", again=True))
    assert not told.turn
    assert told.contact_ms <= 3 * MINUTE
    detector.now += 3 * MINUTE + 1000
    assert say(detector, "bob", wish("wb", again=True)).turn


def test_L10_silence_counts_from_the_start_of_a_server_that_was_away(detector: House) -> None:
    rules = (LockRule(LockNeed.REQUIRED, grant_after=10 * MINUTE),)
    detector.db.write_now(lambda tx: tx.lock_rules.put(1, rules))
    detector.add_workspace("bob", "wb2")
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb"))
    say(detector, "bob", wish("wb2"))
    detector.now += 40 * MINUTE
    detector.db.write_now(lambda tx: tx.lock_requests.back(detector.now))
    assert [one.place for one in shown(detector)] == [1, 2]
    told = say(detector, "bob", wish("wb2", again=True))
    assert (told.turn, told.ahead) == (False, 1)
    assert not say(detector, "bob", wish("wb", again=True)).turn


def test_L10_who_is_silent_is_passed_over_and_finds_its_place_again(detector: House) -> None:
    detector.add_workspace("bob", "wb2")
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb"))
    say(detector, "bob", wish("wb2"))
    detector.now += 2 * MINUTE
    assert say(detector, "bob", wish("wb2", again=True)).ahead == 0
    assert [(one.workspace, one.place, one.absent) for one in shown(detector)] == [("wb", 0, True), ("wb2", 1, False)]
    assert say(detector, "bob", wish("wb", again=True)).ahead == 0
    detector.run(locks.release(detector.call("alice"), let_go(MODEL)))
    assert not say(detector, "bob", wish("wb2", again=True)).turn
    with pytest.raises(LockHeld, match="is kept for bob"):
        take(detector, "alice", ask(MODEL))
    take(detector, "bob", ask(MODEL, workspace="wb"))


def test_L5_who_has_its_turn_is_told_of_a_stale_base_and_keeps_its_place(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb"))
    detector.run(locks.release(detector.call("alice"), let_go(MODEL)))
    with pytest.raises(StaleBase):
        take(detector, "bob", ask(MODEL, workspace="wb", have=b"\0old"))
    assert say(detector, "bob", wish("wb", again=True)).turn


def test_L10_the_queue_is_bounded_by_files_and_by_workspaces(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    for number in range(lock_queue.QUEUE_LIMIT):
        detector.add_workspace("bob", f"q{number}")
        say(detector, "bob", wish(f"q{number}"))
    with pytest.raises(LimitExceeded, match="100 others have asked"):
        say(detector, "bob", wish("wb"))
    with pytest.raises(InvalidRequest, match="a week"):
        say(detector, "bob", replace(wish("wb"), wait_ms=lock_queue.LONGEST_WAIT_MS + 1))
    assert len(shown(detector)) == lock_queue.QUEUE_LIMIT


def test_L10_give_deny_and_withdraw_are_for_whom_they_concern(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb", waits=False, reason="please"))
    with pytest.raises(Denied):
        answer(detector, "rita", "bob", Answer.GIVE)
    with pytest.raises(NotFound, match="carol has not asked"):
        answer(detector, "alice", "carol", Answer.GIVE)
    with pytest.raises(InvalidRequest, match="reason"):
        answer(detector, "alice", "bob", Answer.DENY)
    answer(detector, "alice", "bob", Answer.DENY, "not now")
    assert [(one.denied_by, one.denied_why) for one in shown(detector)] == [("alice", "not now")]
    with pytest.raises(LockDenied, match="alice denied you"):
        say(detector, "bob", wish("wb", waits=False, again=True))
    say(detector, "bob", wish("wb", waits=False))
    assert [one.denied_by for one in shown(detector)] == [""]
    with pytest.raises(Denied, match="another user's"):
        detector.run(
            lock_requests.withdraw(detector.call("alice"), WithdrawRequest(DETECTOR, "main", WorkspaceId("wb")))
        )
    answer(detector, "alice", "bob", Answer.GIVE)
    assert shown(detector) == ()
    assert take(detector, "bob", ask(MODEL, workspace="wb")).locks[0].token == 2
    assert events(detector)[-2:] == ["lock.given", "lock.acquired"]


def test_L11_a_removed_workspace_waits_no_more_and_a_request_ends_with_its_lock(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb", waits=False))
    detector.run(locks.release(detector.call("alice"), let_go(MODEL)))
    assert shown(detector) == ()
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb"))
    detector.run(workspaces.remove(detector.call("bob"), DETECTOR, WorkspaceId("wb")))
    assert shown(detector) == ()


def test_L17_each_step_of_asking_is_audited(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb", waits=False, reason="please"))
    detector.run(lock_requests.withdraw(detector.call("bob"), WithdrawRequest(DETECTOR, "main", WorkspaceId("wb"))))
    actions = detector.db.read_now(lambda tx: [json.loads(row.record)["action"] for row in tx.audit.rows(1)])
    assert actions[-3:] == ["lock.acquired", "lock.requested", "lock.withdrawn"]


def test_L10_who_waits_for_what_it_asked_for_has_one_request_behind_those_who_wait(detector: House) -> None:
    detector.add_workspace("bob", "wb2")
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb", waits=False, reason="please"))
    say(detector, "bob", wish("wb2"))
    assert say(detector, "bob", wish("wb")).ahead == 1
    mine = [one for one in shown(detector) if one.workspace == "wb"]
    assert [(one.waits, one.reason, one.place) for one in mine] == [(True, "please", 2)]
    # The trail has every step (L17), and the holder is told of each workspace once.
    told = detector.db.read_now(lambda tx: [event for _, _, event in tx.events.after(1, 0, 1000)])
    assert [one.data.get("again") for one in told if one.kind.value == "lock.requested"] == [None, None, True]
    assert events(detector).count("lock.requested") == 3


def test_C3_giving_is_done_once_and_told_twice(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb", waits=False))
    call = replace(detector.call("alice"), request_id="r1", named=True)
    request = AnswerRequest(DETECTOR, "main", (MODEL,), "bob", Answer.GIVE)
    first = detector.run(lock_answers.answer(call, request))
    assert detector.run(lock_answers.answer(call, request)) == first
    assert [lock.token for lock in first] == [2]


def test_P4_who_may_not_see_a_path_sees_nobody_ask_for_it(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    say(detector, "bob", wish("wb", waits=False))
    assert len(shown(detector)) == 1
    hide(detector, "rita", path=MODEL)
    assert shown(detector) == ()
    hide(detector, "bob", path=MODEL)
    with pytest.raises(Denied):
        say(detector, "bob", wish("wb", again=True))


def test_P4_a_folder_is_locked_only_by_who_may_see_all_of_it(detector: House) -> None:
    folder = replace(ask("data"), tree=True)
    hide(detector, "alice", path=DATA)
    with pytest.raises(Denied) as caught:
        take(detector, "alice", folder)
    assert DATA not in caught.value.message
    assert caught.value.items == ()
    bobs = replace(folder, workspace=WorkspaceId("wb"))
    assert take(detector, "bob", bobs).locks[0].tree


def test_L6_L10_a_lock_is_not_given_into_the_way_of_a_third(detector: House) -> None:
    detector.grant("contributor", "stranger")
    detector.add_workspace("stranger", "wc")
    for name in ("x", "y"):
        branch(detector, name, "@1")
    there = replace(ask(MODEL, workspace="wc"), branch="y", scope=LockScope.BRANCH)
    take(detector, "stranger", there)
    take(detector, "alice", replace(ask(MODEL), branch="x", scope=LockScope.BRANCH))
    rules = (LockRule(LockNeed.REQUIRED, scope=LockScope.REPOSITORY),)
    detector.db.write_now(lambda tx: tx.lock_rules.put(1, rules))
    say(detector, "bob", replace(wish("wb"), branch="y"))
    give = AnswerRequest(DETECTOR, "y", (MODEL,), "bob", Answer.GIVE, "")
    for giver, third in (("alice", "stranger"), ("stranger", "alice")):
        with pytest.raises(LockHeld, match=f"locked by {third}"):
            detector.run(lock_answers.answer(detector.call(giver), give))

    detector.run(locks.release(detector.call("alice"), replace(let_go(MODEL), branch="x")))
    detector.run(lock_answers.answer(detector.call("stranger"), give))
    found = detector.run(locks.list_all(detector.call("rita"), DETECTOR, "", (), ""))
    assert [(lock.owner, lock.branch, lock.token) for lock in found] == [("bob", "y", 3)]


def test_L6_L10_what_had_expired_where_a_lock_is_given_does_not_come_to_life_again(detector: House) -> None:
    detector.grant("contributor", "stranger")
    detector.add_workspace("stranger", "wc")
    for name in ("x", "y"):
        branch(detector, name, "@1")
    take(detector, "stranger", replace(ask(MODEL, workspace="wc"), branch="y", scope=LockScope.BRANCH))
    detector.now += 13 * HOUR
    take(detector, "alice", replace(ask(MODEL), branch="x", scope=LockScope.BRANCH))
    rules = (LockRule(LockNeed.REQUIRED, scope=LockScope.REPOSITORY),)
    detector.db.write_now(lambda tx: tx.lock_rules.put(1, rules))
    say(detector, "bob", replace(wish("wb"), branch="y"))
    give = AnswerRequest(DETECTOR, "y", (MODEL,), "bob", Answer.GIVE, "")
    detector.run(lock_answers.answer(detector.call("alice"), give))

    assert detector.run(locks.renew(detector.call("stranger"), DETECTOR, WorkspaceId("wc"))) == ()
    found = detector.run(locks.list_all(detector.call("rita"), DETECTOR, "", (), ""))
    assert [(lock.owner, lock.branch) for lock in found] == [("bob", "y")]
