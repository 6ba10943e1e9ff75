"""Approvals, as a team uses them: a version is approved by others, and only then merged or labelled (P3)."""

from __future__ import annotations

import pytest
from tests.cli.people import Typist, changed
from tests.servers import Team


@pytest.fixture
def admin(team: Team, tmp_path) -> Typist:
    return Typist(team.admin.name, team.admin.config, tmp_path)


def require(admin: Typist, repository: str, text: str) -> None:
    document = admin.mlv("policy", "show", repository, "--toml") + text
    admin.write("policy.toml", document.encode())
    admin.mlv("policy", "set", repository, "policy.toml")


@pytest.fixture
def crew(admin, pair, member, repository):
    """Main at @1, a branch with a version of a contributor, and two who may approve merges into main."""
    _, author = pair
    reviewers = []
    for _ in range(2):
        user = member("reader")
        reviewers.append(Typist(user.name, user.config, admin.here))
    by = ", ".join(f'"{one.name}"' for one in [*reviewers, author])
    require(
        admin,
        repository,
        f'[[require]]\nactions = ["merge", "write"]\nref = "branch/main"\napprovals = 2\nby = [{by}]\n',
    )
    author.mlv("branch", "fix")
    author.mlv("switch", "fix")
    author.write("train.py", changed(3, b"better"))
    author.mlv("commit", "-m", "better")
    return author, reviewers


def test_P3_a_merge_waits_for_approvals_of_others(admin, crew, repository):
    author, (first, second) = crew
    refused = author.json("merge", "fix", "--into", "main", code=5)
    assert refused["code"] == "APPROVAL_NEEDED"
    assert "'merge' of @2" in refused["message"]
    (missing,) = refused["items"]
    assert "2 more of 2 approvals by" in missing
    assert f"author {author.name} cannot" in missing
    assert "mlv approve @2" in refused["advice"]
    assert author.json("approve", "@2", code=5)["code"] == "DENIED"

    given = first.json("approve", "fix", "-m", "read it all", "--repo", repository)
    assert (given["changeset"], given["by"], given["message"], given["withdrawn"]) == (
        2,
        first.name,
        "read it all",
        False,
    )
    again = author.json("merge", "fix", "--into", "main", code=5)
    assert f"1 more of 2 approvals by {first.name}" in again["items"][0]
    assert f"given by {first.name}" in again["items"][0]

    admin.mlv("approve", "@2", "--repo", repository)
    author.json("merge", "fix", "--into", "main", code=5)
    second.mlv("approve", "@2", "--repo", repository)
    assert author.json("merge", "fix", "--into", "main", "-n")["dry_run"]
    assert author.json("merge", "fix", "--into", "main")["changeset"] == 3
    listed = author.json("approvals")
    assert {one["by"] for one in listed} == {first.name, second.name, "admin"}
    assert "read it all" in author.mlv("approvals", "@2")


def test_P3_what_is_committed_after_an_approval_was_not_approved(crew, repository):
    author, reviewers = crew
    for one in reviewers:
        one.mlv("approve", "fix", "--repo", repository)
    author.write("train.py", changed(4, b"and more"))
    author.mlv("commit", "-m", "more")
    refused = author.json("merge", "fix", "--into", "main", code=5)
    assert "of @3" in refused["message"]
    assert "2 more of 2" in refused["items"][0]


def test_P3_who_wrote_any_of_it_is_an_author(admin, crew, workspace, member, repository):
    _, reviewers = crew
    first, second = reviewers
    admin.mlv("policy", "grant", "contributor", first.name, repository)
    own = workspace(type("U", (), {"name": first.name, "config": first.config})(), "--branch", "fix")
    own.write("train.py", changed(9, b"mine"))
    own.mlv("commit", "-m", "also mine")
    helper = member("contributor")
    other = workspace(helper, "--branch", "fix")
    other.write("train.py", changed(9, b"his"))
    other.mlv("commit", "-m", "last")
    for one in reviewers:
        one.mlv("approve", "fix", "--repo", repository)
    missing = other.json("merge", "fix", "--into", "main", code=5)["items"][0]
    assert "1 more of 2" in missing
    assert f"given by {second.name}" in missing


