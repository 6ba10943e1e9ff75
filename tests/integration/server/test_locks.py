"""Locks on a real database: taken by one of many, kept over restarts, told to all."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlv_core.entities import LockNeed
from mlv_core.errors import Denied, LimitExceeded, LockHeld, NotFound, StaleBase
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireOutcome, AcquireRequest, ReleaseRequest
from mlv_server.domain import locking
from mlv_server.metadata.engine import Database
from mlv_server.services import identity, locks

if TYPE_CHECKING:
    from tests.integration.server.conftest import House

DETECTOR = RepositoryName("fraud", "detector")
MODEL = "model.safetensors"
DATA = "data/train.parquet"


def ask(*paths: str, workspace: str = "wa", have: bytes = b"\0one") -> AcquireRequest:
    return AcquireRequest(
        repository=DETECTOR,
        branch="main",
        workspace=WorkspaceId(workspace),
        paths=paths,
        have=tuple(hash_content(have) for _ in paths),
        bases=tuple(ChangesetNumber(1) for _ in paths),
    )


def let_go(*paths: str, workspace: str = "wa", force: bool = False, reason: str = "") -> ReleaseRequest:
    return ReleaseRequest(DETECTOR, WorkspaceId(workspace), "main", paths, force=force, reason=reason)


def take(house: House, user: str, request: AcquireRequest) -> AcquireOutcome:
    return house.run(locks.acquire(house.call(user), request))


def held(house: House, **more: str) -> list[tuple[str, str, int]]:
    found = house.run(locks.list_all(house.call("rita"), DETECTOR, more.get("branch", ""), (), more.get("owner", "")))
    return [(lock.path, lock.owner, lock.token) for lock in found]


def test_L1_a_lock_is_kept_over_a_restart_and_tokens_go_on(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    detector.db.close_now()
    detector.db = Database.open_now(detector.settings.database_url)
    assert held(detector) == [(MODEL, "alice", 1)]
    detector.run(locks.release(detector.call("alice"), let_go(MODEL)))
    assert take(detector, "bob", ask(MODEL, workspace="wb")).locks[0].token == 2


def test_L2_L6_the_second_is_refused_and_told_by_whom(detector: House) -> None:
    outcome = take(detector, "alice", replace(ask(MODEL), reason="training"))
    assert outcome.needs == (LockNeed.REQUIRED,)
    with pytest.raises(LockHeld, match=r"alice on host-wa .*training") as caught:
        take(detector, "bob", ask(MODEL, workspace="wb"))
    assert caught.value.exit_code == 4
    assert take(detector, "alice", ask(MODEL)).locks[0].token == 1


def test_L6_sixty_four_at_once_and_one_wins(detector: House) -> None:
    for number in range(64):
        detector.add_workspace("alice" if number % 2 else "bob", f"w{number}")
    calls = [
        (detector.call("alice" if number % 2 else "bob"), ask(MODEL, workspace=f"w{number}")) for number in range(64)
    ]

    async def all_at_once() -> list[object]:
        return list(
            await asyncio.gather(*(locks.acquire(call, request) for call, request in calls), return_exceptions=True)
        )

    results = detector.run(all_at_once())
    won = [result for result in results if isinstance(result, AcquireOutcome)]
    assert len(won) == 1
    assert sum(isinstance(result, LockHeld) for result in results) == 63
    assert held(detector) == [(MODEL, won[0].locks[0].owner, 1)]


def test_L6_none_when_one_is_held(detector: House) -> None:
    take(detector, "bob", ask(DATA, workspace="wb", have=b"\0rows"))
    request = replace(ask(MODEL, DATA), have=(hash_content(b"\0one"), hash_content(b"\0rows")))
    with pytest.raises(LockHeld):
        take(detector, "alice", request)
    assert held(detector) == [(DATA, "bob", 1)]


def test_L5_stale_base_is_refused(detector: House) -> None:
    detector.commit({MODEL: b"\0two"})
    with pytest.raises(StaleBase) as caught:
        take(detector, "alice", ask(MODEL))
    assert caught.value.exit_code == 3
    assert take(detector, "alice", ask(MODEL, have=b"\0two")).locks


def test_L1_a_path_that_was_never_committed_has_no_lock(detector: House) -> None:
    with pytest.raises(NotFound, match=r"new\.pt"):
        take(detector, "alice", ask("new.pt"))
    outcome = take(detector, "alice", replace(ask("new.pt", "train.py"), only_required=True))
    assert (outcome.locks, outcome.needs) == ((), (LockNeed.REQUIRED, LockNeed.NONE))


def test_L7_the_same_user_elsewhere_is_refused_but_may_drop_it(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    with pytest.raises(LockHeld, match="another workspace"):
        take(detector, "alice", ask(MODEL, workspace="wa2"))
    detector.run(locks.release(detector.call("alice"), let_go(MODEL, workspace="wa2")))
    assert take(detector, "alice", ask(MODEL, workspace="wa2")).locks[0].workspace == "wa2"


def test_a_workspace_of_somebody_else_cannot_be_used(detector: House) -> None:
    with pytest.raises(Denied):
        take(detector, "alice", ask(MODEL, workspace="wb"))
    with pytest.raises(NotFound):
        take(detector, "alice", ask(MODEL, workspace="unknown"))


def test_L9_breaking_needs_the_right_and_a_reason_and_is_audited(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    forced = let_go(MODEL, workspace="wb", force=True, reason="alice is away")
    with pytest.raises(Denied, match=r"lock\.break"):
        detector.run(locks.release(detector.call("bob"), forced))
    assert held(detector)
    detector.grant("maintainer", "bob")
    (broken,) = detector.run(locks.release(detector.call("bob"), forced))
    assert broken.owner == "alice"
    assert held(detector) == []

    def said() -> list[dict[str, object]]:
        return [json.loads(row.record) for row in detector.db.read_now(lambda tx: list(tx.audit.rows(1)))]

    assert [one["detail"]["reason"] for one in said() if one["action"] == "lock.broken"] == ["alice is away"]
    assert [one["user"] for one in said() if one["action"] == "lock.release" and not one["allowed"]] == ["bob"]


def test_L11_disabling_a_user_expires_the_locks(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    detector.run(identity.disable_user(detector.host(), "alice", dry_run=False))
    assert held(detector) == [(MODEL, "alice", 1)]
    assert take(detector, "bob", ask(MODEL, workspace="wb")).locks[0].token == 2
    assert held(detector) == [(MODEL, "bob", 2)]


def test_L17_every_lock_event_is_in_the_stream(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    detector.run(locks.release(detector.call("alice"), let_go(MODEL)))
    events = detector.db.read_now(lambda tx: tx.events.after(1, 0, 100))
    told = [event for _, _, event in events if event.kind.value.startswith("lock.")]
    assert [(event.kind.value, event.data["path"]) for event in told] == [
        ("lock.acquired", MODEL),
        ("lock.released", MODEL),
    ]


def test_a_refused_or_dry_request_changes_nothing(detector: House) -> None:
    assert take(detector, "alice", replace(ask(MODEL), dry_run=True)).locks
    assert held(detector) == []
    take(detector, "alice", ask(MODEL))
    assert detector.run(locks.release(detector.call("alice"), replace(let_go(MODEL), dry_run=True)))
    assert held(detector) == [(MODEL, "alice", 1)]


def test_a_lock_on_a_deleted_file_can_still_be_given_up(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    detector.commit({MODEL: None})
    assert len(detector.run(locks.release(detector.call("alice"), let_go(MODEL)))) == 1


def test_locks_are_listed_by_branch_path_and_owner(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    take(detector, "bob", ask(DATA, workspace="wb", have=b"\0rows"))
    assert [path for path, _, _ in held(detector)] == [DATA, MODEL]
    assert [path for path, _, _ in held(detector, owner="bob")] == [DATA]
    assert [path for path, _, _ in held(detector, branch="MAIN")] == [DATA, MODEL]
    found = detector.run(locks.list_all(detector.call("rita"), DETECTOR, "", ("data/**",), ""))
    assert [lock.path for lock in found] == [DATA]
    with pytest.raises(NotFound):
        detector.run(locks.list_all(detector.call("rita"), DETECTOR, "nowhere", (), ""))


def test_all_of_a_workspace_is_given_up_at_once(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    take(detector, "alice", ask(DATA, workspace="wa2", have=b"\0rows"))
    request = ReleaseRequest(DETECTOR, WorkspaceId("wa"), "", all_of_workspace=True)
    assert [lock.path for lock in detector.run(locks.release(detector.call("alice"), request))] == [MODEL]
    assert held(detector) == [(DATA, "alice", 2)]


def test_L1_L7_a_release_with_a_token_ends_no_lock_that_came_after_it(detector: House) -> None:
    take(detector, "alice", ask(MODEL))
    lost = replace(let_go(MODEL), tokens=(FencingToken(1),))
    detector.grant("maintainer", "bob")
    detector.run(locks.release(detector.call("bob"), let_go(MODEL, workspace="wb", force=True, reason="away")))
    take(detector, "alice", ask(MODEL, workspace="wa2"))
    assert detector.run(locks.release(detector.call("alice"), lost)) == ()
    assert detector.run(locks.release(detector.call("alice"), replace(lost, all_of_workspace=True))) == ()
    assert held(detector) == [(MODEL, "alice", 2)]
    known = replace(lost, tokens=(FencingToken(1), FencingToken(2)))
    assert [lock.token for lock in detector.run(locks.release(detector.call("alice"), known))] == [2]
    assert held(detector) == []


def test_L2_L15_intents_in_all_workspaces_of_a_user_count_among_their_locks(
    detector: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "HELD_LIMIT", 3)
    detector.commit({"train.py": b"one\n", "eval.py": b"one\n"})
    edit = replace(ask("train.py", have=b"one\n"), only_required=True)
    take(detector, "alice", edit)
    take(detector, "alice", ask(MODEL))
    take(detector, "alice", replace(edit, workspace=WorkspaceId("wa2")))
    take(detector, "alice", edit)  # once more is renewed
    more = replace(edit, paths=("eval.py",))
    with pytest.raises(LimitExceeded, match="4 locks here, intents counted"):
        take(detector, "alice", more)
    take(detector, "bob", replace(more, workspace=WorkspaceId("wb")))
    take(detector, "alice", replace(more, many=True))
