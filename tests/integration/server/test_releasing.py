"""Release managers on a real database: labels kept for a group, freezes between Begin and Publish, ended branches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.integration.server.commit_kit import head, lock, locked_paths, modify, publish, request_for, undo
from tests.integration.server.conftest import DETECTOR, NOON, House

from mlv_core.entities import Effect, Group, Rule, SubjectKind
from mlv_core.errors import AlreadyExists, BranchAbandoned, Denied, Frozen, InvalidRequest, NotFound
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, RequestId, WorkspaceId
from mlv_core.releasing import BranchStanding, Freeze, LabelAct
from mlv_core.requests import AcquireRequest, BeginRequest, PublishRequest
from mlv_server.services import (
    branches,
    commits,
    freezes,
    groups,
    labels,
    locks,
    policy,
    policy_documents,
    repositories,
    standings,
)

CODE = b"print(2)\n"


def frozen(branch: str = "", label: str = "", path: str = "", until: int | None = None) -> Freeze:
    return Freeze(0, branch, label, path, "", 0, until, "release week")


def freeze(house: House, wanted: Freeze, user: str = "root") -> Freeze:
    return house.run(freezes.freeze(house.call(user), DETECTOR, wanted, dry_run=False))


def begin(house: House, request: PublishRequest, user: str = "alice") -> None:
    asked = BeginRequest(DETECTOR, request.branch, request.workspace, request.changes, frozenset({1}))
    house.run(commits.begin(house.call(user), asked))


def code() -> PublishRequest:
    return request_for(modify("train.py", CODE), contents=(CODE,))


def add_releasers(house: House, *members: str) -> None:
    def work(tx) -> None:
        tx.groups.add(Group("releasers", (), house.now, "root"))
        group, _ = tx.groups.get("releasers")
        for member in members:
            tx.groups.put_in(group, tx.users.get(member)[0])

    house.db.write_now(work)


def label(house: House, user: str, name: str, at: str = "@1"):
    return house.run(labels.create(house.call(user), DETECTOR, name, at, "notes", dry_run=False))


def move(house: House, user: str, name: str, at: str):
    return house.run(labels.move(house.call(user), DETECTOR, name, at, "the data was wrong", dry_run=False))


def test_labels_of_a_pattern_are_made_by_its_group_alone(detector: House) -> None:
    house = detector
    for name in ("alice", "bob"):
        house.grant("releaser", name)
    with pytest.raises(NotFound):
        house.run(labels.reserve(house.call("root"), DETECTOR, "v*", ("group:releasers",), dry_run=False))
    add_releasers(house, "bob")
    with pytest.raises(Denied):
        house.run(labels.reserve(house.call("bob"), DETECTOR, "v*", ("group:releasers",), dry_run=False))
    kept = house.run(labels.reserve(house.call("root"), DETECTOR, "v*", ("group:RELEASERS",), dry_run=False))
    assert kept.subjects == ("group:releasers",)

    for user in ("alice", "root"):
        with pytest.raises(Denied, match="kept for group:releasers"):
            label(house, user, "v1")
    assert label(house, "bob", "v1").by == "bob"
    assert label(house, "alice", "nightly").by == "alice"
    with pytest.raises(Denied):
        move(house, "root", "v1", "@1")
    with pytest.raises(Denied, match=r"label\.move"):
        move(house, "bob", "v1", "@1")


def test_a_group_that_labels_are_kept_for_stays(detector: House) -> None:
    house = detector
    add_releasers(house, "bob")
    for subjects in (("group:releasers",), ("user:bob",), ("user:bob", "group:releasers")):
        house.run(labels.reserve(house.call("root"), DETECTOR, "v*", subjects, dry_run=False))
    with pytest.raises(InvalidRequest) as refused:
        house.run(groups.delete(house.call("root"), "Releasers", dry_run=False))
    assert refused.value.items == ("fraud/detector: v*",)
    house.run(labels.reserve(house.call("root"), DETECTOR, "V*", (), dry_run=False))
    assert house.run(groups.delete(house.call("root"), "releasers", dry_run=False)).members == ("bob",)


def test_a_moved_label_keeps_all_that_it_named(detector: House) -> None:
    house = detector
    house.commit({"train.py": b"two\n"})
    label(house, "root", "v1")
    move(house, "root", "V1", "@2")
    house.run(labels.delete(house.call("root"), DETECTOR, "v1", "withdrawn", dry_run=False))
    told = house.run(labels.list_history(house.call("rita"), DETECTOR, "v1"))
    assert [(one.act, one.changeset, one.why) for one in told] == [
        (LabelAct.CREATED, 1, "notes"),
        (LabelAct.MOVED, 2, "the data was wrong"),
        (LabelAct.DELETED, 2, "withdrawn"),
    ]
    with pytest.raises(AlreadyExists):
        house.run(branches.create(house.call("alice"), DETECTOR, "v1", None, "", "", dry_run=False))
    with pytest.raises(AlreadyExists, match="withdrawn"):
        label(house, "root", "v1", "@1")
    again = label(house, "root", "v1", "@2")
    assert (again.name, again.moves) == ("v1", 1)


def test_the_same_move_asked_for_again_is_made_once(detector: House) -> None:
    house = detector
    house.commit({"train.py": b"two\n"})
    label(house, "root", "v1")
    call = replace(house.call("root"), named=True)
    first, second = (
        house.run(labels.move(call, DETECTOR, "v1", "@2", "the data was wrong", dry_run=False)) for _ in range(2)
    )
    assert first == second
    assert len(house.run(labels.list_history(house.call("rita"), DETECTOR, "v1"))) == 2


def test_L12_a_freeze_set_between_begin_and_publish_refuses_the_publish(detector: House) -> None:
    house = detector
    request = code()
    begin(house, request)
    freeze(house, frozen("main"))
    with pytest.raises(Frozen, match="release week"):
        publish(house, "alice", request)
    assert head(house) == 1
    with pytest.raises(Frozen):
        begin(house, request)
    house.run(freezes.lift(house.call("root"), DETECTOR, frozen("main"), dry_run=False))
    assert publish(house, "alice", request).changeset == 2


def test_L2_a_freeze_ends_at_its_date_by_the_servers_clock(detector: House) -> None:
    house = detector
    end = house.now + 60_000
    freeze(house, frozen("main", until=end))
    with pytest.raises(Frozen):
        publish(house, "root", replace(code(), workspace=WorkspaceId("")))
    house.now = end - 2_000
    with pytest.raises(Frozen):
        lock(house, "alice", "wa")
    house.now = end
    assert lock(house, "alice", "wa")
    assert publish(house, "alice", code()).changeset == 2
    with pytest.raises(NotFound):
        house.run(freezes.lift(house.call("root"), DETECTOR, frozen("main"), dry_run=False))
    assert house.run(freezes.list_all(house.call("rita"), DETECTOR, ended=False)) == ()
    assert len(house.run(freezes.list_all(house.call("rita"), DETECTOR, ended=True))) == 1


def test_L2_a_lock_that_was_taken_before_is_no_way_around_a_freeze(detector: House) -> None:
    house = detector
    token = lock(house, "alice", "wa")
    freeze(house, frozen(path="*.safetensors"))
    request = request_for(modify("model.safetensors", b"\0two", token=token), contents=(b"\0two",))
    with pytest.raises(Frozen, match=r"model\.safetensors"):
        publish(house, "alice", request)
    with pytest.raises(Frozen):
        lock(house, "alice", "wa")
    assert locked_paths(house) == ["model.safetensors"]
    assert publish(house, "alice", code()).changeset == 2
    freeze(house, frozen(path="*.py"))
    with pytest.raises(Frozen):
        undo(house, first=ChangesetNumber(2), last=ChangesetNumber(2))


def test_a_second_freeze_of_the_same_place_takes_the_place_of_the_first(detector: House) -> None:
    house = detector
    freeze(house, frozen("main"))
    later = freeze(house, replace(frozen("MAIN"), until=house.now + 10_000_000))
    assert later.branch == "main"
    live = house.run(freezes.list_all(house.call("rita"), DETECTOR, ended=False))
    assert [one.id for one in live] == [2]
    first = house.run(freezes.list_all(house.call("rita"), DETECTOR, ended=True))[0]
    assert (first.lifted_by, first.lifted_why) == ("root", freezes.REPLACED)


def test_freezing_is_a_right_of_its_own_and_one_branch_is_not_all_of_them(detector: House) -> None:
    house = detector
    with pytest.raises(Denied):
        freeze(house, frozen("main"), "alice")
    house.grant("maintainer", "alice")
    assert freeze(house, frozen("main"), "alice").by == "alice"
    assert freeze(house, frozen(path="data"), "alice").by == "alice"
    with pytest.raises(NotFound):
        freeze(house, frozen("nowhere"), "alice")
    with pytest.raises(NotFound):
        freeze(house, frozen("main"), "stranger")


def test_a_right_to_freeze_a_part_is_none_to_freeze_the_whole(detector: House) -> None:
    house = detector
    house.run(branches.create(house.call("alice"), DETECTOR, "dev", None, "@1", "", dry_run=False))
    rules = [
        Rule(0, Effect.ALLOW, SubjectKind.USER, "alice", "", ("freeze",), str(DETECTOR), "branch/dev"),
        Rule(0, Effect.ALLOW, SubjectKind.USER, "bob", "", ("freeze",), str(DETECTOR), "*", "data/**"),
    ]
    house.db.write_now(lambda tx: tx.rules.change(tuple(rules), (), "root", NOON))
    for user, refused, allowed in (
        ("alice", [frozen("main"), frozen(path="data"), frozen(label="v1")], frozen("dev", path="*.py")),
        ("bob", [frozen("main"), frozen("dev", path="**"), frozen(path="*.py")], frozen(path="data/train*")),
    ):
        for one in refused:
            with pytest.raises(Denied):
                freeze(house, one, user)
        assert freeze(house, allowed, user).by == user


def test_L11_an_abandoned_branch_lets_go_of_its_locks_and_takes_nothing(detector: House) -> None:
    house = detector
    house.run(branches.create(house.call("alice"), DETECTOR, "dev", None, "@1", "", dry_run=False))
    house.add_workspace("alice", "wd", branch="dev")
    request = replace(code(), branch="dev", workspace=WorkspaceId("wd"))
    publish(house, "alice", request)
    asked = AcquireRequest(
        DETECTOR, "dev", WorkspaceId("wd"), ("train.py",), (hash_content(CODE),), (ChangesetNumber(2),)
    )
    assert house.run(locks.acquire(house.call("alice"), asked)).locks
    lock(house, "bob", "wb")
    assert locked_paths(house) == ["model.safetensors", "train.py"]
    with pytest.raises(Denied):
        house.run(branches.abandon(house.call("alice"), DETECTOR, "dev", "x", dry_run=False))
    house.grant("maintainer", "bob")
    freeze(house, frozen("dev"), "bob")
    with pytest.raises(Frozen):
        house.run(branches.abandon(house.call("bob"), DETECTOR, "dev", "x", dry_run=False))
    house.run(freezes.lift(house.call("bob"), DETECTOR, frozen("dev"), dry_run=False))

    closed, released = house.run(branches.abandon(house.call("bob"), DETECTOR, "dev", "no use", dry_run=False))

    assert (closed.abandoned_by, released) == ("bob", 1)
    assert locked_paths(house) == ["model.safetensors"]
    with pytest.raises(BranchAbandoned, match="no use"):
        publish(house, "alice", replace(request, request_id=RequestId("a" * 36)))
    open_only, all_ = (
        house.run(standings.list_all(house.call("rita"), DETECTOR, abandoned=one)) for one in (False, True)
    )
    assert [one.branch.name for one in open_only] == ["main"]
    assert [(one.branch.name, one.ahead, one.behind) for one in all_] == [("main", 0, 0), ("dev", 1, 0)]
    child = house.run(branches.create(house.call("alice"), DETECTOR, "child", None, "@dev", "", dry_run=False))
    assert child.target == "main"
    assert house.run(branches.reopen(house.call("bob"), DETECTOR, "dev", "", dry_run=False)).abandoned_at is None


def test_how_far_branches_are_apart_counts_versions_over_merges(detector: House) -> None:
    house = detector
    house.run(branches.create(house.call("alice"), DETECTOR, "dev", None, "@1", "", dry_run=False))
    house.commit({"a.txt": b"1\n"})
    house.commit({"a.txt": b"2\n"})
    dev = {one.branch.name: one for one in _standings(house)}["dev"]
    assert (dev.ahead, dev.behind, dev.author) == (0, 2, "someone")


def _standings(house: House) -> tuple[BranchStanding, ...]:
    return house.run(standings.list_all(house.call("rita"), DETECTOR, abandoned=False))


def test_every_act_is_audited_and_told_in_its_transaction(detector: House) -> None:
    house = detector
    label(house, "root", "v1")
    with pytest.raises(InvalidRequest):
        move(house, "root", "v1", "@1")
    freeze(house, frozen("main"))
    house.run(freezes.freeze(house.call("root"), DETECTOR, frozen("main"), dry_run=True))
    house.run(freezes.lift(house.call("root"), DETECTOR, frozen("main"), dry_run=False))
    house.run(labels.reserve(house.call("root"), DETECTOR, "v*", ("user:root",), dry_run=False))

    def told(tx) -> list[str]:
        row = tx.repositories.get(DETECTOR)
        kinds = [event.kind.value for _, _, event in tx.events.after(row.id, 0, 100)]
        return [kind for kind in kinds if kind.startswith(("label.", "freeze."))]

    assert house.db.read_now(told) == ["label.created", "freeze.set", "freeze.lifted", "label.reserved"]


def test_a_template_is_set_up_whole_or_not_at_all(house: House) -> None:
    call = house.host()
    dry = house.run(repositories.create_from(call, DETECTOR, "", "model", dry_run=True))
    assert dry.set_up
    with pytest.raises(InvalidRequest, match="no template"):
        house.run(repositories.create_from(house.host(), DETECTOR, "", "other", dry_run=False))
    with pytest.raises(NotFound):
        house.run(standings.list_all(house.host(), DETECTOR, abandoned=False))
    made = house.run(repositories.create_from(house.host(), DETECTOR, "", "model", dry_run=False))
    assert made.set_up == dry.set_up
    assert any("no such group yet: releasers" in one.what for one in made.set_up)
    rules, _ = house.run(policy.show(house.host(), str(DETECTOR)))
    assert [(rule.effect.name, rule.actions, rule.ref) for rule in rules] == [("REQUIRE", ("write",), "branch/main")]


def test_what_a_template_set_up_is_in_the_policy_document_and_can_be_changed_there(house: House) -> None:
    house.run(repositories.create_from(house.host(), DETECTOR, "", "model", dry_run=False))
    text, version = house.run(policy_documents.show(house.host(), str(DETECTOR), None))
    assert '"/weights/**"' in text
    same = house.run(policy_documents.put(house.host(), str(DETECTOR), text, None, None, "", dry_run=False))
    assert (same.version, same.added, same.removed, same.others) == (version, 0, 0, ())
    open_main = text.partition("[[require]]")[0] + "[[lock]]" + text.partition("[[lock]]")[2]
    changed = house.run(policy_documents.put(house.host(), str(DETECTOR), open_main, None, None, "", dry_run=False))
    assert (changed.added, changed.removed, changed.others) == (0, 1, ())


def test_P4_what_may_not_be_listed_shows_in_no_history_freeze_or_standing(detector: House) -> None:
    house = detector
    house.run(branches.create(house.call("alice"), DETECTOR, "secret", None, "@1", "", dry_run=False))
    label(house, "root", "s1")
    move(house, "root", "s1", str(house.commit({"a.txt": b"1\n"})))
    freeze(house, frozen("secret"))
    freeze(house, frozen(label="s*"))
    freeze(house, frozen(path="secrets/**"))
    house.run(labels.reserve(house.call("root"), DETECTOR, "s*", ("user:root",), dry_run=False))
    seen = _refs_seen(house, "rita")
    assert seen == ["main", "secret", "s1", "s1", "s*", "secret", "s*", "secrets/**"]
    for ref, path in (("branch/secret", "**"), ("label/s*", "**"), ("*", "secrets/**")):
        hide = Rule(0, Effect.DENY, SubjectKind.USER, "rita", "", ("list",), str(DETECTOR), ref, path)
        house.db.write_now(lambda tx, rule=hide: tx.rules.change((rule,), (), "root", NOON))

    assert _refs_seen(house, "rita") == ["main"]
    assert _refs_seen(house, "bob") == seen
    with pytest.raises(NotFound):
        house.run(labels.list_history(house.call("rita"), DETECTOR, "s1"))
    house.grant("maintainer", "rita")
    with pytest.raises(NotFound, match="There is no branch"):
        freeze(house, frozen("secret"), "rita")
    with pytest.raises(NotFound, match="There is no branch"):
        house.run(branches.abandon(house.call("rita"), DETECTOR, "secret", "x", dry_run=False))


def _refs_seen(house: House, user: str) -> list[str]:
    def told(body):
        return house.run(body(house.call(user), DETECTOR))

    return [
        *(one.branch.name for one in house.run(standings.list_all(house.call(user), DETECTOR, abandoned=True))),
        *(one.name for one in house.run(labels.list_history(house.call(user), DETECTOR, ""))),
        *(one.pattern for one in told(labels.list_reservations)),
        *(
            one.branch or one.label or one.path
            for one in house.run(freezes.list_all(house.call(user), DETECTOR, ended=True))
        ),
    ]