def test_P3_changes_land_only_by_a_merge(crew, pair):
    author, _ = crew
    author.mlv("switch", "main")
    author.write("train.py", changed(1, b"straight"))
    refused = author.json("commit", "-m", "straight", code=5)
    assert "changes land there only by a merge" in refused["message"]
    assert "mlv branch" in refused["advice"]


def test_P3_an_approval_can_be_taken_back(admin, crew, repository):
    author, reviewers = crew
    for one in reviewers:
        one.mlv("approve", "fix", "--repo", repository)
    text = reviewers[0].mlv("approve", "fix", "--withdraw", "--repo", repository)
    assert text == f"@2 is no longer approved by {reviewers[0].name}\n"
    assert "1 more of 2" in author.json("merge", "fix", "--into", "main", code=5)["items"][0]
    assert reviewers[0].json("approve", "fix", "--withdraw", "--repo", repository, code=9)["code"] == "NOT_FOUND"
    assert admin.json("approve", "@2", "-n", "--repo", repository)["dry_run"]
    assert [one["by"] for one in author.json("approvals")] == [reviewers[1].name]
    actions = {one["action"] for one in admin.json("audit", "log", repository)}
    assert {"approval.given", "approval.withdrawn"} <= actions
    told = admin.mlv("watch", repository, "--after", "0", "--once", "--kind", "approval", "--json")
    assert told.count("approval.given") == 2


def test_P3_who_can_no_longer_sign_in_approves_nothing(admin, crew, repository):
    author, reviewers = crew
    for one in reviewers:
        one.mlv("approve", "fix", "--repo", repository)
    admin.mlv("user", "disable", reviewers[1].name)
    assert "1 more of 2" in author.json("merge", "fix", "--into", "main", code=5)["items"][0]


def test_P3_a_label_waits_for_approvals_of_its_version(admin, crew, repository):
    _, reviewers = crew
    require(
        admin,
        repository,
        f'[[require]]\nactions = ["label.create"]\nref = "label/v*"\napprovals = 1\nby = "{reviewers[0].name}"\n',
    )
    refused = admin.json("label", "v1", "@2", "--repo", repository, code=5)
    assert (refused["code"], "'label.create' of @2" in refused["message"]) == ("APPROVAL_NEEDED", True)
    admin.mlv("label", "candidate", "@2", "--repo", repository)
    reviewers[0].mlv("approve", "@2", "--repo", repository)
    assert admin.json("label", "v1", "@2", "--repo", repository)["changeset"] == 2


def test_P3_an_explanation_tells_what_is_asked_for(admin, crew, repository):
    author, _ = crew
    found = admin.json("policy", "explain", author.name, "merge", f"{repository}:main")
    assert found["allowed"]
    assert "asks for 2 approvals by" in found["reason"]
    assert [one["weight"] for one in found["rules"]] == ["decides", "requires"]
    assert "asks for approvals" in admin.mlv("policy", "explain", author.name, "merge", f"{repository}:main")


def test_P4_what_may_not_be_read_cannot_be_approved(crew, member, admin, repository):
    auditor = member("reader")
    typist = Typist(auditor.name, auditor.config, admin.here)
    require(
        admin,
        repository,
        f'[[deny]]\nwho = "{auditor.name}"\nactions = ["list", "read", "meta.read"]\nref = "branch/fix"\n',
    )
    assert typist.json("approve", "@2", "--repo", repository, code=9)["code"] == "NOT_FOUND"
    assert typist.json("approvals", "--repo", repository) == []


def test_P3_a_group_approves_whoever_is_in_it_now(admin, crew, repository):
    author, (first, _) = crew
    group = f"reviewers-of-{repository.replace('/', '-')}"
    admin.mlv("group", "add", group)
    admin.mlv("group", "add-member", group, first.name)
    require(admin, repository, f'[[require]]\nactions = "label.create"\napprovals = 1\nby = "group:{group}"\n')
    first.mlv("approve", "@2", "--repo", repository)
    admin.mlv("group", "remove-member", group, first.name)
    assert f"by group:{group}" in admin.json("label", "v1", "@2", "--repo", repository, code=5)["items"][0]
    assert "rule" in admin.json("group", "delete", group, code=2)["message"]
    admin.mlv("group", "add-member", group, first.name)
    admin.mlv("label", "v1", "@2", "--repo", repository)
    assert author.json("approvals", "@2")[0]["by"] == first.name
