"""P4, B4, C7: what rules say of branches, labels and paths holds in every answer."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from tests.integration.server.commit_kit import add, delete, lock, modify, move, publish, request_for, undo
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.sight_kit import (
    CODECS,
    SECRET,
    branch,
    cleared,
    collect,
    hide,
    log,
    ls,
    plan,
    refused,
    rule,
    stock,
)

from mlv_core.asking import Answer, AnswerRequest, AskRequest
from mlv_core.entities import BranchKind, Effect, LockScope
from mlv_core.errors import Denied, LockHeld, NotFound, PathClash
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, RequestId, WorkspaceId
from mlv_core.merging import MergeRequest
from mlv_core.requests import (
    AcquireRequest,
    BeginRequest,
    HistoryFilter,
)
from mlv_core.watching import EventFilter
from mlv_server.services import (
    branches,
    commits,
    events,
    history,
    identity,
    labels,
    lock_answers,
    lock_requests,
    locks,
    logs,
    merges,
    workspaces,
)
from mlv_server.services.call import Call


@pytest.fixture
def stocked(detector: House) -> House:
    return stock(detector)


def test_P4_a_path_that_may_not_be_listed_is_in_no_list_and_no_count(stocked: House) -> None:
    assert "weights/secret.bin" in ls(stocked, "rita")
    hide(stocked, "rita", path="weights/**")

    assert "weights/secret.bin" not in ls(stocked, "rita")
    assert "docs/a.txt" in ls(stocked, "rita")
    changeset, changes = stocked.run(history.get(stocked.call("rita"), DETECTOR, ChangesetNumber(2)))
    assert ([change.path for change in changes], changeset.files_changed) == (["docs/a.txt"], 1)
    assert [one.files_changed for one in log(stocked, "rita") if one.number == 2] == [1]
    zero, two = ChangesetNumber(0), ChangesetNumber(2)
    found = collect(stocked, history.diff_versions(stocked.call("rita"), DETECTOR, zero, two, ()))
    assert not [one.path for one in found if one.path.startswith("weights")]
    found = collect(stocked, history.diff_versions(stocked.call("alice"), DETECTOR, zero, two, ()))
    assert [one.path for one in found if one.path.startswith("weights")] == ["weights/secret.bin"]


def test_P4_the_log_of_a_hidden_path_is_that_of_one_that_never_was(stocked: House) -> None:
    hide(stocked, "rita", path="weights/**")
    for hidden, absent in (("weights/secret.bin", "weights/nothing"), ("weights", "nowhere")):
        answers = []
        for path in (hidden, absent):
            wanted = HistoryFilter(page_size=5, path=path)
            error = refused(stocked, logs.list_changesets(stocked.call("rita"), DETECTOR, wanted))
            answers.append((type(error), error.message.replace(path, "PATH"), error.items, error.advice))
        assert answers[0] == answers[1]
        assert answers[0][0] is NotFound


def test_P4_a_file_that_moved_out_of_a_hidden_place_is_new(stocked: House) -> None:
    token = lock(stocked, "alice", "wa", "weights/secret.bin", SECRET, 2)
    publish(stocked, "alice", request_for(*move("weights/secret.bin", "docs/b.bin", SECRET, 2, token), prepared=2))
    hide(stocked, "rita", path="weights/**")
    _, changes = stocked.run(history.get(stocked.call("rita"), DETECTOR, ChangesetNumber(3)))
    assert [(change.path, change.operation.name, change.source) for change in changes] == [("docs/b.bin", "ADD", "")]


def test_P4_hidden_locks_and_events_are_not_told(stocked: House) -> None:
    lock(stocked, "alice", "wa", "weights/secret.bin", SECRET, 2)
    call = stocked.call("rita")
    assert len(stocked.run(locks.list_all(call, DETECTOR, "", (), ""))) == 1
    hide(stocked, "rita", path="weights/**")
    assert stocked.run(locks.list_all(stocked.call("rita"), DETECTOR, "", (), "")) == ()

    async def watch(call: Call):
        wanted = EventFilter(str(DETECTOR), after=0, follow=False)
        pages = [page async for page in events.watch(call, wanted, lambda: call.now)]
        return [(one.kind, one.facts.get("path"), one.facts.get("files")) for page in pages for one in page.events]

    assert stocked.run(watch(stocked.call("alice")))[-2:] == [
        ("commit.published", None, 2),
        ("lock.acquired", "weights/secret.bin", None),
    ]
    assert stocked.run(watch(stocked.call("rita")))[-1:] == [("commit.published", None, 1)]


def test_P4_a_hidden_branch_is_watched_as_one_that_is_not_there(stocked: House) -> None:
    hide(stocked, "rita", ref="branch/main")
    said = {}

    async def watch(call: Call, branch: str):
        wanted = EventFilter(str(DETECTOR), after=0, branch=branch, follow=False)
        return [page async for page in events.watch(call, wanted, lambda: call.now)]

    for name in ("main", "nope"):
        with pytest.raises(NotFound) as refused:
            stocked.run(watch(stocked.call("rita"), name))
        said[name] = (refused.value.message.replace(name, "X"), refused.value.advice)
    assert said["main"] == said["nope"]
    assert stocked.run(watch(stocked.call("alice"), "MAIN"))[-1].events


@pytest.mark.parametrize("act", ["add", "modify", "delete", "move out", "move in"])
def test_C7_P2_a_commit_to_where_one_may_not_write_is_refused_before_content_comes(stocked: House, act: str) -> None:
    rule(stocked, Effect.DENY, "alice", ("write",), path="weights/**")
    changes = {
        "add": [add("weights/new.bin", b"\0new", 2)],
        "modify": [modify("weights/secret.bin", b"\0other", 2)],
        "delete": [delete("weights/secret.bin", 2)],
        "move out": move("weights/secret.bin", "docs/b.bin", SECRET, 2),
        "move in": move("docs/a.txt", "weights/a.txt", b"words\n", 2),
    }[act]
    asked = BeginRequest(DETECTOR, "main", WorkspaceId("wa"), (*changes, add("docs/c.txt", b"c\n", 2)), CODECS)
    error = refused(stocked, commits.begin(stocked.call("alice"), asked))
    assert isinstance(error, Denied)
    assert error.items
    assert all(item.startswith("weights/") for item in error.items)
    with pytest.raises(Denied):
        publish(stocked, "alice", request_for(*changes, prepared=2))
    denied = [
        entry
        for entry in stocked.db.read_now(lambda tx: list(tx.audit.rows(tx.repositories.get(DETECTOR).id)))
        if b'"allowed":false' in entry.record and b'"action":"commit"' in entry.record
    ]
    assert len(denied) == 2


def test_P4_who_may_write_but_not_see_a_path_learns_nothing_by_writing(stocked: House) -> None:
    hide(stocked, "alice", path="weights/**")
    answers = []
    for path in ("weights/secret.bin", "weights/nothing.bin"):
        with pytest.raises(Denied) as caught:
            publish(stocked, "alice", request_for(add(path, b"\0mine", 2), contents=(b"\0mine",), prepared=2))
        answers.append(caught.value.message.replace(path, "PATH"))
    assert answers[0] == answers[1]

    with pytest.raises(PathClash) as clash:
        publish(stocked, "alice", request_for(add("Weights", b"\0mine", 2), contents=(b"\0mine",), prepared=2))
    assert "secret" not in clash.value.message + "".join(clash.value.items)


def test_B4_a_merge_brings_nothing_to_where_one_may_not_write_and_names_nothing_hidden(stocked: House) -> None:
    branch(stocked, "exp")
    stocked.add_workspace("alice", "we", branch="exp")
    changed = modify("weights/secret.bin", b"\0changed", 2, lock_on(stocked, "exp", "weights/secret.bin", SECRET))
    publish(stocked, "alice", request_for(changed, contents=(b"\0changed",), prepared=2, workspace="we", branch="exp"))
    asked = MergeRequest(
        DETECTOR, RequestId(str(uuid.uuid4())), branch="main", source="exp", workspace=WorkspaceId("wb"), message=""
    )

    rule(stocked, Effect.DENY, "bob", ("write",), path="weights/**")
    error = refused(stocked, merges.merge(stocked.call("bob"), asked))
    assert (type(error), error.items) == (Denied, ("weights/secret.bin",))

    hide(stocked, "bob", path="weights/**")
    error = refused(stocked, merges.merge(stocked.call("bob"), asked))
    assert (type(error), error.items) == (Denied, ())
    assert "secret" not in error.message


def lock_on(house: House, on: str, path: str, data: bytes) -> int:
    request = AcquireRequest(DETECTOR, on, WorkspaceId("we"), (path,), (hash_content(data),), (ChangesetNumber(2),))
    return house.run(locks.acquire(house.call("alice"), request)).locks[0].token


def test_P4_a_lock_on_a_branch_that_is_hidden_says_nothing_but_that_it_is_there(stocked: House) -> None:
    branch(stocked, "secret")
    hide(stocked, "bob", ref="branch/secret")
    asked = AcquireRequest(
        DETECTOR, "secret", WorkspaceId("wa"), ("docs/a.txt",), (hash_content(b"words\n"),), (ChangesetNumber(2),),
        scope=LockScope.REPOSITORY, reason="hush",
    )  # fmt: skip
    stocked.run(locks.acquire(stocked.call("alice"), asked))
    here = replace(asked, branch="main", workspace=WorkspaceId("wb"), reason="")
    change = modify("docs/a.txt", b"mine\n", 2)
    wish = AskRequest(
        DETECTOR, "main", WorkspaceId("wb"), ("docs/a.txt",), (ChangesetNumber(2),), "", waits=True, wait_ms=3_600_000,
        again=False,
    )  # fmt: skip
    committed = request_for(change, contents=(b"mine\n",), prepared=2, workspace="wb")
    for body in (
        locks.acquire(stocked.call("bob"), here),
        locks.acquire(stocked.call("bob"), replace(here, paths=("docs",), tree=True)),
        commits.publish(stocked.call("bob"), committed),
    ):
        error = refused(stocked, body)
        said = error.message + "".join(error.items)
        assert isinstance(error, LockHeld)
        assert "docs/a.txt is locked where you may not look" in said
        assert not [word for word in ("alice", "host-wa", "secret", "hush") if word in said]
    assert stocked.run(lock_requests.ask(stocked.call("bob"), wish)).holders == ()
    stocked.grant("contributor", "stranger")
    stocked.add_workspace("stranger", "ws")
    seen = locks.acquire(stocked.call("stranger"), replace(here, workspace=WorkspaceId("ws")))
    assert "alice on host-wa" in refused(stocked, seen).message


def test_P1_a_refusal_names_the_ref_that_was_asked_for_unless_it_is_hidden(stocked: House) -> None:
    made = labels.create(stocked.call("alice"), DETECTOR, "v1.0", "@1", "", dry_run=False)
    assert "'label.create' on fraud/detector:label/v1.0: no rule" in refused(stocked, made).message
    made = branches.create(stocked.call("rita"), DETECTOR, "mine", None, "@1", "", dry_run=False)
    assert "'branch.create' on fraud/detector:branch/mine: no rule" in refused(stocked, made).message
    hide(stocked, "alice", ref="label/v*")
    made = labels.create(stocked.call("alice"), DETECTOR, "v1.0", "@1", "", dry_run=False)
    assert "'label.create' on fraud/detector: no rule" in refused(stocked, made).message


def test_P2_a_right_on_one_branch_or_path_is_none_elsewhere(stocked: House) -> None:
    branch(stocked, "exp")
    rule(stocked, Effect.ALLOW, "rita", ("lock.break",), ref="branch/exp")
    rule(stocked, Effect.ALLOW, "rita", ("open",))
    asked = AcquireRequest(
        DETECTOR, "main", WorkspaceId("wa"), ("docs/a.txt",), (hash_content(b"words\n"),), (ChangesetNumber(2),)
    )
    stocked.run(locks.acquire(stocked.call("alice"), asked))
    wish = AskRequest(
        DETECTOR, "main", WorkspaceId("wb"), ("docs/a.txt",), (ChangesetNumber(2),), "", waits=True, wait_ms=3_600_000,
        again=False,
    )  # fmt: skip
    stocked.run(lock_requests.ask(stocked.call("bob"), wish))
    no = AnswerRequest(DETECTOR, "main", ("docs/a.txt",), "bob", Answer.DENY, "no")
    with pytest.raises(Denied):
        stocked.run(lock_answers.answer(stocked.call("rita"), no))


def test_L9_who_may_break_locks_in_one_folder_steals_there_whatever_is_locked_elsewhere(stocked: House) -> None:
    rule(stocked, Effect.ALLOW, "bob", ("lock.break",), path="docs/**")
    asked = AcquireRequest(
        DETECTOR, "main", WorkspaceId("wa"), ("docs/a.txt",), (hash_content(b"words\n"),), (ChangesetNumber(2),)
    )
    stocked.run(locks.acquire(stocked.call("alice"), asked))
    stocked.run(locks.acquire(stocked.call("alice"), replace(asked, paths=("weights",), tree=True)))
    steal = replace(asked, workspace=WorkspaceId("wb"), steal=True, reason="why")
    (taken,) = stocked.run(locks.acquire(stocked.call("bob"), steal)).locks
    assert (taken.owner, taken.path) == ("bob", "docs/a.txt")
    with pytest.raises(Denied):
        stocked.run(locks.acquire(stocked.call("bob"), replace(steal, paths=("weights",), tree=True)))


def test_C9_an_undo_of_what_one_may_not_write_or_see_is_refused(stocked: House) -> None:
    rule(stocked, Effect.DENY, "bob", ("write",), path="weights/**")
    with pytest.raises(Denied) as caught:
        undo(stocked, "bob", "wb", first=ChangesetNumber(2), last=ChangesetNumber(2))
    assert caught.value.items == ("weights/secret.bin",)
    hide(stocked, "bob", path="weights/**")
    with pytest.raises(Denied) as caught:
        undo(stocked, "bob", "wb", first=ChangesetNumber(2), last=ChangesetNumber(2))
    assert "secret" not in caught.value.message + "".join(caught.value.items)
    undo(stocked, "bob", "wb", first=ChangesetNumber(2), last=ChangesetNumber(2), paths=("docs",))


def test_L12_a_lock_is_not_given_where_one_may_not_open(stocked: House) -> None:
    rule(stocked, Effect.DENY, "alice", ("open",), path="weights/**")
    with pytest.raises(Denied) as caught:
        lock(stocked, "alice", "wa", "weights/secret.bin", SECRET, 2)
    assert caught.value.items == ("weights/secret.bin",)


def test_P4_a_hidden_branch_answers_as_one_that_is_not_there(stocked: House) -> None:
    branch(stocked, "secret")
    stocked.add_workspace("alice", "ws", branch="secret")
    publish(
        stocked,
        "alice",
        request_for(add("s.txt", b"s\n", 2), contents=(b"s\n",), prepared=2, workspace="ws", branch="secret"),
    )
    for user in ("rita", "bob"):
        hide(stocked, user, ref="branch/secret")
    rita, bob = (lambda: stocked.call("rita")), (lambda: stocked.call("bob"))

    assert [one.name for one in stocked.run(branches.list_all(rita(), DETECTOR))] == ["main"]
    assert [one.branch for one in stocked.run(workspaces.list_all(rita(), DETECTOR))] == ["main"] * 3
    assert [one.number for one in log(stocked, "rita")] == [2, 1]
    assert [one.number for one in log(stocked, "alice")] == [3, 2, 1]

    def asks(name: str, number: int):
        at = ChangesetNumber(number)
        register = workspaces.register(bob(), DETECTOR, WorkspaceId("wn"), "h", "/d", name, ChangesetNumber(0))
        return [
            history.resolve(rita(), DETECTOR, f"@{name}", ""),
            history.resolve(rita(), DETECTOR, "head", name),
            history.resolve(rita(), DETECTOR, f"@{number}", ""),
            history.get(rita(), DETECTOR, at),
            logs.list_changesets(rita(), DETECTOR, HistoryFilter(page_size=5, branch=name)),
            locks.list_all(rita(), DETECTOR, name, (), ""),
            branches.create(bob(), DETECTOR, "mine", BranchKind.EXPERIMENT, "", name, dry_run=True),
            branches.create(bob(), DETECTOR, "mine", BranchKind.EXPERIMENT, f"@{number}", "", dry_run=True),
            commits.begin(bob(), BeginRequest(DETECTOR, name, WorkspaceId("wb"), (add("x", b"x", 2),), CODECS)),
            register,
        ]

    def said(name: str, number: int) -> list[tuple[object, ...]]:
        errors = [refused(stocked, body) for body in asks(name, number)]
        return [
            (type(one), one.message.replace(name, "NAME").replace(f"@{number}", "@N"), one.advice, one.items)
            for one in errors
        ]

    hidden = said("secret", 3)
    assert hidden == said("nothing", 99)
    assert {one[0] for one in hidden} == {NotFound}


def test_P4_a_name_that_is_hidden_cannot_be_found_out_by_making_it(stocked: House) -> None:
    branch(stocked, "secret")
    for name in ("branch/*cret", "branch/*thing"):
        hide(stocked, "bob", ref=name)
    answers = []
    for name in ("secret", "nothing"):
        make = branches.create(stocked.call("bob"), DETECTOR, name, BranchKind.EXPERIMENT, "@2", "", dry_run=False)
        error = refused(stocked, make)
        answers.append((type(error), error.message.replace("rule 9", "rule N").replace("rule 10", "rule N")))
    assert {kind for kind, _ in answers} == {Denied}


def test_P4_hidden_labels_are_not_there(stocked: House) -> None:
    stocked.grant("maintainer", "alice")
    for name in ("v1", "internal-1"):
        stocked.run(labels.create(stocked.call("alice"), DETECTOR, name, "@2", "", dry_run=False))
    hide(stocked, "rita", ref="label/internal*")
    assert [one.name for one in stocked.run(labels.list_all(stocked.call("rita"), DETECTOR))] == ["v1"]
    assert [one.labels for one in log(stocked, "rita") if one.number == 2] == [("v1",)]
    answers = []
    for name in ("internal-1", "nothing"):
        error = refused(stocked, history.resolve(stocked.call("rita"), DETECTOR, f"@{name}", ""))
        answers.append((type(error), error.message.replace(name, "NAME")))
    assert answers[0] == answers[1]


def test_P4_who_may_read_only_a_label_reads_that_version_and_no_other(stocked: House) -> None:
    cleared(stocked)
    stocked.grant("maintainer", "alice")
    stocked.run(labels.create(stocked.call("alice"), DETECTOR, "v1", "@3", "", dry_run=False))
    rule(stocked, Effect.ALLOW, "stranger", ("list", "read", "meta.read"), ref="label/v*")
    assert stocked.run(history.resolve(stocked.call("stranger"), DETECTOR, "@v1", "")) == (3, "")
    assert ls(stocked, "stranger", 3) == ["docs/a.txt", "weights/secret.bin"]
    assert len(plan(stocked, "stranger", 3)[0].changes) == 2
    with pytest.raises(NotFound):
        ls(stocked, "stranger", 1)
    with pytest.raises(NotFound):
        plan(stocked, "stranger", 1)
    assert stocked.run(branches.list_all(stocked.call("stranger"), DETECTOR)) == ()


def test_P8_a_token_that_may_only_write_knows_the_branch_it_writes_to(stocked: House) -> None:
    make = identity.create_token(stocked.host(), "alice", "", ("write", "open"), 3600, dry_run=False)
    call = stocked.sign_in(stocked.run(make)[0])
    asked = BeginRequest(DETECTOR, "main", WorkspaceId("wa"), (add("docs/c.txt", b"c\n", 2),), CODECS)
    assert stocked.run(commits.begin(call, asked)).head == 2

    hide(stocked, "alice", path="weights/**")
    rule(stocked, Effect.DENY, "alice", ("write",), path="docs/**")
    with pytest.raises(Denied):
        stocked.run(commits.begin(call, asked))


def test_P8_a_token_that_may_only_list_hears_of_no_commit(stocked: House) -> None:
    async def kinds(call: Call) -> set[str]:
        pages = events.watch(call, EventFilter(str(DETECTOR), after=0, follow=False), lambda: call.now)
        return {one.kind async for page in pages for one in page.events}

    make = identity.create_token(stocked.host(), "rita", "", ("list",), 3600, dry_run=False)
    assert "commit.published" in stocked.run(kinds(stocked.call("rita")))
    assert "commit.published" not in stocked.run(kinds(stocked.sign_in(stocked.run(make)[0])))
