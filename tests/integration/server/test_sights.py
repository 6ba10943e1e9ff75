"""P4, P5, B4, C7: what rules say of branches, labels and paths holds in every answer."""

from __future__ import annotations

import uuid

import pytest
from tests.integration.server.commit_kit import add, delete, lock, modify, move, publish, request_for, undo
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.entities import BranchKind, Effect, Rule, SubjectKind
from mlv_core.errors import Denied, HeadMoved, MlvError, NotFound, PathClash
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, RequestId, WorkspaceId
from mlv_core.merging import MergeRequest
from mlv_core.requests import (
    AcquireRequest,
    BeginRequest,
    HistoryFilter,
    PlanRequest,
    Range,
    RangeKind,
)
from mlv_core.shelving import PlanShelfRequest, ShelveRequest
from mlv_core.watching import EventFilter
from mlv_server.services import (
    branches,
    commits,
    content,
    events,
    history,
    labels,
    locks,
    logs,
    merges,
    shelf_content,
    shelves,
    workspaces,
)
from mlv_server.services.call import Call

CODECS = frozenset(range(8))
SECRET = b"\0secret weights"
LOCKED = b"\0one"


def rule(house: House, effect: Effect, user: str, actions: tuple[str, ...], ref: str = "*", path: str = "**") -> None:
    """Put one more rule about the repository in force."""
    made = Rule(0, effect, SubjectKind.USER, user, "", actions, str(DETECTOR), ref, path)
    house.db.write_now(lambda tx: tx.rules.change((made,), (), "test", 0))


def hide(house: House, user: str, *, ref: str = "*", path: str = "**") -> None:
    rule(house, Effect.DENY, user, ("list", "meta.read", "read"), ref, path)


def collect(house: House, stream_of):
    async def all_of():
        return [one async for page in stream_of for one in page]

    return house.run(all_of())


def ls(house: House, user: str, number: int = 2) -> list[str]:
    return [
        row.path for row in collect(house, history.list_files(house.call(user), DETECTOR, ChangesetNumber(number), ()))
    ]


def plan(house: House, user: str, target: int = 2, base: int = 0):
    request = PlanRequest(DETECTOR, ChangesetNumber(base), ChangesetNumber(target), CODECS)
    call = house.call(user)

    async def parts():
        return [part async for part in content.plan_download(call, DETECTOR, request)]

    return house.run(parts())


def get(house: House, user: str, number: int, one: Range) -> bytes:
    call = house.call(user)

    async def read():
        return b"".join([data async for data in content.get_ranges(call, DETECTOR, ChangesetNumber(number), (one,))])

    return house.run(read())


def log(house: House, user: str, **wanted):
    return house.run(logs.list_changesets(house.call(user), DETECTOR, HistoryFilter(page_size=50, **wanted)))[0]


def refused(house: House, body) -> MlvError:
    with pytest.raises(MlvError) as caught:
        house.run(body)
    return caught.value


@pytest.fixture
def stocked(detector: House) -> House:
    """Rita may read all, bob and alice commit; @2 brings weights/secret.bin and docs/a.txt with their content."""
    request = request_for(
        add("weights/secret.bin", SECRET), add("docs/a.txt", b"words\n"), contents=(SECRET, b"words\n"), prepared=1
    )
    publish(detector, "alice", request)
    return detector


def cleared(house: House) -> None:
    """@3 holds only what @2 brought."""
    model = lock(house, "alice", "wa", base=2)
    data = lock(house, "alice", "wa", "data/train.parquet", b"\0rows", 2)
    gone = (delete("model.safetensors", 2, model), delete("data/train.parquet", 2, data), delete("train.py", 2))
    publish(house, "alice", request_for(*gone, prepared=2))


def branch(house: House, name: str, at: str = "@2") -> None:
    house.run(branches.create(house.call("alice"), DETECTOR, name, BranchKind.EXPERIMENT, at, "", dry_run=False))


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


