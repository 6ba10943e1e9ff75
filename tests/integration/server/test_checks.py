"""External checks on a real database, asked over real HTTPS: what they refuse, what they are told, what is left."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.server.commit_kit import AT1, MODEL, add, head, lock, modify, publish, request_for, undo
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.hook_kit import Post
from tests.receivers import SECRET, Answer, Got, Receiver, receiving

from mlv_core.errors import CheckRefused, CheckUnanswered, Denied, HeadMoved, NotFound
from mlv_core.hooks import Check, Moment, NewCheck
from mlv_core.ids import RequestId, WorkspaceId
from mlv_core.merging import MergeRequest
from mlv_core.requests import BeginRequest
from mlv_server.services import branches, checks, commits, consulting, labels, merges

BEGIN, PUBLISH, LABEL, MERGE = Moment
YES: Answer = (200, b'{"allow": true}')
NEW = b"print(2)\n"


def no(message: str = "the licence is missing") -> Answer:
    return 200, json.dumps({"allow": False, "message": message}).encode()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "receiver") as made:
        made.answer = lambda _: YES
        yield made


@pytest.fixture
def post(detector: House, receiver: Receiver) -> Post:
    return Post.of(detector, receiver)


@pytest.fixture
def guard(post: Post, receiver: Receiver) -> Callable[..., Check]:
    """A function that makes a check which the receiver answers."""

    def make(*moments: Moment, user: str = "root", url: str = "", **more: Any) -> Check:
        asked = NewCheck(str(DETECTOR), url or receiver.url, moments, **{"secret": SECRET, "name": "ci", **more})
        return post.house.run(checks.add(post.house.call(user), asked, dry_run=False))[0]

    return make


def commit(house: House, *, user: str = "alice", **more: Any):
    return publish(house, user, request_for(modify("train.py", NEW), contents=(NEW,), **more))


def begin(house: House, *changes: Any):
    request = BeginRequest(DETECTOR, "main", WorkspaceId("wa"), changes, frozenset())
    return house.run(commits.begin(house.call("alice"), request))


def label(house: House, name: str, *, dry_run: bool = False):
    return house.run(labels.create(house.call("root"), DETECTOR, name, "@1", "first", dry_run))


def merge(house: House, **more: Any):
    values = {
        "repository": DETECTOR, "request_id": RequestId(str(uuid.uuid4())), "branch": "main", "source": "dev",
        "workspace": WorkspaceId("wa"), "message": "",
    }  # fmt: skip
    return house.run(merges.merge(house.call("alice"), MergeRequest(**{**values, **more})))


def forked(house: House) -> None:
    """A branch dev, ahead of main by one changeset."""
    house.run(branches.create(house.call("root"), DETECTOR, "dev", None, "", "", False))
    house.add_workspace("alice", "wd", branch="dev")
    commit(house, branch="dev", workspace="wd")


def state(house: House) -> tuple[Any, ...]:
    """All that an act could have changed: heads, labels, locks, events, uploads; not what was said no to."""

    def look(tx: Any) -> tuple[Any, ...]:
        heads = tuple((one.name, one.head) for one in tx.branches.list_all(1))
        newest = tx.changesets.newest(1)
        held = tuple(one.token for one in tx.locks.list_all(1))
        return heads, newest.number, tx.labels.list_all(1), held, tx.events.last(1)

    return house.db.read_now(look)


def test_C1_a_check_refuses_a_commit_with_its_text_and_nothing_is_written(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    guard(PUBLISH, ref="branch/main", paths=("*.py",))
    token = lock(post.house, "alice", "wa")
    before = state(post.house)
    receiver.answer = lambda _: no("the licence is missing\nsee the wiki \x1b[2J")
    request = request_for(modify("train.py", NEW), modify(MODEL, b"\0two", token=token), contents=(NEW, b"\0two"))
    with pytest.raises(CheckRefused) as refused:
        publish(post.house, "alice", request)
    assert refused.value.message == "The check 'ci' refused it: the licence is missing"
    assert refused.value.items == ("see the wiki \\x1b[2J",)
    assert state(post.house) == before
    (entry,) = post.audit("check.refused")
    assert (entry["user"], entry["allowed"], entry["object"]) == ("alice", False, f"{DETECTOR}:branch/main")
    assert entry["detail"]["check"] == "ci"
    receiver.answer = lambda _: YES
    assert publish(post.house, "alice", request).changeset == 2
    assert len(receiver.got) == 2


def test_a_question_is_signed_and_says_who_what_and_where_but_no_content(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    made = guard(PUBLISH)
    commit(post.house, message="better\u2026")
    (got,) = receiver.got
    assert got.is_signed(SECRET)
    assert got.headers["x-mlv-check"] == made.id
    said = got.json
    assert said.pop("digest")
    assert said.pop("time").endswith("Z")
    assert said == {
        "check": "ci",
        "at": "publish",
        "act": "commit",
        "repository": str(DETECTOR),
        "ref": "branch/main",
        "by": "alice",
        "base": 1,
        "message": "better\u2026",
        "dry_run": False,
        "changes": [{"path": "train.py", "operation": "modify", "size": len(NEW)}],
        "changes_count": 1,
        "truncated": False,
    }
    assert NEW.strip() not in got.body


def test_C7_a_check_at_begin_refuses_before_content_and_is_asked_again(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    guard(BEGIN)
    receiver.answer = lambda _: no()
    with pytest.raises(CheckRefused):
        begin(post.house, modify("train.py", NEW))
    assert receiver.got[0].json["at"] == "begin"
    assert len(post.audit("check.refused")) == 1
    with pytest.raises(CheckRefused):
        commit(post.house)
    assert receiver.got[1].json["at"] == "publish"
    receiver.answer = lambda _: YES
    assert begin(post.house, modify("train.py", NEW)).head == 1
    commit(post.house)
    assert head(post.house) == 2


def test_what_a_check_is_not_about_is_not_asked(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    guard(PUBLISH, ref="branch/release*")
    guard(PUBLISH, paths=("weights/**",), name="other")
    guard(LABEL, ref="label/v*", name="labels")
    commit(post.house)
    label(post.house, "nightly")
    assert receiver.got == []
    label(post.house, "v1")
    assert [one.json["check"] for one in receiver.got] == ["labels"]


def test_rights_locks_and_stale_bases_are_decided_before_anybody_is_asked(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    guard(PUBLISH)
    commit(post.house)
    with pytest.raises(HeadMoved):
        commit(post.house, user="bob", workspace="wb")
    with pytest.raises(Denied):
        commit(post.house, user="rita")
    with pytest.raises(NotFound):
        commit(post.house, user="stranger")
    assert len(receiver.got) == 1


def test_a_check_refuses_a_label(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    guard(LABEL)
    before = state(post.house)
    receiver.answer = lambda _: no("not evaluated")
    with pytest.raises(CheckRefused, match="not evaluated"):
        label(post.house, "v1")
    assert state(post.house) == before
    said = receiver.got[0].json
    assert (said["act"], said["ref"], said["label"], said["changeset"]) == ("label", "label/v1", "v1", 1)
    receiver.answer = lambda _: YES
    assert label(post.house, "v1").changeset == 1
    commit(post.house)
    receiver.answer = lambda _: no()
    with pytest.raises(CheckRefused):
        post.house.run(labels.move(post.house.call("root"), DETECTOR, "v1", "@2", "again", False))
    assert (receiver.got[-1].json["act"], receiver.got[-1].json["changeset"]) == ("label.move", 2)
    assert [one.changeset for one in post.house.db.read_now(lambda tx: tx.labels.list_all(1))] == [1]


def test_B4_a_check_refuses_a_merge_and_a_commit_check_does_not_see_it(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    forked(post.house)
    guard(MERGE)
    guard(PUBLISH, name="commits")
    before = state(post.house)
    receiver.answer = lambda _: no("main is closed")
    with pytest.raises(CheckRefused, match="main is closed"):
        merge(post.house)
    assert state(post.house) == before
    said = receiver.got[0].json
    assert (said["check"], said["at"], said["act"], said["merged"]) == ("ci", "merge", "merge", 2)
    assert [one["path"] for one in said["changes"]] == ["train.py"]
    receiver.answer = lambda _: YES
    published = merge(post.house).published
    assert published is not None
    assert published.changeset == 3
    assert len(receiver.got) == 2


def test_C9_a_check_refuses_an_undo(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    commit(post.house)
    guard(PUBLISH)
    receiver.answer = lambda _: no()
    with pytest.raises(CheckRefused):
        undo(post.house, first=2, last=2)
    assert head(post.house) == 2
    assert receiver.got[0].json["act"] == "undo"
    receiver.answer = lambda _: YES
    assert undo(post.house, first=2, last=2).changeset == 3


def test_no_answer_refuses_by_default_and_says_why(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    guard(PUBLISH)
    for answer, reason in (((500, b"broken"), "it answered with status 500"), ((200, b"yes"), "its answer is no")):
        receiver.answer = lambda _, answer=answer: answer
        with pytest.raises(CheckUnanswered, match=f"The check 'ci' gave no answer: {reason}"):
            commit(post.house)
    assert head(post.house) == 1
    assert [one["allowed"] for one in post.audit("check.unanswered")] == [False, False]


def test_a_check_that_fails_open_lets_pass_what_it_does_not_answer_and_that_is_audited(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    guard(PUBLISH, fail_open=True)
    receiver.answer = lambda _: (500, b"")
    assert commit(post.house).changeset == 2
    (entry,) = post.audit("check.unanswered")
    assert (entry["allowed"], entry["reason"]) == (True, "it answered with status 500")
    assert (entry["detail"]["check"], entry["detail"]["at"]) == ("ci", "publish")
    receiver.answer = lambda _: no()
    with pytest.raises(CheckRefused):
        undo(post.house, first=2, last=2)


def test_a_deadline_ends_the_waiting(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    released = threading.Event()

    def late(_: Got) -> Answer:
        released.wait(60)
        return YES

    receiver.answer = late
    guard(PUBLISH, deadline=300)
    with pytest.raises(CheckUnanswered, match=r"no answer within 0\.3 s"):
        commit(post.house)
    released.set()
    assert head(post.house) == 1


def test_all_asking_for_one_act_has_an_end(
    post: Post, receiver: Receiver, guard: Callable[..., Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consulting, "TOTAL_SECONDS", 0.3)
    released = threading.Event()
    receiver.answer = lambda _: YES if released.wait(60) else no()
    guard(PUBLISH, deadline=30_000)
    with pytest.raises(CheckUnanswered, match=r"no answer within 0\.3 s"):
        commit(post.house)
    released.set()


def test_checks_are_asked_at_the_same_time(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    """Each waits for the other's question before it answers: one after the other none would."""
    together = threading.Barrier(2)

    def meet(_: Got) -> Answer:
        together.wait(60)
        return YES

    receiver.answer = meet
    guard(PUBLISH)
    guard(PUBLISH, name="other")
    assert commit(post.house).changeset == 2


