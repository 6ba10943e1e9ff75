"""Branches, labels and workspaces on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.integration.server.test_locks import ask

from mlv_core.entities import BranchKind
from mlv_core.errors import AlreadyExists, Denied, InvalidName, InvalidRequest, NotFound
from mlv_core.ids import ChangesetNumber, RepositoryName, WorkspaceId
from mlv_server.services import branches, labels, locks, repositories, workspaces

if TYPE_CHECKING:
    from tests.integration.server.conftest import House

DETECTOR = RepositoryName("fraud", "detector")


def make_branch(
    house: House, name: str, at: str = "", target: str = "", kind: BranchKind | None = None, *, dry_run: bool = False
) -> object:
    return house.run(branches.create(house.call("alice"), DETECTOR, name, kind, at, target, dry_run))


def make_label(house: House, name: str, at: str = "", *, dry_run: bool = False) -> object:
    return house.run(labels.create(house.call("root"), DETECTOR, name, at, "why", dry_run))


def test_a_new_repository_has_main_and_nothing_else(house: House) -> None:
    house.add_repository()
    (main,) = house.run(branches.list_all(house.host(), DETECTOR))
    assert (main.id, main.name, main.kind, main.target, main.head) == (1, "main", BranchKind.MAIN, "", 0)
    shown = house.run(repositories.get(house.host(), DETECTOR))
    assert (shown.changesets, shown.stored_bytes, shown.raw_bytes) == (0, 0, 0)


def test_a_branch_starts_where_asked_and_merges_into_where_it_came_from(detector: House) -> None:
    detector.commit({"train.py": b"two\n"})
    dev = make_branch(detector, "dev", at="@1")
    assert (dev.id, dev.head, dev.origin, dev.target, dev.kind) == (2, 1, 1, "main", BranchKind.EXPERIMENT)
    deep = make_branch(detector, "deep", at="@dev", kind=BranchKind.INTEGRATION)
    assert (deep.head, deep.target, deep.kind) == (1, "dev", BranchKind.INTEGRATION)
    into = make_branch(detector, "fix/1", at="@dev", target="main")
    assert into.target == "main"
    assert make_branch(detector, "newest").head == 2
    listed = detector.run(branches.list_all(detector.call("rita"), DETECTOR))
    assert [branch.name for branch in listed] == ["main", "dev", "deep", "fix/1", "newest"]


def test_branches_and_labels_share_one_case_folded_set_of_names(detector: House) -> None:
    make_branch(detector, "dev")
    make_label(detector, "v1.0")
    for name in ("DEV", "V1.0", "Main"):
        with pytest.raises(AlreadyExists):
            make_branch(detector, name)
        with pytest.raises(AlreadyExists):
            make_label(detector, name)


@pytest.mark.parametrize("name", ["12", "2026-01-01", "head", "a..b", "a:b", "a@b", "", "a b", "-x"])
def test_names_that_read_as_something_else_are_refused(detector: House, name: str) -> None:
    with pytest.raises(InvalidName):
        make_branch(detector, name)
    with pytest.raises(InvalidName):
        make_label(detector, name)


def test_a_second_main_an_unknown_target_and_an_unknown_start_are_refused(detector: House) -> None:
    with pytest.raises(InvalidRequest):
        make_branch(detector, "other", kind=BranchKind.MAIN)
    with pytest.raises(NotFound):
        make_branch(detector, "other", target="nowhere")
    with pytest.raises(NotFound):
        make_branch(detector, "other", at="@99")


def test_a_label_is_immutable_and_needs_a_version(detector: House) -> None:
    label = make_label(detector, "v1.0", at="@1")
    assert (label.changeset, label.message, label.by) == (1, "why", "root")
    detector.commit({"train.py": b"two\n"})
    with pytest.raises(AlreadyExists) as caught:
        make_label(detector, "v1.0", at="@2")
    assert caught.value.exit_code == 9
    make_label(detector, "v1.1")
    listed = detector.run(labels.list_all(detector.call("rita"), DETECTOR))
    assert [(one.name, one.changeset) for one in listed] == [("v1.1", 2), ("v1.0", 1)]

    empty = RepositoryName("fraud", "empty")
    detector.add_repository(empty)
    with pytest.raises(InvalidRequest, match="no version"):
        detector.run(labels.create(detector.call("root"), empty, "v1", "", "", dry_run=False))


def test_the_right_to_label_is_a_right_of_its_own(detector: House) -> None:
    with pytest.raises(Denied):
        detector.run(labels.create(detector.call("alice"), DETECTOR, "v1", "", "", dry_run=False))
    detector.grant("releaser", "rita")
    assert detector.run(labels.create(detector.call("rita"), DETECTOR, "v1", "@1", "", dry_run=False)).by == "rita"
    with pytest.raises(Denied):
        detector.run(branches.create(detector.call("rita"), DETECTOR, "b", None, "", "", dry_run=False))


def test_a_dry_run_makes_no_branch_and_no_label(detector: House) -> None:
    assert make_branch(detector, "dev", dry_run=True).name == "dev"
    assert make_label(detector, "v1", dry_run=True).name == "v1"
    assert len(detector.run(branches.list_all(detector.call("rita"), DETECTOR))) == 1
    assert detector.run(labels.list_all(detector.call("rita"), DETECTOR)) == ()
    assert make_branch(detector, "dev").id == 2
    house_events = detector.db.read_now(lambda tx: tx.events.after(1, 0, 100))
    told = [event.kind.value for _, _, event in house_events]
    assert [kind for kind in told if not kind.startswith("policy.")] == ["branch.created"]


def test_workspaces_are_registered_moved_and_seen_by_all(detector: House) -> None:
    detector.run(
        workspaces.register(
            detector.call("alice"), DETECTOR, WorkspaceId("wa"), "laptop", "/home/a", "MAIN", ChangesetNumber(1)
        )
    )
    listed = detector.run(workspaces.list_all(detector.call("rita"), DETECTOR))
    assert len(listed) == 3
    assert (listed[0].owner, listed[0].host, listed[0].branch, listed[0].base) == ("alice", "laptop", "main", 1)


def test_a_workspace_is_its_owners(detector: House) -> None:
    where = (DETECTOR, WorkspaceId("wa"), "h", "/w", "main", ChangesetNumber(0))
    with pytest.raises(Denied):
        detector.run(workspaces.register(detector.call("bob"), *where))
    with pytest.raises(Denied):
        detector.run(workspaces.remove(detector.call("bob"), DETECTOR, WorkspaceId("wa")))
    with pytest.raises(NotFound):
        detector.run(workspaces.register(detector.call("alice"), *where[:-1], ChangesetNumber(7)))


def test_L11_removing_a_workspace_releases_its_locks(detector: House) -> None:
    detector.run(locks.acquire(detector.call("alice"), ask("model.safetensors", have=b"\0one")))
    assert detector.run(workspaces.remove(detector.call("alice"), DETECTOR, WorkspaceId("wa"))) == 1
    assert detector.run(locks.list_all(detector.call("rita"), DETECTOR, "", (), "")) == ()
    with pytest.raises(NotFound):
        detector.run(workspaces.remove(detector.call("alice"), DETECTOR, WorkspaceId("wa")))