def test_P4_P5_a_checkout_leaves_out_what_may_be_listed_but_not_read_and_says_how_many(stocked: House) -> None:
    cleared(stocked)
    rule(stocked, Effect.DENY, "rita", ("read",), path="weights/**")
    assert "weights/secret.bin" in ls(stocked, "rita", 3)
    parts = plan(stocked, "rita", 3)
    assert [planned.change.path for part in parts for planned in part.changes] == ["docs/a.txt"]
    assert parts[-1].withheld == 1
    assert all(one.kind is RangeKind.FILE for part in parts for one in part.ranges)
    (one,) = [one for part in parts for one in part.ranges]
    assert get(stocked, "rita", 3, one) == b"words\n"

    every = plan(stocked, "alice", 3)
    assert {p.change.path for part in every for p in part.changes} == {"docs/a.txt", "weights/secret.bin"}
    assert every[-1].withheld == 0
    for foreign in (Range(RangeKind.FILE, hash_content(SECRET), 0, 4), *(r for part in every for r in part.ranges)):
        if foreign.kind is RangeKind.PACK or foreign.id == hash_content(SECRET):
            assert get(stocked, "alice", 3, foreign)
            with pytest.raises(NotFound):
                get(stocked, "rita", 3, foreign)


def test_P5_content_that_one_may_not_read_is_neither_known_nor_taken_over(stocked: House) -> None:
    rule(stocked, Effect.DENY, "bob", ("read",), path="weights/**")
    name = hash_content(SECRET)
    assert stocked.run(commits.find_missing(stocked.call("alice"), DETECTOR, (name,))) == [False]
    assert stocked.run(commits.find_missing(stocked.call("bob"), DETECTOR, (name,))) == [True]

    stolen = request_for(add("docs/mine.bin", SECRET, 2), prepared=2, workspace="wb")
    with pytest.raises(NotFound) as caught:
        publish(stocked, "bob", stolen)
    other = request_for(add("docs/mine.bin", b"\0never sent", 2), prepared=2, workspace="wb")
    with pytest.raises(NotFound) as absent:
        publish(stocked, "bob", other)
    assert caught.value.message == absent.value.message

    sent = request_for(add("docs/mine.bin", SECRET, 2), contents=(SECRET,), prepared=2, workspace="wb")
    assert publish(stocked, "bob", sent).changeset == 3


def test_C4_a_stale_path_names_who_changed_it_to_whoever_may_see_it(stocked: House) -> None:
    rule(stocked, Effect.DENY, "bob", ("read",), path="weights/**")
    publish(stocked, "alice", request_for(modify("docs/a.txt", b"new\n", 2), contents=(b"new\n",), prepared=2))
    with pytest.raises(HeadMoved):
        publish(
            stocked,
            "bob",
            request_for(modify("docs/a.txt", b"old\n", 2), contents=(b"old\n",), prepared=2, workspace="wb"),
        )


def shelve(house: House, user: str, workspace: str, *changes, contents=()):
    sent = request_for(*changes, contents=contents, prepared=2, workspace=workspace)
    request = ShelveRequest(
        DETECTOR,
        sent.request_id,
        "main",
        WorkspaceId(workspace),
        name="mine",
        message="",
        changes=changes,
        recipes=sent.recipes,
        inline_pack=sent.inline_pack,
    )
    return house.run(shelves.shelve(house.call(user), request))


def test_P5_a_shelf_takes_over_nothing_that_one_may_not_read_and_gives_back_what_one_sent(stocked: House) -> None:
    rule(stocked, Effect.DENY, "bob", ("read",), path="weights/**")
    with pytest.raises(NotFound):
        shelve(stocked, "bob", "wb", add("docs/mine.bin", SECRET, 2))

    own = b"\0of my own"
    shelf = shelve(stocked, "bob", "wb", add("docs/own.bin", own, 2), contents=(own,))
    asked, call = PlanShelfRequest(DETECTOR, shelf.id, CODECS), stocked.call("bob")

    async def parts():
        return [part async for part in shelf_content.plan(call, asked)]

    ((one,),) = [part.ranges for part in stocked.run(parts())]
    assert one.kind is RangeKind.FILE
    assert get(stocked, "bob", 0, one) == own
    with pytest.raises(NotFound):
        get(stocked, "bob", 0, Range(RangeKind.FILE, hash_content(SECRET), 0, 4))
