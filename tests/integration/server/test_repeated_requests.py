"""C3 for the smaller acts: asked for again under the same request id, each is done once and gives the first answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from tests.integration.server.commit_kit import add, lock, publish, request_for
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.entities import BranchKind
from mlv_core.errors import AlreadyExists, Denied, NotFound, RequestReused
from mlv_core.ids import RepositoryName, RequestId, WorkspaceId
from mlv_core.requests import ReleaseRequest
from mlv_server.services import (
    approvals,
    branches,
    commits,
    identity,
    labels,
    locks,
    policy,
    policy_documents,
    repositories,
    workspaces,
)
from mlv_server.services.call import Call

NEW = RepositoryName("fraud", "second")
DOCUMENT = '[[allow]]\nwho = "alice"\nrole = "contributor"\n'
BASE = 3
Act = Callable[[Call], Coroutine[Any, Any, Any]]


def named(house: House, user: str, request_id: str = "r1") -> Call:
    return replace(house.call(user), request_id=request_id, named=True)


def release(path: str = "model.safetensors", workspace: str = "wa") -> ReleaseRequest:
    return ReleaseRequest(DETECTOR, WorkspaceId(workspace), "main", (path,))


ACTS: dict[str, tuple[str, Act]] = {
    "repository": ("root", lambda call: repositories.create(call, NEW, "words", dry_run=False)),
    "branch": ("alice", lambda c: branches.create(c, DETECTOR, "dev", BranchKind.INTEGRATION, "", "", dry_run=False)),
    "label": ("root", lambda call: labels.create(call, DETECTOR, "v1", "@1", "first", dry_run=False)),
    "grant": ("root", lambda call: policy.grant(call, str(DETECTOR), "maintainer", "rita", dry_run=False)),
    "revoke": ("root", lambda call: policy.revoke(call, str(DETECTOR), "contributor", "bob", dry_run=False)),
    "policy": ("root", lambda call: policy_documents.put(call, str(DETECTOR), DOCUMENT, BASE, None, "", dry_run=False)),
    "approve": ("bob", lambda call: approvals.approve(call, DETECTOR, "@1", "read", dry_run=False)),
    "release": ("alice", lambda call: locks.release(call, release())),
    "workspace": ("alice", lambda call: workspaces.remove(call, DETECTOR, WorkspaceId("wa2"))),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTS)
def test_C3_the_same_request_again_gets_the_first_answer(detector: House, name: str) -> None:
    user, act = ACTS[name]
    lock(detector, "alice", "wa")
    before = detector.db.read_now(lambda tx: sum(1 for chain in tx.audit.chains() for _ in tx.audit.rows(chain)))
    first = detector.run(act(named(detector, user)))
    assert detector.run(act(named(detector, user))) == first
    after = detector.db.read_now(lambda tx: sum(1 for chain in tx.audit.chains() for _ in tx.audit.rows(chain)))
    assert after == before + 1


def test_C3_an_act_that_came_to_nothing_may_be_tried_again(detector: House) -> None:
    with pytest.raises(NotFound):
        detector.run(labels.create(named(detector, "root"), DETECTOR, "v1", "@9", "", dry_run=False))
    assert detector.run(labels.create(named(detector, "root"), DETECTOR, "v1", "@1", "", dry_run=False)).name == "v1"


def test_C3_a_dry_run_keeps_no_answer(detector: House) -> None:
    detector.run(labels.create(named(detector, "root"), DETECTOR, "v1", "@1", "", dry_run=True))
    detector.run(labels.create(named(detector, "root"), DETECTOR, "v2", "@1", "", dry_run=False))


def test_C3_the_same_id_for_another_act_is_refused(detector: House) -> None:
    detector.run(labels.create(named(detector, "root"), DETECTOR, "v1", "@1", "", dry_run=False))
    with pytest.raises(RequestReused):
        detector.run(labels.create(named(detector, "root"), DETECTOR, "v2", "@1", "", dry_run=False))
    with pytest.raises(RequestReused):
        detector.run(repositories.create(named(detector, "root"), NEW, "", dry_run=False))


def test_a_name_of_the_servers_own_making_repeats_nothing(detector: House) -> None:
    call = detector.call("root")
    detector.run(labels.create(call, DETECTOR, "v1", "@1", "", dry_run=False))
    with pytest.raises(AlreadyExists):
        detector.run(labels.create(call, DETECTOR, "v1", "@1", "", dry_run=False))


def test_P8_no_answer_with_a_secret_is_kept(detector: House) -> None:
    call = named(detector, "root")
    _, secret = detector.run(identity.add_user(call, "new", False, dry_run=False))
    detector.run(identity.create_token(named(detector, "root", "r2"), "", "ci", (), None, dry_run=False))
    for request_id, method in (("r1", "user.add"), ("r2", "token.create")):
        kept = detector.db.read_now(
            lambda tx, r=request_id, m=method: tx.requests.find(call.principal.user_id, RequestId(r), m)
        )
        assert kept is None
    database = detector.settings.directory / "mlv.db"
    stored = database.read_bytes() + database.with_name("mlv.db-wal").read_bytes()
    assert secret.rpartition("_")[2].encode() not in stored


def test_C3_the_outcome_of_a_request_belongs_to_its_repository(detector: House) -> None:
    request = request_for(add("new.txt", b"new\n"), contents=(b"new\n",))
    done = publish(detector, "alice", request)
    detector.add_repository(NEW)
    detector.grant("contributor", "alice", NEW)
    found = detector.run(commits.outcome(detector.call("alice"), DETECTOR, request.request_id))
    assert found is not None
    assert found.changeset == done.changeset
    assert detector.run(commits.outcome(detector.call("alice"), NEW, request.request_id)) is None


def test_denials_of_a_commit_are_audited_in_the_chain_of_its_repository(detector: House) -> None:
    request = request_for(add("new.txt", b"new\n"), contents=(b"new\n",))
    with pytest.raises(Denied):
        detector.run(commits.publish(detector.call("rita"), request))
    own = detector.db.read_now(lambda tx: list(tx.audit.rows(tx.repositories.get(DETECTOR).id)))
    assert b'"allowed":false' in own[-1].record
    assert b'"user":"rita"' in own[-1].record


def test_C3_a_commit_that_was_told_not_to_have_landed_never_lands_later(detector: House) -> None:
    request = request_for(add("late.txt", b"late"), contents=(b"late",))
    other = request_for(add("other.txt", b"other"), contents=(b"other",))
    assert detector.run(commits.outcome(detector.call("alice"), DETECTOR, request.request_id)) is None
    with pytest.raises(RequestReused):
        publish(detector, "alice", request)
    assert detector.run(commits.outcome(detector.call("alice"), DETECTOR, request.request_id)) is None
    landed = publish(detector, "alice", other)
    assert detector.run(commits.outcome(detector.call("alice"), DETECTOR, other.request_id)) == landed
    assert publish(detector, "alice", other) == landed