def test_C4_a_yes_holds_when_the_head_moved_beside_and_not_for_another_list(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    """While the check thinks, somebody commits elsewhere: the same list lands on the new head, asked about once."""
    guard(PUBLISH, paths=("train.py",))
    house = post.house

    def meanwhile(_: Got) -> Answer:
        house.commit({"other.txt": b"o\n"})
        return YES

    receiver.answer = meanwhile
    done = commit(house)
    assert (done.changeset, done.parent) == (3, 2)
    assert [one.json["base"] for one in receiver.got] == [1]


def test_a_check_that_came_meanwhile_is_asked_too(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    guard(PUBLISH)
    made: list[Check] = []

    def meanwhile(got: Got) -> Answer:
        if not made:
            asked = NewCheck(str(DETECTOR), receiver.url, (PUBLISH,), name="late", secret=SECRET)
            made.append(post.house.run(checks.add(post.house.call("root"), asked, dry_run=False))[0])
        return no("late says no") if got.json["check"] == "late" else YES

    receiver.answer = meanwhile
    with pytest.raises(CheckRefused, match="late says no"):
        commit(post.house)
    assert [one.json["check"] for one in receiver.got] == ["ci", "late"]
    assert head(post.house) == 1


def test_C3_the_same_request_again_asks_nobody(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    guard(PUBLISH)
    request = request_for(modify("train.py", NEW), contents=(NEW,))
    first = publish(post.house, "alice", request)
    receiver.answer = lambda _: no()
    assert publish(post.house, "alice", request) == first
    assert len(receiver.got) == 1


def test_a_dry_run_asks_and_says_so(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    guard(PUBLISH)
    receiver.answer = lambda _: no()
    with pytest.raises(CheckRefused):
        commit(post.house, dry_run=True)
    assert receiver.got[0].json["dry_run"] is True


def test_a_large_list_is_told_up_to_a_bound(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    guard(PUBLISH)
    many = tuple(add(f"many/{n:05}.txt", b"same\n") for n in range(1_200))
    publish(post.house, "alice", request_for(*many, contents=(b"same\n",)))
    said = receiver.got[0].json
    assert (len(said["changes"]), said["changes_count"], said["truncated"]) == (1_000, 1_200, True)


def test_a_check_inside_is_not_called_by_default(detector: House, receiver: Receiver) -> None:
    url = receiver.url.replace("127.0.0.1", "127.1")
    asked = NewCheck(str(DETECTOR), url, (PUBLISH,), name="ci")
    detector.run(checks.add(detector.call("root"), asked, dry_run=False))
    with pytest.raises(CheckUnanswered, match="loopback"):
        publish(detector, "alice", request_for(modify("train.py", NEW), contents=(NEW,), prepared=AT1))
    assert receiver.got == []
