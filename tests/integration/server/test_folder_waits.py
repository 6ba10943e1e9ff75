"""Waiting for folders, and for files below others' folders, on a real database with the clock in the test's hands."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, event
from tests.integration.server.sight_kit import branch
from tests.integration.server.test_lock_requests import MINUTE, events, say, shown, wish
from tests.integration.server.test_locks import DATA, DETECTOR, MODEL, ask, held, let_go, take
from tests.integration.server.test_sights import hide

from mlv_core.asking import Answer, AnswerRequest, AskRequest, WithdrawRequest
from mlv_core.entities import Lock, LockNeed
from mlv_core.errors import BranchAbandoned, Denied, InvalidRequest, LimitExceeded, LockDenied, LockHeld, NotFound
from mlv_core.ids import ChangesetNumber, WorkspaceId
from mlv_core.requests import AcquireRequest
from mlv_server.domain import lock_queue
from mlv_server.domain.lock_rules import LockRule
from mlv_server.metadata.engine import Database
from mlv_server.services import branches, identity, lock_answers, lock_requests, locks, notices, workspaces

if TYPE_CHECKING:
    from tests.integration.server.conftest import House

FOLDER = "data"
ROWS = b"\0rows"


def tree(workspace: str, *folders: str, waits: bool = True, again: bool = False) -> AskRequest:
    return replace(wish(workspace, *(folders or (FOLDER,)), waits=waits, again=again, reason="why"), tree=True)


def whole(workspace: str, *folders: str) -> AcquireRequest:
    return replace(ask(*(folders or (FOLDER,)), workspace=workspace), tree=True)


def part(workspace: str) -> AcquireRequest:
    return ask(DATA, workspace=workspace, have=ROWS)


def answer(house: House, user: str, asker: str, what: Answer, *folders: str, reason: str = "") -> tuple[Lock, ...]:
    request = AnswerRequest(DETECTOR, "main", folders or (FOLDER,), asker, what, reason, tree=True)
    return house.run(lock_answers.answer(house.call(user), request))


def rows(house: House) -> list[tuple[str, str, bool, int]]:
    return [(one.path, one.workspace, one.tree, one.place) for one in shown(house)]


def traced(house: House) -> list[str]:
    """Every statement that the database is given from now on."""
    statements: list[str] = []

    def trace(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(statements.append)

    house.db.close_now()
    event.listen(Engine, "connect", trace)
    house.db = Database.open_now(house.settings.database_url)
    house.run(lock_requests.list_all(house.call("rita"), DETECTOR, "", ()))
    house.db.write_now(lambda tx: tx.locks.last_token(1))
    event.remove(Engine, "connect", trace)
    return statements


def grant_after(house: House, glob: str) -> None:
    rules = (LockRule(LockNeed.REQUIRED), LockRule(LockNeed.NONE, glob=glob, grant_after=10 * MINUTE))
    house.db.write_now(lambda tx: tx.lock_rules.put(1, rules))


def test_L10_a_folder_is_waited_for_behind_a_file_in_it_and_taken_whole(detector: House) -> None:
    take(detector, "alice", part("wa"))
    told = say(detector, "bob", tree("wb"))
    assert (told.turn, told.ahead, told.holders) == (False, 0, ("alice",))
    assert rows(detector) == [(FOLDER, "wb", True, 1)]
    detector.run(locks.release(detector.call("alice"), let_go(DATA)))
    assert say(detector, "bob", tree("wb", again=True)).turn
    with pytest.raises(LockHeld, match=rf"^{DATA} is kept for bob"):
        take(detector, "alice", part("wa"))
    with pytest.raises(LockHeld, match=f"^{FOLDER} is kept for bob"):
        take(detector, "alice", whole("wa"))
    assert take(detector, "bob", whole("wb")).locks[0].tree
    assert rows(detector) == []


def test_L10_a_file_below_anothers_folder_is_waited_for_in_one_line_with_the_folder(detector: House) -> None:
    detector.add_workspace("bob", "wb2")
    take(detector, "alice", whole("wa"))
    say(detector, "bob", wish("wb", DATA))
    assert say(detector, "bob", tree("wb2")).ahead == 1
    assert rows(detector) == [(FOLDER, "wb2", True, 2), (DATA, "wb", False, 1)]
    detector.run(locks.release(detector.call("alice"), let_go(FOLDER)))
    assert not say(detector, "bob", tree("wb2", again=True)).turn
    with pytest.raises(LockHeld, match="is kept for bob on host-wb,"):
        take(detector, "bob", whole("wb2"))
    take(detector, "bob", part("wb"))
    detector.run(locks.release(detector.call("bob"), let_go(DATA, workspace="wb")))
    assert say(detector, "bob", tree("wb2", again=True)).turn


def test_L6_L10_who_waits_for_a_folder_keeps_nothing_until_it_has_been_overtaken(detector: House) -> None:
    detector.grant("contributor", "stranger")
    detector.add_workspace("stranger", "wc")
    detector.commit({"data/more.parquet": b"\0more"})
    take(detector, "alice", part("wa"))
    say(detector, "bob", tree("wb"))
    more = ask("data/more.parquet", workspace="wc", have=b"\0more")
    take(detector, "stranger", more)
    detector.run(locks.release(detector.call("alice"), let_go(DATA)))
    say(detector, "bob", tree("wb", again=True))
    with pytest.raises(LockHeld, match="is kept for bob"):
        take(detector, "alice", part("wa"))
    take(detector, "stranger", part("wc"))
    detector.now += 2 * MINUTE
    detector.run(locks.release(detector.call("stranger"), let_go(DATA, workspace="wc")))
    take(detector, "alice", part("wa"))
    assert rows(detector) == [(FOLDER, "wb", True, 0)]


def test_L10_who_stood_ahead_in_the_line_has_not_overtaken(detector: House) -> None:
    detector.grant("contributor", "stranger")
    detector.add_workspace("stranger", "wc")
    detector.commit({"data/more.parquet": b"\0more"})
    take(detector, "alice", replace(whole("wa"), bases=(ChangesetNumber(2),)))
    say(detector, "stranger", wish("wc", DATA))
    say(detector, "bob", tree("wb"))
    detector.run(locks.release(detector.call("alice"), let_go(FOLDER)))
    take(detector, "stranger", part("wc"))
    take(detector, "alice", ask("data/more.parquet", have=b"\0more"))
    assert not say(detector, "bob", tree("wb", again=True)).turn


def test_L10_two_who_would_wait_for_each_other_are_told(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    take(detector, "bob", part("wb"))
    say(detector, "alice", tree("wa"))
    with pytest.raises(LockHeld, match=rf"alice on host-wa waits for {DATA}, which you hold"):
        say(detector, "bob", wish("wb", MODEL))
    assert [one.workspace for one in shown(detector)] == ["wa"]


def test_L10_policy_takes_a_folder_from_a_silent_holder(detector: House) -> None:
    grant_after(detector, "data/**")
    take(detector, "alice", whole("wa"))
    say(detector, "bob", wish("wb", DATA))
    detector.now += 12 * MINUTE
    assert say(detector, "bob", wish("wb", DATA, again=True)).turn
    assert [lock.path for lock in take(detector, "bob", part("wb")).locks] == [DATA]
    assert held(detector) == [(DATA, "bob", 2)]
    assert events(detector)[-2:] == ["lock.broken", "lock.acquired"]


def test_L10_policy_takes_what_is_below_a_folder_from_silent_holders_by_the_rule_of_each(detector: House) -> None:
    grant_after(detector, "data/*.parquet")
    take(detector, "alice", part("wa"))
    told = say(detector, "bob", tree("wb"))
    assert not told.turn
    detector.now += 12 * MINUTE
    assert say(detector, "bob", tree("wb", again=True)).turn
    take(detector, "bob", whole("wb"))
    assert held(detector) == [(FOLDER, "bob", 2)]
    say(detector, "alice", wish("wa", DATA))
    detector.now += 12 * MINUTE
    assert not say(detector, "alice", wish("wa", DATA, again=True)).turn


def test_L10_a_folder_is_given_whole_with_the_files_that_the_holder_has_in_it(detector: House) -> None:
    take(detector, "alice", whole("wa"))
    take(detector, "alice", part("wa"))
    say(detector, "bob", tree("wb"))
    (given,) = answer(detector, "alice", "bob", Answer.GIVE)
    assert (given.path, given.owner, given.tree, given.token) == (FOLDER, "bob", True, 3)
    assert held(detector) == [(FOLDER, "bob", 3)]
    assert events(detector)[-3:] == ["lock.given", "lock.given", "lock.acquired"]
    assert [lock.token for lock in take(detector, "bob", whole("wb")).locks] == [3]
    assert rows(detector) == []


def test_L10_no_part_of_a_wider_folder_is_given_and_none_that_another_has_a_part_of(detector: House) -> None:
    detector.grant("contributor", "stranger")
    detector.add_workspace("stranger", "wc")
    detector.commit({"data/deep/x.parquet": b"\0x", "data/deep/y.parquet": b"\0y"})
    take(detector, "alice", replace(whole("wa"), bases=(ChangesetNumber(2),)))
    say(detector, "bob", tree("wb", "data/deep"))
    with pytest.raises(InvalidRequest, match="not given in parts"):
        answer(detector, "alice", "bob", Answer.GIVE, "data/deep")
    detector.run(locks.release(detector.call("alice"), let_go(FOLDER)))
    detector.run(lock_requests.withdraw(detector.call("bob"), WithdrawRequest(DETECTOR, "main", WorkspaceId("wb"))))
    with pytest.raises(NotFound, match="bob has not asked for 'data/deep'"):
        answer(detector, "alice", "bob", Answer.GIVE, "data/deep")
    take(detector, "alice", ask("data/deep/x.parquet", have=b"\0x"))
    take(detector, "stranger", ask("data/deep/y.parquet", workspace="wc", have=b"\0y"))
    say(detector, "bob", tree("wb", "data/deep"))
    with pytest.raises(LockHeld, match="locked by stranger"):
        answer(detector, "alice", "bob", Answer.GIVE, "data/deep")
    detector.run(locks.release(detector.call("stranger"), let_go("data/deep/y.parquet", workspace="wc")))
    answer(detector, "alice", "bob", Answer.GIVE, "data/deep")
    assert held(detector) == [("data/deep", "bob", 4)]


def test_L10_whoever_holds_a_part_may_deny_the_folder(detector: House) -> None:
    take(detector, "alice", part("wa"))
    say(detector, "bob", tree("wb"))
    with pytest.raises(Denied, match="Only the holder"):
        answer(detector, "bob", "bob", Answer.DENY, reason="no")
    answer(detector, "alice", "bob", Answer.DENY, reason="release week")
    with pytest.raises(LockDenied, match=f"alice denied you the lock of '{FOLDER}': release week"):
        say(detector, "bob", tree("wb", again=True))


def test_L10_a_request_for_a_folder_ends_with_the_locks_that_it_asked_for(detector: House) -> None:
    with pytest.raises(NotFound, match=f"'{FOLDER}' is not locked by anybody else"):
        say(detector, "bob", tree("wb", waits=False))
    take(detector, "alice", part("wa"))
    assert say(detector, "bob", tree("wb", waits=False)).holders == ("alice",)
    assert say(detector, "bob", tree("wb", waits=False)).holders == ("alice",)
    assert rows(detector) == [(FOLDER, "wb", True, 0)]
    detector.run(locks.release(detector.call("alice"), let_go(DATA)))
    take(detector, "alice", part("wa"))
    assert rows(detector) == []


def test_L10_folders_in_each_other_are_denied_together_and_the_wider_is_given(detector: House) -> None:
    detector.commit({"data/deep/x.parquet": b"\0x"})
    take(detector, "alice", ask("data/deep/x.parquet", have=b"\0x"))
    for folder in (FOLDER, "data/deep"):
        say(detector, "bob", tree("wb", folder, waits=False))
    with pytest.raises(InvalidRequest, match="lies in another"):
        answer(detector, "alice", "bob", Answer.GIVE, FOLDER, "data/deep")
    answer(detector, "alice", "bob", Answer.DENY, FOLDER, "data/deep", reason="no")
    assert events(detector)[-2:] == ["lock.denied", "lock.denied"]


def test_L10_locks_elsewhere_are_looked_up_together_however_many_they_are(detector: House) -> None:
    paths = [f"other/{number}.parquet" for number in range(12)]
    detector.commit(dict.fromkeys(paths, ROWS))
    branch(detector, "x", "@2")
    detector.add_workspace("alice", "wx", branch="x")
    say(detector, "bob", tree("wb"))
    statements = traced(detector)
    spent: list[int] = []
    for some in (paths[:2], paths[2:]):
        request = replace(ask(*some, workspace="wx", have=ROWS), branch="x")
        take(detector, "alice", replace(request, bases=(ChangesetNumber(2),) * len(some)))
        statements.clear()
        say(detector, "bob", tree("wb", again=True))
        spent.append(len(statements))
    assert 0 < spent[1] <= spent[0]


def test_L10_what_no_folder_may_be_is_refused_as_when_it_is_locked(detector: House) -> None:
    with pytest.raises(InvalidRequest, match="is a file and no folder"):
        say(detector, "bob", tree("wb", DATA))
    with pytest.raises(InvalidRequest, match="whole repository"):
        say(detector, "bob", tree("wb", "."))
    with pytest.raises(InvalidRequest, match="100 are allowed"):
        say(detector, "bob", tree("wb", *(f"d{number}" for number in range(101))))


def test_L10_the_queue_for_a_folder_is_bounded(detector: House) -> None:
    take(detector, "alice", part("wa"))
    for number in range(lock_queue.QUEUE_LIMIT):
        detector.add_workspace("bob", f"q{number}")
        say(detector, "bob", tree(f"q{number}"))
    with pytest.raises(LimitExceeded, match=f"100 others have asked for '{FOLDER}'"):
        say(detector, "bob", tree("wb"))


def test_L10_places_for_folders_are_kept_over_a_restart(detector: House) -> None:
    detector.add_workspace("bob", "wb2")
    take(detector, "alice", part("wa"))
    say(detector, "bob", tree("wb"))
    say(detector, "bob", wish("wb2", DATA))
    before = shown(detector)
    detector.db.close_now()
    detector.db = Database.open_now(detector.settings.database_url)
    assert shown(detector) == before
    assert [one.place for one in before] == [1, 2]


def test_L11_a_removed_workspace_and_a_disabled_user_wait_no_more(detector: House) -> None:
    take(detector, "alice", part("wa"))
    say(detector, "bob", tree("wb"))
    detector.run(workspaces.remove(detector.call("bob"), DETECTOR, WorkspaceId("wb")))
    assert rows(detector) == []
    detector.add_workspace("bob", "wb")
    say(detector, "bob", tree("wb"))
    say(detector, "bob", wish("wb", DATA, waits=False))
    detector.run(identity.disable_user(detector.call("root"), "bob", dry_run=False))
    assert rows(detector) == []


def test_L11_nobody_waits_on_an_ended_branch(detector: House) -> None:
    branch(detector, "x", "@1")
    detector.add_workspace("bob", "wx", branch="x")
    take(detector, "alice", part("wa"))
    for request in (tree("wx"), wish("wx", DATA)):
        say(detector, "bob", replace(request, branch="x"))
    detector.run(branches.abandon(detector.call("root"), DETECTOR, "x", "over", dry_run=False))
    assert rows(detector) == []
    for request in (tree("wx", again=True), wish("wx", DATA)):
        with pytest.raises(BranchAbandoned):
            say(detector, "bob", replace(request, branch="x"))


def test_L17_each_step_with_a_folder_is_audited_told_and_noticed(detector: House) -> None:
    take(detector, "alice", part("wa"))
    say(detector, "bob", tree("wb", waits=False))
    detector.run(
        lock_requests.withdraw(
            detector.call("bob"), WithdrawRequest(DETECTOR, "main", WorkspaceId("wb"), (FOLDER,), tree=True)
        )
    )
    last = detector.db.read_now(lambda tx: [json.loads(row.record) for row in tx.audit.rows(1)][-2:])
    assert [(row["action"], row["object"]) for row in last] == [("lock.requested", FOLDER), ("lock.withdrawn", FOLDER)]
    told = detector.db.read_now(lambda tx: [event for _, _, event in tx.events.after(1, 0, 1000)][-2:])
    assert [(one.kind.value, one.data["path"], one.data["tree"]) for one in told] == [
        ("lock.requested", FOLDER, True),
        ("lock.withdrawn", FOLDER, True),
    ]
    found = detector.run(notices.list_new(detector.call("alice"), DETECTOR, WorkspaceId("wa"), 0))
    assert [(one.kind.value, one.path, one.by) for one in found.notices] == [("lock.requested", FOLDER, "bob")]


def test_L2_L10_who_only_intends_something_in_a_folder_is_not_asked_for_it(detector: House) -> None:
    detector.grant("contributor", "stranger")
    detector.add_workspace("stranger", "wc")
    detector.commit({"data/notes.txt": b"x\n"})
    intent = replace(ask("data/notes.txt", workspace="wc", have=b"x\n"), bases=(ChangesetNumber(2),))
    take(detector, "stranger", replace(intent, only_required=True))
    take(detector, "alice", part("wa"))
    say(detector, "bob", tree("wb", waits=False))
    told = [
        len(detector.run(notices.list_new(detector.call(user), DETECTOR, WorkspaceId(workspace), 0)).notices)
        for user, workspace in (("alice", "wa"), ("stranger", "wc"))
    ]
    assert told == [1, 0]


def test_P4_a_folder_is_asked_for_only_by_who_may_see_all_of_it_and_shown_to_who_may_see_it(detector: House) -> None:
    take(detector, "alice", part("wa"))
    say(detector, "bob", tree("wb"))
    hide(detector, "rita", path=FOLDER)
    assert rows(detector) == []
    hide(detector, "bob", path=DATA)
    with pytest.raises(Denied) as caught:
        say(detector, "bob", tree("wb", again=True))
    assert DATA not in caught.value.message
