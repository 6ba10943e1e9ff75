"""P4, P5: content that one may not read is not sent, not known and not taken over."""

from __future__ import annotations

import uuid

import pytest
from tests.integration.server.commit_kit import add, modify, publish, request_for
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.sight_kit import (
    CODECS,
    SECRET,
    branch,
    cleared,
    get,
    ls,
    plan,
    rule,
    stock,
)

from mlv_core.entities import Effect
from mlv_core.errors import Denied, HeadMoved, NotFound
from mlv_core.hashing import hash_content
from mlv_core.ids import RequestId, WorkspaceId
from mlv_core.merging import MergeRequest
from mlv_core.requests import (
    Range,
    RangeKind,
)
from mlv_core.shelving import PlanShelfRequest, ShelveRequest
from mlv_server.services import (
    branches,
    commits,
    identity,
    merges,
    repositories,
    shelf_content,
    shelves,
)


@pytest.fixture
def stocked(detector: House) -> House:
    return stock(detector)


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


def merge_of(source: str, into: str = "main") -> MergeRequest:
    request = RequestId(str(uuid.uuid4()))
    return MergeRequest(DETECTOR, request, branch=into, source=source, workspace=WorkspaceId("wb"), message="")


def test_P2_P5_what_may_not_be_read_on_one_branch_is_not_taken_to_another(stocked: House) -> None:
    more = b"\0more"
    branch(stocked, "exp")
    brought = request_for(add("weights/more.bin", more, 2), contents=(more,), prepared=2, branch="exp")
    publish(stocked, "alice", brought)
    branch(stocked, "copy", "@3")
    rule(stocked, Effect.DENY, "bob", ("read",), ref="branch/exp", path="weights/**")
    limited = stocked.run(
        identity.create_token(stocked.call("bob"), "", "", ("write", "branch.create", "list"), None, dry_run=False)
    )[0]
    for call in (stocked.call("bob"), stocked.sign_in(limited)):
        with pytest.raises(Denied) as caught:
            stocked.run(branches.create(call, DETECTOR, "mine", None, "@3", "main", dry_run=False))
        assert caught.value.items == ("weights/more.bin", "weights/secret.bin")
    for source in ("exp", "copy"):
        with pytest.raises(Denied) as caught:
            stocked.run(merges.merge(stocked.call("bob"), merge_of(source)))
        assert caught.value.items == ("weights/more.bin",)

    stocked.run(branches.create(stocked.call("bob"), DETECTOR, "mine", None, "@2", "main", dry_run=False))
    rule(stocked, Effect.DENY, "bob", ("read",), ref="branch/mine*", path="weights/**")
    stocked.run(branches.create(stocked.call("bob"), DETECTOR, "mine2", None, "@3", "main", dry_run=False))
    assert stocked.run(merges.merge(stocked.call("bob"), merge_of("copy", "mine"))).published


def test_P2_P5_no_branch_begins_where_a_rule_forbids_to_read(stocked: House) -> None:
    branch(stocked, "exp")
    brought = request_for(add("docs/b.txt", b"more\n", 2), contents=(b"more\n",), prepared=2, branch="exp")
    publish(stocked, "alice", brought)
    rule(stocked, Effect.DENY, "bob", ("read",), ref="branch/exp")
    with pytest.raises(Denied, match="'read' @3"):
        stocked.run(branches.create(stocked.call("bob"), DETECTOR, "mine", None, "@3", "main", dry_run=False))


def test_P5_what_the_repository_grew_by_is_not_told_to_whoever_may_read_only_a_part(stocked: House) -> None:
    sent = request_for(add("docs/mine.bin", SECRET, 2), contents=(SECRET,), prepared=2, workspace="wb")
    assert publish(stocked, "bob", sent).stored_bytes > 0
    assert stocked.run(repositories.get(stocked.call("bob"), DETECTOR)).stored_bytes > 0

    rule(stocked, Effect.DENY, "bob", ("read",), path="weights/**")
    sent = request_for(add("docs/too.bin", SECRET, 3), contents=(SECRET,), prepared=3, workspace="wb")
    assert [publish(stocked, "bob", sent).stored_bytes for _ in range(2)] == [0, 0]
    found = stocked.run(repositories.get(stocked.call("bob"), DETECTOR))
    assert (found.stored_bytes, found.raw_bytes, found.cache_bytes, found.changesets) == (0, 0, 0, 4)
    assert stocked.run(repositories.get(stocked.call("alice"), DETECTOR)).raw_bytes > 0


def test_P2_a_right_on_one_branch_deletes_no_shelf_of_another(stocked: House) -> None:
    branch(stocked, "exp")
    rule(stocked, Effect.ALLOW, "rita", ("lock.break",), ref="branch/exp")
    shelve(stocked, "alice", "wa", modify("docs/a.txt", b"mine\n", 2), contents=(b"mine\n",))
    with pytest.raises(Denied):
        stocked.run(shelves.remove(stocked.call("rita"), DETECTOR, "alice", "mine"))
    rule(stocked, Effect.ALLOW, "rita", ("lock.break",), ref="branch/main")
    stocked.run(shelves.remove(stocked.call("rita"), DETECTOR, "alice", "mine"))
